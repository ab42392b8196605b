/* A network on a device: what infer/cpu.c computes, in the same order of layers. */
#include "infer/gpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "infer/gpu_network.h"
#include "infer/layers.h"

/* ---- what is said of layers ---- */

/* Shows what LAYER left of BATCH positions from FIRST on, EACH numbers at MEMORY. */
static int show(struct mm_gpu_network *d, const struct mm_watching *w, int layer, union mm_gpu_memory memory,
                size_t first, size_t batch, size_t each)
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
static int check(struct mm_gpu_network *d, const struct mm_watching *w)
{
    char own[MM_LAYER_NAME];
    uint32_t wrong;
    if (d->dialect->read(d->gpu, d->scratch[MM_GPU_WORDS], 0, &wrong, sizeof wrong, w->diags) < 0)
        return -1;
    if (wrong == MM_GPU_NONE_WRONG)
        return 0;
    return mm_diag(w->diags, MM_RULE_INFER_NUMBER,
                   "expected finite numbers in layer %s at position %zu, found infinity or NaN",
                   mm_layer_name(d->network, (int)(wrong >> 8) - 1, own), d->length + (wrong & 255));
}

/* ---- a batch ---- */

static int take_embeddings(struct mm_gpu_network *d, const uint32_t *tokens, size_t batch, struct mm_diags *diags)
{
    const struct mm_gpu_words words = {MM_GPU_NONE_WRONG, (uint32_t)d->length};
    mm_layer_embed(d->network, tokens, batch, d->stream);
    return d->dialect->write(d->gpu, d->scratch[MM_GPU_WORDS], 0, &words, sizeof words, diags) < 0
               ? -1
               : d->dialect->write(d->gpu, d->scratch[MM_GPU_STREAM], 0, d->stream,
                                   batch * d->embedding * sizeof(float), diags);
}

/* The launches of all blocks, each shown. */
static int run_blocks(struct mm_gpu_network *d, const struct mm_watching *w, size_t batch)
{
    for (size_t i = 0; i < d->block_count; i++)
        if (mm_gpu_run_block(d, &d->blocks[i], (uint32_t)i, batch, w->diags) < 0 ||
            show(d, w, (int)i, d->scratch[MM_GPU_STREAM], d->length, batch, d->embedding) < 0)
            return -1;
    return 0;
}

/* The last norm of the COUNT last positions of BATCH. */
static int run_output_norm(struct mm_gpu_network *d, size_t batch, size_t count, struct mm_diags *diags)
{
    uint32_t layer = (uint32_t)d->block_count;
    return mm_gpu_normalise(d, d->output_norm, layer, batch - count, count, diags) < 0 ||
                   mm_gpu_look(d, d->scratch[MM_GPU_NORMED], d->embedding, layer + 1, batch - count, count, diags) < 0
               ? -1
               : 0;
}

/* The launches from the last norm to the logits, of the COUNT last positions of BATCH. */
static int run_output(struct mm_gpu_network *d, size_t batch, size_t count, struct mm_diags *diags)
{
    const struct mm_gpu_product output = {&d->output, d->scratch[MM_GPU_LOGITS]};
    return run_output_norm(d, batch, count, diags) < 0 ||
                   mm_gpu_multiply(d, &output, 1, d->scratch[MM_GPU_NORMED], count, 0, diags) < 0 ||
                   mm_gpu_look(d, d->scratch[MM_GPU_LOGITS], d->vocabulary, (uint32_t)d->block_count + 2, batch - count,
                               count, diags) < 0
               ? -1
               : 0;
}

/* The launches of a batch of tokens whose embeddings are there, with the logits of the COUNT last ones. */
static int run_batch(struct mm_gpu_network *d, const struct mm_watching *w, size_t batch, size_t count)
{
    if (run_blocks(d, w, batch) < 0)
        return -1;
    if (w->trace && (run_output_norm(d, batch, batch, w->diags) < 0 ||
                     show(d, w, (int)d->block_count, d->scratch[MM_GPU_NORMED], d->length, batch, d->embedding) < 0))
        return -1;
    return count > 0 ? run_output(d, batch, count, w->diags) : 0;
}

/* ---- a token, recorded ---- */

/* The launches of a token are the same for each: what differs stands in memory. Where they cannot be recorded they are given one by one, and if that fails it is said there. */
static void record_token(struct mm_gpu_network *d)
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
static int run_token(struct mm_gpu_network *d, const struct mm_watching *w)
{
    if (d->recording == MM_GPU_ONE_FED && d->dialect->record)
        record_token(d);
    d->recording = d->recording == MM_GPU_NONE_FED ? MM_GPU_ONE_FED : MM_GPU_RECORDED;
    return d->token ? d->dialect->replay(d->gpu, d->token, w->diags) : run_batch(d, w, 1, 1);
}

