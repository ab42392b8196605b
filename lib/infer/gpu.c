/* A network on a device: what infer/cpu.c computes, in the same order of layers, by the kernels of share/infer. */
#include "infer/gpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "infer/elementary.h"
#include "infer/gpu_parts.h"
#include "infer/layers.h"

#define STAGE ((size_t)16 * 1024 * 1024) /* bytes of weights on their way at a time */
#define MANY 8                           /* vectors of one reading of the weights, as in kernels.cl */
#define LOOKED 1024                      /* values that a group looks at, as there */
#define NONE_WRONG UINT32_MAX
#define LENGTH_LIMIT                                                                                                   \
    (1u << 27) /* of rows and columns: kernels count a batch of them, their bytes, and three matrices in 32 bits */

#define TOGETHER 3 /* matrices of one launch, with one vector */
#define ONTO 8     /* the product is added; below it a bit for each bias */

/* The kernels that are no products. */
enum { NORM, LOOK, PLACE, ATTEND, GATE, READ, KERNELS };
static const char *const kernel_names[KERNELS] = {"norm_rows", "look_at",     "place_heads",
                                                  "attend",    "gate_values", "read_words"};

/* A matrix or vector on the device. */
struct placed {
    const struct mm_matrix *matrix; /* dtype and sizes; NULL for a vector */
    union mm_gpu_memory memory, bias;
    bool has_bias;
};

enum part { QUERY, KEY, VALUE, ATTENTION_OUT, GATE_UP, UP, DOWN, PARTS };

struct block {
    struct placed parts[PARTS];
    union mm_gpu_memory attention_norm, feed_forward_norm, keys, values;
};

/* Memory for MM_GPU_BATCH positions. */
enum scratch {
    STREAM,
    NORMED,
    QUERIES,
    TURNED,
    KEYS,
    VALUES,
    ATTENDED,
    GATES,
    UPS,
    SCORES,
    TURNS,
    LOGITS,
    WORDS, /* of struct words */
    SCRATCH
};

/* What the kernels are told of a batch, and tell. */
struct words {
    uint32_t wrong, first; /* the first position */
};

/* How far it is with recording a token's launches. Drivers load a kernel when it is launched first, which they may not while they record: so the first token is not
 * recorded. */
enum recording { NONE_FED, ONE_FED, TRIED };

struct device {
    struct mm_gpu *gpu;
    const struct mm_gpu_dialect *dialect;
    const struct mm_network *network;
    size_t context, length;
    size_t embedding, feed, heads, groups, key, value, pairs, vocabulary;
    struct block *blocks;
    size_t block_count;
    struct placed output;
    union mm_gpu_memory output_norm, scratch[SCRATCH];
    void *kernels[KERNELS];
    void *one[MM_DTYPE_COUNT], *gated[MM_DTYPE_COUNT], *many[MM_DTYPE_COUNT]; /* products, by dtype */
    float *stream;                                                            /* of a batch, here */
    enum recording recording;
    void *token; /* the launches of one token, as the dialect recorded them; NULL: it does not, or has not yet */
};

/* ---- what it takes ---- */

/* The elements of a part of scratch memory. */
static uint64_t scratch_elements(const struct mm_llama *llama, uint64_t context, enum scratch which)
{
    const uint32_t *n = llama->numbers;
    uint64_t heads = n[MM_LLAMA_HEAD_COUNT], groups = n[MM_LLAMA_HEAD_COUNT_KV], elements = 0;
    uint64_t each = 0, times = MM_GPU_BATCH;
    switch (which) {
    case STREAM:
    case NORMED: each = n[MM_LLAMA_EMBEDDING_LENGTH]; break;
    case QUERIES:
    case TURNED: times *= heads, each = n[MM_LLAMA_KEY_LENGTH]; break;
    case KEYS: times *= groups, each = n[MM_LLAMA_KEY_LENGTH]; break;
    case VALUES: times *= groups, each = n[MM_LLAMA_VALUE_LENGTH]; break;
    case ATTENDED: times *= heads, each = n[MM_LLAMA_VALUE_LENGTH]; break;
    case GATES:
    case UPS: each = n[MM_LLAMA_FEED_FORWARD_LENGTH]; break;
    case SCORES: times *= heads, each = context; break;
    case TURNS: times = context, each = n[MM_LLAMA_ROPE_DIMENSIONS]; break;
    case LOGITS: each = n[MM_LLAMA_VOCAB_SIZE]; break;
    default: each = sizeof(struct words) / sizeof(float), times = 1;
    }
    return mm_mul(times, each, &elements) ? elements : UINT64_MAX;
}

