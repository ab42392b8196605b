/* Sixteen running sums, in as many registers as a set has for them: MM_WIDTH is the bytes of one, 16, 32 or 64. Included by the sets alone, each of
 * which is compiled for its own instructions; arithmetic is written with vectors of the compiler, which are the same for all. */
#ifndef MM_INFER_KERNELS_LANES_H
#define MM_INFER_KERNELS_LANES_H

#include <stddef.h>
#include <string.h>

#define MM_LANES 16
#define MM_PARTS (4 * MM_LANES / MM_WIDTH)
#define MM_INLINE static inline __attribute__((always_inline))

typedef float mm_part __attribute__((vector_size(MM_WIDTH)));
typedef float mm_four __attribute__((vector_size(16)));

struct mm_lanes {
    mm_part part[MM_PARTS];
};

MM_INLINE struct mm_lanes mm_lanes_load(const float *from)
{
    struct mm_lanes lanes;
    memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

MM_INLINE void mm_lanes_store(float *to, struct mm_lanes lanes)
{
    memcpy(to, &lanes, sizeof lanes);
}

/* COUNT values, fewer than there are lanes, and zeros. */
MM_INLINE struct mm_lanes mm_lanes_some(const float *from, size_t count)
{
    float values[MM_LANES] = {0};
    memcpy(values, from, count * sizeof *values);
    return mm_lanes_load(values);
}

/* SUMS + W × X, rounded twice. */
MM_INLINE struct mm_lanes mm_lanes_step(struct mm_lanes sums, struct mm_lanes w, struct mm_lanes x)
{
#pragma GCC unroll 4
    for (int i = 0; i < MM_PARTS; i++)
        sums.part[i] = sums.part[i] + w.part[i] * x.part[i];
    return sums;
}

/* LANES × FACTOR */
MM_INLINE struct mm_lanes mm_lanes_scale(struct mm_lanes lanes, float factor)
{
#pragma GCC unroll 4
    for (int i = 0; i < MM_PARTS; i++)
        lanes.part[i] = lanes.part[i] * factor;
    return lanes;
}

/* Sums that lie eight apart are added, then such that lie four apart. */
MM_INLINE mm_four mm_lanes_four(struct mm_lanes sums)
{
#if MM_WIDTH == 64
    typedef float eight __attribute__((vector_size(32)));
    mm_part a = sums.part[0];
    eight b = __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7) +
              __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15);
#elif MM_WIDTH == 32
    mm_part b = sums.part[0] + sums.part[1];
#else
    return (sums.part[0] + sums.part[2]) + (sums.part[1] + sums.part[3]);
#endif
#if MM_WIDTH > 16
    return __builtin_shufflevector(b, b, 0, 1, 2, 3) + __builtin_shufflevector(b, b, 4, 5, 6, 7);
#endif
}

MM_INLINE float mm_lanes_sum(struct mm_lanes sums)
{
    mm_four a = mm_lanes_four(sums);
    return (a[0] + a[2]) + (a[1] + a[3]);
}

/* Four sums of sixteen at once, into OUT[0] to OUT[3]. */
MM_INLINE void mm_lanes_sum_four(const struct mm_lanes sums[4], float *out)
{
    mm_four a = mm_lanes_four(sums[0]), b = mm_lanes_four(sums[1]);
    mm_four c = mm_lanes_four(sums[2]), d = mm_lanes_four(sums[3]);
    mm_four ab = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    mm_four cd = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
    mm_four all = __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
    memcpy(out, &all, sizeof all);
}

#endif
