#include "unit.h"

#include "doc/evidence.h"
#include "text/json_string.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define FIRST "minimodel-evidence 0\n"
#define HEAD FIRST "model-id: a/b\nartifact-sha256: " ONES "\nengine: infer-check 0.1.0\ndevice: cpu avx2, 1 thread\n"
#define CASE "case: one\nprompt: \"Once\"\nprompt-tokens: 1 403\ntokens: 7 8\ntext: \" upon\"\n"
#define GOOD HEAD CASE "top-logits: 0 7=1.5 9=-0.25 3=-1e-06 4=-2 5=-10\ntop-logits: 1 8=12.3457\nverdict: recorded\n"

static void check_again(const char *text, const char *expected, const char *written)
{
    struct mm_evidence evidence;
    struct mm_diags diags;
    struct mm_buf again = {0};
    mm_diags_init(&diags);
    int result = mm_evidence_read(&evidence, text, strlen(text), &diags);
    check_findings(text, &diags, expected);
    check_number(text, (uint64_t)(result + 1), !*expected);
    if (result == 0) {
        mm_evidence_write(&evidence, &again);
        check_text("written again", mm_buf_text(&again), written);
    }
    mm_buf_release(&again);
    mm_evidence_release(&evidence);
    mm_diags_release(&diags);
}

static void check(const char *text, const char *expected)
{
    check_again(text, expected, text);
}

static void sound_documents_are_read_and_written_again(void **state)
{
    (void)state;
    check(GOOD, "");
    check(HEAD CASE "verdict: pass\n", "");
    check(HEAD CASE "verdict: fail\n", "");
    check(HEAD CASE "top-logits: 1 8=0\ncase: two\nprompt: \"\"\nprompt-tokens: 1\ntokens: 0\ntext: \"\"\nverdict: pass\n", "");
    check(HEAD "case: a.b_c-9\nprompt: \"\\u0000\\u200b\"\nprompt-tokens: 4294967294\ntokens: 0\ntext: \"\xEF\xBF\xBD\"\nverdict: pass\n", "");
    check(FIRST "model-id: a/b\nartifact-sha256: " ONES "\nengine: x 1\ndevice: opencl b c\n" CASE "verdict: pass\n", "");
}

/* A string may be spelled in any of JSON's ways; it is written in one. */
static void strings_are_read_in_every_spelling(void **state)
{
    (void)state;
    check_again(HEAD "case: a\nprompt: \"\\u004fn\\u00e9\\ud83d\\ude00\\/\"\nprompt-tokens: 1\ntokens: 0\ntext: \"\\b\\f\\n\\r\\t\\\\\\\"\"\nverdict: pass\n", "",
                HEAD "case: a\nprompt: \"On\xC3\xA9\xF0\x9F\x98\x80/\"\nprompt-tokens: 1\ntokens: 0\ntext: \"\\u0008\\u000c\\u000a\\u000d\\u0009\\\\\\\"\"\nverdict: pass\n");
}

