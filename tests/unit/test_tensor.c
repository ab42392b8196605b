#include "unit.h"

#include "model/tensor.h"

static void add(struct mm_tensors *tensors, const char *name, const char *dims, const char *dtype, uint64_t offset, uint64_t bytes)
{
    struct mm_diags diags;
    int type = 0;
    while (strcmp(mm_dtypes[type].name, dtype) != 0)
        type++;
    mm_diags_init(&diags);
    assert_int_equal(mm_tensors_add(tensors, name, strlen(name), dims, type, offset, bytes, &diags), 0);
    mm_diags_release(&diags);
}

static void check_names(const struct mm_tensors *tensors, const char *expected)
{
    struct mm_buf names = {0};
    for (size_t i = 0; i < tensors->count; i++)
        mm_buf_printf(&names, "%s%s", i ? " " : "", mm_tensor_name(tensors, i));
    check_text("order", mm_buf_text(&names), expected);
    mm_buf_release(&names);
}

static void tensors_are_sorted_by_offset_then_name(void **state)
{
    struct mm_tensors tensors = {0};
    (void)state;
    mm_tensors_sort(&tensors);
    add(&tensors, "z", "1", "f32", 0, 4);
    mm_tensors_sort(&tensors);
    add(&tensors, "late", "1", "f32", UINT64_C(1) << 40, 4);
    add(&tensors, "b", "0", "f32", 4, 0);
    add(&tensors, "a", "0", "f32", 4, 0);
    add(&tensors, "B", "1", "f32", 4, 4);
    add(&tensors, "a.b", "0", "f32", 4, 0);
    add(&tensors, "\xC3\xA9", "0", "f32", 4, 0);
    add(&tensors, "first", "0", "f32", 0, 0);
    mm_tensors_sort(&tensors);
    check_names(&tensors, "first z B a a.b b \xC3\xA9 late");
    mm_tensors_sort(&tensors);
    check_names(&tensors, "first z B a a.b b \xC3\xA9 late");
    mm_tensors_release(&tensors);
    mm_tensors_release(&tensors);
    assert_int_equal(tensors.count, 0);
}

/* Offsets drawn from RANGE values: 1 makes them all equal, so that names alone decide. */
static void check_sorting(uint32_t count, uint32_t range)
{
    struct mm_tensors tensors = {0};
    char name[32], dims[32];
    uint64_t sum = 0, sorted_sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t mixed = i * 2654435761u;
        snprintf(name, sizeof name, "t%08x", mixed);
        snprintf(dims, sizeof dims, "%u", i);
        add(&tensors, name, dims, "f32", (mixed >> 7) % range, i);
        sum += i;
    }
    mm_tensors_sort(&tensors);
    assert_int_equal(tensors.count, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct mm_tensor *tensor = &tensors.items[i];
        snprintf(name, sizeof name, "t%08x", (uint32_t)tensor->bytes * 2654435761u);
        snprintf(dims, sizeof dims, "%u", (uint32_t)tensor->bytes);
        assert_string_equal(mm_tensor_name(&tensors, i), name);
        assert_string_equal(tensors.words.data + tensor->dims, dims);
        sorted_sum += tensor->bytes;
        if (i == 0)
            continue;
        const struct mm_tensor *before = tensor - 1;
        if (before->offset > tensor->offset ||
            (before->offset == tensor->offset && strcmp(mm_tensor_name(&tensors, i - 1), mm_tensor_name(&tensors, i)) >= 0))
            fail_msg("%u tensors over %u offsets: place %u", count, range, i);
    }
    assert_int_equal(sum, sorted_sum);
    mm_tensors_release(&tensors);
}

static void large_tables_are_sorted_whatever_their_order(void **state)
{
    static const uint32_t counts[] = {2, 3, 10, 255, 256, 257, 5000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        check_sorting(counts[i], 1);
        check_sorting(counts[i], 3);
        check_sorting(counts[i], 1000003);
    }
}

