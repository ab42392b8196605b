#include "unit.h"

#include <math.h>

#include "model/tokenizer.h"

static void add(struct mm_tokenizer *t, const char *text, float score, uint8_t type)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_add_piece(t, text, strlen(text), score, type, &diags), 0);
    mm_diags_release(&diags);
}

/* Pieces "<unk>" "<0x0A>" "a" "b" "" */
static struct mm_tokenizer sample(enum mm_tokenizer_kind kind)
{
    struct mm_tokenizer t = {.kind = kind, .has_scores = true, .has_types = true};
    add(&t, "<unk>", 0, MM_PIECE_UNKNOWN);
    add(&t, "<0x0A>", 0, MM_PIECE_BYTE);
    add(&t, "a", -1, MM_PIECE_NORMAL);
    add(&t, "b", -2, MM_PIECE_NORMAL);
    add(&t, "", 0, MM_PIECE_UNUSED);
    return t;
}

/* Judges T, which is then released. EXPECTED counts the findings, all of them at OFFSET. */
static void check_errors(const char *what, struct mm_tokenizer *t, unsigned expected)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    int result = mm_tokenizer_check(t, 640, &diags);
    check_number(what, diags.count, expected);
    check_true(what, (result == 0) == (expected == 0));
    for (size_t i = 0; i < diags.count; i++) {
        check_text(what, mm_rule_info(diags.items[i].rule)->name, "slm-tokenizer");
        check_true(what, diags.items[i].at_offset && diags.items[i].offset == 640);
    }
    mm_diags_release(&diags);
    mm_tokenizer_release(t);
}

static void set(struct mm_tokenizer *t, uint32_t number, uint32_t value)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_set(t, number, value, &diags), 0);
    mm_diags_release(&diags);
}

static void merge(struct mm_tokenizer *t, uint32_t left, uint32_t right)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_add_merge(t, left, right, &diags), 0);
    mm_diags_release(&diags);
}

static void pieces_are_kept(void **state)
{
    struct mm_tokenizer t = sample(MM_TOKENIZER_LLAMA);
    (void)state;
    check_number("pieces", t.piece_count, 5);
    check_number("bytes", t.texts.length, 13);
    check_true("a text", t.pieces[1].length == 6 && memcmp(mm_piece_text(&t, 1), "<0x0A>", 6) == 0);
    check_true("a score", t.pieces[3].score == -2);
    check_number("an empty one", t.pieces[4].length, 0);
    check_errors("sound", &t, 0);
    check_true("released", t.pieces == NULL && t.piece_count == 0);
}

static void settings_are_sorted(void **state)
{
    struct mm_tokenizer t = sample(MM_TOKENIZER_LLAMA);
    uint32_t value;
    (void)state;
    set(&t, 33, 1);
    set(&t, 1, 2);
    set(&t, 2, MM_TOKEN_NONE);
    set(&t, 1, 3);
    check_number("settings", t.setting_count, 3);
    check_true("in order", t.settings[0].number == 1 && t.settings[1].number == 2 && t.settings[2].number == 33);
    check_true("replaced", mm_tokenizer_get(&t, 1, &value) && value == 3);
    check_true("not stated", !mm_tokenizer_get(&t, 3, &value));
    check_errors("sound", &t, 0);
}

static void the_table_of_settings_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 0; i < MM_TOKENIZER_SETTING_COUNT; i++) {
        const struct mm_setting_info *info = &mm_tokenizer_settings[i];
        check_true(info->gguf, i == 0 || info[-1].number < info->number);
        check_true(info->gguf, mm_tokenizer_setting(info->number) == info && mm_tokenizer_setting_of(info->gguf) == info);
        check_true(info->gguf, info->token == (strstr(info->gguf, "_token_id") != NULL));
    }
    check_true("another number", !mm_tokenizer_setting(0) && !mm_tokenizer_setting(16) && !mm_tokenizer_setting(UINT32_MAX));
    check_true("another key", !mm_tokenizer_setting_of("model") && !mm_tokenizer_setting_of(""));
}

