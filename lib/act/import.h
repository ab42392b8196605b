/* Importing a model into the store (receipts.md, Store; docs/formats/store.md): every byte is checked while it is copied, and nothing
 * appears under models/ before the last check has passed. */
#ifndef MM_ACT_IMPORT_H
#define MM_ACT_IMPORT_H

#include "act/supply.h"
#include "act/trust.h"
#include "doc/receipt.h"
#include "trust/secret_key.h"

/* An artifact whose file stands in the partial import already, and whose bytes were hashed when they were written there: as long as it is the file
 * of that fingerprint it is not read for its hashes again (docs/threat-model.md). */
struct mm_import_known {
    size_t artifact; /* its place in the manifest, from 0 */
    struct mm_fingerprint fingerprint;
    struct mm_chunk_facts chunks; /* computed, not stated */
};

struct mm_import_options {
    const struct mm_trust *trust; /* its store is the one that is imported into */
    bool allow_unsigned;
    bool allow_rollback;                     /* this import may be of an older revision than one before */
    bool link;                               /* share the source's bytes: reflink, else hard link, else copy */
    bool in_place;                           /* copy nothing: record where the files are */
    bool resume_only;                        /* continue an import that was begun, or fail */
    bool asks_peers;                         /* what no source has may be a peer's: it is PEER_LACKS, not STORE_CHUNK */
    uint64_t max_bytes;                      /* 0: no limit */
    const char *host_label;                  /* for the receipt, or NULL */
    const struct mm_secret_key *receipt_key; /* signs the receipt; NULL: none does */
    int medium;                              /* enum mm_medium of the receipt, or -1: what the sources show */
    const struct mm_import_known *known;     /* KNOWN_COUNT of them */
    size_t known_count;
    struct mm_hash_means means;
    struct mm_writer *bad_ranges;   /* chunks that no source has are written there, or NULL */
    void (*waiting)(void *context); /* called before another import of the model is waited for; may be NULL */
    mm_progress_fn *progress;       /* may be NULL */
    void *progress_context;         /* of both */
};

enum mm_import_state { MM_IMPORT_FAILED, MM_IMPORT_DONE, MM_IMPORT_THERE };

/* What happened. All numbers are bytes. */
struct mm_import_facts {
    enum mm_import_state state;
    struct mm_store_model model;
    char manifest_sha256[MM_HASH_HEX + 1];
    uint64_t total;                    /* of all artifacts */
    uint64_t read;                     /* from the sources */
    uint64_t copied;                   /* written into the store */
    uint64_t kept;                     /* found in the model's own partial import, and hashed again */
    uint64_t reused;                   /* taken from other models of the store */
    uint64_t linked;                   /* shared with the source: reflinked, hard-linked or in place */
    char receipt[MM_STORE_PATH + 160]; /* path beneath the home, "" for none */
    unsigned char receipt_sha256[MM_HASH_BYTES];
};

/* Imports the model that manifest WHICH of SUPPLY describes into the store beneath the open folder HOME. Returns 0 where it is there
 * afterwards (facts->state tells whether it was before), or -1 with findings; what was copied and may still serve is kept for
 * the next call. */
int mm_import(int home, const struct mm_supply *supply, size_t which, const struct mm_import_options *options,
              struct mm_import_facts *facts, struct mm_diags *diags);

#endif
