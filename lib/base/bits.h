/* A set of numbers, a bit each, that grows with the largest one in it. A zeroed set is empty. */
#ifndef MM_BASE_BITS_H
#define MM_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mm_bits {
    unsigned char *bytes;
    size_t size;
    uint64_t count; /* of the numbers in it */
};

void mm_bits_release(struct mm_bits *bits);

/* Adds NUMBER. False if memory is exhausted. */
bool mm_bits_add(struct mm_bits *bits, uint64_t number);

static inline bool mm_bits_has(const struct mm_bits *bits, uint64_t number)
{
    return number / 8 < bits->size && (bits->bytes[number / 8] >> number % 8 & 1);
}

#endif
