#include "unit.h"

#include "doc/derived.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define HEAD "minimodel-derived 0\ntool: slm-diff 0.1.0\nsource-sha256: " ZEROS "\nartifact-sha256: " ONES "\n"
#define EQUAL "facts: equal\ntokenizer: equal\nchat-template: none\n"
#define TEMPLATE(word) "facts: equal\ntokenizer: equal\nchat-template: " word "\n"
#define NO_TENSORS "exact: 0\nrequantised: 0\ndiffers: 0\n"
#define GOOD HEAD EQUAL "exact: 1\nrequantised: 1\ndiffers: 0\ntensor: exact a\ntensor: requantised b\nverdict: pass\n"

static void check(const char *text, const char *expected)
{
    struct mm_derived derived;
    struct mm_diags diags;
    struct mm_buf again = {0};
    mm_diags_init(&diags);
    int result = mm_derived_read(&derived, text, strlen(text), &diags);
    check_findings(text, &diags, expected);
    check_number(text, (uint64_t)(result + 1), !*expected);
    if (result == 0) {
        mm_derived_write(&derived, &again);
        check_text("written again", mm_buf_text(&again), text);
    }
    mm_buf_release(&again);
    mm_derived_release(&derived);
    mm_diags_release(&diags);
}

static void sound_documents_are_read_and_written_again(void **state)
{
    (void)state;
    check(GOOD, "");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\nverdict: pass\n", "");
    check(HEAD "facts: differ\ntokenizer: equal\nchat-template: equal\nexact: 0\nrequantised: 0\ndiffers: 0\nverdict: fail\n", "");
    check(HEAD "facts: equal\ntokenizer: differ\nchat-template: none\nexact: 0\nrequantised: 0\ndiffers: 0\nverdict: fail\n", "");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 1\ntensor: differs a b\nverdict: fail\n", "");
    check(HEAD TEMPLATE("differ") NO_TENSORS "verdict: fail\n", "");
    check(HEAD "drop: tokenizer.chat_template\n" TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "");
    check(HEAD "drop: x\ndrop: tok*\n" TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "");
    check(HEAD "drop: tokenizer.chat_template.a\n" TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "");
    check(HEAD "drop: chat_template\n" TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "");
    check(HEAD "drop: chat_template\n" TEMPLATE("none") NO_TENSORS "verdict: pass\n", "");
    check(HEAD "lent-tokenizer-sha256: " ONES "\ndrop: a.*\ndrop: b\n" EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\nverdict: pass\n", "");
    check("minimodel-derived 0\ntool: x 1\nsource-sha256: " ZEROS " a b.json\nsource-sha256: " ONES " c\nartifact-sha256: " ONES " a\n" EQUAL
          "exact: 0\nrequantised: 0\ndiffers: 0\nverdict: pass\n",
          "");
}

static void what_is_not_so_is_found_where_it_stands(void **state)
{
    (void)state;
    check("", "text-first-line@1:1");
    check("minimodel-derived 1\n", "text-version-unsupported@1:19");
    check("minimodel-derived 0\n", "text-field-order@2:1");
    check("minimodel-derived 0\ntool: slm-diff\n", "diff-evidence@2:7");
    check("minimodel-derived 0\ntool: slm-diff 0 1\n", "diff-evidence@2:7");
    check("minimodel-derived 0\ntool: a b\nartifact-sha256: " ONES "\n", "text-field-order@3:1");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES "0\n", "diff-evidence@3:80");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: 1\n", "value-hash@3:16");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES "  a\n", "diff-evidence@3:80");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES " a/b\n", "diff-evidence@3:80");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES "\nsource-sha256: " ONES "\n", "diff-evidence@4:16");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES " b\nsource-sha256: " ONES " a\n", "diff-evidence@4:16");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES " b\nsource-sha256: " ONES " b\n", "diff-evidence@4:16");
    check("minimodel-derived 0\ntool: a b\nsource-sha256: " ONES " b\nsource-sha256: " ONES "\n", "diff-evidence@4:16");
    check(HEAD "lent-tokenizer-sha256: 0\n", "value-hash@5:24");
    check(HEAD "facts: same\n", "diff-evidence@5:8");
    check(HEAD "tokenizer: equal\n", "text-field-order@5:1");
    check(HEAD "facts: equal\ntokenizer: equal\nexact: 0\n", "text-field-order@7:1");
    check(HEAD TEMPLATE("same"), "diff-evidence@7:16");
    check(HEAD TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "diff-evidence@7:16");
    check(HEAD "drop: rms_norm_eps\n" TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "diff-evidence@8:16");
    check(HEAD "drop: tokenizer.ggml.*\n" TEMPLATE("left-out") NO_TENSORS "verdict: pass\n", "diff-evidence@8:16");
    check(HEAD TEMPLATE("differ") NO_TENSORS "verdict: pass\n", "diff-evidence@11:10");
    check(HEAD EQUAL "exact: 01\n", "value-number@8:8");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\n", "text-field-order@11:1");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\ntensor: right a\n", "diff-evidence@11:9");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\ntensor: exact\n", "diff-evidence@11:9");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\ntensor: exact  a\n", "diff-evidence@11:9");
    check(HEAD EQUAL "exact: 2\nrequantised: 0\ndiffers: 0\ntensor: exact b\ntensor: exact a\n", "diff-evidence@12:15");
    check(HEAD EQUAL "exact: 2\nrequantised: 0\ndiffers: 0\ntensor: exact b\ntensor: exact b\n", "diff-evidence@12:15");
    check(HEAD EQUAL "exact: 1\nrequantised: 0\ndiffers: 0\nverdict: pass\n", "diff-evidence");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\nverdict: fail\n", "diff-evidence@11:10");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 1\ntensor: differs a\nverdict: pass\n", "diff-evidence@12:10");
    check(GOOD "tensor: exact c\n", "text-field-order@14:1");
    check(GOOD "\n", "text-blank-line@14:1");
    check(HEAD EQUAL "exact: 0\nrequantised: 0\ndiffers: 0\nverdict: pass", "text-last-line@11:14");
    check(HEAD "facts:\tequal\n", "text-key@5:7 text-control@5:7");
}

