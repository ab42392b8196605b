/* Runs a model over tokens that are given as numbers, and says its logits: what tests compare with other engines' answers.
 *
 *   logits MODEL [--tokenizer FILE] [--kernels NAME] [--fast] [--threads N] [--batch N] [--device NAME]
 *
 * Reads lines of standard input, a sequence each, and answers each with one line of JSON:
 *   greedy COUNT TOKEN...   the tokens fed, then COUNT tokens chosen, the largest logit each: {"tokens": [...], "logits": [[...], ...]}, the logits of
 *                           every choice; ends early before a token that is 1 or 2
 *   forced TOKEN...         {"logits": [[...], ...]} behind each token
 *   hash TOKEN...           {"hash": "..."} of all bits of the logits behind each token, and of what each layer left
 * --batch: tokens of one call, 0 (as it is left out) for all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/cpu.h"
#include "infer/gpu.h"

struct given {
    const char *model, *kernels, *device;
    struct mm_checkpoint_options options;
    bool fast;
    unsigned threads;
    size_t batch;
};

struct running {
    struct mm_engine engine;
    struct mm_diags *diags;
    size_t batch;
    uint64_t hash;
};

static void report(struct mm_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        fprintf(stderr, "%s: %s: %s [%s]\n", diags->items[i].file,
                diags->items[i].severity == MM_ERROR ? "error" : "note", diags->items[i].text,
                mm_rule_info(diags->items[i].rule)->name);
    mm_diags_clear(diags);
}

static bool take_options(int argc, char **argv, struct given *given)
{
    *given = (struct given){.threads = 1, .options = {.run = true}};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--fast") == 0)
            given->fast = true;
        else if (strcmp(argv[i], "--tokenizer") == 0 && more)
            given->options.tokenizer = argv[++i];
        else if (strcmp(argv[i], "--kernels") == 0 && more)
            given->kernels = argv[++i];
        else if (strcmp(argv[i], "--device") == 0 && more)
            given->device = argv[++i];
        else if (strcmp(argv[i], "--threads") == 0 && more)
            given->threads = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--batch") == 0 && more)
            given->batch = (size_t)atoi(argv[++i]);
        else if (argv[i][0] != '-' && !given->model)
            given->model = argv[i];
        else
            return false;
    }
    return given->model;
}

static void add_bits(uint64_t *hash, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        *hash = (*hash ^ bits) * 0x100000001b3u;
    }
}

static int add_layer(void *context, int layer, const char *name, uint64_t position, const float *values, size_t count,
                     struct mm_diags *diags)
{
    struct running *r = context;
    (void)layer, (void)name, (void)position, (void)diags;
    add_bits(&r->hash, values, count);
    return 0;
}

static bool feed(struct running *r, const uint32_t *tokens, size_t count, float *logits, mm_trace_fn *trace)
{
    for (size_t at = 0, step; at < count; at += step) {
        step = r->batch > 0 && count - at > r->batch ? r->batch : count - at;
        if (r->engine.feed(r->engine.self, tokens + at, step, true, logits + at * r->engine.vocabulary, trace, r,
                           r->diags) < 0)
            return false;
    }
    return true;
}

static void print_row(const char *before, const float *logits, size_t count)
{
    printf("%s[", before);
    for (size_t i = 0; i < count; i++)
        printf(i ? ",%.9g" : "%.9g", (double)logits[i]);
    printf("]");
}

static uint32_t largest(const float *logits, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    return (uint32_t)best;
}

static bool answer_greedy(struct running *r, size_t wanted, const uint32_t *tokens, size_t count, float *logits)
{
    size_t vocabulary = r->engine.vocabulary, made = 0;
    uint32_t *chosen = calloc(wanted + 1, sizeof *chosen);
    bool good = feed(r, tokens, count, logits, NULL);
    float *last = logits + (count - 1) * vocabulary;
    printf("{\"logits\": [");
    for (; good && made < wanted; made++) {
        uint32_t best = largest(last, vocabulary);
        print_row(made ? ", " : "", last, vocabulary);
        if (best == 1 || best == 2)
            break;
        chosen[made] = best;
        good = feed(r, &chosen[made], 1, last, NULL);
    }
    printf("], \"tokens\": [");
    for (size_t i = 0; i < made; i++)
        printf(i ? ", %" PRIu32 : "%" PRIu32, chosen[i]);
    printf("]}\n");
    free(chosen);
    return good;
}

static bool answer(struct running *r, const char *how, size_t wanted, const uint32_t *tokens, size_t count,
                   float *logits)
{
    size_t vocabulary = r->engine.vocabulary;
    r->engine.rewind(r->engine.self, 0);
    if (strcmp(how, "greedy") == 0)
        return answer_greedy(r, wanted, tokens, count, logits);
    if (strcmp(how, "forced") == 0) {
        if (!feed(r, tokens, count, logits, NULL))
            return false;
        printf("{\"logits\": [");
        for (size_t i = 0; i < count; i++)
            print_row(i ? ", " : "", logits + i * vocabulary, vocabulary);
        printf("]}\n");
        return true;
    }
    /* layer by layer for each position, whatever the batch: a trace comes layer by layer for each call */
    r->batch = r->batch ? r->batch : count;
    r->hash = 0xcbf29ce484222325u;
    if (!feed(r, tokens, count, logits, r->batch == 1 ? add_layer : NULL))
        return false;
    uint64_t layers = r->hash;
    r->hash = 0xcbf29ce484222325u;
    add_bits(&r->hash, logits, count * vocabulary);
    printf("{\"hash\": \"%016" PRIx64 "\", \"layers\": \"%016" PRIx64 "\"}\n", r->hash, layers);
    return true;
}

