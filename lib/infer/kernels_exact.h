/* Exact products (infer/kernels.h), for the set that includes it: MM_WIDTH says how wide its registers are. Rows go four at a time, so that no sum waits for the
 * one before it. One vector with the commonest dtypes is multiplied while weights pass through registers; any other product goes by tiles: some
 * columns of four rows become f32 in the first cache, and meet all vectors there. */
#ifndef MM_INFER_KERNELS_EXACT_H
#define MM_INFER_KERNELS_EXACT_H

#include "infer/kernels_parts.h"
#include "infer/kernels_weights.h"
#include "model/dtype.h"

#define MM_ROWS 4     /* that go together */
#define MM_TILE 256   /* columns that become f32 at once: a block of any dtype, or several */
#define MM_VECTORS 32 /* that meet a tile */

/* Turns the bytes of some weights into lanes, ELEMENTS of them (16 or 32) out of BYTES bytes. */
typedef void mm_weights_fn(const unsigned char *bytes, struct mm_lanes *w);
struct mm_piece {
    mm_weights_fn *weights;
    unsigned elements, bytes;
};

/* ---- one vector, weights through registers ---- */

/* The last columns of a row, fewer than sixteen, which only plain dtypes have. */
MM_INLINE struct mm_lanes mm_exact_rest(struct mm_piece piece, struct mm_lanes sums, const unsigned char *row,
                                        const float *x, size_t rest)
{
    unsigned char bytes[4 * MM_LANES] = {0};
    struct mm_lanes w[2];
    memcpy(bytes, row, rest * piece.bytes / piece.elements);
    piece.weights(bytes, w);
    return mm_lanes_step(sums, w[0], mm_lanes_some(x, rest));
}

/* ROWS rows (MM_ROWS or 1), that lie ROW_BYTES apart, times X. */
MM_INLINE void mm_exact_rows(struct mm_piece piece, unsigned rows, const unsigned char *row, size_t row_bytes,
                             size_t columns, const float *x, float *out)
{
    struct mm_lanes sums[MM_ROWS] = {0}, w[2];
    size_t at = 0, column = 0;
    for (; column + piece.elements <= columns; column += piece.elements, at += piece.bytes) {
        struct mm_lanes x0 = mm_lanes_load(x + column), x1;
        if (piece.elements > MM_LANES)
            x1 = mm_lanes_load(x + column + MM_LANES);
#pragma GCC unroll 4
        for (unsigned r = 0; r < rows; r++) {
            piece.weights(row + r * row_bytes + at, w);
            sums[r] = mm_lanes_step(sums[r], w[0], x0);
            if (piece.elements > MM_LANES)
                sums[r] = mm_lanes_step(sums[r], w[1], x1);
        }
    }
    if (column < columns)
        for (unsigned r = 0; r < rows; r++)
            sums[r] = mm_exact_rest(piece, sums[r], row + r * row_bytes + at, x + column, columns - column);
    if (rows == MM_ROWS)
        mm_lanes_sum_four(sums, out);
    else
        *out = mm_lanes_sum(sums[0]);
}

MM_INLINE void mm_exact_one(struct mm_piece piece, const unsigned char *row, size_t row_bytes, uint64_t count,
                            size_t columns, const float *x, float *out)
{
    uint64_t r = 0;
    for (; r + MM_ROWS <= count; r += MM_ROWS)
        mm_exact_rows(piece, MM_ROWS, row + r * row_bytes, row_bytes, columns, x, out + r);
    for (; r < count; r++)
        mm_exact_rows(piece, 1, row + r * row_bytes, row_bytes, columns, x, out + r);
}

/* ---- tiles ---- */

MM_INLINE void mm_tile_of_pieces(struct mm_piece piece, const unsigned char *bytes, size_t count, float *out)
{
    struct mm_lanes w[2];
    for (size_t i = 0; i < count; i += piece.elements, bytes += piece.bytes) {
        piece.weights(bytes, w);
        mm_lanes_store(out + i, w[0]);
        if (piece.elements > MM_LANES)
            mm_lanes_store(out + i + MM_LANES, w[1]);
    }
}

MM_INLINE void mm_tile_of_blocks(void (*block)(const unsigned char *bytes, float *out), unsigned elements,
                                 unsigned bytes, const unsigned char *at, size_t count, float *out)
{
    for (size_t i = 0; i < count; i += elements, at += bytes)
        block(at, out + i);
}

#define MM_PIECE(weights, elements, bytes) ((struct mm_piece){weights, elements, bytes})

