/* Inference of a llama network on a device, for OpenCL and CUDA alike: opencl.h or cuda.h stands before this text.
 *
 * Weights are as they are stored and become f32 where they are used, as lib/model/dequantize.c has it (GGML's block layouts). Sums are taken in an order that
 * hangs on sizes alone, so that a device gives equal answers to equal questions. */

#define LANES_A_ROW 32                           /* work items that share a row */
#define ROWS_A_GROUP (GROUP_ITEMS / LANES_A_ROW) /* GROUP_ITEMS, of a group, stands before this text: 32, 64 or 128 */
#define MANY 8         /* vectors that one reading of the weights serves */
#define LOOKED 1024    /* values that a group looks at */
#define PIECE 8        /* elements that one item takes at a time */

/* ---- eight elements of a row, from 8 × P on ----
 *
 * Each fills V and returns what all eight are to be multiplied with. Those of f32, f16 and bf16 load sixteen bytes at a time, and the `plain` ones, for rows that do not begin at a
 * multiple of sixteen bytes, one element. */

TABLE float nonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* V times the eight numbers at X, added up. */
DEVICE float plain_products(const float *v, GLOBAL const float *x)
{
    float sum = 0;
    for (uint i = 0; i < PIECE; i++)
        sum = MULTIPLY_ADD(v[i], x[i], sum);
    return sum;
}

DEVICE uint word_at(GLOBAL const uchar *at)
{
    return (uint)at[0] | (uint)at[1] << 8 | (uint)at[2] << 16 | (uint)at[3] << 24;
}

DEVICE float f32_piece(GLOBAL const uchar *row, uint p, float *v)
{
    eight_floats((GLOBAL const float *)row + p * PIECE, v);
    return 1;
}

DEVICE float f32_plain(GLOBAL const uchar *row, uint p, float *v)
{
    for (uint i = 0; i < PIECE; i++)
        v[i] = ((GLOBAL const float *)row)[p * PIECE + i];
    return 1;
}

DEVICE float f16_piece(GLOBAL const uchar *row, uint p, float *v)
{
    eight_halves(row + 2 * PIECE * p, v);
    return 1;
}

DEVICE float f16_plain(GLOBAL const uchar *row, uint p, float *v)
{
    for (uint i = 0; i < PIECE; i++)
        v[i] = HALF_AT(row + 2 * (p * PIECE + i));
    return 1;
}

DEVICE float bf16_piece(GLOBAL const uchar *row, uint p, float *v)
{
    uint4 pairs = ((GLOBAL const uint4 *)row)[p];
    v[0] = as_float(pairs.x << 16), v[1] = as_float(pairs.x & 0xffff0000u);
    v[2] = as_float(pairs.y << 16), v[3] = as_float(pairs.y & 0xffff0000u);
    v[4] = as_float(pairs.z << 16), v[5] = as_float(pairs.z & 0xffff0000u);
    v[6] = as_float(pairs.w << 16), v[7] = as_float(pairs.w & 0xffff0000u);
    return 1;
}

DEVICE float bf16_plain(GLOBAL const uchar *row, uint p, float *v)
{
    for (uint i = 0; i < PIECE; i++)
        v[i] = as_float((uint)((GLOBAL const ushort *)row)[p * PIECE + i] << 16);
    return 1;
}

DEVICE float q8_0_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 34;
    eight_signed(block + 2 + p % 4 * 8, v);
    return HALF_AT(block);
}

/* Four bits of each of eight bytes: the lower halves are the first sixteen elements of 32. */
DEVICE uint nibble(GLOBAL const uchar *bytes, uint p, uint i)
{
    uint byte = bytes[p % 2 * 8 + i];
    return p % 4 < 2 ? byte & 15 : byte >> 4;
}

DEVICE float q4_0_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 18;
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)((int)nibble(block + 2, p, i) - 8);
    return HALF_AT(block);
}

DEVICE float q4_1_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 20;
    float d = HALF_AT(block), m = HALF_AT(block + 2);
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)nibble(block + 4, p, i) * d + m;
    return 1;
}

DEVICE float q5_0_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 22;
    uint fifth = word_at(block + 2) >> p % 4 * 8;
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)((int)(nibble(block + 6, p, i) | (fifth >> i & 1) << 4) - 16);
    return HALF_AT(block);
}

