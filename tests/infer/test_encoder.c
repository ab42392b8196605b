#include "../unit/unit.h"

#include "convert/special.h"
#include "infer/encoder.h"

#define BLANK MM_PIECE_SPACE

struct fixture {
    struct mm_tokenizer tokenizer;
    struct mm_encoder *encoder;
    struct mm_diags diags;
};

static void begin(struct fixture *f, enum mm_tokenizer_kind kind, const char *pre)
{
    *f = (struct fixture){.tokenizer = {.kind = kind, .has_scores = kind == MM_TOKENIZER_LLAMA, .has_types = true}};
    strcpy(f->tokenizer.pre, pre);
    mm_diags_init(&f->diags);
}

static uint32_t add(struct fixture *f, const char *text, float score, uint8_t type)
{
    assert_int_equal(mm_tokenizer_add_piece(&f->tokenizer, text, strlen(text), score, type, &f->diags), 0);
    return (uint32_t)f->tokenizer.piece_count - 1;
}

static void set(struct fixture *f, uint32_t number, uint32_t value)
{
    assert_int_equal(mm_tokenizer_set(&f->tokenizer, number, value, &f->diags), 0);
}

static void make(struct fixture *f)
{
    assert_int_equal(mm_tokenizer_check(&f->tokenizer, 0, &f->diags), 0);
    assert_int_equal(mm_encoder_new(&f->encoder, &f->tokenizer, &f->diags), 0);
}

static void end(struct fixture *f)
{
    mm_encoder_free(f->encoder);
    mm_tokenizer_release(&f->tokenizer);
    mm_diags_release(&f->diags);
}

/* The tokens of a text as pieces with '|' between them, control pieces spelled out. */
static void expect_pieces(struct fixture *f, const char *text, size_t length, unsigned flags, const char *wanted)
{
    struct mm_tokens tokens = {0};
    struct mm_buf found = {0};
    assert_int_equal(mm_encode(f->encoder, text, length, flags, &tokens, &f->diags), 0);
    for (size_t i = 0; i < tokens.count; i++) {
        assert_true(tokens.ids[i] < f->tokenizer.piece_count);
        mm_buf_str(&found, i ? "|" : "");
        mm_buf_add(&found, mm_piece_text(&f->tokenizer, tokens.ids[i]), f->tokenizer.pieces[tokens.ids[i]].length);
    }
    assert_string_equal(mm_buf_text(&found), wanted);
    mm_buf_release(&found);
    mm_tokens_release(&tokens);
}
#define EXPECT(f, text, flags, wanted) expect_pieces(f, text, sizeof(text) - 1, flags, wanted)

static void expect_text(struct fixture *f, const uint32_t *ids, size_t count, bool beginning, bool special,
                        const char *wanted)
{
    struct mm_buf text = {0};
    assert_int_equal(mm_decode(f->encoder, ids, count, beginning, special, &text, &f->diags), 0);
    assert_int_equal(text.length, strlen(wanted));
    assert_string_equal(mm_buf_text(&text), wanted);
    mm_buf_release(&text);
}

static void add_bytes(struct fixture *f)
{
    char name[8];
    for (unsigned byte = 0; byte < 256; byte++) {
        snprintf(name, sizeof name, "<0x%02X>", byte);
        add(f, name, 0, MM_PIECE_BYTE);
    }
}

/* ---- kind llama ---- */

enum { UNK, BOS, EOS, FIRST_BYTE };

