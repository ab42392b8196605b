/* Fast kernels with VNNI of AVX-512, which multiplies bytes and adds four products at once. */
#ifdef __x86_64__
#include <immintrin.h>

/* Each of eight lanes: the sum of four products of W, unsigned, and X, signed. */
static inline __attribute__((always_inline)) __m256i mm_fast_dot(__m256i w, __m256i x)
{
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, x);
}

/* The same, added to SUM. */
static inline __attribute__((always_inline)) __m256i mm_fast_dot_onto(__m256i sum, __m256i w, __m256i x)
{
    return _mm256_dpbusd_epi32(sum, w, x);
}

#include "infer/kernels_fast_pairs.h"

static void multiply_q8_0(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                          float *out, size_t stride)
{
    mm_pair_product((struct mm_pair_kind){mm_pair_q8_0, mm_fast_q8_0, 34, 128}, m, first, count, a, out, stride);
}

static void multiply_q4_0(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                          float *out, size_t stride)
{
    mm_pair_product((struct mm_pair_kind){mm_pair_q4_0, mm_fast_q4_0, 18, 8}, m, first, count, a, out, stride);
}

static void multiply(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                     float *out, size_t stride)
{
    int ggml = mm_dtypes[m->dtype].ggml;
    bool many = a->batch >= MM_BESIDE; /* one vector alone waits for memory: what is wider gains nothing there */
    mm_multiply_fn *product = many && ggml == MM_GGML_Q8_0   ? multiply_q8_0
                              : many && ggml == MM_GGML_Q4_0 ? multiply_q4_0
                                                             : mm_fast_products[ggml];
    (product ? product : mm_kernels_avx512.multiply)(m, first, count, a, out, stride);
}

static float dot(const float *a, const float *b, size_t count)
{
    return mm_kernels_avx512.dot(a, b, count);
}

static void add(float *out, const float *x, float factor, size_t count)
{
    mm_kernels_avx512.add(out, x, factor, count);
}

const struct mm_kernels mm_kernels_avx512_fast = {
    .name = "avx512",
    .fast = true,
    .needs = MM_CPU_FLOATS16 | MM_CPU_DOT,
    .multiply = multiply,
    .dot = dot,
    .add = add,
    .round = mm_fast_round,
};
#endif
