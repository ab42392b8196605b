/* Fast kernels with the dot products of ARMv8.2: quants of weights, signed, times quants of activations, in four lanes of whole numbers. */
#if defined __aarch64__ && defined __ARM_FEATURE_DOTPROD && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <arm_neon.h>

#include "infer/kernels_parts.h"
#include "infer/kernels_round.h"
#include "model/dequantize_blocks.h"
#include "model/dtype.h"

#define INLINE static inline __attribute__((always_inline))
#define ROWS 4 /* that go together */

/* 32 quants. */
struct pair {
    int8x16_t a, b;
};

/* SUM and the products of the block of weights at BYTES with the activations X from number AT on. */
typedef float32x4_t block_fn(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum);

/* ---- pieces ---- */

INLINE struct pair signed_pair(uint8x16_t a, uint8x16_t b, int middle)
{
    int8x16_t m = vdupq_n_s8((int8_t)middle);
    return (struct pair){vsubq_s8(vreinterpretq_s8_u8(a), m), vsubq_s8(vreinterpretq_s8_u8(b), m)};
}

INLINE uint8x16_t low_nibbles(const unsigned char *at)
{
    return vandq_u8(vld1q_u8(at), vdupq_n_u8(15));
}

INLINE uint8x16_t high_nibbles(const unsigned char *at)
{
    return vshrq_n_u8(vld1q_u8(at), 4);
}

/* Bits SHIFT and up of each of 16 bytes, as many as MASK has. */
INLINE uint8x16_t bits_of(const unsigned char *at, int shift, unsigned mask)
{
    return vandq_u8(vshlq_u8(vld1q_u8(at), vdupq_n_s8((int8_t)-shift)), vdupq_n_u8((uint8_t)mask));
}

/* 16 in each of 16 bytes whose bit is set at AT. */
INLINE uint8x16_t fifths(const unsigned char *at)
{
    uint8x16_t bits = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    uint8x16_t all = vcombine_u8(vdup_n_u8(at[0]), vdup_n_u8(at[1]));
    return vandq_u8(vtstq_u8(all, bits), vdupq_n_u8(16));
}

INLINE struct pair iq4(const unsigned char *nibbles)
{
    int8x16_t values = vld1q_s8(mm_iq4_values);
    return (struct pair){vqtbl1q_s8(values, low_nibbles(nibbles)), vqtbl1q_s8(values, high_nibbles(nibbles))};
}

/* SUM + SCALE × the products of 32 weights. */
INLINE float32x4_t step(float32x4_t sum, struct pair w, const int8_t *x, float scale)
{
    int32x4_t products = vdotq_s32(vdupq_n_s32(0), w.a, vld1q_s8(x));
    products = vdotq_s32(products, w.b, vld1q_s8(x + 16));
    return vfmaq_n_f32(sum, vcvtq_f32_s32(products), scale);
}

/* SUM + SCALE × the products of 16. */
INLINE float32x4_t half_step(float32x4_t sum, uint8x16_t w, int middle, const int8_t *x, float scale)
{
    int8x16_t quants = vsubq_s8(vreinterpretq_s8_u8(w), vdupq_n_s8((int8_t)middle));
    return vfmaq_n_f32(sum, vcvtq_f32_s32(vdotq_s32(vdupq_n_s32(0), quants, vld1q_s8(x))), scale);
}

/* VALUE is added to the sum of the lanes. */
INLINE float32x4_t plus(float32x4_t sum, float value)
{
    return vaddq_f32(sum, vdupq_n_f32(value / 4));
}

/* ---- blocks of 32 ---- */

INLINE float32x4_t of_q8_0(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    const int8_t *quants = (const void *)(bytes + 2);
    struct pair w = {vld1q_s8(quants), vld1q_s8(quants + 16)};
    return step(sum, w, x->quants + at, mm_block_scale(bytes) * x->scales[at / 32]);
}

INLINE float32x4_t of_q4_0(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    struct pair w = signed_pair(low_nibbles(bytes + 2), high_nibbles(bytes + 2), 8);
    return step(sum, w, x->quants + at, mm_block_scale(bytes) * x->scales[at / 32]);
}

INLINE float32x4_t of_q4_1(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    struct pair w = signed_pair(low_nibbles(bytes + 4), high_nibbles(bytes + 4), 0);
    sum = plus(sum, mm_block_scale(bytes + 2) * x->eighths[at / 32] * 8);
    return step(sum, w, x->quants + at, mm_block_scale(bytes) * x->scales[at / 32]);
}

INLINE struct pair five_bits(const unsigned char *bits, const unsigned char *nibbles, int middle)
{
    return signed_pair(vorrq_u8(low_nibbles(nibbles), fifths(bits)), vorrq_u8(high_nibbles(nibbles), fifths(bits + 2)),
                       middle);
}