static void begin_llama(struct fixture *f)
{
    begin(f, MM_TOKENIZER_LLAMA, "");
    add(f, "<unk>", 0, MM_PIECE_UNKNOWN);
    add(f, "<s>", 0, MM_PIECE_CONTROL);
    add(f, "</s>", 0, MM_PIECE_CONTROL);
    add_bytes(f);
    static const struct {
        const char *text;
        float score;
    } rows[] = {{BLANK, -5}, {"a", -5},       {"b", -5}, {"c", -5},    {"ab", -2},    {"bc", -1}, {"abc", -3},
                {"aa", -2},  {BLANK "a", -4}, {"x", -5}, {"xx", 0.0f}, {"yx", -0.0f}, {"y", -5}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add(f, rows[i].text, rows[i].score, MM_PIECE_NORMAL);
}

static void the_best_score_is_joined_first(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    make(&f);
    EXPECT(&f, "abc", 0, BLANK "|abc");
    EXPECT(&f, "acb", 0, BLANK "a|c|b");
    EXPECT(&f, "babc", 0, BLANK "|b|abc");
    EXPECT(&f, "baaa", 0, BLANK "|b|aa|a"); /* of equals the leftmost */
    EXPECT(&f, "yxx", 0, BLANK "|yx|x");    /* both zeros are equal */
    EXPECT(&f, "", 0, "");
    EXPECT(&f, "", MM_ENCODE_AROUND, "<s>");
    EXPECT(&f, " a", 0, BLANK "|" BLANK "a");
    end(&f);
}

static void bytes_spell_what_no_piece_does(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    set(&f, MM_SETTING_SPACE_PREFIX, 0);
    make(&f);
    EXPECT(&f, "d\n", 0, "<0x64>|<0x0A>");
    EXPECT(&f, "\xc3\xa9", 0, "<0xC3>|<0xA9>");
    EXPECT(&f, "a\xff\x80\xe4", 0, "a|<0xFF>|<0x80>|<0xE4>"); /* not UTF-8 */
    EXPECT(&f, "a\0b", 0, "a|<0x00>|b");
    EXPECT(&f,
           "\xe4"
           "bc",
           0, "<0xE4>|<0x62>|<0x63>"); /* a character is as long as its first byte says */
    end(&f);
}

static void without_bytes_a_text_may_have_no_tokens(void **state)
{
    struct fixture f;
    struct mm_tokens tokens = {0};
    (void)state;
    begin(&f, MM_TOKENIZER_LLAMA, "");
    add(&f, "a", 0, MM_PIECE_NORMAL);
    add(&f, BLANK, 0, MM_PIECE_NORMAL);
    add(&f, "\n", 0, MM_PIECE_NORMAL);
    make(&f);
    EXPECT(&f, "a\n", 0, BLANK "|a|\n");
    assert_int_equal(mm_encode(f.encoder, "b", 1, 0, &tokens, &f.diags), -1);
    assert_int_equal(f.diags.items[0].rule, MM_RULE_INFER_TOKENS);
    mm_tokens_release(&tokens);
    end(&f);
}

static void spaces_before_and_in_a_text(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    add(&f, "<|u|>", 0, MM_PIECE_USER_DEFINED);
    set(&f, MM_SETTING_REMOVE_SPACES, 1);
    make(&f);
    EXPECT(&f, "  a   b ", 0, BLANK "a|" BLANK "|b");
    EXPECT(&f, "   ", 0, "");
    EXPECT(&f, "a<|u|>a", 0, BLANK "a|<|u|>|" BLANK "a"); /* behind a token comes a beginning */
    EXPECT(&f, "<|u|>a", MM_ENCODE_AROUND, "<s>|<|u|>|" BLANK "a");
    end(&f);
}

static void what_stands_around_a_text(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    set(&f, MM_SETTING_BOS, EOS);
    set(&f, MM_SETTING_ADD_EOS, 1);
    make(&f);
    EXPECT(&f, "a", MM_ENCODE_AROUND, "</s>|" BLANK "a|</s>");
    EXPECT(&f, "a", 0, BLANK "a");
    assert_int_equal(mm_encoder_bos(f.encoder), EOS);
    end(&f);
    begin_llama(&f);
    set(&f, MM_SETTING_BOS, MM_TOKEN_NONE); /* then as if it were not stated */
    set(&f, MM_SETTING_ADD_BOS, 0);
    make(&f);
    EXPECT(&f, "a", MM_ENCODE_AROUND, BLANK "a");
    assert_int_equal(mm_encoder_bos(f.encoder), BOS);
    end(&f);
}

static void added_tokens_come_before_all(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    add(&f, "<|im_end|>", 0, MM_PIECE_NORMAL); /* known by its name */
    add(&f, "bc|", 0, MM_PIECE_USER_DEFINED);
    add(&f, "aab", 0, MM_PIECE_USER_DEFINED);
    add(&f, "cc", 0, MM_PIECE_USER_DEFINED);
    add(&f, "ccc", 0, MM_PIECE_USER_DEFINED);
    make(&f);
    EXPECT(&f, "<s>", MM_ENCODE_SPECIAL, "<s>");
    EXPECT(&f, "<s>", 0, BLANK "|<0x3C>|<0x73>|<0x3E>");
    EXPECT(&f, "aab", 0, "aab");
    EXPECT(&f, "aabc|", 0, BLANK "|aa|bc|"); /* of one length, the lower number */
    EXPECT(&f, "cccc", 0, "ccc|" BLANK "|c");
    EXPECT(&f, "ccccc", 0, "ccc|cc");
    EXPECT(&f, "a<|im_end|>", MM_ENCODE_SPECIAL, BLANK "a|<|im_end|>");
    EXPECT(&f, "<unk>", MM_ENCODE_SPECIAL, "<unk>");
    end(&f);
}

/* Where a longer token lies over the end of another, the place has its next shorter one. */
static void longer_tokens_win_wherever_they_stand(void **state)
{
    static const char *const added[] = {"rsttt", "pqrs", "pq", "p", "opqr"};
    struct fixture f;
    (void)state;
    begin_llama(&f);
    for (size_t i = 0; i < COUNT_OF(added); i++)
        add(&f, added[i], 0, MM_PIECE_USER_DEFINED);
    make(&f);
    EXPECT(&f, "pqrsttt", 0, "pq|rsttt");
    EXPECT(&f, "pqrst", 0, "pqrs|" BLANK "|<0x74>");
    EXPECT(&f, "opqrsttt", 0, BLANK "|<0x6F>|pq|rsttt");
    EXPECT(&f, "opqrs", 0, BLANK "|<0x6F>|pqrs");
    EXPECT(&f, "pp", 0, "p|p");
    end(&f);
}

static void models_called_phi3_leave_out_space_behind_tokens(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    add(&f, "<|u|>", 0, MM_PIECE_USER_DEFINED);
    make(&f);
    EXPECT(&f, "<|u|> \n a<s> a", MM_ENCODE_SPECIAL,
           "<|u|>|" BLANK "|" BLANK "|<0x0A>|" BLANK "a|<s>|" BLANK "|" BLANK "a");
    mm_encoder_named(f.encoder, "My-Phi3-mini");
    EXPECT(&f, "<|u|> \n a<s> a", MM_ENCODE_SPECIAL, "<|u|>|" BLANK "a|<s>|" BLANK "|" BLANK "a");
    EXPECT(&f, "<|u|> <|u|>  ", 0, "<|u|>|<|u|>");
    end(&f);
}

static void tokens_become_text_again(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    uint32_t unused = add(&f, "zz", 0, MM_PIECE_UNUSED), user = add(&f, BLANK "u", 0, MM_PIECE_USER_DEFINED);
    make(&f);
    uint32_t a = FIRST_BYTE + 256 + 8, b = FIRST_BYTE + 256 + 2;
    expect_text(&f, (uint32_t[]){a, b}, 2, true, false, "ab");
    expect_text(&f, (uint32_t[]){a, b}, 2, false, false, " ab");
    expect_text(&f, (uint32_t[]){BOS, a, a}, 3, true, false, "a a");
    expect_text(&f, (uint32_t[]){BOS, a}, 2, true, true, "<s> a");
    expect_text(&f, (uint32_t[]){FIRST_BYTE + 0xc3, FIRST_BYTE + 0xa9}, 2, true, false, "\xc3\xa9");
    expect_text(&f, (uint32_t[]){FIRST_BYTE + 0xff}, 1, true, false, "\xff");
    expect_text(&f, (uint32_t[]){unused, user, 1u << 30, UNK}, 4, true, false, BLANK "u");
    expect_text(&f, NULL, 0, true, true, "");
    end(&f);
}

static void ends_are_named_or_known(void **state)
{
    struct fixture f;
    (void)state;
    begin_llama(&f);
    uint32_t known = add(&f, "<|eot_id|>", 0, MM_PIECE_CONTROL), end_of_part = add(&f, "<|end|>", 0, MM_PIECE_CONTROL);
    set(&f, MM_SETTING_EOS, EOS);
    make(&f);
    assert_true(mm_encoder_ends(f.encoder, EOS) && mm_encoder_ends(f.encoder, known));
    assert_true(mm_encoder_ends(f.encoder, end_of_part));
    assert_false(mm_encoder_ends(f.encoder, BOS) || mm_encoder_ends(f.encoder, MM_TOKEN_NONE));
    end(&f);
    begin_llama(&f);
    end_of_part = add(&f, "<|end|>", 0, MM_PIECE_CONTROL);
    add(&f, "<|return|>", 0, MM_PIECE_CONTROL);
    add(&f, "<|call|>", 0, MM_PIECE_CONTROL);
    make(&f);
    assert_false(mm_encoder_ends(f.encoder, end_of_part));
    end(&f);
}

/* ---- kind gpt2 ---- */

/* The letters of all bytes, then pieces and merges of TEXTS: each joins the two that its text has a '+' between. */
static void begin_gpt2(struct fixture *f, const char *pre, const char *const *texts, size_t count)
{
    begin(f, MM_TOKENIZER_GPT2, pre);
    for (unsigned byte = 0; byte < 256; byte++) {
        bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
        uint32_t code = itself ? byte : byte <= ' ' ? 0x100 + byte : byte == 0xad ? 0x143 : 0x121 + byte - 0x7f;
        char letter[] = {(char)code, 0, 0};
        if (code >= 0x80) {
            letter[0] = (char)(0xc0 | code >> 6);
            letter[1] = (char)(0x80 | (code & 63));
        }
        add(f, letter, 0, MM_PIECE_NORMAL);
    }
    for (size_t i = 0; i < count; i++) {
        char whole[64] = "";
        const char *plus = strchr(texts[i], '+');
        strncat(whole, texts[i], (size_t)(plus - texts[i]));
        uint32_t halves[2] = {MM_TOKEN_NONE, MM_TOKEN_NONE};
        for (uint32_t j = 0; j < f->tokenizer.piece_count; j++) {
            size_t length = f->tokenizer.pieces[j].length;
            if (length == strlen(whole) && memcmp(mm_piece_text(&f->tokenizer, j), whole, length) == 0)
                halves[0] = j;
            if (length == strlen(plus + 1) && memcmp(mm_piece_text(&f->tokenizer, j), plus + 1, length) == 0)
                halves[1] = j;
        }
        strcat(whole, plus + 1);
        add(f, whole, 0, MM_PIECE_NORMAL);
        assert_int_equal(mm_tokenizer_add_merge(&f->tokenizer, halves[0], halves[1], &f->diags), 0);
    }
}

#define SP "\xc4\xa0" /* the letter of a space */

static void the_first_merge_is_joined_first(void **state)
{
    static const char *const merges[] = {"b+c", "a+b", "ab+c", SP "+a", "a+a", "aa+a"};
    struct fixture f;
    (void)state;
    begin_gpt2(&f, "gpt-2", merges, COUNT_OF(merges));
    make(&f);
    EXPECT(&f, "abc", 0, "a|bc");
    EXPECT(&f, "ab abc", 0, "ab|" SP "a|bc");
    EXPECT(&f, "aaa", 0, "aaa");
    EXPECT(&f, "aaaa", 0, "aa|aa");
    EXPECT(&f, "a1bc", 0, "a|1|bc");
    EXPECT(&f, "", MM_ENCODE_AROUND, "");
    end(&f);
}

static void malformed_bytes_are_replaced(void **state)
{
    struct fixture f;
    (void)state;
    begin_gpt2(&f, "gpt-2", NULL, 0);
    make(&f);
    static const char one[] = "\xc3\xaf|\xc2\xbf|\xc2\xbd"; /* EF BF BD as letters */
    EXPECT(&f, "\xff", 0, one);
    EXPECT(&f, "\xc3", 0, one);
    EXPECT(&f, "\xc0\xac", 0, "\xc3\xaf|\xc2\xbf|\xc2\xbd|\xc3\xaf|\xc2\xbf|\xc2\xbd");
    EXPECT(&f, "\xed\xa0\x80", 0, "\xc3\xad|\xc5\x82|\xc4\xa2"); /* a surrogate stays */
    EXPECT(&f, "\xc2\xad\x7f", 0, "\xc3\x82|\xc5\x83|\xc4\xa1");
    end(&f);
}

static void whole_words_may_be_pieces(void **state)
{
    struct fixture f;
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        begin_gpt2(&f, whole ? "llama-bpe" : "dbrx", NULL, 0);
        add(&f, SP "abc", 0, MM_PIECE_NORMAL);
        set(&f, MM_SETTING_BOS, 'a');
        make(&f);
        EXPECT(&f, " abc", 0, whole ? SP "abc" : SP "|a|b|c");
        EXPECT(&f, "x", MM_ENCODE_AROUND, whole ? "a|x" : "x"); /* llama-bpe begins texts unless told otherwise */
        end(&f);
    }
}

