/* SHA-256 of 16 pieces with AVX-512: rotations and functions of three operands are instructions. */
#ifdef __x86_64__
#include <immintrin.h>

#define LANES 16
#define rotate(x, n) ((mm_words)_mm512_ror_epi32((__m512i)(x), n))
/* the table of each function, its operands being bits 2, 1, 0 of the index */
#define three(x, y, z, table) ((mm_words)_mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), table))
#define xor3(x, y, z) three(x, y, z, 0x96)
#define choose(x, y, z) three(x, y, z, 0xca)
#define majority(x, y, z) three(x, y, z, 0xe8)
#define in_order(x) __asm__("" : "+v"(x))
#define OWN_LOADING
#include "hash/sha256_rounds.h"

/* Rows of 16 words, a piece each, become columns: words are interleaved in pairs of rows, pairs of words in fours, and
 * the quarters of registers in the four fours. */
static inline void load_block(mm_words w[16], const unsigned char *const *pieces, size_t offset)
{
    const __m512i big_endian = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    __m512i rows[16], fours[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        rows[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(pieces[i] + offset), big_endian);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i += 4) {
        __m512i low = _mm512_unpacklo_epi32(rows[i], rows[i + 1]), high = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
        __m512i low2 = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]);
        __m512i high2 = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
        fours[i] = _mm512_unpacklo_epi64(low, low2);
        fours[i + 1] = _mm512_unpackhi_epi64(low, low2);
        fours[i + 2] = _mm512_unpacklo_epi64(high, high2);
        fours[i + 3] = _mm512_unpackhi_epi64(high, high2);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 4; i++) {
        __m512i front = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0x44);
        __m512i back = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0xee);
        __m512i front2 = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0x44);
        __m512i back2 = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0xee);
        w[i] = (mm_words)_mm512_shuffle_i32x4(front, front2, 0x88);
        w[i + 4] = (mm_words)_mm512_shuffle_i32x4(front, front2, 0xdd);
        w[i + 8] = (mm_words)_mm512_shuffle_i32x4(back, back2, 0x88);
        w[i + 12] = (mm_words)_mm512_shuffle_i32x4(back, back2, 0xdd);
    }
}

void mm_sha256_avx512(uint32_t *states, const unsigned char *const *pieces, size_t blocks)
{
    mm_sha256_rounds(states, pieces, blocks);
}
#endif