INLINE float32x4_t of_q5_0(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    return step(sum, five_bits(bytes + 2, bytes + 6, 16), x->quants + at, mm_block_scale(bytes) * x->scales[at / 32]);
}

INLINE float32x4_t of_q5_1(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    sum = plus(sum, mm_block_scale(bytes + 2) * x->eighths[at / 32] * 8);
    return step(sum, five_bits(bytes + 4, bytes + 8, 0), x->quants + at, mm_block_scale(bytes) * x->scales[at / 32]);
}

INLINE float32x4_t of_iq4_nl(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    return step(sum, iq4(bytes + 2), x->quants + at, mm_block_scale(bytes) * x->scales[at / 32]);
}

/* ---- blocks of 256 ---- */

INLINE float32x4_t of_q2_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    float d = mm_block_scale(bytes + 80), min = mm_block_scale(bytes + 82), minima = 0;
    for (int i = 0; i < 16; i++) {
        uint8x16_t w = bits_of(bytes + 16 + i / 8 * 32 + i % 2 * 16, i / 2 % 4 * 2, 3);
        float scale = d * (float)(bytes[i] & 15) * x->scales[at / 32 + (size_t)i / 2];
        sum = half_step(sum, w, 0, x->quants + at + 16 * i, scale);
        minima += (float)(bytes[i] >> 4) * x->sums[at / 16 + (size_t)i];
    }
    return plus(sum, -min * minima);
}

INLINE float32x4_t of_q3_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    float d = mm_block_scale(bytes + 108);
    int8_t scales[16];
    mm_block_q3_k_scales(bytes + 96, scales);
    for (int i = 0; i < 16; i++) {
        uint8x16_t w = bits_of(bytes + 32 + i / 8 * 32 + i % 2 * 16, i / 2 % 4 * 2, 3);
        w = vorrq_u8(w, vshlq_n_u8(bits_of(bytes + i % 2 * 16, i / 2, 1), 2));
        sum = half_step(sum, w, 4, x->quants + at + 16 * i, d * (float)scales[i] * x->scales[at / 32 + (size_t)i / 2]);
    }
    return sum;
}

INLINE float32x4_t of_q6_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    float d = mm_block_scale(bytes + 208);
    for (int i = 0; i < 16; i++) {
        uint8x16_t w = bits_of(bytes + i / 8 * 64 + i % 4 * 16, i / 4 % 2 * 4, 15);
        uint8x16_t upper = bits_of(bytes + 128 + i / 8 * 32 + i % 2 * 16, i / 2 % 4 * 2, 3);
        float scale = d * (float)(int8_t)bytes[192 + i] * x->scales[at / 32 + (size_t)i / 2];
        sum = half_step(sum, vorrq_u8(w, vshlq_n_u8(upper, 4)), 32, x->quants + at + 16 * i, scale);
    }
    return sum;
}

/* q4_k, and q5_k, which has fifth bits at FIFTH (NULL: none). */
INLINE float32x4_t of_eight(const unsigned char *bytes, const unsigned char *fifth, const unsigned char *nibbles,
                            const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    float d = mm_block_scale(bytes), min = mm_block_scale(bytes + 2), all_minima = 0;
    uint8_t scales[8], minima[8];
    mm_block_q4_k_scales(bytes + 4, scales, minima);
    for (int i = 0; i < 8; i++) {
        const unsigned char *from = nibbles + i / 2 * 32;
        uint8x16_t a = bits_of(from, i % 2 * 4, 15), b = bits_of(from + 16, i % 2 * 4, 15);
        if (fifth) {
            a = vorrq_u8(a, vshlq_n_u8(bits_of(fifth, i, 1), 4));
            b = vorrq_u8(b, vshlq_n_u8(bits_of(fifth + 16, i, 1), 4));
        }
        float scale = d * (float)scales[i] * x->scales[at / 32 + (size_t)i];
        sum = step(sum, signed_pair(a, b, 0), x->quants + at + 32 * i, scale);
        all_minima += (float)minima[i] * x->eighths[at / 32 + (size_t)i];
    }
    return plus(sum, -min * all_minima * 8);
}

INLINE float32x4_t of_q4_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    return of_eight(bytes, NULL, bytes + 16, x, at, sum);
}

INLINE float32x4_t of_q5_k(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    return of_eight(bytes, bytes + 16, bytes + 48, x, at, sum);
}