/* A merge whose outcome is no piece joins all the same, and is spelled by bytes then. */
static void merges_that_make_no_piece(void **state)
{
    static const char *const merges[] = {"b+c"};
    struct fixture f;
    (void)state;
    begin_gpt2(&f, "gpt-2", merges, 1);
    assert_int_equal(mm_tokenizer_add_merge(&f.tokenizer, 'a', 'b', &f.diags), 0);
    f.tokenizer.merges[1] = f.tokenizer.merges[0];
    f.tokenizer.merges[0] = (struct mm_merge){'a', 'b'};
    make(&f);
    EXPECT(&f, "abc", 0, "a|b|c");
    EXPECT(&f, "bc", 0, "bc");
    end(&f);
}

static void letters_become_bytes_again(void **state)
{
    static const char *const merges[] = {SP "+a"};
    struct fixture f;
    (void)state;
    begin_gpt2(&f, "gpt-2", merges, 1);
    uint32_t odd = add(&f,
                       "\xe4\xb8\xad"
                       "a",
                       0, MM_PIECE_NORMAL),
             user = add(&f, "\n  ", 0, MM_PIECE_USER_DEFINED);
    uint32_t control = add(&f, "<|endoftext|>", 0, MM_PIECE_NORMAL);
    make(&f);
    expect_text(&f, (uint32_t[]){256, 0xc3, 0xa9, user}, 4, true, false, " a\xc3\xa9\n  ");
    expect_text(&f, (uint32_t[]){odd}, 1, true, false,
                "\xe4\xb8\xad"
                "a"); /* no letter of a byte: as it is */
    expect_text(&f, (uint32_t[]){control}, 1, true, false, "");
    expect_text(&f, (uint32_t[]){control}, 1, true, true, "<|endoftext|>");
    for (uint32_t byte = 1; byte < 256; byte++)
        expect_text(&f, &byte, 1, true, false, (char[]){(char)byte, 0});
    end(&f);
}

