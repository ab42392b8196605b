/* Countersigning a catalog's head as a witness: whoever sees his signature knows that the head continues every head that he signed before
 * (docs/formats/catalog.md). What he has seen is kept in a file, and is on the device before the signature appears; so he signs one history. */
#ifndef MM_ACT_CATALOG_COUNTERSIGN_H
#define MM_ACT_CATALOG_COUNTERSIGN_H

#include "act/catalog_folder.h"
#include "doc/catalog_witness.h"
#include "trust/secret_key.h"

/* A witness's file, locked for this process. */
struct mm_witness_file {
    const char *path, *name; /* for people; its last component, pointing into path */
    int folder, fd;          /* fd: the file as it was opened, -1 for none */
    struct mm_witness seen;  /* where there is one */
};

/* Opens and reads the state PATH, which is borrowed; FIRST: there must be none. Waits for others who use it. Returns 0, or -1 with
 * CATALOG_WITNESS or IO_ rules. Release FILE in every case. */
int mm_witness_file_open(struct mm_witness_file *file, const char *path, bool first, struct mm_diags *diags);
void mm_witness_file_release(struct mm_witness_file *file);

struct mm_countersigning {
    struct mm_catalog_trust trust; /* of the publisher's signature */
    const struct mm_secret_key *key;
    const struct mm_witness_file *file;
    const char *now; /* the time that expiry goes by */
};

/* What was signed. */
struct mm_countersigned {
    struct mm_catalog_head head;
    char publisher_key_id[MM_KEY_ID_TEXT]; /* "" for an unsigned head */
    char key_id[MM_KEY_ID_TEXT];           /* the witness's */
    uint64_t since;                        /* the sequence that was signed before, 0 for none */
    unsigned char log_root[MM_HASH_BYTES];
    struct mm_buf path; /* of the signature */
};
void mm_countersigned_release(struct mm_countersigned *done);

/* Checks the catalog in FOLDER whole, and that it continues what was seen, and signs its head. Returns 0, or -1 with findings, and nothing
 * signed. Release DONE in every case. */
int mm_countersign_catalog(struct mm_countersigned *done, const struct mm_countersigning *how,
                           struct mm_catalog_folder *folder, struct mm_diags *diags);

/* Heads that follow one another, from the one after the head that was seen: the last is signed. */
struct mm_heads_to_sign {
    const struct mm_signed_head *heads;
    const char *const *paths; /* for people; the signature is written beside the last */
    size_t count;             /* at least 1 */
    int folder;               /* of the last, open */
    const struct mm_buf
        *proof; /* that the last one's log continues the one that was seen; NULL for none, which will do where the last
                                   head was seen already or is the first of all */
};

/* The same without the catalog: by the heads and hashes alone. */
int mm_countersign_heads(struct mm_countersigned *done, const struct mm_countersigning *how,
                         const struct mm_heads_to_sign *to_sign, struct mm_diags *diags);

#endif
