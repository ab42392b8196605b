/* Kernels with AVX-512. */
#ifdef __x86_64__
#include <immintrin.h>

#define MM_WIDTH 64
#define MM_OWN_WEIGHTS
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

/* The scale at BYTES in all lanes. */
MM_INLINE __m512 scale_at(const unsigned char *bytes)
{
    return _mm512_cvtph_ps(_mm256_set1_epi16((short)mm_block_get16(bytes)));
}

/* Sixteen signed bytes as f32, times D. */
MM_INLINE struct mm_lanes of_bytes(__m128i bytes, __m512 d)
{
    return (struct mm_lanes){_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)) * d};
}

MM_INLINE void mm_weights_q8_0(const unsigned char *bytes, struct mm_lanes *w)
{
    __m512 d = scale_at(bytes);
    w[0] = of_bytes(_mm_loadu_si128((const void *)(bytes + 2)), d);
    w[1] = of_bytes(_mm_loadu_si128((const void *)(bytes + 18)), d);
}

MM_INLINE void mm_weights_q4_0(const unsigned char *bytes, struct mm_lanes *w)
{
    const __m128i low = _mm_set1_epi8(15), middle = _mm_set1_epi8(8);
    __m512 d = scale_at(bytes);
    __m128i packed = _mm_loadu_si128((const void *)(bytes + 2));
    w[0] = of_bytes(_mm_sub_epi8(_mm_and_si128(packed, low), middle), d);
    w[1] = of_bytes(_mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(packed, 4), low), middle), d);
}

#include "infer/kernels_exact.h"

const struct mm_kernels mm_kernels_avx512 = {
    .name = "avx512",
    .needs = MM_CPU_FLOATS16,
    .multiply = mm_exact_multiply,
    .dot = mm_exact_dot,
    .add = mm_exact_add,
};
#endif
