/* Proofs that need hashes alone: that an entry is under a head, and that a later head continues an older one (docs/formats/catalog.md). */
#ifndef MM_DOC_CATALOG_PROOF_H
#define MM_DOC_CATALOG_PROOF_H

#include "doc/catalog_entry.h"
#include "hash/merkle.h"

#define MM_ENTRY_PROOF_TYPE "minimodel-entry-proof"
#define MM_CONSISTENCY_TYPE "minimodel-consistency"
#define MM_CATALOG_PROOF_MAX 16777216

struct mm_entry_proof {
    unsigned char head_sha256[MM_HASH_BYTES], root[MM_HASH_BYTES];
    uint64_t count, index;
    struct mm_buf line;
    struct mm_catalog_entry entry; /* of the line; read, not written */
    struct mm_merkle_path path;
};

void mm_entry_proof_write(const struct mm_entry_proof *proof, struct mm_buf *out);

/* Reads a proof and checks that it leads from its line to its root. Returns 0, or -1 with findings (CATALOG_PROOF, CATALOG_ENTRY, VALUE_ and
 * text rules). Release PROOF in every case. */
int mm_entry_proof_read(struct mm_entry_proof *proof, const char *text, size_t length, struct mm_diags *diags);
void mm_entry_proof_release(struct mm_entry_proof *proof);

/* A head in the log: leaf sequence-1 of the tree whose leaf data are the SHA-256s of heads. */
struct mm_log_place {
    uint64_t sequence;
    unsigned char head_sha256[MM_HASH_BYTES], root[MM_HASH_BYTES];
    struct mm_merkle_path path; /* to the root of the tree that ends with it */
};

struct mm_consistency {
    struct mm_log_place before, after;
    struct mm_merkle_path nodes; /* from the one root to the other */
};

void mm_consistency_write(const struct mm_consistency *proof, struct mm_buf *out);

/* Reads a proof and checks all that it says. Returns 0, or -1 with findings. */
int mm_consistency_read(struct mm_consistency *proof, const char *text, size_t length, struct mm_diags *diags);

/* The root of the log that ends with BEFORE, a place that was checked, continued by COUNT heads with these SHA-256s. Returns 0, or -1 with
 * IO_MEMORY, or CATALOG_PROOF where BEFORE's path is not one of a last leaf. */
int mm_log_continue(const struct mm_log_place *before, const unsigned char (*heads)[MM_HASH_BYTES], uint64_t count,
                    unsigned char root[static MM_HASH_BYTES], struct mm_diags *diags);

/* Fills PROOF for the log of COUNT heads with these SHA-256s, of which OLD (from 1) is the older one's sequence. Returns 0, or -1 with
 * IO_MEMORY. */
int mm_consistency_make(struct mm_consistency *proof, const unsigned char (*heads)[MM_HASH_BYTES], uint64_t old,
                        uint64_t count, struct mm_diags *diags);

#endif
