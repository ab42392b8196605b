#include "infer/pre_tokenizer.h"

#include <limits.h>
#include <string.h>

#include "infer/pre_tokenizer_parts.h"

#define STEPS_MAX 6
#define COUNT_OF(table) (sizeof(table) / sizeof *(table))
#define MARKED_LETTERS (MM_CHARACTER_LETTERS | MM_CHARACTER_MARK)

struct mm_pre_tokenizer {
    const char *names; /* parted by spaces */
    bool ignores_merges, begins;
    struct mm_step steps[STEPS_MAX];
};

static const unsigned one = 1, three = 3, all = UINT_MAX;
static const uint16_t letters = MM_CHARACTER_LETTERS, punctuation = MM_CHARACTER_PUNCTUATION;

static const struct mm_word_form threes = {true, false, false, MM_CHARACTER_LETTERS, 3, "\r\n"};
static const struct mm_word_form ones = {true, false, false, MM_CHARACTER_LETTERS, 1, "\r\n"};
static const struct mm_word_form any_digits = {true, false, false, MM_CHARACTER_LETTERS, UINT_MAX, "\r\n"};
static const struct mm_word_form plain_ones = {false, false, false, MM_CHARACTER_LETTERS, 1, "\r\n"};
static const struct mm_word_form marked_ones = {true, false, false, MARKED_LETTERS, 1, "\r\n"};
static const struct mm_word_form bare_ones = {true, false, false, MM_CHARACTER_LETTERS, 1, ""};
static const struct mm_word_form cased_ones = {false, true, false, 0, 1, "\r\n/"};
static const struct mm_word_form cased_threes = {false, true, true, 0, 3, "\r\n/"};

static const struct mm_code_range old_han[] = {{0x800, 0x9fa5}, {0xac00, 0xd7ff}};
static const struct mm_code_range han_and_kana[] = {{0x3040, 0x30ff}, {0x4e00, 0x9fa5}};
static const struct mm_code_range wide_signs[] = {{0x21, 0x2f},     {0x3a, 0x7e},     {0x2018, 0x201f},
                                                  {0x3000, 0x3002}, {0xff01, 0xff0f}, {0xff1a, 0xff5e}};
static const struct mm_code_ranges old_han_list = {old_han, COUNT_OF(old_han)},
                                   han_and_kana_list = {han_and_kana, COUNT_OF(han_and_kana)},
                                   wide_signs_list = {wide_signs, COUNT_OF(wide_signs)};

/* Names of one way stand in one row. Where the first model that used a name and the programs that read GGUF differ, as in what is a letter of either
 * case, the model counts. Normal forms (NFC) are nobody's here: a text is cut as it comes. */
static const struct mm_pre_tokenizer ways[] = {
    {"default",
     false,
     false,
     {{mm_match_punctuation, ""}, {mm_match_gpt2, NULL}, {mm_match_numbers, &all}, {mm_match_three, NULL}}},
    {"gpt-2 mpt olmo phi-2 jais trillion granite-docling gigachat a.x-4.0 mellum exaone4",
     false,
     false,
     {{mm_match_gpt2, NULL}}},
    {"starcoder refact command-r smollm codeshell exaone minerva-7b mellum2",
     false,
     false,
     {{mm_match_numbers, &one}, {mm_match_gpt2, NULL}}},
    {"falcon", false, false, {{mm_match_punctuation, "`"}, {mm_match_gpt2, NULL}, {mm_match_three, NULL}}},
    {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
     true,
     true,
     {{mm_match_words, &threes}}},
    {"dbrx smaug-bpe glm4 chatglm-bpe", false, false, {{mm_match_words, &threes}}},
    {"qwen2 stablelm2 deepseek-r1-qwen kormo f2llmv2 megrez hunyuan solar-open grok-2 bailingmoe bailingmoe2 llada-moe",
     false,
     false,
     {{mm_match_words, &ones}}},
    {"qwen35", false, false, {{mm_match_words, &marked_ones}}},
    {"ufakzeka", false, false, {{mm_match_words, &plain_ones}}},
    {"seed-coder", false, false, {{mm_match_words, &bare_ones}}},
    {"laguna", false, false, {{mm_match_lines, NULL}, {mm_match_words, &ones}}},
    {"minicpm5", true, false, {{mm_match_numbers, &three}, {mm_match_words, &any_digits}}},
    {"tekken", true, true, {{mm_match_words, &cased_ones}}},
    {"gpt-4o llama4 kanana2 talkie minimax-m2", false, false, {{mm_match_words, &cased_threes}}},
    {"deepseek-llm",
     false,
     false,
     {{mm_match_line_break, NULL},
      {mm_match_spaced_list, &mm_cased_letters},
      {mm_match_spaced_list, &wide_signs_list},
      {mm_match_last_spaces, NULL},
      {mm_match_listed, &old_han_list},
      {mm_match_numbers, &all}}},
    {"deepseek-coder",
     false,
     false,
     {{mm_match_line_break, NULL},
      {mm_match_spaced, &letters},
      {mm_match_spaced, &punctuation},
      {mm_match_listed, &old_han_list},
      {mm_match_numbers, &one}}},
    {"deepseek-v3 hunyuan-dense joyai-llm hy_v4",
     false,
     false,
     {{mm_match_numbers, &three}, {mm_match_listed, &han_and_kana_list}, {mm_match_symbolic, NULL}}},
    {"bloom poro-chat gpt3-finnish", false, false, {{mm_match_unstopped, NULL}}},
    {"viking", false, false, {{mm_match_unstopped, NULL}, {mm_match_numbers, &one}}},
};

const struct mm_pre_tokenizer *mm_pre_tokenizer_find(const char *name)
{
    size_t length = strlen(name);
    if (length == 0)
        return &ways[0];
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        for (const char *at = ways[i].names; *at; at += strspn(at, " ")) {
            size_t size = strcspn(at, " ");
            if (size == length && memcmp(at, name, size) == 0)
                return &ways[i];
            at += size;
        }
    return NULL;
}

bool mm_pre_tokenizer_ignores_merges(const struct mm_pre_tokenizer *way)
{
    return way->ignores_merges;
}

bool mm_pre_tokenizer_begins(const struct mm_pre_tokenizer *way)
{
    return way->begins;
}

/* Cuts the word of SPAN, whose end is marked already. */
static void cut(const struct mm_step *step, const struct mm_span *span, bool *ends)
{
    for (size_t at = span->begin; at < span->end;) {
        size_t end = step->match(span, at, step->how);
        if (end == at) {
            at++;
            continue;
        }
        if (at > span->begin)
            ends[at - 1] = true;
        ends[end - 1] = true;
        at = end;
    }
}

void mm_pre_tokenizer_cut(const struct mm_pre_tokenizer *way, struct mm_characters *text)
{
    if (text->count == 0)
        return;
    text->ends[text->count - 1] = true;
    for (size_t i = 0; i < STEPS_MAX && way->steps[i].match; i++) {
        struct mm_span span = {text->codes, text->kinds, 0, 0};
        while (span.begin < text->count) {
            span.end = span.begin + 1;
            while (!text->ends[span.end - 1])
                span.end++;
            cut(&way->steps[i], &span, text->ends);
            span.begin = span.end;
        }
    }
}