INLINE float32x4_t of_iq4_xs(const unsigned char *bytes, const struct mm_rounded *x, size_t at, float32x4_t sum)
{
    float d = mm_block_scale(bytes);
    unsigned upper = mm_block_get16(bytes + 2);
    for (int i = 0; i < 8; i++) {
        int scale = (bytes[4 + i / 2] >> i % 2 * 4 & 15) + (int)(upper >> 2 * i & 3) * 16 - 32;
        float both = d * (float)scale * x->scales[at / 32 + (size_t)i];
        sum = step(sum, iq4(bytes + 8 + 16 * i), x->quants + at + 32 * i, both);
    }
    return sum;
}

/* ---- rows ---- */

/* ROWS rows, ROW_BYTES apart, or one, times the columns of X. */
INLINE void product_of_rows(block_fn *block, unsigned elements, unsigned bytes, unsigned rows, const unsigned char *row,
                            size_t row_bytes, size_t columns, const struct mm_rounded *x, float *out)
{
    float32x4_t zero = vdupq_n_f32(0), s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    for (size_t at = 0; at < columns; at += elements, row += bytes) {
        s0 = block(row, x, at, s0);
        if (rows == ROWS) {
            s1 = block(row + row_bytes, x, at, s1);
            s2 = block(row + 2 * row_bytes, x, at, s2);
            s3 = block(row + 3 * row_bytes, x, at, s3);
        }
    }
    if (rows == ROWS)
        vst1q_f32(out, vpaddq_f32(vpaddq_f32(s0, s1), vpaddq_f32(s2, s3)));
    else
        *out = vaddvq_f32(s0);
}

INLINE void product(block_fn *block, const struct mm_matrix *m, uint64_t first, uint64_t count,
                    const struct mm_activations *a, float *out, size_t stride)
{
    unsigned elements = mm_dtypes[m->dtype].block, bytes = mm_dtypes[m->dtype].bytes;
    size_t each = mm_rounded_bytes(m->columns);
    for (uint64_t r = first, end = first + count; r < end; r += end - r < ROWS ? 1 : ROWS) {
        const unsigned char *row = m->bytes + r * m->row_bytes;
        for (size_t v = 0; v < a->batch; v++) {
            struct mm_rounded x = mm_rounded_at((const unsigned char *)a->rounded + v * each, m->columns);
            float *to = out + v * stride + r;
            if (end - r < ROWS)
                product_of_rows(block, elements, bytes, 1, row, m->row_bytes, m->columns, &x, to);
            else
                product_of_rows(block, elements, bytes, ROWS, row, m->row_bytes, m->columns, &x, to);
        }
    }
}

static void multiply(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                     float *out, size_t stride)
{
    switch (mm_dtypes[m->dtype].ggml) {
    case MM_GGML_Q8_0: product(of_q8_0, m, first, count, a, out, stride); break;
    case MM_GGML_Q4_0: product(of_q4_0, m, first, count, a, out, stride); break;
    case MM_GGML_Q4_1: product(of_q4_1, m, first, count, a, out, stride); break;
    case MM_GGML_Q5_0: product(of_q5_0, m, first, count, a, out, stride); break;
    case MM_GGML_Q5_1: product(of_q5_1, m, first, count, a, out, stride); break;
    case MM_GGML_IQ4_NL: product(of_iq4_nl, m, first, count, a, out, stride); break;
    case MM_GGML_Q2_K: product(of_q2_k, m, first, count, a, out, stride); break;
    case MM_GGML_Q3_K: product(of_q3_k, m, first, count, a, out, stride); break;
    case MM_GGML_Q4_K: product(of_q4_k, m, first, count, a, out, stride); break;
    case MM_GGML_Q5_K: product(of_q5_k, m, first, count, a, out, stride); break;
    case MM_GGML_Q6_K: product(of_q6_k, m, first, count, a, out, stride); break;
    case MM_GGML_IQ4_XS: product(of_iq4_xs, m, first, count, a, out, stride); break;
    default: mm_kernels_neon.multiply(m, first, count, a, out, stride);
    }
}

static float dot(const float *a, const float *b, size_t count)
{
    return mm_kernels_neon.dot(a, b, count);
}

static void add(float *out, const float *x, float factor, size_t count)
{
    mm_kernels_neon.add(out, x, factor, count);
}

static void round_all(const float *values, size_t count, size_t columns, unsigned char *out)
{
    size_t each = mm_rounded_bytes(columns);
    for (size_t v = 0; v < count; v++)
        mm_round_vector(values + v * columns, columns, out + v * each);
}

const struct mm_kernels mm_kernels_neon_fast = {
    .name = "neon",
    .fast = true,
    .needs = MM_CPU_NEON | MM_CPU_DOT,
    .multiply = multiply,
    .dot = dot,
    .add = add,
    .round = round_all,
};
#endif