/* COUNT weights, a multiple of sixteen and of the block, at AT as f32. */
static void mm_exact_expand(int ggml, const unsigned char *at, size_t count, float *out)
{
    switch (ggml) {
    case MM_GGML_F32: mm_tile_of_pieces(MM_PIECE(mm_weights_f32, 16, 64), at, count, out); break;
    case MM_GGML_F16: mm_tile_of_pieces(MM_PIECE(mm_weights_f16, 16, 32), at, count, out); break;
    case MM_GGML_BF16: mm_tile_of_pieces(MM_PIECE(mm_weights_bf16, 16, 32), at, count, out); break;
    case MM_GGML_Q8_0: mm_tile_of_pieces(MM_PIECE(mm_weights_q8_0, 32, 34), at, count, out); break;
    case MM_GGML_Q4_0: mm_tile_of_pieces(MM_PIECE(mm_weights_q4_0, 32, 18), at, count, out); break;
    case MM_GGML_Q4_1: mm_tile_of_blocks(mm_block_q4_1, 32, 20, at, count, out); break;
    case MM_GGML_Q5_0: mm_tile_of_blocks(mm_block_q5_0, 32, 22, at, count, out); break;
    case MM_GGML_Q5_1: mm_tile_of_blocks(mm_block_q5_1, 32, 24, at, count, out); break;
    case MM_GGML_IQ4_NL: mm_tile_of_blocks(mm_block_iq4_nl, 32, 18, at, count, out); break;
    case MM_GGML_Q2_K: mm_tile_of_blocks(mm_block_q2_k, 256, 84, at, count, out); break;
    case MM_GGML_Q3_K: mm_tile_of_blocks(mm_block_q3_k, 256, 110, at, count, out); break;
    case MM_GGML_Q4_K: mm_tile_of_blocks(mm_block_q4_k, 256, 144, at, count, out); break;
    case MM_GGML_Q5_K: mm_tile_of_blocks(mm_block_q5_k, 256, 176, at, count, out); break;
    case MM_GGML_Q6_K: mm_tile_of_blocks(mm_block_q6_k, 256, 210, at, count, out); break;
    case MM_GGML_IQ4_XS: mm_tile_of_blocks(mm_block_iq4_xs, 256, 136, at, count, out); break;
    default: break;
    }
}

/* A tile of ROWS rows, COUNT columns that are a multiple of sixteen, meets VECTORS vectors (1 or 2) that lie STRIDE apart. */
MM_INLINE void mm_tile_step(unsigned vectors, float w[MM_ROWS][MM_TILE], size_t count, const float *x, size_t stride,
                            struct mm_lanes sums[][MM_ROWS])
{
    struct mm_lanes now[2][MM_ROWS];
#pragma GCC unroll 2
    for (unsigned v = 0; v < vectors; v++)
#pragma GCC unroll 4
        for (unsigned r = 0; r < MM_ROWS; r++)
            now[v][r] = sums[v][r];
    for (size_t i = 0; i < count; i += MM_LANES) {
        struct mm_lanes weights[MM_ROWS];
#pragma GCC unroll 4
        for (unsigned r = 0; r < MM_ROWS; r++)
            weights[r] = mm_lanes_load(w[r] + i);
#pragma GCC unroll 2
        for (unsigned v = 0; v < vectors; v++) {
            struct mm_lanes values = mm_lanes_load(x + v * stride + i);
#pragma GCC unroll 4
            for (unsigned r = 0; r < MM_ROWS; r++)
                now[v][r] = mm_lanes_step(now[v][r], weights[r], values);
        }
    }
#pragma GCC unroll 2
    for (unsigned v = 0; v < vectors; v++)
#pragma GCC unroll 4
        for (unsigned r = 0; r < MM_ROWS; r++)
            sums[v][r] = now[v][r];
}

/* As many vectors at once as there are registers for their sums. */
static void mm_tile_steps(float w[MM_ROWS][MM_TILE], size_t count, const float *x, size_t stride, size_t vectors,
                          struct mm_lanes sums[][MM_ROWS])
{
    size_t v = 0;
    if (MM_WIDTH == 64)
        for (; v + 2 <= vectors; v += 2)
            mm_tile_step(2, w, count, x + v * stride, stride, sums + v);
    for (; v < vectors; v++)
        mm_tile_step(1, w, count, x + v * stride, stride, sums + v);
}

