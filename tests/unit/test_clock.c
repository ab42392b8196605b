#include "unit.h"

#include "base/clock.h"

static void times_that_exist_are_valid(void **state)
{
    static const char *const cases[] = {
        "2026-01-31T00:00:00Z", "2026-12-31T23:59:59Z", "2024-02-29T12:00:00Z", "2000-02-29T00:00:00Z", "1600-02-29T00:00:00Z",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0004-02-29T00:00:00Z", "2026-04-30T00:00:00Z", "2026-06-30T00:00:00Z",
        "2026-09-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-03-31T00:00:00Z", "2026-02-28T00:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_true(cases[i], mm_time_valid(cases[i], strlen(cases[i])));
}

static void times_that_do_not_exist_are_refused(void **state)
{
    static const char *const cases[] = {
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2000-02-30T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-06-31T00:00:00Z", "2026-09-31T00:00:00Z", "2026-11-31T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-06-30T23:59:60Z", "2016-12-31T23:59:60Z", "2026-01-01T00:00:61Z",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_true(cases[i], !mm_time_valid(cases[i], strlen(cases[i])));
}

static void times_have_one_form(void **state)
{
    static const char *const cases[] = {
        "", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00Z", "2026-01-01T00:00:00z",
        "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.0Z", "2026-1-1T00:00:00Z", "20260101T000000Z", "02026-01-01T00:00:00Z",
        "2026/01/01T00:00:00Z", "2026-01-01T00.00.00Z", " 026-01-01T00:00:00Z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:0 Z",
        "2026-01-01T0a:00:00Z", "2026-01-01T00:00:00Z ", "2026-01-01T00:00:00ZZ", "-026-01-01T00:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_true(cases[i], !mm_time_valid(cases[i], strlen(cases[i])));
    assert_true(mm_time_valid("2026-01-01T00:00:00Zjunk", 20));
    assert_false(mm_time_valid("2026-01-01T00:00:00\0", 20));
}

static void seconds_are_counted_from_the_first_year(void **state)
{
    static const struct { const char *text; int64_t seconds; } cases[] = {
        {"0001-01-01T00:00:00Z", 0}, {"0001-01-01T00:00:01Z", 1}, {"0001-12-31T23:59:59Z", 365 * 86400 - 1}, {"0005-01-01T00:00:00Z", 1461 * 86400},
        {"1970-01-01T00:00:00Z", 62135596800}, {"2000-02-29T00:00:00Z", 62135596800 + 951782400}, {"2000-03-01T00:00:00Z", 62135596800 + 951868800},
        {"2023-11-14T22:13:20Z", 62135596800 + 1700000000}, {"2100-01-01T00:00:00Z", 62135596800 + 4102444800}, {"9999-12-31T23:59:59Z", 62135596800 + 253402300799},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_number(cases[i].text, (uint64_t)mm_time_seconds(cases[i].text), (uint64_t)cases[i].seconds);
}

static void check_written(const char *epoch, const char *expected)
{
    char out[MM_TIME_SIZE];
    assert_int_equal(setenv("SOURCE_DATE_EPOCH", epoch, 1), 0);
    mm_time_written(out);
    check_text(epoch, out, expected);
}

static void the_epoch_of_the_environment_is_written(void **state)
{
    (void)state;
    check_written("0", "1970-01-01T00:00:00Z");
    check_written("1", "1970-01-01T00:00:01Z");
    check_written("951782400", "2000-02-29T00:00:00Z");
    check_written("1700000000", "2023-11-14T22:13:20Z");
    check_written("4102444800", "2100-01-01T00:00:00Z");
    check_written("253402300799", "9999-12-31T23:59:59Z");
    unsetenv("SOURCE_DATE_EPOCH");
}

/* A time of the clock: valid, and not one that the variable could have meant. */
static void an_epoch_that_is_none_is_passed_over(void **state)
{
    static const char *const cases[] = {"", " 0", "+0", "-1", "0x0", "00", "1e3", "0.5", "now", "253402300800", "18446744073709551616"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[MM_TIME_SIZE];
        assert_int_equal(setenv("SOURCE_DATE_EPOCH", cases[i], 1), 0);
        mm_time_written(out);
        check_true(cases[i], mm_time_valid(out, strlen(out)));
        check_true(cases[i], strcmp(out, "1971-01-01T00:00:00Z") > 0 && strcmp(out, "9999-01-01T00:00:00Z") < 0);
    }
    unsetenv("SOURCE_DATE_EPOCH");
}

static void the_clock_ignores_the_environment(void **state)
{
    char out[MM_TIME_SIZE];
    (void)state;
    assert_int_equal(setenv("SOURCE_DATE_EPOCH", "0", 1), 0);
    mm_time_now(out);
    assert_true(mm_time_valid(out, strlen(out)));
    assert_string_not_equal(out, "1970-01-01T00:00:00Z");
    unsetenv("SOURCE_DATE_EPOCH");
}

static void time_zones_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "XYZ-5:30", 1), 0);
    check_written("1700000000", "2023-11-14T22:13:20Z");
    unsetenv("TZ");
    unsetenv("SOURCE_DATE_EPOCH");
}

static void days_are_added_to_a_time(void **state)
{
    static const struct {
        const char *from, *to;
        uint64_t days;
    } cases[] = {
        {"2024-02-28T12:34:56Z", "2024-02-29T12:34:56Z", 1},
        {"2023-12-31T00:00:00Z", "2024-03-30T00:00:00Z", 90},
        {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", "1970-01-01T23:59:59Z", 1},
        {"2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 4000000},
        {"2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", UINT64_MAX},
        {"0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z", 1},
        {"0099-12-31T01:02:03Z", "0100-01-01T01:02:03Z", 1},
        {"0999-12-31T23:59:59Z", "1000-01-01T23:59:59Z", 1},
        {"9999-12-30T00:00:00Z", "9999-12-31T00:00:00Z", 1},
    };
    char out[MM_TIME_SIZE];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        mm_time_later(out, cases[i].from, cases[i].days);
        check_text(cases[i].from, out, cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_exist_are_valid),
        cmocka_unit_test(times_that_do_not_exist_are_refused),
        cmocka_unit_test(times_have_one_form),
        cmocka_unit_test(seconds_are_counted_from_the_first_year),
        cmocka_unit_test(days_are_added_to_a_time),
        cmocka_unit_test(the_epoch_of_the_environment_is_written),
        cmocka_unit_test(an_epoch_that_is_none_is_passed_over),
        cmocka_unit_test(the_clock_ignores_the_environment),
        cmocka_unit_test(time_zones_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
