/* Kernels with AVX2 and F16C. */
#ifdef __x86_64__
#include <immintrin.h>

#define MM_WIDTH 32
#define MM_OWN_WEIGHTS
#define MM_OWN_BLOCKS
#include "infer/kernels_lanes.h"
#include "model/dequantize_blocks.h"

MM_INLINE void mm_weights_f16(const unsigned char *bytes, struct mm_lanes *w)
{
    const __m128i *halves = (const void *)bytes;
    w->a = _mm256_cvtph_ps(_mm_loadu_si128(halves));
    w->b = _mm256_cvtph_ps(_mm_loadu_si128(halves + 1));
}

MM_INLINE void mm_weights_bf16(const unsigned char *bytes, struct mm_lanes *w)
{
    const __m128i *halves = (const void *)bytes;
    w->a = (__m256)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves)), 16);
    w->b = (__m256)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(halves + 1)), 16);
}

MM_INLINE __m256 all_of(float value)
{
    return _mm256_set1_ps(value);
}

/* Sixteen signed bytes as f32, times D. */
MM_INLINE struct mm_lanes of_bytes(__m128i bytes, __m256 d)
{
    __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
    return (struct mm_lanes){low * d, high * d};
}

#include "infer/kernels_blocks_x86.h"
#include "infer/kernels_exact.h"

const struct mm_kernels mm_kernels_avx2 = {
    .name = "avx2",
    .needs = MM_CPU_FLOATS,
    .multiply = mm_exact_multiply,
    .dot = mm_exact_dot,
    .add = mm_exact_add,
};
#endif
