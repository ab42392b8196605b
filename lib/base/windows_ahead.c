#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"
#include "base/windows_parts.h"

struct mm_ahead {
    const struct mm_windows *windows; /* of which only what never changes is looked at */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, room;
    uint64_t filled, limit; /* bytes that are there; up to where they may come */
    bool ended, grew, stopping;
    int error;
    int stop[2]; /* a pipe: what ends the waiting for another pipe; -1 for a regular file, which is never waited for */
};

/* Waits until bytes of a pipe are there, or its end, or the stop. False for the last. */
static bool wait_for_bytes(const struct mm_ahead *ahead)
{
    struct pollfd ends[2] = {{.fd = ahead->windows->input.fd, .events = POLLIN},
                             {.fd = ahead->stop[0], .events = POLLIN}};
    if (ahead->stop[0] < 0)
        return true;
    while (poll(ends, 2, -1) < 0)
        if (errno != EINTR && errno != EAGAIN)
            return true; /* reading will say what is wrong */
    return ends[1].revents == 0;
}

/* True if there is a place for the next extent. What follows a regular file's last byte needs none. */
static bool may_read(const struct mm_ahead *ahead)
{
    const struct mm_windows_input *input = &ahead->windows->input;
    return ahead->filled < ahead->limit || (input->regular && ahead->filled == input->size);
}

/* Reads the next extent. With the lock, which is given back meanwhile. */
static void read_extent(struct mm_ahead *ahead)
{
    const struct mm_windows *w = ahead->windows;
    uint64_t offset = ahead->filled;
    size_t room = mm_windows_room(w, offset), length = room < MM_WINDOWS_EXTENT ? room : MM_WINDOWS_EXTENT;
    bool grew = false;
    pthread_mutex_unlock(&ahead->lock);
    ssize_t got = wait_for_bytes(ahead) ? mm_windows_read(w, offset, length, &grew) : 0;
    int error = got < 0 ? errno : 0;
    pthread_mutex_lock(&ahead->lock);
    ahead->filled += got > 0 ? (uint64_t)got : 0;
    ahead->ended = got <= 0;
    ahead->error = error;
    ahead->grew = grew;
    pthread_cond_signal(&ahead->more);
}

static void *run(void *context)
{
    struct mm_ahead *ahead = context;
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->ended && !ahead->stopping)
        if (may_read(ahead))
            read_extent(ahead);
        else
            pthread_cond_wait(&ahead->room, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

static void release(struct mm_ahead *ahead)
{
    for (int i = 0; i < 2; i++)
        if (ahead->stop[i] >= 0)
            close(ahead->stop[i]);
    pthread_mutex_destroy(&ahead->lock);
    pthread_cond_destroy(&ahead->more);
    pthread_cond_destroy(&ahead->room);
    free(ahead);
}

struct mm_ahead *mm_ahead_new(const struct mm_windows *w)
{
    struct mm_ahead *ahead = malloc(sizeof *ahead);
    if (!ahead)
        return NULL;
    *ahead = (struct mm_ahead){.windows = w,
                               .limit = (uint64_t)w->ring * w->window,
                               .stop = {-1, -1},
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .more = PTHREAD_COND_INITIALIZER,
                               .room = PTHREAD_COND_INITIALIZER};
    if ((!w->input.regular && pipe2(ahead->stop, O_CLOEXEC) < 0) || !mm_thread_start(&ahead->thread, run, ahead)) {
        release(ahead);
        return NULL;
    }
    return ahead;
}

void mm_ahead_free(struct mm_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->stopping = true;
    pthread_cond_signal(&ahead->room);
    pthread_mutex_unlock(&ahead->lock);
    if (ahead->stop[1] >= 0)
        close(ahead->stop[1]);
    ahead->stop[1] = -1;
    pthread_join(ahead->thread, NULL);
    release(ahead);
}

ssize_t mm_ahead_wait(struct mm_ahead *ahead, uint64_t offset, uint64_t ending, size_t length, bool *grew)
{
    uint64_t limit = ending + (uint64_t)ahead->windows->ring * ahead->windows->window;
    pthread_mutex_lock(&ahead->lock);
    if (limit > ahead->limit) {
        ahead->limit = limit;
        pthread_cond_signal(&ahead->room);
    }
    while (ahead->filled == offset && !ahead->ended)
        pthread_cond_wait(&ahead->more, &ahead->lock);
    uint64_t have = ahead->filled - offset;
    int error = ahead->error;
    *grew = ahead->grew;
    pthread_mutex_unlock(&ahead->lock);
    if (have > length)
        have = length;
    if (have > MM_WINDOWS_EXTENT)
        have = MM_WINDOWS_EXTENT;
    errno = error;
    return have == 0 && error ? -1 : (ssize_t)have;
}
