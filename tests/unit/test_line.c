#include "unit.h"

#include "text/line.h"

/* ---- the first line ---- */

static void first_lines_name_type_and_version(void **state)
{
    static const struct { const char *text; size_t length; int result; const char *found; } cases[] = {
        {BYTES("minimodel-test 0\n"), 0, ""}, {BYTES("minimodel-test 0\nmore: x\n"), 0, ""},
        {BYTES("minimodel-test 1\n"), -1, "text-version-unsupported@1:16"}, {BYTES("minimodel-test 42\n"), -1, "text-version-unsupported@1:16"},
        {BYTES("minimodel-test 99999999999999999999\n"), -1, "text-version-unsupported@1:16"},
        {BYTES("minimodel-test 00\n"), -1, "text-first-line@1:16"}, {BYTES("minimodel-test 01\n"), -1, "text-first-line@1:16"},
        {BYTES("minimodel-test 0 \n"), -1, "text-first-line@1:16"}, {BYTES("minimodel-test  0\n"), -1, "text-first-line@1:16"},
        {BYTES("minimodel-test x\n"), -1, "text-first-line@1:16"}, {BYTES("minimodel-test -1\n"), -1, "text-first-line@1:16"},
        {BYTES("minimodel-test 0.1\n"), -1, "text-first-line@1:16"}, {BYTES("minimodel-test 1a\n"), -1, "text-first-line@1:16"},
        {BYTES("minimodel-test \n"), -1, "text-first-line@1:1"}, {BYTES("minimodel-test\n"), -1, "text-first-line@1:1"},
        {BYTES("minimodel-tests 0\n"), -1, "text-first-line@1:1"}, {BYTES("minimodel-tes 0\n"), -1, "text-first-line@1:1"},
        {BYTES("Minimodel-test 0\n"), -1, "text-first-line@1:1"}, {BYTES(" minimodel-test 0\n"), -1, "text-first-line@1:1"},
        {BYTES("minimodel-other 0\n"), -1, "text-first-line@1:1"}, {BYTES("minimodel-test\t0\n"), -1, "text-first-line@1:1"},
        {BYTES(""), -1, "text-first-line@1:1"}, {BYTES("\n"), -1, "text-first-line@1:1"}, {BYTES("GGUF\3\0\0\0"), -1, "text-last-line@1:9 text-first-line@1:1"},
        {BYTES("minimodel-test 0"), 0, "text-last-line@1:17"}, {BYTES("minimodel-test 0\r\n"), 0, "text-line-end@1:17"},
        {BYTES("\xEF\xBB\xBFminimodel-test 0\n"), 0, "text-bom@1:1"}, {BYTES("\xEF\xBB\xBF"), -1, "text-bom@1:1 text-first-line@1:1"},
        {BYTES("minimodel-test 0\0\n"), -1, "text-first-line@1:16"},
    };
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_lines lines;
        check_number(cases[i].text, mm_lines_begin(&lines, cases[i].text, cases[i].length, "minimodel-test", &diags), cases[i].result);
        check_findings(cases[i].text, &diags, cases[i].found);
    }
    mm_diags_release(&diags);
}

/* ---- lines ---- */

/* Reads one line, the second of its document. */
static bool read_line(const char *text, size_t length, struct mm_line *line, const char *expected)
{
    struct mm_lines lines = {.text = text, .end = text + length, .at = text, .number = 1};
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_true(mm_lines_next(&lines, line, &diags));
    assert_int_equal(line->number, 2);
    check_findings(text, &diags, expected);
    mm_diags_release(&diags);
    return line->sound;
}

