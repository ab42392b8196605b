/* SHA-256 of eight pieces with AVX2. */
#ifdef __x86_64__
#include <immintrin.h>

#define LANES 8
#define OWN_LOADING
#include "hash/sha256_rounds.h"

/* Rows of eight words, a piece each, become columns: words are interleaved in pairs of rows, pairs of words in fours, and
 * the halves of registers in the two fours. */
static inline void load_half(mm_words w[8], const unsigned char *const *pieces, size_t offset)
{
    const __m256i big_endian = _mm256_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203, 0x0c0d0e0f, 0x08090a0b,
                                                0x04050607, 0x00010203);
    __m256i rows[8], fours[8];
#pragma GCC unroll 16
    for (int i = 0; i < 8; i++)
        rows[i] =
            _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(pieces[i] + offset)), big_endian);
#pragma GCC unroll 16
    for (int i = 0; i < 8; i += 4) {
        __m256i low = _mm256_unpacklo_epi32(rows[i], rows[i + 1]), high = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
        __m256i low2 = _mm256_unpacklo_epi32(rows[i + 2], rows[i + 3]);
        __m256i high2 = _mm256_unpackhi_epi32(rows[i + 2], rows[i + 3]);
        fours[i] = _mm256_unpacklo_epi64(low, low2);
        fours[i + 1] = _mm256_unpackhi_epi64(low, low2);
        fours[i + 2] = _mm256_unpacklo_epi64(high, high2);
        fours[i + 3] = _mm256_unpackhi_epi64(high, high2);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 4; i++) {
        w[i] = (mm_words)_mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
        w[i + 4] = (mm_words)_mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
    }
}

static inline void load_block(mm_words w[16], const unsigned char *const *pieces, size_t offset)
{
    load_half(w, pieces, offset);
    load_half(w + 8, pieces, offset + 32);
}

void mm_sha256_avx2(uint32_t *states, const unsigned char *const *pieces, size_t blocks)
{
    mm_sha256_rounds(states, pieces, blocks);
}
#endif
