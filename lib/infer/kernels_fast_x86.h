/* Fast products for the sets of x86-64: quants of weights times quants of activations, 32 at a time in eight lanes of whole numbers, each the sum of
 * four products. The set that includes this says how (mm_fast_dot). What is not in blocks is multiplied exactly: memory is what that waits for. */
#ifndef MM_INFER_KERNELS_FAST_X86_H
#define MM_INFER_KERNELS_FAST_X86_H
#ifdef __AVX2__

#include "infer/kernels_ahead.h"
#include "infer/kernels_parts.h"
#include "infer/kernels_quants_x86.h"
#include "infer/kernels_round.h"
#include "model/dtype.h"

/* SUM and the products of the block of weights at BYTES with the activations X from number AT on. */
typedef __m256 mm_fast_fn(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum);

/* ---- pieces ---- */

/* The f16 at AT in all lanes. */
MM_INLINE __m256 mm_fast_scale(const unsigned char *at)
{
    return _mm256_cvtph_ps(_mm_set1_epi16((short)mm_block_get16(at)));
}

/* Products of signed bytes, from -127 to 127 in X. */
MM_INLINE __m256 mm_fast_signed(__m256i w, __m256i x)
{
    return _mm256_cvtepi32_ps(mm_fast_dot(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)));
}

/* Products of bytes below 128 with signed ones. */
MM_INLINE __m256 mm_fast_unsigned(__m256i w, __m256i x)
{
    return _mm256_cvtepi32_ps(mm_fast_dot(w, x));
}

/* ---- blocks of 32 ---- */

MM_INLINE __m256 mm_fast_q8_0(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256 d = _mm256_mul_ps(mm_fast_scale(bytes), _mm256_broadcast_ss(x->scales + at / 32));
    return _mm256_fmadd_ps(mm_fast_signed(mm_quants_load(bytes + 2), mm_quants_load(x->quants + at)), d, sum);
}

/* Quants that MIDDLE is to be taken from: what it comes to is the same for all rows, so it costs each of them nothing. */
MM_INLINE __m256 mm_fast_around(__m256i w, char middle, const unsigned char *scale, const struct mm_rounded *x,
                                size_t at, __m256 sum)
{
    __m256i quants = mm_quants_load(x->quants + at);
    __m256i begin = _mm256_sub_epi32(_mm256_setzero_si256(), mm_fast_dot(_mm256_set1_epi8(middle), quants));
    __m256 d = _mm256_mul_ps(mm_fast_scale(scale), _mm256_broadcast_ss(x->scales + at / 32));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(mm_fast_dot_onto(begin, w, quants)), d, sum);
}

MM_INLINE __m256 mm_fast_q4_0(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    return mm_fast_around(mm_quants_nibbles(bytes + 2), 8, bytes, x, at, sum);
}

MM_INLINE __m256 mm_fast_q5_0(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256i w = _mm256_or_si256(mm_quants_nibbles(bytes + 6), mm_quants_fifths(bytes + 2));
    return mm_fast_around(w, 16, bytes, x, at, sum);
}

/* Quants with a scale and a minimum, the two f16 at BYTES. */
MM_INLINE __m256 mm_fast_above(__m256i w, const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256 products = mm_fast_unsigned(w, mm_quants_load(x->quants + at));
    __m256 d = _mm256_mul_ps(mm_fast_scale(bytes), _mm256_broadcast_ss(x->scales + at / 32));
    sum = _mm256_fmadd_ps(mm_fast_scale(bytes + 2), _mm256_broadcast_ss(x->eighths + at / 32), sum);
    return _mm256_fmadd_ps(products, d, sum);
}

MM_INLINE __m256 mm_fast_q4_1(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    return mm_fast_above(mm_quants_nibbles(bytes + 4), bytes, x, at, sum);
}

MM_INLINE __m256 mm_fast_q5_1(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256i w = _mm256_or_si256(mm_quants_nibbles(bytes + 8), mm_quants_fifths(bytes + 4));
    return mm_fast_above(w, bytes, x, at, sum);
}

MM_INLINE __m256 mm_fast_iq4_nl(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256 d = _mm256_mul_ps(mm_fast_scale(bytes), _mm256_broadcast_ss(x->scales + at / 32));
    return _mm256_fmadd_ps(mm_fast_signed(mm_quants_iq4(mm_quants_nibbles(bytes + 2)), mm_quants_load(x->quants + at)),
                           d, sum);
}

