/* Words in text: contained, or fitting with stars and question marks. */
#include "unit.h"

#include "text/match.h"

struct word_case {
    const char *text, *wanted;
    bool found;
};

static void words_are_contained_or_fit(void **state)
{
    static const struct word_case cases[] = {
        {"keeper/Tiny", "tiny", true},    {"keeper/tiny", "per/t", true},     {"tiny", "tinys", false},      {"", "a", false},
        {"tiny", "t?ny", true},           {"tiny", "t?y", false},             {"tiny", "t*", true},          {"a tiny", "t*", true},
        {"a xtiny", "t*", false},         {"- hf://demo/base-1", "base-?", true}, {"- hf://demo/base-1", "hf://demo/*", true},
        {"- hf://demo/base-1", "- hf*1", true}, {"- hf://demo/base-1", "demo/base-?", false}, {"keeper/tiny", "keeper/*", true},
        {"keeper/tiny", "*er", true},     {"", "*", true},                    {"", "?", false},              {"a  b", "?", true},
        {"aaaaaaaaab", "*a*a*a*b", true}, {"aaaaaaaaaa", "*a*a*a*b", false},  {"abcbcd", "a*bcd", true},     {"abc", "***c", true},
        {"abc", "a*?", true},             {"a", "a*?", false},                {"gr\xC3\xB6\xC3\x9F" "e", "gr\xC3\xB6\xC3\x9F" "e", true},
        {"GR\xC3\x96SSE", "gr\xC3\xB6sse", false}, {"x\\y", "\\", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (mm_match_has(cases[i].text, strlen(cases[i].text), cases[i].wanted, strlen(cases[i].wanted)) != cases[i].found)
            fail_msg("'%s' in '%s': expected %d", cases[i].wanted, cases[i].text, cases[i].found);
}

static void parts_may_be_empty(void **state)
{
    static const char *const expected[] = {"", "a", "", "b", ""};
    const char *text = ",a,,b,", *part;
    size_t at = 0, length, count = 0;
    (void)state;
    while (mm_match_part(text, strlen(text), ',', &at, &part, &length)) {
        assert_true(count < COUNT_OF(expected));
        check_number("length", length, strlen(expected[count]));
        assert_memory_equal(part, expected[count], length);
        count++;
    }
    check_number("parts", count, COUNT_OF(expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_are_contained_or_fit), cmocka_unit_test(parts_may_be_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
