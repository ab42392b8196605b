#include "unit.h"

#include "act/diff_parts.h"

/* What was told of two models. */
struct told {
    struct mm_buf lines;
};

static int tell(void *context, const struct mm_difference *difference)
{
    struct told *told = context;
    mm_buf_printf(&told->lines, "%s %s %s [%s] [%s]\n", mm_diff_what_names[difference->what], difference->name,
                  mm_diff_how_names[difference->how], difference->a ? mm_buf_text(difference->a) : "-",
                  difference->b ? mm_buf_text(difference->b) : "-");
    return 0;
}

static void differences_are_told_and_forgotten(void **state)
{
    struct told told = {0};
    const struct mm_diff_options options = {.each = tell, .context = &told};
    struct mm_diffing d;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_diff_begin(&d, &options, &diags), 0);
    mm_buf_str(&d.a, "x");
    mm_buf_str(&d.b, "y");
    assert_int_equal(mm_diff_add(&d, MM_DIFF_TENSOR, "t", MM_DIFF_EXACT), 0);
    assert_false(d.differ);
    mm_buf_str(&d.b, "z");
    assert_int_equal(mm_diff_add(&d, MM_DIFF_KEY, "k", MM_DIFF_ADDED), 0);
    assert_true(d.differ);
    mm_buf_str(&d.a, "w");
    assert_int_equal(mm_diff_add(&d, MM_DIFF_FILE, "f", MM_DIFF_MISSING), 0);
    check_text("lines", mm_buf_text(&told.lines), "tensor t exact [x] [y]\nkey k added [-] [z]\nfile f missing [w] [-]\n");
    check_findings("no errors", &diags, "");
    d.derivation = true;
    mm_buf_str(&d.a, "1");
    mm_buf_str(&d.b, "2");
    assert_int_equal(mm_diff_add(&d, MM_DIFF_FACT, "f", MM_DIFF_CHANGED), 0);
    check_findings("what should follow and does not", &diags, "diff-derived");
    mm_diff_end(&d);
    mm_buf_release(&told.lines);
    mm_diags_release(&diags);
}

static void values_are_cut_between_characters(void **state)
{
    char long_text[400];
    struct mm_buf shown = {0};
    (void)state;
    mm_diff_show(&shown, "short", 5);
    check_text("short", mm_buf_text(&shown), "short");
    for (size_t shift = 0; shift < 3; shift++) {
        size_t at;
        memset(long_text, 'a', shift);
        for (at = shift; at + 3 <= sizeof long_text; at += 3)
            memcpy(long_text + at, "\xe2\x96\x81", 3);
        mm_buf_clear(&shown);
        mm_diff_show(&shown, long_text, at);
        assert_true(shown.length <= 163 && shown.length >= 158);
        check_text("cut", mm_buf_text(&shown) + shown.length - 3, "...");
        assert_int_equal((shown.length - 3 - shift) % 3, 0);
    }
    mm_buf_release(&shown);
}

static void facts_are_compared_one_by_one(void **state)
{
    struct told told = {0};
    const struct mm_diff_options options = {.each = tell, .context = &told};
    struct mm_diffing d;
    struct mm_diags diags;
    struct mm_slm_tensor f32 = {.dtype = mm_dtype_of_ggml(0), .bytes = 4};
    struct mm_slm_tensor f16 = {.dtype = mm_dtype_of_ggml(1), .bytes = 2};
    struct mm_slm a = {.name = "n", .llama = {.rope_base = 10000, .norm_epsilon = 1e-5f}}, b = a;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_diff_begin(&d, &options, &diags), 0);
    assert_int_equal(mm_terms_facts(&d, &a, &b), 0);
    assert_false(d.differ);
    b.name = NULL;
    b.license = "MIT";
    b.llama.numbers[MM_LLAMA_HEAD_COUNT] = 4;
    b.llama.rope_factor = 2;
    b.llama.norm_epsilon = 1e-6f;
    a.tensors = &f32;
    b.tensors = &f16;
    a.tensor_count = b.tensor_count = 1;
    assert_int_equal(mm_terms_facts(&d, &a, &b), 0);
    check_text("facts", mm_buf_text(&told.lines),
               "fact name missing [n] [-]\nfact license added [-] [MIT]\nfact quantization changed [f32] [f16]\nfact head-count changed [0] [4]\n"
               "fact rope-scaling changed [0] [2]\nfact norm-epsilon changed [1e-05] [1e-06]\n");
    mm_buf_clear(&told.lines);
    d.derivation = true;
    b.llama = a.llama;
    assert_int_equal(mm_terms_facts(&d, &a, &b), 0);
    assert_int_equal(told.lines.length, 0); /* a conversion may give another name, and a licence where none was stated */
    a.license = "other";
    assert_int_equal(mm_terms_facts(&d, &a, &b), 0);
    check_text("a licence", mm_buf_text(&told.lines), "fact license changed [other] [MIT]\n");
    check_findings("a licence", &diags, "diff-derived");
    mm_diff_end(&d);
    mm_buf_release(&told.lines);
    mm_diags_release(&diags);
}