/* ---- blocks of 256 with eight scales ---- */

/* Lane I of V in all lanes. */
MM_INLINE __m256 mm_fast_lane(__m256 v, int i)
{
    return _mm256_permutevar8x32_ps(v, _mm256_set1_epi32(i));
}

/* Eight bytes, signed or not, as f32. */
MM_INLINE __m256 mm_fast_of_signed(const void *bytes)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(bytes)));
}

/* The eight scales of q4_k and q5_k times those of the activations, into SCALES; returns SUM without the minima. */
MM_INLINE __m256 mm_fast_q4_k_scales(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum,
                                     __m256 *scales)
{
    uint32_t a = mm_block_get32(bytes + 4), b = mm_block_get32(bytes + 8), c = mm_block_get32(bytes + 12);
    uint32_t packed[4] = {a & 0x3F3F3F3F, (c & 0x0F0F0F0F) | (a >> 6 & 0x03030303) << 4, b & 0x3F3F3F3F,
                          (c >> 4 & 0x0F0F0F0F) | (b >> 6 & 0x03030303) << 4};
    __m256 d = _mm256_mul_ps(mm_fast_scale(bytes), _mm256_loadu_ps(x->scales + at / 32));
    __m256 min = _mm256_mul_ps(mm_fast_scale(bytes + 2), _mm256_set1_ps(8));
    *scales = _mm256_mul_ps(mm_fast_of_signed(packed), d);
    min = _mm256_mul_ps(mm_fast_of_signed(packed + 2), min);
    return _mm256_fnmadd_ps(min, _mm256_loadu_ps(x->eighths + at / 32), sum);
}

MM_INLINE __m256 mm_fast_q4_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256 scales;
    sum = mm_fast_q4_k_scales(bytes, x, at, sum, &scales);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        __m256 products = mm_fast_unsigned(mm_quants_q4_k(bytes, i), mm_quants_load(x->quants + at + 32 * i));
        sum = _mm256_fmadd_ps(products, mm_fast_lane(scales, i), sum);
    }
    return sum;
}

MM_INLINE __m256 mm_fast_q5_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    __m256 scales;
    sum = mm_fast_q4_k_scales(bytes, x, at, sum, &scales);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        __m256 products = mm_fast_unsigned(mm_quants_q5_k(bytes, i), mm_quants_load(x->quants + at + 32 * i));
        sum = _mm256_fmadd_ps(products, mm_fast_lane(scales, i), sum);
    }
    return sum;
}

MM_INLINE __m256 mm_fast_iq4_xs(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    unsigned upper = mm_block_get16(bytes + 2);
    int8_t packed[8];
    for (int i = 0; i < 8; i++)
        packed[i] = (int8_t)((bytes[4 + i / 2] >> i % 2 * 4 & 15) + (int)(upper >> 2 * i & 3) * 16 - 32);
    __m256 d = _mm256_mul_ps(mm_fast_scale(bytes), _mm256_loadu_ps(x->scales + at / 32));
    __m256 scales = _mm256_mul_ps(mm_fast_of_signed(packed), d);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        __m256 products = mm_fast_signed(mm_quants_iq4_xs(bytes, i), mm_quants_load(x->quants + at + 32 * i));
        sum = _mm256_fmadd_ps(products, mm_fast_lane(scales, i), sum);
    }
    return sum;
}

/* ---- blocks of 256 with sixteen scales ---- */

/* Sixteen scales of weights, and times those of the activations. */
struct mm_sixteen {
    __m256 first, second, first_of_both, second_of_both;
};

MM_INLINE struct mm_sixteen mm_fast_sixteen(const int8_t *packed, __m256 d, const struct mm_rounded *x, size_t at)
{
    const __m256i low = _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0), high = _mm256_set_epi32(7, 7, 6, 6, 5, 5, 4, 4);
    __m256 scales = _mm256_loadu_ps(x->scales + at / 32);
    struct mm_sixteen s;
    s.first = _mm256_mul_ps(mm_fast_of_signed(packed), d);
    s.second = _mm256_mul_ps(mm_fast_of_signed(packed + 8), d);
    s.first_of_both = _mm256_mul_ps(s.first, _mm256_permutevar8x32_ps(scales, low));
    s.second_of_both = _mm256_mul_ps(s.second, _mm256_permutevar8x32_ps(scales, high));
    return s;
}

