#include "base/writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool mm_writeback_floods(uint64_t bytes)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 && bytes / (uint64_t)size > (uint64_t)pages / 2;
}

/* Hands the bytes FROM to TO of FD to the device, and waits until they are there if WAIT. Such a wait tells of a failure once, and fsync of
 * the same file says nothing of it any more: so it has to be told. What else fails (a pipe, a file system without it) is no failure of the
 * bytes. */
static int hand_over(int fd, uint64_t from, uint64_t to, bool wait)
{
    if (fd < 0)
        return 0;
#ifdef SYNC_FILE_RANGE_WRITE
    unsigned how = SYNC_FILE_RANGE_WRITE | (wait ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER : 0);
    int failed = sync_file_range(fd, (off64_t)from, (off64_t)(to - from), how);
    return failed && (errno == EIO || errno == ENOSPC || errno == EDQUOT) ? -1 : 0;
#else
    (void)fd, (void)from, (void)to, (void)wait;
    return 0;
#endif
}

void mm_writeback_forget(int fd, uint64_t from, uint64_t to)
{
#ifdef POSIX_FADV_DONTNEED
    if (to > from)
        posix_fadvise(fd, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
#else
    (void)fd, (void)from, (void)to;
#endif
}

static int drop_below(struct mm_writeback *writeback, uint64_t offset)
{
    if (hand_over(writeback->fd, writeback->dropped, offset, true) < 0)
        return -1;
    mm_writeback_forget(writeback->fd, writeback->dropped, offset);
    writeback->dropped = offset;
    return 0;
}

int mm_writeback_reach(struct mm_writeback *writeback, uint64_t offset)
{
    if (offset < writeback->begun || offset - writeback->begun < MM_WRITEBACK_STEP)
        return 0;
    if (hand_over(writeback->fd, writeback->begun, offset, false) < 0)
        return -1;
    writeback->begun = offset;
    if (!writeback->drop || offset - writeback->dropped < MM_WRITEBACK_LAG + MM_WRITEBACK_STEP)
        return 0;
    return drop_below(writeback, offset - MM_WRITEBACK_LAG);
}

int mm_writeback_end(struct mm_writeback *writeback, uint64_t offset)
{
    if (offset > writeback->begun && hand_over(writeback->fd, writeback->begun, offset, false) < 0)
        return -1;
    writeback->begun = offset;
    return writeback->drop && offset > writeback->dropped ? drop_below(writeback, offset) : 0;
}
