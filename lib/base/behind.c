#include "base/behind.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/thread.h"

struct piece {
    uint64_t offset;
    const void *bytes;
    size_t length;
};

struct mm_behind {
    mm_behind_fn *work;
    void *context;
    struct piece pieces[MM_BEHIND_PIECES];
    uint64_t given, done; /* pieces; the one at `done` is being worked on, if it was given */
    int error;            /* errno of the failure, 0 */
    bool ending;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* a piece was given, or the end; one is done */
    pthread_t thread;
};

/* Works on the oldest piece, unless one failed before. With the lock, which is given back meanwhile. */
static void do_oldest(struct mm_behind *behind)
{
    const struct piece *piece = &behind->pieces[behind->done % MM_BEHIND_PIECES];
    if (behind->error == 0) {
        pthread_mutex_unlock(&behind->lock);
        int error = behind->work(behind->context, piece->offset, piece->bytes, piece->length) < 0 ? errno : 0;
        pthread_mutex_lock(&behind->lock);
        behind->error = error;
    }
    behind->done++;
    pthread_cond_broadcast(&behind->less);
}

static void *run(void *context)
{
    struct mm_behind *behind = context;
    pthread_mutex_lock(&behind->lock);
    while (behind->done < behind->given || !behind->ending)
        if (behind->done < behind->given)
            do_oldest(behind);
        else
            pthread_cond_wait(&behind->more, &behind->lock);
    pthread_mutex_unlock(&behind->lock);
    return NULL;
}

static void release(struct mm_behind *behind)
{
    pthread_mutex_destroy(&behind->lock);
    pthread_cond_destroy(&behind->more);
    pthread_cond_destroy(&behind->less);
    free(behind);
}

struct mm_behind *mm_behind_new(mm_behind_fn *work, void *context)
{
    struct mm_behind *behind = malloc(sizeof *behind);
    if (!behind)
        return NULL;
    *behind = (struct mm_behind){.work = work,
                                 .context = context,
                                 .lock = PTHREAD_MUTEX_INITIALIZER,
                                 .more = PTHREAD_COND_INITIALIZER,
                                 .less = PTHREAD_COND_INITIALIZER};
    if (!mm_thread_start(&behind->thread, run, behind)) {
        release(behind);
        return NULL;
    }
    return behind;
}

int mm_behind_give(struct mm_behind *behind, uint64_t offset, const void *bytes, size_t length)
{
    pthread_mutex_lock(&behind->lock);
    while (behind->given - behind->done == MM_BEHIND_PIECES)
        pthread_cond_wait(&behind->less, &behind->lock);
    int error = behind->error;
    if (error == 0) {
        behind->pieces[behind->given++ % MM_BEHIND_PIECES] = (struct piece){offset, bytes, length};
        pthread_cond_signal(&behind->more);
    }
    pthread_mutex_unlock(&behind->lock);
    errno = error;
    return error ? -1 : 0;
}

void mm_behind_settle(struct mm_behind *behind, uint64_t offset)
{
    pthread_mutex_lock(&behind->lock);
    while (behind->done < behind->given && behind->pieces[behind->done % MM_BEHIND_PIECES].offset < offset)
        pthread_cond_wait(&behind->less, &behind->lock);
    pthread_mutex_unlock(&behind->lock);
}

int mm_behind_end(struct mm_behind *behind)
{
    if (!behind)
        return 0;
    pthread_mutex_lock(&behind->lock);
    behind->ending = true;
    pthread_cond_signal(&behind->more);
    pthread_mutex_unlock(&behind->lock);
    pthread_join(behind->thread, NULL);
    int error = behind->error;
    release(behind);
    errno = error;
    return error ? -1 : 0;
}