static void limits_are_findings(void **state)
{
    struct mm_tokenizer t = {.kind = MM_TOKENIZER_LLAMA};
    struct mm_diags diags;
    char *text = calloc(1, MM_TOKENIZER_PIECE_MAX + 1);
    (void)state;
    assert_non_null(text);
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_add_piece(&t, text, MM_TOKENIZER_PIECE_MAX, 0, 1, &diags), 0);
    assert_int_equal(mm_tokenizer_add_piece(&t, text, MM_TOKENIZER_PIECE_MAX + 1, 0, 1, &diags), -1);
    check_findings("a long piece", &diags, "io-limit");
    for (uint32_t i = 1; i <= MM_TOKENIZER_SETTINGS_MAX; i++)
        set(&t, i, 0);
    assert_int_equal(mm_tokenizer_set(&t, 0, 0, &diags), -1);
    check_findings("many settings", &diags, "io-limit");
    set(&t, 7, 1);
    for (uint32_t i = 0; i < MM_TOKENIZER_MERGES_MAX; i++)
        merge(&t, i, i);
    assert_int_equal(mm_tokenizer_add_merge(&t, 0, 1, &diags), -1);
    check_findings("many merges", &diags, "io-limit");
    for (uint32_t i = 1; i < MM_TOKENIZER_PIECES_MAX; i++)
        assert_int_equal(mm_tokenizer_add_piece(&t, text, 0, 0, 1, &diags), 0);
    assert_int_equal(mm_tokenizer_add_piece(&t, text, 0, 0, 1, &diags), -1);
    check_findings("many pieces", &diags, "io-limit");
    mm_tokenizer_release(&t);
    for (size_t i = 0; i < MM_TOKENIZER_TEXTS_MAX / MM_TOKENIZER_PIECE_MAX; i++)
        assert_int_equal(mm_tokenizer_add_piece(&t, text, MM_TOKENIZER_PIECE_MAX, 0, 1, &diags), 0);
    assert_int_equal(mm_tokenizer_add_piece(&t, text, MM_TOKENIZER_PIECE_MAX, 0, 1, &diags), -1);
    check_findings("many bytes", &diags, "io-limit");
    mm_tokenizer_release(&t);
    mm_diags_release(&diags);
    free(text);
}

static void kinds_and_counts(void **state)
{
    struct mm_tokenizer t = sample(0);
    (void)state;
    check_errors("no kind", &t, 1);
    t = sample(3);
    check_errors("another kind", &t, 1);
    t = sample(MM_TOKENIZER_LLAMA);
    merge(&t, 2, 3);
    check_errors("merges of llama", &t, 1);
    t = (struct mm_tokenizer){.kind = MM_TOKENIZER_GPT2};
    check_errors("no pieces", &t, 1);
}

static void pieces_are_judged(void **state)
{
    static const char *const not_bytes[] = {"<0xab>", "x", "<0x0A", "<0x0A>>", "<0xG0>", "<0x0 >", "0x0A>>", "<0X0A>"};
    struct mm_tokenizer t;
    (void)state;
    t = sample(MM_TOKENIZER_LLAMA);
    add(&t, "c", INFINITY, MM_PIECE_NORMAL);
    add(&t, "d", NAN, MM_PIECE_NORMAL);
    check_errors("scores that are no numbers", &t, 2);
    t = sample(MM_TOKENIZER_LLAMA);
    add(&t, "c", NAN, MM_PIECE_NORMAL);
    t.has_scores = false;
    check_errors("unless they do not count", &t, 0);
    t = sample(MM_TOKENIZER_LLAMA);
    add(&t, "c", 0, 0);
    add(&t, "d", 0, 7);
    check_errors("types that there are not", &t, 2);
    for (size_t i = 0; i < COUNT_OF(not_bytes); i++) {
        t = sample(MM_TOKENIZER_LLAMA);
        add(&t, not_bytes[i], 0, MM_PIECE_BYTE);
        check_errors(not_bytes[i], &t, 1);
        t = sample(MM_TOKENIZER_GPT2);
        add(&t, not_bytes[i], 0, MM_PIECE_BYTE);
        check_errors("bytes of gpt2 are spelled otherwise", &t, 0);
    }
    t = sample(MM_TOKENIZER_LLAMA);
    add(&t, "<0xFF>", 0, MM_PIECE_BYTE);
    add(&t, "", 0, MM_PIECE_UNUSED);
    check_errors("a byte; two empty pieces", &t, 0);
    t = sample(MM_TOKENIZER_LLAMA);
    add(&t, "a", 0, MM_PIECE_NORMAL);
    add(&t, "b", 0, MM_PIECE_NORMAL);
    check_errors("two pieces twice", &t, 2);
}

