/* The digests of a file while its chunks land in any order: its SHA-256 and its Merkle root, which grow chunk by chunk from its beginning,
 * as far as the chunks are there. A chunk that comes as the next one is hashed once for all of that; what came before its turn is read
 * back, and compared with the list again. So a file whose chunks came in order has been hashed when the last one is written. */
#ifndef MM_EXCHANGE_PREFIX_H
#define MM_EXCHANGE_PREFIX_H

#include "act/import.h"
#include "doc/chunk_list.h"

struct mm_prefix; /* opaque; one thread at a time */

/* For the file FD of what CHUNKS says, LIST being its list, all of which is borrowed; NEED, a bitmap (exchange/have.h) of the chunks that are not in it
 * yet, is copied. NULL where memory is exhausted. */
struct mm_prefix *mm_prefix_new(const struct mm_chunk_facts *chunks, const struct mm_chunk_list *list, int fd,
                                const unsigned char *need);
void mm_prefix_free(struct mm_prefix *prefix);

/* True if CHUNK is the next one, and is to be given to mm_prefix_take. */
bool mm_prefix_is_next(const struct mm_prefix *prefix, uint64_t chunk);

/* Takes the next chunk before it is written, and writes its HASH. Returns whether it is the listed one; otherwise the digests are spoiled for
 * good, and mm_prefix_end has none. */
bool mm_prefix_take(struct mm_prefix *prefix, const void *bytes, size_t length,
                    unsigned char hash[static MM_HASH_BYTES]);

/* CHUNK is written. What is written without a gap from the beginning goes on to the device meanwhile. Returns 0, or -1 with errno set where
 * that did not take it. */
int mm_prefix_wrote(struct mm_prefix *prefix, uint64_t chunk);

/* True if the next chunk was written before its turn; the second function reads it back. */
bool mm_prefix_is_behind(const struct mm_prefix *prefix);
void mm_prefix_catch_up(struct mm_prefix *prefix);

/* Reads back whatever is left, and fills KNOWN for artifact ARTIFACT: what the digests are, and which file they are of. Returns false where
 * they are not the ones that CHUNKS and LIST say, chunks lack, or the file cannot be read. */
bool mm_prefix_end(struct mm_prefix *prefix, size_t artifact, struct mm_import_known *known);

#endif
