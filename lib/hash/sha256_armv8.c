/* SHA-256 of two pieces through the SHA instructions of ARMv8. */
#if defined __aarch64__ && (defined __ARM_FEATURE_SHA2 || defined __ARM_FEATURE_CRYPTO)
#include <arm_neon.h>
#include <stddef.h>

#define MM_STEPS

typedef uint32x4_t mm_quad;

typedef struct {
    uint32x4_t abcd, efgh;
} mm_state;

static inline mm_quad load_quad(const unsigned char *bytes)
{
    return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes)));
}

static inline mm_quad add_constants(mm_quad quad, const uint32_t *constants)
{
    return vaddq_u32(quad, vld1q_u32(constants));
}

static inline mm_quad next_quad(mm_quad a, mm_quad b, mm_quad c, mm_quad d)
{
    return vsha256su1q_u32(vsha256su0q_u32(a, b), c, d);
}

static inline void four_rounds(mm_state *state, mm_quad sum)
{
    uint32x4_t abcd = state->abcd;
    state->abcd = vsha256hq_u32(abcd, state->efgh, sum);
    state->efgh = vsha256h2q_u32(state->efgh, abcd, sum);
}

static inline mm_state load_state(const uint32_t *words, size_t stride)
{
    uint32_t dense[8];
    for (size_t i = 0; i < 8; i++)
        dense[i] = words[i * stride];
    mm_state state = {vld1q_u32(dense), vld1q_u32(dense + 4)};
    return state;
}

static inline void store_state(mm_state state, uint32_t *words, size_t stride)
{
    uint32_t dense[8];
    vst1q_u32(dense, state.abcd);
    vst1q_u32(dense + 4, state.efgh);
    for (size_t i = 0; i < 8; i++)
        words[i * stride] = dense[i];
}

static inline mm_state add_states(mm_state x, mm_state y)
{
    mm_state sum = {vaddq_u32(x.abcd, y.abcd), vaddq_u32(x.efgh, y.efgh)};
    return sum;
}

#include "hash/sha256_steps.h"

void mm_sha256_armv8(uint32_t *states, const unsigned char *const *pieces, size_t blocks)
{
    mm_sha256_steps(states, states + 1, 2, pieces[0], pieces[1], false, blocks);
}

void mm_sha256_armv8_twin(uint32_t whole[8], uint32_t piece[8], const unsigned char *bytes, size_t blocks)
{
    mm_sha256_steps(whole, piece, 1, bytes, bytes, true, blocks);
}
#endif
