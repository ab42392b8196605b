#include "unit.h"

#include "base/number.h"

static void numbers_have_one_spelling(void **state)
{
    static const struct { const char *text; bool number; uint64_t value; } cases[] = {
        {"0", true, 0}, {"1", true, 1}, {"9", true, 9}, {"10", true, 10}, {"1234567890", true, 1234567890},
        {"9223372036854775806", true, INT64_MAX - 1}, {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0}, {"9223372036854775810", false, 0}, {"18446744073709551615", false, 0},
        {"18446744073709551616", false, 0}, {"18446744073709551617", false, 0}, {"92233720368547758070", false, 0},
        {"99999999999999999999999999999999", false, 0},
        {"", false, 0}, {"00", false, 0}, {"01", false, 0}, {"007", false, 0}, {"+7", false, 0}, {"-1", false, 0}, {"-0", false, 0},
        {" 42", false, 0}, {"42 ", false, 0}, {"4 2", false, 0}, {"\t4", false, 0}, {"4\n", false, 0}, {"0x10", false, 0}, {"1e3", false, 0},
        {"1.0", false, 0}, {"1,000", false, 0}, {"1_000", false, 0}, {"a", false, 0}, {"1a", false, 0}, {"/", false, 0}, {":", false, 0},
        {"\xD9\xA1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t value = 4711;
        check_number(cases[i].text, mm_number(cases[i].text, strlen(cases[i].text), MM_NUMBER_MAX, &value), cases[i].number);
        check_number(cases[i].text, value, cases[i].number ? cases[i].value : 4711);
    }
}

static void numbers_end_where_told(void **state)
{
    uint64_t value;
    (void)state;
    assert_true(mm_number("1234", 2, MM_NUMBER_MAX, &value));
    assert_int_equal(value, 12);
    assert_false(mm_number("1\0002", 3, MM_NUMBER_MAX, &value));
}

static void the_largest_number_is_the_callers(void **state)
{
    static const uint64_t maxima[] = {0, 1, 5, 9, 10, 11, 99, 100, 255, 8000000, UINT32_MAX, INT64_MAX, UINT64_MAX - 1};
    char text[24];
    uint64_t value;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(maxima); i++) {
        snprintf(text, sizeof text, "%" PRIu64, maxima[i]);
        check_number(text, mm_number(text, strlen(text), maxima[i], &value), true);
        check_number(text, value, maxima[i]);
        snprintf(text, sizeof text, "%" PRIu64, maxima[i] + 1);
        check_number(text, mm_number(text, strlen(text), maxima[i], &value), false);
    }
}

static void numbers_reach_2_64_where_allowed(void **state)
{
    uint64_t value;
    (void)state;
    assert_true(mm_number(BYTES("18446744073709551615"), UINT64_MAX, &value));
    assert_int_equal(value, UINT64_MAX);
    assert_false(mm_number(BYTES("18446744073709551616"), UINT64_MAX, &value));
    assert_false(mm_number(BYTES("18446744073709551620"), UINT64_MAX, &value));
}

static void sizes_take_suffixes(void **state)
{
    static const struct { const char *text; uint64_t max; bool size; uint64_t value; } cases[] = {
        {"0", INT64_MAX, true, 0}, {"65536", INT64_MAX, true, 65536}, {"64K", INT64_MAX, true, 65536}, {"1M", INT64_MAX, true, 1048576},
        {"1G", INT64_MAX, true, 1073741824}, {"0K", INT64_MAX, true, 0},
        {"9007199254740991K", INT64_MAX, true, UINT64_C(9007199254740991) << 10}, {"9007199254740992K", INT64_MAX, false, 0},
        {"8589934591G", INT64_MAX, true, UINT64_C(8589934591) << 30}, {"8589934592G", INT64_MAX, false, 0},
        {"64M", 67108864, true, 67108864}, {"65M", 67108864, false, 0}, {"1K", 1023, false, 0}, {"1K", 1024, true, 1024},
        {"", INT64_MAX, false, 0}, {"K", INT64_MAX, false, 0}, {"1k", INT64_MAX, false, 0}, {"1KB", INT64_MAX, false, 0},
        {"1KK", INT64_MAX, false, 0}, {"1KiB", INT64_MAX, false, 0}, {"1T", INT64_MAX, false, 0}, {"01K", INT64_MAX, false, 0},
        {"+1K", INT64_MAX, false, 0}, {"1 K", INT64_MAX, false, 0}, {"-1K", INT64_MAX, false, 0}, {"1.5M", INT64_MAX, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t value = 0;
        check_number(cases[i].text, mm_number_size(cases[i].text, cases[i].max, &value), cases[i].size);
        if (cases[i].size)
            check_number(cases[i].text, value, cases[i].value);
    }
}

static void hex_is_lower_case(void **state)
{
    char out[2 * 8 + 1];
    (void)state;
    mm_hex(out, (const unsigned char *)"\x00\x01\x0f\x10\x7f\x80\xab\xff", 8);
    assert_string_equal(out, "00010f107f80abff");
    mm_hex(out, (const unsigned char *)"", 0);
    assert_string_equal(out, "");
}

static void every_byte_survives_hex(void **state)
{
    unsigned char bytes[MM_HASH_BYTES], back[MM_HASH_BYTES];
    char text[MM_HASH_HEX + 1];
    (void)state;
    for (unsigned start = 0; start < 256; start += MM_HASH_BYTES) {
        for (unsigned i = 0; i < MM_HASH_BYTES; i++)
            bytes[i] = (unsigned char)(start + i);
        mm_hex(text, bytes, MM_HASH_BYTES);
        assert_true(mm_hex_hash(text, MM_HASH_HEX, back));
        assert_memory_equal(bytes, back, MM_HASH_BYTES);
    }
}

static void a_hash_is_64_lower_case_digits(void **state)
{
    static const char bad[] = "/:@AFGZ`g \n\0-\x80";
    char text[MM_HASH_HEX + 2];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_true(mm_hex_hash(text, MM_HASH_HEX, NULL));
    assert_false(mm_hex_hash(text, MM_HASH_HEX - 1, NULL));
    assert_false(mm_hex_hash(text, MM_HASH_HEX + 1, NULL));
    assert_false(mm_hex_hash(text, 0, NULL));
    for (size_t at = 0; at < MM_HASH_HEX; at++)
        for (size_t i = 0; i < sizeof bad - 1; i++) {
            text[at] = bad[i];
            assert_false(mm_hex_hash(text, MM_HASH_HEX, NULL));
            text[at] = 'a';
        }
    for (const char *good = "0123456789abcdef"; *good; good++) {
        memset(text, *good, MM_HASH_HEX);
        assert_true(mm_hex_hash(text, MM_HASH_HEX, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_one_spelling),
        cmocka_unit_test(numbers_end_where_told),
        cmocka_unit_test(the_largest_number_is_the_callers),
        cmocka_unit_test(numbers_reach_2_64_where_allowed),
        cmocka_unit_test(sizes_take_suffixes),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(every_byte_survives_hex),
        cmocka_unit_test(a_hash_is_64_lower_case_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
