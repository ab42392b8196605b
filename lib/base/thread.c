#include "base/thread.h"

#include <signal.h>

bool mm_thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool started = pthread_create(thread, NULL, run, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

#ifdef __linux__
static void keep_to(pthread_t thread, int processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    (void)pthread_setaffinity_np(thread, sizeof one, &one);
}

void mm_threads_spread(struct mm_threads_spread *spread, const pthread_t *threads, unsigned count)
{
    cpu_set_t *before = &spread->before;
    int own = sched_getcpu();
    spread->caller = pthread_self();
    spread->kept = count > 0 && own >= 0 && own < CPU_SETSIZE &&
                   pthread_getaffinity_np(spread->caller, sizeof *before, before) == 0 && CPU_ISSET(own, before) &&
                   (unsigned)CPU_COUNT(before) == count + 1;
    if (!spread->kept)
        return;
    keep_to(spread->caller, own);
    for (int processor = 0; processor < CPU_SETSIZE && count > 0; processor++)
        if (processor != own && CPU_ISSET(processor, before))
            keep_to(threads[--count], processor);
}

void mm_threads_gather(struct mm_threads_spread *spread)
{
    if (spread->kept && pthread_equal(spread->caller, pthread_self()))
        (void)pthread_setaffinity_np(spread->caller, sizeof spread->before, &spread->before);
    spread->kept = false;
}
#else
void mm_threads_spread(struct mm_threads_spread *spread, const pthread_t *threads, unsigned count)
{
    (void)threads, (void)count;
    spread->kept = false;
}

void mm_threads_gather(struct mm_threads_spread *spread)
{
    (void)spread;
}
#endif
