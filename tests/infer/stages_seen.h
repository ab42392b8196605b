/* What the stages between products, and the elementary functions, make of numbers that follow from a seed, as one hash: equal on every processor. */
#ifndef MM_TESTS_STAGES_SEEN_H
#define MM_TESTS_STAGES_SEEN_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "infer/elementary.h"
#include "infer/stages.h"

struct stages_shape {
    size_t heads, positions, key, value;
};

static const struct stages_shape stages_shapes[] = {
    {1, 1, 2, 1},   {2, 15, 8, 8},   {3, 16, 10, 16},  {1, 17, 64, 23},
    {4, 63, 6, 64}, {2, 64, 64, 64}, {1, 200, 80, 80}, {2, 129, 128, 130},
};

static inline float stages_number(uint64_t *state, float spread)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*state >> 32) / 2147483648.0f * spread;
}

/* Fills arrays for SHAPE; ATTENTION points into the memory that is returned, which the caller frees. NULL where memory lacks. */
static inline float *stages_attention(const struct stages_shape *shape, uint64_t seed, struct mm_attention *attention)
{
    size_t room = (shape->positions + MM_STAGE_LANES - 1) / MM_STAGE_LANES * MM_STAGE_LANES;
    size_t stride = (shape->value + MM_STAGE_LANES - 1) / MM_STAGE_LANES * MM_STAGE_LANES;
    size_t queries = shape->heads * shape->key, keys = room * shape->key, values = shape->positions * stride;
    float *memory = calloc(queries + keys + values + shape->heads * (room + shape->value), sizeof *memory);
    if (!memory)
        return NULL;
    for (size_t i = 0; i < queries + keys; i++)
        memory[i] = stages_number(&seed, 2);
    for (size_t i = 0; i < values; i++)
        if (i % stride < shape->value)
            memory[queries + keys + i] = stages_number(&seed, 1);
    *attention = (struct mm_attention){.queries = memory,
                                       .keys = memory + queries,
                                       .values = memory + queries + keys,
                                       .heads = shape->heads,
                                       .positions = shape->positions,
                                       .key_length = shape->key,
                                       .value_length = shape->value,
                                       .value_stride = stride,
                                       .scale = 0.7f,
                                       .scores = memory + queries + keys + values,
                                       .out = memory + queries + keys + values + shape->heads * room};
    return memory;
}

static inline void stages_add(uint64_t *hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        *hash = (*hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
}

static inline uint64_t stages_hash(const struct mm_stages *stages)
{
    uint64_t hash = 0xcbf29ce484222325u, state = 5;
    float gate[1000], up[1000];
    for (size_t i = 0; i < sizeof stages_shapes / sizeof *stages_shapes; i++) {
        struct mm_attention attention;
        float *memory = stages_attention(&stages_shapes[i], i, &attention);
        if (!memory)
            return 0;
        stages->attend(&attention);
        stages_add(&hash, attention.out, attention.heads * attention.value_length * sizeof(float));
        free(memory);
    }
    for (size_t i = 0; i < 1000; i++) {
        gate[i] = stages_number(&state, i < 500 ? 10 : 200);
        up[i] = stages_number(&state, 3);
    }
    stages->gate(gate, up, 1000);
    stages_add(&hash, gate, sizeof gate);
    for (int i = 0; i < 2000; i++) {
        double found[4] = {mm_exponential(i * 0.05 - 50), mm_natural_logarithm(i * 37.7 + 0.001)};
        mm_sine_cosine(i * 1.37 * i, &found[2], &found[3]);
        stages_add(&hash, found, sizeof found);
    }
    return hash;
}

#endif
