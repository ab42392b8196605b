#include "infer/pace.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "infer/smoke.h"

#define ROUNDS 5
#define WORDS 8       /* that are added side by side */
#define STEP 4194304u /* bytes of a thread's share */

/* ---- reading memory ---- */

struct reading {
    const uint64_t *words;
    uint64_t sums[MM_CREW_THREADS]; /* so that nothing is left out */
};

static void read_share(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    struct reading *reading = context;
    const uint64_t *words = reading->words + first / sizeof *words;
    uint64_t sums[WORDS] = {0}, all = 0;
    for (uint64_t i = 0; i < count / sizeof *words; i += WORDS)
        for (int k = 0; k < WORDS; k++)
            sums[k] += words[i + k];
    for (int k = 0; k < WORDS; k++)
        all += sums[k];
    reading->sums[thread] += all;
}

static int read_memory(struct mm_crew *crew, double *rate, struct mm_diags *diags)
{
    struct reading reading = {.words = malloc(MM_PACE_READ)};
    if (!reading.words)
        return mm_diag_memory(diags);
    memset((void *)reading.words, 1, MM_PACE_READ);
    for (int round = 0; round < ROUNDS; round++) {
        double start = mm_clock_seconds();
        mm_crew_share(crew, MM_PACE_READ, STEP, read_share, &reading);
        double found = MM_PACE_READ / (mm_clock_seconds() - start);
        *rate = found > *rate ? found : *rate;
    }
    volatile uint64_t kept = reading.sums[0];
    (void)kept;
    free((void *)reading.words);
    return 0;
}

/* ---- the model ---- */

static uint64_t matrix_bytes(const struct mm_matrix *matrix)
{
    return matrix->bytes ? matrix->rows * matrix->row_bytes : 0;
}

/* What one token reads with POSITIONS before it. */
static uint64_t bytes_of_token(const struct mm_network *network, uint64_t positions)
{
    const uint32_t *n = network->llama.numbers;
    uint64_t bytes = network->embedding.row_bytes + matrix_bytes(&network->output);
    for (uint32_t i = 0; i < n[MM_LLAMA_BLOCK_COUNT]; i++) {
        const struct mm_network_block *block = &network->blocks[i];
        bytes += matrix_bytes(&block->query) + matrix_bytes(&block->key) + matrix_bytes(&block->value) +
                 matrix_bytes(&block->attention_out) + matrix_bytes(&block->gate) + matrix_bytes(&block->up) +
                 matrix_bytes(&block->down);
    }
    return bytes + positions * n[MM_LLAMA_BLOCK_COUNT] * n[MM_LLAMA_HEAD_COUNT_KV] *
                       (n[MM_LLAMA_KEY_LENGTH] + n[MM_LLAMA_VALUE_LENGTH]) * sizeof(float);
}

/* The I-th of tokens that are nothing in particular. */
static uint32_t some_token(const struct mm_engine *engine, uint64_t i)
{
    return (uint32_t)((i * 7919 + 3) % engine->vocabulary);
}

static int run(const struct mm_engine *engine, uint32_t *tokens, float *logits, struct mm_pace *pace,
               struct mm_diags *diags)
{
    for (uint64_t i = 0; i < pace->prompt; i++)
        tokens[i] = some_token(engine, i);
    engine->rewind(engine->self, 0);
    double start = mm_clock_seconds();
    if (engine->feed(engine->self, tokens, pace->prompt, false, logits, NULL, NULL, diags) < 0)
        return -1;
    pace->prompt_seconds = mm_clock_seconds() - start;
    start = mm_clock_seconds();
    for (uint64_t i = 0; i < pace->tokens; i++) {
        uint32_t token = some_token(engine, pace->prompt + i);
        if (engine->feed(engine->self, &token, 1, false, logits, NULL, NULL, diags) < 0)
            return -1;
    }
    pace->token_seconds = mm_clock_seconds() - start;
    return 0;
}

int mm_pace_run(struct mm_loaded *loaded, uint64_t prompt, uint64_t tokens, struct mm_pace *pace,
                struct mm_diags *diags)
{
    const struct mm_engine *engine = &loaded->engines[0];
    *pace = (struct mm_pace){.prompt = prompt, .tokens = tokens};
    pace->bytes = bytes_of_token(&loaded->network, prompt + tokens / 2);
    float *logits = calloc(engine->vocabulary, sizeof *logits);
    uint32_t *ids = calloc(prompt ? prompt : 1, sizeof *ids);
    int result = !logits || !ids     ? mm_diag_memory(diags)
                 : engine->read_rate ? engine->read_rate(engine->self, &pace->read_rate, diags)
                                     : read_memory(loaded->crew, &pace->read_rate, diags);
    if (result == 0)
        result = run(engine, ids, logits, pace, diags);
    free(logits);
    free(ids);
    return result;
}
