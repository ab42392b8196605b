#include "unit.h"

#include "text/path.h"

static void portable_paths_are_accepted(void **state)
{
    static const char *const cases[] = {
        "a", "model.gguf", "A/b/C", "model-00001-of-00002.safetensors", ".gitattributes", "_x", "..a", "a..b", "a b", "x y/z w", "a (1)", "a[1]", "a+b=c,d@e~f", "...a",
        "0", "Console", "con1", "com", "com10", "lptx", "nulx", "xnul", "a.con", "auxiliary/x", "co", "comx", "a-", "a~", "x/.y",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t at = 99;
        const char *expected = mm_path_check(cases[i], strlen(cases[i]), &at);
        if (expected)
            fail_msg("%s: expected %s at %zu", cases[i], expected, at);
    }
}

static void other_paths_are_refused_at_their_place(void **state)
{
    static const struct { const char *text; size_t length, at; } cases[] = {
        {BYTES(""), 0}, {BYTES("/a"), 0}, {BYTES("a/"), 2}, {BYTES("a//b"), 2}, {BYTES("."), 0}, {BYTES(".."), 1}, {BYTES("a/."), 2}, {BYTES("a/../b"), 3},
        {BYTES("./a"), 0}, {BYTES("../a"), 1}, {BYTES("a/.."), 3}, {BYTES("a."), 1}, {BYTES("a "), 1}, {BYTES("a./b"), 1}, {BYTES("a /b"), 1}, {BYTES(" a"), 0},
        {BYTES("a/ b"), 2}, {BYTES("-a"), 0}, {BYTES("(a)"), 0}, {BYTES("a\\b"), 1}, {BYTES("C:x"), 1}, {BYTES("a\0b"), 1}, {BYTES("a\tb"), 1}, {BYTES("a\nb"), 1},
        {BYTES("a'b"), 1}, {BYTES("a\"b"), 1}, {BYTES("a&b"), 1}, {BYTES("a!"), 1}, {BYTES("a#b"), 1}, {BYTES("a%b"), 1}, {BYTES("a*"), 1}, {BYTES("a?"), 1}, {BYTES("a<b"), 1},
        {BYTES("a|b"), 1}, {BYTES("a;b"), 1}, {BYTES("a$b"), 1}, {BYTES("a`"), 1}, {BYTES("a^b"), 1}, {BYTES("a{b}"), 1}, {BYTES("\xC3\xA9"), 0}, {BYTES("caf\xC3\xA9"), 3}, {BYTES("a\x7F"), 1},
        {BYTES("con"), 0}, {BYTES("CON"), 0}, {BYTES("Prn.txt"), 0}, {BYTES("aux.a.b"), 0}, {BYTES("nul"), 0}, {BYTES("x/NUL.gguf"), 2}, {BYTES("com0"), 0}, {BYTES("COM9.x"), 0},
        {BYTES("lpt0"), 0}, {BYTES("Lpt9"), 0}, {BYTES("con .txt"), 0}, {BYTES("nul  .x"), 0}, {BYTES("aux/a"), 0}, {BYTES("a/com1/b"), 2},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t at = 99;
        check_true(cases[i].text, mm_path_check(cases[i].text, cases[i].length, &at) != NULL);
        check_number(cases[i].text, at, cases[i].at);
    }
}

static void every_byte_is_judged(void **state)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    static const char later[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._+()=,@~[]-";
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[3] = {(char)byte, 'a', 'a'};
        size_t at;
        if (byte == '/')
            continue;
        if (!mm_path_check(text, 3, &at) != !!strchr(first, byte))
            fail_msg("first byte %02x", (unsigned)byte);
        text[0] = 'a';
        text[1] = (char)byte;
        if (!mm_path_check(text, 3, &at) != !!strchr(later, byte))
            fail_msg("second byte %02x", (unsigned)byte);
    }
}

static void lengths_end_at_127_and_240(void **state)
{
    char text[400];
    size_t at = 0;
    (void)state;
    memset(text, 'x', sizeof text);
    assert_null(mm_path_check(text, 127, &at));
    assert_non_null(mm_path_check(text, 128, &at));
    assert_int_equal(at, 127);
    text[120] = '/';
    assert_null(mm_path_check(text, 240, &at));
    assert_non_null(mm_path_check(text, 241, &at));
    assert_int_equal(at, 240);
    assert_null(mm_path_check(text, 121 + 119, &at));
    text[100] = '/';
    text[120] = 'x';
    assert_non_null(mm_path_check(text, 101 + 128, &at));
    assert_int_equal(at, 101 + 127);
}

