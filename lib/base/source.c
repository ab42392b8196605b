#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"

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
    return (struct mm_origin){read_text, text, text->length};
}

int mm_source_open_origin(struct mm_source *source, const struct mm_origin *origin, struct mm_diags *diags)
{
    *source = (struct mm_source){.fd = -1, .origin = origin, .regular = true, .size = origin->size};
    return open_window(source, diags);
}

int mm_source_open(struct mm_source *source, int fd, struct mm_diags *diags)
{
    *source = (struct mm_source){.fd = fd};
    if (fstat(fd, &source->before) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    source->regular = S_ISREG(source->before.st_mode);
    off_t start = source->regular ? lseek(fd, 0, SEEK_CUR) : 0; /* standard input may be part-read */
    if (start < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    if (source->regular && start <= source->before.st_size)
        source->size = (uint64_t)(source->before.st_size - start);
    if (open_window(source, diags) < 0)
        return -1;
#ifdef POSIX_FADV_SEQUENTIAL
    if (source->regular)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
    return 0;
}

void mm_source_release(struct mm_source *source)
{
    free(source->window);
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

/* Reads into the window behind `end` and shows the bytes to the sink. */
static void fetch(struct mm_source *source)
{
    ssize_t got = read_some(source, source->window + source->end, MM_SOURCE_WINDOW - source->end);
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

size_t mm_source_fill(struct mm_source *source)
{
    if (source->begin == source->end && !source->ended) {
        source->begin = source->end = 0;
        fetch(source);
    }
    return source->end - source->begin;
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
        fetch(source);
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
        size_t have = mm_source_fill(source);
        if (have == 0)
            return false;
        if (have > length)
            have = (size_t)length;
        source->begin += have;
        length -= have;
    }
    return true;
}

int mm_source_finish(struct mm_source *source, struct mm_diags *diags)
{
    struct stat after;
    while (mm_source_fill(source) > 0)
        source->begin = source->end;
    if (source->error)
        return mm_diag(diags, MM_RULE_IO_READ, "cannot read after %" PRIu64 " bytes: %s", source->fetched,
                       strerror(source->error));
    if (!source->regular)
        return 0;
    if (source->fetched != source->size)
        return mm_diag(diags, MM_RULE_IO_CHANGED,
                       "expected %" PRIu64 " bytes, found %" PRIu64 ": the file %s while it was read", source->size,
                       source->fetched, source->fetched < source->size ? "shrank" : "grew");
    if (source->origin)
        return 0;
    if (fstat(source->fd, &after) < 0 || !mm_file_same(&source->before, &after))
        return mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    return 0;
}