static void what_is_not_so_is_found_where_it_stands(void **state)
{
    (void)state;
    check("", "text-first-line@1:1");
    check("minimodel-evidence 1\n", "text-version-unsupported@1:20");
    check(FIRST, "text-field-order@2:1");
    check(FIRST "model-id: a\n", "evidence-form@2:11");
    check(FIRST "model-id: a/b\nartifact-sha256: 12\n", "value-hash@3:18");
    check(FIRST "model-id: a/b\nartifact-sha256: " ONES "\nengine: x\n", "evidence-form@4:9");
    check(FIRST "model-id: a/b\nartifact-sha256: " ONES "\nengine: x 1 2\n", "evidence-form@4:9");
    check(FIRST "model-id: a/b\nartifact-sha256: " ONES "\nengine: x 1\ndevice: cpu\n", "evidence-form@5:9");
    check(FIRST "model-id: a/b\nartifact-sha256: " ONES "\nengine: x 1\ndevice: tpu x\n", "evidence-form@5:9");
    check(HEAD, "text-field-order@6:1");
    check(HEAD "verdict: pass\n", "text-field-order@6:1");
    check(HEAD "case: A\n", "evidence-form@6:7");
    check(HEAD "case: -a\n", "evidence-form@6:7");
    check(HEAD "case: a\nprompt: a\n", "evidence-form@7:9");
    check(HEAD "case: a\nprompt: \"\\x\"\n", "evidence-form@7:11");
    check(HEAD "case: a\nprompt: \"a\"b\"\n", "evidence-form@7:12");
    check(HEAD "case: a\nprompt: \"a\n", "evidence-form@7:11");
    check(HEAD "case: a\nprompt: \"\\ud800\"\n", "evidence-form@7:12");
    check(HEAD "case: a\nprompt: \"\"\nprompt-tokens: 1  2\n", "evidence-form@8:18");
    check(HEAD "case: a\nprompt: \"\"\nprompt-tokens: 01\n", "evidence-form@8:16");
    check(HEAD "case: a\nprompt: \"\"\nprompt-tokens: 1 4294967295\n", "evidence-form@8:18");
    check(HEAD "case: a\nprompt: \"\"\nprompt-tokens: 1\ntokens: 2\n", "text-field-order@10:1");
    check(HEAD CASE, "text-field-order@11:1");
    check(HEAD CASE CASE "verdict: pass\n", "evidence-form@11:7");
    check(HEAD CASE "top-logits: 2 7=1\nverdict: pass\n", "evidence-form@11:13");
    check(HEAD CASE "top-logits: 1\nverdict: pass\n", "evidence-form@11:14");
    check(HEAD CASE "top-logits: 1 7=1\ntop-logits: 0 7=1\nverdict: pass\n", "evidence-form@12:13");
    check(HEAD CASE "top-logits: 1 7=1\ntop-logits: 1 7=1\nverdict: pass\n", "evidence-form@12:13");
    check(HEAD CASE "top-logits: 1 7=1 7=2\nverdict: pass\n", "evidence-form@11:19");
    check(HEAD CASE "top-logits: 1 7=1.0\nverdict: pass\n", "evidence-form@11:15");
    check(HEAD CASE "top-logits: 1 7=nan\nverdict: pass\n", "evidence-form@11:15");
    check(HEAD CASE "top-logits: 1 7\nverdict: pass\n", "evidence-form@11:15");
    check(HEAD CASE "top-logits: 1 7=\nverdict: pass\n", "evidence-form@11:15");
    check(HEAD CASE "top-logits: 1 1=1 2=1 3=1 4=1 5=1 6=1\nverdict: pass\n", "evidence-form@11:35");
    check(HEAD CASE "verdict: good\n", "evidence-form@11:10");
    check(HEAD CASE "verdict: pass\nverdict: pass\n", "text-field-order@12:1");
    check(HEAD CASE "verdict: pass", "text-last-line@11:14");
}

/* A value may have 1 MiB here, where other documents have 1024 bytes. */
static void values_are_long(void **state)
{
    struct mm_buf text = {0}, long_text = {0};
    (void)state;
    for (int over = 0; over < 2; over++) {
        mm_buf_clear(&text);
        mm_buf_clear(&long_text);
        for (int i = 0; i < MM_EVIDENCE_VALUE_MAX - 2 + over; i++)
            mm_buf_char(&long_text, 'a');
        mm_buf_printf(&text, HEAD "case: a\nprompt: \"%s\"\nprompt-tokens: 1\ntokens: 0\ntext: \"\"\nverdict: pass\n", mm_buf_text(&long_text));
        check(mm_buf_text(&text), over ? "text-value-length@7:9" : "");
    }
    mm_buf_release(&text);
    mm_buf_release(&long_text);
}

static void cases_are_limited(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    mm_buf_str(&text, HEAD);
    for (int i = 0; i <= MM_EVIDENCE_CASES; i++)
        mm_buf_printf(&text, "case: a%d\nprompt: \"\"\nprompt-tokens: 1\ntokens: 0\ntext: \"\"\n", i);
    mm_buf_str(&text, "verdict: pass\n");
    check(mm_buf_text(&text), "io-limit");
    mm_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_documents_are_read_and_written_again), cmocka_unit_test(strings_are_read_in_every_spelling),
        cmocka_unit_test(what_is_not_so_is_found_where_it_stands),    cmocka_unit_test(values_are_long),
        cmocka_unit_test(cases_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