/* ---- a sequence ---- */

static int take_logits(struct mm_gpu_network *d, const struct mm_watching *w, size_t batch, size_t count, float *logits)
{
    union mm_gpu_memory memory = d->scratch[MM_GPU_LOGITS];
    return d->dialect->read(d->gpu, memory, 0, logits, count * d->vocabulary * sizeof *logits, w->diags) < 0 ||
                   show(d, w, (int)d->block_count + 1, memory, d->length + batch - count, count, d->vocabulary) < 0
               ? -1
               : 0;
}

static int feed_batch(void *self, const struct mm_watching *w, const uint32_t *tokens, size_t batch, size_t count,
                      float *logits)
{
    struct mm_gpu_network *d = self;
    bool token = batch == 1 && count == 1 && !w->trace;
    if (take_embeddings(d, tokens, batch, w->diags) < 0 ||
        show(d, w, -1, d->scratch[MM_GPU_STREAM], d->length, batch, d->embedding) < 0 ||
        (token ? run_token(d, w) : run_batch(d, w, batch, count)) < 0 ||
        (count > 0 && take_logits(d, w, batch, count, logits) < 0) || check(d, w) < 0)
        return -1;
    d->length += batch;
    return 0;
}

static int feed(void *self, const uint32_t *tokens, size_t count, bool every, float *logits, mm_trace_fn *trace,
                void *trace_context, struct mm_diags *diags)
{
    struct mm_gpu_network *d = self;
    const struct mm_watching watching = {trace, trace_context, diags};
    return mm_layers_feed(d, feed_batch, MM_GPU_BATCH, d->vocabulary, tokens, count, every, logits, &watching);
}

static void rewind_to(void *self, size_t length)
{
    ((struct mm_gpu_network *)self)->length = length;
}

/* ---- reading memory ---- */

#define READ_BYTES ((uint64_t)512 * 1024 * 1024)
#define READ_ROUNDS 5
#define READ_LAUNCHES 4 /* of a round, one behind the other, so that the way there and back hardly counts */
#define READ_GROUPS 2048

/* Reads BYTES of MEMORY READ_LAUNCHES times: the seconds that one took. */
static int read_round(struct mm_gpu_network *d, union mm_gpu_memory memory, uint64_t bytes, double *seconds,
                      struct mm_diags *diags)
{
    uint32_t count = (uint32_t)(bytes / 16), word = 0;
    const struct mm_gpu_argument arguments[] = {MM_GPU_ARGUMENT(memory), MM_GPU_ARGUMENT(count),
                                                MM_GPU_ARGUMENT(d->scratch[MM_GPU_WORDS])};
    double start = mm_clock_seconds();
    for (int i = 0; i < READ_LAUNCHES; i++)
        if (MM_GPU_LAUNCH(d, d->kernels[MM_GPU_READ], READ_GROUPS, 1, arguments, diags) < 0)
            return -1;
    if (d->dialect->read(d->gpu, d->scratch[MM_GPU_WORDS], 0, &word, sizeof word, diags) < 0) /* behind them */
        return -1;
    *seconds = (mm_clock_seconds() - start) / READ_LAUNCHES;
    return 0;
}

static int read_rate(void *self, double *rate, struct mm_diags *diags)
{
    struct mm_gpu_network *d = self;
    uint64_t quarter = d->gpu->device.largest / 4 / 16 * 16,
             bytes = quarter && quarter < READ_BYTES ? quarter : READ_BYTES;
    union mm_gpu_memory memory = {0};
    double seconds = 0;
    int result = mm_gpu_allocate(d, bytes, &memory, diags);
    for (int round = 0; result == 0 && round < READ_ROUNDS; round++) {
        result = read_round(d, memory, bytes, &seconds, diags);
        if (result == 0 && seconds > 0 && (double)bytes / seconds > *rate)
            *rate = (double)bytes / seconds;
    }
    d->dialect->release(d->gpu, memory);
    return result;
}

/* ---- the engine ---- */

static void release(void *self)
{
    struct mm_gpu_network *d = self;
    mm_gpu_release_network(d);
    if (d->token)
        d->dialect->forget(d->gpu, d->token);
    free(d->stream);
    free(d);
}

static void measure(struct mm_gpu_network *d)
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
    struct mm_gpu_network *d = calloc(1, sizeof *d);
    if (!d)
        return mm_diag_memory(diags);
    d->gpu = gpu;
    d->dialect = gpu->dialect;
    d->network = network;
    d->context = context;
    measure(d);
    d->blocks = calloc(d->block_count, sizeof *d->blocks);
    d->stream = calloc(d->embedding, MM_GPU_BATCH * sizeof *d->stream);
    if (!d->blocks || !d->stream ? (mm_diag_memory(diags), true) : mm_gpu_place_network(d, diags) < 0) {
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
