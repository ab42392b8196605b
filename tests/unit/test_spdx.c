#include "unit.h"

#include "text/spdx.h"

static void expressions_are_accepted(void **state)
{
    static const char *const cases[] = {
        "MIT", "Apache-2.0", "GPL-2.0+", "0BSD", "a", "A.b-c", "CC-BY-4.0", "NOASSERTION", "MIT OR Apache-2.0", "MIT AND BSD-3-Clause", "MIT AND Apache-2.0 OR ISC",
        "GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0+ WITH Bison-exception-2.2", "(MIT)", "((MIT))", "(MIT OR ISC) AND Zlib", "MIT AND (ISC OR Zlib)",
        "(MIT AND (ISC OR (Zlib AND 0BSD)))", "(GPL-2.0-only WITH Classpath-exception-2.0)", "MIT OR GPL-2.0-only WITH Classpath-exception-2.0 AND ISC",
        "LicenseRef-llama-3.1", "LicenseRef-1", "LicenseRef-AND", "DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2", "MIT OR LicenseRef-x",
        "LicenseRef-x WITH Some-exception", "ANDROID", "ORACLE OR WITHOUT", "LicenseRef", "licenseref-x", "android-x AND orx", "DocumentRef",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t at = 99;
        const char *expected = mm_spdx_check(cases[i], strlen(cases[i]), &at);
        if (expected)
            fail_msg("%s: expected %s at %zu", cases[i], expected, at);
    }
}

static void what_is_no_expression_is_refused_at_its_place(void **state)
{
    static const struct { const char *text; size_t at; } cases[] = {
        {"", 0}, {" MIT", 0}, {"MIT ", 3}, {"MIT  OR ISC", 3}, {"MIT OR  ISC", 7}, {"MIT OR", 3}, {"MIT OR ", 7}, {"OR MIT", 0}, {"AND", 0}, {"OR", 0}, {"WITH", 0},
        {"and", 0}, {"With", 0}, {"MIT or ISC", 3}, {"MIT And ISC", 3}, {"MIT with X", 3}, {"MIT AND OR ISC", 8}, {"MIT OR and", 7}, {"MIT ISC", 3}, {"MIT/ISC", 3},
        {"MIT, ISC", 3}, {"MIT++", 4}, {"+", 0}, {"MIT +", 3}, {"(MIT", 4}, {"MIT)", 3}, {"()", 1}, {"( MIT)", 1}, {"(MIT )", 4}, {"(MIT) ISC", 5}, {"(MIT)(ISC)", 5},
        {"MIT (ISC)", 3}, {"((MIT)", 6}, {"(MIT))", 5}, {"(MIT OR)", 4}, {"MIT WITH", 3}, {"MIT WITH ", 9}, {"MIT WITH (x)", 9}, {"MIT WITH OR", 9}, {"MIT WITH a WITH b", 10},
        {"(MIT) WITH x", 5}, {"MIT WITH a+", 10}, {"LicenseRef-", 11}, {"LicenseRef- x", 11}, {"LicenseRef-x+", 12}, {"DocumentRef-x", 13}, {"DocumentRef-:LicenseRef-x", 12},
        {"DocumentRef-x:MIT", 13}, {"DocumentRef-x:LicenseRef-", 25}, {"MIT_0", 3}, {"MIT\tOR\tISC", 3}, {"MIT\n", 3}, {"Caf\xC3\xA9", 3}, {"https://example.org/", 5},
        {"MIT;ISC", 3}, {"MIT AND", 3}, {"\"MIT\"", 0}, {"MIT OR (ISC AND", 11},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t at = 99;
        check_true(cases[i].text, mm_spdx_check(cases[i].text, strlen(cases[i].text), &at) != NULL);
        check_number(cases[i].text, at, cases[i].at);
    }
}

static void nul_ends_no_expression(void **state)
{
    size_t at = 99;
    (void)state;
    assert_non_null(mm_spdx_check(BYTES("MIT\0"), &at));
    assert_int_equal(at, 3);
    assert_null(mm_spdx_check("MIT OR ISC", 3, &at));
}

static void nesting_has_no_depth(void **state)
{
    char text[1025];
    size_t at;
    (void)state;
    memset(text, '(', 512);
    text[512] = 'x';
    memset(text + 513, ')', 512);
    assert_null(mm_spdx_check(text, 1025, &at));
    assert_non_null(mm_spdx_check(text, 1024, &at));
    assert_int_equal(at, 1024);
}