static bool add_matrix(uint64_t *sum, const struct mm_matrix *matrix)
{
    return mm_add_product(sum, matrix->bytes ? matrix->rows : 0, matrix->row_bytes, 1);
}

/* A part of a block: the matrix, and its bias or NULL. */
static const struct mm_matrix *part_of(const struct mm_network_block *block, enum part part, const float **bias)
{
    const struct {
        const struct mm_matrix *matrix;
        const float *bias;
    } parts[PARTS] = {
        [QUERY] = {&block->query, block->query_bias},
        [KEY] = {&block->key, block->key_bias},
        [VALUE] = {&block->value, block->value_bias},
        [ATTENTION_OUT] = {&block->attention_out, block->attention_out_bias},
        [GATE_UP] = {&block->gate, block->gate_bias},
        [UP] = {&block->up, block->up_bias},
        [DOWN] = {&block->down, block->down_bias},
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
        for (int part = 0; told && part < PARTS; part++) {
            const float *bias;
            const struct mm_matrix *matrix = part_of(&network->blocks[i], (enum part)part, &bias);
            told = add_matrix(&bytes, matrix) && (!bias || mm_add_product(&bytes, matrix->rows, sizeof(float), 1));
        }
    for (int i = 0; told && i < SCRATCH; i++) {
        uint64_t elements = scratch_elements(&network->llama, context, (enum scratch)i);
        told = elements < UINT64_MAX && mm_add_product(&bytes, elements, sizeof(float), 1);
    }
    return told ? bytes : UINT64_MAX;
}

/* ---- onto the device ---- */

static int allocate(struct device *d, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags)
{
    if (d->gpu->device.largest > 0 && bytes > d->gpu->device.largest)
        return mm_diag(diags, MM_RULE_INFER_MEMORY,
                       "%s: one allocation may have %" PRIu64 " bytes, the model needs one of %" PRIu64,
                       d->gpu->device.name, d->gpu->device.largest, bytes);
    return d->dialect->allocate(d->gpu, bytes, memory, diags);
}

static int place(struct device *d, const void *bytes, uint64_t length, union mm_gpu_memory *memory,
                 struct mm_diags *diags)
{
    if (allocate(d, length, memory, diags) < 0)
        return -1;
    for (uint64_t at = 0; at < length;) {
        size_t now = length - at < STAGE ? (size_t)(length - at) : STAGE;
        if (d->dialect->write(d->gpu, *memory, at, (const unsigned char *)bytes + at, now, diags) < 0)
            return -1;
        at += now;
    }
    return 0;
}

static void *find_product(struct device *d, const char *kind, int dtype, struct mm_diags *diags)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", kind, mm_dtypes[dtype].name);
    return d->dialect->kernel(d->gpu, name, diags);
}

/* The kernels of products with a dtype. */
static int find_products(struct device *d, int dtype, struct mm_diags *diags)
{
    if (d->one[dtype])
        return 0;
    return (d->one[dtype] = find_product(d, "multiply", dtype, diags)) &&
                   (d->gated[dtype] = find_product(d, "multiply_gated", dtype, diags)) &&
                   (d->many[dtype] = find_product(d, "multiply_many", dtype, diags))
               ? 0
               : -1;
}

static int place_matrix(struct device *d, const struct mm_matrix *matrix, const float *bias, struct placed *out,
                        struct mm_diags *diags)
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

static int place_block(struct device *d, const struct mm_network_block *block, struct block *out,
                       struct mm_diags *diags)
{
    uint64_t norm = d->embedding * sizeof(float), cached = (uint64_t)d->context * d->groups * sizeof(float);
    for (int part = 0; part < PARTS; part++) {
        const float *bias;
        const struct mm_matrix *matrix = part_of(block, (enum part)part, &bias);
        if (place_matrix(d, matrix, bias, &out->parts[part], diags) < 0)
            return -1;
    }
    return place(d, block->attention_norm, norm, &out->attention_norm, diags) < 0 ||
                   place(d, block->feed_forward_norm, norm, &out->feed_forward_norm, diags) < 0 ||
                   allocate(d, cached * d->key, &out->keys, diags) < 0 ||
                   allocate(d, cached * d->value, &out->values, diags) < 0
               ? -1
               : 0;
}

