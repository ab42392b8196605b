/* All artifacts of a model that is verified: which are wanted, and who reads them. */
#include <stdlib.h>
#include <string.h>

#include "act/verify_parts.h"
#include "base/pool.h"

/* What one artifact's reader finds, until all are read. */
struct found {
    struct mm_diags diags;
    struct mm_buf bad_ranges;
};

struct files {
    struct mm_verification *v;
    struct found *found; /* one an artifact */
};

static bool wanted(const struct mm_verification *v, const char *path)
{
    for (size_t i = 0; i < v->options->only_count; i++)
        if (strcmp(v->options->only[i], path) == 0)
            return true;
    return v->options->only_count == 0;
}

/* The manifest fails by itself, and that is enough. */
static bool failed_early(const struct mm_verification *v)
{
    bool failed = false;
    for (int check = 0; check < MM_CHECK_FIRST_OF_ARTIFACT; check++)
        failed = failed || v->report->checks[check].result == MM_RESULT_FAIL;
    return failed && v->options->early;
}

/* Reads artifact WHICH for its `found`, on any thread. */
static void read_one(const struct files *files, size_t which, struct mm_hash_means means)
{
    struct mm_verification own = *files->v;
    own.diags = &files->found[which].diags;
    own.bad_ranges = own.bad_ranges ? &files->found[which].bad_ranges : NULL;
    own.means = means;
    mm_verify_artifact(&own, which);
}

static int read_job(const void *context, void *slot, struct mm_diags *diags)
{
    const struct files *files = context;
    const size_t *which = slot;
    (void)diags;
    read_one(files, *which, files->v->means);
    return 0;
}

static int take_job(void *context, void *slot, int result, struct mm_diags *diags)
{
    (void)context, (void)slot, (void)diags;
    return result;
}

static const struct mm_pool_kind readers = {sizeof(size_t), read_job, take_job, NULL, 1};

/* Chunk hashes alone are worth all threads where the file is more than a thread's share of the bytes; a whole-file hash is one
 * thread's work anyway. */
static bool reads_alone(const struct mm_verification *v, size_t which)
{
    uint64_t bytes = v->report->artifacts[which].claim.chunks.bytes;
    return v->options->quick && bytes > v->part.tally->total / v->options->means.threads;
}

/* Reads those of the wanted artifacts that are worth it one after the other, the rest several at once. */
static int read_at_once(const struct files *files, const bool *skip, size_t count)
{
    struct mm_verification *v = files->v;
    v->means = mm_hash_means_share(v->options->means, count);
    struct mm_pool *pool = mm_pool_new(&readers, (void *)files, v->options->means.threads, v->diags);
    if (!pool)
        return -1;
    for (size_t i = 0; i < v->report->count; i++)
        if (!skip[i] && reads_alone(v, i))
            read_one(files, i, v->options->means);
    for (size_t i = 0; i < v->report->count; i++)
        if (!skip[i] && !reads_alone(v, i)) {
            size_t *which = mm_pool_slot(pool, v->diags);
            *which = i;
            mm_pool_give(pool);
        }
    mm_pool_settle(pool, v->diags);
    mm_pool_free(pool);
    return 0;
}

/* A supply gives one artifact after the other. */
static void read_in_turn(struct mm_verification *v, const bool *skip)
{
    v->means = v->options->means;
    for (size_t i = 0; i < v->report->count; i++)
        if (!skip[i])
            mm_verify_artifact(v, i);
}

/* Marks what is not read, and why. Returns the number of artifacts that are. */
static size_t choose(struct mm_verification *v, bool *skip)
{
    bool early = failed_early(v);
    size_t count = 0;
    for (size_t i = 0; i < v->report->count; i++) {
        const struct mm_claim *claim = &v->report->artifacts[i].claim;
        bool is_wanted = wanted(v, claim->path);
        v->members[i] = (struct mm_member){.path = claim->path, .role = claim->role};
        skip[i] = early || !is_wanted;
        if (skip[i])
            mm_verify_skip(v, i, is_wanted ? "none: the manifest fails by itself" : "only");
        else
            v->part.tally->total += claim->chunks.bytes;
        count += !skip[i];
    }
    return count;
}

/* What was found, in the manifest's order. */
static void take_found(const struct files *files)
{
    struct mm_verification *v = files->v;
    for (size_t i = 0; i < v->report->count; i++) {
        struct found *found = &files->found[i];
        mm_diags_move(v->diags, &found->diags);
        if (found->bad_ranges.length)
            mm_buf_add(v->bad_ranges, found->bad_ranges.data, found->bad_ranges.length);
        if (found->bad_ranges.failed)
            v->bad_ranges->failed = true;
        mm_diags_release(&found->diags);
        mm_buf_release(&found->bad_ranges);
    }
}

static int read_several(struct mm_verification *v, const bool *skip, size_t count)
{
    struct files files = {v, calloc(v->report->count, sizeof *files.found)};
    if (!files.found)
        return mm_diag_memory(v->diags);
    for (size_t i = 0; i < v->report->count; i++)
        mm_diags_init(&files.found[i].diags);
    int result = read_at_once(&files, skip, count);
    take_found(&files);
    free(files.found);
    return result;
}

/* Starting threads takes as long as hashing some hundred KiB, and opening a file as long as hashing some of them. */
#define WORTH_THREADS ((uint64_t)1 << 20)
#define BYTES_OF_OPENING ((uint64_t)1 << 14)

static bool worth_threads(const struct mm_verification *v, size_t count)
{
    return !v->options->supply && count > 1 && v->options->means.threads > 1 &&
           (v->part.tally->total >= WORTH_THREADS || count >= WORTH_THREADS / BYTES_OF_OPENING);
}

int mm_verify_files(struct mm_verification *v)
{
    struct mm_tally tally = {
        .progress = v->options->progress, .context = v->options->progress_context, .lock = PTHREAD_MUTEX_INITIALIZER};
    bool *skip = calloc(v->report->count ? v->report->count : 1, sizeof *skip);
    int result = 0;
    if (!skip)
        return mm_diag_memory(v->diags);
    v->part.tally = &tally;
    size_t count = choose(v, skip);
    if (worth_threads(v, count))
        result = read_several(v, skip, count);
    else
        read_in_turn(v, skip);
    v->part.tally = NULL;
    free(skip);
    return result;
}
