/* Inference of a llama network on a device, for OpenCL and CUDA alike: opencl.h or cuda.h stands before this text.
 *
 * Weights are as they are stored and become f32 where they are used, as lib/model/dequantize.c has it (GGML's block layouts). Sums are taken in an order that
 * hangs on sizes alone, so that a device gives equal answers to equal questions. */

#define LANES_A_ROW 32                           /* work items that share a row */
#define ROWS_A_GROUP (GROUP_ITEMS / LANES_A_ROW) /* GROUP_ITEMS, of a group, stands before this text: 32, 64 or 128 */
#define MANY 8         /* vectors that one reading of the weights serves */
#define PIECE 8        /* elements that one item takes at a time */

/* ---- eight elements of a row, from 8 × P on ---- */

TABLE float nonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

DEVICE uint word_at(GLOBAL const uchar *at)
{
    return (uint)at[0] | (uint)at[1] << 8 | (uint)at[2] << 16 | (uint)at[3] << 24;
}

DEVICE void f32_piece(GLOBAL const uchar *row, uint p, float *v)
{
    for (uint i = 0; i < PIECE; i++)
        v[i] = ((GLOBAL const float *)row)[p * PIECE + i];
}

DEVICE void f16_piece(GLOBAL const uchar *row, uint p, float *v)
{
    for (uint i = 0; i < PIECE; i++)
        v[i] = HALF_AT(row + 2 * (p * PIECE + i));
}

DEVICE void bf16_piece(GLOBAL const uchar *row, uint p, float *v)
{
    for (uint i = 0; i < PIECE; i++)
        v[i] = as_float((uint)((GLOBAL const ushort *)row)[p * PIECE + i] << 16);
}

DEVICE void q8_0_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 34;
    float d = HALF_AT(block);
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)(signed char)block[2 + p % 4 * 8 + i] * d;
}

/* Four bits of each of eight bytes: the lower halves are the first sixteen elements of 32. */
DEVICE uint nibble(GLOBAL const uchar *bytes, uint p, uint i)
{
    uint byte = bytes[p % 2 * 8 + i];
    return p % 4 < 2 ? byte & 15 : byte >> 4;
}

DEVICE void q4_0_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 18;
    float d = HALF_AT(block);
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)((int)nibble(block + 2, p, i) - 8) * d;
}

DEVICE void q4_1_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 20;
    float d = HALF_AT(block), m = HALF_AT(block + 2);
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)nibble(block + 4, p, i) * d + m;
}

DEVICE void q5_0_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 22;
    float d = HALF_AT(block);
    uint fifth = word_at(block + 2) >> p % 4 * 8;
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)((int)(nibble(block + 6, p, i) | (fifth >> i & 1) << 4) - 16) * d;
}

DEVICE void q5_1_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 24;
    float d = HALF_AT(block), m = HALF_AT(block + 2);
    uint fifth = word_at(block + 4) >> p % 4 * 8;
    for (uint i = 0; i < PIECE; i++)
        v[i] = (float)(nibble(block + 8, p, i) | (fifth >> i & 1) << 4) * d + m;
}

DEVICE void iq4_nl_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 4 * 18;
    float d = HALF_AT(block);
    for (uint i = 0; i < PIECE; i++)
        v[i] = d * nonlinear[nibble(block + 2, p, i)];
}

DEVICE void iq4_xs_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 136;
    uint part = p % 32 / 4, high = (uint)block[2] | (uint)block[3] << 8;
    int scale = (int)((block[4 + part / 2] >> part % 2 * 4 & 15) | (high >> 2 * part & 3) << 4) - 32;
    float d = HALF_AT(block) * (float)scale;
    for (uint i = 0; i < PIECE; i++)
        v[i] = d * nonlinear[nibble(block + 8 + 16 * part, p, i)];
}

DEVICE void q2_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 84;
    uint part = p % 32, scale = block[part / 2];
    float d = HALF_AT(block + 80) * (float)(scale & 15), m = HALF_AT(block + 82) * (float)(scale >> 4);
    for (uint i = 0; i < PIECE; i++)
        v[i] = d * (float)(block[16 + part / 16 * 32 + part % 4 * 8 + i] >> part % 16 / 4 * 2 & 3) - m;
}

