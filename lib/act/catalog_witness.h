/* Witnesses' signatures of a catalog's head: files beside it, catalog.head.KEYID.minisig (docs/formats/catalog.md). */
#ifndef MM_ACT_CATALOG_WITNESS_H
#define MM_ACT_CATALOG_WITNESS_H

#include "act/catalog_folder.h"

#define MM_CATALOG_WITNESSES 64 /* beside one head */

enum mm_witness_outcome {
    MM_WITNESS_VERIFIED,
    MM_WITNESS_OTHER_HEAD, /* its trusted comment is of another head */
    MM_WITNESS_OWN,        /* a key of the head's publisher made it */
    MM_WITNESS_REVOKED,
    MM_WITNESS_UNKNOWN, /* nobody here trusts the key */
    MM_WITNESS_BAD,
};
extern const char *const mm_witness_words[];

struct mm_catalog_witness {
    char key_id[MM_KEY_ID_TEXT];
    enum mm_witness_outcome outcome;
    char publisher[MM_PUBLISHER_MAX +
                   1]; /* whom the keyring trusts the key for, "" for one that was given, or for none */
};

/* In the order of key ids. A zeroed one is empty. */
struct mm_catalog_witnesses {
    struct mm_catalog_witness items[MM_CATALOG_WITNESSES];
    size_t count;
    uint64_t counted; /* verified, each key once */
};

/* Whose signatures count: those of keys that the keyring trusts for anybody but the head's publisher, and of those that are given. */
struct mm_witness_trust {
    const struct mm_keyring *keyring; /* NULL: there is one, and it cannot be read */
    const struct mm_public_key *keys;
    size_t key_count;
    uint64_t wanted; /* so many have to count */
};

/* Writes "catalog.head.KEYID.minisig". Returns OUT. */
const char *mm_catalog_witness_name(char out[static MM_CATALOG_NAME], const char *key_id);

/* True if NAME is such a name; KEY_ID gets the id. */
bool mm_catalog_is_witness_name(const char *name, char key_id[static MM_KEY_ID_TEXT]);

/* Judges what stands beside HEAD in FOLDER. What does not count is a note. Returns 0, or -1 with findings: CATALOG_WITNESS where fewer than
 * are wanted count, CATALOG_SURPLUS where there are too many, KEYRING_OPEN. */
int mm_catalog_judge_witnesses(struct mm_catalog_witnesses *found, struct mm_catalog_folder *folder,
                               const struct mm_signed_head *head, const struct mm_witness_trust *trust,
                               struct mm_diags *diags);

/* True if KEY is one of the keys that the keyring knows of PUBLISHER, under whatever id; -1 with KEYRING_OPEN. */
int mm_catalog_is_publishers_key(const struct mm_keyring *keyring, const char *publisher,
                                 const struct mm_public_key *key, struct mm_diags *diags);

/* Moves the signatures of older heads of PRESENT's chain to where these heads are, heads/N.KEYID.minisig. What else stands there stays.
 * Returns 0, or -1 with IO_WRITE. */
int mm_catalog_carry_witnesses(struct mm_catalog_folder *folder, const struct mm_catalog_head *present,
                               struct mm_diags *diags);

#endif
