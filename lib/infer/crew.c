/* A piece of work is open to the others from the moment its number is set until the caller takes it back; whoever takes part says so first (`active`), and
 * looks once more. So nobody is waited for who did not come: one that sleeps, or that the system runs elsewhere, costs nothing but its help. */
#include "infer/crew.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/thread.h"

#define SPINS 2000 /* looks before a thread sleeps, some tens of microseconds */
#define SHARES 8   /* for each thread, so that one which is slowed down holds up little */

struct mm_crew {
    unsigned threads; /* with the caller's */
    struct member *members;
    /* of the piece of work that is open; nobody changes them while somebody is active */
    mm_crew_fn *work;
    void *context;
    uint64_t count, share;
    _Atomic uint64_t next;   /* the first number that nobody has */
    _Atomic uint64_t number; /* of the piece of work; odd while it is open */
    _Atomic unsigned active; /* threads that take part, without the caller's */
    _Atomic unsigned asleep; /* threads that wait for `opened` */
    _Atomic bool awaited;    /* the caller waits for `left` */
    _Atomic bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t opened, left;
};

struct member {
    struct mm_crew *crew;
    pthread_t thread;
    unsigned index;
};

static void pause_shortly(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static void do_shares(struct mm_crew *crew, unsigned thread)
{
    for (;;) {
        uint64_t first = atomic_fetch_add(&crew->next, crew->share);
        if (first >= crew->count)
            return;
        uint64_t rest = crew->count - first;
        crew->work(crew->context, first, rest < crew->share ? rest : crew->share, thread);
    }
}

/* True if there is something else to do than what was seen as number SEEN. */
static bool is_called(struct mm_crew *crew, uint64_t seen)
{
    uint64_t number = atomic_load(&crew->number);
    return (number % 2 == 1 && number != seen) || atomic_load(&crew->stopping);
}

static void await_call(struct mm_crew *crew, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (is_called(crew, seen))
            return;
        pause_shortly();
    }
    pthread_mutex_lock(&crew->lock);
    atomic_fetch_add(&crew->asleep, 1);
    while (!is_called(crew, seen))
        pthread_cond_wait(&crew->opened, &crew->lock);
    atomic_fetch_sub(&crew->asleep, 1);
    pthread_mutex_unlock(&crew->lock);
}

static void leave(struct mm_crew *crew)
{
    if (atomic_fetch_sub(&crew->active, 1) == 1 && atomic_load(&crew->awaited)) {
        pthread_mutex_lock(&crew->lock);
        pthread_cond_signal(&crew->left);
        pthread_mutex_unlock(&crew->lock);
    }
}

static void *run(void *context)
{
    const struct member *member = context;
    struct mm_crew *crew = member->crew;
    uint64_t seen = 0;
    for (;;) {
        await_call(crew, seen);
        if (atomic_load(&crew->stopping))
            return NULL;
        atomic_fetch_add(&crew->active, 1);
        uint64_t number = atomic_load(&crew->number);
        if (number % 2 == 1) {
            do_shares(crew, member->index);
            seen = number;
        }
        leave(crew);
    }
}

struct mm_crew *mm_crew_new(unsigned threads, struct mm_diags *diags)
{
    if (threads > MM_CREW_THREADS)
        threads = MM_CREW_THREADS;
    struct mm_crew *crew = calloc(1, sizeof *crew);
    struct member *members = mm_realloc_array(NULL, threads, sizeof *members);
    if (!crew || !members) {
        free(members);
        free(crew);
        mm_diag_memory(diags);
        return NULL;
    }
    *crew = (struct mm_crew){.threads = 1,
                             .members = members,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .opened = PTHREAD_COND_INITIALIZER,
                             .left = PTHREAD_COND_INITIALIZER};
    for (; crew->threads < threads; crew->threads++) {
        struct member *member = &members[crew->threads];
        *member = (struct member){.crew = crew, .index = crew->threads};
        if (!mm_thread_start(&member->thread, run, member))
            break;
    }
    return crew;
}

void mm_crew_free(struct mm_crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->stopping, true);
    pthread_cond_broadcast(&crew->opened);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 1; i < crew->threads; i++)
        pthread_join(crew->members[i].thread, NULL);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->opened);
    pthread_cond_destroy(&crew->left);
    free(crew->members);
    free(crew);
}

unsigned mm_crew_threads(const struct mm_crew *crew)
{
    return crew->threads;
}

/* Waits until none of the others takes part any more. */
static void await_others(struct mm_crew *crew)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&crew->active) == 0)
            return;
        pause_shortly();
    }
    pthread_mutex_lock(&crew->lock);
    atomic_store(&crew->awaited, true);
    while (atomic_load(&crew->active) > 0)
        pthread_cond_wait(&crew->left, &crew->lock);
    atomic_store(&crew->awaited, false);
    pthread_mutex_unlock(&crew->lock);
}

void mm_crew_share(struct mm_crew *crew, uint64_t count, uint64_t step, mm_crew_fn *work, void *context)
{
    if (count == 0)
        return;
    if (crew->threads == 1 || count <= step) {
        work(context, 0, count, 0);
        return;
    }
    uint64_t shares = (uint64_t)crew->threads * SHARES, steps = (count - 1) / step + 1;
    crew->work = work;
    crew->context = context;
    crew->count = count;
    crew->share = ((steps - 1) / shares + 1) * step;
    atomic_store(&crew->next, 0);
    atomic_fetch_add(&crew->number, 1);
    if (atomic_load(&crew->asleep) > 0) {
        pthread_mutex_lock(&crew->lock);
        pthread_cond_broadcast(&crew->opened);
        pthread_mutex_unlock(&crew->lock);
    }
    do_shares(crew, 0);
    atomic_fetch_add(&crew->number, 1);
    await_others(crew);
}
