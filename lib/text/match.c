#include "text/match.h"

#include <stdint.h>
#include <string.h>

char mm_match_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool mm_match_same(const char *text, const char *lowered, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (mm_match_lower(text[i]) != lowered[i])
            return false;
    return true;
}

static bool contains(const char *text, size_t length, const char *part, size_t part_length)
{
    for (size_t i = 0; i + part_length <= length; i++)
        if (mm_match_lower(text[i]) == part[0] && mm_match_same(text + i, part, part_length))
            return true;
    return false;
}

bool mm_match_is_glob(const char *text, size_t length)
{
    return memchr(text, '*', length) || memchr(text, '?', length);
}

/* Only the last `*` is gone back to, so the time is at most the product of both lengths. */
bool mm_match_glob(const char *text, size_t length, const char *pattern, size_t pattern_length)
{
    size_t t = 0, p = 0, star = SIZE_MAX, resume = 0;
    while (t < length) {
        if (p < pattern_length && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern_length && (pattern[p] == '?' || pattern[p] == mm_match_lower(text[t]))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern_length && pattern[p] == '*')
        p++;
    return p == pattern_length;
}

bool mm_match_part(const char *text, size_t length, char separator, size_t *at, const char **part, size_t *part_length)
{
    if (*at > length)
        return false;
    const char *stop = memchr(text + *at, separator, length - *at);
    *part = text + *at;
    *part_length = stop ? (size_t)(stop - *part) : length - *at;
    *at += *part_length + 1;
    return true;
}

/* The glob fits TEXT, or a part of it between spaces, or of that between slashes. */
static bool glob_fits(const char *text, size_t length, const char *pattern, size_t pattern_length)
{
    const char *word, *segment;
    size_t at = 0, word_length, segment_length;
    if (mm_match_glob(text, length, pattern, pattern_length))
        return true;
    while (mm_match_part(text, length, ' ', &at, &word, &word_length)) {
        size_t within = 0;
        if (mm_match_glob(word, word_length, pattern, pattern_length))
            return true;
        while (mm_match_part(word, word_length, '/', &within, &segment, &segment_length))
            if (mm_match_glob(segment, segment_length, pattern, pattern_length))
                return true;
    }
    return false;
}

bool mm_match_has(const char *text, size_t length, const char *wanted, size_t wanted_length)
{
    return mm_match_is_glob(wanted, wanted_length) ? glob_fits(text, length, wanted, wanted_length)
                                                   : contains(text, length, wanted, wanted_length);
}
