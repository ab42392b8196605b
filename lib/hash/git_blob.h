/* git's id of a file: SHA-1 over "blob SIZE", NUL and the bytes. Good for telling whether a file is the one that a repository names,
 * and no more: SHA-1 is broken. */
#ifndef MM_HASH_GIT_BLOB_H
#define MM_HASH_GIT_BLOB_H

#include <stddef.h>
#include <stdint.h>

#define MM_GIT_BYTES 20
#define MM_GIT_HEX 40

struct mm_git_blob; /* opaque */

/* For a file of SIZE bytes, which all have to follow. NULL when memory is exhausted. */
struct mm_git_blob *mm_git_blob_new(uint64_t size);
void mm_git_blob_free(struct mm_git_blob *blob);

void mm_git_blob_update(struct mm_git_blob *blob, const void *bytes, size_t length);

/* Writes the id; nothing may follow. */
void mm_git_blob_take(struct mm_git_blob *blob, unsigned char id[static MM_GIT_BYTES]);

#endif
