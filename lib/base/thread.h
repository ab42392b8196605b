/* Threads of the library, which leave signals to whoever called it. */
#ifndef MM_BASE_THREAD_H
#define MM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#ifdef __linux__
#include <sched.h>
#endif

/* Starts a thread that has every signal blocked but SIGBUS, which it raises by what it looks at itself (base/mapped.h). Returns false where there
 * is none to be had. */
bool mm_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

/* A thread of the caller's that keeps to one processor. A zeroed one does not. */
struct mm_threads_spread {
    bool kept;
    pthread_t caller;
#ifdef __linux__
    cpu_set_t before; /* where it might run */
#endif
};

/* Lets the caller's thread and the COUNT THREADS keep a processor each, if there are exactly as many on which it may run; otherwise, and where that
 * cannot be had, they stay where the system puts them: Linux in a virtual machine was seen to leave two threads that wake each other on one processor
 * for tenths of a second, beside one that had nothing to do. */
void mm_threads_spread(struct mm_threads_spread *spread, const pthread_t *threads, unsigned count);

/* The caller's thread may run where it might before. By another thread than spread them it does nothing. */
void mm_threads_gather(struct mm_threads_spread *spread);

#endif
