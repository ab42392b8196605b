#include "infer/cpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "infer/elementary.h"
#include "infer/layers.h"
#include "infer/stages.h"
#include "model/quantize.h"

/* Multiplications that are worth the time until another thread has begun; below, the caller does them alone. */
#define SHARED_FROM 65536

#define LINE 64 /* bytes of a cache line */

/* Rows that one thread takes at a time, at least: they are whole cache lines of what it writes. */
#define ROWS_STEP 16

struct cpu {
    const struct mm_network *network;
    const struct mm_kernels *kernels;
    const struct mm_stages *stages;
    struct mm_crew *crew;
    bool alone;                    /* nothing is shared */
    size_t context, length;        /* positions: room, and filled */
    size_t room;                   /* CONTEXT to whole sixteens */
    size_t embedding, feed, pairs; /* elements; pairs that turn in a head */
    size_t heads, groups;          /* of queries; of keys and values */
    size_t key, value, value_room; /* elements of a head; VALUE to whole sixteens */
    double *frequencies;           /* of each pair: radians from one position to the next */
    void *memory;                  /* all that follows lies there, at whole cache lines */
    float *keys;                   /* [block][group][position / 16][element][position % 16] */
    float *values;                 /* [block][group][position][value_room] */
    float *scores;                 /* [head][position] */
    /* each for MM_CPU_BATCH positions, one after the other */
    float *stream, *normed; /* EMBEDDING; what runs through the blocks */
    float *query, *key_now, *value_now, *attended;
    float *gate, *up;
    float *branch;        /* EMBEDDING: what a part adds to the stream */
    float *cosine, *sine; /* PAIRS */
    struct mm_activations activations;
};

/* What the threads do together for BATCH positions of one block. */
struct step {
    struct cpu *cpu;
    const struct mm_network_block *block;
    size_t number, batch;
};

/* ---- products ---- */

/* OUT of each vector of the batch at the rows of MATRIX from FIRST on, BIAS (or NULL) added. */
static void multiply(const struct cpu *cpu, const struct mm_matrix *matrix, const float *bias, uint64_t first,
                     uint64_t count, float *out)
{
    mm_kernels_multiply(cpu->kernels, matrix, first, count, &cpu->activations, out, (size_t)matrix->rows);
    if (!bias)
        return;
    for (size_t b = 0; b < cpu->activations.batch; b++)
        for (uint64_t row = first; row < first + count; row++)
            out[b * matrix->rows + row] += bias[row];
}

/* Has the crew do WORK for COUNT rows of COLUMNS elements for each position, where that is worth it. */
static void share(const struct step *step, uint64_t count, uint64_t columns, mm_crew_fn *work)
{
    if (step->cpu->alone || count * columns * step->batch < SHARED_FROM)
        work((void *)step, 0, count, 0);
    else
        mm_crew_share(step->cpu->crew, count, ROWS_STEP, work, (void *)step);
}

/* Rows of queries, keys and values, as if they were one matrix. */
static void project(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct step *step = context;
    const struct mm_network_block *block = step->block;
    struct cpu *cpu = step->cpu;
    const struct {
        const struct mm_matrix *matrix;
        const float *bias;
        float *out;
    } parts[] = {{&block->query, block->query_bias, cpu->query},
                 {&block->key, block->key_bias, cpu->key_now},
                 {&block->value, block->value_bias, cpu->value_now}};
    (void)thread;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && count > 0; i++) {
        uint64_t rows = parts[i].matrix->rows;
        if (first >= rows) {
            first -= rows;
            continue;
        }
        uint64_t here = rows - first < count ? rows - first : count;
        multiply(cpu, parts[i].matrix, parts[i].bias, first, here, parts[i].out);
        first = 0;
        count -= here;
    }
}

/* Rows that are added to the stream. */
static void add_rows(struct cpu *cpu, const struct mm_matrix *matrix, const float *bias, uint64_t first, uint64_t count)
{
    multiply(cpu, matrix, bias, first, count, cpu->branch);
    for (size_t b = 0; b < cpu->activations.batch; b++)
        for (uint64_t i = b * cpu->embedding + first, end = i + count; i < end; i++)
            cpu->stream[i] += cpu->branch[i];
}

