/* Running: what opens as a model to be run is bound and run over a few tokens, or a finding says why not; the same bits in one call and in several. */
#include <string.h>

#include "infer/cpu.h"
#include "source.h"

#define CONTEXT 5
#define MEMORY ((uint64_t)16 << 20) /* models that need more are left alone: theirs is the command's limit */

/* What three tokens make of the model, in calls of STEP. Returns whether every layer was made of finite numbers. */
static bool run(struct mm_engine *engine, size_t step, float *logits, struct mm_diags *diags)
{
    const uint32_t tokens[] = {0, (uint32_t)engine->vocabulary - 1, (uint32_t)engine->vocabulary / 2};
    engine->rewind(engine->self, 0);
    for (size_t at = 0; at < 3; at += step)
        if (engine->feed(engine->self, tokens + at, step, false, logits, NULL, NULL, diags) < 0) {
            must(diags->errors == 1 && diags->items[diags->count - 1].rule == MM_RULE_INFER_NUMBER);
            return false;
        }
    return true;
}

static void run_network(const struct mm_network *network, const char *kernels, struct mm_diags *diags)
{
    struct mm_engine engine;
    size_t size = network->output.rows * sizeof(float);
    float *one = malloc(size), *other = malloc(size);
    struct mm_crew *crew = mm_crew_new(1, diags);
    must(one && other && crew &&
         mm_cpu_engine(&engine, network, mm_kernels_find(kernels, false), crew, CONTEXT, diags) == 0);
    bool finite = run(&engine, 1, one, diags);
    mm_diags_clear(diags);
    must(run(&engine, 3, other, diags) == finite);
    must(!finite || memcmp(one, other, size) == 0);
    mm_diags_clear(diags);
    engine.free(engine.self);
    mm_crew_free(crew);
    free(one);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mm_checkpoint_options options = {.run = true};
    struct mm_checkpoint checkpoint;
    struct mm_network network = {0};
    struct mm_diags diags;
    int fd = source_fd(data, size);
    char path[32];
    mm_diags_init(&diags);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool opened = mm_checkpoint_open(&checkpoint, path, &options, &diags) == 0;
    must(opened == (diags.errors == 0));
    if (opened && mm_network_memory(&checkpoint.slm.llama, CONTEXT, MM_CPU_BATCH) <= MEMORY) {
        bool bound = mm_network_open(&network, &checkpoint, &diags) == 0;
        must(bound == (diags.errors == 0));
        mm_diags_clear(&diags);
        if (bound) {
            run_network(&network, NULL, &diags);
            run_network(&network, "portable", &diags);
            must(mm_network_finish(&network, &diags) == 0);
        }
        mm_network_release(&network);
    }
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    close(fd);
    return 0;
}
