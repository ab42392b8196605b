/* Words are written as text with '#' between them; the texts have none. */
#include "../unit/unit.h"

#include "base/utf8.h"
#include "infer/pre_tokenizer.h"
#include "infer/unicode.h"

static void cut(const char *name, const char *text, struct mm_buf *out)
{
    uint32_t codes[256];
    uint16_t kinds[256];
    bool ends[256] = {false};
    unsigned char bytes[4];
    struct mm_characters characters = {codes, kinds, ends, 0};
    const struct mm_pre_tokenizer *way = mm_pre_tokenizer_find(name);
    assert_non_null(way);
    for (size_t at = 0, length = strlen(text); at < length; characters.count++) {
        size_t size = mm_utf8_decode((const unsigned char *)text + at, length - at, &codes[characters.count]);
        assert_true(size > 0 && characters.count < 256);
        kinds[characters.count] = mm_character_kind(codes[characters.count]);
        at += size;
    }
    mm_pre_tokenizer_cut(way, &characters);
    for (size_t i = 0; i < characters.count; i++) {
        mm_buf_add(out, bytes, mm_utf8_encode(bytes, codes[i]));
        if (ends[i] && i + 1 < characters.count)
            mm_buf_char(out, '#');
    }
}

static void check(const char *name, const char *words)
{
    struct mm_buf text = {0}, found = {0};
    for (const char *at = words; *at; at++)
        if (*at != '#')
            mm_buf_char(&text, *at);
    cut(name, mm_buf_text(&text), &found);
    assert_string_equal(mm_buf_text(&found), words);
    mm_buf_release(&text);
    mm_buf_release(&found);
}

static void words_of_gpt2(void **state)
{
    (void)state;
    check("gpt-2", "Hello#,# world#!");
    check("gpt-2", "I#'m# you#'re# they#'#VE"); /* lower case alone */
    check("gpt-2", " 123#abc#  # x#  ");
    check("gpt-2", "a#\n\n# b#\n\n");
    check("gpt-2", "\xc3\xa9t\xc3\xa9#\xc2\xa0#\xe4\xb8\xad");
    check("mpt", "don#'t");
    check("olmo", "'\xe2\x80\xa6'#s# '#s#'s");
}

static void words_of_llama3(void **state)
{
    (void)state;
    check("llama-bpe", "Hello#,# world#!\n\n# x");
    check("llama-bpe", "I#'M# you#'Re# they#'ll");
    check("llama-bpe", "1#\n\n#123#456#7");
    check("llama-bpe", "a# # b");
    check("dbrx", "$abc# $#100#_def");
    check("qwen2", "1#2#3#.#4# #5");
    check("qwen2", "a# \n \n#  # b");
    check("seed-coder", "x#!!#\n#y");
    check("qwen35", "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8#1");
    check("llama-bpe", "\xe0\xa4\xb9#\xe0\xa4\xbf\xe0\xa4\xa8#1"); /* a mark is no letter there */
    check("ufakzeka", "ev#'de");
    check("laguna", "a#\n\n#b");
    check("laguna", "a# #\n#b");
    check("minicpm5", "123#4# x");
}

static void words_with_cases(void **state)
{
    (void)state;
    check("tekken", "Camel#Case#XMLHttp# snake#_case");
    check("tekken", "a#\xc3\x89#1#2");
    check("tekken", "\xc3\xa9#AB#\n");
    check("tekken", "AB\xe4\xb8\xad#AB# x"); /* what has no case is both */
    check("gpt-4o", "I'm# HTTP's#123#4# //\n");
}

static void cuts_one_after_the_other(void **state)
{
    (void)state;
    check("", "x#123#45"); /* the default's last step takes three digits from each number */
    check("default", "a#$#b#123#4#!");
    check("starcoder", "a#1#2# #3# b");
    check("falcon", "`#a#123#4");
    check("deepseek-llm", "Hello#,# world#\r#\n#123#\xe4\xb8\xad#a#  ");
    check("deepseek-coder", "Hello#,# world#1#2#\n#\n");
    check("deepseek-v3", "123#4#.abc#\xe4\xb8\xad# x");
    check("bloom", "Hello#,# world#.# x");
    check("viking", "ab#1#2# c");
}

static void names_are_known_whole(void **state)
{
    (void)state;
    assert_null(mm_pre_tokenizer_find("gpt"));
    assert_null(mm_pre_tokenizer_find("gpt-2 mpt"));
    assert_null(mm_pre_tokenizer_find(" "));
    assert_null(mm_pre_tokenizer_find("kimi-k2"));
    assert_null(mm_pre_tokenizer_find("GPT-2"));
    assert_non_null(mm_pre_tokenizer_find("llada-moe"));
    assert_true(mm_pre_tokenizer_ignores_merges(mm_pre_tokenizer_find("llama3")));
    assert_true(mm_pre_tokenizer_begins(mm_pre_tokenizer_find("tekken")));
    assert_false(mm_pre_tokenizer_begins(mm_pre_tokenizer_find("")));
    assert_false(mm_pre_tokenizer_ignores_merges(mm_pre_tokenizer_find("dbrx")));
}

static void kinds_of_characters(void **state)
{
    static const struct {
        uint32_t code;
        uint16_t kind;
    } rows[] = {
        {0, MM_CHARACTER_OTHER},         {'\t', MM_CHARACTER_SPACE},       {'\r', MM_CHARACTER_SPACE},
        {0x1c, MM_CHARACTER_OTHER},      {' ', MM_CHARACTER_SPACE},        {'$', MM_CHARACTER_SYMBOL},
        {'_', MM_CHARACTER_PUNCTUATION}, {'~', MM_CHARACTER_SYMBOL},       {'9', MM_CHARACTER_NUMBER},
        {'A', MM_CHARACTER_UPPER},       {'z', MM_CHARACTER_LOWER},        {0x85, MM_CHARACTER_SPACE},
        {0xaa, MM_CHARACTER_LETTER},     {0xbd, MM_CHARACTER_NUMBER},      {0x1c5, MM_CHARACTER_TITLE},
        {0x2b0, MM_CHARACTER_MODIFIER},  {0x301, MM_CHARACTER_MARK},       {0x200b, MM_CHARACTER_OTHER},
        {0x3000, MM_CHARACTER_SPACE},    {0x4e00, MM_CHARACTER_LETTER},    {0xd800, MM_CHARACTER_OTHER},
        {0x1f999, MM_CHARACTER_SYMBOL},  {0x2ebf0, MM_CHARACTER_LETTER},   {0x10ffff, MM_CHARACTER_OTHER},
        {0x110000, MM_CHARACTER_OTHER},  {UINT32_MAX, MM_CHARACTER_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(mm_character_kind(rows[i].code), rows[i].kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_gpt2),         cmocka_unit_test(words_of_llama3),
        cmocka_unit_test(words_with_cases),      cmocka_unit_test(cuts_one_after_the_other),
        cmocka_unit_test(names_are_known_whole), cmocka_unit_test(kinds_of_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
