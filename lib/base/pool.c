#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#include "base/checked.h"
#include "base/thread.h"

#define BATCHES 2 /* in hand, for each thread: one that is done, and the next */

/* One of the slots, used in turn. */
struct place {
    struct mm_diags diags;
    int result;
    bool done; /* under the lock */
    max_align_t slot[];
};

struct mm_pool {
    const struct mm_pool_kind *kind;
    void *context;
    struct place **places;
    size_t place_count;
    uint64_t taken;        /* jobs, of the thread that gives them alone */
    bool ended;            /* TAKE said so; of that thread too */
    unsigned batch;        /* jobs that are begun together */
    uint64_t given, begun; /* under the lock; jobs are begun in their order */
    unsigned idle;         /* threads that wait for a job */
    uint64_t awaited;      /* the job that the other thread waits for, UINT64_MAX for none */
    bool stopping;         /* no more is to be begun */
    pthread_mutex_t lock;
    pthread_cond_t job, done;
    pthread_t threads[MM_POOL_THREADS - 1];
    unsigned thread_count;
    struct mm_threads_spread spread;
};

unsigned mm_pool_processors(unsigned most)
{
    long count = -1;
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
#endif
    if (count < 1)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > (long)most ? most : (unsigned)count;
}

static struct place *place_of(const struct mm_pool *pool, uint64_t job)
{
    return pool->places[job % pool->place_count];
}

/* How many jobs wait that nobody began. With the lock. */
static uint64_t waiting(const struct mm_pool *pool)
{
    return pool->given - pool->begun;
}

/* Begins the next jobs, a batch at most, and does them. With the lock, which is given back while they are done. */
static void do_next(struct mm_pool *pool)
{
    uint64_t first = pool->begun;
    pool->begun += waiting(pool) < pool->batch ? waiting(pool) : pool->batch;
    uint64_t behind = pool->begun;
    pthread_mutex_unlock(&pool->lock);
    for (uint64_t job = first; job < behind; job++) {
        struct place *place = place_of(pool, job);
        place->result = pool->kind->work(pool->context, place->slot, &place->diags);
    }
    pthread_mutex_lock(&pool->lock);
    for (uint64_t job = first; job < behind; job++)
        place_of(pool, job)->done = true;
    if (pool->awaited >= first && pool->awaited < behind)
        pthread_cond_signal(&pool->done);
}

static void *run(void *context)
{
    struct mm_pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        if (waiting(pool) > 0) {
            do_next(pool);
            continue;
        }
        pool->idle++;
        pthread_cond_wait(&pool->job, &pool->lock);
        pool->idle--;
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void start_threads(struct mm_pool *pool, unsigned threads)
{
    while (pool->thread_count + 1 < threads && mm_thread_start(&pool->threads[pool->thread_count], run, pool))
        pool->thread_count++;
}

/* gcc's analyser does not see that mm_pool_free goes through all places. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

static int make_places(struct mm_pool *pool, size_t count)
{
    pool->places = mm_realloc_array(NULL, count, sizeof(struct place *));
    while (pool->places && pool->place_count < count) {
        struct place **place = &pool->places[pool->place_count];
        *place = calloc(1, sizeof **place + pool->kind->slot_size);
        if (!*place)
            return -1;
        mm_diags_init(&(*place)->diags);
        pool->place_count++;
    }
    return pool->places ? 0 : -1;
}

struct mm_pool *mm_pool_new(const struct mm_pool_kind *kind, void *context, unsigned threads, struct mm_diags *diags)
{
    struct mm_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        mm_diag_memory(diags);
        return NULL;
    }
    *pool = (struct mm_pool){.kind = kind,
                             .context = context,
                             .batch = kind->batch ? kind->batch : 1,
                             .awaited = UINT64_MAX,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .job = PTHREAD_COND_INITIALIZER,
                             .done = PTHREAD_COND_INITIALIZER};
    if (threads > MM_POOL_THREADS)
        threads = MM_POOL_THREADS;
    size_t count = threads < 2 ? 1 : (size_t)threads * MM_POOL_JOBS;
    count = count > 1 && count < MM_POOL_FEWEST ? MM_POOL_FEWEST : count;
    if (count > 1 && count < (size_t)threads * pool->batch * BATCHES)
        count = (size_t)threads * pool->batch * BATCHES;
    if (make_places(pool, count) < 0) {
        mm_diag_memory(diags);
        mm_pool_free(pool);
        return NULL;
    }
    start_threads(pool, threads);
    return pool;
}

void mm_pool_spread(struct mm_pool *pool)
{
    if (pool)
        mm_threads_spread(&pool->spread, pool->threads, pool->thread_count);
}

void mm_pool_free(struct mm_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->job);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    mm_threads_gather(&pool->spread);
    for (size_t i = 0; i < pool->place_count; i++) {
        if (pool->kind->release)
            pool->kind->release(pool->places[i]->slot);
        mm_diags_release(&pool->places[i]->diags);
        free(pool->places[i]);
    }
    free(pool->places);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->job);
    pthread_cond_destroy(&pool->done);
    free(pool);
}

/* Waits until JOB, which was given, is done; does others meanwhile. */
static void await(struct mm_pool *pool, uint64_t job)
{
    const struct place *place = place_of(pool, job);
    pthread_mutex_lock(&pool->lock);
    while (!place->done)
        if (waiting(pool) > 0) {
            if (pool->idle > 0 && waiting(pool) > pool->batch)
                pthread_cond_signal(&pool->job);
            do_next(pool);
        } else {
            pool->awaited = job;
            pthread_cond_wait(&pool->done, &pool->lock);
            pool->awaited = UINT64_MAX;
        }
    pthread_mutex_unlock(&pool->lock);
}

/* No job is begun any more; those that were are done. */
static void end(struct mm_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint64_t begun = pool->begun;
    pool->given = begun;
    pthread_mutex_unlock(&pool->lock);
    for (; pool->taken < begun; pool->taken++)
        await(pool, pool->taken);
    pool->ended = true;
}

/* Takes the result of the oldest job in hand. */
static void take(struct mm_pool *pool, struct mm_diags *diags)
{
    struct place *place = place_of(pool, pool->taken);
    await(pool, pool->taken);
    place->done = false; /* nobody else looks at it until it is given again */
    pool->taken++;
    mm_diags_move(diags, &place->diags);
    place->diags.file = NULL;
    if (pool->kind->take(pool->context, place->slot, place->result, diags) < 0)
        end(pool);
}

void *mm_pool_slot(struct mm_pool *pool, struct mm_diags *diags)
{
    while (!pool->ended && pool->given - pool->taken == pool->place_count) /* `given` changes on this thread alone */
        take(pool, diags);
    return pool->ended ? NULL : place_of(pool, pool->given)->slot;
}

void mm_pool_give(struct mm_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->given++;
    if (pool->idle > 0 && waiting(pool) % pool->batch == 0)
        pthread_cond_signal(&pool->job);
    pthread_mutex_unlock(&pool->lock);
}

bool mm_pool_take(struct mm_pool *pool, struct mm_diags *diags)
{
    if (pool->ended || pool->taken == pool->given)
        return false;
    take(pool, diags);
    return true;
}

int mm_pool_settle(struct mm_pool *pool, struct mm_diags *diags)
{
    while (mm_pool_take(pool, diags))
        continue;
    return pool->ended ? -1 : 0;
}
