/* SHA-256 of two pieces through the SHA instructions of x86. This file is compiled for SSE4.1 and SHA alone: after code
 * that left the upper halves of vector registers in use, each of these instructions would wait for them. */
#ifdef __x86_64__
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define MM_STEPS

typedef __m128i mm_quad;

/* The instructions have the words in this order, the first in the highest place. */
typedef struct {
    __m128i abef, cdgh;
} mm_state;

static inline mm_quad load_quad(const unsigned char *bytes)
{
    const __m128i big_endian = _mm_set_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)bytes), big_endian);
}

static inline mm_quad add_constants(mm_quad quad, const uint32_t *constants)
{
    return _mm_add_epi32(quad, _mm_loadu_si128((const __m128i *)(const void *)constants));
}

static inline mm_quad next_quad(mm_quad a, mm_quad b, mm_quad c, mm_quad d)
{
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4)), d);
}

static inline void four_rounds(mm_state *state, mm_quad sum)
{
    state->cdgh = _mm_sha256rnds2_epu32(state->cdgh, state->abef, sum);
    state->abef = _mm_sha256rnds2_epu32(state->abef, state->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

static inline mm_state load_state(const uint32_t *words, size_t stride)
{
    mm_state state = {
        _mm_set_epi32((int)words[0], (int)words[stride], (int)words[4 * stride], (int)words[5 * stride]),
        _mm_set_epi32((int)words[2 * stride], (int)words[3 * stride], (int)words[6 * stride], (int)words[7 * stride]),
    };
    return state;
}

static inline void store_state(mm_state state, uint32_t *words, size_t stride)
{
    static const unsigned char place[8] = {5, 4, 1, 0, 7, 6, 3, 2};
    uint32_t half[8];
    _mm_storeu_si128((__m128i *)(void *)half, state.abef);
    _mm_storeu_si128((__m128i *)(void *)(half + 4), state.cdgh);
    for (size_t i = 0; i < 8; i++)
        words[place[i] * stride] = half[i];
}

static inline mm_state add_states(mm_state x, mm_state y)
{
    mm_state sum = {_mm_add_epi32(x.abef, y.abef), _mm_add_epi32(x.cdgh, y.cdgh)};
    return sum;
}

#include "hash/sha256_steps.h"

static void clear_upper_halves(void)
{
    if (mm_cpu_features() & MM_CPU_AVX)
        __asm__ volatile("vzeroupper");
}

void mm_sha256_shani(uint32_t *states, const unsigned char *const *pieces, size_t blocks)
{
    clear_upper_halves();
    mm_sha256_steps(states, states + 1, 2, pieces[0], pieces[1], false, blocks);
}

void mm_sha256_shani_twin(uint32_t whole[8], uint32_t piece[8], const unsigned char *bytes, size_t blocks)
{
    clear_upper_halves();
    mm_sha256_steps(whole, piece, 1, bytes, bytes, true, blocks);
}
#endif
