/* The weights of a network on a device, and its memory there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "infer/elementary.h"
#include "infer/gpu_network.h"
#include "infer/layers.h"

#define STAGE ((size_t)16 * 1024 * 1024) /* bytes of weights on their way at a time */
#define LENGTH_LIMIT                                                                                                   \
    (1u << 27) /* of rows and columns: kernels count a batch of them, their bytes, and three matrices in 32 bits */

static const char *const kernel_names[MM_GPU_KERNELS] = {"norm_rows", "look_at",     "place_heads",
                                                         "attend",    "gate_values", "read_words"};

/* ---- what it takes ---- */

/* The elements of a part of scratch memory. */
static uint64_t scratch_elements(const struct mm_llama *llama, uint64_t context, enum mm_gpu_scratch which)
{
    const uint32_t *n = llama->numbers;
    uint64_t heads = n[MM_LLAMA_HEAD_COUNT], groups = n[MM_LLAMA_HEAD_COUNT_KV], elements = 0;
    uint64_t each = 0, times = MM_GPU_BATCH;
    switch (which) {
    case MM_GPU_STREAM:
    case MM_GPU_NORMED: each = n[MM_LLAMA_EMBEDDING_LENGTH]; break;
    case MM_GPU_QUERIES:
    case MM_GPU_TURNED: times *= heads, each = n[MM_LLAMA_KEY_LENGTH]; break;
    case MM_GPU_KEYS: times *= groups, each = n[MM_LLAMA_KEY_LENGTH]; break;
    case MM_GPU_VALUES: times *= groups, each = n[MM_LLAMA_VALUE_LENGTH]; break;
    case MM_GPU_ATTENDED: times *= heads, each = n[MM_LLAMA_VALUE_LENGTH]; break;
    case MM_GPU_GATES:
    case MM_GPU_UPS: each = n[MM_LLAMA_FEED_FORWARD_LENGTH]; break;
    case MM_GPU_SCORES: times *= heads, each = context; break;
    case MM_GPU_TURNS: times = context, each = n[MM_LLAMA_ROPE_DIMENSIONS]; break;
    case MM_GPU_LOGITS: each = n[MM_LLAMA_VOCAB_SIZE]; break;
    default: each = sizeof(struct mm_gpu_words) / sizeof(float), times = 1;
    }
    return mm_mul(times, each, &elements) ? elements : UINT64_MAX;
}

static bool add_matrix(uint64_t *sum, const struct mm_matrix *matrix)
{
    return mm_add_product(sum, matrix->bytes ? matrix->rows : 0, matrix->row_bytes, 1);
}

/* A part of a block: the matrix, and its bias or NULL. */
static const struct mm_matrix *part_of(const struct mm_network_block *block, enum mm_gpu_part part, const float **bias)
{
    const struct {
        const struct mm_matrix *matrix;
        const float *bias;
    } parts[MM_GPU_PARTS] = {
        [MM_GPU_QUERY] = {&block->query, block->query_bias},
        [MM_GPU_KEY] = {&block->key, block->key_bias},
        [MM_GPU_VALUE] = {&block->value, block->value_bias},
        [MM_GPU_ATTENTION_OUT] = {&block->attention_out, block->attention_out_bias},
        [MM_GPU_GATE_UP] = {&block->gate, block->gate_bias},
        [MM_GPU_UP] = {&block->up, block->up_bias},
        [MM_GPU_DOWN] = {&block->down, block->down_bias},
    };
    *bias = parts[part].bias;
    return parts[part].matrix;
}

