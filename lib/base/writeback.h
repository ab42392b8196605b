/* Writing large files back to the device while the rest of them is still to come, so that flushing them in the end finds little to do
 * and what computes meanwhile does not wait for it. Nothing here replaces fsync. */
#ifndef MM_BASE_WRITEBACK_H
#define MM_BASE_WRITEBACK_H

#include <stdbool.h>
#include <stdint.h>

#define MM_WRITEBACK_STEP 8388608 /* bytes that are handed to the device at once */
#define MM_WRITEBACK_LAG 33554432 /* bytes behind them that have time to arrive before they are dropped */

/* A file that is written from its beginning to its end. */
struct mm_writeback {
    int fd;           /* borrowed; one that was opened to be read alone will do; -1: nothing is written */
    bool drop;        /* what arrived leaves the page cache */
    uint64_t begun;   /* bytes below it were handed to the device */
    uint64_t dropped; /* bytes below it left the page cache */
};

/* True if a file of BYTES bytes and a copy of it have no room in this machine's memory together: kept in the page cache they would push out
 * everything else, and in the end their own beginnings. */
bool mm_writeback_floods(uint64_t bytes);

/* All bytes of the file below OFFSET were written. Returns 0, or -1 with errno set (EIO, ENOSPC, EDQUOT) where the device did not
 * take some. Where the system knows no such thing, nothing happens. */
int mm_writeback_reach(struct mm_writeback *writeback, uint64_t offset);

/* The file ends at OFFSET; what was not handed over yet is. Returns as above; nothing is waited for unless the file is dropped. */
int mm_writeback_end(struct mm_writeback *writeback, uint64_t offset);

/* Whatever of the bytes FROM to TO of FD is in the page cache and not to be written leaves it. */
void mm_writeback_forget(int fd, uint64_t from, uint64_t to);

#endif
