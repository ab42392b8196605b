/* Worker threads for many jobs of one kind, whose results are taken in the order in which the jobs were given: what comes of it, findings
 * included, is the same for any number of threads. */
#ifndef MM_BASE_POOL_H
#define MM_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

#define MM_POOL_THREADS 16 /* at most, the caller's included */
#define MM_POOL_JOBS 8     /* in hand, for each thread */
#define MM_POOL_FEWEST                                                                                                 \
    32 /* in hand, unless there is one thread alone; two batches of each thread, where these are more */

/* A kind of job. What a job needs, makes and leaves for the next one stands in a slot, SLOT_SIZE bytes that begin as zeros. */
struct mm_pool_kind {
    size_t slot_size;

    /* Does the job in SLOT, on any thread; several run at once. DIAGS are this job's own, and begin without a file's name. Returns 0 or
     * -1. */
    int (*work)(const void *context, void *slot, struct mm_diags *diags);

    /* Takes what WORK left in SLOT, whose RESULT it was, on the thread that gives the jobs and in their order; WORK's findings are in
     * DIAGS already. Returns 0 to go on, -1 to end: jobs that were given later then are dropped, with their findings. */
    int (*take)(void *context, void *slot, int result, struct mm_diags *diags);

    void (*release)(void *slot); /* of every slot, once, in the end; NULL for nothing to release */

    /* Jobs that a thread takes at once, and for which one is woken: more than 1 where they are so short that waking it costs as much as
     * doing them. 0 counts as 1. */
    unsigned batch;
};

struct mm_pool; /* opaque */

/* How many processors this process may run on, at most MOST. */
unsigned mm_pool_processors(unsigned most);

/* A pool of THREADS threads, from 1 to MM_POOL_THREADS. The caller's is one of them: it does jobs where it had to wait, and all of them
 * where there is no other. A thread that cannot be had is done without. CONTEXT is borrowed, KIND too. Returns NULL with IO_MEMORY. */
struct mm_pool *mm_pool_new(const struct mm_pool_kind *kind, void *context, unsigned threads, struct mm_diags *diags);

/* Until POOL, which may be NULL, is freed each thread keeps a processor of its own, the caller's too, where there are as many (base/thread.h): for jobs
 * of milliseconds. */
void mm_pool_spread(struct mm_pool *pool);

/* Waits for jobs that are being done, drops the others, ends the threads. NULL is fine. */
void mm_pool_free(struct mm_pool *pool);

/* The slot for the next job, as the last job in it left it. Takes results meanwhile, whose findings go to DIAGS. Returns NULL once TAKE
 * returned -1. */
void *mm_pool_slot(struct mm_pool *pool, struct mm_diags *diags);

/* Gives the job that was put into the slot which mm_pool_slot returned last. */
void mm_pool_give(struct mm_pool *pool);

/* Takes the result of the oldest job that was given. Returns false where none is in hand, or TAKE returned -1 before. */
bool mm_pool_take(struct mm_pool *pool, struct mm_diags *diags);

/* Takes the results of all jobs that were given. Returns 0, or -1 once TAKE returned that. */
int mm_pool_settle(struct mm_pool *pool, struct mm_diags *diags);

#endif
