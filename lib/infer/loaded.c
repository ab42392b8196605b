#include "infer/loaded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/source.h"
#include "hash/sha256.h"

#define HASH_WINDOW ((size_t)2 << 20) /* bytes of the file that are in hand at once */

/* The first file that holds a tensor. */
static size_t find_artifact(const struct mm_checkpoint *checkpoint)
{
    for (size_t file = 0; file < checkpoint->file_count; file++)
        for (size_t i = 0; i < checkpoint->slm.tensor_count; i++)
            if (checkpoint->stored[i].fd == checkpoint->files[file].fd)
                return file;
    return 0;
}

int mm_loaded_open(struct mm_loaded *loaded, const char *const *paths, size_t count,
                   const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    *loaded = (struct mm_loaded){0};
    if (mm_checkpoint_open_files(&loaded->checkpoint, paths, count, options, diags) < 0)
        return -1;
    loaded->artifact = find_artifact(&loaded->checkpoint);
    if (mm_encoder_new(&loaded->encoder, &loaded->checkpoint.slm.tokenizer, diags) < 0)
        return -1;
    const char *name = loaded->checkpoint.slm.name;
    mm_encoder_named(loaded->encoder, name ? name : "");
    return 0;
}

uint64_t mm_loaded_context(const struct mm_loaded *loaded)
{
    return loaded->checkpoint.slm.llama.numbers[MM_LLAMA_CONTEXT_LENGTH];
}

static void hash_bytes(void *sha, const unsigned char *bytes, size_t length)
{
    mm_sha256_update(sha, bytes, length);
}

int mm_loaded_hash(const struct mm_loaded *loaded, unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    static const struct mm_source_shape shape = {.window = HASH_WINDOW, .count = 1};
    const struct mm_checkpoint_file *file = &loaded->checkpoint.files[loaded->artifact];
    struct mm_sha256 *sha = mm_sha256_new();
    struct mm_source source = {0};
    const char *shown = diags->file;
    int result = sha ? 0 : mm_diag_memory(diags);
    diags->file = file->path;
    if (result == 0)
        result = lseek(file->fd, 0, SEEK_SET) < 0 ? mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno)
                                                  : mm_source_open_wide(&source, file->fd, NULL, &shape, diags);
    source.sink = hash_bytes;
    source.sink_context = sha;
    if (result == 0)
        result = mm_source_finish(&source, diags);
    if (result == 0)
        mm_sha256_take(sha, sha256);
    mm_source_release(&source);
    mm_sha256_free(sha);
    diags->file = shown;
    return result;
}

/* The same with BESIDE engines more, each with a sequence of its own. */
static uint64_t memory_of(const struct mm_loaded *loaded, const struct mm_loading *how, size_t engines, size_t beside)
{
    struct mm_llama llama = loaded->checkpoint.slm.llama;
    uint64_t one, all = 0, copied = mm_network_copied(&loaded->checkpoint);
    mm_llama_defaults(&llama);
    one = mm_network_memory(&llama, how->context, MM_CPU_BATCH);
    bool told = one != UINT64_MAX && copied != UINT64_MAX && mm_add_product(&all, one, engines + beside, 1) &&
                mm_add(all, copied, &all) && mm_add_product(&all, how->beside, beside + 1, 1);
    return told ? all : UINT64_MAX;
}

/* How many engines there are to be beside the first one: one for each thread more, or none. */
static size_t wanted_beside(const struct mm_loaded *loaded, const struct mm_loading *how, size_t engines)
{
    struct mm_llama llama = loaded->checkpoint.slm.llama;
    size_t more = how->threads - 1;
    bool all_gpus = how->gpus != NULL;
    for (size_t i = 0; i < engines && all_gpus; i++)
        all_gpus = how->gpus[i] != NULL;
    mm_llama_defaults(&llama);
    if (how->sequences < 2 || all_gpus || mm_network_work(&llama) >= MM_CPU_ALONE)
        return 0;
    return memory_of(loaded, how, engines, more) <= how->max_memory ? more : 0;
}

uint64_t mm_loaded_memory(const struct mm_loaded *loaded, const struct mm_loading *how, size_t engines)
{
    return memory_of(loaded, how, engines, wanted_beside(loaded, how, engines));
}

