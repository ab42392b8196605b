/* Exact products (infer/kernels.h), for the set that includes it: MM_WIDTH says how wide its registers are. Rows go four at a time, so that no sum waits for the
 * one before it. One vector with the commonest dtypes is multiplied while weights pass through registers; any other product goes by tiles: some
 * columns of four rows become f32 in the first cache, and meet all vectors there. */
#ifndef MM_INFER_KERNELS_EXACT_H
#define MM_INFER_KERNELS_EXACT_H

#include "infer/kernels_ahead.h"
#include "infer/kernels_parts.h"
#include "infer/kernels_weights.h"
#include "model/dtype.h"

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

/* SUMS and the products of one piece of a row. */
MM_INLINE struct mm_lanes mm_exact_step(struct mm_piece piece, struct mm_lanes sums, const unsigned char *bytes,
                                        const struct mm_lanes x[2])
{
    struct mm_lanes w[2];
    piece.weights(bytes, w);
    sums = mm_lanes_step(sums, w[0], x[0]);
    return piece.elements > MM_LANES ? mm_lanes_step(sums, w[1], x[1]) : sums;
}

/* MM_ROWS rows, that lie ROW_BYTES apart, times X. AHEAD: how far those behind them are brought. */
MM_INLINE void mm_exact_rows(struct mm_piece piece, const unsigned char *row, size_t row_bytes, size_t columns,
                             const float *x, enum mm_ahead ahead, float *out)
{
    const unsigned char *row1 = row + row_bytes, *row2 = row1 + row_bytes, *row3 = row2 + row_bytes;
    struct mm_lanes zero = mm_lanes_of(0), s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    size_t at = 0, column = 0;
    for (; column + piece.elements <= columns; column += piece.elements, at += piece.bytes) {
        struct mm_lanes values[2] = {mm_lanes_load(x + column), zero};
        if (piece.elements > MM_LANES)
            values[1] = mm_lanes_load(x + column + MM_LANES);
        mm_bring(ahead, row, row_bytes, at, piece.bytes);
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

/* A row of plain weights that come from memory: one row after the other is the order in which memory is read fastest, and sums that wait for each other
 * keep up with it. What lies MM_FAR behind is brought into the second cache meanwhile. */
MM_INLINE float mm_exact_far(struct mm_piece piece, const unsigned char *row, size_t columns, const float *x)
{
    struct mm_lanes zero = mm_lanes_of(0), sums = zero;
    size_t at = 0, column = 0, line = 64 / piece.bytes * piece.elements;
    for (; column + line <= columns; column += line, at += 64) {
        mm_bring_far(row + at);
        for (size_t i = 0; i < line / MM_LANES; i++) {
            struct mm_lanes values[2] = {mm_lanes_load(x + column + i * MM_LANES), zero};
            sums = mm_exact_step(piece, sums, row + at + i * piece.bytes, values);
        }
    }
    for (; column + MM_LANES <= columns; column += MM_LANES, at += piece.bytes) {
        struct mm_lanes values[2] = {mm_lanes_load(x + column), zero};
        sums = mm_exact_step(piece, sums, row + at, values);
    }
    if (column < columns)
        sums = mm_exact_rest(piece, sums, row + at, x + column, columns - column);
    return mm_lanes_sum(sums);
}

MM_INLINE void mm_exact_one(struct mm_piece piece, const unsigned char *row, size_t row_bytes, uint64_t count,
                            size_t columns, const float *x, float *out)
{
    enum mm_ahead ahead = mm_ahead_of(count, row_bytes);
    uint64_t r = 0;
    for (; MM_WIDTH > 16 && piece.elements == MM_LANES && ahead != MM_AHEAD_NOT && r < count; r++)
        out[r] = mm_exact_far(piece, row + r * row_bytes, columns, x);
    for (; r + MM_ROWS <= count; r += MM_ROWS)
        mm_exact_rows(piece, row + r * row_bytes, row_bytes, columns, x, ahead, out + r);
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

/* Columns of four rows as f32, COUNT of them, a multiple of sixteen, and up to fifteen more, with zeros behind them. */
struct mm_tile {
    const unsigned char *rows[MM_ROWS]; /* in place, or in ROOM */
    size_t count, rest;
    float room[MM_ROWS][MM_TILE], last[MM_ROWS][MM_LANES];
};

#if MM_WIDTH == 64
#define MM_ABREAST 4 /* vectors that meet a tile at once: there are registers for their sums */
#else
#define MM_ABREAST 1
#endif

/* SUMS of VECTORS vectors that lie STRIDE apart, and what the tile comes to with each. */
MM_INLINE void mm_tile_meet(const struct mm_tile *tile, const float *x, size_t stride, int vectors,
                            struct mm_lanes (*sums)[MM_ROWS])
{
    for (size_t i = 0; i < tile->count; i += MM_LANES) {
        struct mm_lanes w0 = mm_lanes_load(tile->rows[0] + 4 * i), w1 = mm_lanes_load(tile->rows[1] + 4 * i);
        struct mm_lanes w2 = mm_lanes_load(tile->rows[2] + 4 * i), w3 = mm_lanes_load(tile->rows[3] + 4 * i);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            struct mm_lanes values = mm_lanes_load(x + (size_t)v * stride + i);
            sums[v][0] = mm_lanes_step(sums[v][0], w0, values);
            sums[v][1] = mm_lanes_step(sums[v][1], w1, values);
            sums[v][2] = mm_lanes_step(sums[v][2], w2, values);
            sums[v][3] = mm_lanes_step(sums[v][3], w3, values);
        }
    }
    if (tile->rest == 0)
        return;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
        struct mm_lanes values = mm_lanes_some(x + (size_t)v * stride + tile->count, tile->rest);
        sums[v][0] = mm_lanes_step(sums[v][0], mm_lanes_load(tile->last[0]), values);
        sums[v][1] = mm_lanes_step(sums[v][1], mm_lanes_load(tile->last[1]), values);
        sums[v][2] = mm_lanes_step(sums[v][2], mm_lanes_load(tile->last[2]), values);
        sums[v][3] = mm_lanes_step(sums[v][3], mm_lanes_load(tile->last[3]), values);
    }
}

/* The sums of the first ROWS rows. */
MM_INLINE void mm_tile_end(const struct mm_lanes sums[MM_ROWS], unsigned rows, float *out)
{
    float results[MM_ROWS];
    mm_lanes_sum_four(sums[0], sums[1], sums[2], sums[3], results);
    if (rows == MM_ROWS)
        memcpy(out, results, sizeof results);
    else
        for (unsigned r = 0; r < rows; r++)
            out[r] = results[r];
}

/* A tile that is all there is of its rows: sums stay in registers. */
MM_INLINE void mm_tile_only(const struct mm_tile *tile, const float *x, size_t stride, int vectors, unsigned rows,
                            float *out, size_t out_stride)
{
    struct mm_lanes zero = mm_lanes_of(0), sums[MM_ABREAST][MM_ROWS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        sums[v][0] = sums[v][1] = sums[v][2] = sums[v][3] = zero;
    mm_tile_meet(tile, x, stride, vectors, sums);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        mm_tile_end(sums[v], rows, out + (size_t)v * out_stride);
}

/* A tile that is a part of its rows. */
MM_INLINE void mm_tile_part(const struct mm_tile *tile, const float *x, size_t stride, int vectors,
                            struct mm_lanes (*all)[MM_ROWS])
{
    struct mm_lanes sums[MM_ABREAST][MM_ROWS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        sums[v][0] = all[v][0], sums[v][1] = all[v][1], sums[v][2] = all[v][2], sums[v][3] = all[v][3];
    mm_tile_meet(tile, x, stride, vectors, sums);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        all[v][0] = sums[v][0], all[v][1] = sums[v][1], all[v][2] = sums[v][2], all[v][3] = sums[v][3];
}

/* Makes COUNT columns from COLUMN on, at most MM_TILE, of the ROWS rows at ROW ready; rows that lack are like the first one. */
static void mm_tile_take(struct mm_tile *tile, const struct mm_matrix *m, const unsigned char *row, unsigned rows,
                         size_t column, size_t count)
{
    const struct mm_dtype *dtype = &mm_dtypes[m->dtype];
    size_t at = column / dtype->block * dtype->bytes;
    bool in_place = dtype->ggml == MM_GGML_F32 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    tile->rest = count % MM_LANES;
    tile->count = count - tile->rest;
    mm_bring(mm_ahead_of(m->rows, m->row_bytes), row, m->row_bytes, at, count / dtype->block * dtype->bytes);
    for (unsigned r = 0; r < MM_ROWS; r++) {
        const unsigned char *bytes = row + (r < rows ? r : 0) * m->row_bytes + at;
        tile->rows[r] = in_place ? bytes : (const unsigned char *)tile->room[r];
        if (!in_place && tile->count > 0)
            mm_exact_expand(dtype->ggml, bytes, tile->count, tile->room[r]);
        if (tile->rest > 0) { /* which only plain dtypes have */
            unsigned char padded[4 * MM_LANES] = {0};
            memcpy(padded, bytes + tile->count * dtype->bytes, tile->rest * dtype->bytes);
            mm_exact_expand(dtype->ggml, padded, MM_LANES, tile->last[r]);
        }
    }
}

/* ROWS rows, at most MM_ROWS, at ROW times VECTORS vectors, at most MM_VECTORS; the rows are one tile. */
static void mm_exact_narrow(const struct mm_matrix *m, const unsigned char *row, unsigned rows, const float *x,
                            size_t vectors, float *out, size_t stride)
{
    struct mm_tile tile;
    size_t v = 0;
    mm_tile_take(&tile, m, row, rows, 0, m->columns);
    for (; v + MM_ABREAST <= vectors; v += MM_ABREAST)
        mm_tile_only(&tile, x + v * m->columns, m->columns, MM_ABREAST, rows, out + v * stride, stride);
    for (; v < vectors; v++)
        mm_tile_only(&tile, x + v * m->columns, m->columns, 1, rows, out + v * stride, stride);
}

/* The same for rows of any length. */
static void mm_exact_tiles(const struct mm_matrix *m, const unsigned char *row, unsigned rows, const float *x,
                           size_t vectors, float *out, size_t stride)
{
    struct mm_lanes sums[MM_VECTORS][MM_ROWS];
    struct mm_tile tile;
    memset(sums, 0, vectors * sizeof *sums);
    for (size_t column = 0; column < m->columns; column += MM_TILE) {
        size_t v = 0;
        mm_tile_take(&tile, m, row, rows, column, m->columns - column < MM_TILE ? m->columns - column : MM_TILE);
        for (; v + MM_ABREAST <= vectors; v += MM_ABREAST)
            mm_tile_part(&tile, x + v * m->columns + column, m->columns, MM_ABREAST, sums + v);
        for (; v < vectors; v++)
            mm_tile_part(&tile, x + v * m->columns + column, m->columns, 1, sums + v);
    }
    for (size_t v = 0; v < vectors; v++)
        mm_tile_end(sums[v], rows, out + v * stride);
}

static void mm_exact_batch(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                           float *out, size_t stride)
{
    for (size_t v = 0; v < a->batch; v += MM_VECTORS) {
        size_t vectors = a->batch - v < MM_VECTORS ? a->batch - v : MM_VECTORS;
        for (uint64_t r = 0; r < count; r += MM_ROWS) {
            unsigned rows = count - r < MM_ROWS ? (unsigned)(count - r) : MM_ROWS;
            const unsigned char *row = m->bytes + (first + r) * m->row_bytes;
            const float *x = a->values + v * m->columns;
            float *to = out + v * stride + first + r;
            if (m->columns <= MM_TILE)
                mm_exact_narrow(m, row, rows, x, vectors, to, stride);
            else
                mm_exact_tiles(m, row, rows, x, vectors, to, stride);
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
