#include "base/windows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/mapped.h"
#include "base/windows_parts.h"

#define SMALL (512 * 1024)        /* files below are read at once: that costs less than to map them */
#define LEAST_MAPPED (256 * 1024) /* bytes that are worth a mapping */

/* A huge page. Where the page cache has its like, and memory lies as the file does, one fault brings all of it in: that is three
 * quarters of what a mapping costs. */
#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

/* How much memory there has to be: places for COUNT windows, or for all that a smaller file has. */
static bool measure(struct mm_windows *w, bool ahead)
{
    uint64_t size = w->input.size, windows = size / w->window + (size % w->window != 0), place = w->window, length;
    long page = sysconf(_SC_PAGESIZE);
    w->page = page > 0 ? (size_t)page : 4096;
    w->grain = w->window < HUGE_PAGE ? w->page : HUGE_PAGE;
    w->ring = w->count + (ahead ? 1 : 0);
    if (w->input.regular && windows < w->ring)
        w->ring = windows > 0 ? (unsigned)windows : 1;
    if (w->input.regular && size < w->window)
        place = size;
    w->heap = w->input.regular && size < SMALL;
    w->skew = w->heap ? 0 : (size_t)(w->input.start % w->grain);
    if (!mm_align(place + w->skew, w->heap ? 1 : w->grain, &place) || !mm_mul(place, w->ring, &length) ||
        length > SIZE_MAX - w->grain)
        return false;
    w->stride = (size_t)place;
    w->memory_length = (size_t)length;
    return true;
}