static int check_memory(const struct mm_loaded *loaded, const struct mm_loading *how, size_t engines,
                        struct mm_diags *diags)
{
    uint64_t needed = mm_loaded_memory(loaded, how, engines);
    if (needed <= how->max_memory)
        return 0;
    if (needed == UINT64_MAX)
        return mm_diag(diags, MM_RULE_INFER_MEMORY,
                       "expected a model that needs at most %" PRIu64
                       " bytes beside its weights, found one that needs more than can be told",
                       how->max_memory);
    return mm_diag(diags, MM_RULE_INFER_MEMORY,
                   "expected a model that needs at most %" PRIu64
                   " bytes beside its weights, found one that needs %" PRIu64 " for %zu positions",
                   how->max_memory, needed, how->context);
}

/* Engines for the threads that the crew has got, up to COUNT more than the first one. */
static int start_beside(struct mm_loaded *loaded, const struct mm_loading *how, size_t count,
                        const struct mm_kernels *kernels, struct mm_diags *diags)
{
    size_t others = mm_crew_threads(loaded->crew) - 1;
    count = count < others ? count : others;
    loaded->beside = count > 0 ? mm_realloc_array(NULL, count, sizeof *loaded->beside) : NULL;
    if (count > 0 && !loaded->beside)
        return mm_diag_memory(diags);
    for (; loaded->beside_count < count; loaded->beside_count++)
        if (mm_cpu_engine(&loaded->beside[loaded->beside_count], &loaded->network, kernels, loaded->crew, how->context,
                          diags) < 0)
            return -1;
    return 0;
}

int mm_loaded_start(struct mm_loaded *loaded, const struct mm_loading *how, size_t count, struct mm_diags *diags)
{
    const struct mm_kernels *kernels = mm_kernels_find(how->instructions, how->fast);
    if (!kernels)
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "expected %s kernels that this processor can run, found none%s%s",
                       how->fast ? "fast" : "exact", how->instructions ? " called " : "",
                       how->instructions ? how->instructions : "");
    if (check_memory(loaded, how, count, diags) < 0 ||
        mm_network_open(&loaded->network, &loaded->checkpoint, diags) < 0)
        return -1;
    loaded->crew = mm_crew_new(how->threads, diags);
    if (!loaded->crew)
        return -1;
    for (; loaded->engine_count < count && loaded->engine_count < MM_LOADED_ENGINES; loaded->engine_count++) {
        struct mm_engine *engine = &loaded->engines[loaded->engine_count];
        struct mm_gpu *gpu = how->gpus ? how->gpus[loaded->engine_count] : NULL;
        if (gpu ? mm_gpu_engine(engine, &loaded->network, gpu, how->context, diags) < 0
                : mm_cpu_engine(engine, &loaded->network, kernels, loaded->crew, how->context, diags) < 0)
            return -1;
    }
    return start_beside(loaded, how, wanted_beside(loaded, how, count), kernels, diags);
}

size_t mm_loaded_abreast(const struct mm_loaded *loaded, size_t which)
{
    bool cpu = !loaded->engines[which].read_rate;
    return cpu && loaded->beside_count > 0 ? loaded->beside_count + 1 : 1;
}

int mm_loaded_finish(const struct mm_loaded *loaded, struct mm_diags *diags)
{
    int result = loaded->network.self ? mm_network_finish(&loaded->network, diags) : 0;
    return mm_checkpoint_finish(&loaded->checkpoint, diags) < 0 ? -1 : result;
}

void mm_loaded_release(struct mm_loaded *loaded)
{
    for (size_t i = 0; i < loaded->engine_count; i++)
        loaded->engines[i].free(loaded->engines[i].self);
    for (size_t i = 0; i < loaded->beside_count; i++)
        loaded->beside[i].free(loaded->beside[i].self);
    free(loaded->beside);
    mm_crew_free(loaded->crew);
    mm_network_release(&loaded->network);
    mm_encoder_free(loaded->encoder);
    mm_checkpoint_release(&loaded->checkpoint);
    *loaded = (struct mm_loaded){0};
}