static void tokenizers_are_compared_piece_by_piece(void **state)
{
    struct told told = {0};
    const struct mm_diff_options options = {.each = tell, .context = &told};
    struct mm_diffing d;
    struct mm_diags diags;
    struct mm_tokenizer both[2] = {0};
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_diff_begin(&d, &options, &diags), 0);
    for (int i = 0; i < 2; i++) {
        both[i].kind = MM_TOKENIZER_LLAMA;
        both[i].has_scores = both[i].has_types = true;
        mm_tokenizer_add_piece(&both[i], "a", 1, 1, MM_PIECE_NORMAL, &diags);
        mm_tokenizer_add_piece(&both[i], i ? "c" : "b", 1, 2, MM_PIECE_NORMAL, &diags);
        mm_tokenizer_add_piece(&both[i], "d", 1, i ? 3 : 4, MM_PIECE_NORMAL, &diags);
        mm_tokenizer_add_merge(&both[i], (uint32_t)i, 0, &diags);
        mm_tokenizer_set(&both[i], 1, (uint32_t)i, &diags);
    }
    mm_tokenizer_add_piece(&both[1], "e", 1, 0, MM_PIECE_BYTE, &diags);
    mm_tokenizer_set(&both[1], 2, 9, &diags);
    both[1].kind = MM_TOKENIZER_GPT2;
    assert_int_equal(mm_terms_tokenizers(&d, &both[0], &both[0]), 0);
    assert_false(d.differ);
    assert_int_equal(mm_terms_tokenizers(&d, &both[0], &both[1]), 0);
    check_text("tokenizers", mm_buf_text(&told.lines),
               "tokenizer kind changed [llama] [gpt2]\ntokenizer pieces changed [3] [4]\n"
               "tokenizer piece 1 changed ['b' normal 2] ['c' normal 2]\n"
               "tokenizer merge 0 changed ['a' normal 1 'a' normal 1] ['c' normal 2 'a' normal 1]\n"
               "tokenizer bos_token_id changed [0] [1]\ntokenizer eos_token_id added [-] [9]\n");
    for (int i = 0; i < 2; i++)
        mm_tokenizer_release(&both[i]);
    mm_diff_end(&d);
    mm_buf_release(&told.lines);
    mm_diags_release(&diags);
}

static void evidence_is_compared_line_by_line(void **state)
{
    struct mm_derived a = {.tool = "x 1"}, b = {.tool = "x 2"};
    const unsigned char hash[MM_HASH_BYTES] = {1};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    mm_derived_add_file(&a.source, NULL, hash, &diags);
    mm_derived_add_file(&b.source, NULL, hash, &diags);
    assert_int_equal(mm_derived_check(&a, &b, &diags), 0);
    mm_derived_add_tensor(&b, MM_DERIVATION_EXACT, "t", 1, &diags);
    assert_int_equal(mm_derived_check(&a, &b, &diags), -1);
    check_findings("a count", &diags, "diff-evidence@7:1");
    mm_derived_add_tensor(&a, MM_DERIVATION_EXACT, "u", 1, &diags);
    assert_int_equal(mm_derived_check(&a, &b, &diags), -1);
    check_findings("a tensor", &diags, "diff-evidence@10:1");
    mm_derived_release(&a);
    mm_derived_release(&b);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_told_and_forgotten),
        cmocka_unit_test(values_are_cut_between_characters),
        cmocka_unit_test(facts_are_compared_one_by_one),
        cmocka_unit_test(tokenizers_are_compared_piece_by_piece),
        cmocka_unit_test(evidence_is_compared_line_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