DEVICE float q5_1_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 24;
    float d = HALF_AT(block), m = HALF_AT(block + 2);
    uint fifth = word_at(block + 4) >> p % 4 * 8;
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)(nibble(block + 8, p, i) | (fifth >> i & 1) << 4) * d + m;
    return 1;
}

DEVICE float iq4_nl_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 18;
    for (uint i = 0; i < PIECE; i++)
        v[i] = nonlinear[nibble(block + 2, p, i)];
    return HALF_AT(block);
}

DEVICE float iq4_xs_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 136;
    uint part = p % 32 / 4, high = (uint)block[2] | (uint)block[3] << 8;
    int scale = (int)((block[4 + part / 2] >> part % 2 * 4 & 15) | (high >> 2 * part & 3) << 4) - 32;
    for (uint i = 0; i < PIECE; i++)
        v[i] = nonlinear[nibble(block + 8 + 16 * part, p, i)];
    return HALF_AT(block) * (float)scale;
}

DEVICE float q2_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 84;
    uint part = p % 32, scale = block[part / 2];
    float d = HALF_AT(block + 80) * (float)(scale & 15), m = HALF_AT(block + 82) * (float)(scale >> 4);
    for (uint i = 0; i < PIECE; i++)
        v[i] = d * (float)(block[16 + part / 16 * 32 + part % 4 * 8 + i] >> part % 16 / 4 * 2 & 3) - m;
    return 1;
}

DEVICE float q3_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 110;
    uint part = p % 32, s = part / 2;
    uint low = block[96 + s % 8] >> s / 8 * 4 & 15, high = block[104 + s % 4] >> s / 4 * 2 & 3;
    for (uint i = 0; i < PIECE; i++) {
        uint at = part % 4 * 8 + i, quant = block[32 + part / 16 * 32 + at] >> part % 16 / 4 * 2 & 3;
        v[i] = (float)((int)quant - (block[at] >> part / 4 & 1 ? 0 : 4));
    }
    return HALF_AT(block + 108) * (float)((int)(low | high << 4) - 32);
}

/* Scale and least value of eighth S of a block of q4_k or q5_k, six bits each. */
DEVICE uint k_scale(GLOBAL const uchar *scales, uint s)
{
    return s < 4 ? scales[s] & 63 : (scales[s + 4] & 15) | scales[s - 4] >> 6 << 4;
}

DEVICE uint k_least(GLOBAL const uchar *scales, uint s)
{
    return s < 4 ? scales[s + 4] & 63 : scales[s + 4] >> 4 | scales[s] >> 6 << 4;
}

DEVICE float q4_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 144;
    uint s = p % 32 / 4;
    float d = HALF_AT(block) * (float)k_scale(block + 4, s), m = HALF_AT(block + 2) * (float)k_least(block + 4, s);
    for (uint i = 0; i < PIECE; i++)
        v[i] = d * (float)(block[16 + s / 2 * 32 + p % 4 * 8 + i] >> s % 2 * 4 & 15) - m;
    return 1;
}

DEVICE float q5_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 176;
    uint s = p % 32 / 4;
    float d = HALF_AT(block) * (float)k_scale(block + 4, s), m = HALF_AT(block + 2) * (float)k_least(block + 4, s);
    for (uint i = 0; i < PIECE; i++) {
        uint at = p % 4 * 8 + i, low = block[48 + s / 2 * 32 + at] >> s % 2 * 4 & 15;
        v[i] = d * (float)(low | (block[16 + at] >> s & 1) << 4) - m;
    }
    return 1;
}

DEVICE float q6_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 210;
    uint part = p % 32, half_block = part / 16, quarter = part % 16 / 4;
    for (uint i = 0; i < PIECE; i++) {
        uint at = part % 4 * 8 + i;
        uint low = block[half_block * 64 + quarter % 2 * 32 + at] >> quarter / 2 * 4 & 15;
        uint high = block[128 + half_block * 32 + at] >> quarter * 2 & 3;
        v[i] = (float)((int)(low | high << 4) - 32);
    }
    return HALF_AT(block + 208) * (float)(signed char)block[192 + part / 2];
}

/* ---- rows times vectors ---- */

