#include "unit.h"

#include "exchange/range.h"

static void one_part_is_understood(void **state)
{
    static const struct {
        const char *value;
        uint64_t size;
        enum mm_range expected;
        uint64_t offset, length;
    } cases[] = {
        {NULL, 100, MM_RANGE_NONE, 0, 0},
        {"bytes=0-0", 100, MM_RANGE_PART, 0, 1},
        {"bytes=0-99", 100, MM_RANGE_PART, 0, 100},
        {"bytes=10-19", 100, MM_RANGE_PART, 10, 10},
        {"Bytes=10-19", 100, MM_RANGE_PART, 10, 10},
        {"bytes=90-", 100, MM_RANGE_PART, 90, 10},
        {"bytes=90-1000", 100, MM_RANGE_PART, 90, 10},
        {"bytes=-7", 100, MM_RANGE_PART, 93, 7},
        {"bytes=-1000", 100, MM_RANGE_PART, 0, 100},
        {"bytes=007-009", 100, MM_RANGE_PART, 7, 3},
        {"bytes=99-99999999999999999999999999999999", 100, MM_RANGE_PART, 99, 1},
        {"bytes=-99999999999999999999999999999999", 100, MM_RANGE_PART, 0, 100},
        {"bytes=1-18446744073709551615", 100, MM_RANGE_PART, 1, 99},
        {"bytes=0-9223372036854775807", INT64_MAX, MM_RANGE_PART, 0, INT64_MAX},
        {"bytes=100-", 100, MM_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=100-200", 100, MM_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551616-18446744073709551617", 100, MM_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 100, MM_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, MM_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-5", 0, MM_RANGE_NONE, 0, 0},
        {"bytes=-0", 0, MM_RANGE_UNSATISFIABLE, 0, 0},
        {"", 100, MM_RANGE_NONE, 0, 0},
        {"bytes", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=-", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=5", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=9-5", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=0-1,3-4", 100, MM_RANGE_NONE, 0, 0},
        {"bytes= 0-1", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=0-1 ", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=+0-1", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=0x1-2", 100, MM_RANGE_NONE, 0, 0},
        {"bytes=--5", 100, MM_RANGE_NONE, 0, 0},
        {"bytes 0-1", 100, MM_RANGE_NONE, 0, 0},
        {"chunks=0-1", 100, MM_RANGE_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t offset = 0, length = 0;
        const char *name = cases[i].value ? cases[i].value : "none";
        check_number(name, mm_range_read(cases[i].value, cases[i].size, &offset, &length), cases[i].expected);
        if (cases[i].expected == MM_RANGE_PART) {
            check_number(name, offset, cases[i].offset);
            check_number(name, length, cases[i].length);
        }
    }
}

static void what_is_asked_for_reads_back(void **state)
{
    char text[MM_RANGE_TEXT];
    uint64_t offset, length;
    (void)state;
    assert_string_equal(mm_range_write(text, 0, 1), "bytes=0-0");
    assert_string_equal(mm_range_write(text, INT64_MAX - 1, 1), "bytes=9223372036854775806-9223372036854775806");
    assert_int_equal(mm_range_read(mm_range_write(text, 65536, 131072), 1000000, &offset, &length), MM_RANGE_PART);
    assert_int_equal(offset, 65536);
    assert_int_equal(length, 131072);
}

static void content_ranges_are_strict(void **state)
{
    static const char *const wrong[] = {"", "bytes", "bytes ", "bytes 0-9", "bytes 0-9/*", "bytes */100", "bytes 9-0/100", "bytes 0-100/100",
                                        "bytes 00-9/100", "bytes 0-9/0100", "bytes +0-9/100", "bytes 0-9/100 ", "bytes 0-9/9223372036854775808",
                                        "bytes=0-9/100", "items 0-9/100", "bytes 0-9/100/100", "bytes -9/100", "bytes 0-/100", "bytes 0 -9/100"};
    uint64_t offset, length, size;
    (void)state;
    assert_true(mm_range_read_content("bytes 0-0/1", &offset, &length, &size));
    assert_true(mm_range_read_content("bytes 10-19/9223372036854775807", &offset, &length, &size));
    assert_int_equal(offset, 10);
    assert_int_equal(length, 10);
    assert_int_equal(size, INT64_MAX);
    assert_false(mm_range_read_content(NULL, &offset, &length, &size));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (mm_range_read_content(wrong[i], &offset, &length, &size))
            fail_msg("taken: '%s'", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_part_is_understood),
        cmocka_unit_test(what_is_asked_for_reads_back),
        cmocka_unit_test(content_ranges_are_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