static void layout_lines_hold_what_the_page_says(void **state)
{
    struct mm_tensors tensors = {0};
    struct mm_buf lines = {0};
    struct mm_diags diags;
    unsigned char digest[MM_HASH_BYTES], expected[MM_HASH_BYTES];
    struct mm_sha256 *sha = mm_sha256_new();
    (void)state;
    mm_diags_init(&diags);
    add(&tensors, "scalar", "", "bf16", 0, 2);
    add(&tensors, "blk.0.w", "256,2", "q4_k", 32, 288);
    add(&tensors, "empty", "0,7", "f8_e4m3", INT64_MAX, 0);
    for (size_t i = 0; i < tensors.count; i++)
        mm_tensor_layout_line(&tensors, i, &lines);
    assert_string_equal(mm_buf_text(&lines), "scalar\tbf16\t\t0\t2\nblk.0.w\tq4_k\t256,2\t32\t288\nempty\tf8_e4m3\t0,7\t9223372036854775807\t0\n");
    assert_int_equal(mm_tensors_layout(&tensors, digest, &diags), 0);
    mm_sha256_once(sha, lines.data, lines.length, expected);
    assert_memory_equal(digest, expected, sizeof digest);
    mm_tensors_release(&tensors);
    assert_int_equal(mm_tensors_layout(&tensors, digest, &diags), 0);
    assert_memory_equal(digest, mm_sha256_empty, sizeof digest);
    mm_sha256_free(sha);
    mm_buf_release(&lines);
    mm_diags_release(&diags);
}

static void names_are_printable_and_short(void **state)
{
    static const struct { const char *name; size_t length; bool good; } cases[] = {
        {BYTES("a"), true}, {BYTES("blk.0.attn_q.weight"), true}, {BYTES("with space"), true}, {BYTES("\xC3\xA9\xF0\x9F\x98\x80"), true}, {BYTES(""), false}, {BYTES("a\0b"), false}, {BYTES("a\tb"), false},
        {BYTES("a\nb"), false}, {BYTES("\x7F"), false}, {BYTES("\xC2\x85"), false}, {BYTES("\x80"), false}, {BYTES("a\xC3"), false}, {BYTES("\xED\xA0\x80"), false}, {BYTES("\xC0\xAF"), false},
    };
    struct mm_diags diags;
    char name[300];
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(mm_tensor_name_check(cases[i].name, cases[i].length, 77, &diags), cases[i].good);
        check_findings(cases[i].name, &diags, cases[i].good ? "" : "tensor-name@#77");
    }
    memset(name, 'n', sizeof name);
    assert_true(mm_tensor_name_check(name, 255, 0, &diags));
    assert_false(mm_tensor_name_check(name, 256, 8, &diags));
    check_findings("256 bytes", &diags, "tensor-name@#8");
    mm_diags_release(&diags);
}

static void check_padding(const char *bytes, size_t size, uint64_t length, bool whole, const char *expected)
{
    struct mm_source source;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int fd = file_of(bytes, size);
    assert_int_equal(mm_source_open(&source, fd, &diags), 0);
    assert_int_equal(mm_tensors_padding(&source, length, &diags), whole);
    check_findings("padding", &diags, expected);
    if (whole)
        assert_int_equal(mm_source_offset(&source), length);
    mm_source_release(&source);
    mm_diags_release(&diags);
    close(fd);
}

static void padding_is_zeros(void **state)
{
    (void)state;
    check_padding(BYTES("\0\0\0\0x"), 4, true, "");
    check_padding(BYTES("xy"), 0, true, "");
    check_padding(BYTES("\0\0x\0"), 4, true, "data-padding@#2");
    check_padding(BYTES("xyz\0"), 4, true, "data-padding@#0");
    check_padding(BYTES("x\0yz\0\0w"), 7, true, "data-padding@#0 data-padding@#2 data-padding@#6");
    check_padding(BYTES("\0\0"), 3, false, "");
    check_padding(BYTES(""), 1, false, "");
    check_padding(BYTES("\0\1"), 3, false, "data-padding@#1");
}

static void runs_that_cross_a_window_are_one_finding(void **state)
{
    size_t length = MM_SOURCE_WINDOW + 100;
    char *bytes = test_calloc(1, length);
    char expected[64];
    (void)state;
    memset(bytes + MM_SOURCE_WINDOW - 3, 'x', 6);
    snprintf(expected, sizeof expected, "data-padding@#%d", MM_SOURCE_WINDOW - 3);
    check_padding(bytes, length, length, true, expected);
    test_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_sorted_by_offset_then_name),
        cmocka_unit_test(large_tables_are_sorted_whatever_their_order),
        cmocka_unit_test(layout_lines_hold_what_the_page_says),
        cmocka_unit_test(names_are_printable_and_short),
        cmocka_unit_test(padding_is_zeros),
        cmocka_unit_test(runs_that_cross_a_window_are_one_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
