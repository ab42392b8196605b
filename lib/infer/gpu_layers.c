/* The layers of a network on a device, as launches of the kernels of share/infer. */
#include <math.h>

#include "infer/gpu_network.h"

#define MANY 8      /* vectors of one reading of the weights, as in kernels.cl */
#define LOOKED 1024 /* values that a group looks at, as there */

static unsigned groups_of(const struct mm_gpu_network *d, uint64_t rows)
{
    uint32_t rows_a_group = d->gpu->items / 32;
    return (unsigned)((rows + rows_a_group - 1) / rows_a_group);
}

/* OUT = the matrix times BATCH vectors at X, or that added to OUT. */
static int multiply_many(struct mm_gpu_network *d, const struct mm_gpu_product *product, union mm_gpu_memory x,
                         size_t batch, uint32_t flags, struct mm_diags *diags)
{
    const struct mm_gpu_placed *placed = product->placed;
    const struct mm_matrix *matrix = placed->matrix;
    uint32_t columns = (uint32_t)matrix->columns, rows = (uint32_t)matrix->rows, vectors = (uint32_t)batch;
    union mm_gpu_memory bias = placed->has_bias ? placed->bias : placed->memory; /* not looked at without the flag */
    flags |= placed->has_bias ? 1 : 0;
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(placed->memory),
                                                MM_GPU_ARGUMENT(matrix->row_bytes),
                                                MM_GPU_ARGUMENT(columns),
                                                MM_GPU_ARGUMENT(rows),
                                                MM_GPU_ARGUMENT(x),
                                                MM_GPU_ARGUMENT(vectors),
                                                MM_GPU_ARGUMENT(product->out),
                                                MM_GPU_ARGUMENT(bias),
                                                MM_GPU_ARGUMENT(flags)};
    return MM_GPU_LAUNCH(d, d->many[matrix->dtype], groups_of(d, rows), (batch + MANY - 1) / MANY, arguments, diags);
}

/* The COUNT matrices, alike in dtype and columns, times the vector at X: one launch, as each costs more than a small matrix. */
static int multiply_one(struct mm_gpu_network *d, const struct mm_gpu_product *products, size_t count,
                        union mm_gpu_memory x, uint32_t flags, struct mm_diags *diags)
{
    const struct mm_matrix *matrix = products->placed->matrix;
    union mm_gpu_memory memories[MM_GPU_TOGETHER], outs[MM_GPU_TOGETHER], biases[MM_GPU_TOGETHER];
    uint32_t columns = (uint32_t)matrix->columns, rows[MM_GPU_TOGETHER] = {0};
    uint64_t all = 0;
    for (size_t i = 0; i < MM_GPU_TOGETHER; i++) {
        const struct mm_gpu_placed *placed =
            products[i < count ? i : 0].placed; /* none is looked at that has no rows */
        memories[i] = placed->memory;
        outs[i] = products[i < count ? i : 0].out;
        biases[i] = placed->has_bias ? placed->bias : placed->memory;
        rows[i] = i < count ? (uint32_t)placed->matrix->rows : 0;
        flags |= placed->has_bias ? 1u << i : 0;
        all += rows[i];
    }
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(memories[0]), MM_GPU_ARGUMENT(memories[1]),
                                                MM_GPU_ARGUMENT(memories[2]), MM_GPU_ARGUMENT(matrix->row_bytes),
                                                MM_GPU_ARGUMENT(columns),     MM_GPU_ARGUMENT(rows[0]),
                                                MM_GPU_ARGUMENT(rows[1]),     MM_GPU_ARGUMENT(rows[2]),
                                                MM_GPU_ARGUMENT(x),           MM_GPU_ARGUMENT(outs[0]),
                                                MM_GPU_ARGUMENT(outs[1]),     MM_GPU_ARGUMENT(outs[2]),
                                                MM_GPU_ARGUMENT(biases[0]),   MM_GPU_ARGUMENT(biases[1]),
                                                MM_GPU_ARGUMENT(biases[2]),   MM_GPU_ARGUMENT(flags)};
    return MM_GPU_LAUNCH(d, d->one[matrix->dtype], groups_of(d, all), 1, arguments, diags);
}