static void attention_out(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct step *step = context;
    (void)thread;
    add_rows(step->cpu, &step->block->attention_out, step->block->attention_out_bias, first, count);
}

static void down(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct step *step = context;
    (void)thread;
    add_rows(step->cpu, &step->block->down, step->block->down_bias, first, count);
}

/* The same rows of gate and up, and what the one lets through of the other. */
static void gated(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct step *step = context;
    struct cpu *cpu = step->cpu;
    (void)thread;
    multiply(cpu, &step->block->gate, step->block->gate_bias, first, count, cpu->gate);
    multiply(cpu, &step->block->up, step->block->up_bias, first, count, cpu->up);
    for (size_t b = 0; b < step->batch; b++)
        cpu->stages->gate(cpu->gate + b * cpu->feed + first, cpu->up + b * cpu->feed + first, (size_t)count);
}

/* ---- positions ---- */

/* Element 2 i of a head turns with 2 i + 1, or i with i + PAIRS. */
static void rotate(const struct cpu *cpu, float *head, const float *cosine, const float *sine)
{
    size_t apart = cpu->network->rotates_halves ? cpu->pairs : 1, step = cpu->network->rotates_halves ? 1 : 2;
    for (size_t i = 0; i < cpu->pairs; i++) {
        float *a = &head[i * step], *b = a + apart, x = *a, y = *b;
        *a = x * cosine[i] - y * sine[i];
        *b = x * sine[i] + y * cosine[i];
    }
}

/* The angles of BATCH positions, in double: a position times a frequency. */
static void find_angles(struct cpu *cpu, size_t batch)
{
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < cpu->pairs; i++) {
            double sine, cosine;
            mm_sine_cosine((double)(cpu->length + b) * cpu->frequencies[i], &sine, &cosine);
            cpu->sine[b * cpu->pairs + i] = (float)sine;
            cpu->cosine[b * cpu->pairs + i] = (float)cosine;
        }
}

/* Puts the key and value of group GROUP at batch position B into the cache. */
static void remember(const struct step *step, size_t group, size_t b, float *keys, float *values)
{
    struct cpu *cpu = step->cpu;
    size_t position = cpu->length + b;
    const float *key = cpu->key_now + (b * cpu->groups + group) * cpu->key;
    const float *value = cpu->value_now + (b * cpu->groups + group) * cpu->value;
    float *lanes = keys + position / MM_STAGE_LANES * MM_STAGE_LANES * cpu->key + position % MM_STAGE_LANES;
    for (size_t i = 0; i < cpu->key; i++)
        lanes[i * MM_STAGE_LANES] = key[i];
    memcpy(values + position * cpu->value_room, value, cpu->value * sizeof *value);
}

/* Everything of attention that belongs to some groups of heads. */
static void attend(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct step *step = context;
    struct cpu *cpu = step->cpu;
    size_t each = cpu->heads / cpu->groups;
    (void)thread;
    for (size_t group = (size_t)first; group < first + count; group++) {
        float *keys = cpu->keys + (step->number * cpu->groups + group) * cpu->room * cpu->key;
        float *values = cpu->values + (step->number * cpu->groups + group) * cpu->room * cpu->value_room;
        for (size_t b = 0; b < step->batch; b++) {
            const float *cosine = cpu->cosine + b * cpu->pairs, *sine = cpu->sine + b * cpu->pairs;
            float *queries = cpu->query + (b * cpu->heads + group * each) * cpu->key;
            for (size_t i = 0; i < each; i++)
                rotate(cpu, queries + i * cpu->key, cosine, sine);
            rotate(cpu, cpu->key_now + (b * cpu->groups + group) * cpu->key, cosine, sine);
            remember(step, group, b, keys, values);
            cpu->stages->attend(
                &(struct mm_attention){.queries = queries,
                                       .keys = keys,
                                       .values = values,
                                       .heads = each,
                                       .positions = cpu->length + b + 1,
                                       .key_length = cpu->key,
                                       .value_length = cpu->value,
                                       .value_stride = cpu->value_room,
                                       .scale = 1 / sqrtf((float)cpu->key),
                                       .scores = cpu->scores + group * each * cpu->room,
                                       .out = cpu->attended + (b * cpu->heads + group * each) * cpu->value});
        }
    }
}