static void one_licence_has_no_operators(void **state)
{
    static const char *const ones[] = {"MIT", "GPL-2.0+", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-x", "DocumentRef-a:LicenseRef-b", "LicenseRef-x WITH y"};
    static const char *const others[] = {"", "MIT OR ISC", "MIT AND ISC", "(MIT)", "MIT ", " MIT", "MIT WITH", "MIT WITH a WITH b", "OR", "MIT)"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ones); i++)
        check_true(ones[i], mm_spdx_is_one(ones[i], strlen(ones[i])));
    for (size_t i = 0; i < COUNT_OF(others); i++)
        check_true(others[i], !mm_spdx_is_one(others[i], strlen(others[i])));
}

/* Allowed is what stands in the list CONTEXT, between bars. */
static bool in_list(void *context, const char *text, size_t length)
{
    char bars[256];
    assert_true(snprintf(bars, sizeof bars, "|%.*s|", (int)length, text) < (int)sizeof bars);
    return strstr(context, bars) != NULL;
}

static void an_expression_is_met_by_one_side_of_an_or_and_both_of_an_and(void **state)
{
    static const struct { const char *text, *allowed; bool met; } cases[] = {
        {"MIT", "|MIT|", true}, {"MIT", "|ISC|", false}, {"MIT", "", false}, {"mit", "|MIT|", false}, {"(MIT)", "|MIT|", true}, {"((MIT))", "|ISC|", false},
        {"A OR B", "|A|", true}, {"A OR B", "|B|", true}, {"A OR B", "|C|", false}, {"A AND B", "|A|", false}, {"A AND B", "|B|", false}, {"A AND B", "|A|B|", true},
        {"A AND B OR C", "|C|", true}, {"A AND B OR C", "|A|", false}, {"A AND B OR C", "|A|B|", true}, {"A OR B AND C", "|A|", true}, {"A OR B AND C", "|B|", false},
        {"A OR B AND C", "|C|", false}, {"A OR B AND C", "|B|C|", true}, {"(A OR B) AND C", "|A|", false}, {"(A OR B) AND C", "|A|C|", true}, {"(A OR B) AND C", "|C|", false},
        {"A AND (B OR C)", "|A|C|", true}, {"A AND (B OR C)", "|B|C|", false}, {"A AND (B OR C AND D)", "|A|C|", false}, {"A AND (B OR C AND D)", "|A|C|D|", true},
        {"(A OR B) AND (C OR D)", "|A|D|", true}, {"(A OR B) AND (C OR D)", "|A|B|", false}, {"(A AND (B OR (C AND D)))", "|A|C|D|", true}, {"(A AND (B OR (C AND D)))", "|A|C|", false},
        {"A OR (B AND (C OR D)) OR E", "|E|", true}, {"A OR (B AND (C OR D)) OR E", "|C|D|", false}, {"A OR (B AND (C OR D)) OR E", "|B|D|", true},
        {"G+", "|G|", false}, {"G+", "|G+|", true}, {"G", "|G+|", false}, {"G WITH x", "|G|", false}, {"G WITH x", "|G WITH x|", true}, {"G", "|G WITH x|", false},
        {"G WITH x OR A", "|A|", true}, {"(G WITH x AND A) OR B", "|A|G WITH x|", true}, {"DocumentRef-a:LicenseRef-b", "|DocumentRef-a:LicenseRef-b|", true},
        {"MIT OR", "|MIT|", false}, {"(MIT", "|MIT|", false}, {"", "|", false}, {"A OR (B", "|A|B|", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool met = mm_spdx_met(cases[i].text, strlen(cases[i].text), in_list, (void *)cases[i].allowed);
        if (met != cases[i].met)
            fail_msg("%s with %s: expected %d, found %d", cases[i].text, cases[i].allowed, cases[i].met, met);
    }
}

static void what_is_nested_deeper_than_can_be_is_not_met(void **state)
{
    char text[2 * MM_SPDX_DEPTH + 3];
    (void)state;
    for (size_t depth = MM_SPDX_DEPTH; depth <= MM_SPDX_DEPTH + 1; depth++) {
        memset(text, '(', depth);
        text[depth] = 'x';
        memset(text + depth + 1, ')', depth);
        assert_int_equal(mm_spdx_met(text, 2 * depth + 1, in_list, "|x|"), depth == MM_SPDX_DEPTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_are_accepted),
        cmocka_unit_test(what_is_no_expression_is_refused_at_its_place),
        cmocka_unit_test(nul_ends_no_expression),
        cmocka_unit_test(nesting_has_no_depth),
        cmocka_unit_test(one_licence_has_no_operators),
        cmocka_unit_test(an_expression_is_met_by_one_side_of_an_or_and_both_of_an_and),
        cmocka_unit_test(what_is_nested_deeper_than_can_be_is_not_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
