/* Numbers and hashes in text: one spelling each (conventions: numbers, hashes). */
#ifndef MM_BASE_NUMBER_H
#define MM_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_NUMBER_MAX INT64_MAX

/* Reads TEXT[0..LENGTH) as a whole decimal number, 0 to MAX: no sign, space, leading zero or separator. */
bool mm_number(const char *text, size_t length, uint64_t max, uint64_t *value);

/* Like mm_number for a size on a command line: K, M, G, T and KiB, MiB ... are powers of 1024, KB, MB ... of 1000. */
bool mm_number_size(const char *text, uint64_t max, uint64_t *value);

/* The little-endian number in SIZE bytes, at most 8. */
uint64_t mm_little_endian(const unsigned char *bytes, size_t size);

/* Writes the finite VALUE as the first of C's %.6g, %.7g, %.8g and %.9g that reads back as VALUE, with a point whatever the
 * locale; zero is "0". Returns OUT. */
#define MM_REAL_TEXT 24
const char *mm_real_write(char out[static MM_REAL_TEXT], float value);

/* Reads TEXT[0..LENGTH) where it is exactly what mm_real_write writes. */
bool mm_real_read(const char *text, size_t length, float *value);

/* Writes NUMBER in decimal, without a NUL. Returns how many digits it has. */
#define MM_DECIMAL_DIGITS 20 /* of 2^64-1 */
size_t mm_decimal_write(char out[static MM_DECIMAL_DIGITS], uint64_t number);

#define MM_HASH_BYTES 32
#define MM_HASH_HEX 64

/* Writes 2*LENGTH lower-case digits and a NUL. */
void mm_hex(char *out, const unsigned char *bytes, size_t length);

/* Exactly 64 lower-case hex digits. OUT may be NULL to check alone. */
bool mm_hex_hash(const char *text, size_t length, unsigned char out[MM_HASH_BYTES]);

#endif
