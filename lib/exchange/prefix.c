#include "exchange/prefix.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/writeback.h"
#include "exchange/have.h"
#include "hash/sha256_lanes.h"

#define READ_BACK (256u * 1024) /* bytes at once: they are hashed while the processor's cache has them */

struct mm_prefix {
    const struct mm_chunk_facts *chunks;
    const struct mm_chunk_list *list;
    int fd;
    unsigned char *need; /* chunks that are not written */
    uint64_t next;       /* chunks below it are in the digests */
    struct mm_sha256_twin *twin;
    struct mm_merkle tree;
    unsigned char *room; /* for what is read back */
    bool spoiled;        /* the digests have bytes in them that are not the file's */
    struct mm_writeback writeback;
    uint64_t written; /* no chunk below it lacks */
};

struct mm_prefix *mm_prefix_new(const struct mm_chunk_facts *chunks, const struct mm_chunk_list *list, int fd,
                                const unsigned char *need)
{
    struct mm_prefix *prefix = calloc(1, sizeof *prefix);
    struct mm_diags ignored;
    if (!prefix)
        return NULL;
    mm_diags_init(&ignored);
    size_t size = mm_have_size(chunks->count);
    *prefix = (struct mm_prefix){.chunks = chunks,
                                 .list = list,
                                 .fd = fd,
                                 .need = malloc(size + 1),
                                 .twin = mm_sha256_twin_new(NULL),
                                 .room = malloc(READ_BACK),
                                 .writeback = {.fd = fd},
                                 .written = mm_have_next(need, 0, chunks->count)};
    int result = mm_merkle_init(&prefix->tree, &ignored);
    mm_diags_release(&ignored);
    if (result < 0 || !prefix->need || !prefix->twin || !prefix->room) {
        mm_prefix_free(prefix);
        return NULL;
    }
    memcpy(prefix->need, need, size);
    return prefix;
}

void mm_prefix_free(struct mm_prefix *prefix)
{
    if (!prefix)
        return;
    mm_merkle_release(&prefix->tree);
    mm_sha256_twin_free(prefix->twin);
    free(prefix->need);
    free(prefix->room);
    free(prefix);
}

/* The next chunk has gone through the twin. */
static bool take_hash(struct mm_prefix *prefix, unsigned char hash[static MM_HASH_BYTES])
{
    mm_sha256_twin_take_piece(prefix->twin, hash);
    mm_merkle_add(&prefix->tree, hash);
    prefix->spoiled = prefix->next >= prefix->list->hashes.count ||
                      memcmp(hash, prefix->list->hashes.items[prefix->next], MM_HASH_BYTES) != 0;
    prefix->next++;
    return !prefix->spoiled;
}

bool mm_prefix_is_next(const struct mm_prefix *prefix, uint64_t chunk)
{
    return !prefix->spoiled && chunk == prefix->next && chunk < prefix->chunks->count &&
           mm_have_has(prefix->need, chunk);
}

bool mm_prefix_take(struct mm_prefix *prefix, const void *bytes, size_t length,
                    unsigned char hash[static MM_HASH_BYTES])
{
    mm_sha256_twin_update(prefix->twin, bytes, length);
    return take_hash(prefix, hash);
}

int mm_prefix_wrote(struct mm_prefix *prefix, uint64_t chunk)
{
    mm_have_remove(prefix->need, chunk);
    if (chunk == prefix->written)
        prefix->written = mm_have_next(prefix->need, chunk + 1, prefix->chunks->count);
    if (prefix->written == prefix->chunks->count)
        return mm_writeback_end(&prefix->writeback, prefix->chunks->bytes);
    return mm_writeback_reach(&prefix->writeback, prefix->written * prefix->chunks->size);
}

bool mm_prefix_is_behind(const struct mm_prefix *prefix)
{
    return !prefix->spoiled && prefix->next < prefix->chunks->count && !mm_have_has(prefix->need, prefix->next);
}

void mm_prefix_catch_up(struct mm_prefix *prefix)
{
    unsigned char hash[MM_HASH_BYTES];
    uint64_t at = prefix->next * prefix->chunks->size, end = at + mm_chunk_bytes(prefix->chunks, prefix->next);
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    while (at < end && !prefix->spoiled) {
        size_t some = end - at < READ_BACK ? (size_t)(end - at) : READ_BACK;
        prefix->spoiled = mm_file_read_at(prefix->fd, at, prefix->room, some, &ignored) < 0;
        if (!prefix->spoiled)
            mm_sha256_twin_update(prefix->twin, prefix->room, some);
        at += some;
    }
    mm_diags_release(&ignored);
    if (!prefix->spoiled)
        take_hash(prefix, hash);
}

bool mm_prefix_end(struct mm_prefix *prefix, size_t artifact, struct mm_import_known *known)
{
    struct mm_diags ignored;
    while (mm_prefix_is_behind(prefix))
        mm_prefix_catch_up(prefix);
    if (prefix->spoiled || prefix->next < prefix->chunks->count)
        return false;
    *known = (struct mm_import_known){.artifact = artifact, .chunks = *prefix->chunks};
    known->chunks.has_sha256 = true;
    mm_sha256_twin_take_whole(prefix->twin, known->chunks.sha256);
    mm_merkle_root(&prefix->tree, known->chunks.root);
    prefix->spoiled = true; /* they have begun anew */
    mm_diags_init(&ignored);
    int result = mm_fingerprint_take(&known->fingerprint, prefix->fd, &ignored);
    mm_diags_release(&ignored);
    return result == 0 && known->fingerprint.known &&
           memcmp(known->chunks.sha256, prefix->chunks->sha256, MM_HASH_BYTES) == 0 &&
           memcmp(known->chunks.root, prefix->chunks->root, MM_HASH_BYTES) == 0;
}
