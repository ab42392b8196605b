/* Expressions that find some of a text: numbers, punctuation, line breaks, letters of some scripts. */
#include <string.h>

#include "infer/pre_tokenizer_parts.h"

/* As the tokenizer of deepseek-llm lists them. */
static const struct mm_code_range cased[] = {
    {0x41, 0x5a},       {0x61, 0x7a},       {0xb5, 0xb5},       {0xc0, 0xd6},       {0xd8, 0xf6},
    {0xf8, 0x1ba},      {0x1bc, 0x1bf},     {0x1c4, 0x293},     {0x295, 0x2af},     {0x370, 0x373},
    {0x376, 0x376},     {0x377, 0x377},     {0x37b, 0x37d},     {0x37f, 0x37f},     {0x386, 0x386},
    {0x388, 0x38a},     {0x38c, 0x38c},     {0x38e, 0x3a1},     {0x3a3, 0x3f5},     {0x3f7, 0x481},
    {0x48a, 0x52f},     {0x531, 0x556},     {0x10a0, 0x10c5},   {0x13a0, 0x13f5},   {0x13f8, 0x13fd},
    {0x1c90, 0x1cba},   {0x1cbd, 0x1cbf},   {0x1d00, 0x1d2b},   {0x1d6b, 0x1d77},   {0x1d79, 0x1d9a},
    {0x1e00, 0x1f15},   {0x1f18, 0x1f1d},   {0x1f20, 0x1f45},   {0x1f48, 0x1f4d},   {0x1f50, 0x1f57},
    {0x1f59, 0x1f59},   {0x1f5b, 0x1f5b},   {0x1f5d, 0x1f5d},   {0x1f5f, 0x1f7d},   {0x1f80, 0x1fb4},
    {0x1fb6, 0x1fbc},   {0x1fbe, 0x1fbe},   {0x1fc2, 0x1fc4},   {0x1fc6, 0x1fcc},   {0x1fd0, 0x1fd3},
    {0x1fd6, 0x1fdb},   {0x1fe0, 0x1fec},   {0x1ff2, 0x1ff4},   {0x1ff6, 0x1ffc},   {0x2102, 0x2102},
    {0x2107, 0x2107},   {0x210a, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211d},   {0x2124, 0x2124},
    {0x2126, 0x2126},   {0x2128, 0x2128},   {0x212a, 0x212d},   {0x212f, 0x2134},   {0x2139, 0x2139},
    {0x213c, 0x213f},   {0x2145, 0x2149},   {0x214e, 0x214e},   {0x2183, 0x2183},   {0x2184, 0x2184},
    {0x2c00, 0x2c7b},   {0x2c7e, 0x2ce4},   {0x2ceb, 0x2cee},   {0x2cf2, 0x2cf2},   {0x2cf3, 0x2cf3},
    {0xa640, 0xa66d},   {0xa680, 0xa69b},   {0xa722, 0xa76f},   {0xa771, 0xa787},   {0xa78b, 0xa78e},
    {0xab70, 0xabbf},   {0xfb00, 0xfb06},   {0xfb13, 0xfb17},   {0xff21, 0xff3a},   {0xff41, 0xff5a},
    {0x10400, 0x1044f}, {0x104b0, 0x104d3}, {0x104d8, 0x104fb}, {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2},
    {0x118a0, 0x118df}, {0x1e900, 0x1e943},
};
const struct mm_code_ranges mm_cased_letters = {cased, sizeof cased / sizeof *cased};

static bool listed(const struct mm_code_ranges *ranges, uint32_t code)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->items[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && code >= ranges->items[low].first;
}

static size_t skip_ranges(const struct mm_span *span, size_t at, const struct mm_code_ranges *ranges)
{
    while (at < span->end && listed(ranges, span->codes[at]))
        at++;
    return at;
}

static size_t skip_space(const struct mm_span *span, size_t at)
{
    return at + (span->kinds[at] == MM_CHARACTER_SPACE);
}

size_t mm_match_numbers(const struct mm_span *span, size_t at, const void *how)
{
    unsigned most = *(const unsigned *)how;
    size_t end = at;
    while (end < span->end && end - at < most && span->kinds[end] & MM_CHARACTER_NUMBER)
        end++;
    return end;
}

size_t mm_match_three(const struct mm_span *span, size_t at, const void *how)
{
    (void)how;
    for (size_t i = at; i < at + 3; i++)
        if (i >= span->end || span->codes[i] < '0' || span->codes[i] > '9')
            return at;
    return at + 3;
}

size_t mm_match_line_break(const struct mm_span *span, size_t at, const void *how)
{
    (void)how;
    return at + (span->codes[at] == '\r' || span->codes[at] == '\n');
}

size_t mm_match_lines(const struct mm_span *span, size_t at, const void *how)
{
    bool feeds = span->codes[at] == '\n';
    (void)how;
    while (at < span->end && (span->codes[at] == '\n') == feeds)
        at++;
    return at;
}

size_t mm_match_punctuation(const struct mm_span *span, size_t at, const void *how)
{
    const char *more = how;
    while (at < span->end && (span->kinds[at] & MM_CHARACTER_PUNCTUATION ||
                              (span->codes[at] - 1 < 127 && strchr("$+<=>^~|", (int)span->codes[at])) ||
                              (span->codes[at] - 1 < 127 && strchr(more, (int)span->codes[at]))))
        at++;
    return at;
}

size_t mm_match_spaced(const struct mm_span *span, size_t at, const void *how)
{
    uint16_t mask = *(const uint16_t *)how;
    size_t from = skip_space(span, at), end = from;
    while (end < span->end && span->kinds[end] & mask)
        end++;
    return end > from ? end : at;
}

size_t mm_match_listed(const struct mm_span *span, size_t at, const void *how)
{
    return skip_ranges(span, at, how);
}

size_t mm_match_spaced_list(const struct mm_span *span, size_t at, const void *how)
{
    size_t from = skip_space(span, at), end = skip_ranges(span, from, how);
    return end > from ? end : skip_ranges(span, at, how); /* a space may be in the list too */
}

/* Begins where the last run of spaces begins, and nowhere else: asking for that alone looks at each run once. */
size_t mm_match_last_spaces(const struct mm_span *span, size_t at, const void *how)
{
    size_t end = at;
    (void)how;
    if (at > span->begin && span->kinds[at - 1] & MM_CHARACTER_SPACE)
        return at;
    while (end < span->end && span->kinds[end] & MM_CHARACTER_SPACE)
        end++;
    return end == span->end ? end : at;
}

size_t mm_match_unstopped(const struct mm_span *span, size_t at, const void *how)
{
    static const struct mm_code_range stops[] = {
        {'!', '!'},     {'(', ')'},     {',', ','},     {'.', '.'},       {'?', '?'},       {'|', '|'},
        {0x60c, 0x60c}, {0x6d4, 0x6d4}, {0x964, 0x964}, {0x2026, 0x2026}, {0x3001, 0x3002}, {0xff0c, 0xff0c},
    };
    static const struct mm_code_ranges ranges = {stops, sizeof stops / sizeof *stops};
    size_t from = at + (span->codes[at] == ' '), end = from;
    (void)how;
    while (end < span->end && !(span->kinds[end] & MM_CHARACTER_SPACE) && !listed(&ranges, span->codes[end]))
        end++;
    return end > from ? end : at;
}
