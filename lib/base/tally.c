#include "base/tally.h"

void mm_tally_tell(void *context, uint64_t done, uint64_t total)
{
    struct mm_tally_part *part = context;
    struct mm_tally *tally = part->tally;
    (void)total;
    pthread_mutex_lock(&tally->lock);
    tally->done += done - part->told;
    part->told = done;
    if (tally->progress)
        tally->progress(tally->context, tally->done, tally->total);
    pthread_mutex_unlock(&tally->lock);
}
