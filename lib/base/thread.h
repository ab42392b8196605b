/* Threads of the library, which leave signals to whoever called it. */
#ifndef MM_BASE_THREAD_H
#define MM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that has every signal blocked but SIGBUS, which it raises by what it looks at itself (base/mapped.h). Returns false where there
 * is none to be had. */
bool mm_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
