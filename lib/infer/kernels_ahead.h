/* Rows that go together, and the rows behind them, that are brought nearer meanwhile: the processor's own prefetching ends with each page. */
#ifndef MM_INFER_KERNELS_AHEAD_H
#define MM_INFER_KERNELS_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#define MM_ROWS 4        /* that go together, so that no sum waits for the one before it */
#define MM_NEAR 65536    /* bytes of rows that may well be in a cache still */
#define MM_NEAREST 12288 /* bytes of four rows that have room in the first cache, beside these four */

/* How far the rows behind are brought. */
enum mm_ahead {
    MM_AHEAD_NOT,    /* they are there */
    MM_AHEAD_SECOND, /* into the second cache: the first one has no room for them */
    MM_AHEAD_FIRST
};

static inline enum mm_ahead mm_ahead_of(uint64_t rows, uint64_t row_bytes)
{
    if (rows * row_bytes <= MM_NEAR)
        return MM_AHEAD_NOT;
    return MM_ROWS * row_bytes <= MM_NEAREST ? MM_AHEAD_FIRST : MM_AHEAD_SECOND;
}

/* While the bytes AT of the four rows at ROW are used, LENGTH of each: as many of the four behind them. */
static inline __attribute__((always_inline)) void mm_bring(enum mm_ahead ahead, const unsigned char *row,
                                                           size_t row_bytes, size_t at, size_t length)
{
    uintptr_t from = (uintptr_t)row + MM_ROWS * (row_bytes + at);
    if (ahead == MM_AHEAD_FIRST)
        for (size_t i = 0; i < MM_ROWS * length; i += 64)
            __builtin_prefetch((const void *)(from + i), 0, 3);
    else if (ahead == MM_AHEAD_SECOND)
        for (size_t i = 0; i < MM_ROWS * length; i += 64)
            __builtin_prefetch((const void *)(from + i), 0, 2);
}

/* While the bytes AT are used, those MM_FAR behind them, of whatever row. Nearer or farther, memory is read more slowly. */
#define MM_FAR 6144
static inline __attribute__((always_inline)) void mm_bring_far(const unsigned char *at)
{
    __builtin_prefetch((const void *)((uintptr_t)at + MM_FAR), 0, 2);
}

#endif