/* SUM without MIDDLE times the scales. */
MM_INLINE __m256 mm_fast_sixteen_around(const struct mm_sixteen *s, float middle, const struct mm_rounded *x, size_t at,
                                        __m256 sum)
{
    const float *sums = x->sums + at / 16;
    __m256 m = _mm256_set1_ps(middle);
    sum = _mm256_fnmadd_ps(_mm256_mul_ps(s->first, m), _mm256_loadu_ps(sums), sum);
    return _mm256_fnmadd_ps(_mm256_mul_ps(s->second, m), _mm256_loadu_ps(sums + 8), sum);
}

/* Weights 32 × I and on, of which each half has its scale. */
MM_INLINE __m256 mm_fast_halves(__m256i w, const struct mm_sixteen *s, int i, const struct mm_rounded *x, size_t at,
                                __m256 sum)
{
    int one = i % 4 * 2, two = one + 1;
    __m256i lanes = _mm256_set_epi32(two, two, two, two, one, one, one, one);
    __m256 scales = _mm256_permutevar8x32_ps(i < 4 ? s->first_of_both : s->second_of_both, lanes);
    __m256 products = mm_fast_unsigned(w, mm_quants_load(x->quants + at + 32 * (size_t)i));
    return _mm256_fmadd_ps(products, scales, sum);
}

MM_INLINE __m256 mm_fast_q2_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    int8_t scales[16], minima[16];
    for (int i = 0; i < 16; i++)
        scales[i] = bytes[i] & 15, minima[i] = (int8_t)(bytes[i] >> 4);
    struct mm_sixteen s = mm_fast_sixteen(scales, mm_fast_scale(bytes + 80), x, at);
    __m256 min = mm_fast_scale(bytes + 82);
    const float *sums = x->sums + at / 16;
    sum = _mm256_fnmadd_ps(_mm256_mul_ps(mm_fast_of_signed(minima), min), _mm256_loadu_ps(sums), sum);
    sum = _mm256_fnmadd_ps(_mm256_mul_ps(mm_fast_of_signed(minima + 8), min), _mm256_loadu_ps(sums + 8), sum);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        sum = mm_fast_halves(mm_quants_q2_k(bytes, i), &s, i, x, at, sum);
    return sum;
}

MM_INLINE __m256 mm_fast_q3_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    int8_t scales[16];
    mm_block_q3_k_scales(bytes + 96, scales);
    struct mm_sixteen s = mm_fast_sixteen(scales, mm_fast_scale(bytes + 108), x, at);
    sum = mm_fast_sixteen_around(&s, 4, x, at, sum);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        sum = mm_fast_halves(mm_quants_q3_k(bytes, i), &s, i, x, at, sum);
    return sum;
}

MM_INLINE __m256 mm_fast_q6_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, __m256 sum)
{
    struct mm_sixteen s = mm_fast_sixteen((const void *)(bytes + 192), mm_fast_scale(bytes + 208), x, at);
    sum = mm_fast_sixteen_around(&s, 32, x, at, sum);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        sum = mm_fast_halves(mm_quants_q6_k(bytes, i), &s, i, x, at, sum);
    return sum;
}

/* ---- rows ---- */

MM_INLINE __m128 mm_fast_four(__m256 sum)
{
    return _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
}

/* MM_ROWS rows, ROW_BYTES apart, times the columns of X. AHEAD: how far those behind them are brought. */
MM_INLINE void mm_fast_rows(mm_fast_fn *block, unsigned elements, unsigned bytes, const unsigned char *row,
                            size_t row_bytes, size_t columns, const struct mm_rounded *x, enum mm_ahead ahead,
                            float *out)
{
    const unsigned char *row1 = row + row_bytes, *row2 = row1 + row_bytes, *row3 = row2 + row_bytes;
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t at = 0, i = 0; at < columns; at += elements, i += bytes) {
        mm_bring(ahead, row, row_bytes, i, bytes);
        s0 = block(row + i, x, at, s0);
        s1 = block(row1 + i, x, at, s1);
        s2 = block(row2 + i, x, at, s2);
        s3 = block(row3 + i, x, at, s3);
    }
    __m128 ab = _mm_hadd_ps(mm_fast_four(s0), mm_fast_four(s1)), cd = _mm_hadd_ps(mm_fast_four(s2), mm_fast_four(s3));
    _mm_storeu_ps(out, _mm_hadd_ps(ab, cd));
}

