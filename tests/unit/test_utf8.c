#include "unit.h"

#include "base/utf8.h"

#define BYTE_STRING(literal) (const unsigned char *)(literal), (sizeof(literal) - 1)

static void boundaries_of_each_length_decode(void **state)
{
    static const struct { const char *bytes; size_t size; uint32_t code; } cases[] = {
        {"\0", 1, 0}, {"\x7F", 1, 0x7F}, {"\xC2\x80", 2, 0x80}, {"\xDF\xBF", 2, 0x7FF}, {"\xE0\xA0\x80", 3, 0x800},
        {"\xE0\xBF\xBF", 3, 0xFFF}, {"\xE1\x80\x80", 3, 0x1000}, {"\xEC\xBF\xBF", 3, 0xCFFF}, {"\xED\x80\x80", 3, 0xD000},
        {"\xED\x9F\xBF", 3, 0xD7FF}, {"\xEE\x80\x80", 3, 0xE000}, {"\xEF\xBF\xBF", 3, 0xFFFF}, {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF0\xBF\xBF\xBF", 4, 0x3FFFF}, {"\xF1\x80\x80\x80", 4, 0x40000}, {"\xF3\xBF\xBF\xBF", 4, 0xFFFFF},
        {"\xF4\x80\x80\x80", 4, 0x100000}, {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t code = 1;
        unsigned char back[4];
        assert_int_equal(mm_utf8_decode((const unsigned char *)cases[i].bytes, cases[i].size, &code), cases[i].size);
        assert_int_equal(code, cases[i].code);
        assert_int_equal(mm_utf8_encode(back, code), cases[i].size);
        assert_memory_equal(back, cases[i].bytes, cases[i].size);
        for (size_t cut = 1; cut < cases[i].size; cut++)
            assert_int_equal(mm_utf8_decode((const unsigned char *)cases[i].bytes, cut, &code), 0);
    }
}

/* RFC 3629, section 4, as ranges of bytes: the second way to say it. */
static size_t rfc_length(const unsigned char *b)
{
    static const struct { unsigned char size, lead[2], second[2]; } rows[] = {
        {1, {0x00, 0x7F}, {0x00, 0xFF}}, {2, {0xC2, 0xDF}, {0x80, 0xBF}}, {3, {0xE0, 0xE0}, {0xA0, 0xBF}}, {3, {0xE1, 0xEC}, {0x80, 0xBF}},
        {3, {0xED, 0xED}, {0x80, 0x9F}}, {3, {0xEE, 0xEF}, {0x80, 0xBF}}, {4, {0xF0, 0xF0}, {0x90, 0xBF}},
        {4, {0xF1, 0xF3}, {0x80, 0xBF}}, {4, {0xF4, 0xF4}, {0x80, 0x8F}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (b[0] >= rows[i].lead[0] && b[0] <= rows[i].lead[1] && b[1] >= rows[i].second[0] && b[1] <= rows[i].second[1]) {
            for (size_t k = 2; k < rows[i].size; k++)
                if (b[k] < 0x80 || b[k] > 0xBF)
                    return 0;
            return rows[i].size;
        }
    return 0;
}

static void every_lead_and_second_byte_follows_the_rfc(void **state)
{
    static const unsigned char tails[][2] = {{0x80, 0x80}, {0xBF, 0xBF}, {0x7F, 0x80}, {0x80, 0x7F}, {0xC0, 0x80}, {0x80, 0xC0}};
    uint32_t code;
    (void)state;
    for (unsigned lead = 0; lead < 256; lead++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t t = 0; t < COUNT_OF(tails); t++) {
                unsigned char bytes[4] = {(unsigned char)lead, (unsigned char)second, tails[t][0], tails[t][1]};
                if (mm_utf8_decode(bytes, 4, &code) != rfc_length(bytes))
                    fail_msg("%02x %02x %02x %02x", bytes[0], bytes[1], bytes[2], bytes[3]);
            }
}

static void every_scalar_value_round_trips(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        unsigned char bytes[4];
        uint32_t back = 0;
        if (code == 0xD800)
            code = 0xE000;
        size_t size = mm_utf8_encode(bytes, code);
        if (mm_utf8_decode(bytes, size, &back) != size || back != code)
            fail_msg("U+%04X", (unsigned)code);
    }
}

static void the_first_bad_byte_is_named(void **state)
{
    static const struct { const char *bytes; size_t length, at; } cases[] = {
        {BYTES("\x80"), 0}, {BYTES("a\xBF"), 1}, {BYTES("ab\xC0\x80"), 2}, {BYTES("\xC1\xBF"), 0}, {BYTES("\xE0\x9F\xBF"), 0},
        {BYTES("\xED\xA0\x80"), 0}, {BYTES("x\xED\xBF\xBF"), 1}, {BYTES("\xF0\x8F\xBF\xBF"), 0}, {BYTES("\xF4\x90\x80\x80"), 0},
        {BYTES("\xF5\x80\x80\x80"), 0}, {BYTES("\xFE"), 0}, {BYTES("\xFF"), 0}, {BYTES("\xC3\xA9\xC3"), 2}, {BYTES("\xE2\x82"), 0},
        {BYTES("\xE2\x82\xAC\xE2\x82"), 3}, {BYTES("\xF0\x9F\x98"), 0}, {BYTES("\xC3(") , 0}, {BYTES("\xF8\x88\x80\x80\x80"), 0},
        {BYTES("a\0b\x80"), 3},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t at = 99;
        assert_false(mm_utf8_valid(cases[i].bytes, cases[i].length, &at));
        assert_int_equal(at, cases[i].at);
    }
}

static void sound_text_is_valid(void **state)
{
    size_t at = 99;
    (void)state;
    assert_true(mm_utf8_valid("", 0, &at));
    assert_true(mm_utf8_valid(BYTES("a\0z"), &at));
    assert_true(mm_utf8_valid(BYTES("\xEF\xBB\xBFgr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"), &at));
    assert_int_equal(at, 99);
}

static bool stream_takes(const unsigned char *bytes, size_t length, size_t cut1, size_t cut2)
{
    struct mm_utf8_stream stream = {{0}, 0};
    const size_t ends[] = {cut1, cut2, length};
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        if (mm_utf8_stream(&stream, bytes + at, ends[i] - at) != ends[i] - at)
            return false;
        at = ends[i];
    }
    return stream.held == 0;
}

static void splits_do_not_change_what_a_stream_finds(void **state)
{
    static const struct { const char *bytes; size_t length; bool valid; } cases[] = {
        {BYTES("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"), true}, {BYTES("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), true}, {BYTES("plain"), true},
        {BYTES("a\xC3"), false}, {BYTES("\xE2\x82"), false}, {BYTES("\xF0\x9F\x98"), false}, {BYTES("ab\xC3(cd"), false},
        {BYTES("\xED\xA0\x80xx"), false}, {BYTES("x\xF4\x90\x80\x80"), false}, {BYTES("\xE0\x80\x80"), false}, {BYTES("ok\x80"), false},
        {BYTES("\xF0\x9F(\x80zz"), false}, {BYTES("\xF0(zz"), false}, {BYTES("\xE2\xC3\xA9"), false}, {BYTES("\xFF"), false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t cut1 = 0; cut1 <= cases[i].length; cut1++)
            for (size_t cut2 = cut1; cut2 <= cases[i].length; cut2++)
                if (stream_takes((const unsigned char *)cases[i].bytes, cases[i].length, cut1, cut2) != cases[i].valid)
                    fail_msg("case %zu cut at %zu and %zu", i, cut1, cut2);
}

static void a_stream_names_the_bad_byte_of_a_piece(void **state)
{
    struct mm_utf8_stream stream = {{0}, 0};
    (void)state;
    assert_int_equal(mm_utf8_stream(&stream, BYTE_STRING("ab\xC3")), 3);
    assert_int_equal(stream.held, 1);
    assert_int_equal(mm_utf8_stream(&stream, BYTE_STRING("\xA9 c\x80")), 3);
    stream = (struct mm_utf8_stream){{0}, 0};
    assert_int_equal(mm_utf8_stream(&stream, BYTE_STRING("ab\xC3(")), 2);
    stream = (struct mm_utf8_stream){{0}, 0};
    assert_int_equal(mm_utf8_stream(&stream, BYTE_STRING("\xC3")), 1);
    assert_int_equal(mm_utf8_stream(&stream, BYTE_STRING("abc")), 0);
}

/* Both edges of each range of a class, and the code points beside them. */
static void check_class(bool (*in_class)(uint32_t), const uint32_t (*ranges)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(in_class(ranges[i][0]));
        assert_true(in_class(ranges[i][1]));
        assert_true(in_class(ranges[i][0] + (ranges[i][1] - ranges[i][0]) / 2));
        if (ranges[i][0] > 0)
            assert_false(in_class(ranges[i][0] - 1));
        if (ranges[i][1] < 0x10FFFF)
            assert_false(in_class(ranges[i][1] + 1));
    }
}

static uint64_t members(bool (*in_class)(uint32_t))
{
    uint64_t count = 0;
    for (uint32_t code = 0; code <= 0x10FFFF; code++)
        count += in_class(code);
    return count;
}

static void controls_are_category_cc(void **state)
{
    static const uint32_t ranges[][2] = {{0, 0x1F}, {0x7F, 0x9F}};
    (void)state;
    check_class(mm_utf8_control, ranges, COUNT_OF(ranges));
    assert_int_equal(members(mm_utf8_control), 65);
}

static void noncharacters_are_66(void **state)
{
    static const uint32_t block[][2] = {{0xFDD0, 0xFDEF}};
    (void)state;
    check_class(mm_utf8_noncharacter, block, 1);
    for (uint32_t plane = 0; plane <= 0x10; plane++) {
        assert_false(mm_utf8_noncharacter(plane << 16 | 0xFFFD));
        assert_true(mm_utf8_noncharacter(plane << 16 | 0xFFFE));
        assert_true(mm_utf8_noncharacter(plane << 16 | 0xFFFF));
        assert_false(mm_utf8_noncharacter(plane << 16));
    }
    assert_int_equal(members(mm_utf8_noncharacter), 66);
}

static void invisibles_are_those_of_the_manifest(void **state)
{
    static const uint32_t ranges[][2] = {{0xAD, 0xAD}, {0x61C, 0x61C}, {0x200B, 0x200F}, {0x2028, 0x202E},
                                         {0x2060, 0x2069}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F}};
    uint64_t sum = 0;
    (void)state;
    check_class(mm_utf8_invisible, ranges, COUNT_OF(ranges));
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        sum += ranges[i][1] - ranges[i][0] + 1;
    assert_int_equal(members(mm_utf8_invisible), sum);
}

static void what_cannot_be_shown_is_escaped(void **state)
{
    static const struct { const char *bytes; size_t length, taken; const char *shown; } cases[] = {
        {BYTES("a"), 1, "a"}, {BYTES("ab"), 1, "a"}, {BYTES(" "), 1, " "}, {BYTES("~"), 1, "~"}, {BYTES("\\"), 1, "\\\\"},
        {BYTES("\0"), 1, "\\u{0}"}, {BYTES("\x1B[31m"), 1, "\\u{1b}"}, {BYTES("\n"), 1, "\\u{a}"}, {BYTES("\x7F"), 1, "\\u{7f}"},
        {BYTES("\xC2\x9B"), 2, "\\u{9b}"}, {BYTES("\xC2\xA0"), 2, "\xC2\xA0"}, {BYTES("\xC3\xA9"), 2, "\xC3\xA9"},
        {BYTES("\xE2\x80\xAE"), 3, "\\u{202e}"}, {BYTES("\xEF\xBB\xBF"), 3, "\\u{feff}"}, {BYTES("\xEF\xBF\xBE"), 3, "\\u{fffe}"},
        {BYTES("\xF3\xA0\x81\x81"), 4, "\\u{e0041}"}, {BYTES("\xF4\x8F\xBF\xBF"), 4, "\\u{10ffff}"},
        {BYTES("\xF0\x9F\x98\x80"), 4, "\xF0\x9F\x98\x80"}, {BYTES("\x80"), 1, "\\x80"}, {BYTES("\xFF"), 1, "\\xff"},
        {BYTES("\xC3"), 1, "\\xc3"}, {BYTES("\xED\xA0\x80"), 1, "\\xed"}, {BYTES("\xC0\x8A"), 1, "\\xc0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char shown[MM_UTF8_ESCAPED];
        assert_int_equal(mm_utf8_escape(shown, (const unsigned char *)cases[i].bytes, cases[i].length), cases[i].taken);
        assert_string_equal(shown, cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries_of_each_length_decode),
        cmocka_unit_test(every_lead_and_second_byte_follows_the_rfc),
        cmocka_unit_test(every_scalar_value_round_trips),
        cmocka_unit_test(the_first_bad_byte_is_named),
        cmocka_unit_test(sound_text_is_valid),
        cmocka_unit_test(splits_do_not_change_what_a_stream_finds),
        cmocka_unit_test(a_stream_names_the_bad_byte_of_a_piece),
        cmocka_unit_test(controls_are_category_cc),
        cmocka_unit_test(noncharacters_are_66),
        cmocka_unit_test(invisibles_are_those_of_the_manifest),
        cmocka_unit_test(what_cannot_be_shown_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