static void share_attention(const struct step *step)
{
    struct cpu *cpu = step->cpu;
    uint64_t work = (uint64_t)step->batch * cpu->heads * (cpu->length + step->batch) * (cpu->key + cpu->value);
    if (cpu->alone || work < SHARED_FROM)
        attend((void *)step, 0, cpu->groups, 0);
    else
        mm_crew_share(cpu->crew, cpu->groups, 1, attend, (void *)step);
}

/* ---- layers ---- */

/* NORMED = STREAM over the root of its mean square, times WEIGHTS; and these as what the next products take. */
static int normalise(struct cpu *cpu, const float *weights, size_t batch, struct mm_diags *diags)
{
    for (size_t b = 0; b < batch; b++) {
        const float *x = cpu->stream + b * cpu->embedding;
        float *out = cpu->normed + b * cpu->embedding;
        float mean = mm_kernels_dot(cpu->kernels, x, x, cpu->embedding) / (float)cpu->embedding;
        float factor = 1 / sqrtf(mean + cpu->network->llama.norm_epsilon);
        for (size_t i = 0; i < cpu->embedding; i++)
            out[i] = x[i] * factor * weights[i];
    }
    return mm_activations_set(&cpu->activations, cpu->kernels, cpu->normed, batch, cpu->embedding) < 0
               ? mm_diag_memory(diags)
               : 0;
}

static int run_block(struct cpu *cpu, size_t number, size_t batch, struct mm_diags *diags)
{
    const struct mm_network_block *block = &cpu->network->blocks[number];
    const struct step step = {.cpu = cpu, .block = block, .number = number, .batch = batch};
    if (normalise(cpu, block->attention_norm, batch, diags) < 0)
        return -1;
    share(&step, block->query.rows + block->key.rows + block->value.rows, cpu->embedding, project);
    share_attention(&step);
    if (mm_activations_set(&cpu->activations, cpu->kernels, cpu->attended, batch, cpu->heads * cpu->value) < 0)
        return mm_diag_memory(diags);
    share(&step, cpu->embedding, cpu->heads * cpu->value, attention_out);
    if (normalise(cpu, block->feed_forward_norm, batch, diags) < 0)
        return -1;
    share(&step, cpu->feed, 2 * cpu->embedding, gated);
    if (mm_activations_set(&cpu->activations, cpu->kernels, cpu->gate, batch, cpu->feed) < 0)
        return mm_diag_memory(diags);
    share(&step, cpu->embedding, cpu->feed, down);
    return 0;
}

/* ---- what is said of layers ---- */

static bool all_finite(const float *values, size_t count)
{
    uint32_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        wrong |= ((bits & 0x7f800000u) + 0x00800000u) & 0x80000000u; /* the carry out of an exponent of ones */
    }
    return !wrong;
}

/* Looks at what LAYER left for BATCH positions from FIRST on, COUNT numbers each. */
static int look(const struct cpu *cpu, const struct mm_watching *w, int layer, size_t first, size_t batch,
                const float *values, size_t count)
{
    char own[MM_LAYER_NAME];
    const char *name = mm_layer_name(cpu->network, layer, own);
    for (size_t b = 0; b < batch; b++, values += count) {
        if (!all_finite(values, count)) {
            size_t i = 0;
            while (isfinite(values[i]))
                i++;
            return mm_diag(w->diags, MM_RULE_INFER_NUMBER,
                           "expected finite numbers in layer %s at position %zu, found %s as number %zu", name,
                           first + b,
                           isnan(values[i]) ? "NaN"
                           : values[i] > 0  ? "infinity"
                                            : "-infinity",
                           i);
        }
        if (w->trace && w->trace(w->context, layer, name, first + b, values, count, w->diags) < 0)
            return -1;
    }
    return 0;
}

/* ---- a sequence ---- */

/* The rows of the output matrix. */
struct output_step {
    const struct cpu *cpu;
    float *logits;
};

static void output_rows(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct output_step *step = context;
    (void)thread;
    multiply(step->cpu, &step->cpu->network->output, NULL, first, count, step->logits);
}

