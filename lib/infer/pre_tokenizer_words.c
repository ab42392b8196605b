/* Expressions that take a text apart wholly: contractions, letters, numbers, symbols and spaces, one alternative after the other as they stand in the
 * expression. */
#include <string.h>

#include "infer/pre_tokenizer_parts.h"

#define NOWHERE UINT32_MAX
#define CASED_UPPER                                                                                                    \
    (MM_CHARACTER_UPPER | MM_CHARACTER_TITLE | MM_CHARACTER_MODIFIER | MM_CHARACTER_LETTER | MM_CHARACTER_MARK)
#define CASED_LOWER (MM_CHARACTER_LOWER | MM_CHARACTER_MODIFIER | MM_CHARACTER_LETTER | MM_CHARACTER_MARK)

static uint32_t code_at(const struct mm_span *span, size_t at)
{
    return at < span->end ? span->codes[at] : NOWHERE;
}

/* 0 behind the end, which is of no kind. */
static uint16_t kind_at(const struct mm_span *span, size_t at)
{
    return at < span->end ? span->kinds[at] : 0;
}

static bool is_break(uint32_t code)
{
    return code == '\r' || code == '\n';
}

static size_t skip(const struct mm_span *span, size_t at, uint16_t mask)
{
    while (kind_at(span, at) & mask)
        at++;
    return at;
}

static size_t skip_listed(const struct mm_span *span, size_t at, const char *list)
{
    while (code_at(span, at) - 1 < 127 && strchr(list, (int)code_at(span, at)))
        at++;
    return at;
}

static uint32_t lower(uint32_t code)
{
    return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
}

/* 's 't 're 've 'm 'll 'd at AT: where they end, else AT. */
static size_t contraction(const struct mm_span *span, size_t at, bool any_case)
{
    uint32_t first = code_at(span, at + 1), second = code_at(span, at + 2);
    if (code_at(span, at) != '\'')
        return at;
    first = any_case ? lower(first) : first;
    second = any_case ? lower(second) : second;
    if (first == 's' || first == 't' || first == 'm' || first == 'd')
        return at + 2;
    bool two = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
    return two ? at + 3 : at;
}

/* " ?[^\s\p{L}\p{N}]+" and the like: EXCEPT are the kinds that are left to others. */
static size_t symbols(const struct mm_span *span, size_t at, uint16_t except)
{
    size_t from = at + (code_at(span, at) == ' ');
    size_t end = skip(span, from, (uint16_t)~except);
    return end > from ? end : at;
}

/* "\s*[\r\n]+|\s+(?!\S)|\s+", the first only if BREAKS. */
static size_t spaces(const struct mm_span *span, size_t at, bool breaks)
{
    size_t end = skip(span, at, MM_CHARACTER_SPACE), last = end;
    while (breaks && last > at && !is_break(span->codes[last - 1]))
        last--;
    if (breaks && last > at)
        return last;
    return end < span->end && end - at > 1 ? end - 1 : end;
}

size_t mm_match_gpt2(const struct mm_span *span, size_t at, const void *how)
{
    static const uint16_t masks[] = {MM_CHARACTER_LETTERS, MM_CHARACTER_NUMBER};
    size_t end = contraction(span, at, false), from = at + (span->codes[at] == ' ');
    (void)how;
    for (size_t i = 0; end == at && i < sizeof masks / sizeof *masks; i++)
        if (skip(span, from, masks[i]) > from)
            end = skip(span, from, masks[i]);
    if (end == at)
        end = symbols(span, at, MM_CHARACTER_SPACE | MM_CHARACTER_LETTERS | MM_CHARACTER_NUMBER);
    return end == at ? spaces(span, at, false) : end;
}

/* [upper]*[lower]+ from FROM on, FROM if that is not there. What both kinds have goes to the first part, and comes back where the second needs it:
 * the last such character before what is upper alone. */
static size_t ends_lower(const struct mm_span *span, size_t from)
{
    size_t upper = skip(span, from, CASED_UPPER), end = skip(span, upper, CASED_LOWER);
    if (end > upper)
        return end;
    while (upper > from && !(span->kinds[upper - 1] & CASED_LOWER))
        upper--;
    return upper;
}

/* [upper]+[lower]*, where the form above was not found */
static size_t begins_upper(const struct mm_span *span, size_t from)
{
    size_t upper = skip(span, from, CASED_UPPER);
    return upper > from ? skip(span, upper, CASED_LOWER) : from;
}

/* Letters with a character before them that is no letter, number or line break; or without. */
static size_t letters(const struct mm_span *span, size_t at, const struct mm_word_form *form)
{
    bool other = !is_break(span->codes[at]) && !(span->kinds[at] & (MM_CHARACTER_LETTERS | MM_CHARACTER_NUMBER));
    if (!form->cased) {
        size_t from = at + (other && kind_at(span, at + 1) & form->letters);
        return skip(span, from, form->letters);
    }
    size_t (*const forms[])(const struct mm_span *, size_t) = {ends_lower, begins_upper};
    size_t end = at;
    for (int i = 0; i < 2 && end == at; i++) {
        if (other && forms[i](span, at + 1) > at + 1)
            end = forms[i](span, at + 1);
        else
            end = forms[i](span, at);
    }
    return end > at && form->attached ? contraction(span, end, true) : end;
}

size_t mm_match_words(const struct mm_span *span, size_t at, const void *how)
{
    const struct mm_word_form *form = how;
    size_t end = form->contractions ? contraction(span, at, true) : at;
    if (end == at)
        end = letters(span, at, form);
    for (unsigned i = 0; end == at + i && i < form->digits && kind_at(span, end) & MM_CHARACTER_NUMBER; i++)
        end++;
    if (end > at)
        return end;
    uint16_t left = MM_CHARACTER_SPACE | MM_CHARACTER_LETTERS | MM_CHARACTER_NUMBER;
    if (!form->cased)
        left |= form->letters;
    end = symbols(span, at, left);
    return end > at ? skip_listed(span, end, form->behind) : spaces(span, at, true);
}

/* [!-/:-@[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
size_t mm_match_symbolic(const struct mm_span *span, size_t at, const void *how)
{
    const uint16_t words = MM_CHARACTER_LETTERS | MM_CHARACTER_MARK,
                   signs = MM_CHARACTER_PUNCTUATION | MM_CHARACTER_SYMBOL;
    uint32_t code = span->codes[at];
    size_t end = at + 1;
    (void)how;
    while (code < 128 && span->kinds[at] & signs && lower(code_at(span, end)) - 'a' < 26)
        end++;
    if (end > at + 1)
        return end;
    bool other = !is_break(code) && !(span->kinds[at] & (MM_CHARACTER_LETTERS | signs));
    size_t from = at + (other && kind_at(span, at + 1) & words);
    end = skip(span, from, words);
    if (end > from)
        return end;
    end = symbols(span, at, (uint16_t)~signs);
    if (end > at)
        return skip_listed(span, end, "\r\n");
    return spaces(span, at, true);
}
