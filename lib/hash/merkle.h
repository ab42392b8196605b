/* The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf in memory that grows with the tree's height alone.
 * Leaf data are 32-byte chunk hashes (chunks.md), or the lines and heads of a catalog (catalog.md). */
#ifndef MM_HASH_MERKLE_H
#define MM_HASH_MERKLE_H

#include <stdint.h>

#include "base/diag.h"
#include "hash/sha256.h"

#define MM_MERKLE_HEIGHT 64

/* An audit path: the siblings from the leaf up. */
struct mm_merkle_path {
    unsigned char siblings[MM_MERKLE_HEIGHT][MM_HASH_BYTES];
    unsigned length;
};

struct mm_merkle {
    struct mm_sha256 *sha;
    uint64_t count;  /* leaves so far */
    unsigned height; /* complete subtrees on the stack, largest first */
    unsigned char stack[MM_MERKLE_HEIGHT][MM_HASH_BYTES];
    uint64_t tracked;    /* the leaf whose path is collected, UINT64_MAX for none */
    unsigned tracked_at; /* its subtree's place on the stack */
    struct mm_merkle_path path;
};

/* Starts an empty tree. Returns 0, or -1 with IO_MEMORY. Release in every case. */
int mm_merkle_init(struct mm_merkle *tree, struct mm_diags *diags);
void mm_merkle_release(struct mm_merkle *tree);

/* Asks for the audit path of leaf INDEX; before any leaf was added. */
void mm_merkle_track(struct mm_merkle *tree, uint64_t index);

void mm_merkle_add(struct mm_merkle *tree, const unsigned char chunk_hash[static MM_HASH_BYTES]);

/* The same for a leaf whose data are any bytes, and for a leaf that was computed before. */
void mm_merkle_add_data(struct mm_merkle *tree, const void *data, size_t length);
void mm_merkle_add_leaf(struct mm_merkle *tree, const unsigned char leaf[static MM_HASH_BYTES]);

/* Writes the root and completes tree->path; the SHA-256 of nothing for an empty tree. Ends the tree's growth. */
void mm_merkle_root(struct mm_merkle *tree, unsigned char root[static MM_HASH_BYTES]);

/* Begins TREE, which is empty, with the first COUNT - 1 leaves of a tree of COUNT, of whose last leaf PATH is the audit path: its siblings are
 * all that those leaves come to. Returns false where PATH has not that many. Nothing can be tracked in such a tree. */
bool mm_merkle_resume(struct mm_merkle *tree, const struct mm_merkle_path *path, uint64_t count);

/* The leaf of one chunk, which is the root of a tree of one. */
void mm_merkle_leaf(struct mm_sha256 *sha, const unsigned char chunk_hash[static MM_HASH_BYTES],
                    unsigned char leaf[static MM_HASH_BYTES]);

/* The leaf of any bytes. */
void mm_merkle_leaf_data(struct mm_sha256 *sha, const void *data, size_t length,
                         unsigned char leaf[static MM_HASH_BYTES]);

/* Where PATH leads from CHUNK_HASH at INDEX in a tree of COUNT leaves (RFC 9162, section 2.1.3.2). Returns false where
 * the path has not the length that index and count ask for, or INDEX is not below COUNT. */
bool mm_merkle_path_root(struct mm_sha256 *sha, const struct mm_merkle_path *path, uint64_t index, uint64_t count,
                         const unsigned char chunk_hash[static MM_HASH_BYTES],
                         unsigned char root[static MM_HASH_BYTES]);

/* The same from a leaf. */
bool mm_merkle_path_leaf_root(struct mm_sha256 *sha, const struct mm_merkle_path *path, uint64_t index, uint64_t count,
                              const unsigned char leaf[static MM_HASH_BYTES], unsigned char root[static MM_HASH_BYTES]);

/* The proof that the tree of the first OLD of the COUNT leaves at LEAVES is where the tree of all of them began (RFC 9162, section
 * 2.1.4.1); empty for OLD equal to COUNT. OLD is from 1 to COUNT. */
void mm_merkle_consistency(struct mm_sha256 *sha, const unsigned char (*leaves)[MM_HASH_BYTES], uint64_t old,
                           uint64_t count, struct mm_merkle_path *proof);

/* Does PROOF connect the root of the tree of OLD leaves with that of COUNT (section 2.1.4.2)? A proof that is longer or shorter than
 * both counts ask for does not; nor does any for OLD 0 or above COUNT. */
bool mm_merkle_consistent(struct mm_sha256 *sha, const struct mm_merkle_path *proof, uint64_t old, uint64_t count,
                          const unsigned char old_root[static MM_HASH_BYTES],
                          const unsigned char root[static MM_HASH_BYTES]);

#endif