uint64_t mm_gpu_memory(const struct mm_network *network, uint64_t context)
{
    const uint32_t *n = network->llama.numbers;
    uint64_t bytes = 0, blocks = n[MM_LLAMA_BLOCK_COUNT], norms;
    uint64_t cached = (uint64_t)n[MM_LLAMA_KEY_LENGTH] + n[MM_LLAMA_VALUE_LENGTH], positions;
    bool told = add_matrix(&bytes, &network->output) && mm_mul(context, n[MM_LLAMA_HEAD_COUNT_KV], &positions) &&
                mm_mul(positions, sizeof(float), &positions) && mm_add_product(&bytes, blocks, cached, positions);
    told = told && mm_mul(2 * blocks + 1, n[MM_LLAMA_EMBEDDING_LENGTH], &norms) &&
           mm_add_product(&bytes, norms, sizeof(float), 1);
    for (uint64_t i = 0; told && i < blocks; i++)
        for (int part = 0; told && part < MM_GPU_PARTS; part++) {
            const float *bias;
            const struct mm_matrix *matrix = part_of(&network->blocks[i], (enum mm_gpu_part)part, &bias);
            told = add_matrix(&bytes, matrix) && (!bias || mm_add_product(&bytes, matrix->rows, sizeof(float), 1));
        }
    for (int i = 0; told && i < MM_GPU_SCRATCH; i++) {
        uint64_t elements = scratch_elements(&network->llama, context, (enum mm_gpu_scratch)i);
        told = elements < UINT64_MAX && mm_add_product(&bytes, elements, sizeof(float), 1);
    }
    return told ? bytes : UINT64_MAX;
}

/* ---- onto the device ---- */

int mm_gpu_allocate(struct mm_gpu_network *d, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags)
{
    if (d->gpu->device.largest > 0 && bytes > d->gpu->device.largest)
        return mm_diag(diags, MM_RULE_INFER_MEMORY,
                       "%s: one allocation may have %" PRIu64 " bytes, the model needs one of %" PRIu64,
                       d->gpu->device.name, d->gpu->device.largest, bytes);
    return d->dialect->allocate(d->gpu, bytes, memory, diags);
}

static int place(struct mm_gpu_network *d, const void *bytes, uint64_t length, union mm_gpu_memory *memory,
                 struct mm_diags *diags)
{
    if (mm_gpu_allocate(d, length, memory, diags) < 0)
        return -1;
    for (uint64_t at = 0; at < length;) {
        size_t now = length - at < STAGE ? (size_t)(length - at) : STAGE;
        if (d->dialect->write(d->gpu, *memory, at, (const unsigned char *)bytes + at, now, diags) < 0)
            return -1;
        at += now;
    }
    return 0;
}

static void *find_product(struct mm_gpu_network *d, const char *kind, int dtype, struct mm_diags *diags)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", kind, mm_dtypes[dtype].name);
    return d->dialect->kernel(d->gpu, name, diags);
}

/* The kernels of products with a dtype. */
static int find_products(struct mm_gpu_network *d, int dtype, struct mm_diags *diags)
{
    if (d->one[dtype])
        return 0;
    return (d->one[dtype] = find_product(d, "multiply", dtype, diags)) &&
                   (d->gated[dtype] = find_product(d, "multiply_gated", dtype, diags)) &&
                   (d->many[dtype] = find_product(d, "multiply_many", dtype, diags))
               ? 0
               : -1;
}

static int place_matrix(struct mm_gpu_network *d, const struct mm_matrix *matrix, const float *bias,
                        struct mm_gpu_placed *out, struct mm_diags *diags)
{
    out->matrix = matrix;
    out->has_bias = bias;
    if (matrix->rows >= LENGTH_LIMIT || matrix->columns >= LENGTH_LIMIT)
        return mm_diag(diags, MM_RULE_IO_LIMIT,
                       "expected a matrix of fewer than %u rows and columns for a device, found %" PRIu64
                       " of %" PRIu64,
                       LENGTH_LIMIT, matrix->rows, matrix->columns);
    return find_products(d, matrix->dtype, diags) < 0 ||
                   place(d, matrix->bytes, matrix->rows * matrix->row_bytes, &out->memory, diags) < 0 ||
                   (bias && place(d, bias, matrix->rows * sizeof *bias, &out->bias, diags) < 0)
               ? -1
               : 0;
}

