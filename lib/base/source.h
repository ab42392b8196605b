/* One reading of one file: parsers take bytes from a source in order, and a sink (the hashes) sees every byte exactly
 * once, in order, the ones that no parser asked for included. What was checked is therefore what was hashed, pipes work
 * like files, and memory is a few windows whatever the file's size. */
#ifndef MM_BASE_SOURCE_H
#define MM_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/diag.h"

/* Called with the next LENGTH bytes of the file. */
typedef void mm_sink_fn(void *context, const unsigned char *bytes, size_t length);

/* Called before the bytes that a wide source showed below OFFSET go away: whoever still looks at them has to be done when it returns. */
typedef void mm_settle_fn(void *context, uint64_t offset);

/* Called now and then with the bytes read so far and their total (0: unknown). */
typedef void mm_progress_fn(void *context, uint64_t done, uint64_t total);

#define MM_SOURCE_WINDOW (256 * 1024)

/* Bytes that come from somewhere else than one descriptor. */
struct mm_origin {
    /* Up to LENGTH bytes at OFFSET, which is the end of what was asked for before: their number, or -1 with errno set. Fewer
     * than `size` in all are an error. */
    ssize_t (*read)(void *context, uint64_t offset, void *out, size_t length);
    void *context;
    uint64_t size;

    /* Called by a wide source before what was read below OFFSET of it goes away, whoever looks at it still being done when it returns; all has gone
     * away after UINT64_MAX. NULL where nobody does. */
    void (*settle)(void *context, uint64_t offset);
};

/* Bytes in memory as such an origin; both are borrowed as long as it is read. */
struct mm_text {
    const char *bytes;
    size_t length;
};
struct mm_origin mm_text_origin(struct mm_text *text);

/* How much of a wide source is in hand at once. */
struct mm_source_shape {
    size_t window;  /* bytes of a window, a power of two from MM_SOURCE_WINDOW on; windows begin at its multiples */
    unsigned count; /* windows that stay in place, from 1 */
    bool ahead;     /* where the bytes cannot be mapped, a thread reads them while those before are looked at */
};

struct mm_windows; /* opaque */

struct mm_source {
    int fd;
    const struct mm_origin *origin; /* read instead of fd, or NULL */
    bool regular;                   /* size is known and checked */
    uint64_t size;                  /* of a regular file, when it was opened */
    uint64_t fetched;               /* bytes read from the descriptor */
    unsigned char *window;
    size_t begin, end;          /* unread bytes of the window */
    struct mm_windows *windows; /* of a wide source, which `window` points into */
    uint64_t settled;           /* what the last call of settle said */
    bool ended;                 /* the end of the file was seen */
    int error;                  /* errno of a failed read, 0 */
    mm_sink_fn *sink;
    mm_settle_fn *settle; /* of a wide source; NULL where nobody looks at bytes after the sink returned */
    void *sink_context;   /* of both */
    mm_progress_fn *progress;
    void *progress_context;
    struct stat before;
};

/* Borrows FD, which stays the caller's to close. Returns 0, or -1 with a finding. */
int mm_source_open(struct mm_source *source, int fd, struct mm_diags *diags);

/* The same for ORIGIN, which is borrowed too; whether what is behind it changed is the caller's to find out. */
int mm_source_open_origin(struct mm_source *source, const struct mm_origin *origin, struct mm_diags *diags);

/* The same for many bytes, of FD or, unless it is NULL, of ORIGIN (read from another thread if SHAPE says `ahead`): those that the sink
 * was shown stay where they are until `settle` was called. A regular file of a local file system is mapped, a window at a
 * time; one that shrinks, or cannot be read, ends as it does when it is read. */
int mm_source_open_wide(struct mm_source *source, int fd, const struct mm_origin *origin,
                        const struct mm_source_shape *shape, struct mm_diags *diags);
void mm_source_release(struct mm_source *source);

/* The offset of the next byte that a parser gets. */
static inline uint64_t mm_source_offset(const struct mm_source *source)
{
    return source->fetched - (source->end - source->begin);
}

/* Bytes that can still come; UINT64_MAX-like (2^63-1) where the size is unknown. */
uint64_t mm_source_left(const struct mm_source *source);

/* Reads the next window if the present one is used up. Returns the number of unread bytes, 0 at the end or on error. */
size_t mm_source_fill(struct mm_source *source);

/* Unread bytes at hand: *BYTES points at up to the returned number of them, valid until the next call that fills. */
size_t mm_source_some(struct mm_source *source, const unsigned char **bytes);
void mm_source_advance(struct mm_source *source, size_t length);

/* The first bytes without taking them: makes the window hold as many unread bytes as it can, up to WANT
 * (at most MM_SOURCE_WINDOW), and returns how many there are. Only before anything was taken. */
size_t mm_source_peek(struct mm_source *source, size_t want, const unsigned char **bytes);

/* Copies exactly LENGTH bytes. False if the file ends before. */
bool mm_source_read(struct mm_source *source, void *out, size_t length);
bool mm_source_skip(struct mm_source *source, uint64_t length);

/* Passes what remains to the sink and checks that the file was read whole and did not change meanwhile.
 * Returns 0, or -1 with IO_READ or IO_CHANGED. */
int mm_source_finish(struct mm_source *source, struct mm_diags *diags);

#endif
