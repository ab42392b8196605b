#include "exchange/judge.h"

#include <stdlib.h>

#include "base/thread.h"
#include "hash/sha256_path.h"

struct mm_judge {
    struct mm_landing *landing;
    struct mm_judged chunks[MM_JUDGE_CHUNKS];
    uint64_t given, judged, taken; /* chunks; the one at `judged` is at work, if it was given */
    size_t lanes;                  /* chunks that are hashed at once */
    size_t waiting;                /* bytes of those that are not judged */
    bool ending;
    struct mm_diags findings; /* the thread's, until they are taken */
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* a chunk was given, or the end; one was judged */
    pthread_t thread;
};

/* How many chunks from the oldest on are judged together: those of one length that somebody needs, as many as are hashed at once. */
static size_t group(const struct mm_judge *judge)
{
    const struct mm_judged *oldest = &judge->chunks[judge->judged % MM_JUDGE_CHUNKS];
    size_t count = 1;
    while (oldest->needed && count < judge->lanes && judge->judged + count < judge->given) {
        const struct mm_judged *next = &judge->chunks[(judge->judged + count) % MM_JUDGE_CHUNKS];
        if (!next->needed || next->length != oldest->length)
            break;
        count++;
    }
    return count;
}

static void put(struct mm_judge *judge, size_t count, struct mm_diags *findings)
{
    const unsigned char *pieces[MM_JUDGE_CHUNKS] = {NULL};
    unsigned char hashes[MM_JUDGE_CHUNKS][MM_HASH_BYTES];
    struct mm_judged *others[MM_JUDGE_CHUNKS], *chunk = NULL;
    size_t other_count = 0;
    for (size_t i = 0; i < count; i++) {
        chunk = &judge->chunks[(judge->judged + i) % MM_JUDGE_CHUNKS];
        if (!mm_landing_put_next(judge->landing, chunk->item, chunk->chunk, chunk->bytes, chunk->length, &chunk->result,
                                 findings)) {
            pieces[other_count] = chunk->bytes;
            others[other_count++] = chunk;
        }
    }
    if (other_count > 0)
        mm_sha256_pieces(NULL, pieces, other_count, chunk->length, hashes);
    for (size_t i = 0; i < other_count; i++)
        others[i]->result = mm_landing_put(judge->landing, others[i]->item, others[i]->chunk, others[i]->bytes,
                                           others[i]->length, hashes[i], findings);
}

/* Judges the oldest chunks. With the lock, which is given back meanwhile. */
static void judge_oldest(struct mm_judge *judge)
{
    size_t count = group(judge);
    struct mm_diags findings;
    if (judge->chunks[judge->judged % MM_JUDGE_CHUNKS].needed) {
        pthread_mutex_unlock(&judge->lock);
        mm_diags_init(&findings);
        findings.file = "";
        put(judge, count, &findings);
        pthread_mutex_lock(&judge->lock);
        mm_diags_move(&judge->findings, &findings);
        mm_diags_release(&findings);
    }
    for (; count > 0; count--)
        judge->waiting -= judge->chunks[judge->judged++ % MM_JUDGE_CHUNKS].length;
    pthread_cond_broadcast(&judge->less);
}

/* Nothing waits: what came before its turn is read back meanwhile, chunk by chunk. With the lock, which is given back meanwhile. */
static bool catch_up(struct mm_judge *judge)
{
    pthread_mutex_unlock(&judge->lock);
    bool did = mm_landing_catch_up(judge->landing);
    pthread_mutex_lock(&judge->lock);
    return did;
}

static void *run(void *context)
{
    struct mm_judge *judge = context;
    pthread_mutex_lock(&judge->lock);
    while (!judge->ending)
        if (judge->judged < judge->given)
            judge_oldest(judge);
        else if (!catch_up(judge) && !judge->ending && judge->judged == judge->given)
            pthread_cond_wait(&judge->more, &judge->lock);
    pthread_mutex_unlock(&judge->lock);
    return NULL;
}

static void release(struct mm_judge *judge)
{
    for (; judge->taken < judge->given; judge->taken++)
        free(judge->chunks[judge->taken % MM_JUDGE_CHUNKS].bytes);
    pthread_mutex_destroy(&judge->lock);
    pthread_cond_destroy(&judge->more);
    pthread_cond_destroy(&judge->less);
    mm_diags_release(&judge->findings);
    free(judge);
}

struct mm_judge *mm_judge_new(struct mm_landing *landing)
{
    struct mm_judge *judge = calloc(1, sizeof *judge);
    if (!judge)
        return NULL;
    judge->landing = landing;
    judge->lanes = mm_sha256_path_lanes(NULL);
    mm_diags_init(&judge->findings);
    judge->findings.file = "";
    pthread_mutex_init(&judge->lock, NULL);
    pthread_cond_init(&judge->more, NULL);
    pthread_cond_init(&judge->less, NULL);
    if (mm_thread_start(&judge->thread, run, judge))
        return judge;
    release(judge);
    return NULL;
}

void mm_judge_give(struct mm_judge *judge, const struct mm_judged *chunk)
{
    pthread_mutex_lock(&judge->lock);
    while (judge->judged < judge->given && judge->waiting + chunk->length > MM_JUDGE_BYTES)
        pthread_cond_wait(&judge->less, &judge->lock);
    judge->chunks[judge->given++ % MM_JUDGE_CHUNKS] = *chunk;
    judge->waiting += chunk->length;
    pthread_cond_signal(&judge->more);
    pthread_mutex_unlock(&judge->lock);
}

bool mm_judge_take(struct mm_judge *judge, bool waiting, struct mm_judged *chunk, struct mm_diags *diags)
{
    pthread_mutex_lock(&judge->lock);
    while (waiting && judge->taken == judge->judged && judge->judged < judge->given)
        pthread_cond_wait(&judge->less, &judge->lock);
    bool found = judge->taken < judge->judged;
    if (found)
        *chunk = judge->chunks[judge->taken++ % MM_JUDGE_CHUNKS];
    mm_diags_move(diags, &judge->findings);
    pthread_mutex_unlock(&judge->lock);
    return found;
}

void mm_judge_free(struct mm_judge *judge)
{
    if (!judge)
        return;
    pthread_mutex_lock(&judge->lock);
    judge->ending = true;
    pthread_cond_signal(&judge->more);
    pthread_mutex_unlock(&judge->lock);
    pthread_join(judge->thread, NULL);
    release(judge);
}
