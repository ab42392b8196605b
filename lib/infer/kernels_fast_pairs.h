/* Fast products of the commonest blocks of 32 with registers of 64 bytes, for a set with VNNI: two blocks of a row at once, and up to four vectors, for which
 * weights and their scales are taken apart once. Sums of a block's products are those of kernels_fast_x86.h; what is added in f32 goes in another order. */
#ifndef MM_INFER_KERNELS_FAST_PAIRS_H
#define MM_INFER_KERNELS_FAST_PAIRS_H
#ifdef __AVX512VNNI__

#include "infer/kernels_fast_x86.h"

#define MM_PAIR 64   /* weights of two blocks */
#define MM_BESIDE 4u /* vectors that meet weights in registers */

/* Quants of two blocks at BYTES, unsigned: as much more than what they mean as `middle` says. */
typedef __m512i mm_pair_fn(const unsigned char *bytes);
struct mm_pair_kind {
    mm_pair_fn *quants;
    mm_fast_fn *block; /* for the last block where their number is odd */
    unsigned bytes;    /* of one block, which begins with its scale in f16 */
    unsigned char middle;
};

MM_INLINE __m512i mm_pair_q8_0(const unsigned char *bytes)
{
    __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(mm_quants_load(bytes + 2)), mm_quants_load(bytes + 36), 1);
    return _mm512_xor_si512(both, _mm512_set1_epi8((char)128));
}

MM_INLINE __m512i mm_pair_q4_0(const unsigned char *bytes)
{
    const __m512i places = _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0);
    __m512i first = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)(bytes + 2)));
    __m512i both = _mm512_mask_broadcast_i32x4(first, 0xFF00, _mm_loadu_si128((const void *)(bytes + 20)));
    return _mm512_and_si512(_mm512_srlv_epi64(both, places), _mm512_set1_epi8(15));
}

/* FIRST in the lower eight lanes, SECOND in the others. */
MM_INLINE __m512 mm_pair_of(__m256 first, __m256 second)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
}

MM_INLINE __m512 mm_pair_scales(const unsigned char *bytes, unsigned block)
{
    __m128i first = _mm_set1_epi16((short)mm_block_get16(bytes));
    __m128i second = _mm_set1_epi16((short)mm_block_get16(bytes + block));
    return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1));
}

/* Four rows, ROW_BYTES apart, times COUNT vectors, EACH bytes apart, from X on. */
MM_INLINE void mm_pair_rows(struct mm_pair_kind kind, const unsigned char *row, size_t row_bytes, size_t columns,
                            const unsigned char *x, size_t each, unsigned count, enum mm_ahead ahead, float *out,
                            size_t stride)
{
    struct mm_rounded vectors[MM_BESIDE];
    __m512 sums[MM_BESIDE][MM_ROWS];
    size_t whole = columns / MM_PAIR * MM_PAIR;
#pragma GCC unroll 4
    for (unsigned v = 0; v < count; v++) {
        vectors[v] = mm_rounded_at(x + v * each, columns);
#pragma GCC unroll 4
        for (int r = 0; r < MM_ROWS; r++)
            sums[v][r] = _mm512_setzero_ps();
    }
    for (size_t at = 0, i = 0; at < whole; at += MM_PAIR, i += 2 * kind.bytes) {
        __m512i w[MM_ROWS];
        __m512 d[MM_ROWS];
        mm_bring(ahead, row, row_bytes, i, 2 * kind.bytes);
#pragma GCC unroll 4
        for (int r = 0; r < MM_ROWS; r++) {
            w[r] = kind.quants(row + (size_t)r * row_bytes + i);
            d[r] = mm_pair_scales(row + (size_t)r * row_bytes + i, kind.bytes);
        }
#pragma GCC unroll 4
        for (unsigned v = 0; v < count; v++) {
            const float *scales = vectors[v].scales + at / MM_ROUNDED_BLOCK;
            __m512i quants = _mm512_loadu_si512(vectors[v].quants + at), zero = _mm512_setzero_si512();
            __m512i less = _mm512_dpbusd_epi32(zero, _mm512_set1_epi8((char)kind.middle), quants);
            __m512i begin = _mm512_sub_epi32(zero, less);
            __m512 scale = mm_pair_of(_mm256_broadcast_ss(scales), _mm256_broadcast_ss(scales + 1));
#pragma GCC unroll 4
            for (int r = 0; r < MM_ROWS; r++) {
                __m512 products = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(begin, w[r], quants));
                sums[v][r] = _mm512_fmadd_ps(products, _mm512_mul_ps(d[r], scale), sums[v][r]);
            }
        }
    }
#pragma GCC unroll 4
    for (unsigned v = 0; v < count; v++) {
        __m128 four[MM_ROWS];
#pragma GCC unroll 4
        for (int r = 0; r < MM_ROWS; r++) {
            __m256 sum = _mm256_add_ps(_mm512_castps512_ps256(sums[v][r]), _mm512_extractf32x8_ps(sums[v][r], 1));
            if (whole < columns)
                sum = kind.block(row + (size_t)r * row_bytes + whole / MM_ROUNDED_BLOCK * kind.bytes, &vectors[v],
                                 whole, sum);
            four[r] = mm_fast_four(sum);
        }
        _mm_storeu_ps(out + v * stride, _mm_hadd_ps(_mm_hadd_ps(four[0], four[1]), _mm_hadd_ps(four[2], four[3])));
    }
}

/* What mm_multiply_fn says, for one kind. */
MM_INLINE void mm_pair_product(struct mm_pair_kind kind, const struct mm_matrix *m, uint64_t first, uint64_t count,
                               const struct mm_activations *a, float *out, size_t stride)
{
    size_t each = mm_rounded_bytes(m->columns);
    enum mm_ahead ahead = mm_ahead_of(count, m->row_bytes);
    const unsigned char *x = a->rounded;
    uint64_t r = first, end = first + count;
    for (; r + MM_ROWS <= end; r += MM_ROWS) {
        const unsigned char *row = m->bytes + r * m->row_bytes;
        size_t v = 0;
        for (; v + MM_BESIDE <= a->batch; v += MM_BESIDE)
            mm_pair_rows(kind, row, m->row_bytes, m->columns, x + v * each, each, MM_BESIDE, v ? MM_AHEAD_NOT : ahead,
                         out + v * stride + r, stride);
        for (; v < a->batch; v++)
            mm_pair_rows(kind, row, m->row_bytes, m->columns, x + v * each, each, 1, v ? MM_AHEAD_NOT : ahead,
                         out + v * stride + r, stride);
    }
    for (; r < end; r++)
        for (size_t v = 0; v < a->batch; v++) {
            struct mm_rounded vector = mm_rounded_at(x + v * each, m->columns);
            out[v * stride + r] =
                mm_fast_row(kind.block, MM_ROUNDED_BLOCK, kind.bytes, m->bytes + r * m->row_bytes, m->columns, &vector);
        }
}

#endif
#endif
