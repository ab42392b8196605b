/* What the parts of base/windows share. */
#ifndef MM_BASE_WINDOWS_PARTS_H
#define MM_BASE_WINDOWS_PARTS_H

#include "base/windows.h"

/* A thread that fills the ring. */
struct mm_ahead;

struct mm_windows {
    struct mm_windows_input input;
    size_t window, page, grain; /* memory lies as the file does by multiples of GRAIN */
    unsigned count, ring;       /* windows that stay; places for them */
    unsigned char *memory;
    size_t memory_length, stride; /* bytes from one place to the next */
    size_t skew;    /* from a place's begin to its first byte, which lies in a page as it does in the file */
    void *reserved; /* what `memory` is a part of */
    size_t reserved_length;
    bool heap; /* the memory is malloc's: one small window */
    bool mappable;
    int watch;      /* of mapped memory, or -1 */
    bool *mapped;   /* of each place: parts of it are mapped */
    uint64_t given; /* bytes that mm_windows_next returned */
    bool ended, grew;
    int error; /* errno, 0 */
    struct mm_ahead *ahead;
};

/* Where the byte at OFFSET goes. */
static inline unsigned char *mm_windows_at(const struct mm_windows *w, uint64_t offset)
{
    return w->memory + (size_t)(offset / w->window % w->ring) * w->stride + w->skew + (size_t)(offset % w->window);
}

/* How many bytes from OFFSET on may lie behind each other: to the end of a window, or of a file whose size is known. */
static inline size_t mm_windows_room(const struct mm_windows *w, uint64_t offset)
{
    size_t room = w->window - (size_t)(offset % w->window);
    if (w->input.regular && w->input.size - offset < room)
        room = (size_t)(w->input.size - offset);
    return room;
}

/* Reads up to LENGTH bytes at OFFSET, what was read before: their number, 0 at the end (*GREW: of a regular file there are
 * more), -1 with errno set. */
ssize_t mm_windows_read(const struct mm_windows *w, uint64_t offset, size_t length, bool *grew);

/* Begins to fill the windows. Returns NULL where there is no thread to be had. */
struct mm_ahead *mm_ahead_new(const struct mm_windows *windows);
void mm_ahead_free(struct mm_ahead *ahead);

/* Waits for bytes behind OFFSET, those below ENDING being free to be overwritten: how many there are, at most LENGTH; 0 at
 * the end (*GREW as above), -1 with errno set. */
ssize_t mm_ahead_wait(struct mm_ahead *ahead, uint64_t offset, uint64_t ending, size_t length, bool *grew);

#endif