static void sound_lines_are_split(void **state)
{
    static const struct { const char *text; const char *key, *value; } cases[] = {
        {"a: b\n", "a", "b"}, {"key-1: two words\n", "key-1", "two words"}, {"k: a: b\n", "k", "a: b"}, {"k: :\n", "k", ":"}, {"z9-: x\n", "z9-", "x"},
        {"k: gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\n", "k", "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"}, {"k: a  b\n", "k", "a  b"}, {"k: \xC2\xA0\n", "k", "\xC2\xA0"},
        {"k: \xEF\xBF\xBD\n", "k", "\xEF\xBF\xBD"}, {"k: \xE2\x80\x8A\xE2\x80\x90\n", "k", "\xE2\x80\x8A\xE2\x80\x90"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 64\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "64"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_line line;
        check_true(cases[i].text, read_line(cases[i].text, strlen(cases[i].text), &line, ""));
        assert_int_equal(line.key_length, strlen(cases[i].key));
        assert_memory_equal(line.key, cases[i].key, line.key_length);
        assert_int_equal(line.value_length, strlen(cases[i].value));
        assert_memory_equal(line.value, cases[i].value, line.value_length);
        assert_int_equal(mm_line_value_column(&line), line.value - cases[i].text + 1);
        assert_true(mm_line_is(&line, cases[i].key));
        assert_false(mm_line_is(&line, "k2"));
    }
}

static void lines_that_are_no_field_are_refused(void **state)
{
    static const struct { const char *text; size_t length; const char *found; } cases[] = {
        {BYTES("\n"), "text-blank-line@2:1"}, {BYTES("# comment\n"), "text-key@2:1"}, {BYTES(" a: b\n"), "text-key@2:1"}, {BYTES("A: b\n"), "text-key@2:1"},
        {BYTES("1a: b\n"), "text-key@2:1"}, {BYTES("-a: b\n"), "text-key@2:1"}, {BYTES(": b\n"), "text-key@2:1"}, {BYTES("aB: b\n"), "text-key@2:2"},
        {BYTES("a_b: c\n"), "text-key@2:2"}, {BYTES("a : b\n"), "text-key@2:2"}, {BYTES("abc\n"), "text-key@2:4"}, {BYTES("a=b\n"), "text-key@2:2"},
        {BYTES("a:b\n"), "text-key@2:3"}, {BYTES("a:\n"), "text-key@2:3"}, {BYTES("a:\tb\n"), "text-key@2:3 text-control@2:3"}, {BYTES("\xC3\xA9: b\n"), "text-key@2:1"},
        {BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 65\n"), "text-key@2:65"},
        {BYTES("a: \n"), "text-value-length@2:4"}, {BYTES("a:  b\n"), "text-value-space@2:4"}, {BYTES("a: b \n"), "text-value-space@2:5"}, {BYTES("a:  \n"), "text-value-space@2:4"},
        {BYTES("a: b\r\n"), "text-line-end@2:5"}, {BYTES("a: b"), "text-last-line@2:5"}, {BYTES("a: b\r"), "text-line-end@2:5 text-last-line@2:5"},
        {BYTES("\r\n"), "text-line-end@2:1 text-blank-line@2:1"},
        {BYTES("a: b\rc\n"), "text-control@2:5"}, {BYTES("a: b\tc\n"), "text-control@2:5"}, {BYTES("a: b\0c\n"), "text-control@2:5"}, {BYTES("a: \x1B[0m\n"), "text-control@2:4"},
        {BYTES("a: x\x7F\n"), "text-control@2:5"}, {BYTES("a: x\xC2\x80\n"), "text-control@2:5"}, {BYTES("a: x\xC2\x9F\n"), "text-control@2:5"},
        {BYTES("a: \x80\n"), "text-utf8@2:4"}, {BYTES("a: x\xC3\n"), "text-utf8@2:5"}, {BYTES("a: \xED\xA0\x80\n"), "text-utf8@2:4 text-utf8@2:5 text-utf8@2:6"},
        {BYTES("a: \xC0\xAF\n"), "text-utf8@2:4 text-utf8@2:5"}, {BYTES("a: \xEF\xBF\xBE\n"), "text-noncharacter@2:4"}, {BYTES("a: x\xEF\xB7\x90y\n"), "text-noncharacter@2:5"},
        {BYTES("a: \xF0\x9F\xBF\xBF\n"), "text-noncharacter@2:4"}, {BYTES("a: x\xC2\xADy\n"), "text-invisible@2:5"}, {BYTES("a: x\xD8\x9Cy\n"), "text-invisible@2:5"},
        {BYTES("a: \xE2\x80\x8B\n"), "text-invisible@2:4"}, {BYTES("a: \xE2\x80\xAE\n"), "text-invisible@2:4"}, {BYTES("a: \xE2\x81\xA9\n"), "text-invisible@2:4"},
        {BYTES("a: \xEF\xBB\xBF\n"), "text-invisible@2:4"}, {BYTES("a: \xF3\xA0\x80\x81\n"), "text-invisible@2:4"},
        {BYTES("a: \x01 \xFF \xE2\x80\x8F\n"), "text-control@2:4 text-utf8@2:6 text-invisible@2:8"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_line line;
        bool only_line_end = strncmp(cases[i].found, "text-line-end@2:5", 17) == 0 || strcmp(cases[i].found, "text-last-line@2:5") == 0;
        check_number(cases[i].text, read_line(cases[i].text, cases[i].length, &line, cases[i].found), only_line_end);
    }
}

/* Lines are looked at eight bytes at a time. */
static void no_byte_hides_among_its_neighbours(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 17; at++) {
            char text[] = "a: vvvvvvvvvvvvvvvvvvvv\n", what[32], expected[32] = "";
            struct mm_line line;
            if (byte == '\n' || (byte == ' ' && at == 0))
                continue;
            text[3 + at] = (char)byte;
            if (byte < 0x20 || byte >= 0x7F)
                snprintf(expected, sizeof expected, "text-%s@2:%zu", byte < 0x80 ? "control" : "utf8", at + 4);
            snprintf(what, sizeof what, "byte %02x at %zu", (unsigned)byte, at);
            check_true(what, read_line(text, sizeof text - 1, &line, expected) == !*expected);
        }
}

static void joiners_stand_in_display_names_between_other_scripts(void **state)
{
    static const struct { const char *text; const char *found; } cases[] = {
        {"display-name: \xD9\x86\xE2\x80\x8C\xD9\x87\n", ""}, {"display-name: \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB\n", ""},
        {"display-name: a\xE2\x80\x8C\xD9\x87\n", "text-invisible@2:16"}, {"display-name: \xD9\x86\xE2\x80\x8Cz\n", "text-invisible@2:17"},
        {"display-name: \xE2\x80\x8D\xD9\x87\n", "text-invisible@2:15"}, {"display-name: \xD9\x86\xE2\x80\x8D\n", "text-invisible@2:17"},
        {"display-name: \xD9\x86\xE2\x80\x8B\xD9\x87\n", "text-invisible@2:17"}, {"display-name: \xD9\x86\xE2\x80\x8E\xD9\x87\n", "text-invisible@2:17"},
        {"tag: \xD9\x86\xE2\x80\x8C\xD9\x87\n", "text-invisible@2:8"}, {"display-names: \xD9\x86\xE2\x80\x8C\xD9\x87\n", "text-invisible@2:18"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_line line;
        check_number(cases[i].text, read_line(cases[i].text, strlen(cases[i].text), &line, cases[i].found), !*cases[i].found);
    }
}

static void values_are_up_to_1024_bytes_long(void **state)
{
    char text[1100] = "k: ";
    struct mm_line line;
    (void)state;
    memset(text + 3, 'v', 1025);
    text[3 + 1024] = '\n';
    assert_true(read_line(text, 3 + 1025, &line, ""));
    text[3 + 1024] = 'v';
    text[3 + 1025] = '\n';
    assert_false(read_line(text, 3 + 1026, &line, "text-value-length@2:4"));
}

static void every_line_is_looked_at(void **state)
{
    static const char text[] = "minimodel-test 0\na: 1\n\nB: 2\nc: 3\r\nd:4\ne: 5";
    struct mm_lines lines;
    struct mm_line line;
    struct mm_diags diags;
    uint64_t number = 1;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_lines_begin(&lines, BYTES(text), "minimodel-test", &diags), 0);
    while (mm_lines_next(&lines, &line, &diags))
        assert_int_equal(line.number, ++number);
    assert_int_equal(number, 7);
    assert_int_equal(lines.number, 7);
    assert_false(mm_lines_next(&lines, &line, &diags));
    check_findings("document", &diags, "text-blank-line@3:1 text-key@4:1 text-line-end@5:5 text-key@6:3 text-last-line@7:5");
    mm_diags_release(&diags);
}

/* ---- fields in order ---- */

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void fields_are_read_by_key(void **state)
{
    static const char text[] = "minimodel-test 0\ncount: 9223372036854775807\nhash: " HASH "\nword: x\n";
    struct mm_lines lines;
    struct mm_line line;
    struct mm_diags diags;
    unsigned char hash[MM_HASH_BYTES];
    uint64_t number;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_lines_begin(&lines, BYTES(text), "minimodel-test", &diags), 0);
    assert_int_equal(mm_lines_number(&lines, "count", MM_NUMBER_MAX, &number, &diags), 0);
    assert_int_equal(number, INT64_MAX);
    assert_int_equal(mm_lines_hash(&lines, "hash", hash, &diags), 0);
    assert_int_equal(hash[15], 0xFF);
    assert_int_equal(hash[17], 0x11);
    assert_int_equal(mm_lines_field(&lines, "word", &line, &diags), 0);
    assert_int_equal(mm_lines_field(&lines, "more", &line, &diags), -1);
    check_findings("fields", &diags, "text-field-order@5:1");
    mm_diags_release(&diags);
}

static void wrong_fields_are_refused(void **state)
{
    static const struct { const char *text; const char *found; } numbers[] = {
        {"other: 1\n", "text-field-order@2:1"}, {"", "text-field-order@2:1"}, {"count: 01\n", "value-number@2:8"}, {"count: x\n", "value-number@2:8"},
        {"count: 101\n", "value-number@2:8"}, {"count: +1\n", "value-number@2:8"}, {"count: 1 \n", "text-value-space@2:9"}, {"count: 1", "text-last-line@2:9"},
        {"count: 1\r\n", "text-line-end@2:9"}, {"\n", "text-blank-line@2:1"}, {"Count: 1\n", "text-key@2:1"}, {"count: \n", "text-value-length@2:8"},
        {"counts: 1\n", "text-field-order@2:1"}, {"coun: 1\n", "text-field-order@2:1"},
    }, hashes[] = {
        {"hash: " HASH "0\n", "value-hash@2:7"}, {"hash: 00\n", "value-hash@2:7"}, {"hash: -\n", "value-hash@2:7"},
        {"hash: 00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n", "value-hash@2:7"}, {"count: " HASH "\n", "text-field-order@2:1"},
    };
    struct mm_diags diags;
    unsigned char hash[MM_HASH_BYTES];
    uint64_t number;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct mm_lines lines = {.text = numbers[i].text, .end = numbers[i].text + strlen(numbers[i].text), .at = numbers[i].text, .number = 1};
        assert_int_equal(mm_lines_number(&lines, "count", 100, &number, &diags), -1);
        check_findings(numbers[i].text, &diags, numbers[i].found);
    }
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        struct mm_lines lines = {.text = hashes[i].text, .end = hashes[i].text + strlen(hashes[i].text), .at = hashes[i].text, .number = 1};
        assert_int_equal(mm_lines_hash(&lines, "hash", hash, &diags), -1);
        check_findings(hashes[i].text, &diags, hashes[i].found);
    }
    mm_diags_release(&diags);
}