#define BIASES 7 /* a bit for each matrix whose bias is added */
#define ONTO 8   /* the product is added to what OUT has */

DEVICE void put(GLOBAL float *out, float value, GLOBAL const float *bias, uint row, uint flags)
{
    if (flags & BIASES)
        value += bias[row];
    *out = flags & ONTO ? *out + value : value;
}

DEVICE float gated(float gate, float up)
{
    return gate / (1 + exp(-gate)) * up;
}

/* Adds the product of a row's pieces with X to SUM: an item takes every LANES_A_ROWth. */
#define ADD_PIECES(PIECE_OF, PRODUCTS)                                                                                 \
    UNROLL for (uint p = LANE % LANES_A_ROW; p < columns / PIECE; p += LANES_A_ROW)                                    \
    {                                                                                                                  \
        float v[PIECE], factor = PIECE_OF(at, p, v);                                                                   \
        sum = MULTIPLY_ADD(factor, PRODUCTS(v, x + p * PIECE), sum);                                                   \
    }

/* The same for the row at UP too, to OTHER. */
#define ADD_PIECES_OF_BOTH(PIECE_OF, PRODUCTS)                                                                         \
    UNROLL for (uint p = LANE % LANES_A_ROW; p < columns / PIECE; p += LANES_A_ROW)                                    \
    {                                                                                                                  \
        float v[PIECE], u[PIECE], factor = PIECE_OF(at, p, v), factor_up = PIECE_OF(up, p, u);                         \
        sum = MULTIPLY_ADD(factor, PRODUCTS(v, x + p * PIECE), sum);                                                   \
        other = MULTIPLY_ADD(factor_up, PRODUCTS(u, x + p * PIECE), other);                                            \
    }

/* The same with MANY vectors, the last of them again where there are not as many. */
#define ADD_PIECES_OF_MANY(PIECE_OF, PRODUCTS)                                                                         \
    for (uint p = LANE % LANES_A_ROW; p < columns / PIECE; p += LANES_A_ROW) {                                         \
        float v[PIECE], factor = PIECE_OF(at, p, v);                                                                   \
        for (uint b = 0; b < MANY; b++) {                                                                              \
            GLOBAL const float *xb = x + (ulong)(first + b < last ? first + b : last) * columns;                       \
            sum[b] = MULTIPLY_ADD(factor, PRODUCTS(v, xb + p * PIECE), sum[b]);                                        \
        }                                                                                                              \
    }

/* multiply: OUT[row] = row times X for up to three matrices that stand one behind the other, of COUNT_A, COUNT_B and COUNT_C rows of COLUMNS elements.
 * multiply_gated: OUT[row] = silu(row times X) × that row of ROWS_UP times X, of two matrices alike.
 * multiply_many: OUT[b][row] = row times X[b] for one matrix, MANY vectors at a time: the group's second number says which.
 *
 * ALIGNED says that sixteen bytes can be loaded at once, of the rows and of X. The last elements of a row that do not fill a piece (rows without blocks alone have them) are the first
 * item's. */
