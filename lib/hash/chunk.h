/* Chunk hashes, Merkle root and whole-file hash of one stream, from one reading (chunks.md). */
#ifndef MM_HASH_CHUNK_H
#define MM_HASH_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/source.h"
#include "hash/merkle.h"
#include "hash/sha256_lanes.h"

#define MM_CHUNK_SIZE_MIN 65536
#define MM_CHUNK_SIZE_MAX 67108864
#define MM_CHUNK_SIZE_DEFAULT 1048576
#define MM_CHUNK_COUNT_MAX 8000000
#define MM_CHUNK_SCHEME "fixed-size-merkle-v0"

/* True for a power of two from 65536 to 67108864. */
bool mm_chunk_size_valid(uint64_t size);

/* ceil(BYTES / SIZE). */
uint64_t mm_chunk_count(uint64_t bytes, uint64_t size);

/* What manifest lines and chunk lists say of a file. */
struct mm_chunk_facts {
    uint64_t bytes, size, count;
    bool has_sha256;
    unsigned char sha256[MM_HASH_BYTES];
    unsigned char root[MM_HASH_BYTES];
};

/* The bytes of chunk INDEX, which is below the count: the last one may be shorter. */
static inline uint64_t mm_chunk_bytes(const struct mm_chunk_facts *chunks, uint64_t index)
{
    uint64_t left = chunks->bytes - index * chunks->size;
    return left < chunks->size ? left : chunks->size;
}

/* Called for each chunk in order. */
typedef void mm_chunk_fn(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES]);

/* What hashing may use. Zeros: one thread, the fastest path. */
struct mm_hash_means {
    unsigned threads; /* the caller's included */
    unsigned files;   /* that are hashed at the same time, so that all of them keep to the memory of one */
    const struct mm_sha256_path *path; /* has to run here; NULL: the fastest */
};

/* What one of FILES files may use that are hashed at the same time, ALL being there for all of them: a thread each, or all where it is alone. */
struct mm_hash_means mm_hash_means_share(struct mm_hash_means all, size_t files);

struct mm_chunker_options {
    uint64_t size;     /* of a chunk */
    bool whole;        /* take the SHA-256 of all bytes too */
    uint64_t expected; /* bytes that will come, as far as that is known: a hint; 0 for unknown */

    /* Bytes stay in place after mm_chunker_update, until mm_chunker_settle: they are hashed in lanes, and by several threads. Without it, EACH is
     * called for a chunk before the mm_chunker_update returns that ended it. */
    bool lasting;
    struct mm_hash_means means;
    mm_chunk_fn *each; /* always called in order and by the thread that updates; may be NULL */
    void *context;
};

struct mm_chunker; /* opaque */

/* Returns NULL with IO_MEMORY. */
struct mm_chunker *mm_chunker_new(const struct mm_chunker_options *options, struct mm_diags *diags);
void mm_chunker_free(struct mm_chunker *chunker);

/* How a source that feeds such a chunker is best opened: as much in hand as fills the lanes and threads, within 32 MiB. */
struct mm_source_shape mm_chunker_shape(const struct mm_chunker_options *options);

/* Asks for the audit path of chunk INDEX, before the first byte; it is there after mm_chunker_finish. */
void mm_chunker_track(struct mm_chunker *chunker, uint64_t index);
const struct mm_merkle_path *mm_chunker_path(const struct mm_chunker *chunker);

/* These have the shapes of mm_sink_fn and mm_settle_fn, CHUNKER being the context. */
void mm_chunker_update(void *chunker, const unsigned char *bytes, size_t length);
void mm_chunker_settle(void *chunker, uint64_t offset);

/* Ends the stream. Returns 0, or -1 with CHUNK_LIMIT where there were too many chunks. */
int mm_chunker_finish(struct mm_chunker *chunker, struct mm_chunk_facts *facts, struct mm_diags *diags);

#endif