static void reserved_names_are_those_of_windows(void **state)
{
    static const char *const reserved[] = {"con", "CON", "cOn", "prn", "aux", "nul", "com0", "com5", "COM9", "lpt0", "LPT5", "lpt9", "con.", "con.a.b", "con ", "con  .x", "com1.txt", "nul .tar.gz"};
    static const char *const free_names[] = {"", ".", ".con", "con1", "co", "conx", "xcon", "com", "lpt", "com10", "coma", "lpt/", "com-1", " con", "a con", "nul_", "c on"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        check_true(reserved[i], mm_path_reserved(reserved[i], strlen(reserved[i])));
    for (size_t i = 0; i < COUNT_OF(free_names); i++)
        check_true(free_names[i], !mm_path_reserved(free_names[i], strlen(free_names[i])));
    assert_true(mm_path_reserved("conx", 3));
}

static void the_base_is_the_last_component(void **state)
{
    static const struct { const char *path, *base; } cases[] = {{"a", "a"}, {"a/b", "b"}, {"a/b/c.gguf", "c.gguf"}, {"a/", ""}, {"", ""}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t length = strlen(cases[i].path);
        const char *base = mm_path_base(cases[i].path, &length);
        assert_int_equal(length, strlen(cases[i].base));
        assert_memory_equal(base, cases[i].base, length);
    }
    size_t length = 3;
    const char *text = "a/b/c";
    assert_ptr_equal(mm_path_base(text, &length), text + 2);
    assert_int_equal(length, 1);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void folders_stand_together_in_the_folded_order(void **state)
{
    static const char *const sorted[] = {"A", "a/b", "a/b/C", "a/b c", "a b", "a+", "a-b", "a.x", "a0", "AB", "b", "B/a", "b.", "c"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sorted); i++)
        for (size_t k = 0; k < COUNT_OF(sorted); k++) {
            int order = mm_path_fold_compare(sorted[i], strlen(sorted[i]), sorted[k], strlen(sorted[k]));
            if (sign(order) != (i > k) - (i < k))
                fail_msg("%s against %s: %d", sorted[i], sorted[k], order);
        }
    assert_int_equal(mm_path_fold_compare(BYTES("Model.GGUF"), BYTES("mODEL.gguf")), 0);
    assert_true(mm_path_fold_compare(BYTES("["), BYTES("A")) < 0); /* lowered, not raised */
    assert_true(mm_path_fold_compare(BYTES("_"), BYTES("A")) < 0);
}

static void paths_clash_whatever_their_case(void **state)
{
    static const struct { const char *a, *b; enum mm_path_clash clash; } cases[] = {
        {"a", "b", MM_PATH_APART}, {"a", "ab", MM_PATH_APART}, {"x/a", "x/b", MM_PATH_APART}, {"x/a", "y/a", MM_PATH_APART}, {"a/b", "a.b", MM_PATH_APART},
        {"a", "a", MM_PATH_EQUAL}, {"a", "A", MM_PATH_EQUAL}, {"x/a", "X/A", MM_PATH_EQUAL}, {"a", "a/b", MM_PATH_FOLDER}, {"A", "a/b", MM_PATH_FOLDER},
        {"a/b", "A/B/c", MM_PATH_FOLDER}, {"a", "ab/c", MM_PATH_APART}, {"x/a", "X/b", MM_PATH_FOLDER_CASE}, {"x/y/a", "x/Y/b", MM_PATH_FOLDER_CASE},
        {"x/y/a", "X/z", MM_PATH_FOLDER_CASE}, {"x/ab", "x/Ac", MM_PATH_APART}, {"xa/1", "XB/1", MM_PATH_APART}, {"x/y", "X", MM_PATH_FOLDER}, {"[/a", "{/b", MM_PATH_APART},
        {"@/a", "`/b", MM_PATH_APART},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_number(cases[i].a, mm_path_clash(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b)), cases[i].clash);
        check_number(cases[i].b, mm_path_clash(cases[i].b, strlen(cases[i].b), cases[i].a, strlen(cases[i].a)), cases[i].clash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable_paths_are_accepted),
        cmocka_unit_test(other_paths_are_refused_at_their_place),
        cmocka_unit_test(every_byte_is_judged),
        cmocka_unit_test(lengths_end_at_127_and_240),
        cmocka_unit_test(reserved_names_are_those_of_windows),
        cmocka_unit_test(the_base_is_the_last_component),
        cmocka_unit_test(folders_stand_together_in_the_folded_order),
        cmocka_unit_test(paths_clash_whatever_their_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
