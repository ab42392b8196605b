/* Memory that a file is mapped into, without the death that comes when the file shrinks, or cannot be read, while somebody looks.
 *
 * Such a look raises SIGBUS, which belongs to the process, so that this is the one place of the library with state of the process: the
 * first watch installs a handler, and it stays. At an address that is watched it puts a page of zeros there and notes the loss: the look
 * goes on, and whoever asked for the watch believes nothing of what was seen. At any other address, and for memory that is broken
 * itself, the handler of before is called, or the process dies as it would have. Where somebody installed another handler since, nothing is
 * watched any more. */
#ifndef MM_BASE_MAPPED_H
#define MM_BASE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>

#define MM_MAPPED_WATCHES 64 /* at one time */

/* True if the file behind FD lies in a file system of this machine whose mappings are as good as its reads. False for the network,
 * FUSE, removable media, and whatever is not known. */
bool mm_mapped_sound(int fd);

/* Watches the LENGTH bytes at START, pages that the caller maps files into, until mm_mapped_unwatch. Whoever looks at them has to have
 * SIGBUS unblocked; returns -1 where the caller itself has it blocked, where the handler was exchanged, or where there are too many watches. */
int mm_mapped_watch(const void *start, size_t length);
void mm_mapped_unwatch(int watch);

/* The first page that was lost, or NULL. Who looked at it, in whatever thread, has to be done. */
const unsigned char *mm_mapped_lost(int watch);

#endif
