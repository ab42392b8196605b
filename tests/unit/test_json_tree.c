#include "unit.h"

#include <locale.h>

#include "text/json_tree.h"

static int read_text(struct mm_json_tree *tree, const char *text, struct mm_diags *diags)
{
    int fd = file_of(text, strlen(text));
    *tree = (struct mm_json_tree){0};
    int result = mm_json_tree_read(tree, fd, diags);
    close(fd);
    return result;
}

static void members_and_elements_are_found(void **state)
{
    struct mm_diags diags;
    struct mm_json_tree tree;
    uint64_t number;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(read_text(&tree, "{\"a\": {\"b\": [1, \"two\", null, {}]}, \"c\": true, \"\": 7, \"d\": []}", &diags), 0);
    const struct mm_json_value *root = tree.values, *b = mm_json_member(&tree, mm_json_member(&tree, root, "a"), "b");
    assert_true(mm_json_kind(b, MM_JSON_ARRAY));
    const struct mm_json_value *v = mm_json_first(&tree, b);
    assert_true(mm_json_whole(&tree, v, 9, &number) && number == 1);
    v = mm_json_following(&tree, v);
    assert_true(mm_json_is(&tree, v, "two") && !mm_json_is(&tree, v, "tw") && !mm_json_whole(&tree, v, 9, &number));
    v = mm_json_following(&tree, v);
    assert_true(mm_json_absent(v));
    v = mm_json_following(&tree, v);
    assert_true(mm_json_kind(v, MM_JSON_OBJECT) && !mm_json_first(&tree, v) && !mm_json_following(&tree, v));
    assert_true(mm_json_kind(mm_json_member(&tree, root, "c"), MM_JSON_TRUE));
    assert_true(mm_json_whole(&tree, mm_json_member(&tree, root, ""), 7, &number) && number == 7);
    assert_false(mm_json_whole(&tree, mm_json_member(&tree, root, ""), 6, &number));
    assert_null(mm_json_first(&tree, mm_json_member(&tree, root, "d")));
    assert_null(mm_json_member(&tree, root, "b"));
    assert_null(mm_json_member(&tree, NULL, "b"));
    assert_null(mm_json_member(&tree, b, "b"));
    assert_true(mm_json_absent(NULL));
    check_findings("a tree", &diags, "");
    mm_json_tree_release(&tree);
    mm_diags_release(&diags);
}

static void offsets_are_the_files(void **state)
{
    struct mm_diags diags;
    struct mm_json_tree tree;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(read_text(&tree, " {\"a\": [ 10 ]}", &diags), 0);
    check_number("object", tree.values[0].offset, 1);
    check_number("array", tree.values[1].offset, 7);
    check_number("number", tree.values[2].offset, 9);
    mm_json_tree_release(&tree);
    mm_diags_release(&diags);
}

static void what_is_no_json_has_a_finding(void **state)
{
    static const struct {
        const char *text, *findings;
    } cases[] = {
        {"", "json-syntax@#0"},           {"{", "json-syntax@#1"},
        {"{} {}", "json-syntax@#3"},      {"[1,]", "json-syntax@#3"},
        {"{\"a\":1,\"a\":2}", "json-duplicate@#7"}, {"{\"x\":{\"a\":1,\"a\":2}}", "json-duplicate@#12"},
    };
    struct mm_diags diags;
    struct mm_json_tree tree;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_text(&tree, cases[i].text, &diags), -1);
        check_findings(cases[i].text, &diags, cases[i].findings);
        mm_json_tree_release(&tree);
    }
    mm_diags_release(&diags);
}

static void more_values_than_memory_allows_are_a_limit(void **state)
{
    struct mm_diags diags;
    struct mm_json_tree tree;
    struct mm_buf text = {0};
    (void)state;
    mm_diags_init(&diags);
    mm_buf_char(&text, '[');
    for (int i = 0; i < MM_JSON_TREE_VALUES; i++)
        mm_buf_str(&text, i ? ",0" : "0");
    mm_buf_char(&text, ']');
    assert_int_equal(read_text(&tree, text.data, &diags), -1);
    check_true("a don't-know", diags.unknown && !diags.no && diags.count == 1);
    mm_json_tree_release(&tree);
    mm_buf_release(&text);
    mm_diags_release(&diags);
}

static void long_strings_are_cut_and_say_so(void **state)
{
    struct mm_diags diags;
    struct mm_json_tree tree;
    struct mm_buf text = {0};
    (void)state;
    mm_diags_init(&diags);
    mm_buf_str(&text, "[\"");
    for (int i = 0; i < 2 * MM_JSON_TEXT; i++)
        mm_buf_char(&text, 'x');
    mm_buf_str(&text, "\"]");
    assert_int_equal(read_text(&tree, text.data, &diags), 0);
    assert_true(tree.values[1].cut && tree.values[1].length == MM_JSON_TEXT);
    mm_json_tree_release(&tree);
    mm_buf_release(&text);
    mm_diags_release(&diags);
}

static void reals_are_the_nearest_f32(void **state)
{
    static const struct {
        const char *text;
        float value;
    } cases[] = {
        {"0", 0},           {"-0.0", -0.0F},       {"1", 1},           {"10000.0", 10000},   {"1e-05", 1e-5F},
        {"1e-06", 1e-6F},   {"500000.0", 500000},  {"0.1", 0.1F},      {"1E+3", 1000},       {"2.5e-0007", 2.5e-7F},
        {"-12.5", -12.5F},  {"1e-999", 0},         {"16777217", 16777216}, {"3.4028235e38", 3.4028235e38F},
        {"0.000000000000000000000000000000000000000000001401298464", 1.4e-45F},
    };
    static const char *const none[] = {"1e39", "1e9999", "-3.5e38", "1e10000", "1e99999999999999999999",
                                       "0.00000000000000000000000000000000000000000000000000000000000000001"};
    float value;
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            check_true(cases[i].text, mm_json_real(cases[i].text, strlen(cases[i].text), &value));
            assert_memory_equal(&value, &cases[i].value, sizeof value);
        }
        for (size_t i = 0; i < COUNT_OF(none); i++)
            check_true(none[i], !mm_json_real(none[i], strlen(none[i]), &value));
        if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) /* a comma for a point, where the system has it */
            break;
    }
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_are_found),
        cmocka_unit_test(offsets_are_the_files),
        cmocka_unit_test(what_is_no_json_has_a_finding),
        cmocka_unit_test(more_values_than_memory_allows_are_a_limit),
        cmocka_unit_test(long_strings_are_cut_and_say_so),
        cmocka_unit_test(reals_are_the_nearest_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
