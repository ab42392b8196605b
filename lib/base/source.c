#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/windows.h"

static int open_window(struct mm_source *source, struct mm_diags *diags)
{
    source->window = malloc(MM_SOURCE_WINDOW);
    return source->window ? 0 : mm_diag_memory(diags);
}

static ssize_t read_text(void *context, uint64_t offset, void *out, size_t length)
{
    const struct mm_text *text = context;
    size_t left = offset < text->length ? text->length - (size_t)offset : 0, part = length < left ? length : left;
    if (part)
        memcpy(out, text->bytes + offset, part);
    return (ssize_t)part;
}

struct mm_origin mm_text_origin(struct mm_text *text)
{
    return (struct mm_origin){.read = read_text, .context = text, .size = text->length};
}

int mm_source_open_origin(struct mm_source *source, const struct mm_origin *origin, struct mm_diags *diags)
{
    *source = (struct mm_source){.fd = -1, .origin = origin, .regular = true, .size = origin->size};
    return open_window(source, diags);
}

/* Finds out what FD is, and at which offset of it the reading begins. */
static int look_at(struct mm_source *source, int fd, off_t *start, struct mm_diags *diags)
{
    *source = (struct mm_source){.fd = fd};
    if (fstat(fd, &source->before) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    source->regular = S_ISREG(source->before.st_mode);
    *start = source->regular ? lseek(fd, 0, SEEK_CUR) : 0; /* standard input may be part-read */
    if (*start < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    if (source->regular && *start <= source->before.st_size)
        source->size = (uint64_t)(source->before.st_size - *start);
    return 0;
}

int mm_source_open(struct mm_source *source, int fd, struct mm_diags *diags)
{
    off_t start;
    if (look_at(source, fd, &start, diags) < 0 || open_window(source, diags) < 0)
        return -1;
#ifdef POSIX_FADV_SEQUENTIAL
    if (source->regular)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
    return 0;
}

int mm_source_open_wide(struct mm_source *source, int fd, const struct mm_origin *origin,
                        const struct mm_source_shape *shape, struct mm_diags *diags)
{
    off_t start = 0;
    if (origin)
        *source = (struct mm_source){.fd = -1, .origin = origin, .regular = true, .size = origin->size};
    else if (look_at(source, fd, &start, diags) < 0)
        return -1;
    struct mm_windows_input input = {source->fd, origin, source->regular, (uint64_t)start, source->size};
    source->windows = mm_windows_new(&input, shape, diags);
    return source->windows ? 0 : -1;
}

/* Nobody looks at what the sink was shown below OFFSET when this returns. */
static void settle(struct mm_source *source, uint64_t offset)
{
    if (source->settle && offset > source->settled)
        source->settle(source->sink_context, offset);
    if (offset > source->settled)
        source->settled = offset;
}

void mm_source_release(struct mm_source *source)
{
    if (source->windows) {
        settle(source, source->fetched);
        mm_windows_free(source->windows);
    } else {
        free(source->window);
    }
    source->windows = NULL;
    source->window = NULL;
}

uint64_t mm_source_left(const struct mm_source *source)
{
    if (!source->regular)
        return MM_SIZE_LIMIT;
    uint64_t at = mm_source_offset(source);
    return at < source->size ? source->size - at : 0;
}

static ssize_t read_some(struct mm_source *source, unsigned char *out, size_t length)
{
    ssize_t got;
    if (source->origin)
        return source->origin->read(source->origin->context, source->fetched, out, length);
    do
        got = read(source->fd, out, length);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The next bytes of a wide source. Where some are unread they are in the first window (mm_source_peek), and the next ones come
 * behind them. */
static ssize_t next_extent(struct mm_source *source, uint64_t unseen)
{
    unsigned char *bytes;
    settle(source, mm_windows_ending(source->windows));
    ssize_t got = mm_windows_next(source->windows, unseen, &bytes);
    if (source->begin == source->end) {
        source->window = bytes;
        source->begin = source->end = 0;
    }
    return got;
}

/* Reads into the window behind `end` and shows the bytes to the sink. Of a wide source the caller promises not to look at the
 * first UNSEEN of them. */
static void fetch(struct mm_source *source, uint64_t unseen)
{
    ssize_t got = source->windows ? next_extent(source, unseen)
                                  : read_some(source, source->window + source->end, MM_SOURCE_WINDOW - source->end);
    if (got <= 0) {
        source->ended = true;
        source->error = got < 0 ? errno : 0;
        return;
    }
    if (source->sink)
        source->sink(source->sink_context, source->window + source->end, (size_t)got);
    source->end += (size_t)got;
    source->fetched += (uint64_t)got;
    if (source->progress)
        source->progress(source->progress_context, source->fetched, source->size);
}

static size_t fill(struct mm_source *source, uint64_t unseen)
{
    if (source->begin == source->end && !source->ended) {
        source->begin = source->end = 0;
        fetch(source, unseen);
    }
    return source->end - source->begin;
}

size_t mm_source_fill(struct mm_source *source)
{
    return fill(source, 0);
}

size_t mm_source_some(struct mm_source *source, const unsigned char **bytes)
{
    size_t length = mm_source_fill(source);
    *bytes = source->window + source->begin;
    return length;
}

void mm_source_advance(struct mm_source *source, size_t length)
{
    source->begin += length;
}

size_t mm_source_peek(struct mm_source *source, size_t want, const unsigned char **bytes)
{
    while (source->end < want && source->end < MM_SOURCE_WINDOW && !source->ended)
        fetch(source, 0);
    *bytes = source->window;
    return source->end < want ? source->end : want;
}

bool mm_source_read(struct mm_source *source, void *out, size_t length)
{
    unsigned char *at = out;
    while (length > 0) {
        size_t have = mm_source_fill(source);
        if (have == 0)
            return false;
        if (have > length)
            have = length;
        memcpy(at, source->window + source->begin, have);
        source->begin += have;
        at += have;
        length -= have;
    }
    return true;
}

bool mm_source_skip(struct mm_source *source, uint64_t length)
{
    while (length > 0) {
        size_t have = fill(source, length);
        if (have == 0)
            return false;
        if (have > length)
            have = (size_t)length;
        source->begin += have;
        length -= have;
    }
    return true;
}

static int changed_size(uint64_t expected, uint64_t found, struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_IO_CHANGED,
                   "expected %" PRIu64 " bytes, found %" PRIu64 ": the file %s while it was read", expected, found,
                   found < expected ? "shrank" : "grew");
}

/* Reports what became of a regular file in the meantime. */
static int check_unchanged(const struct mm_source *source, bool lost, struct mm_diags *diags)
{
    struct stat after;
    bool stands = fstat(source->fd, &after) == 0;
    if (stands && source->windows && after.st_size != source->before.st_size) {
        uint64_t start = (uint64_t)source->before.st_size - source->size, end = (uint64_t)after.st_size;
        return changed_size(source->size, end > start ? end - start : 0, diags);
    }
    if (lost && stands && mm_file_same(&source->before, &after))
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read all of the file", EIO);
    if (lost || !stands || !mm_file_same(&source->before, &after))
        return mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    return 0;
}

int mm_source_finish(struct mm_source *source, struct mm_diags *diags)
{
    while (fill(source, UINT64_MAX) > 0)
        source->begin = source->end;
    settle(source, source->fetched); /* only now it is known whether all that was looked at was the file's */
    bool lost = source->windows && mm_windows_lost(source->windows, &source->error);
    if (source->error)
        return mm_diag(diags, MM_RULE_IO_READ, "cannot read after %" PRIu64 " bytes: %s", source->fetched,
                       strerror(source->error));
    if (!source->regular)
        return 0;
    if (lost)
        return check_unchanged(source, true, diags);
    if (source->fetched != source->size)
        return changed_size(source->size, source->fetched, diags);
    if (source->windows && mm_windows_grew(source->windows))
        return mm_diag(diags, MM_RULE_IO_CHANGED,
                       "expected %" PRIu64 " bytes, found more: the file grew while it was read", source->size);
    return source->origin ? 0 : check_unchanged(source, false, diags);
}
