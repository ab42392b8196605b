/* Activations in 8 bits: blocks of 32 with one scale each, such that the largest value of a block is 127 or -127. Included by fast sets. */
#ifndef MM_INFER_KERNELS_ROUND_H
#define MM_INFER_KERNELS_ROUND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MM_ROUNDED_BLOCK 32

/* A vector that was rounded, in one piece of memory: mm_rounded_bytes says of what size. */
struct mm_rounded {
    const int8_t *quants; /* columns */
    const float *scales;  /* of a block */
    const float *eighths; /* scale × the sum of a block's quants, divided by eight: for each of eight lanes */
    const float *sums;    /* scale × the sum of sixteen quants */
};

static inline struct mm_rounded mm_rounded_at(const unsigned char *bytes, size_t columns)
{
    size_t blocks = columns / MM_ROUNDED_BLOCK;
    const float *floats = (const void *)(bytes + blocks * MM_ROUNDED_BLOCK);
    return (struct mm_rounded){(const void *)bytes, floats, floats + blocks, floats + 2 * blocks};
}

/* The bits of the largest magnitude; those of infinity and NaN are larger than any number's. */
static inline uint32_t mm_round_largest(const float *x)
{
    uint32_t most = 0, bits[MM_ROUNDED_BLOCK];
    memcpy(bits, x, sizeof bits);
    for (int i = 0; i < MM_ROUNDED_BLOCK; i++) {
        uint32_t one = bits[i] & 0x7FFFFFFF;
        most = one > most ? one : most;
    }
    return most;
}

/* Rounds a block, ties to even, and returns its scale: 0 where all is too small to tell, NaN where something is not finite. */
static inline float mm_round_block(const float *x, int8_t *quants)
{
    uint32_t bits = mm_round_largest(x);
    float largest, inverse = 0, scale = 0;
    memcpy(&largest, &bits, sizeof largest);
    if (bits >= 0x7F800000) {
        bits = 0x7FC00000;
        memcpy(&scale, &bits, sizeof scale);
    } else if (largest > 0x1p-100f) {
        scale = largest / 127;
        inverse = 127 / largest;
    }
    for (int i = 0; i < MM_ROUNDED_BLOCK; i++) {
        /* what is added and taken away leaves no room for a fraction */
        float rounded = inverse > 0 ? (x[i] * inverse + 0x1.8p23f) - 0x1.8p23f : 0;
        quants[i] = (int8_t)rounded;
    }
    return scale;
}

static inline void mm_round_vector(const float *x, size_t columns, unsigned char *out)
{
    size_t blocks = columns / MM_ROUNDED_BLOCK;
    int8_t *quants = (void *)out;
    float *scales = (void *)(out + blocks * MM_ROUNDED_BLOCK), *eighths = scales + blocks, *sums = eighths + blocks;
    for (size_t b = 0; b < blocks; b++) {
        int8_t *block = quants + b * MM_ROUNDED_BLOCK;
        int first = 0, second = 0;
        scales[b] = mm_round_block(x + b * MM_ROUNDED_BLOCK, block);
        for (int i = 0; i < 16; i++)
            first += block[i];
        for (int i = 16; i < MM_ROUNDED_BLOCK; i++)
            second += block[i];
        sums[2 * b] = scales[b] * (float)first;
        sums[2 * b + 1] = scales[b] * (float)second;
        eighths[b] = scales[b] * (float)(first + second) / 8;
    }
}

#endif