static int place_block(struct mm_gpu_network *d, const struct mm_network_block *block, struct mm_gpu_block *out,
                       struct mm_diags *diags)
{
    uint64_t norm = d->embedding * sizeof(float), cached = (uint64_t)d->context * d->groups * sizeof(float);
    for (int part = 0; part < MM_GPU_PARTS; part++) {
        const float *bias;
        const struct mm_matrix *matrix = part_of(block, (enum mm_gpu_part)part, &bias);
        if (place_matrix(d, matrix, bias, &out->parts[part], diags) < 0)
            return -1;
    }
    return place(d, block->attention_norm, norm, &out->attention_norm, diags) < 0 ||
                   place(d, block->feed_forward_norm, norm, &out->feed_forward_norm, diags) < 0 ||
                   mm_gpu_allocate(d, cached * d->key, &out->keys, diags) < 0 ||
                   mm_gpu_allocate(d, cached * d->value, &out->values, diags) < 0
               ? -1
               : 0;
}

/* Cosine and sine of every position and pair. */
static int place_turns(struct mm_gpu_network *d, struct mm_diags *diags)
{
    const struct mm_llama *llama = &d->network->llama;
    double cosine, sine;
    float *turns = malloc(d->context * d->pairs * 2 * sizeof *turns);
    if (!turns)
        return mm_diag_memory(diags);
    for (size_t pair = 0; pair < d->pairs; pair++) {
        double frequency = mm_layer_frequency(llama, pair);
        for (size_t position = 0; position < d->context; position++) {
            mm_sine_cosine((double)position * frequency, &sine, &cosine);
            turns[(position * d->pairs + pair) * 2] = (float)cosine;
            turns[(position * d->pairs + pair) * 2 + 1] = (float)sine;
        }
    }
    int result =
        d->dialect->write(d->gpu, d->scratch[MM_GPU_TURNS], 0, turns, d->context * d->pairs * 2 * sizeof *turns, diags);
    free(turns);
    return result;
}

int mm_gpu_place_network(struct mm_gpu_network *d, struct mm_diags *diags)
{
    const struct mm_network *network = d->network;
    for (int i = 0; i < MM_GPU_SCRATCH; i++)
        if (mm_gpu_allocate(d, scratch_elements(&network->llama, d->context, (enum mm_gpu_scratch)i) * sizeof(float),
                            &d->scratch[i], diags) < 0)
            return -1;
    for (int i = 0; i < MM_GPU_KERNELS; i++)
        if (!(d->kernels[i] = d->dialect->kernel(d->gpu, kernel_names[i], diags)))
            return -1;
    for (size_t i = 0; i < d->block_count; i++)
        if (place_block(d, &network->blocks[i], &d->blocks[i], diags) < 0)
            return -1;
    return place_matrix(d, &network->output, NULL, &d->output, diags) < 0 ||
                   place(d, network->output_norm, d->embedding * sizeof(float), &d->output_norm, diags) < 0
               ? -1
               : place_turns(d, diags);
}

static void release_placed(struct mm_gpu_network *d, struct mm_gpu_placed *placed)
{
    d->dialect->release(d->gpu, placed->memory);
    d->dialect->release(d->gpu, placed->bias);
}

void mm_gpu_release_network(struct mm_gpu_network *d)
{
    for (size_t i = 0; d->blocks && i < d->block_count; i++) {
        struct mm_gpu_block *block = &d->blocks[i];
        for (int part = 0; part < MM_GPU_PARTS; part++)
            release_placed(d, &block->parts[part]);
        d->dialect->release(d->gpu, block->attention_norm);
        d->dialect->release(d->gpu, block->feed_forward_norm);
        d->dialect->release(d->gpu, block->keys);
        d->dialect->release(d->gpu, block->values);
    }
    release_placed(d, &d->output);
    d->dialect->release(d->gpu, d->output_norm);
    for (int i = 0; i < MM_GPU_SCRATCH; i++)
        d->dialect->release(d->gpu, d->scratch[i]);
    free(d->blocks);
}
