/* What the store has already: the artifacts of all its models, looked at once, so that an import can find equal ones. */
#ifndef MM_ACT_SHELF_H
#define MM_ACT_SHELF_H

#include <sys/types.h>

#include "act/store.h"

/* Artifacts of a store that are kept in mind at most; what is beyond is not found, and copied. */
#define MM_SHELF_MAX 200000

struct mm_shelf_item {
    size_t path; /* in words, beneath the home */
    size_t name; /* in words: the artifact's path in its model */
    size_t id;   /* in words: the model's */
    uint64_t revision;
    struct mm_chunk_facts chunks; /* as the manifest has them */
    dev_t device;
    ino_t inode;
    nlink_t names;
    bool own; /* a regular file, and every name of it is in the store: nobody else can write to it */
};

struct mm_shelf {
    struct mm_shelf_item *items; /* by SHA-256, then size */
    size_t count, capacity;
    struct mm_buf words; /* NUL-terminated */
};

/* Fills SHELF from the store beneath HOME. A model that cannot be read has nothing to give. Returns 0, or -1 with IO_READ or IO_MEMORY.
 * Release SHELF in every case. */
int mm_shelf_fill(struct mm_shelf *shelf, int home, struct mm_diags *diags);
void mm_shelf_release(struct mm_shelf *shelf);

/* The path of an own file that is equal to the artifact CLAIM, or NULL. */
const char *mm_shelf_equal(const struct mm_shelf *shelf, const struct mm_claim *claim);

static inline const char *mm_shelf_word(const struct mm_shelf *shelf, size_t word)
{
    return shelf->words.data + word;
}

#endif
