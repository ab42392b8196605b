/* Fast kernels with AVX2: products of bytes are added in pairs, and these in pairs. */
#ifdef __x86_64__
#include <immintrin.h>

/* Each of eight lanes: the sum of four products of W, below or at 128, and X, from -127 to 127; so no pair is cut off. */
static inline __attribute__((always_inline)) __m256i mm_fast_dot(__m256i w, __m256i x)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1));
}

/* The same, added to SUM. */
static inline __attribute__((always_inline)) __m256i mm_fast_dot_onto(__m256i sum, __m256i w, __m256i x)
{
    return _mm256_add_epi32(sum, mm_fast_dot(w, x));
}

#include "infer/kernels_fast_x86.h"

static void multiply(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                     float *out, size_t stride)
{
    mm_multiply_fn *product = mm_fast_products[mm_dtypes[m->dtype].ggml];
    (product ? product : mm_kernels_avx2.multiply)(m, first, count, a, out, stride);
}

static float dot(const float *a, const float *b, size_t count)
{
    return mm_kernels_avx2.dot(a, b, count);
}

static void add(float *out, const float *x, float factor, size_t count)
{
    mm_kernels_avx2.add(out, x, factor, count);
}

const struct mm_kernels mm_kernels_avx2_fast = {
    .name = "avx2",
    .fast = true,
    .needs = MM_CPU_FLOATS,
    .multiply = multiply,
    .dot = dot,
    .add = add,
    .round = mm_fast_round,
};
#endif
