/* SHA-256 of four pieces with NEON. */
#if defined __aarch64__ && defined __ARM_NEON
#include <arm_neon.h>

#define LANES 4
#define rotate(x, n) ((mm_words)vsriq_n_u32(vshlq_n_u32((uint32x4_t)(x), 32 - (n)), (uint32x4_t)(x), n))
#define choose(x, y, z) ((mm_words)vbslq_u32((uint32x4_t)(x), (uint32x4_t)(y), (uint32x4_t)(z)))
#define majority(x, y, z) choose((x) ^ (y), z, y)
#define OWN_LOADING
#include "hash/sha256_rounds.h"

/* Rows of four words, a piece each, become columns. */
static inline void load_block(mm_words w[16], const unsigned char *const *pieces, size_t offset)
{
    for (int i = 0; i < 16; i += 4) {
        uint32x4_t rows[4];
        for (int j = 0; j < 4; j++)
            rows[j] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(pieces[j] + offset + 4 * i)));
        uint64x2_t even = vreinterpretq_u64_u32(vtrn1q_u32(rows[0], rows[1]));
        uint64x2_t odd = vreinterpretq_u64_u32(vtrn2q_u32(rows[0], rows[1]));
        uint64x2_t even2 = vreinterpretq_u64_u32(vtrn1q_u32(rows[2], rows[3]));
        uint64x2_t odd2 = vreinterpretq_u64_u32(vtrn2q_u32(rows[2], rows[3]));
        w[i] = (mm_words)vtrn1q_u64(even, even2);
        w[i + 1] = (mm_words)vtrn1q_u64(odd, odd2);
        w[i + 2] = (mm_words)vtrn2q_u64(even, even2);
        w[i + 3] = (mm_words)vtrn2q_u64(odd, odd2);
    }
}

void mm_sha256_neon(uint32_t *states, const unsigned char *const *pieces, size_t blocks)
{
    mm_sha256_rounds(states, pieces, blocks);
}
#endif
