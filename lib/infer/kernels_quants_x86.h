/* Quants of blocks as bytes, 32 at a time, with AVX2: where exact and fast products begin alike. Unsigned but where said otherwise. */
#ifndef MM_INFER_KERNELS_QUANTS_X86_H
#define MM_INFER_KERNELS_QUANTS_X86_H

#include <immintrin.h>

#include "model/dequantize_blocks.h"

#ifndef MM_INLINE
#define MM_INLINE static inline __attribute__((always_inline))
#endif

MM_INLINE __m256i mm_quants_load(const void *at)
{
    return _mm256_loadu_si256(at);
}

/* The low nibbles of 16 bytes, then the high ones. */
MM_INLINE __m256i mm_quants_nibbles(const unsigned char *at)
{
    __m128i packed = _mm_loadu_si128((const void *)at);
    __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* 16 in each of 32 bytes whose bit is set at AT. */
MM_INLINE __m256i mm_quants_fifths(const unsigned char *at)
{
    const __m256i places = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
    const __m256i bits = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i all = _mm256_shuffle_epi8(_mm256_set1_epi32((int)mm_block_get32(at)), places);
    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(all, bits), bits), _mm256_set1_epi8(16));
}

/* What nibbles of iq4_nl and iq4_xs mean, signed. */
MM_INLINE __m256i mm_quants_iq4(__m256i nibbles)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)mm_iq4_values)), nibbles);
}

/* Bits SHIFT and up of each byte, as many as MASK has. */
MM_INLINE __m256i mm_quants_bits(__m256i bytes, int shift, int mask)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, shift), _mm256_set1_epi8((char)mask));
}

/* ---- 32 weights of a block of 256, numbers 32 × I and on ---- */

MM_INLINE __m256i mm_quants_q2_k(const unsigned char *bytes, int i)
{
    return mm_quants_bits(mm_quants_load(bytes + 16 + i / 4 * 32), i % 4 * 2, 3);
}

/* Four more than what they mean. */
MM_INLINE __m256i mm_quants_q3_k(const unsigned char *bytes, int i)
{
    __m256i third = mm_quants_bits(mm_quants_load(bytes), i, 1);
    __m256i lower = mm_quants_bits(mm_quants_load(bytes + 32 + i / 4 * 32), i % 4 * 2, 3);
    return _mm256_or_si256(lower, _mm256_slli_epi16(third, 2));
}

MM_INLINE __m256i mm_quants_q4_k(const unsigned char *bytes, int i)
{
    return mm_quants_bits(mm_quants_load(bytes + 16 + i / 2 * 32), i % 2 * 4, 15);
}

MM_INLINE __m256i mm_quants_q5_k(const unsigned char *bytes, int i)
{
    __m256i fifth = mm_quants_bits(mm_quants_load(bytes + 16), i, 1);
    __m256i lower = mm_quants_bits(mm_quants_load(bytes + 48 + i / 2 * 32), i % 2 * 4, 15);
    return _mm256_or_si256(lower, _mm256_slli_epi16(fifth, 4));
}

/* 32 more than what they mean. */
MM_INLINE __m256i mm_quants_q6_k(const unsigned char *bytes, int i)
{
    __m256i upper = mm_quants_bits(mm_quants_load(bytes + 128 + i / 4 * 32), i % 4 * 2, 3);
    __m256i lower = mm_quants_bits(mm_quants_load(bytes + i / 4 * 64 + i % 2 * 32), i % 4 / 2 * 4, 15);
    return _mm256_or_si256(lower, _mm256_slli_epi16(upper, 4));
}

MM_INLINE __m256i mm_quants_iq4_xs(const unsigned char *bytes, int i)
{
    return mm_quants_iq4(mm_quants_nibbles(bytes + 8 + 16 * i));
}

#endif
