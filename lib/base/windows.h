/* The bytes of a file, a pipe or an origin, in windows that stay where they are for a while: what a wide source is made of.
 *
 * Windows are places in one ring of memory, used in turn. Bytes come into them in extents, one behind the other: mapped, where the file
 * system is fit for it and nobody but hashes will look at them, otherwise read, by a thread that goes ahead if that is wanted. Mapped
 * bytes are the file's own and may change under the eyes of whoever looks; read ones are a copy that nobody changes. */
#ifndef MM_BASE_WINDOWS_H
#define MM_BASE_WINDOWS_H

#include "base/source.h"

#define MM_WINDOWS_EXTENT (1024 * 1024) /* bytes that are read at once */

/* Where the bytes come from. */
struct mm_windows_input {
    int fd;
    const struct mm_origin *origin; /* instead of FD, or NULL */
    bool regular;                   /* SIZE is known, and FD is read without its position */
    uint64_t start, size;           /* of a regular file: bytes from START of it */
};

struct mm_windows; /* opaque */

/* INPUT is copied; its descriptor and its origin are borrowed, and read from another thread if SHAPE says `ahead`. Returns NULL with
 * IO_MEMORY. */
struct mm_windows *mm_windows_new(const struct mm_windows_input *input, const struct mm_source_shape *shape,
                                  struct mm_diags *diags);

/* Ends the thread, which is not waited for where it waits for a pipe. NULL is fine. */
void mm_windows_free(struct mm_windows *windows);

/* The next call of mm_windows_next may take the memory of what was given below this offset. */
uint64_t mm_windows_ending(const struct mm_windows *windows);

/* The next extent: *BYTES points at as many as are returned, behind the one before unless a window begins. Of them nobody but a sink
 * looks at the first UNSEEN: if it is mapped it is no longer than that. Returns 0 at the end, which a regular file has at its size at the latest; -1 with
 * errno set, and at every call after that. */
ssize_t mm_windows_next(struct mm_windows *windows, uint64_t unseen, unsigned char **bytes);

/* True if a regular file had more bytes than its size when its end was looked for. */
bool mm_windows_grew(const struct mm_windows *windows);

/* True if bytes that were given were not the file's, since they could not be had any more: then *ERROR is what reading
 * them says, 0 where they are gone. Nobody may look at them any more. */
bool mm_windows_lost(const struct mm_windows *windows, int *error);

#endif
