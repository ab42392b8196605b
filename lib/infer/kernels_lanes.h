/* Sixteen running sums, in as many registers as a set has for them: MM_WIDTH is the bytes of one, 16, 32 or 64. Included by the sets alone, each of
 * which is compiled for its own instructions; arithmetic is written with vectors of the compiler, which are the same for all. */
#ifndef MM_INFER_KERNELS_LANES_H
#define MM_INFER_KERNELS_LANES_H

#include <stddef.h>
#include <string.h>

#ifndef MM_WIDTH
#define MM_WIDTH 16
#endif
#if MM_WIDTH == 64
#include <immintrin.h>
#endif

#define MM_LANES 16
#define MM_PARTS (4 * MM_LANES / MM_WIDTH)
#define MM_INLINE static inline __attribute__((always_inline))

typedef float mm_part __attribute__((vector_size(MM_WIDTH)));
typedef float mm_four __attribute__((vector_size(16)));

/* Members instead of an array, so that compilers keep them in registers. */
struct mm_lanes {
    mm_part a;
#if MM_PARTS > 1
    mm_part b;
#endif
#if MM_PARTS > 2
    mm_part c, d;
#endif
};

MM_INLINE mm_part mm_part_load(const void *from)
{
    mm_part part;
    memcpy(&part, from, sizeof part);
    return part;
}

/* Sixteen f32 in this machine's order of bytes, at any address. */
MM_INLINE struct mm_lanes mm_lanes_load(const void *from)
{
    const unsigned char *at = from;
    struct mm_lanes lanes;
    lanes.a = mm_part_load(at);
#if MM_PARTS > 1
    lanes.b = mm_part_load(at + MM_WIDTH);
#endif
#if MM_PARTS > 2
    lanes.c = mm_part_load(at + 2 * MM_WIDTH);
    lanes.d = mm_part_load(at + 3 * MM_WIDTH);
#endif
    return lanes;
}

MM_INLINE void mm_lanes_store(float *to, struct mm_lanes lanes)
{
    memcpy(to, &lanes.a, sizeof lanes.a);
#if MM_PARTS > 1
    memcpy(to + MM_LANES / MM_PARTS, &lanes.b, sizeof lanes.b);
#endif
#if MM_PARTS > 2
    memcpy(to + 8, &lanes.c, sizeof lanes.c);
    memcpy(to + 12, &lanes.d, sizeof lanes.d);
#endif
}

/* COUNT values, fewer than there are lanes, and zeros. */
MM_INLINE struct mm_lanes mm_lanes_some(const float *from, size_t count)
{
#if MM_WIDTH == 64
    return (struct mm_lanes){_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from)};
#else
    float values[MM_LANES] = {0};
    memcpy(values, from, count * sizeof *values);
    return mm_lanes_load(values);
#endif
}

/* All lanes the same. */
MM_INLINE struct mm_lanes mm_lanes_of(float value)
{
    float values[MM_LANES];
    for (int i = 0; i < MM_LANES; i++)
        values[i] = value;
    return mm_lanes_load(values);
}

/* SUMS + W × X, rounded twice. */
MM_INLINE struct mm_lanes mm_lanes_step(struct mm_lanes sums, struct mm_lanes w, struct mm_lanes x)
{
    sums.a = sums.a + w.a * x.a;
#if MM_PARTS > 1
    sums.b = sums.b + w.b * x.b;
#endif
#if MM_PARTS > 2
    sums.c = sums.c + w.c * x.c;
    sums.d = sums.d + w.d * x.d;
#endif
    return sums;
}

/* Sums that lie eight apart are added, then such that lie four apart. */
MM_INLINE mm_four mm_lanes_four(struct mm_lanes sums)
{
#if MM_WIDTH == 64
    typedef float eight __attribute__((vector_size(32)));
    mm_part a = sums.a;
    eight b = __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7) +
              __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15);
#elif MM_WIDTH == 32
    mm_part b = sums.a + sums.b;
#else
    return (sums.a + sums.c) + (sums.b + sums.d);
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
MM_INLINE void mm_lanes_sum_four(struct mm_lanes s0, struct mm_lanes s1, struct mm_lanes s2, struct mm_lanes s3,
                                 float *out)
{
    mm_four a = mm_lanes_four(s0), b = mm_lanes_four(s1), c = mm_lanes_four(s2), d = mm_lanes_four(s3);
    mm_four ab = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
    mm_four cd = __builtin_shufflevector(c, d, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
    mm_four all = __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
    memcpy(out, &all, sizeof all);
}

#endif
