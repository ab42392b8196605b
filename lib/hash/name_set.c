#include "hash/name_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"

#define NAME_BYTES 16

struct mm_name {
    unsigned char hash[NAME_BYTES];
    uint32_t next; /* in its bucket, 0 for none: names count from 1, names[0] is not used */
    uint32_t level;
};

/* Both halves of the kept hash, mixed with a key that whoever chose the names cannot know. */
static uint32_t *bucket_of(const struct mm_name_set *set, const unsigned char *hash)
{
    uint64_t halves[2];
    memcpy(halves, hash, sizeof halves);
    uint64_t mixed = (halves[0] ^ set->key[0]) * (set->key[1] | 1) ^ halves[1];
    mixed *= set->key[0] | 1;
    return &set->buckets[(size_t)(mixed >> 32) & (set->bucket_count - 1)];
}

static bool rehash(struct mm_name_set *set)
{
    size_t count = set->bucket_count ? set->bucket_count * 4 : 256;
    uint32_t *buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return false;
    if (!set->bucket_count && mm_random(set->key, sizeof set->key) < 0)
        set->key[0] = set->key[1] = (uint64_t)(uintptr_t)buckets; /* still nothing that a file's author knows */
    free(set->buckets);
    set->buckets = buckets;
    set->bucket_count = count;
    for (uint32_t i = 1; i <= set->count; i++) { /* in order, so that later names stand first in their bucket */
        uint32_t *bucket = bucket_of(set, set->names[i].hash);
        set->names[i].next = *bucket;
        *bucket = i;
    }
    return true;
}

/* The name's place, 0 for none. */
static uint32_t find(const struct mm_name_set *set, const unsigned char *digest, uint32_t level)
{
    uint32_t i = set->bucket_count ? *bucket_of(set, digest) : 0;
    while (i && (set->names[i].level != level || memcmp(set->names[i].hash, digest, NAME_BYTES) != 0))
        i = set->names[i].next;
    return i;
}

enum mm_name_added mm_name_set_add(struct mm_name_set *set, const unsigned char digest[static MM_HASH_BYTES],
                                   uint32_t level)
{
    if ((set->count >= set->bucket_count && !rehash(set)) || set->count >= UINT32_MAX - 1 ||
        !mm_grow(&set->names, set->count + 1, &set->capacity, sizeof *set->names))
        return MM_NAME_MEMORY;
    if (find(set, digest, level))
        return MM_NAME_KNOWN;
    uint32_t *bucket = bucket_of(set, digest);
    struct mm_name *name = &set->names[++set->count];
    memcpy(name->hash, digest, NAME_BYTES);
    name->level = level;
    name->next = *bucket;
    *bucket = (uint32_t)set->count;
    return MM_NAME_NEW;
}

enum mm_name_added mm_name_set_add_text(struct mm_name_set *set, struct mm_sha256 *sha, const void *name, size_t length)
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_once(sha, name, length, digest);
    return mm_name_set_add(set, digest, 0);
}

bool mm_name_set_has(const struct mm_name_set *set, struct mm_sha256 *sha, const void *name, size_t length)
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_once(sha, name, length, digest);
    return find(set, digest, 0) != 0;
}

void mm_name_set_leave(struct mm_name_set *set, uint32_t level)
{
    while (set->count > 0 && set->names[set->count].level == level) {
        struct mm_name *name = &set->names[set->count--];
        *bucket_of(set, name->hash) = name->next;
    }
}

void mm_name_set_release(struct mm_name_set *set)
{
    free(set->names);
    free(set->buckets);
    *set = (struct mm_name_set){0};
}