/* Logits behind the COUNT last positions of BATCH. */
static int find_logits(struct cpu *cpu, const struct mm_watching *w, size_t batch, size_t count, float *logits)
{
    int blocks = (int)cpu->network->llama.numbers[MM_LLAMA_BLOCK_COUNT];
    const struct mm_matrix *output = &cpu->network->output;
    struct output_step step = {.cpu = cpu, .logits = logits};
    if (normalise(cpu, cpu->network->output_norm, batch, w->diags) < 0 ||
        look(cpu, w, blocks, cpu->length, batch, cpu->normed, cpu->embedding) < 0)
        return -1;
    if (count == 0)
        return 0;
    if (mm_activations_set(&cpu->activations, cpu->kernels, cpu->normed + (batch - count) * cpu->embedding, count,
                           cpu->embedding) < 0)
        return mm_diag_memory(w->diags);
    if (cpu->alone || output->rows * output->columns * count < SHARED_FROM)
        output_rows(&step, 0, output->rows, 0);
    else
        mm_crew_share(cpu->crew, output->rows, ROWS_STEP, output_rows, &step);
    return look(cpu, w, blocks + 1, cpu->length + batch - count, count, logits, (size_t)output->rows);
}

/* BATCH positions, of which the last COUNT have logits. */
static int feed_batch(void *self, const struct mm_watching *w, const uint32_t *tokens, size_t batch, size_t count,
                      float *logits)
{
    struct cpu *cpu = self;
    int blocks = (int)cpu->network->llama.numbers[MM_LLAMA_BLOCK_COUNT];
    mm_layer_embed(cpu->network, tokens, batch, cpu->stream);
    find_angles(cpu, batch);
    if (look(cpu, w, -1, cpu->length, batch, cpu->stream, cpu->embedding) < 0)
        return -1;
    for (int i = 0; i < blocks; i++)
        if (run_block(cpu, (size_t)i, batch, w->diags) < 0 ||
            look(cpu, w, i, cpu->length, batch, cpu->stream, cpu->embedding) < 0)
            return -1;
    if ((count > 0 || w->trace) && find_logits(cpu, w, batch, count, logits) < 0)
        return -1;
    cpu->length += batch;
    return 0;
}

static int feed(void *self, const uint32_t *tokens, size_t count, bool every, float *logits, mm_trace_fn *trace,
                void *trace_context, struct mm_diags *diags)
{
    struct cpu *cpu = self;
    const struct mm_watching watching = {trace, trace_context, diags};
    return mm_layers_feed(cpu, feed_batch, MM_CPU_BATCH, (size_t)cpu->network->output.rows, tokens, count, every,
                          logits, &watching);
}

static void rewind_to(void *self, size_t length)
{
    ((struct cpu *)self)->length = length;
}

static void release(void *self)
{
    struct cpu *cpu = self;
    mm_activations_release(&cpu->activations);
    free(cpu->frequencies);
    free(cpu->memory);
    free(cpu);
}

/* ---- making one ---- */

static void measure(struct cpu *cpu)
{
    const uint32_t *n = cpu->network->llama.numbers;
    cpu->embedding = n[MM_LLAMA_EMBEDDING_LENGTH];
    cpu->feed = n[MM_LLAMA_FEED_FORWARD_LENGTH];
    cpu->pairs = n[MM_LLAMA_ROPE_DIMENSIONS] / 2;
    cpu->heads = n[MM_LLAMA_HEAD_COUNT];
    cpu->groups = n[MM_LLAMA_HEAD_COUNT_KV];
    cpu->key = n[MM_LLAMA_KEY_LENGTH];
    cpu->value = n[MM_LLAMA_VALUE_LENGTH];
    cpu->value_room = (cpu->value + MM_STAGE_LANES - 1) / MM_STAGE_LANES * MM_STAGE_LANES;
    cpu->room = (cpu->context + MM_STAGE_LANES - 1) / MM_STAGE_LANES * MM_STAGE_LANES;
}

/* Lays all arrays out in one piece of memory, zeroed so that nothing is read that was not written. That the sum can be told was
 * seen by mm_network_memory, which counts all of it. */
