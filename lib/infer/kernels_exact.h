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
#define MM_NEAR 65536 /* bytes of rows that may well be in a cache still */

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

/* SUMS and the products of one piece of a row. */
MM_INLINE struct mm_lanes mm_exact_step(struct mm_piece piece, struct mm_lanes sums, const unsigned char *bytes,
                                        const struct mm_lanes x[2])
{
    struct mm_lanes w[2];
    piece.weights(bytes, w);
    sums = mm_lanes_step(sums, w[0], x[0]);
    return piece.elements > MM_LANES ? mm_lanes_step(sums, w[1], x[1]) : sums;
}

/* Brings LENGTH bytes at ADDRESS nearer, wherever that is: the processor's own prefetching ends with each page. */
MM_INLINE void mm_exact_bring(uintptr_t address, size_t length)
{
    for (size_t i = 0; i < length; i += 64)
        __builtin_prefetch((const void *)(address + i), 0, 2);
}

/* MM_ROWS rows, that lie ROW_BYTES apart, times X. FAR: those behind them are not likely to be in a cache. */
MM_INLINE void mm_exact_rows(struct mm_piece piece, const unsigned char *row, size_t row_bytes, size_t columns,
                             const float *x, bool far, float *out)
{
    const unsigned char *row1 = row + row_bytes, *row2 = row1 + row_bytes, *row3 = row2 + row_bytes;
    struct mm_lanes zero = mm_lanes_of(0), s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    uintptr_t ahead = (uintptr_t)row + MM_ROWS * row_bytes;
    size_t at = 0, column = 0;
    for (; column + piece.elements <= columns; column += piece.elements, at += piece.bytes) {
        struct mm_lanes values[2] = {mm_lanes_load(x + column), zero};
        if (piece.elements > MM_LANES)
            values[1] = mm_lanes_load(x + column + MM_LANES);
        if (far)
            mm_exact_bring(ahead + MM_ROWS * at, MM_ROWS * piece.bytes);
        s0 = mm_exact_step(piece, s0, row + at, values);
        s1 = mm_exact_step(piece, s1, row1 + at, values);
        s2 = mm_exact_step(piece, s2, row2 + at, values);
        s3 = mm_exact_step(piece, s3, row3 + at, values);
    }
    if (column < columns) {
        s0 = mm_exact_rest(piece, s0, row + at, x + column, columns - column);
        s1 = mm_exact_rest(piece, s1, row1 + at, x + column, columns - column);
        s2 = mm_exact_rest(piece, s2, row2 + at, x + column, columns - column);
        s3 = mm_exact_rest(piece, s3, row3 + at, x + column, columns - column);
    }
    mm_lanes_sum_four(s0, s1, s2, s3, out);
}

MM_INLINE float mm_exact_row(struct mm_piece piece, const unsigned char *row, size_t columns, const float *x)
{
    struct mm_lanes zero = mm_lanes_of(0), sums = zero;
    size_t at = 0, column = 0;
    for (; column + piece.elements <= columns; column += piece.elements, at += piece.bytes) {
        struct mm_lanes values[2] = {mm_lanes_load(x + column), zero};
        if (piece.elements > MM_LANES)
            values[1] = mm_lanes_load(x + column + MM_LANES);
        sums = mm_exact_step(piece, sums, row + at, values);
    }
    if (column < columns)
        sums = mm_exact_rest(piece, sums, row + at, x + column, columns - column);
    return mm_lanes_sum(sums);
}

MM_INLINE void mm_exact_one(struct mm_piece piece, const unsigned char *row, size_t row_bytes, uint64_t count,
                            size_t columns, const float *x, float *out)
{
    bool far = count * row_bytes > MM_NEAR;
    uint64_t r = 0;
    for (; r + MM_ROWS <= count; r += MM_ROWS)
        mm_exact_rows(piece, row + r * row_bytes, row_bytes, columns, x, far, out + r);
    for (; r < count; r++)
        out[r] = mm_exact_row(piece, row + r * row_bytes, columns, x);
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

MM_INLINE void mm_tile_of_blocks(void (*block)(const unsigned char *bytes, float *out), unsigned bytes,
                                 const unsigned char *at, size_t count, float *out)
{
    for (size_t i = 0; i < count; i += MM_SUPERBLOCK, at += bytes)
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
    case MM_GGML_Q4_1: mm_tile_of_pieces(MM_PIECE(mm_weights_q4_1, 32, 20), at, count, out); break;
    case MM_GGML_Q5_0: mm_tile_of_pieces(MM_PIECE(mm_weights_q5_0, 32, 22), at, count, out); break;
    case MM_GGML_Q5_1: mm_tile_of_pieces(MM_PIECE(mm_weights_q5_1, 32, 24), at, count, out); break;
    case MM_GGML_IQ4_NL: mm_tile_of_pieces(MM_PIECE(mm_weights_iq4_nl, 32, 18), at, count, out); break;
    case MM_GGML_Q2_K: mm_tile_of_blocks(mm_expand_q2_k, 84, at, count, out); break;
    case MM_GGML_Q3_K: mm_tile_of_blocks(mm_expand_q3_k, 110, at, count, out); break;
    case MM_GGML_Q4_K: mm_tile_of_blocks(mm_expand_q4_k, 144, at, count, out); break;
    case MM_GGML_Q5_K: mm_tile_of_blocks(mm_expand_q5_k, 176, at, count, out); break;
    case MM_GGML_Q6_K: mm_tile_of_blocks(mm_expand_q6_k, 210, at, count, out); break;
    case MM_GGML_IQ4_XS: mm_tile_of_blocks(mm_expand_iq4_xs, 136, at, count, out); break;
    default: break;
    }
}