/* Cosine and sine of every position and pair. */
static int place_turns(struct device *d, struct mm_diags *diags)
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
        d->dialect->write(d->gpu, d->scratch[TURNS], 0, turns, d->context * d->pairs * 2 * sizeof *turns, diags);
    free(turns);
    return result;
}

static int place_network(struct device *d, struct mm_diags *diags)
{
    const struct mm_network *network = d->network;
    for (int i = 0; i < SCRATCH; i++)
        if (allocate(d, scratch_elements(&network->llama, d->context, (enum scratch)i) * sizeof(float), &d->scratch[i],
                     diags) < 0)
            return -1;
    for (int i = 0; i < KERNELS; i++)
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

/* ---- work ---- */

#define ARGUMENT(value)                                                                                                \
    {                                                                                                                  \
        &(value), sizeof(value)                                                                                        \
    }
#define LAUNCH(d, kernel, x, y, arguments, diags)                                                                      \
    (d)->dialect->launch((d)->gpu, kernel, (unsigned)(x), (unsigned)(y), arguments,                                    \
                         sizeof(arguments) / sizeof *(arguments), diags)

/* A matrix, and where its products go. */
struct product {
    const struct placed *placed;
    union mm_gpu_memory out;
};

static unsigned groups_of(const struct device *d, uint64_t rows)
{
    uint32_t rows_a_group = d->gpu->items / 32;
    return (unsigned)((rows + rows_a_group - 1) / rows_a_group);
}

/* OUT = the matrix times BATCH vectors at X, or that added to OUT. */
static int multiply_many(struct device *d, const struct product *product, union mm_gpu_memory x, size_t batch,
                         uint32_t flags, struct mm_diags *diags)
{
    const struct placed *placed = product->placed;
    const struct mm_matrix *matrix = placed->matrix;
    uint32_t columns = (uint32_t)matrix->columns, rows = (uint32_t)matrix->rows, vectors = (uint32_t)batch;
    union mm_gpu_memory bias = placed->has_bias ? placed->bias : placed->memory; /* not looked at without the flag */
    flags |= placed->has_bias ? 1 : 0;
    const struct mm_gpu_argument arguments[] = {
        ARGUMENT(placed->memory), ARGUMENT(matrix->row_bytes), ARGUMENT(columns), ARGUMENT(rows), ARGUMENT(x),
        ARGUMENT(vectors),        ARGUMENT(product->out),      ARGUMENT(bias),    ARGUMENT(flags)};
    return LAUNCH(d, d->many[matrix->dtype], groups_of(d, rows), (batch + MANY - 1) / MANY, arguments, diags);
}

/* The COUNT matrices, alike in dtype and columns, times the vector at X: one launch, as each costs more than a small matrix. */
static int multiply_one(struct device *d, const struct product *products, size_t count, union mm_gpu_memory x,
                        uint32_t flags, struct mm_diags *diags)
{
    const struct mm_matrix *matrix = products->placed->matrix;
    union mm_gpu_memory memories[TOGETHER], outs[TOGETHER], biases[TOGETHER];
    uint32_t columns = (uint32_t)matrix->columns, rows[TOGETHER] = {0};
    uint64_t all = 0;
    for (size_t i = 0; i < TOGETHER; i++) {
        const struct placed *placed = products[i < count ? i : 0].placed; /* none is looked at that has no rows */
        memories[i] = placed->memory;
        outs[i] = products[i < count ? i : 0].out;
        biases[i] = placed->has_bias ? placed->bias : placed->memory;
        rows[i] = i < count ? (uint32_t)placed->matrix->rows : 0;
        flags |= placed->has_bias ? 1u << i : 0;
        all += rows[i];
    }
    const struct mm_gpu_argument arguments[] = {
        ARGUMENT(memories[0]), ARGUMENT(memories[1]), ARGUMENT(memories[2]), ARGUMENT(matrix->row_bytes),
        ARGUMENT(columns),     ARGUMENT(rows[0]),     ARGUMENT(rows[1]),     ARGUMENT(rows[2]),
        ARGUMENT(x),           ARGUMENT(outs[0]),     ARGUMENT(outs[1]),     ARGUMENT(outs[2]),
        ARGUMENT(biases[0]),   ARGUMENT(biases[1]),   ARGUMENT(biases[2]),   ARGUMENT(flags)};
    return LAUNCH(d, d->one[matrix->dtype], groups_of(d, all), 1, arguments, diags);
}

/* True if the COUNT matrices can be multiplied together. */
static bool alike(const struct product *products, size_t count)
{
    const struct mm_matrix *first = products->placed->matrix;
    for (size_t i = 1; i < count; i++) {
        const struct mm_matrix *matrix = products[i].placed->matrix;
        if (matrix->dtype != first->dtype || matrix->columns != first->columns)
            return false;
    }
    return true;
}

/* Each of the COUNT products (at most TOGETHER), with BATCH vectors at X; FLAGS: ONTO or 0. */
static int multiply(struct device *d, const struct product *products, size_t count, union mm_gpu_memory x, size_t batch,
                    uint32_t flags, struct mm_diags *diags)
{
    if (batch == 1 && alike(products, count))
        return multiply_one(d, products, count, x, flags, diags);
    for (size_t i = 0; i < count; i++)
        if ((batch == 1 ? multiply_one(d, &products[i], 1, x, flags, diags)
                        : multiply_many(d, &products[i], x, batch, flags, diags)) < 0)
            return -1;
    return 0;
}

/* GATES = silu(gate) × up, of two matrices alike and the one vector that is normed: a launch less, and the vector is read once for both. */
static int multiply_gated(struct device *d, const struct placed *gate, const struct placed *up, struct mm_diags *diags)
{
    const struct mm_matrix *matrix = gate->matrix;
    union mm_gpu_memory bias = gate->has_bias ? gate->bias : gate->memory, /* as above */
        bias_up = up->has_bias ? up->bias : up->memory;
    uint32_t columns = (uint32_t)matrix->columns, rows = (uint32_t)matrix->rows;
    uint32_t flags = (gate->has_bias ? 1u : 0u) | (up->has_bias ? 2u : 0u);
    const struct mm_gpu_argument arguments[] = {ARGUMENT(gate->memory),
                                                ARGUMENT(up->memory),
                                                ARGUMENT(matrix->row_bytes),
                                                ARGUMENT(columns),
                                                ARGUMENT(rows),
                                                ARGUMENT(d->scratch[NORMED]),
                                                ARGUMENT(d->scratch[GATES]),
                                                ARGUMENT(bias),
                                                ARGUMENT(bias_up),
                                                ARGUMENT(flags)};
    return LAUNCH(d, d->gated[matrix->dtype], groups_of(d, rows), 1, arguments, diags);
}

/* NORMED = the normed stream from position FIRST of the batch on; what is not finite in it was LAYER's doing. */
static int normalise(struct device *d, union mm_gpu_memory weights, uint32_t layer, size_t first, size_t batch,
                     struct mm_diags *diags)
{
    uint32_t count = (uint32_t)d->embedding;
    uint64_t at = (uint64_t)first * count;
    const struct mm_gpu_argument arguments[] = {ARGUMENT(d->scratch[STREAM]),
                                                ARGUMENT(at),
                                                ARGUMENT(weights),
                                                ARGUMENT(count),
                                                ARGUMENT(d->network->llama.norm_epsilon),
                                                ARGUMENT(d->scratch[NORMED]),
                                                ARGUMENT(layer),
                                                ARGUMENT(d->scratch[WORDS])};
    return LAUNCH(d, d->kernels[NORM], batch, 1, arguments, diags);
}

static int look(struct device *d, union mm_gpu_memory values, size_t each, uint32_t layer, size_t first, size_t batch,
                struct mm_diags *diags)
{
    uint32_t count = (uint32_t)each, from = (uint32_t)first;
    const struct mm_gpu_argument arguments[] = {ARGUMENT(values), ARGUMENT(count), ARGUMENT(from), ARGUMENT(layer),
                                                ARGUMENT(d->scratch[WORDS])};
    return LAUNCH(d, d->kernels[LOOK], (each + LOOKED - 1) / LOOKED, batch, arguments, diags);
}

/* Queries turned, keys turned and values into the cache. */
static int place_heads(struct device *d, const struct block *block, size_t batch, struct mm_diags *diags)
{
    uint32_t heads = (uint32_t)d->heads, groups = (uint32_t)d->groups, key = (uint32_t)d->key;
    uint32_t value = (uint32_t)d->value, pairs = (uint32_t)d->pairs, halves = d->network->rotates_halves;
    size_t elements = (d->heads + d->groups) * d->key + d->groups * d->value;
    const struct mm_gpu_argument arguments[] = {ARGUMENT(d->scratch[QUERIES]),
                                                ARGUMENT(d->scratch[KEYS]),
                                                ARGUMENT(d->scratch[VALUES]),
                                                ARGUMENT(d->scratch[TURNS]),
                                                ARGUMENT(heads),
                                                ARGUMENT(groups),
                                                ARGUMENT(key),
                                                ARGUMENT(value),
                                                ARGUMENT(pairs),
                                                ARGUMENT(halves),
                                                ARGUMENT(d->scratch[WORDS]),
                                                ARGUMENT(d->scratch[TURNED]),
                                                ARGUMENT(block->keys),
                                                ARGUMENT(block->values)};
    return LAUNCH(d, d->kernels[PLACE], (elements + d->gpu->items - 1) / d->gpu->items, batch, arguments, diags);
}

static int attend(struct device *d, const struct block *block, size_t batch, struct mm_diags *diags)
{
    uint32_t heads = (uint32_t)d->heads, groups = (uint32_t)d->groups, key = (uint32_t)d->key;
    uint32_t value = (uint32_t)d->value, context = (uint32_t)d->context;
    float scale = 1 / sqrtf((float)d->key);
    const struct mm_gpu_argument arguments[] = {ARGUMENT(d->scratch[TURNED]),
                                                ARGUMENT(block->keys),
                                                ARGUMENT(block->values),
                                                ARGUMENT(heads),
                                                ARGUMENT(groups),
                                                ARGUMENT(key),
                                                ARGUMENT(value),
                                                ARGUMENT(d->scratch[WORDS]),
                                                ARGUMENT(context),
                                                ARGUMENT(scale),
                                                ARGUMENT(d->scratch[SCORES]),
                                                ARGUMENT(d->scratch[ATTENDED])};
    return LAUNCH(d, d->kernels[ATTEND], heads, batch, arguments, diags);
}

static int gate(struct device *d, size_t batch, struct mm_diags *diags)
{
    uint32_t count = (uint32_t)(d->feed * batch);
    const struct mm_gpu_argument arguments[] = {ARGUMENT(d->scratch[GATES]), ARGUMENT(d->scratch[UPS]),
                                                ARGUMENT(count)};
    return LAUNCH(d, d->kernels[GATE], (count + d->gpu->items - 1) / d->gpu->items, 1, arguments, diags);
}

/* GATES = silu(gate × NORMED) × (up × NORMED). */
static int feed_forward(struct device *d, const struct placed *gate_matrix, const struct placed *up, size_t batch,
                        struct mm_diags *diags)
{
    const struct product both[] = {{gate_matrix, d->scratch[GATES]}, {up, d->scratch[UPS]}};
    if (batch == 1 && alike(both, 2))
        return multiply_gated(d, gate_matrix, up, diags);
    return multiply(d, both, 2, d->scratch[NORMED], batch, 0, diags) < 0 ? -1 : gate(d, batch, diags);
}

/* One block; LAYER counts from 0, the embedding. */
static int run_block(struct device *d, const struct block *block, uint32_t layer, size_t batch, struct mm_diags *diags)
{
    const union mm_gpu_memory *s = d->scratch;
    const struct placed *p = block->parts;
    const struct product heads[] = {{&p[QUERY], s[QUERIES]}, {&p[KEY], s[KEYS]}, {&p[VALUE], s[VALUES]}};
    const struct product attended = {&p[ATTENTION_OUT], s[STREAM]}, down = {&p[DOWN], s[STREAM]};
    return normalise(d, block->attention_norm, layer, 0, batch, diags) < 0 ||
                   multiply(d, heads, 3, s[NORMED], batch, 0, diags) < 0 || place_heads(d, block, batch, diags) < 0 ||
                   attend(d, block, batch, diags) < 0 ||
                   multiply(d, &attended, 1, s[ATTENDED], batch, ONTO, diags) < 0 ||
                   normalise(d, block->feed_forward_norm, layer + 1, 0, batch, diags) < 0 ||
                   feed_forward(d, &p[GATE_UP], &p[UP], batch, diags) < 0 ||
                   multiply(d, &down, 1, s[GATES], batch, ONTO, diags) < 0
               ? -1
               : 0;
}

/* ---- what is said of layers ---- */

/* Shows what LAYER left of BATCH positions from FIRST on, EACH numbers at VALUES. */
static int show(struct device *d, const struct mm_watching *w, int layer, union mm_gpu_memory memory, size_t first,
                size_t batch, size_t each)
{
    char own[MM_LAYER_NAME];
    const char *name = mm_layer_name(d->network, layer, own);
    if (!w->trace)
        return 0;
    float *values = malloc(batch * each * sizeof *values);
    if (!values)
        return mm_diag_memory(w->diags);
    int result = d->dialect->read(d->gpu, memory, 0, values, batch * each * sizeof *values, w->diags);
    for (size_t b = 0; result == 0 && b < batch; b++)
        result = w->trace(w->context, layer, name, first + b, values + b * each, each, w->diags);
    free(values);
    return result < 0 ? -1 : 0;
}

/* A finding for what a kernel noted: which layer was the first that is not finite, and where. */
static int check(struct device *d, const struct mm_watching *w)
{
    char own[MM_LAYER_NAME];
    uint32_t wrong;
    if (d->dialect->read(d->gpu, d->scratch[WORDS], 0, &wrong, sizeof wrong, w->diags) < 0)
        return -1;
    if (wrong == NONE_WRONG)
        return 0;
    return mm_diag(w->diags, MM_RULE_INFER_NUMBER,
                   "expected finite numbers in layer %s at position %zu, found infinity or NaN",
                   mm_layer_name(d->network, (int)(wrong >> 8) - 1, own), d->length + (wrong & 255));
}

/* ---- a batch ---- */

static int take_embeddings(struct device *d, const uint32_t *tokens, size_t batch, struct mm_diags *diags)
{
    const struct words words = {NONE_WRONG, (uint32_t)d->length};
    mm_layer_embed(d->network, tokens, batch, d->stream);
    return d->dialect->write(d->gpu, d->scratch[WORDS], 0, &words, sizeof words, diags) < 0
               ? -1
               : d->dialect->write(d->gpu, d->scratch[STREAM], 0, d->stream, batch * d->embedding * sizeof(float),
                                   diags);
}

/* The launches of all blocks, each shown. */
static int run_blocks(struct device *d, const struct mm_watching *w, size_t batch)
{
    for (size_t i = 0; i < d->block_count; i++)
        if (run_block(d, &d->blocks[i], (uint32_t)i, batch, w->diags) < 0 ||
            show(d, w, (int)i, d->scratch[STREAM], d->length, batch, d->embedding) < 0)
            return -1;
    return 0;
}

/* The last norm of the COUNT last positions of BATCH. */
static int run_output_norm(struct device *d, size_t batch, size_t count, struct mm_diags *diags)
{
    uint32_t layer = (uint32_t)d->block_count;
    return normalise(d, d->output_norm, layer, batch - count, count, diags) < 0 ||
                   look(d, d->scratch[NORMED], d->embedding, layer + 1, batch - count, count, diags) < 0
               ? -1
               : 0;
}

/* The launches from the last norm to the logits, of the COUNT last positions of BATCH. */
static int run_output(struct device *d, size_t batch, size_t count, struct mm_diags *diags)
{
    const struct product output = {&d->output, d->scratch[LOGITS]};
    return run_output_norm(d, batch, count, diags) < 0 ||
                   multiply(d, &output, 1, d->scratch[NORMED], count, 0, diags) < 0 ||
                   look(d, d->scratch[LOGITS], d->vocabulary, (uint32_t)d->block_count + 2, batch - count, count,
                        diags) < 0
               ? -1
               : 0;
}

/* The launches of a batch of tokens whose embeddings are there, with the logits of the COUNT last ones. */
static int run_batch(struct device *d, const struct mm_watching *w, size_t batch, size_t count)
{
    if (run_blocks(d, w, batch) < 0)
        return -1;
    if (w->trace && (run_output_norm(d, batch, batch, w->diags) < 0 ||
                     show(d, w, (int)d->block_count, d->scratch[NORMED], d->length, batch, d->embedding) < 0))
        return -1;
    return count > 0 ? run_output(d, batch, count, w->diags) : 0;
}

/* ---- a token, recorded ---- */

/* The launches of a token are the same for each: what differs stands in memory. Where they cannot be recorded they are given one by one, and if that fails it is said there. */
static void record_token(struct device *d)
{
    struct mm_diags ignored;
    const struct mm_watching nobody = {NULL, NULL, &ignored};
    if (d->dialect->record(d->gpu) < 0)
        return;
    mm_diags_init(&ignored);
    bool whole = run_batch(d, &nobody, 1, 1) == 0;
    d->token = d->dialect->recorded(d->gpu);
    if (d->token && !whole) {
        d->dialect->forget(d->gpu, d->token);
        d->token = NULL;
    }
    mm_diags_release(&ignored);
}

/* One token with its logits, which nobody watches. */
static int run_token(struct device *d, const struct mm_watching *w)
{
    if (d->recording == ONE_FED && d->dialect->record)
        record_token(d);
    d->recording = d->recording == NONE_FED ? ONE_FED : TRIED;
    return d->token ? d->dialect->replay(d->gpu, d->token, w->diags) : run_batch(d, w, 1, 1);
}

/* ---- a sequence ---- */

static int take_logits(struct device *d, const struct mm_watching *w, size_t batch, size_t count, float *logits)
{
    union mm_gpu_memory memory = d->scratch[LOGITS];
    return d->dialect->read(d->gpu, memory, 0, logits, count * d->vocabulary * sizeof *logits, w->diags) < 0 ||
                   show(d, w, (int)d->block_count + 1, memory, d->length + batch - count, count, d->vocabulary) < 0
               ? -1
               : 0;
}

static int feed_batch(void *self, const struct mm_watching *w, const uint32_t *tokens, size_t batch, size_t count,
                      float *logits)
{
    struct device *d = self;
    bool token = batch == 1 && count == 1 && !w->trace;
    if (take_embeddings(d, tokens, batch, w->diags) < 0 ||
        show(d, w, -1, d->scratch[STREAM], d->length, batch, d->embedding) < 0 ||
        (token ? run_token(d, w) : run_batch(d, w, batch, count)) < 0 ||
        (count > 0 && take_logits(d, w, batch, count, logits) < 0) || check(d, w) < 0)
        return -1;
    d->length += batch;
    return 0;
}

static int feed(void *self, const uint32_t *tokens, size_t count, bool every, float *logits, mm_trace_fn *trace,
                void *trace_context, struct mm_diags *diags)
{
    struct device *d = self;
    const struct mm_watching watching = {trace, trace_context, diags};
    return mm_layers_feed(d, feed_batch, MM_GPU_BATCH, d->vocabulary, tokens, count, every, logits, &watching);
}

static void rewind_to(void *self, size_t length)
{
    ((struct device *)self)->length = length;
}

/* ---- reading memory ---- */

#define READ_BYTES ((uint64_t)512 * 1024 * 1024)
#define READ_ROUNDS 5
#define READ_LAUNCHES 4 /* of a round, one behind the other, so that the way there and back hardly counts */
#define READ_GROUPS 2048

/* Reads BYTES of MEMORY READ_LAUNCHES times: the seconds that one took. */
static int read_round(struct device *d, union mm_gpu_memory memory, uint64_t bytes, double *seconds,
                      struct mm_diags *diags)
{
    uint32_t count = (uint32_t)(bytes / 16), word = 0;
    const struct mm_gpu_argument arguments[] = {ARGUMENT(memory), ARGUMENT(count), ARGUMENT(d->scratch[WORDS])};
    double start = mm_clock_seconds();
    for (int i = 0; i < READ_LAUNCHES; i++)
        if (LAUNCH(d, d->kernels[READ], READ_GROUPS, 1, arguments, diags) < 0)
            return -1;
    if (d->dialect->read(d->gpu, d->scratch[WORDS], 0, &word, sizeof word, diags) < 0) /* behind them */
        return -1;
    *seconds = (mm_clock_seconds() - start) / READ_LAUNCHES;
    return 0;
}

static int read_rate(void *self, double *rate, struct mm_diags *diags)
{
    struct device *d = self;
    uint64_t quarter = d->gpu->device.largest / 4 / 16 * 16,
             bytes = quarter && quarter < READ_BYTES ? quarter : READ_BYTES;
    union mm_gpu_memory memory = {0};
    double seconds = 0;
    int result = allocate(d, bytes, &memory, diags);
    for (int round = 0; result == 0 && round < READ_ROUNDS; round++) {
        result = read_round(d, memory, bytes, &seconds, diags);
        if (result == 0 && seconds > 0 && (double)bytes / seconds > *rate)
            *rate = (double)bytes / seconds;
    }
    d->dialect->release(d->gpu, memory);
    return result;
}

static void release_placed(struct device *d, struct placed *placed)
{
    d->dialect->release(d->gpu, placed->memory);
    d->dialect->release(d->gpu, placed->bias);
}

static void release(void *self)
{
    struct device *d = self;
    for (size_t i = 0; d->blocks && i < d->block_count; i++) {
        struct block *block = &d->blocks[i];
        for (int part = 0; part < PARTS; part++)
            release_placed(d, &block->parts[part]);
        d->dialect->release(d->gpu, block->attention_norm);
        d->dialect->release(d->gpu, block->feed_forward_norm);
        d->dialect->release(d->gpu, block->keys);
        d->dialect->release(d->gpu, block->values);
    }
    release_placed(d, &d->output);
    d->dialect->release(d->gpu, d->output_norm);
    for (int i = 0; i < SCRATCH; i++)
        d->dialect->release(d->gpu, d->scratch[i]);
    if (d->token)
        d->dialect->forget(d->gpu, d->token);
    free(d->blocks);
    free(d->stream);
    free(d);
}

static void measure(struct device *d)
{
    const uint32_t *n = d->network->llama.numbers;
    d->embedding = n[MM_LLAMA_EMBEDDING_LENGTH];
    d->feed = n[MM_LLAMA_FEED_FORWARD_LENGTH];
    d->heads = n[MM_LLAMA_HEAD_COUNT];
    d->groups = n[MM_LLAMA_HEAD_COUNT_KV];
    d->key = n[MM_LLAMA_KEY_LENGTH];
    d->value = n[MM_LLAMA_VALUE_LENGTH];
    d->pairs = n[MM_LLAMA_ROPE_DIMENSIONS] / 2;
    d->vocabulary = n[MM_LLAMA_VOCAB_SIZE];
    d->block_count = n[MM_LLAMA_BLOCK_COUNT];
}

int mm_gpu_engine(struct mm_engine *engine, const struct mm_network *network, struct mm_gpu *gpu, size_t context,
                  struct mm_diags *diags)
{
    uint64_t needed = mm_gpu_memory(network, context);
    if (needed > gpu->device.memory || context > UINT32_MAX)
        return mm_diag(diags, MM_RULE_INFER_MEMORY, "%s (%s) has %" PRIu64 " bytes, the model needs %" PRIu64,
                       gpu->device.name, gpu->device.what, gpu->device.memory, needed);
    struct device *d = calloc(1, sizeof *d);
    if (!d)
        return mm_diag_memory(diags);
    d->gpu = gpu;
    d->dialect = gpu->dialect;
    d->network = network;
    d->context = context;
    measure(d);
    d->blocks = calloc(d->block_count, sizeof *d->blocks);
    d->stream = calloc(d->embedding, MM_GPU_BATCH * sizeof *d->stream);
    if (!d->blocks || !d->stream ? (mm_diag_memory(diags), true) : place_network(d, diags) < 0) {
        release(d);
        return -1;
    }
    *engine = (struct mm_engine){.self = d,
                                 .vocabulary = d->vocabulary,
                                 .context = context,
                                 .feed = feed,
                                 .rewind = rewind_to,
                                 .read_rate = read_rate,
                                 .free = release};
    snprintf(engine->device, sizeof engine->device, "%s %.90s, %s", gpu->dialect->name, gpu->device.what,
             gpu->device.name);
    return 0;
}
