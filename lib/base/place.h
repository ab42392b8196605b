/* Many small files. None of them is flushed alone: whoever needs them to be on the device asks once, behind the last of them. */
#ifndef MM_BASE_PLACE_H
#define MM_BASE_PLACE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define MM_PLACE_PREFIX 16

/* A zeroed one begins. Several threads that write beneath one root have one each. */
struct mm_place {
    char prefix[MM_PLACE_PREFIX + 1]; /* random: two builders do not meet */
    uint64_t count;
};

/* Writes BYTES to PATH beneath the open folder ROOT, making folders that lack and replacing what is there: the file appears whole or not
 * at all. No link is followed, nor among the folders. Returns 0, or -1 with IO_WRITE. */
int mm_place_file(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                  struct mm_diags *diags);

/* The same for a PATH of which nobody knows yet, at a third of the cost: the file is written under its own name, so that what is
 * interrupted may leave a part of it there. What is there already stays where it holds BYTES, and is replaced as above otherwise. */
int mm_place_unknown(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                     struct mm_diags *diags);

/* Writes BYTES to the last component of PATH in the open folder FOLDER, unless something is there, which then stays, whatever it is; what stands
 * before it in PATH is for findings alone. Returns 1; 0 where something is there; -1 with IO_WRITE. */
int mm_place_first_in(int folder, const char *path, const void *bytes, size_t length, struct mm_diags *diags);

/* Flushes everything that was written to the file system of ROOT. Returns 0, or -1 with IO_WRITE. */
int mm_place_flush(int root, struct mm_diags *diags);

/* Flushing beside the writing, so that mm_place_flush finds less to do; only that one says whether all of it is on the device. A zeroed one begins. */
struct mm_place_flusher {
    pthread_t thread;
    int folder; /* the thread's own */
    bool started;
    atomic_bool busy;
    uint64_t files; /* that were written since */
};
#define MM_PLACE_FLUSH_FILES 65536 /* 256 MiB of small files */

/* Counts a file that was written beneath ROOT; behind each MM_PLACE_FLUSH_FILES of them the flushing begins, unless it is going on. */
void mm_place_flush_beside(struct mm_place_flusher *flusher, int root);

/* Waits until none is going on. */
void mm_place_flush_await(struct mm_place_flusher *flusher);

#endif
