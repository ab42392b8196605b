/* Passwords, and whatever else is to be locked in memory and wiped (libsodium's guarded allocations), and the files in which they
 * lie. Memory that the system does not let a process lock is wiped all the same; that is said once (a note KEY_MEMORY). */
#ifndef MM_TRUST_SECRET_H
#define MM_TRUST_SECRET_H

#include <stddef.h>

#include "base/diag.h"

#define MM_PASSWORD_MAX 1024 /* bytes */

struct mm_secret {
    char *bytes; /* locked memory of `capacity` bytes, NULL for none */
    size_t length, capacity;
};

/* SIZE bytes of such memory, whatever they hold; wiped and given back by sodium_free. Returns NULL with IO_MEMORY. */
void *mm_secret_memory(size_t size, struct mm_diags *diags);

/* Returns 0, or -1 with IO_MEMORY. Release SECRET in every case. */
int mm_secret_init(struct mm_secret *secret, size_t capacity, struct mm_diags *diags);
void mm_secret_release(struct mm_secret *secret);

/* The open file FD has to be a regular one of the user's own that nobody else may read or write. Returns 0, or -1 with
 * IO_NOT_REGULAR, KEY_MODE or IO_READ. */
int mm_secret_check_file(int fd, struct mm_diags *diags);

/* Appends what the file FD still holds, up to the capacity of SECRET. Returns 0, or -1 with IO_READ. */
int mm_secret_read(struct mm_secret *secret, int fd, struct mm_diags *diags);

/* Appends a line of FD without its LF, which may lack at the end of the file; nothing behind it is read. What a terminal's signal
 * interrupts goes on. Returns 1; 0 where the file ended before the line; -1 with IO_READ, or with IO_LIMIT where the line is longer
 * than the capacity. */
int mm_secret_read_line(struct mm_secret *secret, int fd, struct mm_diags *diags);

#endif
