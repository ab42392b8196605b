/* Parts of a file in HTTP's words (RFC 9110, section 14): what a request's Range asks for, and what a response's Content-Range says. */
#ifndef MM_EXCHANGE_RANGE_H
#define MM_EXCHANGE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum mm_range {
    MM_RANGE_NONE,          /* none is asked for, or none that is understood: the whole is meant */
    MM_RANGE_PART,          /* one part that is there, at least in part */
    MM_RANGE_UNSATISFIABLE, /* one that begins behind the end, or a suffix of nothing */
};

/* What VALUE (NULL for none) asks for of SIZE bytes: bytes=A-B, bytes=A- or bytes=-N, one range, no white space. B and N may lie behind the
 * end, however far. Other units, several ranges and what is no range ask for nothing. Of MM_RANGE_PART *OFFSET and *LENGTH, above 0,
 * lie inside. */
enum mm_range mm_range_read(const char *value, uint64_t size, uint64_t *offset, uint64_t *length);

/* Writes the Range of LENGTH bytes, above 0, from OFFSET. Returns OUT. */
#define MM_RANGE_TEXT 56
const char *mm_range_write(char out[static MM_RANGE_TEXT], uint64_t offset, uint64_t length);

/* Reads the Content-Range of a response, bytes A-B/SIZE, numbers below 2^63 without leading zeros and A <= B < SIZE. An unknown size (*)
 * is refused: whoever asks knows it. */
bool mm_range_read_content(const char *value, uint64_t *offset, uint64_t *length, uint64_t *size);

#endif