static void merges_are_judged(void **state)
{
    static const struct { const char *what; uint32_t left, right; unsigned errors; } cases[] = {
        {"sound", 2, 3, 0},           {"the other way round", 3, 2, 0}, {"a left that is not there", 5, 2, 1},
        {"a right that is not", 2, UINT32_MAX, 1}, {"an empty left", 4, 2, 1},       {"an empty right", 2, 4, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_tokenizer t = sample(MM_TOKENIZER_GPT2);
        merge(&t, cases[i].left, cases[i].right);
        check_errors(cases[i].what, &t, cases[i].errors);
    }
    struct mm_tokenizer t = sample(MM_TOKENIZER_GPT2);
    merge(&t, 2, 3);
    merge(&t, 3, 2);
    merge(&t, 2, 3);
    check_errors("twice", &t, 1);
}

static void settings_are_judged(void **state)
{
    static const struct { const char *what; uint32_t number, value; unsigned errors; } cases[] = {
        {"a token", 1, 4, 0},     {"no such token", 1, MM_TOKEN_NONE, 0}, {"a token that is not there", 1, 5, 1}, {"off", 32, 0, 0},
        {"on", 32, 1, 0},         {"neither", 32, 2, 1},                  {"neither of both", 32, MM_TOKEN_NONE, 1}, {"number 0", 0, 0, 1},
        {"another number", 31, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_tokenizer t = sample(MM_TOKENIZER_LLAMA);
        set(&t, cases[i].number, cases[i].value);
        check_errors(cases[i].what, &t, cases[i].errors);
    }
    struct mm_tokenizer t = sample(MM_TOKENIZER_LLAMA);
    t.settings[0] = (struct mm_setting){2, 0};
    t.settings[1] = (struct mm_setting){1, 0};
    t.settings[2] = (struct mm_setting){1, 0};
    t.setting_count = 3;
    check_errors("out of order, and twice", &t, 2);
}

static void pre_tokenizers_are_words(void **state)
{
    static const struct { const char *name; unsigned errors; } cases[] = {
        {"", 0}, {"gpt-2", 0}, {"llama-bpe", 0}, {"a.b_c-9", 0}, {"GPT-2", 1}, {"a b", 1}, {"\xC3\xA9", 1}, {"a\n", 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_tokenizer t = sample(MM_TOKENIZER_GPT2);
        snprintf(t.pre, sizeof t.pre, "%s", cases[i].name);
        check_errors(cases[i].name, &t, cases[i].errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_kept),
        cmocka_unit_test(settings_are_sorted),
        cmocka_unit_test(the_table_of_settings_is_sorted),
        cmocka_unit_test(limits_are_findings),
        cmocka_unit_test(kinds_and_counts),
        cmocka_unit_test(pieces_are_judged),
        cmocka_unit_test(merges_are_judged),
        cmocka_unit_test(settings_are_judged),
        cmocka_unit_test(pre_tokenizers_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