static void values_can_be_judged_before_they_are_written(void **state)
{
    static const struct { const char *value; bool sound; } cases[] = {
        {"a", true}, {"a b", true}, {"Gr\xC3\xB6\xC3\x9F" "e", true}, {"", false}, {" a", false}, {"a ", false}, {"a\nb", false},
        {"a\tb", false}, {"a\xFF", false}, {"a\xE2\x80\x8B", false}, {"\xE2\x80\x8D", false}, {"\xEF\xBF\xBE", false},
    };
    char text[MM_VALUE_MAX + 2];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_number(cases[i].value, mm_value_sound(cases[i].value, strlen(cases[i].value)), cases[i].sound);
    memset(text, 'a', sizeof text);
    assert_true(mm_value_sound(text, MM_VALUE_MAX));
    assert_false(mm_value_sound(text, MM_VALUE_MAX + 1));
    assert_false(mm_value_sound("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_lines_name_type_and_version),
        cmocka_unit_test(sound_lines_are_split),
        cmocka_unit_test(lines_that_are_no_field_are_refused),
        cmocka_unit_test(no_byte_hides_among_its_neighbours),
        cmocka_unit_test(joiners_stand_in_display_names_between_other_scripts),
        cmocka_unit_test(values_are_up_to_1024_bytes_long),
        cmocka_unit_test(every_line_is_looked_at),
        cmocka_unit_test(fields_are_read_by_key),
        cmocka_unit_test(wrong_fields_are_refused),
        cmocka_unit_test(values_can_be_judged_before_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