/* The last columns of ROWS rows, fewer than sixteen. */
static void mm_tile_rest(const struct mm_matrix *m, const unsigned char *row, unsigned rows, const float *x,
                         size_t vectors, struct mm_lanes sums[][MM_ROWS])
{
    const struct mm_dtype *dtype = &mm_dtypes[m->dtype];
    size_t rest = m->columns % MM_LANES, done = m->columns - rest;
    for (unsigned r = 0; r < rows; r++) {
        unsigned char bytes[4 * MM_LANES] = {0};
        float w[MM_LANES];
        memcpy(bytes, row + r * m->row_bytes + done * dtype->bytes, rest * dtype->bytes);
        mm_exact_expand(dtype->ggml, bytes, MM_LANES, w);
        for (size_t v = 0; v < vectors; v++)
            sums[v][r] = mm_lanes_step(sums[v][r], mm_lanes_load(w), mm_lanes_some(x + v * m->columns + done, rest));
    }
}

/* ROWS rows, at most MM_ROWS, at ROW times VECTORS vectors, at most MM_VECTORS. */
static void mm_exact_tiles(const struct mm_matrix *m, const unsigned char *row, unsigned rows, const float *x,
                           size_t vectors, float *out, size_t stride)
{
    const struct mm_dtype *dtype = &mm_dtypes[m->dtype];
    struct mm_lanes sums[MM_VECTORS][MM_ROWS];
    float w[MM_ROWS][MM_TILE];
    size_t whole = m->columns / MM_LANES * MM_LANES, count;
    memset(sums, 0, vectors * sizeof *sums);
    memset(w, 0, rows < MM_ROWS ? sizeof w : 0);
    for (size_t column = 0; column < whole; column += count) {
        count = whole - column < MM_TILE ? whole - column : MM_TILE;
        for (unsigned r = 0; r < rows; r++)
            mm_exact_expand(dtype->ggml, row + r * m->row_bytes + column / dtype->block * dtype->bytes, count, w[r]);
        mm_tile_steps(w, count, x + column, m->columns, vectors, sums);
    }
    if (whole < m->columns)
        mm_tile_rest(m, row, rows, x, vectors, sums);
    for (size_t v = 0; v < vectors; v++) {
        float results[MM_ROWS];
        mm_lanes_sum_four(sums[v], results);
        memcpy(out + v * stride, results, rows * sizeof *results);
    }
}

static void mm_exact_batch(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                           float *out, size_t stride)
{
    for (size_t v = 0; v < a->batch; v += MM_VECTORS) {
        size_t vectors = a->batch - v < MM_VECTORS ? a->batch - v : MM_VECTORS;
        for (uint64_t r = 0; r < count; r += MM_ROWS) {
            unsigned rows = count - r < MM_ROWS ? (unsigned)(count - r) : MM_ROWS;
            mm_exact_tiles(m, m->bytes + (first + r) * m->row_bytes, rows, a->values + v * m->columns, vectors,
                           out + v * stride + first + r, stride);
        }
    }
}

/* ---- the set ---- */

static void mm_exact_multiply(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                              float *out, size_t stride)
{
    const unsigned char *row = m->bytes + first * m->row_bytes;
    int ggml = a->batch == 1 ? mm_dtypes[m->dtype].ggml : -1;
    switch (ggml) {
    case MM_GGML_F32:
        mm_exact_one(MM_PIECE(mm_weights_f32, 16, 64), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_F16:
        mm_exact_one(MM_PIECE(mm_weights_f16, 16, 32), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_BF16:
        mm_exact_one(MM_PIECE(mm_weights_bf16, 16, 32), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_Q8_0:
        mm_exact_one(MM_PIECE(mm_weights_q8_0, 32, 34), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_Q4_0:
        mm_exact_one(MM_PIECE(mm_weights_q4_0, 32, 18), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    default: mm_exact_batch(m, first, count, a, out, stride);
    }
}

static float mm_exact_dot(const float *a, const float *b, size_t count)
{
    struct mm_lanes sums = {0};
    size_t i = 0;
    for (; i + MM_LANES <= count; i += MM_LANES)
        sums = mm_lanes_step(sums, mm_lanes_load(a + i), mm_lanes_load(b + i));
    if (i < count)
        sums = mm_lanes_step(sums, mm_lanes_some(a + i, count - i), mm_lanes_some(b + i, count - i));
    return mm_lanes_sum(sums);
}

static void mm_exact_add(float *out, const float *x, float factor, size_t count)
{
    struct mm_lanes all;
    size_t i = 0;
    for (int k = 0; k < MM_PARTS; k++)
        all.part[k] = (mm_part){0} + factor;
    for (; i + MM_LANES <= count; i += MM_LANES)
        mm_lanes_store(out + i, mm_lanes_step(mm_lanes_load(out + i), mm_lanes_load(x + i), all));
    for (; i < count; i++)
        out[i] = out[i] + x[i] * factor;
}

#endif
