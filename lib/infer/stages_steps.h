/* The functions of stages.h, for the instruction set that the including file is compiled for. It defines SET, the
 * name of its struct mm_stages, and NAME; without them they are those of plain C. */
#include <stdint.h>
#include <string.h>

#include "infer/stages.h"

#ifndef NAME
#define SET mm_stages_portable
#define NAME "portable"
#endif

/* No alignment is asked for; vectors are passed by address, as compilers differ in how they pass large ones. */
typedef float vector __attribute__((vector_size(4 * MM_STAGE_LANES), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(4 * MM_STAGE_LANES), aligned(4), may_alias));
typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t quad_bits __attribute__((vector_size(16), aligned(4), may_alias));

#define TILE 4 /* vectors in hand at once, so that additions need not wait for each other */

/* e to the X, to 2 units in the last place; below -87 and above 88 as there. NaN stays. n = x / ln 2 rounded to a whole number by
 * adding 1.5 × 2^23, e^r for |r| <= ln 2 / 2 by the first terms of its series, 2^n by its bits. */
static inline void exponential(vector *x)
{
    const float round = 12582912.0f;
    const bits low = *x<-87.0f, high = *x> 88.0f;
    const vector lowest = (vector){0} - 87.0f, highest = (vector){0} + 88.0f;
    bits clamped = ((bits)*x & ~low & ~high) | ((bits)lowest & low) | ((bits)highest & high);
    vector from = (vector)clamped, shifted = from * 1.44269504f + round, n = shifted - round;
    vector r = (from - n * 0.693359375f) + n * 2.12194440e-4f;
    vector sum = r * (1.0f / 5040) + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    bits power = ((bits)shifted - 0x4B400000 + 127) << 23;
    *x = sum * (vector)power;
}