DEVICE void q3_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 110;
    uint part = p % 32, s = part / 2;
    uint low = block[96 + s % 8] >> s / 8 * 4 & 15, high = block[104 + s % 4] >> s / 4 * 2 & 3;
    float d = HALF_AT(block + 108) * (float)((int)(low | high << 4) - 32);
    for (uint i = 0; i < PIECE; i++) {
        uint at = part % 4 * 8 + i, quant = block[32 + part / 16 * 32 + at] >> part % 16 / 4 * 2 & 3;
        v[i] = d * (float)((int)quant - (block[at] >> part / 4 & 1 ? 0 : 4));
    }
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

DEVICE void q4_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 144;
    uint s = p % 32 / 4;
    float d = HALF_AT(block) * (float)k_scale(block + 4, s), m = HALF_AT(block + 2) * (float)k_least(block + 4, s);
    for (uint i = 0; i < PIECE; i++)
        v[i] = d * (float)(block[16 + s / 2 * 32 + p % 4 * 8 + i] >> s % 2 * 4 & 15) - m;
}

DEVICE void q5_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 176;
    uint s = p % 32 / 4;
    float d = HALF_AT(block) * (float)k_scale(block + 4, s), m = HALF_AT(block + 2) * (float)k_least(block + 4, s);
    for (uint i = 0; i < PIECE; i++) {
        uint at = p % 4 * 8 + i, low = block[48 + s / 2 * 32 + at] >> s % 2 * 4 & 15;
        v[i] = d * (float)(low | (block[16 + at] >> s & 1) << 4) - m;
    }
}

DEVICE void q6_k_piece(GLOBAL const uchar *row, uint p, float *v)
{
    GLOBAL const uchar *block = row + p / 32 * 210;
    uint part = p % 32, half_block = part / 16, quarter = part % 16 / 4;
    float d = HALF_AT(block + 208) * (float)(signed char)block[192 + part / 2];
    for (uint i = 0; i < PIECE; i++) {
        uint at = part % 4 * 8 + i;
        uint low = block[half_block * 64 + quarter % 2 * 32 + at] >> quarter / 2 * 4 & 15;
        uint high = block[128 + half_block * 32 + at] >> quarter * 2 & 3;
        v[i] = d * (float)((int)(low | high << 4) - 32);
    }
}

/* ---- rows times vectors ---- */

#define WITH_BIAS 1 /* BIAS is added */
#define ONTO 2      /* the product is added to what OUT has */

/* Adds up what the items of each row have, in halves; the first one of a row has the sum then. */
DEVICE float row_sum(LOCAL float *sums, float mine)
{
    uint lane = LANE % LANES_A_ROW;
    sums[LANE] = mine;
    BARRIER;
    for (uint half_row = LANES_A_ROW / 2; half_row > 0; half_row /= 2) {
        if (lane < half_row)
            sums[LANE] += sums[LANE + half_row];
        BARRIER;
    }
    return sums[LANE];
}

DEVICE void put(GLOBAL float *out, float value, GLOBAL const float *bias, uint row, uint flags)
{
    if (flags & WITH_BIAS)
        value += bias[row];
    *out = flags & ONTO ? *out + value : value;
}

/* OUT[b][row] = row times X[b], rows of COLUMNS elements. One vector, or MANY at a time: the group's second number says which. The last elements of a row that do not
 * fill a piece (rows without blocks alone have them) are the first item's. */
