/* Copies of files in memory that nobody can write to any more. */
#ifndef MM_BASE_SEALED_H
#define MM_BASE_SEALED_H

#include <stdint.h>

#include "base/diag.h"

/* Copies the SIZE bytes of the file FD into a sealed memfd called NAME (for people, in /proc; its last component counts). The seals stay
 * as long as the memory does: it neither grows nor shrinks, and no process can write to it. What is copied is checked by nobody: read it
 * from the copy. Returns a descriptor for reading from its beginning, or -1 with IO_LIMIT (memory is too small for it, or the system
 * has no such files), IO_READ, IO_CHANGED or IO_WRITE. */
int mm_sealed_copy(int fd, uint64_t size, const char *name, struct mm_diags *diags);

/* Bytes of memory that can be had without swapping, as the kernel estimates; UINT64_MAX where it does not say. */
uint64_t mm_memory_available(void);

#endif
