/* Threads that do one thing together, again and again, for pieces of work of a few microseconds: what a pool is too slow for. */
#ifndef MM_INFER_CREW_H
#define MM_INFER_CREW_H

#include <stdint.h>

#include "base/diag.h"

#define MM_CREW_THREADS 64 /* at most, the caller's included */

struct mm_crew; /* opaque */

/* THREADS threads, from 1 to MM_CREW_THREADS; the caller's is one of them. A thread that cannot be had is done without. Returns NULL with
 * IO_MEMORY. */
struct mm_crew *mm_crew_new(unsigned threads, struct mm_diags *diags);
void mm_crew_free(struct mm_crew *crew); /* NULL is fine */
unsigned mm_crew_threads(const struct mm_crew *crew);

/* Calls WORK for shares of the numbers from 0 to COUNT - 1, each a multiple of STEP long but for the last, until all are done: FIRST and HOW_MANY say
 * which, THREAD (0: the caller's) by whom. Who gets which share is not to change any result. */
typedef void mm_crew_fn(void *context, uint64_t first, uint64_t how_many, unsigned thread);
void mm_crew_share(struct mm_crew *crew, uint64_t count, uint64_t step, mm_crew_fn *work, void *context);

#endif
