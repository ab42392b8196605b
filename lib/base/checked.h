/* Arithmetic on sizes that come from files: each returns false instead of wrapping. */
#ifndef MM_BASE_CHECKED_H
#define MM_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes and offsets of files stay below 2^63 (conventions: numbers). */
#define MM_SIZE_LIMIT INT64_MAX

static inline bool mm_add(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum) && *sum <= MM_SIZE_LIMIT;
}

static inline bool mm_mul(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product) && *product <= MM_SIZE_LIMIT;
}

/* Adds A × B × C to *SUM. */
static inline bool mm_add_product(uint64_t *sum, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t product;
    return mm_mul(a, b, &product) && mm_mul(product, c, &product) && mm_add(*sum, product, sum);
}

/* The next multiple of ALIGNMENT, a power of two, at or above VALUE. */
static inline bool mm_align(uint64_t value, uint64_t alignment, uint64_t *aligned)
{
    uint64_t sum;
    if (!mm_add(value, alignment - 1, &sum))
        return false;
    *aligned = sum & ~(alignment - 1);
    return true;
}

static inline bool mm_power_of_two(uint64_t value)
{
    return value && !(value & (value - 1));
}

/* realloc of COUNT elements of SIZE bytes; NULL on overflow too. */
void *mm_realloc_array(void *old, size_t count, size_t size);

/* Makes room for one more element: grows ITEMS (a pointer variable) and *CAPACITY where COUNT has reached it.
 * Returns false on exhaustion, with the array unchanged. */
bool mm_grow(void *items_pointer, size_t count, size_t *capacity, size_t size);

#endif
