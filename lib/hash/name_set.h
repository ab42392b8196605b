/* A set of names, to find one that comes twice among millions: a name is known by the first 16 bytes of its SHA-256,
 * so the set's memory does not depend on how long names are. Names belong to a level and leave last in, first out. */
#ifndef MM_HASH_NAME_SET_H
#define MM_HASH_NAME_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash/sha256.h"

struct mm_name; /* 24 bytes a name */

/* A zeroed set is empty. */
struct mm_name_set {
    struct mm_name *names;
    size_t count, capacity;
    uint32_t *buckets;
    size_t bucket_count;
    uint64_t key[2]; /* random, so that names cannot be made to meet in one bucket */
};

enum mm_name_added { MM_NAME_NEW, MM_NAME_KNOWN, MM_NAME_MEMORY };

/* Adds the name with SHA-256 DIGEST at LEVEL, which is not below that of the names before. */
enum mm_name_added mm_name_set_add(struct mm_name_set *set, const unsigned char digest[static MM_HASH_BYTES],
                                   uint32_t level);

/* The same at level 0 for a name as text; SHA does the hashing. */
enum mm_name_added mm_name_set_add_text(struct mm_name_set *set, struct mm_sha256 *sha, const void *name,
                                        size_t length);

/* True if the set has NAME at level 0. */
bool mm_name_set_has(const struct mm_name_set *set, struct mm_sha256 *sha, const void *name, size_t length);

/* Takes out the names of LEVEL, which are the last ones. */
void mm_name_set_leave(struct mm_name_set *set, uint32_t level);

void mm_name_set_release(struct mm_name_set *set);

#endif