#define MULTIPLY(DTYPE, TAIL)                                                                                          \
    KERNEL multiply_##DTYPE(GLOBAL const uchar *rows, ulong row_bytes, uint columns, uint count,                       \
                            GLOBAL const float *x, uint batch, GLOBAL float *out, GLOBAL const float *bias,            \
                            uint flags)                                                                                \
    {                                                                                                                  \
        SHARED float sums[LANES_A_ROW * ROWS_A_GROUP];                                                                  \
        uint row = GROUP * ROWS_A_GROUP + LANE / LANES_A_ROW, kept = row < count ? row : count - 1;                    \
        GLOBAL const uchar *at = rows + row_bytes * kept;                                                              \
        float sum = 0, v[PIECE];                                                                                       \
        for (uint p = LANE % LANES_A_ROW; p < columns / PIECE; p += LANES_A_ROW) {                                     \
            DTYPE##_piece(at, p, v);                                                                                   \
            for (uint i = 0; i < PIECE; i++)                                                                           \
                sum += v[i] * x[p * PIECE + i];                                                                        \
        }                                                                                                              \
        if (LANE % LANES_A_ROW == 0)                                                                                   \
            for (uint i = columns / PIECE * PIECE; i < columns; i++)                                                   \
                sum += TAIL * x[i];                                                                                    \
        sum = row_sum(sums, sum);                                                                                      \
        if (LANE % LANES_A_ROW == 0 && row < count)                                                                    \
            put(out + row, sum, bias, row, flags);                                                                     \
    }                                                                                                                  \
    KERNEL multiply_many_##DTYPE(GLOBAL const uchar *rows, ulong row_bytes, uint columns, uint count,                  \
                                 GLOBAL const float *x, uint batch, GLOBAL float *out, GLOBAL const float *bias,       \
                                 uint flags)                                                                           \
    {                                                                                                                  \
        SHARED float sums[LANES_A_ROW * ROWS_A_GROUP];                                                                  \
        uint row = GROUP * ROWS_A_GROUP + LANE / LANES_A_ROW, kept = row < count ? row : count - 1;                    \
        uint first = GROUP_Y * MANY, last = batch - 1;                                                                 \
        GLOBAL const uchar *at = rows + row_bytes * kept;                                                              \
        float sum[MANY], v[PIECE];                                                                                     \
        for (uint b = 0; b < MANY; b++)                                                                                \
            sum[b] = 0;                                                                                                \
        for (uint p = LANE % LANES_A_ROW; p < columns / PIECE; p += LANES_A_ROW) {                                     \
            DTYPE##_piece(at, p, v);                                                                                   \
            for (uint b = 0; b < MANY; b++) {                                                                          \
                GLOBAL const float *xb = x + (ulong)(first + b < last ? first + b : last) * columns;                   \
                for (uint i = 0; i < PIECE; i++)                                                                       \
                    sum[b] += v[i] * xb[p * PIECE + i];                                                                \
            }                                                                                                          \
        }                                                                                                              \
        for (uint b = 0; b < MANY; b++) {                                                                              \
            GLOBAL const float *xb = x + (ulong)(first + b < last ? first + b : last) * columns;                       \
            if (LANE % LANES_A_ROW == 0)                                                                               \
                for (uint i = columns / PIECE * PIECE; i < columns; i++)                                               \
                    sum[b] += TAIL * xb[i];                                                                            \
            BARRIER;                                                                                                   \
            float whole = row_sum(sums, sum[b]);                                                                       \
            if (LANE % LANES_A_ROW == 0 && row < count && first + b <= last)                                           \
                put(out + (ulong)(first + b) * count + row, whole, bias, row, flags);                                  \
        }                                                                                                              \
    }

#define F32_AT ((GLOBAL const float *)at)[i]
#define F16_AT HALF_AT(at + 2 * i)
#define BF16_AT as_float((uint)((GLOBAL const ushort *)at)[i] << 16)
MULTIPLY(f32, F32_AT)
MULTIPLY(f16, F16_AT)
MULTIPLY(bf16, BF16_AT)
MULTIPLY(q8_0, 0)
MULTIPLY(q4_0, 0)
MULTIPLY(q4_1, 0)
MULTIPLY(q5_0, 0)
MULTIPLY(q5_1, 0)
MULTIPLY(iq4_nl, 0)
MULTIPLY(iq4_xs, 0)
MULTIPLY(q2_k, 0)
MULTIPLY(q3_k, 0)
MULTIPLY(q4_k, 0)
MULTIPLY(q5_k, 0)
MULTIPLY(q6_k, 0)

/* ---- the rest of a block; each for every position of a batch ---- */

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

/* OUT[b] = X[b] / sqrt(mean of its squares + EPSILON) × WEIGHT. A group a position. What is not finite is noted: the lowest LAYER × 256 + b. */
KERNEL norm_rows(GLOBAL const float *x, ulong x_at, GLOBAL const float *weight, uint count, float epsilon, GLOBAL float *out, uint layer,
            GLOBAL uint *wrong)
{
    SHARED float sums[GROUP_ITEMS];
    GLOBAL const float *mine = x + x_at + (ulong)GROUP * count;
    float sum = 0;
    for (uint i = LANE; i < count; i += GROUP_ITEMS) {
        sum += mine[i] * mine[i];
        if (!isfinite(mine[i]))
            LOWEST(wrong, layer << 8 | ((uint)(x_at / count) + GROUP));
    }
    float scale = 1 / sqrt(group_sum(sums, sum) / (float)count + epsilon);
    for (uint i = LANE; i < count; i += GROUP_ITEMS)
        out[(ulong)GROUP * count + i] = mine[i] * scale * weight[i];
}