MM_INLINE float mm_fast_row(mm_fast_fn *block, unsigned elements, unsigned bytes, const unsigned char *row,
                            size_t columns, const struct mm_rounded *x)
{
    __m256 sum = _mm256_setzero_ps();
    for (size_t at = 0; at < columns; at += elements, row += bytes)
        sum = block(row, x, at, sum);
    __m128 four = mm_fast_four(sum);
    four = _mm_hadd_ps(four, four);
    return _mm_cvtss_f32(_mm_hadd_ps(four, four));
}

/* What mm_multiply_fn says, for one dtype. */
MM_INLINE void mm_fast_product(mm_fast_fn *block, unsigned elements, unsigned bytes, const struct mm_matrix *m,
                               uint64_t first, uint64_t count, const struct mm_activations *a, float *out,
                               size_t stride)
{
    size_t each = mm_rounded_bytes(m->columns);
    enum mm_ahead ahead = mm_ahead_of(count, m->row_bytes);
    uint64_t r = first, end = first + count;
    for (; r < end; r += end - r < MM_ROWS ? 1 : MM_ROWS) {
        const unsigned char *row = m->bytes + r * m->row_bytes;
        for (size_t v = 0; v < a->batch; v++) {
            struct mm_rounded x = mm_rounded_at((const unsigned char *)a->rounded + v * each, m->columns);
            float *to = out + v * stride + r;
            if (end - r < MM_ROWS)
                *to = mm_fast_row(block, elements, bytes, row, m->columns, &x);
            else
                mm_fast_rows(block, elements, bytes, row, m->row_bytes, m->columns, &x, v ? MM_AHEAD_NOT : ahead, to);
        }
    }
}

/* One function a dtype, so that each has its loops. */
#define MM_FAST_PRODUCT(dtype, elements, bytes)                                                                        \
    static void mm_fast_product_##dtype(const struct mm_matrix *m, uint64_t first, uint64_t count,                     \
                                        const struct mm_activations *a, float *out, size_t stride)                     \
    {                                                                                                                  \
        mm_fast_product(mm_fast_##dtype, elements, bytes, m, first, count, a, out, stride);                            \
    }
MM_FAST_PRODUCT(q8_0, 32, 34)
MM_FAST_PRODUCT(q4_0, 32, 18)
MM_FAST_PRODUCT(q4_1, 32, 20)
MM_FAST_PRODUCT(q5_0, 32, 22)
MM_FAST_PRODUCT(q5_1, 32, 24)
MM_FAST_PRODUCT(iq4_nl, 32, 18)
MM_FAST_PRODUCT(q2_k, 256, 84)
MM_FAST_PRODUCT(q3_k, 256, 110)
MM_FAST_PRODUCT(q4_k, 256, 144)
MM_FAST_PRODUCT(q5_k, 256, 176)
MM_FAST_PRODUCT(q6_k, 256, 210)
MM_FAST_PRODUCT(iq4_xs, 256, 136)

/* By GGML's number; NULL: not in blocks. */
static mm_multiply_fn *const mm_fast_products[MM_GGML_COUNT] = {
    [MM_GGML_Q8_0] = mm_fast_product_q8_0, [MM_GGML_Q4_0] = mm_fast_product_q4_0,
    [MM_GGML_Q4_1] = mm_fast_product_q4_1, [MM_GGML_Q5_0] = mm_fast_product_q5_0,
    [MM_GGML_Q5_1] = mm_fast_product_q5_1, [MM_GGML_IQ4_NL] = mm_fast_product_iq4_nl,
    [MM_GGML_Q2_K] = mm_fast_product_q2_k, [MM_GGML_Q3_K] = mm_fast_product_q3_k,
    [MM_GGML_Q4_K] = mm_fast_product_q4_k, [MM_GGML_Q5_K] = mm_fast_product_q5_k,
    [MM_GGML_Q6_K] = mm_fast_product_q6_k, [MM_GGML_IQ4_XS] = mm_fast_product_iq4_xs,
};

static void mm_fast_round(const float *values, size_t count, size_t columns, unsigned char *out)
{
    size_t each = mm_rounded_bytes(columns);
    for (size_t v = 0; v < count; v++)
        mm_round_vector(values + v * columns, columns, out + v * each);
}

#endif
#endif