/* The sixteen lanes, added in pairs that lie half the rest apart. */
static inline float fold(const vector *lanes)
{
    const quad *four = (const quad *)lanes;
    quad sums = (four[0] + four[2]) + (four[1] + four[3]);
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

static inline quad larger(quad a, quad b)
{
    quad_bits above = a > b;
    return (quad)(((quad_bits)a & above) | ((quad_bits)b & ~above));
}

static inline float largest_of(const vector *lanes)
{
    const quad *four = (const quad *)lanes;
    quad most = larger(larger(four[0], four[1]), larger(four[2], four[3]));
    float one = most[0] > most[1] ? most[0] : most[1], other = most[2] > most[3] ? most[2] : most[3];
    return one > other ? one : other;
}

/* Scores of COUNT sixteens of positions from KEYS on, for one head. */
static inline __attribute__((always_inline)) void score(const float *query, const float *keys, size_t length,
                                                        float scale, float *scores, int count)
{
    vector sums[TILE] = {0};
    for (size_t i = 0; i < length; i++)
#pragma GCC unroll 4
        for (int j = 0; j < count; j++)
            sums[j] += *(const vector *)&keys[((size_t)j * length + i) * MM_STAGE_LANES] * query[i];
#pragma GCC unroll 4
    for (int j = 0; j < count; j++)
        *(vector *)&scores[j * MM_STAGE_LANES] = sums[j] * scale;
}

/* Keys are read once for all heads. */
static void score_all(const struct mm_attention *a, size_t sixteens)
{
    size_t length = a->key_length, stride = sixteens * MM_STAGE_LANES, at = 0;
    for (; at + TILE <= sixteens; at += TILE)
        for (size_t head = 0; head < a->heads; head++)
            score(a->queries + head * length, a->keys + at * MM_STAGE_LANES * length, length, a->scale,
                  a->scores + head * stride + at * MM_STAGE_LANES, TILE);
    for (; at < sixteens; at++)
        for (size_t head = 0; head < a->heads; head++)
            score(a->queries + head * length, a->keys + at * MM_STAGE_LANES * length, length, a->scale,
                  a->scores + head * stride + at * MM_STAGE_LANES, 1);
}

/* Turns scores into e to their distance from the largest, and returns the sum. A score that is NaN makes the sum NaN. */
static float weigh(float *scores, size_t positions, size_t sixteens)
{
    vector largest, sum = {0};
    float most;
    for (size_t i = positions; i < sixteens * MM_STAGE_LANES; i++)
        scores[i] = scores[0];
    memcpy(&largest, scores, sizeof largest);
    for (size_t i = 1; i < sixteens; i++) {
        vector next = *(const vector *)&scores[i * MM_STAGE_LANES];
        bits larger = next > largest;
        largest = (vector)(((bits)next & larger) | ((bits)largest & ~larger));
    }
    most = largest_of(&largest);
    for (size_t i = 0; i < sixteens; i++) {
        vector weight = *(const vector *)&scores[i * MM_STAGE_LANES] - most;
        exponential(&weight);
        *(vector *)&scores[i * MM_STAGE_LANES] = weight;
        if (i + 1 == sixteens)
            for (size_t j = positions; j < sixteens * MM_STAGE_LANES; j++)
                scores[j] = 0;
        sum += *(const vector *)&scores[i * MM_STAGE_LANES];
    }
    return fold(&sum);
}

/* The weighed values of TILE sixteens of elements from VALUES on, for one head. */
static void mix_tile(const struct mm_attention *a, const float *values, const float *weights, float sum, float *out)
{
    vector mixed[TILE] = {0};
    for (size_t i = 0; i < a->positions; i++)
#pragma GCC unroll 4
        for (int j = 0; j < TILE; j++)
            mixed[j] += *(const vector *)&values[i * a->value_stride + (size_t)j * MM_STAGE_LANES] * weights[i];
#pragma GCC unroll 4
    for (int j = 0; j < TILE; j++)
        *(vector *)&out[j * MM_STAGE_LANES] = mixed[j] / sum;
}

/* One sixteen of elements from VALUES on, of which LENGTH are wanted, for COUNT heads whose WEIGHTS lie STRIDE apart. */
static inline __attribute__((always_inline)) void mix_heads(const struct mm_attention *a, const float *values,
                                                            const float *weights, size_t stride, const float *sums,
                                                            float *out, size_t length, int count)
{
    vector mixed[TILE] = {0};
    for (size_t i = 0; i < a->positions; i++)
#pragma GCC unroll 4
        for (int j = 0; j < count; j++)
            mixed[j] += *(const vector *)&values[i * a->value_stride] * weights[(size_t)j * stride + i];
#pragma GCC unroll 4
    for (int j = 0; j < count; j++) {
        mixed[j] = mixed[j] / sums[j];
        memcpy(out + (size_t)j * a->value_length, &mixed[j], length * sizeof *out);
    }
}

/* COUNT heads from HEAD on, at most TILE, whose weights lie STRIDE apart and add up to SUMS. */
static void mix_all(const struct mm_attention *a, size_t head, size_t count, size_t stride, const float *sums)
{
    const float *weights = a->scores + head * stride;
    float *out = a->out + head * a->value_length;
    size_t at = 0;
    for (; at + TILE * MM_STAGE_LANES <= a->value_length; at += TILE * MM_STAGE_LANES)
        for (size_t j = 0; j < count; j++)
            mix_tile(a, a->values + at, weights + j * stride, sums[j], out + j * a->value_length + at);
    for (; at < a->value_length; at += MM_STAGE_LANES) {
        size_t rest = a->value_length - at, length = rest < MM_STAGE_LANES ? rest : MM_STAGE_LANES, j = 0;
        if (count == TILE)
            mix_heads(a, a->values + at, weights, stride, sums, out + at, length, TILE), j = TILE;
        for (; j + 2 <= count; j += 2)
            mix_heads(a, a->values + at, weights + j * stride, stride, sums + j, out + j * a->value_length + at, length,
                      2);
        if (j < count)
            mix_heads(a, a->values + at, weights + j * stride, stride, sums + j, out + j * a->value_length + at, length,
                      1);
    }
}

static void attend(const struct mm_attention *a)
{
    size_t sixteens = (a->positions + MM_STAGE_LANES - 1) / MM_STAGE_LANES, stride = sixteens * MM_STAGE_LANES;
    score_all(a, sixteens);
    for (size_t head = 0, count; head < a->heads; head += count) {
        float sums[TILE];
        count = a->heads - head < TILE ? a->heads - head : TILE;
        for (size_t j = 0; j < count; j++)
            sums[j] = weigh(a->scores + (head + j) * stride, a->positions, sixteens);
        mix_all(a, head, count, stride, sums);
    }
}

static void gate_all(float *gate, const float *up, size_t count)
{
    for (size_t at = 0; at < count; at += MM_STAGE_LANES) {
        size_t length = count - at < MM_STAGE_LANES ? count - at : MM_STAGE_LANES;
        vector g = {0}, u = {0};
        if (length == MM_STAGE_LANES) {
            g = *(const vector *)&gate[at];
            u = *(const vector *)&up[at];
        } else {
            memcpy(&g, gate + at, length * sizeof *gate);
            memcpy(&u, up + at, length * sizeof *up);
        }
        vector power = -g;
        exponential(&power);
        g = g / (power + 1.0f) * u;
        if (length == MM_STAGE_LANES)
            *(vector *)&gate[at] = g;
        else
            memcpy(gate + at, &g, length * sizeof *gate);
    }
}

const struct mm_stages SET = {.name = NAME, .attend = attend, .gate = gate_all};
