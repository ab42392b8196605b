/* Words looked for in text, whatever the case of ASCII letters; other bytes are what they are. What is looked for is given in lower case
 * (mm_match_lower). */
#ifndef MM_TEXT_MATCH_H
#define MM_TEXT_MATCH_H

#include <stdbool.h>
#include <stddef.h>

char mm_match_lower(char c);

/* True if LENGTH bytes of both are equal. */
bool mm_match_same(const char *text, const char *lowered, size_t length);

/* True if PATTERN, in which `*` stands for any bytes and `?` for one, fits all of TEXT. */
bool mm_match_glob(const char *text, size_t length, const char *pattern, size_t pattern_length);

/* True if there is a `*` or `?` in it. */
bool mm_match_is_glob(const char *text, size_t length);

/* True if WANTED, which is not empty, stands in TEXT; one with `*` or `?` has to fit all of TEXT, a part of it between spaces, or a part of
 * that between slashes. */
bool mm_match_has(const char *text, size_t length, const char *wanted, size_t wanted_length);

/* The next part of TEXT up to a SEPARATOR, *AT being 0 before the first; false behind the last. Parts may be empty. */
bool mm_match_part(const char *text, size_t length, char separator, size_t *at, const char **part, size_t *part_length);

#endif
