/* How fast the CPU's engine runs a model: tokens a second of a prompt and of generation, the start left out, beside what a plain loop reads here.
 *
 *   infer MODEL [--tokens N] [--prompt N] [--threads N] [--kernels NAME] [--fast] [--runs N]
 *
 * One line a run: prompt tokens a second, generated tokens a second, bytes of weights read for each, GB a second that these are, GB a second of the plain loop. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "infer/cpu.h"

struct given {
    const char *model, *kernels;
    size_t tokens, prompt, runs;
    unsigned threads;
    bool fast;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Seconds that all threads computed: steadier than the clock where others compute beside. Threads that wait for each other do so by computing. */
static double computed(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool take_options(int argc, char **argv, struct given *given)
{
    *given = (struct given){.tokens = 128, .prompt = 32, .runs = 3, .threads = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--fast") == 0)
            given->fast = true;
        else if (argv[i][0] != '-' && !given->model)
            given->model = argv[i];
        else if (!value)
            return false;
        else if (strcmp(argv[i], "--kernels") == 0)
            given->kernels = argv[++i];
        else if (strcmp(argv[i], "--tokens") == 0)
            given->tokens = (size_t)atoi(argv[++i]);
        else if (strcmp(argv[i], "--prompt") == 0)
            given->prompt = (size_t)atoi(argv[++i]);
        else if (strcmp(argv[i], "--runs") == 0)
            given->runs = (size_t)atoi(argv[++i]);
        else if (strcmp(argv[i], "--threads") == 0)
            given->threads = (unsigned)atoi(argv[++i]);
        else
            return false;
    }
    return given->model && given->tokens > 0 && given->prompt > 0;
}

/* ---- a plain loop over memory ---- */

struct reading {
    const uint64_t *words;
    uint64_t sums[MM_CREW_THREADS];
};

static void read_words(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    struct reading *reading = context;
    uint64_t sums[8] = {0};
    for (uint64_t i = first; i + 8 <= first + count; i += 8)
        for (int j = 0; j < 8; j++)
            sums[j] += reading->words[i + (uint64_t)j];
    for (int j = 0; j < 8; j++)
        reading->sums[thread] += sums[j];
}

/* GB a second, the best of five. */
static double bandwidth(struct mm_crew *crew)
{
    size_t size = (size_t)256 << 20;
    uint64_t *words = malloc(size);
    double best = 0;
    if (!words)
        return 0;
    memset(words, 1, size);
    for (int i = 0; i < 5; i++) {
        struct reading reading = {.words = words};
        double begin = now();
        mm_crew_share(crew, size / 8, 65536, read_words, &reading);
        double rate = (double)size / (now() - begin) / 1e9;
        best = rate > best && reading.sums[0] ? rate : best;
    }
    free(words);
    return best;
}

/* ---- the model ---- */

/* Bytes of all matrices that a token is multiplied with. */
static uint64_t weight_bytes(const struct mm_network *network)
{
    uint64_t sum = network->output.rows * network->output.row_bytes;
    for (uint32_t i = 0; i < network->llama.numbers[MM_LLAMA_BLOCK_COUNT]; i++) {
        const struct mm_network_block *b = &network->blocks[i];
        const struct mm_matrix *all[] = {&b->query, &b->key, &b->value, &b->attention_out, &b->gate, &b->up, &b->down};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            sum += all[j]->rows * all[j]->row_bytes;
    }
    return sum;
}

static uint32_t largest(const float *logits, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return (uint32_t)best;
}

static bool measure(struct mm_engine *engine, const struct given *given, uint64_t bytes, double plain,
                    struct mm_diags *diags)
{
    float *logits = calloc(engine->vocabulary, sizeof *logits);
    uint32_t *prompt = calloc(given->prompt, sizeof *prompt);
    bool good = logits && prompt;
    for (size_t i = 0; good && i < given->prompt; i++)
        prompt[i] = (uint32_t)((i * 7919 + 1) % engine->vocabulary);
    for (size_t run = 0; good && run < given->runs; run++) {
        engine->rewind(engine->self, 0);
        double begin = now();
        good = engine->feed(engine->self, prompt, given->prompt, false, logits, NULL, NULL, diags) == 0;
        double middle = now(), cpu = computed();
        for (size_t i = 0; good && i < given->tokens; i++) {
            uint32_t token = largest(logits, engine->vocabulary);
            good = engine->feed(engine->self, &token, 1, false, logits, NULL, NULL, diags) == 0;
        }
        double rate = (double)given->tokens / (now() - middle);
        printf("%s%s: prompt %.1f tokens/s, generation %.1f tokens/s, %" PRIu64
               " bytes a token, %.2f GB/s of %.2f, %.2f GB a CPU second\n",
               engine->device, given->fast ? ", fast" : "", (double)given->prompt / (middle - begin), rate, bytes,
               rate * (double)bytes / 1e9, plain, (double)given->tokens * (double)bytes / 1e9 / (computed() - cpu));
        fflush(stdout);
    }
    free(logits);
    free(prompt);
    return good;
}

int main(int argc, char **argv)
{
    const struct mm_checkpoint_options options = {.run = true};
    struct given given;
    struct mm_diags diags;
    struct mm_checkpoint checkpoint;
    struct mm_network network = {0};
    struct mm_engine engine = {0};
    if (!take_options(argc, argv, &given)) {
        fputs("usage: infer MODEL [--tokens N] [--prompt N] [--threads N] [--kernels NAME] [--fast] [--runs N]\n",
              stderr);
        return 2;
    }
    mm_diags_init(&diags);
    const struct mm_kernels *kernels = mm_kernels_find(given.kernels, given.fast);
    struct mm_crew *crew = mm_crew_new(given.threads, &diags);
    double begin = now();
    bool good = kernels && crew && mm_checkpoint_open(&checkpoint, given.model, &options, &diags) == 0 &&
                mm_network_open(&network, &checkpoint, &diags) == 0 &&
                mm_cpu_engine(&engine, &network, kernels, crew, given.prompt + given.tokens + 1, &diags) == 0;
    if (good) {
        printf("opened in %.3f s, %" PRIu64 " bytes of memory beside the weights\n", now() - begin,
               mm_network_memory(&network.llama, engine.context, MM_CPU_BATCH));
        good = measure(&engine, &given, weight_bytes(&network), bandwidth(crew), &diags);
        engine.free(engine.self);
    }
    for (size_t i = 0; i < diags.count; i++)
        fprintf(stderr, "%s\n", diags.items[i].text);
    if (kernels && crew) {
        mm_network_release(&network);
        mm_checkpoint_release(&checkpoint);
    }
    mm_crew_free(crew);
    mm_diags_release(&diags);
    return good ? 0 : 1;
}