/* A tile of four rows, COUNT columns that are a multiple of sixteen, meets one vector. */
MM_INLINE void mm_tile_step(float w[MM_ROWS][MM_TILE], size_t count, const float *x, struct mm_lanes sums[MM_ROWS])
{
    struct mm_lanes s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (size_t i = 0; i < count; i += MM_LANES) {
        struct mm_lanes values = mm_lanes_load(x + i);
        s0 = mm_lanes_step(s0, mm_lanes_load(w[0] + i), values);
        s1 = mm_lanes_step(s1, mm_lanes_load(w[1] + i), values);
        s2 = mm_lanes_step(s2, mm_lanes_load(w[2] + i), values);
        s3 = mm_lanes_step(s3, mm_lanes_load(w[3] + i), values);
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

#if MM_WIDTH == 64
/* The same with two vectors that lie STRIDE apart: there are registers for their sums. */
MM_INLINE void mm_tile_step_two(float w[MM_ROWS][MM_TILE], size_t count, const float *x, size_t stride,
                                struct mm_lanes sums[2][MM_ROWS])
{
    struct mm_lanes s0 = sums[0][0], s1 = sums[0][1], s2 = sums[0][2], s3 = sums[0][3];
    struct mm_lanes t0 = sums[1][0], t1 = sums[1][1], t2 = sums[1][2], t3 = sums[1][3];
    for (size_t i = 0; i < count; i += MM_LANES) {
        struct mm_lanes values = mm_lanes_load(x + i), others = mm_lanes_load(x + stride + i);
        struct mm_lanes w0 = mm_lanes_load(w[0] + i), w1 = mm_lanes_load(w[1] + i);
        struct mm_lanes w2 = mm_lanes_load(w[2] + i), w3 = mm_lanes_load(w[3] + i);
        s0 = mm_lanes_step(s0, w0, values), t0 = mm_lanes_step(t0, w0, others);
        s1 = mm_lanes_step(s1, w1, values), t1 = mm_lanes_step(t1, w1, others);
        s2 = mm_lanes_step(s2, w2, values), t2 = mm_lanes_step(t2, w2, others);
        s3 = mm_lanes_step(s3, w3, values), t3 = mm_lanes_step(t3, w3, others);
    }
    sums[0][0] = s0, sums[0][1] = s1, sums[0][2] = s2, sums[0][3] = s3;
    sums[1][0] = t0, sums[1][1] = t1, sums[1][2] = t2, sums[1][3] = t3;
}
#endif

static void mm_tile_steps(float w[MM_ROWS][MM_TILE], size_t count, const float *x, size_t stride, size_t vectors,
                          struct mm_lanes sums[][MM_ROWS])
{
    size_t v = 0;
#if MM_WIDTH == 64
    for (; v + 2 <= vectors; v += 2)
        mm_tile_step_two(w, count, x + v * stride, stride, sums + v);
#endif
    for (; v < vectors; v++)
        mm_tile_step(w, count, x + v * stride, sums[v]);
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
        for (unsigned r = 0; r < rows; r++) {
            const unsigned char *bytes = row + r * m->row_bytes + column / dtype->block * dtype->bytes;
            mm_exact_bring((uintptr_t)bytes + MM_ROWS * m->row_bytes, count / dtype->block * dtype->bytes);
            mm_exact_expand(dtype->ggml, bytes, count, w[r]);
        }
        mm_tile_steps(w, count, x + column, m->columns, vectors, sums);
    }
    if (whole < m->columns)
        mm_tile_rest(m, row, rows, x, vectors, sums);
    for (size_t v = 0; v < vectors; v++) {
        float results[MM_ROWS];
        mm_lanes_sum_four(sums[v][0], sums[v][1], sums[v][2], sums[v][3], results);
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
    case MM_GGML_Q4_1:
        mm_exact_one(MM_PIECE(mm_weights_q4_1, 32, 20), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_Q5_0:
        mm_exact_one(MM_PIECE(mm_weights_q5_0, 32, 22), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_Q5_1:
        mm_exact_one(MM_PIECE(mm_weights_q5_1, 32, 24), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    case MM_GGML_IQ4_NL:
        mm_exact_one(MM_PIECE(mm_weights_iq4_nl, 32, 18), row, m->row_bytes, count, m->columns, a->values, out + first);
        break;
    default: mm_exact_batch(m, first, count, a, out, stride);
    }
}

static float mm_exact_dot(const float *a, const float *b, size_t count)
{
    struct mm_lanes sums = mm_lanes_of(0);
    size_t i = 0;
    for (; i + MM_LANES <= count; i += MM_LANES)
        sums = mm_lanes_step(sums, mm_lanes_load(a + i), mm_lanes_load(b + i));
    if (i < count)
        sums = mm_lanes_step(sums, mm_lanes_some(a + i, count - i), mm_lanes_some(b + i, count - i));
    return mm_lanes_sum(sums);
}

static void mm_exact_add(float *out, const float *x, float factor, size_t count)
{
    struct mm_lanes all = mm_lanes_of(factor);
    size_t i = 0;
    for (; i + MM_LANES <= count; i += MM_LANES)
        mm_lanes_store(out + i, mm_lanes_step(mm_lanes_load(out + i), mm_lanes_load(x + i), all));
    for (; i < count; i++)
        out[i] = out[i] + x[i] * factor;
}

#endif
