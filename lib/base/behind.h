/* A thread that works behind the one that has the bytes: what is read can be written while the next is read, and hashed meanwhile. */
#ifndef MM_BASE_BEHIND_H
#define MM_BASE_BEHIND_H

#include <stddef.h>
#include <stdint.h>

#define MM_BEHIND_PIECES 16 /* that wait at most */

/* Does what there is to do with the LENGTH bytes at BYTES, which are those at OFFSET. Returns 0, or -1 with errno set: then it is not called
 * again. */
typedef int mm_behind_fn(void *context, uint64_t offset, const void *bytes, size_t length);

struct mm_behind; /* opaque */

/* WORK is called by a new thread, with CONTEXT. Returns NULL where there is none to be had, or no memory. */
struct mm_behind *mm_behind_new(mm_behind_fn *work, void *context);

/* Leaves a piece to the thread, its offset above those of all before; the bytes have to stay until they are settled. Waits where too many
 * wait already. Any thread may call it, one at a time. Returns 0, or -1 with errno set where WORK failed. */
int mm_behind_give(struct mm_behind *behind, uint64_t offset, const void *bytes, size_t length);

/* Returns when nobody looks any more at pieces that begin below OFFSET. */
void mm_behind_settle(struct mm_behind *behind, uint64_t offset);

/* Waits for all that was given, ends the thread and frees BEHIND, which may be NULL. Returns as mm_behind_give. */
int mm_behind_end(struct mm_behind *behind);

#endif
