/* Opening, reading and writing files without trusting their names or their owners. */
#ifndef MM_BASE_FILE_H
#define MM_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"

/* Opens PATH for reading; anything but a regular file is refused (IO_NOT_REGULAR), without blocking on a FIFO.
 * Returns the descriptor, or -1. */
int mm_file_open(const char *path, struct mm_diags *diags);

/* Opens the folder PATH for mm_file_open_beneath. Returns the descriptor, or -1. */
int mm_file_open_folder(const char *path, struct mm_diags *diags);

enum mm_links {
    MM_LINKS_BENEATH, /* a symbolic link may lead anywhere beneath the root, never out of it */
    MM_LINKS_FOLLOW,  /* a symbolic link may lead anywhere (--follow-links) */
    MM_LINKS_NONE,    /* no symbolic link is followed at all (ELOOP) */
};

/* Opens the regular file PATH, which is relative to the folder ROOT and stays beneath it. Adds no finding:
 * returns the descriptor, or -1 with errno set (ENOENT, ENOTDIR: absent; EXDEV, ELOOP: a link leads out;
 * ENXIO, EISDIR: not a regular file). */
int mm_file_open_beneath(int root, const char *path, enum mm_links links);

/* The same to be read and written; it is not made, and its length stays. */
int mm_file_open_beneath_to_write(int root, const char *path, enum mm_links links);

/* The size of the regular file that is open as FD; 0 for anything else. */
uint64_t mm_file_size(int fd);

/* True if the file behind two results of fstat is the same and unchanged: device, inode, size, mtime, ctime. */
bool mm_file_same(const struct stat *before, const struct stat *after);

/* True if the files PATH and NAME (beneath the open folder FOLDER) are one and the same. */
bool mm_file_is(const char *path, int folder, const char *name);

/* True if PATH is the file that is open as FD. */
bool mm_file_is_open(const char *path, int fd);

/* True if NAME beneath the open folder FOLDER, no link followed, is the file that is open as FD. */
bool mm_file_is_named(int folder, const char *name, int fd);

/* LENGTH random bytes of the system. Returns 0 or -1. */
int mm_random(void *bytes, size_t length);

/* Reads at most LIMIT bytes of FD into BUF. Returns 0; 1 if the file is longer than LIMIT (LIMIT + 1 bytes were read);
 * -1 with a finding on I/O failure. */
int mm_file_read_all(int fd, size_t limit, struct mm_buf *buf, struct mm_diags *diags);

/* The same for the file PATH, opened as mm_file_open does it; BUF is emptied first and keeps its memory. -1 with the findings of either. */
int mm_file_read_path(const char *path, size_t limit, struct mm_buf *buf, struct mm_diags *diags);

/* Reads the regular file NAME, of at most LIMIT bytes, in the open folder FOLDER into BUF, which is emptied first and keeps its memory. No
 * link is followed. Where that is allowed, the system does not write down that it was read. Adds no finding: returns true; false where NAME is
 * not such a file, longer, or not to be had for whatever reason. */
bool mm_file_read_in(int folder, const char *name, size_t limit, struct mm_buf *buf);

/* Opens the folder NAME in FOLDER in that way. Returns the descriptor, or -1 with errno. */
int mm_file_open_folder_in(int folder, const char *name);

/* Reads the LENGTH bytes from OFFSET of FD, whose position stays. Returns 0, or -1 with IO_READ, or with IO_CHANGED where
 * the file ends before. */
int mm_file_read_at(int fd, uint64_t offset, void *out, size_t length, struct mm_diags *diags);

/* Writes all of BYTES to FD. Returns 0, or -1 with IO_WRITE under the name NAME. */
int mm_file_write_all(int fd, const void *bytes, size_t length, const char *name, struct mm_diags *diags);

/* Writes all of BYTES to FD at OFFSET. Adds no finding: returns 0, or -1 with errno set. */
int mm_file_write_at(int fd, const void *bytes, size_t length, uint64_t offset);

/* A file that appears under its name whole or not at all: written without a name (O_TMPFILE) or under a temporary one
 * in the same folder, flushed, then linked or renamed, and the folder flushed. */
#define MM_WRITER_TEMPORARY ".minimodel-" /* how a temporary name begins */
struct mm_writer {
    int fd, folder;     /* what was written can be read back from fd */
    char *path, *base;  /* final name; its last component, pointing into path */
    char temporary[40]; /* "" while the file has no name */
    mode_t mode;
    bool force;
};

/* FORCE allows an existing regular file to be replaced; nothing else ever is. Returns 0, or -1 with a finding and nothing to release. */
int mm_writer_open(struct mm_writer *writer, const char *path, bool force, struct mm_diags *diags);

/* The same for a file that is its owner's alone from its first moment, mode 0600, whatever the umask and the folder's default access
 * list say. Where the file system cannot keep to that it is not made (IO_WRITE). */
int mm_writer_open_private(struct mm_writer *writer, const char *path, bool force, struct mm_diags *diags);

/* The same for the last component of PATH in the open folder FOLDER, which stays the caller's; what stands before it in PATH
 * is for findings alone. */
int mm_writer_open_in(struct mm_writer *writer, int folder, const char *path, bool force, struct mm_diags *diags);
int mm_writer_write(struct mm_writer *writer, const void *bytes, size_t length, struct mm_diags *diags);

/* The same at OFFSET of the file; what is skipped before reads as zeros. */
int mm_writer_write_at(struct mm_writer *writer, uint64_t offset, const void *bytes, size_t length,
                       struct mm_diags *diags);

/* Makes FD, a file without a name in the folder of WRITER and with its mode, what WRITER publishes, in place of what was written; FD stays the caller's.
 * Returns false, and nothing has changed, where WRITER's own file has a name or there are no more descriptors. */
bool mm_writer_adopt(struct mm_writer *writer, int fd);

/* Publishes the file and releases WRITER. Returns 0, or -1 with a finding; then nothing stands under the name, except that
 * a file whose folder could not be flushed stands there whole. */
int mm_writer_commit(struct mm_writer *writer, struct mm_diags *diags);

/* Drops what was written; harmless after commit. */
void mm_writer_abandon(struct mm_writer *writer);

#endif
