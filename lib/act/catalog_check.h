/* Checking a catalog: the head, everything that it names, and that nothing else is there (docs/formats/catalog.md). */
#ifndef MM_ACT_CATALOG_CHECK_H
#define MM_ACT_CATALOG_CHECK_H

#include "act/catalog_folder.h"
#include "act/catalog_pages.h"
#include "act/catalog_rows.h"
#include "act/catalog_witness.h"

struct mm_catalog_check_options {
    struct mm_catalog_trust trust;            /* of the head */
    const struct mm_catalog_head *since;      /* a head that was seen before; NULL for none */
    const struct mm_public_key *witness_keys; /* count as the keyring's do */
    size_t witness_key_count;
    uint64_t witnesses; /* so many have to count */
    const char *now;    /* the time that expiry goes by; NULL: the clock's */
};

struct mm_catalog_checked {
    struct mm_catalog_head head;
    char key_id[MM_KEY_ID_TEXT]; /* whose signature it has, "" for none */
    uint64_t manifests;          /* that stand beneath it */
    uint64_t revoked_entries;    /* whose manifests name a key that is revoked here */
    struct mm_catalog_witnesses witnesses;
    char now[MM_TIME_SIZE];
};

/* Checks the catalog in FOLDER, again where it is written meanwhile. Every fault is a finding. Returns 0, or -1 with findings; CHECKED
 * then holds what could be read. */
int mm_catalog_check(struct mm_catalog_folder *folder, const struct mm_catalog_check_options *options,
                     struct mm_catalog_checked *checked, struct mm_diags *diags);

/* Reads the names of withdrawals in FOLDER: rows whose revision may be 0, sorted. */
int mm_catalog_withdrawals(struct mm_catalog_folder *folder, struct mm_catalog_rows *rows, struct mm_catalog_sums *sums,
                           struct mm_diags *diags);

/* True if WITHDRAWN has this revision, or all of the model. */
bool mm_catalog_is_withdrawn(const struct mm_catalog_rows *withdrawn, const char *model_id, uint64_t revision);

/* What a head says of its lines is what was found in them. Returns 0, or -1 with CATALOG_FILE. */
int mm_catalog_compare_entries(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                               const struct mm_catalog_sums *sums, struct mm_diags *diags);
int mm_catalog_compare_withdrawn(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                                 const struct mm_catalog_sums *sums, struct mm_diags *diags);

/* Files of FOLDER that no page names, given the ENTRIES, SEQUENCE heads and so many lists among the PAGES. Returns 0, or -1 with
 * CATALOG_SURPLUS. */
int mm_catalog_check_surplus(struct mm_catalog_folder *folder, const struct mm_catalog_rows *entries, uint64_t sequence,
                             const struct mm_catalog_page_counts *pages, struct mm_diags *diags);

/* Counts the entries of FOLDER that name a key of their publisher which the keyring says is revoked; each such key is a note. It is not the
 * catalog that is wrong then: whoever imports such a model is told no. Returns 0, or -1 with findings. */
int mm_catalog_check_revoked(struct mm_catalog_folder *folder, const struct mm_keyring *keyring, uint64_t *entries,
                             struct mm_diags *diags);

/* The chain of heads from 1 to HEAD. HASHES (may be NULL) gets the SHA-256 of each, to be freed. Returns 0, or -1 with findings. */
int mm_catalog_check_chain(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                           unsigned char (**hashes)[MM_HASH_BYTES], struct mm_diags *diags);

/* What is kept of each head up to HEAD, which has a signature or has not, and whose chain was checked: its signature, which holds where the key is known by TRUST, revoked or not (another key is
 * one note), and the changes that led to it, which are sound text. That they are what changed is asked by mm_catalog_check_since. Returns 0, or
 * -1 with findings. */
int mm_catalog_check_kept(struct mm_catalog_folder *folder, const struct mm_catalog_head *head, bool has_signature,
                          const struct mm_catalog_trust *trust, struct mm_diags *diags);

/* Nothing that stood under the head OLD, which is one of the chain, vanished without a withdrawal up to HEAD, whose files were checked.
 * Returns 0, or -1 with CATALOG_HISTORY. */
int mm_catalog_check_since(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                           const struct mm_catalog_head *old, struct mm_diags *diags);

#endif
