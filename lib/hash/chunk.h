/* Chunk hashes, Merkle root and whole-file hash of one stream, from one reading (chunks.md). */
#ifndef MM_HASH_CHUNK_H
#define MM_HASH_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "hash/merkle.h"

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

/* Called for each chunk in order. */
typedef void mm_chunk_fn(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES]);

struct mm_chunker {
    uint64_t size, filled, bytes;
    struct mm_sha256 *whole, *chunk;
    struct mm_merkle tree;
    mm_chunk_fn *each;
    void *context;
};

/* WHOLE: compute the SHA-256 of all bytes too. EACH may be NULL. Returns 0, or -1 with IO_MEMORY. Release in every case. */
int mm_chunker_init(struct mm_chunker *chunker, uint64_t size, bool whole, mm_chunk_fn *each, void *context,
                    struct mm_diags *diags);
void mm_chunker_release(struct mm_chunker *chunker);

/* Has the shape of mm_sink_fn, CHUNKER being the context. */
void mm_chunker_update(void *chunker, const unsigned char *bytes, size_t length);

/* Ends the stream. Returns 0, or -1 with CHUNK_LIMIT where there were too many chunks. */
int mm_chunker_finish(struct mm_chunker *chunker, struct mm_chunk_facts *facts, struct mm_diags *diags);

#endif