static bool lay_out(struct cpu *cpu)
{
    size_t blocks = cpu->network->llama.numbers[MM_LLAMA_BLOCK_COUNT], batch = MM_CPU_BATCH;
    const struct {
        float **at;
        size_t count;
    } parts[] = {
        {&cpu->keys, blocks * cpu->groups * cpu->room * cpu->key},
        {&cpu->values, blocks * cpu->groups * cpu->room * cpu->value_room},
        {&cpu->scores, cpu->heads * cpu->room},
        {&cpu->stream, batch * cpu->embedding},
        {&cpu->normed, batch * cpu->embedding},
        {&cpu->branch, batch * cpu->embedding},
        {&cpu->query, batch * cpu->heads * cpu->key},
        {&cpu->key_now, batch * cpu->groups * cpu->key},
        {&cpu->value_now, batch * cpu->groups * cpu->value},
        {&cpu->attended, batch * cpu->heads * cpu->value},
        {&cpu->gate, batch * cpu->feed},
        {&cpu->up, batch * cpu->feed},
        {&cpu->cosine, batch * cpu->pairs},
        {&cpu->sine, batch * cpu->pairs},
    };
    size_t sum = 0, at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sum += (parts[i].count + MM_STAGE_LANES - 1) / MM_STAGE_LANES * MM_STAGE_LANES;
    cpu->memory = calloc(sum + 2 * MM_STAGE_LANES, sizeof(float));
    if (!cpu->memory)
        return false;
    float *first = cpu->memory;
    first += (LINE - (uintptr_t)first % LINE) % LINE / sizeof *first;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].at = first + at;
        at += (parts[i].count + MM_STAGE_LANES - 1) / MM_STAGE_LANES * MM_STAGE_LANES;
    }
    return true;
}

static bool find_frequencies(struct cpu *cpu)
{
    cpu->frequencies = mm_realloc_array(NULL, cpu->pairs, sizeof *cpu->frequencies);
    for (size_t i = 0; cpu->frequencies && i < cpu->pairs; i++)
        cpu->frequencies[i] = mm_layer_frequency(&cpu->network->llama, i);
    return cpu->frequencies;
}

/* Whatever the widest vectors need in the fast kernels is had now, so that feed asks for no memory. */
static bool reserve_activations(struct cpu *cpu)
{
    const struct {
        const float *values;
        size_t columns;
    } widths[] = {{cpu->normed, cpu->embedding}, {cpu->attended, cpu->heads * cpu->value}, {cpu->gate, cpu->feed}};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (mm_activations_set(&cpu->activations, cpu->kernels, widths[i].values, MM_CPU_BATCH, widths[i].columns) < 0)
            return false;
    return true;
}

int mm_cpu_engine(struct mm_engine *engine, const struct mm_network *network, const struct mm_kernels *kernels,
                  struct mm_crew *crew, size_t context, struct mm_diags *diags)
{
    struct cpu *cpu = calloc(1, sizeof *cpu);
    uint64_t memory = mm_network_memory(&network->llama, context, MM_CPU_BATCH);
    unsigned threads = mm_crew_threads(crew);
    *engine = (struct mm_engine){.self = cpu, .vocabulary = (size_t)network->output.rows, .context = context};
    if (!cpu)
        return mm_diag_memory(diags);
    cpu->network = network;
    cpu->kernels = kernels;
    cpu->stages = mm_stages_find(mm_kernels_name(kernels));
    cpu->crew = crew;
    cpu->alone = threads == 1 || mm_network_work(&network->llama) < MM_CPU_ALONE;
    cpu->context = context;
    measure(cpu);
    if (memory > SIZE_MAX / 2 || !lay_out(cpu) || !find_frequencies(cpu) || !reserve_activations(cpu)) {
        release(cpu);
        *engine = (struct mm_engine){0};
        return mm_diag_memory(diags);
    }
    snprintf(engine->device, sizeof engine->device, "cpu %s, %u thread%s", mm_kernels_name(kernels), threads,
             threads == 1 ? "" : "s");
    engine->feed = feed;
    engine->rewind = rewind_to;
    engine->free = release;
    return 0;
}