static void unknown_ways_are_refused_by_name(void **state)
{
    struct fixture f;
    (void)state;
    begin_gpt2(&f, "kimi-k2", NULL, 0);
    assert_int_equal(mm_encoder_new(&f.encoder, &f.tokenizer, &f.diags), -1);
    assert_null(f.encoder);
    assert_int_equal(f.diags.items[0].rule, MM_RULE_INFER_UNSUPPORTED);
    assert_non_null(strstr(f.diags.items[0].text, "'kimi-k2'"));
    end(&f);
    begin(&f, MM_TOKENIZER_LLAMA, "");
    char text[514];
    memset(text, 'x', 513);
    text[513] = '\0';
    add(&f, text, 0, MM_PIECE_CONTROL);
    assert_int_equal(mm_encoder_new(&f.encoder, &f.tokenizer, &f.diags), -1);
    assert_int_equal(f.diags.items[0].rule, MM_RULE_INFER_UNSUPPORTED);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_score_is_joined_first),
        cmocka_unit_test(bytes_spell_what_no_piece_does),
        cmocka_unit_test(without_bytes_a_text_may_have_no_tokens),
        cmocka_unit_test(spaces_before_and_in_a_text),
        cmocka_unit_test(what_stands_around_a_text),
        cmocka_unit_test(added_tokens_come_before_all),
        cmocka_unit_test(longer_tokens_win_wherever_they_stand),
        cmocka_unit_test(models_called_phi3_leave_out_space_behind_tokens),
        cmocka_unit_test(tokens_become_text_again),
        cmocka_unit_test(ends_are_named_or_known),
        cmocka_unit_test(the_first_merge_is_joined_first),
        cmocka_unit_test(malformed_bytes_are_replaced),
        cmocka_unit_test(whole_words_may_be_pieces),
        cmocka_unit_test(merges_that_make_no_piece),
        cmocka_unit_test(letters_become_bytes_again),
        cmocka_unit_test(unknown_ways_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
