#include "hash/chunk.h"

#include <inttypes.h>

#include "base/checked.h"

bool mm_chunk_size_valid(uint64_t size)
{
    return mm_power_of_two(size) && size >= MM_CHUNK_SIZE_MIN && size <= MM_CHUNK_SIZE_MAX;
}

uint64_t mm_chunk_count(uint64_t bytes, uint64_t size)
{
    return bytes / size + (bytes % size != 0);
}

int mm_chunker_init(struct mm_chunker *chunker, uint64_t size, bool whole, mm_chunk_fn *each, void *context,
                    struct mm_diags *diags)
{
    *chunker = (struct mm_chunker){.size = size, .each = each, .context = context};
    if (mm_merkle_init(&chunker->tree, diags) < 0)
        return -1;
    chunker->chunk = mm_sha256_new();
    chunker->whole = whole ? mm_sha256_new() : NULL;
    return chunker->chunk && (chunker->whole || !whole) ? 0 : mm_diag_memory(diags);
}

void mm_chunker_release(struct mm_chunker *chunker)
{
    mm_sha256_free(chunker->whole);
    mm_sha256_free(chunker->chunk);
    mm_merkle_release(&chunker->tree);
    chunker->whole = chunker->chunk = NULL;
}

static void end_chunk(struct mm_chunker *chunker)
{
    unsigned char hash[MM_HASH_BYTES];
    mm_sha256_take(chunker->chunk, hash);
    if (chunker->each)
        chunker->each(chunker->context, chunker->tree.count, hash);
    mm_merkle_add(&chunker->tree, hash);
    chunker->filled = 0;
}

void mm_chunker_update(void *context, const unsigned char *bytes, size_t length)
{
    struct mm_chunker *chunker = context;
    chunker->bytes += length;
    if (chunker->whole)
        mm_sha256_update(chunker->whole, bytes, length);
    while (length > 0) {
        uint64_t room = chunker->size - chunker->filled;
        size_t part = length < room ? length : (size_t)room;
        mm_sha256_update(chunker->chunk, bytes, part);
        chunker->filled += part;
        bytes += part;
        length -= part;
        if (chunker->filled == chunker->size)
            end_chunk(chunker);
    }
}

int mm_chunker_finish(struct mm_chunker *chunker, struct mm_chunk_facts *facts, struct mm_diags *diags)
{
    if (chunker->filled > 0)
        end_chunk(chunker);
    *facts = (struct mm_chunk_facts){.bytes = chunker->bytes, .size = chunker->size, .count = chunker->tree.count};
    if (chunker->whole) {
        facts->has_sha256 = true;
        mm_sha256_take(chunker->whole, facts->sha256);
    }
    mm_merkle_root(&chunker->tree, facts->root);
    if (facts->count > MM_CHUNK_COUNT_MAX)
        return mm_diag(diags, MM_RULE_CHUNK_LIMIT,
                       "expected at most %d chunks, found %" PRIu64 " of %" PRIu64 " bytes; take a larger chunk size",
                       MM_CHUNK_COUNT_MAX, facts->count, facts->size);
    return 0;
}