/* True if the COUNT matrices can be multiplied together. */
static bool alike(const struct mm_gpu_product *products, size_t count)
{
    const struct mm_matrix *first = products->placed->matrix;
    for (size_t i = 1; i < count; i++) {
        const struct mm_matrix *matrix = products[i].placed->matrix;
        if (matrix->dtype != first->dtype || matrix->columns != first->columns)
            return false;
    }
    return true;
}

int mm_gpu_multiply(struct mm_gpu_network *d, const struct mm_gpu_product *products, size_t count,
                    union mm_gpu_memory x, size_t batch, uint32_t flags, struct mm_diags *diags)
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
static int multiply_gated(struct mm_gpu_network *d, const struct mm_gpu_placed *gate, const struct mm_gpu_placed *up,
                          struct mm_diags *diags)
{
    const struct mm_matrix *matrix = gate->matrix;
    union mm_gpu_memory bias = gate->has_bias ? gate->bias : gate->memory, /* as above */
        bias_up = up->has_bias ? up->bias : up->memory;
    uint32_t columns = (uint32_t)matrix->columns, rows = (uint32_t)matrix->rows;
    uint32_t flags = (gate->has_bias ? 1u : 0u) | (up->has_bias ? 2u : 0u);
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(gate->memory),
                                                MM_GPU_ARGUMENT(up->memory),
                                                MM_GPU_ARGUMENT(matrix->row_bytes),
                                                MM_GPU_ARGUMENT(columns),
                                                MM_GPU_ARGUMENT(rows),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_NORMED]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_GATES]),
                                                MM_GPU_ARGUMENT(bias),
                                                MM_GPU_ARGUMENT(bias_up),
                                                MM_GPU_ARGUMENT(flags)};
    return MM_GPU_LAUNCH(d, d->gated[matrix->dtype], groups_of(d, rows), 1, arguments, diags);
}

int mm_gpu_normalise(struct mm_gpu_network *d, union mm_gpu_memory weights, uint32_t layer, size_t first, size_t batch,
                     struct mm_diags *diags)
{
    uint32_t count = (uint32_t)d->embedding;
    uint64_t at = (uint64_t)first * count;
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(d->scratch[MM_GPU_STREAM]),
                                                MM_GPU_ARGUMENT(at),
                                                MM_GPU_ARGUMENT(weights),
                                                MM_GPU_ARGUMENT(count),
                                                MM_GPU_ARGUMENT(d->network->llama.norm_epsilon),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_NORMED]),
                                                MM_GPU_ARGUMENT(layer),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_WORDS])};
    return MM_GPU_LAUNCH(d, d->kernels[MM_GPU_NORM], batch, 1, arguments, diags);
}

int mm_gpu_look(struct mm_gpu_network *d, union mm_gpu_memory values, size_t each, uint32_t layer, size_t first,
                size_t batch, struct mm_diags *diags)
{
    uint32_t count = (uint32_t)each, from = (uint32_t)first;
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(values), MM_GPU_ARGUMENT(count), MM_GPU_ARGUMENT(from),
                                                MM_GPU_ARGUMENT(layer), MM_GPU_ARGUMENT(d->scratch[MM_GPU_WORDS])};
    return MM_GPU_LAUNCH(d, d->kernels[MM_GPU_LOOK], (each + LOOKED - 1) / LOOKED, batch, arguments, diags);
}

/* Queries turned, keys turned and values into the cache. */
static int place_heads(struct mm_gpu_network *d, const struct mm_gpu_block *block, size_t batch, struct mm_diags *diags)
{
    uint32_t heads = (uint32_t)d->heads, groups = (uint32_t)d->groups, key = (uint32_t)d->key;
    uint32_t value = (uint32_t)d->value, pairs = (uint32_t)d->pairs, halves = d->network->rotates_halves;
    size_t elements = (d->heads + d->groups) * d->key + d->groups * d->value;
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(d->scratch[MM_GPU_QUERIES]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_KEYS]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_VALUES]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_TURNS]),
                                                MM_GPU_ARGUMENT(heads),
                                                MM_GPU_ARGUMENT(groups),
                                                MM_GPU_ARGUMENT(key),
                                                MM_GPU_ARGUMENT(value),
                                                MM_GPU_ARGUMENT(pairs),
                                                MM_GPU_ARGUMENT(halves),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_WORDS]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_TURNED]),
                                                MM_GPU_ARGUMENT(block->keys),
                                                MM_GPU_ARGUMENT(block->values)};
    return MM_GPU_LAUNCH(d, d->kernels[MM_GPU_PLACE], (elements + d->gpu->items - 1) / d->gpu->items, batch, arguments,
                         diags);
}

