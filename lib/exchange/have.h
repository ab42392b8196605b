/* Which chunks of an artifact a peer holds (peer.md): a bit each, bit 7 of byte 0 is chunk 0, spare bits zero. */
#ifndef MM_EXCHANGE_HAVE_H
#define MM_EXCHANGE_HAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the bitmap of COUNT chunks. */
static inline size_t mm_have_size(uint64_t count)
{
    return (size_t)(count / 8 + (count % 8 != 0));
}

static inline bool mm_have_has(const unsigned char *have, uint64_t chunk)
{
    return have[chunk / 8] >> (7 - chunk % 8) & 1;
}

static inline void mm_have_add(unsigned char *have, uint64_t chunk)
{
    have[chunk / 8] |= (unsigned char)(1u << (7 - chunk % 8));
}

static inline void mm_have_remove(unsigned char *have, uint64_t chunk)
{
    have[chunk / 8] &= (unsigned char)~(1u << (7 - chunk % 8));
}

/* Sets the bits of COUNT chunks, and no spare ones. */
void mm_have_fill(unsigned char *have, uint64_t count);

/* True if LENGTH bytes at HAVE are a bitmap of COUNT chunks. */
bool mm_have_is_sound(const unsigned char *have, size_t length, uint64_t count);

/* How many of COUNT chunks it holds. */
uint64_t mm_have_count(const unsigned char *have, uint64_t count);

/* True if it holds the chunks from FIRST to LAST. */
bool mm_have_all(const unsigned char *have, uint64_t first, uint64_t last);

/* The first chunk from FROM on, below COUNT, that it holds; COUNT for none. */
uint64_t mm_have_next(const unsigned char *have, uint64_t from, uint64_t count);

#endif
