#include "unit.h"

static void an_empty_buffer_reads_as_no_text(void **state)
{
    struct mm_buf buf = {0};
    (void)state;
    assert_string_equal(mm_buf_text(&buf), "");
    mm_buf_clear(&buf);
    assert_string_equal(mm_buf_text(&buf), "");
    mm_buf_add(&buf, NULL, 0);
    assert_string_equal(mm_buf_text(&buf), "");
    mm_buf_release(&buf);
    mm_buf_release(&buf);
    assert_null(buf.data);
}

static void additions_follow_each_other(void **state)
{
    struct mm_buf buf = {0};
    (void)state;
    mm_buf_str(&buf, "ab");
    mm_buf_char(&buf, 'c');
    mm_buf_add(&buf, "d\0e", 3);
    mm_buf_printf(&buf, "%d-%s", 42, "x");
    assert_int_equal(buf.length, 10);
    assert_memory_equal(buf.data, "abcd\0e42-x", 11);
    mm_buf_clear(&buf);
    assert_int_equal(buf.length, 0);
    assert_string_equal(mm_buf_text(&buf), "");
    mm_buf_str(&buf, "again");
    assert_string_equal(mm_buf_text(&buf), "again");
    mm_buf_release(&buf);
}

static void growth_keeps_every_byte(void **state)
{
    struct mm_buf buf = {0};
    (void)state;
    for (unsigned i = 0; i < 70000; i++) {
        mm_buf_char(&buf, (char)('a' + i % 26));
        if (buf.data[buf.length] != '\0')
            fail_msg("no NUL after %u bytes", i);
    }
    assert_int_equal(buf.length, 70000);
    for (unsigned i = 0; i < 70000; i++)
        if (buf.data[i] != (char)('a' + i % 26))
            fail_msg("byte %u", i);
    mm_buf_release(&buf);
}

static void long_formats_are_kept_whole(void **state)
{
    struct mm_buf buf = {0};
    char *text = test_malloc(10001);
    (void)state;
    memset(text, 'x', 10000);
    text[10000] = '\0';
    mm_buf_printf(&buf, "<%s>", text);
    assert_int_equal(buf.length, 10002);
    assert_int_equal(buf.data[10001], '>');
    test_free(text);
    mm_buf_release(&buf);
}

static void exhaustion_is_remembered(void **state)
{
    struct mm_buf buf = {0};
    (void)state;
    mm_buf_str(&buf, "kept");
    mm_buf_add(&buf, "", SIZE_MAX);
    assert_true(buf.failed);
    assert_null(mm_buf_text(&buf));
    mm_buf_str(&buf, "more");
    assert_true(buf.failed);
    assert_null(mm_buf_text(&buf));
    assert_int_equal(buf.length, 4);
    mm_buf_release(&buf);
    assert_false(buf.failed);
}

static void json_strings_are_escaped(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *json;
    } cases[] = {
        {BYTES(""), "\"\""},
        {BYTES("plain/text"), "\"plain/text\""},
        {BYTES("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {BYTES("\0"), "\"\\u0000\""},
        {BYTES("\b\f\n\r\t"), "\"\\u0008\\u000c\\u000a\\u000d\\u0009\""},
        {BYTES("\x1F "), "\"\\u001f \""},
        {BYTES("\x7F\xC2\x80\xC2\x9F\xC2\xA0"), "\"\\u007f\\u0080\\u009f\xC2\xA0\""},
        {BYTES("\xE2\x80\xA8\xE2\x80\xAE\xEF\xBB\xBF"), "\"\\u2028\\u202e\\ufeff\""},
        {BYTES("\xEF\xBF\xBE\xEF\xB7\x90"), "\"\\ufffe\\ufdd0\""},
        {BYTES("\xF3\xA0\x81\x81"), "\"\\udb40\\udc41\""},
        {BYTES("\xF0\x9F\xBF\xBE"), "\"\\ud83f\\udffe\""},
        {BYTES("\xF4\x8F\xBF\xBF"), "\"\\udbff\\udfff\""},
        {BYTES("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\""},
        {BYTES("a\xFFz"), "\"a\xEF\xBF\xBDz\""},
        {BYTES("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {BYTES("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_buf buf = {0};
        mm_buf_json(&buf, cases[i].bytes, cases[i].length);
        check_text(cases[i].bytes, mm_buf_text(&buf), cases[i].json);
        mm_buf_release(&buf);
    }
}

static void json_text_ends_at_its_nul(void **state)
{
    struct mm_buf buf = {0};
    (void)state;
    mm_buf_json_str(&buf, "a\"\0hidden");
    assert_string_equal(mm_buf_text(&buf), "\"a\\\"\"");
    mm_buf_release(&buf);
}

static void numbers_are_decimal(void **state)
{
    struct mm_buf buf = {0};
    (void)state;
    mm_buf_number(&buf, 0);
    mm_buf_char(&buf, ' ');
    mm_buf_number(&buf, 9007199254740991);
    mm_buf_char(&buf, ' ');
    mm_buf_number(&buf, UINT64_MAX);
    assert_string_equal(mm_buf_text(&buf), "0 9007199254740991 18446744073709551615");
    mm_buf_release(&buf);
}

/* Around the size at which a text gets memory of its own, and of itself. */
static void formats_of_any_length(void **state)
{
    (void)state;
    for (int length = 250; length < 260; length++) {
        struct mm_buf buf = {0};
        mm_buf_printf(&buf, "%*d", length, 7);
        assert_int_equal(buf.length, length);
        assert_int_equal(buf.data[length - 1], '7');
        mm_buf_printf(&buf, "%s", buf.data);
        assert_int_equal(buf.length, 2 * length);
        assert_int_equal(buf.data[2 * length - 1], '7');
        mm_buf_release(&buf);
    }
}

static void terminals_see_no_control_codes(void **state)
{
    static const char bytes[] = "ok\x1B[2J\r\n\xC2\x9B"
                                "31m\xE2\x80\xAE\\ \xC3\xA9\xFF";
    struct mm_buf buf = {0};
    (void)state;
    mm_buf_escaped(&buf, bytes, sizeof bytes - 1);
    assert_string_equal(mm_buf_text(&buf), "ok\\u{1b}[2J\\u{d}\\u{a}\\u{9b}31m\\u{202e}\\\\ \xC3\xA9\\xff");
    mm_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_no_text),
        cmocka_unit_test(additions_follow_each_other),
        cmocka_unit_test(growth_keeps_every_byte),
        cmocka_unit_test(long_formats_are_kept_whole),
        cmocka_unit_test(exhaustion_is_remembered),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(json_text_ends_at_its_nul),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(formats_of_any_length),
        cmocka_unit_test(terminals_see_no_control_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