#define MULTIPLY(DTYPE, ALIGNED, PLAIN_PIECE, TAIL)                                                                    \
    KERNEL multiply_##DTYPE(GLOBAL const uchar *rows_a, GLOBAL const uchar *rows_b, GLOBAL const uchar *rows_c,        \
                            ulong row_bytes, uint columns, uint count_a, uint count_b, uint count_c,                   \
                            GLOBAL const float *x, GLOBAL float *out_a, GLOBAL float *out_b, GLOBAL float *out_c,      \
                            GLOBAL const float *bias_a, GLOBAL const float *bias_b, GLOBAL const float *bias_c,        \
                            uint flags)                                                                                \
    {                                                                                                                  \
        ROW_SUMS(sums);                                                                                                \
        uint all = count_a + count_b + count_c, asked = GROUP * ROWS_A_GROUP + LANE / LANES_A_ROW;                     \
        uint row = asked < all ? asked : all - 1, matrix = row < count_a ? 0 : row < count_a + count_b ? 1 : 2;        \
        row -= matrix == 0 ? 0 : matrix == 1 ? count_a : count_a + count_b;                                            \
        GLOBAL const uchar *at = (matrix == 0 ? rows_a : matrix == 1 ? rows_b : rows_c) + row_bytes * row;             \
        float sum = 0;                                                                                                 \
        if (ALIGNED) {                                                                                                 \
            ADD_PIECES(DTYPE##_piece, eight_products)                                                                  \
        } else {                                                                                                       \
            ADD_PIECES(PLAIN_PIECE, plain_products)                                                                    \
        }                                                                                                              \
        if (LANE % LANES_A_ROW == 0)                                                                                   \
            for (uint i = columns / PIECE * PIECE; i < columns; i++)                                                   \
                sum += TAIL(at) * x[i];                                                                                \
        sum = row_sum(sums, sum);                                                                                      \
        if (LANE % LANES_A_ROW == 0 && asked < all)                                                                    \
            put((matrix == 0 ? out_a : matrix == 1 ? out_b : out_c) + row, sum,                                        \
                matrix == 0 ? bias_a : matrix == 1 ? bias_b : bias_c, row, flags & (ONTO | 1 << matrix));              \
    }                                                                                                                  \
    KERNEL multiply_gated_##DTYPE(GLOBAL const uchar *rows, GLOBAL const uchar *rows_up, ulong row_bytes, uint columns,\
                                  uint count, GLOBAL const float *x, GLOBAL float *out, GLOBAL const float *bias,      \
                                  GLOBAL const float *bias_up, uint flags)                                             \
    {                                                                                                                  \
        ROW_SUMS(sums);                                                                                                \
        uint row = GROUP * ROWS_A_GROUP + LANE / LANES_A_ROW, kept = row < count ? row : count - 1;                    \
        GLOBAL const uchar *at = rows + row_bytes * kept, *up = rows_up + row_bytes * kept;                            \
        float sum = 0, other = 0;                                                                                      \
        if (ALIGNED) {                                                                                                 \
            ADD_PIECES_OF_BOTH(DTYPE##_piece, eight_products)                                                          \
        } else {                                                                                                       \
            ADD_PIECES_OF_BOTH(PLAIN_PIECE, plain_products)                                                            \
        }                                                                                                              \
        if (LANE % LANES_A_ROW == 0)                                                                                   \
            for (uint i = columns / PIECE * PIECE; i < columns; i++)                                                   \
                sum += TAIL(at) * x[i], other += TAIL(up) * x[i];                                                      \
        sum = row_sum(sums, sum);                                                                                      \
        other = row_sum(sums, other);                                                                                  \
        if (LANE % LANES_A_ROW == 0 && row < count)                                                                    \
            out[row] = gated(flags & 1 ? sum + bias[row] : sum, flags & 2 ? other + bias_up[row] : other);             \
    }                                                                                                                  \
    KERNEL multiply_many_##DTYPE(GLOBAL const uchar *rows, ulong row_bytes, uint columns, uint count,                  \
                                 GLOBAL const float *x, uint batch, GLOBAL float *out, GLOBAL const float *bias,       \
                                 uint flags)                                                                           \
    {                                                                                                                  \
        ROW_SUMS(sums);                                                                                                \
        uint row = GROUP * ROWS_A_GROUP + LANE / LANES_A_ROW, kept = row < count ? row : count - 1;                    \
        uint first = GROUP_Y * MANY, last = batch - 1;                                                                 \
        GLOBAL const uchar *at = rows + row_bytes * kept;                                                              \
        float sum[MANY];                                                                                               \
        for (uint b = 0; b < MANY; b++)                                                                                \
            sum[b] = 0;                                                                                                \
        if (ALIGNED) {                                                                                                 \
            ADD_PIECES_OF_MANY(DTYPE##_piece, eight_products)                                                          \
        } else {                                                                                                       \
            ADD_PIECES_OF_MANY(PLAIN_PIECE, plain_products)                                                            \
        }                                                                                                              \
        for (uint b = 0; b < MANY; b++) {                                                                              \
            GLOBAL const float *xb = x + (ulong)(first + b < last ? first + b : last) * columns;                       \
            if (LANE % LANES_A_ROW == 0)                                                                               \
                for (uint i = columns / PIECE * PIECE; i < columns; i++)                                               \
                    sum[b] += TAIL(at) * xb[i];                                                                        \
            float whole = row_sum(sums, sum[b]);                                                                       \
            if (LANE % LANES_A_ROW == 0 && row < count && first + b <= last)                                           \
                put(out + (ulong)(first + b) * count + row, whole, bias, row, flags);                                  \
        }                                                                                                              \
    }

#define F32_AT(row) ((GLOBAL const float *)(row))[i]
#define F16_AT(row) HALF_AT((row) + 2 * i)
#define BF16_AT(row) as_float((uint)((GLOBAL const ushort *)(row))[i] << 16)
#define NONE_AT(row) 0 /* blocks are whole pieces */
MULTIPLY(f32, columns % PIECE == 0, f32_plain, F32_AT)
MULTIPLY(f16, columns % PIECE == 0, f16_plain, F16_AT)
MULTIPLY(bf16, columns % PIECE == 0, bf16_plain, BF16_AT)
MULTIPLY(q8_0, true, q8_0_piece, NONE_AT)
MULTIPLY(q4_0, true, q4_0_piece, NONE_AT)
MULTIPLY(q4_1, true, q4_1_piece, NONE_AT)
MULTIPLY(q5_0, true, q5_0_piece, NONE_AT)
MULTIPLY(q5_1, true, q5_1_piece, NONE_AT)
MULTIPLY(iq4_nl, true, iq4_nl_piece, NONE_AT)
MULTIPLY(iq4_xs, true, iq4_xs_piece, NONE_AT)
MULTIPLY(q2_k, true, q2_k_piece, NONE_AT)
MULTIPLY(q3_k, true, q3_k_piece, NONE_AT)
MULTIPLY(q4_k, true, q4_k_piece, NONE_AT)
MULTIPLY(q5_k, true, q5_k_piece, NONE_AT)
MULTIPLY(q6_k, true, q6_k_piece, NONE_AT)

/* ---- the rest of a block; each for every position of a batch ---- */

/* The words of a batch, which stand in memory so that the arguments of a token's kernels are those of the next one's too: WRONG, the first of them, is the lowest
 * LAYER × 256 + b of what is not finite, and this one its first position. */
#define FIRST 1

DEVICE float group_sum(LOCAL float *sums, float mine)
{
    BARRIER;
    sums[LANE] = mine;
    BARRIER;
    for (uint half_group = GROUP_ITEMS / 2; half_group > 0; half_group /= 2) {
        if (LANE < half_group)
            sums[LANE] += sums[LANE + half_group];
        BARRIER;
    }
    return sums[0];
}

DEVICE float group_most(LOCAL float *most, float mine)
{
    BARRIER;
    most[LANE] = mine;
    BARRIER;
    for (uint half_group = GROUP_ITEMS / 2; half_group > 0; half_group /= 2) {
        if (LANE < half_group)
            most[LANE] = fmax(most[LANE], most[LANE + half_group]);
        BARRIER;
    }
    return most[0];
}

/* Without branches, which would keep loads of the next ones waiting. */
DEVICE bool all_finite(FOUR a)
{
    return isfinite(a.x) & isfinite(a.y) & isfinite(a.z) & isfinite(a.w);
}

/* OUT[b] = X[b] / sqrt(mean of its squares + EPSILON) × WEIGHT. A group a position. What is not finite is noted: the lowest LAYER × 256 + b. */
KERNEL norm_rows(GLOBAL const float *x, ulong x_at, GLOBAL const float *weight, uint count, float epsilon, GLOBAL float *out, uint layer,
            GLOBAL uint *wrong)
{
    SHARED float sums[GROUP_ITEMS];
    GLOBAL const float *mine = x + x_at + (ulong)GROUP * count;
    GLOBAL float *to = out + (ulong)GROUP * count;
    uint fours = count % 4 == 0 ? count / 4 : 0; /* else rows do not begin where four can be loaded */
    float sum = 0;
    bool well = true;
    UNROLL for (uint i = LANE; i < fours; i += GROUP_ITEMS)
    {
        FOUR a = LOAD_FOUR(mine + 4 * i);
        sum += a.x * a.x + a.y * a.y + (a.z * a.z + a.w * a.w);
        well = well & all_finite(a);
    }
    for (uint i = 4 * fours + LANE; i < count; i += GROUP_ITEMS) {
        sum += mine[i] * mine[i];
        well = well && isfinite(mine[i]);
    }
    if (!well)
        LOWEST(wrong, layer << 8 | ((uint)(x_at / count) + GROUP));
    float scale = 1 / sqrt(group_sum(sums, sum) / (float)count + epsilon);
    UNROLL for (uint i = LANE; i < fours; i += GROUP_ITEMS)
    {
        FOUR a = LOAD_FOUR(mine + 4 * i), w = LOAD_FOUR(weight + 4 * i);
        a.x = a.x * scale * w.x, a.y = a.y * scale * w.y, a.z = a.z * scale * w.z, a.w = a.w * scale * w.w;
        STORE_FOUR(a, to + 4 * i);
    }
    for (uint i = 4 * fours + LANE; i < count; i += GROUP_ITEMS)
        to[i] = mine[i] * scale * weight[i];
}

/* Notes what is not finite among COUNT values of each position from FIRST on (GROUP_Y). Each group looks at LOOKED of them: logits are so many that one would look for longer than a card
 * takes to compute them. */
KERNEL look_at(GLOBAL const float *x, uint count, uint first, uint layer, GLOBAL uint *wrong)
{
    bool well = true;
    for (uint n = 0; n < LOOKED / GROUP_ITEMS; n++) {
        uint i = GROUP * LOOKED + n * GROUP_ITEMS + LANE;
        if (i < count)
            well = well & isfinite(x[(ulong)GROUP_Y * count + i]);
    }
    if (!well)
        LOWEST(wrong, layer << 8 | (first + GROUP_Y));
}

/* Element I of heads of LENGTH elements each, its pair turned by TURN: cosines and sines of PAIRS pairs. */
DEVICE float turned(GLOBAL const float *from, GLOBAL const float *turn, uint i, uint length, uint pairs, uint halves)
{
    uint at = i % length, base = i - at, pair = halves ? at % pairs : at / 2;
    bool second = halves ? at >= pairs : at % 2;
    uint a = base + (halves ? pair : 2 * pair), b = base + (halves ? pair + pairs : 2 * pair + 1);
    if (at >= 2 * pairs)
        return from[i];
    float c = turn[2 * pair], s = turn[2 * pair + 1];
    return second ? from[a] * s + from[b] * c : from[a] * c - from[b] * s;
}

/* What attention wants of position FIRST + b (GROUP_Y): its queries turned, its keys turned into the cache, and its values into the cache. An item an element of the three. */
KERNEL place_heads(GLOBAL const float *queries, GLOBAL const float *keys, GLOBAL const float *values, GLOBAL const float *turns,
            uint heads, uint heads_kv, uint key_length, uint value_length, uint pairs, uint halves, GLOBAL const uint *words,
            GLOBAL float *turned_queries, GLOBAL float *kept_keys, GLOBAL float *kept_values)
{
    uint first = words[FIRST];
    uint i = GROUP * GROUP_ITEMS + LANE, b = GROUP_Y, of_queries = heads * key_length, of_keys = heads_kv * key_length;
    uint of_values = heads_kv * value_length;
    GLOBAL const float *turn = turns + (ulong)(first + b) * pairs * 2;
    if (i < of_queries) {
        turned_queries[(ulong)b * of_queries + i] = turned(queries + (ulong)b * of_queries, turn, i, key_length, pairs, halves);
    } else if (i - of_queries < of_keys) {
        i -= of_queries;
        kept_keys[(ulong)(first + b) * of_keys + i] = turned(keys + (ulong)b * of_keys, turn, i, key_length, pairs, halves);
    } else if (i - of_queries - of_keys < of_values) {
        i -= of_queries + of_keys;
        kept_values[(ulong)(first + b) * of_values + i] = values[(ulong)b * of_values + i];
    }
}

/* Loops that are unrolled count by one: of those that count by more, compilers for a card do not know where they end, and let each load wait for the one before.
 *
 * QUERY times KEY. */
DEVICE float key_product(GLOBAL const float *query, GLOBAL const float *key, uint length)
{
    float product = 0;
    if (length % 4 == 0)
        UNROLL_FAR for (uint i = 0; i < length / 4; i++)
        {
            FOUR q = LOAD_FOUR(query + 4 * i), k = LOAD_FOUR(key + 4 * i);
            product = MULTIPLY_ADD(q.x, k.x, product), product = MULTIPLY_ADD(q.y, k.y, product);
            product = MULTIPLY_ADD(q.z, k.z, product), product = MULTIPLY_ADD(q.w, k.w, product);
        }
    else
        for (uint i = 0; i < length; i++)
            product = MULTIPLY_ADD(query[i], key[i], product);
    return product;
}

/* OUT[b][head] = the values of positions 0 to FIRST + b, weighted by softmax(query times key × SCALE). A group a head (GROUP) and position (GROUP_Y). SCORES has room
 * for CONTEXT of each. The values are added up by as many items as there are for every fourth element, or every one; each adds every PARTSth position, and these sums are added in order. */
KERNEL attend(GLOBAL const float *queries, GLOBAL const float *keys, GLOBAL const float *values, uint heads,
              uint heads_kv, uint key_length, uint value_length, GLOBAL const uint *words, uint context, float scale,
              GLOBAL float *scores, GLOBAL float *out)
{
    SHARED float local_values[4 * GROUP_ITEMS];
    uint head = GROUP, b = GROUP_Y, kv = head / (heads / heads_kv), first = words[FIRST], count = first + b + 1;
    GLOBAL const float *query = queries + ((ulong)b * heads + head) * key_length;
    GLOBAL float *score = scores + ((ulong)b * heads + head) * context;
    float most = LEAST, sum = 0;
    for (uint t = LANE; t < count; t += GROUP_ITEMS) {
        score[t] = key_product(query, keys + ((ulong)t * heads_kv + kv) * key_length, key_length) * scale;
        most = fmax(most, score[t]);
    }
    most = group_most(local_values, most);
    for (uint t = LANE; t < count; t += GROUP_ITEMS) {
        score[t] = exp(score[t] - most);
        sum += score[t];
    }
    sum = group_sum(local_values, sum);
    uint width = value_length % 4 == 0 ? 4 : 1, places = value_length / width;
    uint at_once = places < GROUP_ITEMS ? places : GROUP_ITEMS, parts = GROUP_ITEMS / at_once, part = LANE / at_once;
    for (uint base = 0; base < places; base += at_once) {
        uint i = base + LANE % at_once;
        bool takes_part = part < parts && i < places;
        GLOBAL const float *value = values + (ulong)kv * value_length + i * width;
        ulong step = (ulong)heads_kv * value_length;
        float x = 0, y = 0, z = 0, w = 0;
        if (takes_part && width == 4)
            UNROLL for (uint n = 0; n < (count + parts - 1 - part) / parts; n++)
            {
                uint t = part + n * parts;
                FOUR v = LOAD_FOUR(value + t * step);
                x = MULTIPLY_ADD(score[t], v.x, x), y = MULTIPLY_ADD(score[t], v.y, y);
                z = MULTIPLY_ADD(score[t], v.z, z), w = MULTIPLY_ADD(score[t], v.w, w);
            }
        else if (takes_part)
            for (uint t = part; t < count; t += parts)
                x = MULTIPLY_ADD(score[t], value[t * step], x);
        BARRIER;
        local_values[4 * LANE] = x, local_values[4 * LANE + 1] = y;
        local_values[4 * LANE + 2] = z, local_values[4 * LANE + 3] = w;
        BARRIER;
        for (uint j = 0; part == 0 && i < places && j < width; j++) {
            float total = 0;
            for (uint k = 0; k < parts; k++)
                total += local_values[4 * (LANE + k * at_once) + j];
            out[((ulong)b * heads + head) * value_length + i * width + j] = total / sum;
        }
    }
}

/* GATE = silu(GATE) × UP, COUNT values. */
KERNEL gate_values(GLOBAL float *gates, GLOBAL const float *up, uint count)
{
    uint i = GROUP * GROUP_ITEMS + LANE;
    if (i < count)
        gates[i] = gated(gates[i], up[i]);
}

/* Adds up COUNT fours of words, so that the time which reading takes can be told. */
KERNEL read_words(GLOBAL const uint4 *words, uint count, GLOBAL uint *out)
{
    uint sum = 0;
    for (uint i = GROUP * GROUP_ITEMS + LANE; i < count; i += GROUPS * GROUP_ITEMS)
        sum += words[i].x + words[i].y + words[i].z + words[i].w;
    LOWEST(out, sum);
}
