/* Preloaded into any program: files whose path has SLOW_WORD in it are read SLOW_RATE bytes a second at most, as from a medium from which
 * the system reads a little ahead. What is asked for waits for what was asked before. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PIECE 131072 /* bytes that the medium gives at once */
#define AHEAD 524288 /* and that it has got ready while nobody asked */

static unsigned long long rate, free_at; /* nanoseconds */
static const char *word;

__attribute__((constructor)) static void begin(void)
{
    const char *given = getenv("SLOW_RATE");
    word = getenv("SLOW_WORD");
    rate = given ? strtoull(given, NULL, 10) : 0;
}

static int is_slow(int fd)
{
    char link[40], path[4096];
    if (!rate || !word)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, word) != NULL;
}

/* Waits until the medium has given SIZE bytes. */
static void wait_for(ssize_t size)
{
    struct timespec now, until;
    if (size <= 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long long at = (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec;
    unsigned long long idle = __atomic_load_n(&free_at, __ATOMIC_RELAXED);
    unsigned long long ready = at - AHEAD * 1000000000ull / rate;
    unsigned long long end = (ready > idle && idle ? ready
                              : idle               ? idle
                                                   : at) +
                             (unsigned long long)size * 1000000000u / rate;
    __atomic_store_n(&free_at, end, __ATOMIC_RELAXED);
    until = (struct timespec){(time_t)(end / 1000000000u), (long)(end % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

/* NAME with these arguments, of which SIZE is cut to what a slow medium gives at once. */
#define SLOW(name, fd, size, parameters, arguments)                                                                    \
    ssize_t name parameters                                                                                            \
    {                                                                                                                  \
        static ssize_t(*real) parameters;                                                                              \
        if (!real)                                                                                                     \
            real = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name);                                                     \
        if (!is_slow(fd))                                                                                              \
            return real arguments;                                                                                     \
        size = size < PIECE ? size : PIECE;                                                                            \
        ssize_t got = real arguments;                                                                                  \
        wait_for(got);                                                                                                 \
        return got;                                                                                                    \
    }

SLOW(read, fd, size, (int fd, void *out, size_t size), (fd, out, size))
SLOW(__read_chk, fd, size, (int fd, void *out, size_t size, size_t room), (fd, out, size, room))
SLOW(pread, fd, size, (int fd, void *out, size_t size, off_t at), (fd, out, size, at))
SLOW(pread64, fd, size, (int fd, void *out, size_t size, off64_t at), (fd, out, size, at))
SLOW(__pread64_chk, fd, size, (int fd, void *out, size_t size, off64_t at, size_t room), (fd, out, size, at, room))
SLOW(copy_file_range, fd, size, (int fd, off64_t *from, int to, off64_t *at, size_t size, unsigned flags),
     (fd, from, to, at, size, flags))
SLOW(sendfile64, fd, size, (int to, int fd, off64_t *from, size_t size), (to, fd, from, size))
SLOW(splice, fd, size, (int fd, off64_t *from, int to, off64_t *at, size_t size, unsigned flags),
     (fd, from, to, at, size, flags))
