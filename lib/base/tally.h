/* How far several readings are that run at the same time, told as one. */
#ifndef MM_BASE_TALLY_H
#define MM_BASE_TALLY_H

#include <pthread.h>

#include "base/source.h"

struct mm_tally {
    mm_progress_fn *progress; /* called by any thread, never by two at once; NULL for nobody */
    void *context;
    uint64_t done, total; /* bytes; total 0: unknown */
    pthread_mutex_t lock; /* PTHREAD_MUTEX_INITIALIZER */
};

/* One of the readings. */
struct mm_tally_part {
    struct mm_tally *tally;
    uint64_t told; /* bytes of it that the tally has */
};

/* Has the shape of mm_progress_fn, a struct mm_tally_part being the context: DONE bytes of this reading are done. */
void mm_tally_tell(void *part, uint64_t done, uint64_t total);

#endif
