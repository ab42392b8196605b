/* SHA-256 of many pieces at once, by whatever this processor has: chunks are independent of each other, so that they fill
 * the lanes of a vector unit, or follow each other closely enough through the SHA instructions to hide their latency. A stream
 * and the chunks it is made of have their blocks in common, so that a twin computes both from one loading of each block.
 * Threads may call all of this at once, for a twin one at a time. */
#ifndef MM_HASH_SHA256_LANES_H
#define MM_HASH_SHA256_LANES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/number.h"

/* One way to compute, named after the instructions it takes: "avx512", "shani", "armv8", "avx2", "neon", "libcrypto" (one
 * piece at a time, or two streams of it) and "portable". Constant. */
struct mm_sha256_path;

/* All of them, whether they run here or not; the fastest for many pieces first, the portable one last. NULL from their number on. */
const struct mm_sha256_path *mm_sha256_path_at(size_t index);

/* The one called NAME, NULL for none. */
const struct mm_sha256_path *mm_sha256_path_named(const char *name);
const char *mm_sha256_path_name(const struct mm_sha256_path *path);

/* True if this processor and its system can take it. */
bool mm_sha256_path_runs(const struct mm_sha256_path *path);

/* How many pieces it computes at once, 1 to 16. PATH may be NULL: those of the path that is the fastest for many. */
size_t mm_sha256_path_lanes(const struct mm_sha256_path *path);

/* Writes the digests of COUNT pieces of LENGTH bytes each, at any addresses, the same one more than once too. PATH has to run here; NULL:
 * for as many as are left the one that takes least, so that a few do not cost what all lanes cost. */
void mm_sha256_pieces(const struct mm_sha256_path *path, const unsigned char *const *pieces, size_t count,
                      size_t length, unsigned char (*digests)[MM_HASH_BYTES]);

/* True if PATH takes a block into two states for little more than into one, so that a twin needs no second thread. PATH may be NULL. */
bool mm_sha256_path_twins(const struct mm_sha256_path *path);

struct mm_sha256_twin; /* opaque; reusable: the whole's digest taken starts the next stream */

/* A stream and its pieces. PATH has to run here; NULL: the fastest for one stream, about as fast as libcrypto's alone where there
 * are SHA instructions, else twice its time. (A path without them that is asked for by its name is several times slower.)
 * NULL when memory is exhausted. */
struct mm_sha256_twin *mm_sha256_twin_new(const struct mm_sha256_path *path);
void mm_sha256_twin_free(struct mm_sha256_twin *twin);

void mm_sha256_twin_update(struct mm_sha256_twin *twin, const void *bytes, size_t length);

/* Writes the digest of the piece that ends here, and begins the next one. A piece is a multiple of 64 bytes long, but for the
 * last one of its stream: after a piece of another length nothing but the whole's digest is right. */
void mm_sha256_twin_take_piece(struct mm_sha256_twin *twin, unsigned char digest[static MM_HASH_BYTES]);

/* Writes the digest of everything since creation; the piece that is not taken yet is dropped. Starts anew. */
void mm_sha256_twin_take_whole(struct mm_sha256_twin *twin, unsigned char digest[static MM_HASH_BYTES]);

#endif
