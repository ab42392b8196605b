/* Weights of blocks as f32 for the exact sets of x86-64. The set that includes this has said how sixteen signed bytes become lanes, times a scale
 * (of_bytes), and how a scale fills a register (all_of). */
#ifndef MM_INFER_KERNELS_BLOCKS_X86_H
#define MM_INFER_KERNELS_BLOCKS_X86_H

#include "infer/kernels_lanes.h"
#include "infer/kernels_quants_x86.h"

/* The scale at AT, an f16. */
MM_INLINE mm_part scale_at(const unsigned char *at)
{
    return all_of(mm_block_scale(at));
}

/* Two halves of 32 signed bytes, each with its scale. */
MM_INLINE void halves(__m256i quants, mm_part first, mm_part second, struct mm_lanes *w)
{
    w[0] = of_bytes(_mm256_castsi256_si128(quants), first);
    w[1] = of_bytes(_mm256_extracti128_si256(quants, 1), second);
}

MM_INLINE __m256i minus(__m256i quants, int middle)
{
    return _mm256_sub_epi8(quants, _mm256_set1_epi8((char)middle));
}

MM_INLINE struct mm_lanes plus(struct mm_lanes lanes, mm_part more)
{
    lanes.a = lanes.a + more;
#if MM_PARTS > 1
    lanes.b = lanes.b + more;
#endif
    return lanes;
}

/* ---- blocks of 32 ---- */

MM_INLINE void mm_weights_q8_0(const unsigned char *bytes, struct mm_lanes *w)
{
    mm_part d = scale_at(bytes);
    w[0] = of_bytes(_mm_loadu_si128((const void *)(bytes + 2)), d);
    w[1] = of_bytes(_mm_loadu_si128((const void *)(bytes + 18)), d);
}

MM_INLINE void mm_weights_q4_0(const unsigned char *bytes, struct mm_lanes *w)
{
    const __m128i low = _mm_set1_epi8(15), middle = _mm_set1_epi8(8);
    mm_part d = scale_at(bytes);
    __m128i packed = _mm_loadu_si128((const void *)(bytes + 2));
    w[0] = of_bytes(_mm_sub_epi8(_mm_and_si128(packed, low), middle), d);
    w[1] = of_bytes(_mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(packed, 4), low), middle), d);
}

MM_INLINE void mm_weights_q4_1(const unsigned char *bytes, struct mm_lanes *w)
{
    mm_part d = scale_at(bytes), m = scale_at(bytes + 2);
    halves(mm_quants_nibbles(bytes + 4), d, d, w);
    w[0] = plus(w[0], m), w[1] = plus(w[1], m);
}

MM_INLINE void mm_weights_q5_0(const unsigned char *bytes, struct mm_lanes *w)
{
    mm_part d = scale_at(bytes);
    __m256i quants = _mm256_or_si256(mm_quants_nibbles(bytes + 6), mm_quants_fifths(bytes + 2));
    halves(minus(quants, 16), d, d, w);
}

MM_INLINE void mm_weights_q5_1(const unsigned char *bytes, struct mm_lanes *w)
{
    mm_part d = scale_at(bytes), m = scale_at(bytes + 2);
    halves(_mm256_or_si256(mm_quants_nibbles(bytes + 8), mm_quants_fifths(bytes + 4)), d, d, w);
    w[0] = plus(w[0], m), w[1] = plus(w[1], m);
}

MM_INLINE void mm_weights_iq4_nl(const unsigned char *bytes, struct mm_lanes *w)
{
    mm_part d = scale_at(bytes);
    halves(mm_quants_iq4(mm_quants_nibbles(bytes + 2)), d, d, w);
}

/* ---- blocks of 256 ---- */

MM_INLINE void store_two(float *out, int i, const struct mm_lanes w[2])
{
    mm_lanes_store(out + 32 * i, w[0]);
    mm_lanes_store(out + 32 * i + MM_LANES, w[1]);
}

/* With sixteen scales. */
MM_INLINE void store_sixteen(float *out, int i, __m256i quants, const float scales[16])
{
    struct mm_lanes w[2];
    halves(quants, all_of(scales[2 * i]), all_of(scales[2 * i + 1]), w);
    store_two(out, i, w);
}

/* With eight scales, and minima that are subtracted. */
MM_INLINE void store_eight(float *out, int i, __m256i quants, const float scales[8], const float minima[8])
{
    struct mm_lanes w[2];
    mm_part d = all_of(scales[i]), low = all_of(minima[i]);
    halves(quants, d, d, w);
    w[0] = plus(w[0], -low), w[1] = plus(w[1], -low);
    store_two(out, i, w);
}

MM_INLINE void mm_expand_q2_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes + 80), min = mm_block_scale(bytes + 82), scales[16], minima[16];
    for (int i = 0; i < 16; i++)
        scales[i] = d * (float)(bytes[i] & 15), minima[i] = min * (float)(bytes[i] >> 4);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        struct mm_lanes w[2];
        halves(mm_quants_q2_k(bytes, i), all_of(scales[2 * i]), all_of(scales[2 * i + 1]), w);
        w[0] = plus(w[0], -all_of(minima[2 * i])), w[1] = plus(w[1], -all_of(minima[2 * i + 1]));
        store_two(out, i, w);
    }
}

MM_INLINE void mm_expand_q3_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes + 108), scales[16];
    int8_t packed[16];
    mm_block_q3_k_scales(bytes + 96, packed);
    for (int i = 0; i < 16; i++)
        scales[i] = d * (float)packed[i];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        store_sixteen(out, i, minus(mm_quants_q3_k(bytes, i), 4), scales);
}

MM_INLINE void mm_expand_q6_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes + 208), scales[16];
    for (int i = 0; i < 16; i++)
        scales[i] = d * (float)(int8_t)bytes[192 + i];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        store_sixteen(out, i, minus(mm_quants_q6_k(bytes, i), 32), scales);
}

/* The scales and minima of q4_k and q5_k. */
MM_INLINE void scales_of_eight(const unsigned char *bytes, float scales[8], float minima[8])
{
    float d = mm_block_scale(bytes), min = mm_block_scale(bytes + 2);
    uint8_t packed[8], packed_minima[8];
    mm_block_q4_k_scales(bytes + 4, packed, packed_minima);
    for (int i = 0; i < 8; i++)
        scales[i] = d * (float)packed[i], minima[i] = min * (float)packed_minima[i];
}

MM_INLINE void mm_expand_q4_k(const unsigned char *bytes, float *out)
{
    float scales[8], minima[8];
    scales_of_eight(bytes, scales, minima);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        store_eight(out, i, mm_quants_q4_k(bytes, i), scales, minima);
}

MM_INLINE void mm_expand_q5_k(const unsigned char *bytes, float *out)
{
    float scales[8], minima[8];
    scales_of_eight(bytes, scales, minima);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        store_eight(out, i, mm_quants_q5_k(bytes, i), scales, minima);
}

MM_INLINE void mm_expand_iq4_xs(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes);
    unsigned upper = mm_block_get16(bytes + 2);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        int scale = (bytes[4 + i / 2] >> i % 2 * 4 & 15) + (int)(upper >> 2 * i & 3) * 16 - 32;
        mm_part all = all_of(d * (float)scale);
        struct mm_lanes w[2];
        halves(mm_quants_iq4_xs(bytes, i), all, all, w);
        store_two(out, i, w);
    }
}

#endif
