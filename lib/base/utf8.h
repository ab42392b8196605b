/* UTF-8 as RFC 3629 has it, and the classes of characters that documents refuse (manifest.md, Grammar). */
#ifndef MM_BASE_UTF8_H
#define MM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the character at BYTES (LENGTH > 0 bytes remain) into *CODE. Returns its length, or 0 where the bytes are not
 * well-formed: overlong forms, surrogates, values above U+10FFFF, stray or missing continuation bytes. */
size_t mm_utf8_decode(const unsigned char *bytes, size_t length, uint32_t *code);

/* Encodes CODE (no surrogate, at most U+10FFFF) and returns the number of bytes, 1 to 4. */
size_t mm_utf8_encode(unsigned char out[static 4], uint32_t code);

/* True if all of BYTES is well-formed; otherwise *AT is the offset of the first byte that is not. */
bool mm_utf8_valid(const void *bytes, size_t length, size_t *at);

/* Checks a stream piece by piece: a character may straddle two pieces. Start with a zeroed state. */
struct mm_utf8_stream {
    unsigned char pending[4];
    size_t held;
};
/* Returns LENGTH if all is well so far, else the index in this piece where the malformed character was noticed. */
size_t mm_utf8_stream(struct mm_utf8_stream *state, const unsigned char *bytes, size_t length);

bool mm_utf8_control(uint32_t code);      /* general category Cc: U+0000-1F, U+007F-9F */
bool mm_utf8_noncharacter(uint32_t code); /* U+FDD0-FDEF and the last two of each plane */
bool mm_utf8_invisible(uint32_t code);    /* the list of manifest.md, U+200C and U+200D included */

/* Writes the character at BYTES as it may be shown, NUL-terminated: itself, or \xHH for a byte that is not well-formed,
 * or \u{H} for a control, invisible or noncharacter; backslash is doubled. Returns the bytes consumed, at least 1. */
#define MM_UTF8_ESCAPED 12
size_t mm_utf8_escape(char out[static MM_UTF8_ESCAPED], const unsigned char *bytes, size_t length);

#endif