static void *anonymous(void *at, size_t length)
{
    void *memory = mmap(at, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void use_huge_pages(const struct mm_windows *w, void *at, size_t length)
{
#ifdef MADV_HUGEPAGE
    if (w->grain == HUGE_PAGE && length >= HUGE_PAGE)
        madvise(at, length, MADV_HUGEPAGE); /* only that it is faster */
#else
    (void)w, (void)at, (void)length;
#endif
}

/* Gets the memory, which begins at a multiple of the grain. */
static bool reserve(struct mm_windows *w)
{
    w->reserved_length = w->memory_length + w->grain;
    w->reserved = w->heap ? malloc(w->memory_length + 1) : anonymous(NULL, w->reserved_length);
    w->memory = w->reserved;
    if (w->memory && !w->heap)
        w->memory += (w->grain - (uintptr_t)w->memory % w->grain) % w->grain;
    return w->memory;
}

struct mm_windows *mm_windows_new(const struct mm_windows_input *input, const struct mm_source_shape *shape,
                                  struct mm_diags *diags)
{
    struct mm_windows *w = calloc(1, sizeof *w);
    if (!w) {
        mm_diag_memory(diags);
        return NULL;
    }
    *w = (struct mm_windows){.input = *input, .window = shape->window, .count = shape->count, .watch = -1};
    if (measure(w, shape->ahead))
        w->mapped = calloc(w->ring, sizeof *w->mapped);
    if (!w->mapped || !reserve(w)) {
        mm_diag_memory(diags);
        mm_windows_free(w);
        return NULL;
    }
    if (input->regular && !input->origin && !w->heap && mm_mapped_sound(input->fd))
        w->watch = mm_mapped_watch(w->memory, w->memory_length);
    w->mappable = w->watch >= 0;
    if (w->mappable) /* nobody goes ahead: the place for that serves too */
        w->count = w->ring;
#ifdef POSIX_FADV_SEQUENTIAL
    if (input->regular && !input->origin && !w->heap)
        posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
    if (!w->mappable && w->stride >= w->window)
        use_huge_pages(w, w->memory, w->memory_length);
    if (shape->ahead && !w->mappable && (!input->regular || input->size > MM_WINDOWS_EXTENT))
        w->ahead = mm_ahead_new(w);
    return w;
}

static void settle_origin(const struct mm_windows *w, uint64_t offset)
{
    const struct mm_origin *origin = w->input.origin;
    if (origin && origin->settle && offset > 0)
        origin->settle(origin->context, offset);
}

void mm_windows_free(struct mm_windows *w)
{
    if (!w)
        return;
    mm_ahead_free(w->ahead);
    settle_origin(w, UINT64_MAX);
    if (w->watch >= 0)
        mm_mapped_unwatch(w->watch);
    if (w->heap)
        free(w->reserved);
    else if (w->reserved)
        munmap(w->reserved, w->reserved_length);
    free(w->mapped);
    free(w);
}

uint64_t mm_windows_ending(const struct mm_windows *w)
{
    uint64_t kept = (uint64_t)(w->count - 1) * w->window;
    return w->given % w->window == 0 && w->given > kept ? w->given - kept : 0;
}

ssize_t mm_windows_read(const struct mm_windows *w, uint64_t offset, size_t length, bool *grew)
{
    const struct mm_windows_input *input = &w->input;
    unsigned char more = 0, *out = length > 0 ? mm_windows_at(w, offset) : &more;
    size_t wanted = length > 0 ? length : 1; /* behind the end of a regular file */
    ssize_t got;
    do
        got = input->origin    ? input->origin->read(input->origin->context, offset, out, wanted)
              : input->regular ? pread(input->fd, out, wanted, (off_t)(input->start + offset))
                               : read(input->fd, out, wanted);
    while (got < 0 && errno == EINTR && !input->origin);
    *grew = length == 0 && got > 0;
    return *grew ? 0 : got;
}

/* Makes the place in which a window begins memory like any other again. */
static int begin_window(struct mm_windows *w)
{
    size_t place = (size_t)(w->given / w->window % w->ring);
    if (!w->mapped[place])
        return 0;
    w->mapped[place] = false;
    return anonymous(w->memory + place * w->stride, w->stride) ? 0 : -1;
}

/* Maps what of the next LENGTH bytes fills pages, ROOM being what is left of the window. Returns their number; 0 where that
 * is not worth it, or cannot be done. */
static ssize_t map_some(struct mm_windows *w, size_t length, size_t room)
{
    uint64_t offset = w->input.start + w->given;
    size_t within = (size_t)(offset % w->page), end = within + length;
    unsigned char *at = mm_windows_at(w, w->given) - within;
    if (within && w->given % w->window != 0) /* what stands before in that page was read */
        return 0;
    if (length < room) /* what stands behind in that page will be read */
        end -= end % w->page;
    if (end < within + LEAST_MAPPED)
        return 0;
    w->mapped[w->given / w->window % w->ring] = true;
    if (mmap(at, end, PROT_READ, MAP_SHARED | MAP_FIXED, w->input.fd, (off_t)(offset - within)) != MAP_FAILED) {
        use_huge_pages(w, at, end);
        return (ssize_t)(end - within);
    }
    w->mappable = false;
    return anonymous(at, end) ? 0 : -1; /* whatever became of the memory there */
}

/* Reads or maps the next extent, at most ROOM bytes. Bytes that were lost end the file. */
static ssize_t fetch(struct mm_windows *w, uint64_t unseen, size_t room)
{
    size_t length = room < MM_WINDOWS_EXTENT ? room : MM_WINDOWS_EXTENT;
    if (room > 0 && w->given % w->window == 0) {
        if (w->watch >= 0 && mm_mapped_lost(w->watch))
            return 0;
        if (begin_window(w) < 0)
            return -1;
    }
    if (w->mappable && unseen > 0 && room > 0) {
        ssize_t got = map_some(w, unseen < room ? (size_t)unseen : room, room);
        if (got != 0)
            return got;
        size_t rest = w->page - (size_t)((w->input.start + w->given) % w->page); /* from where on it can be mapped */
        if (w->mappable && rest < w->page && rest < room && unseen - rest >= LEAST_MAPPED && unseen > rest)
            length = rest;
    }
    return mm_windows_read(w, w->given, length, &w->grew);
}

ssize_t mm_windows_next(struct mm_windows *w, uint64_t unseen, unsigned char **bytes)
{
    ssize_t got = 0;
    if (w->error) {
        errno = w->error;
        return -1;
    }
    if (!w->ended) {
        size_t room = mm_windows_room(w, w->given);
        settle_origin(w, mm_windows_ending(w));
        got =
            w->ahead ? mm_ahead_wait(w->ahead, w->given, mm_windows_ending(w), room, &w->grew) : fetch(w, unseen, room);
        if (got < 0)
            w->error = errno;
    }
    *bytes = mm_windows_at(w, w->given);
    w->ended = got <= 0;
    w->given += got > 0 ? (uint64_t)got : 0;
    return got;
}

bool mm_windows_grew(const struct mm_windows *w)
{
    return w->grew;
}

bool mm_windows_lost(const struct mm_windows *w, int *error)
{
    const unsigned char *page = w->watch < 0 ? NULL : mm_mapped_lost(w->watch);
    if (!page)
        return false;
    size_t from = (size_t)(page - w->memory), place = from / w->stride;
    uint64_t newest = w->given > 0 ? (w->given - 1) / w->window : 0; /* whose windows the places hold */
    uint64_t window = newest - (newest + w->ring - place) % w->ring;
    unsigned char byte;
    *error = pread(w->input.fd, &byte, 1, (off_t)(w->input.start - w->skew + window * w->window + from % w->stride)) < 0
                 ? errno
                 : 0;
    return true;
}
