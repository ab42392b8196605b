#include "unit.h"

#include "doc/trace.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"
#define FIRST "minimodel-trace 0\n"
#define HEAD FIRST "artifact-sha256: " ONES "\ndevice: cpu avx2, 1 thread\n"
#define LAYERS "case: one\nlayer: 0 embedding " ONES " 1.5\nlayer: 0 blk.0 " TWOS " 2\nlayer: 1 embedding " TWOS " 0\n"

static void check(const char *text, const char *expected)
{
    struct mm_trace trace;
    struct mm_diags diags;
    struct mm_buf again = {0};
    mm_diags_init(&diags);
    int result = mm_trace_read(&trace, text, strlen(text), &diags);
    check_findings(text, &diags, expected);
    check_number(text, (uint64_t)(result + 1), !*expected);
    if (result == 0) {
        mm_trace_write(&trace, &again);
        check_text("written again", mm_buf_text(&again), text);
    }
    mm_buf_release(&again);
    mm_trace_release(&trace);
    mm_diags_release(&diags);
}

static void sound_documents_are_read_and_written_again(void **state)
{
    (void)state;
    check(HEAD, "");
    check(HEAD LAYERS, "");
    check(HEAD LAYERS "case: two\ncase: three\nlayer: 4294967295 a " ONES " 3.40282e+38\n", "");
}

static void what_is_not_so_is_found_where_it_stands(void **state)
{
    (void)state;
    check("", "text-first-line@1:1");
    check("minimodel-trace 1\n", "text-version-unsupported@1:17");
    check(FIRST "device: cpu x\n", "text-field-order@2:1");
    check(FIRST "artifact-sha256: x\n", "value-hash@2:18");
    check(HEAD "layer: 0 a " ONES " 1\n", "text-field-order@4:1");
    check(HEAD "case: A\n", "evidence-form@4:7");
    check(HEAD "case: a\nx: 1\n", "text-field-order@5:1");
    check(HEAD "case: a\nlayer: 0\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0 a " ONES "\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0 a " ONES " 1 2\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 01 a " ONES " 1\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0  " ONES " 1\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0 a " ONES " -1\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0 a " ONES " 1.0\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0 a 11 1\n", "evidence-form@5:8");
    check(HEAD "case: a\nlayer: 0 a2345678901234567890123456789012 " ONES " 1\n", "evidence-form@5:8");
}

/* The findings of A beside B. */
static void compare(const char *a, const char *b, const char *expected)
{
    struct mm_trace x, y;
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_trace_read(&x, a, strlen(a), &diags), 0);
    assert_int_equal(mm_trace_read(&y, b, strlen(b), &diags), 0);
    int result = mm_trace_compare(&x, &y, &diags);
    check_number(b, (uint64_t)(result + 1), !*expected);
    if (*expected && !strstr(diags.items[0].text, expected))
        fail_msg("expected '%s' in '%s'", expected, diags.items[0].text);
    check_findings(b, &diags, *expected ? "infer-trace" : "");
    mm_trace_release(&x);
    mm_trace_release(&y);
    mm_diags_release(&diags);
}

#define OTHER FIRST "artifact-sha256: " ONES "\ndevice: opencl x\n"
#define BLOCK(hash, norm) "case: one\nlayer: 0 embedding " ONES " 1.5\nlayer: 0 blk.0 " hash " " norm "\nlayer: 1 embedding " TWOS " 0\n"

static void the_first_layer_that_departs_is_named(void **state)
{
    (void)state;
    compare(HEAD LAYERS, HEAD LAYERS, "");
    compare(HEAD LAYERS, FIRST "artifact-sha256: " TWOS "\ndevice: cpu portable, 9 threads\n" LAYERS, "");
    compare(HEAD LAYERS, HEAD BLOCK(ONES, "2"), "case one, position 0: blk.0 is the first layer that departs");
    compare(HEAD LAYERS, OTHER BLOCK(ONES, "2.001"), "");
    compare(HEAD LAYERS, OTHER BLOCK(ONES, "2.01"), "blk.0 is the first layer that departs");
    compare(HEAD LAYERS, HEAD "case: two\nlayer: 0 embedding " ONES " 1.5\n", "the same cases and layers");
    compare(HEAD LAYERS, HEAD "case: one\nlayer: 0 embedding " ONES " 1.5\n", "expected a trace of 3 lines, found 1");
    compare(HEAD LAYERS, HEAD, "found 0");
}

static void lines_are_sorted(void **state)
{
    struct mm_trace trace = {0};
    struct mm_diags diags;
    struct mm_buf text = {0};
    (void)state;
    mm_diags_init(&diags);
    for (int which = 0; which < 2; which++) {
        assert_int_equal(mm_trace_add_case(&trace, which ? "b" : "a", 1, &diags), 0);
        for (int layer = 1; layer >= -1; layer--)
            for (uint32_t position = 2; position-- > 0;) {
                struct mm_trace_line line = {.position = position, .layer = layer, .norm = 1};
                snprintf(line.name, sizeof line.name, "layer%d", layer + 1);
                assert_int_equal(mm_trace_add_line(&trace, &line, &diags), 0);
            }
    }
    mm_trace_sort(&trace);
    for (size_t i = 0; i < trace.line_count; i++)
        mm_buf_printf(&text, "%" PRIu32 "%" PRIu32 "%s ", trace.lines[i].which, trace.lines[i].position, trace.lines[i].name + 5);
    check_text("order", mm_buf_text(&text), "000 001 002 010 011 012 100 101 102 110 111 112 ");
    mm_buf_release(&text);
    mm_trace_release(&trace);
    mm_diags_release(&diags);
}

/* Whatever fits in memory has to fit in a document. */
static void traces_are_limited(void **state)
{
    struct mm_trace trace = {0};
    struct mm_diags diags;
    struct mm_buf text = {0};
    const struct mm_trace_line line = {.position = UINT32_MAX, .name = "0123456789012345678901234567890", .norm = 1.17549435e-38f};
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_trace_add_case(&trace, "a", 1, &diags), 0);
    while (mm_trace_add_line(&trace, &line, &diags) == 0)
        ;
    check_findings("full", &diags, "io-limit");
    mm_trace_write(&trace, &text);
    assert_true(text.length <= MM_TRACE_MAX && text.length > MM_TRACE_MAX / 2);
    mm_buf_release(&text);
    mm_trace_release(&trace);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_documents_are_read_and_written_again), cmocka_unit_test(what_is_not_so_is_found_where_it_stands),
        cmocka_unit_test(the_first_layer_that_departs_is_named),      cmocka_unit_test(lines_are_sorted),
        cmocka_unit_test(traces_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