/* Answers the lines of standard input. */
static bool answer_all(struct running *r)
{
    char *line = NULL;
    size_t size = 0, vocabulary = r->engine.vocabulary, context = r->engine.context;
    float *logits = calloc((context + 1) * vocabulary, sizeof *logits);
    uint32_t *tokens = calloc(context + 1, sizeof *tokens);
    bool good = logits && tokens;
    while (good && getline(&line, &size, stdin) > 0) {
        char *rest = NULL, *how = strtok_r(line, " \n", &rest), *word;
        size_t count = 0, wanted = 0;
        if (how && strcmp(how, "greedy") == 0 && (word = strtok_r(NULL, " \n", &rest)))
            wanted = strtoul(word, NULL, 10);
        while ((word = strtok_r(NULL, " \n", &rest)) && count < context)
            tokens[count++] = (uint32_t)strtoul(word, NULL, 10);
        for (size_t i = 0; i < count; i++)
            good = good && tokens[i] < vocabulary;
        good = good && how && count > 0 && count + wanted <= context && answer(r, how, wanted, tokens, count, logits);
        fflush(stdout);
    }
    free(line);
    free(logits);
    free(tokens);
    return good;
}

int main(int argc, char **argv)
{
    struct given given;
    struct mm_diags diags;
    struct mm_checkpoint checkpoint;
    struct mm_network network = {0};
    struct mm_crew *crew = NULL;
    struct mm_gpu *gpu = NULL;
    if (!take_options(argc, argv, &given))
        return 2;
    mm_diags_init(&diags);
    const struct mm_kernels *kernels = mm_kernels_find(given.kernels, given.fast);
    if (!kernels) {
        fprintf(stderr, "no kernels %s here\n", given.kernels ? given.kernels : "");
        return 77;
    }
    if (given.device && !(gpu = mm_gpu_open(given.device, -1, &diags))) {
        report(&diags);
        return 77;
    }
    bool good = mm_checkpoint_open(&checkpoint, given.model, &given.options, &diags) == 0 &&
                mm_network_open(&network, &checkpoint, &diags) == 0 && (crew = mm_crew_new(given.threads, &diags));
    if (good) {
        struct running running = {.diags = &diags, .batch = given.batch};
        size_t context =
            network.llama.numbers[MM_LLAMA_CONTEXT_LENGTH] < 512 ? network.llama.numbers[MM_LLAMA_CONTEXT_LENGTH] : 512;
        good = (gpu ? mm_gpu_engine(&running.engine, &network, gpu, context, &diags)
                    : mm_cpu_engine(&running.engine, &network, kernels, crew, context, &diags)) == 0;
        if (good) {
            fprintf(stderr, "%s\n", running.engine.device);
            good = answer_all(&running);
            running.engine.free(running.engine.self);
        }
    }
    good = good && mm_network_finish(&network, &diags) == 0 && mm_checkpoint_finish(&checkpoint, &diags) == 0;
    report(&diags);
    mm_gpu_close(gpu);
    mm_crew_free(crew);
    mm_network_release(&network);
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    return good ? 0 : 1;
}
