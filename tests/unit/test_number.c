#include "unit.h"

#include <locale.h>

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
        {"", INT64_MAX, false, 0}, {"K", INT64_MAX, false, 0}, {"1k", INT64_MAX, false, 0}, {"1KB", INT64_MAX, true, 1000},
        {"1KK", INT64_MAX, false, 0}, {"1KiB", INT64_MAX, true, 1024}, {"1T", INT64_MAX, true, UINT64_C(1) << 40}, {"01K", INT64_MAX, false, 0},
        {"+1K", INT64_MAX, false, 0}, {"1 K", INT64_MAX, false, 0}, {"-1K", INT64_MAX, false, 0}, {"1.5M", INT64_MAX, false, 0},
        {"4GB", INT64_MAX, true, UINT64_C(4000000000)}, {"2TB", INT64_MAX, true, UINT64_C(2000000000000)}, {"3MiB", INT64_MAX, true, 3145728},
        {"1B", INT64_MAX, false, 0}, {"1iB", INT64_MAX, false, 0}, {"B", INT64_MAX, false, 0}, {"iB", INT64_MAX, false, 0}, {"KB", INT64_MAX, false, 0},
        {"1kB", INT64_MAX, false, 0}, {"1KBB", INT64_MAX, false, 0}, {"9223373TB", INT64_MAX, false, 0}, {"9223372TB", INT64_MAX, true, UINT64_C(9223372000000000000)},
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

/* The spelling by C's own means, which is right in the C locale. */
static void spell_plainly(char out[static MM_REAL_TEXT], float value)
{
    for (int precision = 6; precision <= 9; precision++) {
        snprintf(out, MM_REAL_TEXT, "%.*g", precision, (double)value);
        if (strtof(out, NULL) == value)
            return;
    }
}

static void check_real(float value)
{
    char plain[MM_REAL_TEXT], written[MM_REAL_TEXT];
    float back = -4711;
    spell_plainly(plain, value);
    check_text("a real number", mm_real_write(written, value), plain);
    check_true(plain, mm_real_read(written, strlen(written), &back));
    check_true(plain, back == value);
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void reals_are_the_first_spelling_that_reads_back(void **state)
{
    static const float values[] = {0, 1, -1, 0.5F, 0.1F, 1e-5F, 1e-6F, 10000, 500000, 1e6F, 1e7F, 1234567, 12345678, 123456792, 1000010,
                                   16777216, 3.4028235e38F, 1.17549435e-38F, 1e-45F, 0.0001F, 0.00012345678F, 999999.5F, 9999995.0F, 99999.95F};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        check_real(values[i]);
        check_real(-values[i] + 0.0F);
    }
    uint32_t bits = 1;
    for (int i = 0; i < 300000; i++) {
        bits = bits * 1664525 + 1013904223;
        float value = float_of(bits ^ bits >> 15);
        if (value - value == 0 && value != 0)
            check_real(value);
    }
    for (int i = 0; i < 300000; i++) { /* from 2^-15 to 2^21, where digits are those of whole numbers */
        bits = bits * 1664525 + 1013904223;
        check_real(float_of((bits >> 9 & 0x7FFFFF) | (112 + (uint32_t)i % 36) << 23));
    }
    for (uint32_t exponent = 0; exponent < 255; exponent++)
        for (uint32_t low = 0; low < 3; low++) {
            check_real(float_of(exponent << 23 | (low + (exponent == 0))));
            check_real(float_of(exponent << 23 | (0x7FFFFF - low)));
        }
}

static void reals_have_one_spelling(void **state)
{
    static const char *const bad[] = {"", "-", ".", "e", "-0", "+1", "00", "01", "1.", ".5", "1.0", "0.10", "1000000", "1e6", "1e+6", "1e+006",
                                      "1E+06", "1e06", "1e-05x", "1e-5", "1,5", " 1", "1 ", "0x1p3", "inf", "-inf", "nan", "1e+39", "1e+99",
                                      "1e-46", "0.00001", "0.1000000015", "0.100000001", "123456789012345678901234", "1..5", "1.5.5", "e+06",
                                      "1e+", "1e+0", "0e+00", "-1.50", "--1", "1.00001e+06e"};
    float value = 4711;
    char text[MM_REAL_TEXT];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_number(bad[i], mm_real_read(bad[i], strlen(bad[i]), &value), false);
    check_true("nothing was stored", value == 4711);
    check_true("a NUL is no digit", !mm_real_read("1\0", 2, &value));
    check_text("negative zero", mm_real_write(text, -0.0F), "0");
    check_text("no number", mm_real_write(text, float_of(0x7FC00000)), "nan");
    check_text("infinity", mm_real_write(text, float_of(0xFF800000)), "-inf");
}

/* Wherever a locale writes its point in another way. */
static void reals_do_not_hang_on_the_locale(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ru_RU.UTF-8", "ps_AF.UTF-8", "fa_IR.UTF-8"};
    char text[MM_REAL_TEXT];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        float value = 0;
        bool there = setlocale(LC_ALL, names[i]) != NULL;
        mm_real_write(text, 1.5F);
        bool read = mm_real_read("0.25", 4, &value);
        setlocale(LC_ALL, "C");
        check_text(there ? names[i] : "C", text, "1.5");
        check_true("0.25 is read", read && value == 0.25F);
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
        cmocka_unit_test(reals_are_the_first_spelling_that_reads_back),
        cmocka_unit_test(reals_have_one_spelling),
        cmocka_unit_test(reals_do_not_hang_on_the_locale),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(every_byte_survives_hex),
        cmocka_unit_test(a_hash_is_64_lower_case_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