/* Notes what is not finite among COUNT values of each position from FIRST on. */
KERNEL look_at(GLOBAL const float *x, uint count, uint first, uint layer, GLOBAL uint *wrong)
{
    for (uint i = LANE; i < count; i += GROUP_ITEMS)
        if (!isfinite(x[(ulong)GROUP * count + i]))
            LOWEST(wrong, layer << 8 | (first + GROUP));
}

/* OUT[OUT_FIRST + b] = X[b], the pairs of its HEADS heads turned: cosines and sines of position FIRST + b stand in TURNS, PAIRS of them. A group a position. */
KERNEL turn_pairs(GLOBAL const float *x, GLOBAL const float *turns, uint heads, uint length, uint pairs, uint halves,
              uint first, GLOBAL float *out, uint out_first)
{
    GLOBAL const float *turn = turns + (ulong)(first + GROUP) * pairs * 2;
    GLOBAL const float *from = x + (ulong)GROUP * heads * length;
    GLOBAL float *to = out + (ulong)(out_first + GROUP) * heads * length;
    for (uint i = LANE; i < heads * length; i += GROUP_ITEMS) {
        uint at = i % length, base = i - at, pair = halves ? at % pairs : at / 2;
        bool turns_here = at < 2 * pairs, second = halves ? at >= pairs : at % 2;
        uint a = base + (halves ? pair : 2 * pair), b = base + (halves ? pair + pairs : 2 * pair + 1);
        float value = from[i];
        if (turns_here) {
            float c = turn[2 * pair], s = turn[2 * pair + 1];
            value = second ? from[a] * s + from[b] * c : from[a] * c - from[b] * s;
        }
        to[i] = value;
    }
}

/* Copies COUNT values of each position into the cache. */
KERNEL keep_values(GLOBAL const float *x, uint count, GLOBAL float *out, uint out_first)
{
    for (uint i = LANE; i < count; i += GROUP_ITEMS)
        out[(ulong)(out_first + GROUP) * count + i] = x[(ulong)GROUP * count + i];
}

/* OUT[b][head] = the values of positions 0 to FIRST + b, weighted by softmax(query times key × SCALE). A group a head (GROUP) and position (GROUP_Y). SCORES has room
 * for CONTEXT of each. */
KERNEL attend(GLOBAL const float *queries, GLOBAL const float *keys, GLOBAL const float *values, uint heads,
              uint heads_kv, uint key_length, uint value_length, uint first, uint context, float scale,
              GLOBAL float *scores, GLOBAL float *out)
{
    SHARED float local_values[GROUP_ITEMS];
    uint head = GROUP, b = GROUP_Y, kv = head / (heads / heads_kv), count = first + b + 1;
    GLOBAL const float *query = queries + ((ulong)b * heads + head) * key_length;
    GLOBAL float *score = scores + ((ulong)b * heads + head) * context;
    float most = LEAST, sum = 0;
    for (uint t = LANE; t < count; t += GROUP_ITEMS) {
        GLOBAL const float *key = keys + ((ulong)t * heads_kv + kv) * key_length;
        float product = 0;
        for (uint i = 0; i < key_length; i++)
            product += query[i] * key[i];
        score[t] = product * scale;
        most = fmax(most, score[t]);
    }
    most = group_most(local_values, most);
    for (uint t = LANE; t < count; t += GROUP_ITEMS) {
        score[t] = exp(score[t] - most);
        sum += score[t];
    }
    sum = group_sum(local_values, sum);
    for (uint i = LANE; i < value_length; i += GROUP_ITEMS) {
        float total = 0;
        for (uint t = 0; t < count; t++)
            total += score[t] * values[((ulong)t * heads_kv + kv) * value_length + i];
        out[((ulong)b * heads + head) * value_length + i] = total / sum;
    }
}

/* GATE = silu(GATE) × UP, COUNT values. */
KERNEL gate_values(GLOBAL float *gates, GLOBAL const float *up, uint count)
{
    uint i = GROUP * GROUP_ITEMS + LANE;
    if (i < count)
        gates[i] = gates[i] / (1 + exp(-gates[i])) * up[i];
}

/* Adds up COUNT fours of words, so that the time which reading takes can be told. */
KERNEL read_words(GLOBAL const uint4 *words, uint count, GLOBAL uint *out)
{
    uint sum = 0;
    for (uint i = GROUP * GROUP_ITEMS + LANE; i < count; i += GROUPS * GROUP_ITEMS)
        sum += words[i].x + words[i].y + words[i].z + words[i].w;
    LOWEST(out, sum);
}
