#include "unit.h"

#include "text/json.h"

/* A reader over TEXT. The reader is large, so it lives here. */
struct scene {
    int fd;
    struct mm_source source;
    struct mm_json json;
    struct mm_diags diags;
};

static void begin_limited(struct scene *s, const char *text, size_t length, uint64_t limit, unsigned unique_depth)
{
    mm_diags_init(&s->diags);
    s->fd = file_of(text, length);
    assert_int_equal(mm_source_open(&s->source, s->fd, &s->diags), 0);
    assert_int_equal(mm_json_init(&s->json, &s->source, limit, unique_depth, &s->diags), 0);
}

static void begin(struct scene *s, const char *text, size_t length, unsigned unique_depth)
{
    begin_limited(s, text, length, length, unique_depth);
}

static void end(struct scene *s)
{
    mm_json_release(&s->json);
    mm_source_release(&s->source);
    mm_diags_release(&s->diags);
    close(s->fd);
}

/* Reads all events; the findings must be EXPECTED. An error stays an error. */
static void check_depth(const char *text, size_t length, unsigned unique_depth, const char *expected)
{
    static struct scene s;
    enum mm_json_event event;
    begin(&s, text, length, unique_depth);
    do
        event = mm_json_next(&s.json);
    while (event != MM_JSON_END && event != MM_JSON_ERROR);
    check_findings(text, &s.diags, expected);
    check_number(text, event, *expected ? MM_JSON_ERROR : MM_JSON_END);
    check_number(text, mm_json_next(&s.json), event);
    check_findings(text, &s.diags, "");
    end(&s);
}

static void check(const char *text, size_t length, const char *expected)
{
    check_depth(text, length, MM_JSON_DEPTH, expected);
}

