/* Files and folders beneath an open folder that is somebody's own: a store, a keyring. No symbolic link beneath it is followed. */
#ifndef MM_BASE_BENEATH_H
#define MM_BASE_BENEATH_H

#include <stdbool.h>

/* Where a thing of the user's own is: GIVEN if not NULL, else what the environment's VARIABLE names, else NAME beneath what its BASE
 * names, else NAME beneath the folder BELOW of $HOME. Empty variables count as absent, and so does a BASE that is not absolute.
 * Returns 1, *PATH being freed by the caller; 0 where nothing names one; -1 where memory is exhausted; *PATH is NULL then. */
int mm_user_path(char **path, const char *given, const char *variable, const char *base, const char *below,
                 const char *name);

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
