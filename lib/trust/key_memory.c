#include "trust/key_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 256
#define TRIES 4 /* places where one may be */

struct remembered {
    char publisher[MM_PUBLISHER_MAX + 1];
    bool of_key; /* of the key ID; otherwise of the publisher */
    unsigned char id[MM_KEY_ID_BYTES];
    enum mm_found found;
    struct mm_known_key key;
};

struct mm_key_memory {
    pthread_mutex_t lock;
    struct remembered *places[PLACES]; /* NULL for nothing */
};

struct mm_key_memory *mm_key_memory_new(void)
{
    struct mm_key_memory *memory = calloc(1, sizeof *memory);
    if (memory)
        memory->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    return memory;
}

void mm_key_memory_free(struct mm_key_memory *memory)
{
    if (!memory)
        return;
    for (size_t i = 0; i < PLACES; i++)
        free(memory->places[i]);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

/* FNV-1a. Whoever makes many names meet makes them be read each time, as without a memory. */
static size_t hash_of(const char *publisher, const unsigned char *id)
{
    uint32_t hash = 2166136261u;
    for (; *publisher; publisher++)
        hash = (hash ^ (unsigned char)*publisher) * 16777619u;
    for (size_t i = 0; id && i < MM_KEY_ID_BYTES; i++)
        hash = (hash ^ id[i]) * 16777619u;
    return hash ^ hash >> 16;
}

static bool is_of(const struct remembered *there, const char *publisher, const unsigned char *id)
{
    return there && strcmp(there->publisher, publisher) == 0 && there->of_key == (id != NULL) &&
           (!id || memcmp(there->id, id, MM_KEY_ID_BYTES) == 0);
}

/* Where it is, or where it may be put: a place of its own that is empty, or the first of them. */
static struct remembered **place_of(struct mm_key_memory *memory, const char *publisher, const unsigned char *id)
{
    size_t hash = hash_of(publisher, id);
    struct remembered **first = &memory->places[hash % PLACES], **empty = NULL;
    for (size_t i = 0; i < TRIES; i++) {
        struct remembered **place = &memory->places[(hash + i) % PLACES];
        if (is_of(*place, publisher, id))
            return place;
        if (!*place && !empty)
            empty = place;
    }
    return empty ? empty : first;
}

bool mm_key_memory_get(struct mm_key_memory *memory, const char *publisher, const unsigned char *id,
                       enum mm_found *found, struct mm_known_key *key)
{
    pthread_mutex_lock(&memory->lock);
    const struct remembered *there = *place_of(memory, publisher, id);
    bool same = is_of(there, publisher, id);
    if (same) {
        *found = there->found;
        if (id)
            *key = there->key;
    }
    pthread_mutex_unlock(&memory->lock);
    return same;
}

void mm_key_memory_put(struct mm_key_memory *memory, const char *publisher, const unsigned char *id,
                       enum mm_found found, const struct mm_known_key *key)
{
    struct remembered *new = calloc(1, sizeof *new);
    if (!new)
        return;
    memcpy(new->publisher, publisher, strlen(publisher) + 1);
    new->of_key = id != NULL;
    new->found = found;
    if (id) {
        memcpy(new->id, id, MM_KEY_ID_BYTES);
        new->key = *key;
    }
    pthread_mutex_lock(&memory->lock);
    struct remembered **place = place_of(memory, publisher, id);
    struct remembered *old = *place;
    *place = new;
    pthread_mutex_unlock(&memory->lock);
    free(old);
}