static int attend(struct mm_gpu_network *d, const struct mm_gpu_block *block, size_t batch, struct mm_diags *diags)
{
    uint32_t heads = (uint32_t)d->heads, groups = (uint32_t)d->groups, key = (uint32_t)d->key;
    uint32_t value = (uint32_t)d->value, context = (uint32_t)d->context;
    float scale = 1 / sqrtf((float)d->key);
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(d->scratch[MM_GPU_TURNED]),
                                                MM_GPU_ARGUMENT(block->keys),
                                                MM_GPU_ARGUMENT(block->values),
                                                MM_GPU_ARGUMENT(heads),
                                                MM_GPU_ARGUMENT(groups),
                                                MM_GPU_ARGUMENT(key),
                                                MM_GPU_ARGUMENT(value),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_WORDS]),
                                                MM_GPU_ARGUMENT(context),
                                                MM_GPU_ARGUMENT(scale),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_SCORES]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_ATTENDED])};
    return MM_GPU_LAUNCH(d, d->kernels[MM_GPU_ATTEND], heads, batch, arguments, diags);
}

static int gate(struct mm_gpu_network *d, size_t batch, struct mm_diags *diags)
{
    uint32_t count = (uint32_t)(d->feed * batch);
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(d->scratch[MM_GPU_GATES]),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_UPS]), MM_GPU_ARGUMENT(count)};
    return MM_GPU_LAUNCH(d, d->kernels[MM_GPU_GATE], (count + d->gpu->items - 1) / d->gpu->items, 1, arguments, diags);
}

/* GATES = silu(gate × NORMED) × (up × NORMED). */
static int feed_forward(struct mm_gpu_network *d, const struct mm_gpu_placed *gate_matrix,
                        const struct mm_gpu_placed *up, size_t batch, struct mm_diags *diags)
{
    const struct mm_gpu_product both[] = {{gate_matrix, d->scratch[MM_GPU_GATES]}, {up, d->scratch[MM_GPU_UPS]}};
    if (batch == 1 && alike(both, 2))
        return multiply_gated(d, gate_matrix, up, diags);
    return mm_gpu_multiply(d, both, 2, d->scratch[MM_GPU_NORMED], batch, 0, diags) < 0 ? -1 : gate(d, batch, diags);
}

int mm_gpu_run_block(struct mm_gpu_network *d, const struct mm_gpu_block *block, uint32_t layer, size_t batch,
                     struct mm_diags *diags)
{
    const union mm_gpu_memory *s = d->scratch;
    const struct mm_gpu_placed *p = block->parts;
    const struct mm_gpu_product heads[] = {
        {&p[MM_GPU_QUERY], s[MM_GPU_QUERIES]}, {&p[MM_GPU_KEY], s[MM_GPU_KEYS]}, {&p[MM_GPU_VALUE], s[MM_GPU_VALUES]}};
    const struct mm_gpu_product attended = {&p[MM_GPU_ATTENTION_OUT], s[MM_GPU_STREAM]},
                                down = {&p[MM_GPU_DOWN], s[MM_GPU_STREAM]};
    return mm_gpu_normalise(d, block->attention_norm, layer, 0, batch, diags) < 0 ||
                   mm_gpu_multiply(d, heads, 3, s[MM_GPU_NORMED], batch, 0, diags) < 0 ||
                   place_heads(d, block, batch, diags) < 0 || attend(d, block, batch, diags) < 0 ||
                   mm_gpu_multiply(d, &attended, 1, s[MM_GPU_ATTENDED], batch, MM_GPU_ONTO, diags) < 0 ||
                   mm_gpu_normalise(d, block->feed_forward_norm, layer + 1, 0, batch, diags) < 0 ||
                   feed_forward(d, &p[MM_GPU_GATE_UP], &p[MM_GPU_UP], batch, diags) < 0 ||
                   mm_gpu_multiply(d, &down, 1, s[MM_GPU_GATES], batch, MM_GPU_ONTO, diags) < 0
               ? -1
               : 0;
}
