/* Files and folders beneath an open folder that is somebody's own: a store, a keyring. No symbolic link beneath it is followed. */
#ifndef MM_BASE_BENEATH_H
#define MM_BASE_BENEATH_H

#include <stdbool.h>

/* Makes PATH and the folders above it, for the user alone (0700); those that are there stay as they are. PATH is unchanged in the
 * end. Returns 0, or -1 with errno set. */
int mm_beneath_make(char *path);

/* The folder PATH ("a/b") beneath the open folder ROOT; CREATE makes what lacks, 0700 and flushed. Adds no finding: returns
 * the descriptor, or -1 with errno (ENOENT: absent; ELOOP, ENOTDIR: a link, or no folder). */
int mm_beneath_folder(int root, const char *path, bool create);

/* The regular file PATH beneath ROOT, for reading, without blocking on a FIFO. Adds no finding: returns the descriptor, or -1 with
 * errno (ENOENT, ENOTDIR: absent; ELOOP: a link; EISDIR, ENXIO: no regular file). */
int mm_beneath_file(int root, const char *path);

#endif