static void a_verdict_follows_from_what_differs(void **state)
{
    struct mm_derived derived = {0};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_true(mm_derived_passes(&derived));
    assert_int_equal(mm_derived_add_tensor(&derived, MM_DERIVATION_EXACT, "ab", 1, &diags), 0);
    assert_int_equal(mm_derived_add_tensor(&derived, MM_DERIVATION_REQUANTISED, "b", 1, &diags), 0);
    assert_true(mm_derived_passes(&derived));
    check_text("names are cut where they end", derived.tensors[0].name, "a");
    assert_int_equal(mm_derived_add_tensor(&derived, MM_DERIVATION_DIFFERS, "c", 1, &diags), 0);
    assert_false(mm_derived_passes(&derived));
    check_number("exact", derived.counts[MM_DERIVATION_EXACT], 1);
    check_number("differs", derived.counts[MM_DERIVATION_DIFFERS], 1);
    mm_derived_release(&derived);
    derived.facts_differ = true;
    assert_false(mm_derived_passes(&derived));
    derived.facts_differ = false;
    derived.tokenizer_differs = true;
    assert_false(mm_derived_passes(&derived));
    derived.tokenizer_differs = false;
    derived.chat_template = MM_DERIVED_TEMPLATE_DIFFERS;
    assert_false(mm_derived_passes(&derived));
    derived.chat_template = MM_DERIVED_TEMPLATE_LEFT_OUT;
    assert_true(mm_derived_passes(&derived));
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_documents_are_read_and_written_again),
        cmocka_unit_test(what_is_not_so_is_found_where_it_stands),
        cmocka_unit_test(a_verdict_follows_from_what_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