static void texts_of_the_grammar_are_accepted(void **state)
{
    static const struct { const char *text; size_t length; } cases[] = {
        {BYTES("{}")}, {BYTES("[]")}, {BYTES("null")}, {BYTES("true")}, {BYTES("false")}, {BYTES("\"\"")}, {BYTES("0")}, {BYTES("-0")}, {BYTES("42")},
        {BYTES(" \t\r\n{ } \n")}, {BYTES("[[]]")}, {BYTES("[[],[]]")}, {BYTES("[{}]")}, {BYTES("{\"a\":[]}")}, {BYTES("[1,2 , 3\n,4]")},
        {BYTES("{\"a\":1,\"b\":2}")}, {BYTES("{ \"a\" : { \"a\" : 1 } , \"b\" : [ null , true ] }")}, {BYTES("{\"\":0}")},
        {BYTES("[1.5,-1.5,1e5,1E5,1e+5,1e-5,0.0,0e0,-0.0e-0,1.25E+10]")}, {BYTES("1000000000000000019884624838656")},
        {BYTES("1e999999999")}, {BYTES("[0.00000000000000000000000000000000000001]")},
        {BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")}, {BYTES("\"\\u0000\\u001f\\uFfFf\\u00e9\"")}, {BYTES("\"\\ud83d\\ude00\"")},
        {BYTES("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"")}, {BYTES("\"\x7F\"")}, {BYTES("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"")},
        {BYTES("\"\xEF\xBB\xBF\"")}, {BYTES("\"\xEF\xBF\xBF\"")}, {BYTES("[\"a\",\"a\"]")}, {BYTES("{\"a\":{\"b\":1},\"c\":{\"b\":1}}")},
        {BYTES("{\"a\":[{\"a\":1},{\"a\":1}]}")}, {BYTES("\"/\"")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_depth(cases[i].text, cases[i].length, 0, "");
        check_depth(cases[i].text, cases[i].length, 1, "");
        check_depth(cases[i].text, cases[i].length, MM_JSON_DEPTH, "");
    }
}

static void texts_beside_the_grammar_are_refused(void **state)
{
    static const struct { const char *text; size_t length; const char *found; } cases[] = {
        {BYTES(""), "json-syntax@#0"}, {BYTES("  "), "json-syntax@#2"}, {BYTES("\xEF\xBB\xBF{}"), "json-syntax@#0"}, {BYTES("{} {}"), "json-syntax@#3"},
        {BYTES("[]]"), "json-syntax@#2"}, {BYTES("1 2"), "json-syntax@#2"}, {BYTES("{}\0"), "json-syntax@#2"}, {BYTES("\0"), "json-syntax@#0"},
        {BYTES("["), "json-syntax@#1"}, {BYTES("{"), "json-syntax@#1"}, {BYTES("[1"), "json-syntax@#2"}, {BYTES("[1,"), "json-syntax@#3"},
        {BYTES("{\"a\""), "json-syntax@#4"}, {BYTES("{\"a\":"), "json-syntax@#5"}, {BYTES("{\"a\":1"), "json-syntax@#6"}, {BYTES("{\"a\":1,"), "json-syntax@#7"},
        {BYTES("[1,]"), "json-syntax@#3"}, {BYTES("[,1]"), "json-syntax@#1"}, {BYTES("[,]"), "json-syntax@#1"}, {BYTES("[1,,2]"), "json-syntax@#3"},
        {BYTES("[1 2]"), "json-syntax@#3"}, {BYTES("{\"a\":1,}"), "json-syntax@#7"}, {BYTES("{,}"), "json-syntax@#1"},
        {BYTES("{\"a\":1,,\"b\":2}"), "json-syntax@#7"}, {BYTES("{\"a\" 1}"), "json-syntax@#5"}, {BYTES("{\"a\"::1}"), "json-syntax@#5"},
        {BYTES("{\"a\",1}"), "json-syntax@#4"}, {BYTES("{\"a\":}"), "json-syntax@#5"}, {BYTES("{1:2}"), "json-syntax@#1"}, {BYTES("{a:1}"), "json-syntax@#1"},
        {BYTES("{'a':1}"), "json-syntax@#1"}, {BYTES("{null:1}"), "json-syntax@#1"}, {BYTES("[\"a\":1]"), "json-syntax@#4"}, {BYTES("{\"a\":1]"), "json-syntax@#6"},
        {BYTES("[1}"), "json-syntax@#2"}, {BYTES("]"), "json-syntax@#0"}, {BYTES("}"), "json-syntax@#0"}, {BYTES(","), "json-syntax@#0"}, {BYTES(":"), "json-syntax@#0"},
        {BYTES("[1]x"), "json-syntax@#3"}, {BYTES("// c\n1"), "json-syntax@#0"}, {BYTES("[1/**/]"), "json-syntax@#2"}, {BYTES("#"), "json-syntax@#0"},
        {BYTES("nul"), "json-syntax@#3"}, {BYTES("nulL"), "json-syntax@#3"}, {BYTES("nullx"), "json-syntax@#4"}, {BYTES("True"), "json-syntax@#0"},
        {BYTES("tru"), "json-syntax@#3"}, {BYTES("falsy"), "json-syntax@#4"}, {BYTES("\v1"), "json-syntax@#0"}, {BYTES("\f1"), "json-syntax@#0"},
        {BYTES("\xC2\xA0" "1"), "json-syntax@#0"}, {BYTES("undefined"), "json-syntax@#0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_depth(cases[i].text, cases[i].length, 0, cases[i].found);
        check(cases[i].text, cases[i].length, cases[i].found);
    }
}

static void numbers_beside_the_grammar_are_refused(void **state)
{
    static const struct { const char *text; const char *found; } cases[] = {
        {"-", "json-syntax@#1"}, {"+1", "json-syntax@#0"}, {".5", "json-syntax@#0"}, {"-.5", "json-syntax@#1"}, {"1.", "json-syntax@#2"}, {"1.e5", "json-syntax@#2"},
        {"1e", "json-syntax@#2"}, {"1e+", "json-syntax@#3"}, {"1e-", "json-syntax@#3"}, {"1e+-5", "json-syntax@#3"}, {"1e5.5", "json-syntax@#3"}, {"01", "json-syntax@#1"},
        {"-01", "json-syntax@#2"}, {"00", "json-syntax@#1"}, {"0x10", "json-syntax@#1"}, {"1_000", "json-syntax@#1"}, {"1a", "json-syntax@#1"}, {"--1", "json-syntax@#1"},
        {"- 1", "json-syntax@#1"}, {"1 000", "json-syntax@#2"}, {"Infinity", "json-syntax@#0"}, {"-Infinity", "json-syntax@#1"}, {"NaN", "json-syntax@#0"},
        {"nan", "json-syntax@#1"}, {"[01]", "json-syntax@#2"}, {"[1.]", "json-syntax@#3"}, {"\xEF\xBC\x91", "json-syntax@#0"}, {"1.2.3", "json-syntax@#3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check(cases[i].text, strlen(cases[i].text), cases[i].found);
}

static void strings_beside_the_grammar_are_refused(void **state)
{
    static const struct { const char *text; size_t length; const char *found; } cases[] = {
        {BYTES("\""), "json-syntax@#1"}, {BYTES("\"abc"), "json-syntax@#4"}, {BYTES("\"a\\\""), "json-syntax@#4"}, {BYTES("\"\n\""), "json-syntax@#1"},
        {BYTES("\"a\tb\""), "json-syntax@#2"}, {BYTES("\"\0\""), "json-syntax@#1"}, {BYTES("\"\x1F\""), "json-syntax@#1"}, {BYTES("\"\\x41\""), "json-syntax@#2"},
        {BYTES("\"\\'\""), "json-syntax@#2"}, {BYTES("\"\\\0\""), "json-syntax@#2"}, {BYTES("\"\\a\""), "json-syntax@#2"}, {BYTES("\"\\U0041\""), "json-syntax@#2"},
        {BYTES("\"\\"), "json-syntax@#2"}, {BYTES("\"\\u\""), "json-syntax@#3"}, {BYTES("\"\\u12\""), "json-syntax@#5"}, {BYTES("\"\\u12g4\""), "json-syntax@#5"},
        {BYTES("\"\\u123"), "json-syntax@#6"}, {BYTES("\"\\u 123\""), "json-syntax@#3"}, {BYTES("\"\\u+123\""), "json-syntax@#3"}, {BYTES("'a'"), "json-syntax@#0"},
        {BYTES("{\"a\n\":1}"), "json-syntax@#3"},
        {BYTES("\"\x80\""), "json-utf8@#1"}, {BYTES("\"ab\xC3\""), "json-utf8@#3"}, {BYTES("\"\xC0\xAF\""), "json-utf8@#1"}, {BYTES("\"\xED\xA0\x80\""), "json-utf8@#1"},
        {BYTES("\"\xF4\x90\x80\x80\""), "json-utf8@#1"}, {BYTES("\"\xF8\x88\x80\x80\x80\""), "json-utf8@#1"}, {BYTES("\"\xFF\""), "json-utf8@#1"},
        {BYTES("\"x\xE2\x82\""), "json-utf8@#2"}, {BYTES("\"\xE2\x82"), "json-utf8@#1"}, {BYTES("{\"\xE9\":1}"), "json-utf8@#2"}, {BYTES("\"\xE0\x80\x80\""), "json-utf8@#1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_depth(cases[i].text, cases[i].length, 0, cases[i].found);
        check(cases[i].text, cases[i].length, cases[i].found);
    }
}

static void half_surrogate_pairs_are_refused_where_names_count(void **state)
{
    static const struct { const char *text; const char *found; } cases[] = {
        {"\"\\ud800\"", "json-utf8@#7"}, {"\"\\udc00\"", "json-utf8@#7"}, {"\"\\udfff\\ud800\"", "json-utf8@#7"}, {"\"\\ud83dx\"", "json-utf8@#7"},
        {"\"\\ud83d\\n\"", "json-utf8@#8"}, {"\"\\ud83d\\ud83d\"", "json-utf8@#13"}, {"\"\\ud83d\\u0041\"", "json-utf8@#13"}, {"{\"\\uDBFF\":1}", "json-utf8@#8"},
        {"\"\\ud83d\\uDFZZ\"", "json-syntax@#11"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_depth(cases[i].text, strlen(cases[i].text), 1, cases[i].found);
        check(cases[i].text, strlen(cases[i].text), cases[i].found);
        if (i + 1 < COUNT_OF(cases))
            check_depth(cases[i].text, strlen(cases[i].text), 0, "");
    }
}

static void nest(struct mm_buf *text, const char *open, const char *middle, char close, unsigned levels)
{
    mm_buf_clear(text);
    for (unsigned i = 0; i < levels; i++)
        mm_buf_str(text, open);
    mm_buf_str(text, middle);
    for (unsigned i = 0; i < levels; i++)
        mm_buf_char(text, close);
}

static void nesting_ends_at_64(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    nest(&text, "[", "", ']', 64);
    check(text.data, text.length, "");
    nest(&text, "[", "", ']', 65);
    check(text.data, text.length, "json-depth@#64");
    nest(&text, "{\"a\":", "1", '}', 64);
    check(text.data, text.length, "");
    nest(&text, "{\"a\":", "{}", '}', 64);
    check(text.data, text.length, "json-depth@#320");
    nest(&text, "[", "", ']', 100000);
    check(text.data, text.length, "json-depth@#64");
    mm_buf_clear(&text);
    mm_buf_char(&text, '[');
    for (int i = 0; i < 1000; i++)
        mm_buf_str(&text, "[{}],");
    mm_buf_str(&text, "[]]");
    check(text.data, text.length, "");
    mm_buf_release(&text);
}

static void names_differ_to_the_depth_asked_for(void **state)
{
    static const struct { const char *text; const char *at_0, *at_1, *at_64; } cases[] = {
        {"{\"a\":1,\"a\":2}", "", "json-duplicate@#7", "json-duplicate@#7"},
        {"{\"a\":1,\"\\u0061\":2}", "", "json-duplicate@#7", "json-duplicate@#7"},
        {"{\"\":1,\"\":2}", "", "json-duplicate@#6", "json-duplicate@#6"},
        {"{\"a\":{\"b\":1,\"b\":2}}", "", "", "json-duplicate@#12"},
        {"[{\"b\":1,\"b\":2}]", "", "", "json-duplicate@#8"},
        {"{\"a\":1,\"b\":{\"a\":1},\"a\":2}", "", "json-duplicate@#19", "json-duplicate@#19"},
        {"{\"a\":1,\"A\":2}", "", "", ""},
        {"{\"a\":1,\"a\\u0000\":2,\"a\\u0000b\":3}", "", "", ""},
        {"{\"\xC3\xA9\":1,\"e\xCC\x81\":2}", "", "", ""},
        {"{\"\xC3\xA9\":1,\"\\u00e9\":2}", "", "json-duplicate@#8", "json-duplicate@#8"},
        {"{\"\xF0\x9F\x98\x80\":1,\"\\ud83d\\ude00\":2}", "", "json-duplicate@#10", "json-duplicate@#10"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_depth(cases[i].text, strlen(cases[i].text), 0, cases[i].at_0);
        check_depth(cases[i].text, strlen(cases[i].text), 1, cases[i].at_1);
        check_depth(cases[i].text, strlen(cases[i].text), 64, cases[i].at_64);
    }
}

static void long_names_differ_in_their_last_byte(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    for (int last = 0; last < 2; last++) {
        mm_buf_clear(&text);
        mm_buf_str(&text, "{\"");
        for (int i = 0; i < 10000; i++)
            mm_buf_char(&text, 'n');
        mm_buf_str(&text, "a\":1,\"");
        for (int i = 0; i < 10000; i++)
            mm_buf_char(&text, 'n');
        mm_buf_str(&text, last ? "a\":2}" : "b\":2}");
        check(text.data, text.length, last ? "json-duplicate@#10007" : "");
    }
    mm_buf_release(&text);
}

static void many_names_are_compared(void **state)
{
    struct mm_buf text = {0};
    char expected[64];
    (void)state;
    mm_buf_char(&text, '{');
    for (int i = 0; i < 50000; i++)
        mm_buf_printf(&text, "\"name %d\":%d,", i, i);
    size_t at = text.length;
    mm_buf_str(&text, "\"name 7\":0}");
    snprintf(expected, sizeof expected, "json-duplicate@#%zu", at);
    check(text.data, text.length, expected);
    check_depth(text.data, text.length, 0, "");
    mm_buf_release(&text);
}

static void expect_event(struct scene *s, enum mm_json_event event, uint64_t offset, const char *text, size_t length)
{
    assert_int_equal(mm_json_next(&s->json), event);
    if (offset != UINT64_MAX)
        assert_int_equal(s->json.offset, offset);
    if (text) {
        assert_int_equal(s->json.length, length);
        assert_memory_equal(s->json.text, text, length);
        assert_int_equal(s->json.text[length], '\0');
        assert_false(s->json.cut);
    }
}

static void events_come_with_their_offsets_and_texts(void **state)
{
    static struct scene s;
    (void)state;
    begin(&s, BYTES(" {\"k\\u0000y\" : [-1.5e3, \"\\n\\u20ac\\ud83d\\ude00\", true], \"z\":null , \"f\":false} "), MM_JSON_DEPTH);
    expect_event(&s, MM_JSON_OBJECT, 1, NULL, 0);
    expect_event(&s, MM_JSON_KEY, 2, BYTES("k\0y"));
    expect_event(&s, MM_JSON_ARRAY, 15, NULL, 0);
    assert_int_equal(s.json.depth, 2);
    expect_event(&s, MM_JSON_NUMBER, 16, BYTES("-1.5e3"));
    expect_event(&s, MM_JSON_STRING, 24, BYTES("\n\xE2\x82\xAC\xF0\x9F\x98\x80"));
    expect_event(&s, MM_JSON_TRUE, 48, NULL, 0);
    expect_event(&s, MM_JSON_ARRAY_END, UINT64_MAX, NULL, 0);
    expect_event(&s, MM_JSON_KEY, 55, BYTES("z"));
    expect_event(&s, MM_JSON_NULL, 59, NULL, 0);
    expect_event(&s, MM_JSON_KEY, 66, BYTES("f"));
    expect_event(&s, MM_JSON_FALSE, 70, NULL, 0);
    expect_event(&s, MM_JSON_OBJECT_END, UINT64_MAX, NULL, 0);
    assert_int_equal(s.json.depth, 0);
    expect_event(&s, MM_JSON_END, UINT64_MAX, NULL, 0);
    check_findings("events", &s.diags, "");
    end(&s);
}

static void values_are_skipped_whole(void **state)
{
    static struct scene s;
    (void)state;
    begin(&s, BYTES("{\"a\":[1,{\"b\":[[]]},\"]\"],\"c\":{},\"d\":7,\"e\":{\"x\":[}"), MM_JSON_DEPTH);
    assert_int_equal(mm_json_next(&s.json), MM_JSON_OBJECT);
    for (const char *name = "acd"; *name; name++) {
        assert_int_equal(mm_json_next(&s.json), MM_JSON_KEY);
        assert_int_equal(s.json.text[0], *name);
        assert_true(mm_json_skip(&s.json, mm_json_next(&s.json)));
        assert_int_equal(s.json.depth, 1);
    }
    assert_int_equal(mm_json_next(&s.json), MM_JSON_KEY);
    assert_false(mm_json_skip(&s.json, mm_json_next(&s.json)));
    check_findings("skip", &s.diags, "json-syntax@#47");
    end(&s);
}

static void long_texts_are_cut_and_say_so(void **state)
{
    static const size_t lengths[] = {MM_JSON_TEXT - 1, MM_JSON_TEXT, MM_JSON_TEXT + 1, 10000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        for (int number = 0; number < 2; number++) {
            static struct scene s;
            struct mm_buf text = {0};
            mm_buf_str(&text, number ? "" : "\"");
            for (size_t k = 0; k < lengths[i]; k++)
                mm_buf_char(&text, number ? '7' : 'x');
            mm_buf_str(&text, number ? "" : "\"");
            begin(&s, text.data, text.length, 0);
            assert_int_equal(mm_json_next(&s.json), number ? MM_JSON_NUMBER : MM_JSON_STRING);
            assert_int_equal(s.json.cut, lengths[i] > MM_JSON_TEXT);
            assert_true(s.json.length <= MM_JSON_TEXT);
            if (!s.json.cut)
                assert_int_equal(s.json.length, lengths[i]);
            assert_int_equal(s.json.text[s.json.length], '\0');
            assert_int_equal(mm_json_next(&s.json), MM_JSON_END);
            end(&s);
            mm_buf_release(&text);
        }
}

/* Each piece of syntax, and each fault, at every place around the edge of a window. */
static void windows_do_not_show(void **state)
{
    static const struct { const char *text; const char *found; } cases[] = {
        {"{\"n\\u00e9\xF0\x9F\x98\x80me\":[-12.5e+3,true,null,\"\\ud83d\\ude00\xE2\x82\xAC\"]}", ""},
        {"[1,]", "json-syntax"}, {"\"\xE2\x82(\"", "json-utf8"}, {"\"\\ud83d\\u0041\"", "json-utf8"}, {"{\"a\":1,\"a\":1}", "json-duplicate"},
    };
    struct mm_buf text = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t length = strlen(cases[i].text);
        for (size_t before = MM_SOURCE_WINDOW - length - 1; before <= MM_SOURCE_WINDOW + 1; before++) {
            static struct scene s;
            enum mm_json_event event;
            mm_buf_clear(&text);
            for (size_t k = 0; k < before; k++)
                mm_buf_char(&text, ' ');
            mm_buf_str(&text, cases[i].text);
            begin(&s, text.data, text.length, MM_JSON_DEPTH);
            do
                event = mm_json_next(&s.json);
            while (event != MM_JSON_END && event != MM_JSON_ERROR);
            check_text(cases[i].text, s.diags.count ? mm_rule_info(s.diags.items[0].rule)->name : "", cases[i].found);
            assert_int_equal(s.diags.count, *cases[i].found != '\0');
            end(&s);
        }
    }
    mm_buf_release(&text);
}

static void strings_cross_several_windows(void **state)
{
    static struct scene s;
    struct mm_buf text = {0};
    (void)state;
    mm_buf_str(&text, "[\"");
    for (int i = 0; i < 3 * MM_SOURCE_WINDOW / 10; i++)
        mm_buf_str(&text, "text \xE2\x82\xAC\\n");
    mm_buf_str(&text, "\",\"short\"]");
    begin(&s, text.data, text.length, MM_JSON_DEPTH);
    assert_int_equal(mm_json_next(&s.json), MM_JSON_ARRAY);
    assert_int_equal(mm_json_next(&s.json), MM_JSON_STRING);
    assert_true(s.json.cut);
    expect_event(&s, MM_JSON_STRING, text.length - 8, BYTES("short"));
    assert_int_equal(mm_json_next(&s.json), MM_JSON_ARRAY_END);
    assert_int_equal(mm_json_next(&s.json), MM_JSON_END);
    end(&s);
    mm_buf_release(&text);
}

static void the_text_ends_at_its_limit(void **state)
{
    static const struct { const char *text; uint64_t limit; const char *found; } cases[] = {
        {"{}garbage", 2, ""}, {"123456", 3, ""}, {"\"abcdef\"", 4, "json-syntax@#4"}, {"[1,2]", 4, "json-syntax@#4"}, {"true", 3, "json-syntax@#3"},
        {"{}  }", 4, ""}, {"{}  }", 5, "json-syntax@#4"}, {"\"\xE2\x82\xAC\"", 3, "json-utf8@#1"}, {"1", 0, "json-syntax@#0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct scene s;
        enum mm_json_event event;
        begin_limited(&s, cases[i].text, strlen(cases[i].text), cases[i].limit, MM_JSON_DEPTH);
        do
            event = mm_json_next(&s.json);
        while (event != MM_JSON_END && event != MM_JSON_ERROR);
        check_findings(cases[i].text, &s.diags, cases[i].found);
        assert_true(mm_source_offset(&s.source) <= cases[i].limit);
        end(&s);
    }
}

static void failed_reads_are_left_to_the_source(void **state)
{
    static struct mm_json json;
    struct mm_source source;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mm_source_open(&source, folder, &diags), 0);
    assert_int_equal(mm_json_init(&json, &source, MM_JSON_FILE_MAX, 0, &diags), 0);
    assert_int_equal(mm_json_next(&json), MM_JSON_ERROR);
    check_findings("events", &diags, "");
    assert_int_equal(mm_source_finish(&source, &diags), -1);
    check_findings("finish", &diags, "io-read");
    mm_json_release(&json);
    mm_source_release(&source);
    mm_diags_release(&diags);
    close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_grammar_are_accepted),
        cmocka_unit_test(texts_beside_the_grammar_are_refused),
        cmocka_unit_test(numbers_beside_the_grammar_are_refused),
        cmocka_unit_test(strings_beside_the_grammar_are_refused),
        cmocka_unit_test(half_surrogate_pairs_are_refused_where_names_count),
        cmocka_unit_test(nesting_ends_at_64),
        cmocka_unit_test(names_differ_to_the_depth_asked_for),
        cmocka_unit_test(long_names_differ_in_their_last_byte),
        cmocka_unit_test(many_names_are_compared),
        cmocka_unit_test(events_come_with_their_offsets_and_texts),
        cmocka_unit_test(values_are_skipped_whole),
        cmocka_unit_test(long_texts_are_cut_and_say_so),
        cmocka_unit_test(windows_do_not_show),
        cmocka_unit_test(strings_cross_several_windows),
        cmocka_unit_test(the_text_ends_at_its_limit),
        cmocka_unit_test(failed_reads_are_left_to_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
