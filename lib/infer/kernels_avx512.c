/* Kernels with AVX-512. */
#ifdef __x86_64__
#include <immintrin.h>

#define MM_WIDTH 64
#define MM_OWN_WEIGHTS
#define MM_OWN_BLOCKS
#include "infer/kernels_lanes.h"
#include "model/dequantize_blocks.h"

MM_INLINE void mm_weights_f16(const unsigned char *bytes, struct mm_lanes *w)
{
    w->a = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)bytes));
}

MM_INLINE void mm_weights_bf16(const unsigned char *bytes, struct mm_lanes *w)
{
    w->a = (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)bytes)), 16);
}

MM_INLINE __m512 all_of(float value)
{
    return _mm512_set1_ps(value);
}

/* Sixteen signed bytes as f32, times D. */
MM_INLINE struct mm_lanes of_bytes(__m128i bytes, __m512 d)
{
    return (struct mm_lanes){_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)) * d};
}

#include "infer/kernels_blocks_x86.h"
#include "infer/kernels_exact.h"

const struct mm_kernels mm_kernels_avx512 = {
    .name = "avx512",
    .needs = MM_CPU_FLOATS16,
    .multiply = mm_exact_multiply,
    .dot = mm_exact_dot,
    .add = mm_exact_add,
};
#endif
