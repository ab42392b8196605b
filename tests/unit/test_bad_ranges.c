#include "unit.h"

#include "doc/bad_ranges.h"

struct heard {
    struct mm_buf text;
    int stop_after; /* lines; -1: never */
};

static int hear(void *context, const struct mm_bad_line *line)
{
    struct heard *heard = context;
    mm_buf_printf(&heard->text, "%" PRIu64 ":%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.*s;", line->number, line->range.index,
                  line->range.offset, line->range.bytes, (int)line->path_length, line->path);
    return heard->stop_after >= 0 && heard->stop_after-- == 0 ? -1 : 0;
}

static void check_lines(const char *text, size_t length, const char *expected, const char *findings)
{
    struct heard heard = {.stop_after = -1};
    struct mm_diags diags;
    mm_diags_init(&diags);
    int result = mm_bad_ranges_read(text, length, hear, &heard, &diags);
    assert_int_equal(result, *findings ? -1 : 0);
    check_text(text, mm_buf_text(&heard.text), expected);
    check_findings(text, &diags, findings);
    mm_buf_release(&heard.text);
    mm_diags_release(&diags);
}

static void lines_are_read_as_they_stand(void **state)
{
    (void)state;
    check_lines(BYTES(""), "", "");
    check_lines(BYTES("0\t0\t1\ta\n"), "1:0,0,1,a;", "");
    check_lines(BYTES("1\t65536\t65536\ta/b c.gguf\n2\t131072\t5\tx\n"), "1:1,65536,65536,a/b c.gguf;2:2,131072,5,x;", "");
    check_lines(BYTES("9223372036854775807\t0\t0\t\xC3\xA9\n"), "1:9223372036854775807,0,0,\xC3\xA9;", "");
}

static void what_is_no_line_is_found_where_it_stands(void **state)
{
    (void)state;
    check_lines(BYTES("0\t0\t1\ta"), "", "chunk-ranges@1:1");
    check_lines(BYTES("0\t0\t1\ta\n7"), "1:0,0,1,a;", "chunk-ranges@2:1");
    check_lines(BYTES("\n"), "", "chunk-ranges@1:1");
    check_lines(BYTES("0\t0\t1\n"), "", "chunk-ranges@1:5");
    check_lines(BYTES("0\t0\t1\t\n"), "", "chunk-ranges@1:7");
    check_lines(BYTES("00\t0\t1\ta\n"), "", "chunk-ranges@1:1");
    check_lines(BYTES("0\t-1\t1\ta\n"), "", "chunk-ranges@1:3");
    check_lines(BYTES("0\t0\t9223372036854775808\ta\n"), "", "chunk-ranges@1:5");
    check_lines(BYTES("0\t0\t1\ta\tb\n"), "", "chunk-ranges@1:8");
    check_lines(BYTES("0\t0\t1\ta\r\n"), "", "chunk-ranges@1:8");
    check_lines(BYTES("0\t0\t1\ta\0b\n"), "", "chunk-ranges@1:8");
    check_lines(BYTES("minimodel-chunk-list 0\n"), "", "chunk-ranges@1:1");
}

static void the_caller_may_stop(void **state)
{
    struct heard heard = {.stop_after = 1};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_bad_ranges_read(BYTES("0\t0\t1\ta\n1\t1\t1\ta\n2\t2\t1\ta\n"), hear, &heard, &diags), -1);
    check_text("two lines", mm_buf_text(&heard.text), "1:0,0,1,a;2:1,1,1,a;");
    check_findings("none", &diags, "");
    mm_buf_release(&heard.text);
    mm_diags_release(&diags);
}

/* A name with any bytes is found in the line that was written of it. */
static int check_name(void *context, const struct mm_bad_line *line)
{
    const char *const *names = context;
    check_true(names[0], mm_bad_line_names(line, names[0]));
    check_true(names[1], !mm_bad_line_names(line, names[1]));
    return 0;
}

static void paths_are_compared_as_they_are_written(void **state)
{
    static const char *const names[][2] = {{"a/b", "a/c"}, {"tab\there", "tab here"}, {"feed\nhere", "feed"}, {"bad\xff", "bad"}, {"\xC3\xA9", "e"}, {"a", "aa"}, {"aa", "a"}};
    static const unsigned char hash[MM_HASH_BYTES] = {1};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct mm_chunk_list list = {.facts = {.bytes = 65537, .size = 65536, .count = 2}};
        struct mm_chunk_compare compare = {.list = &list};
        struct mm_buf text = {0};
        struct mm_diags diags;
        mm_diags_init(&diags);
        mm_hashes_add(&list.hashes, 0, hash);
        mm_hashes_add(&list.hashes, 1, hash);
        assert_int_equal(mm_chunk_compare_finish(&compare, &diags), 0);
        mm_bad_ranges_write(&compare, names[i][0], &text);
        assert_int_equal(mm_bad_ranges_read(text.data, text.length, check_name, (void *)names[i], &diags), 0);
        mm_buf_release(&text);
        mm_chunk_compare_release(&compare);
        mm_chunk_list_release(&list);
        mm_diags_release(&diags);
    }
}

static void ranges_are_chunks_of_the_file(void **state)
{
    static const struct mm_chunk_facts facts = {.bytes = 131073, .size = 65536, .count = 3}, none = {.size = 65536};
    static const struct {
        struct mm_bad_range range;
        bool fits;
    } cases[] = {
        {{0, 0, 65536}, true}, {{1, 65536, 65536}, true}, {{2, 131072, 1}, true}, {{2, 131072, 65536}, false}, {{3, 196608, 1}, false}, {{1, 65535, 65536}, false},
        {{0, 0, 0}, false}, {{MM_NUMBER_MAX, 0, 65536}, false}, {{MM_NUMBER_MAX, MM_NUMBER_MAX, MM_NUMBER_MAX}, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(mm_bad_range_fits(&cases[i].range, &facts), cases[i].fits);
        check_true("an empty file has none", !mm_bad_range_fits(&cases[i].range, &none));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_as_they_stand),
        cmocka_unit_test(what_is_no_line_is_found_where_it_stands),
        cmocka_unit_test(the_caller_may_stop),
        cmocka_unit_test(paths_are_compared_as_they_are_written),
        cmocka_unit_test(ranges_are_chunks_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
