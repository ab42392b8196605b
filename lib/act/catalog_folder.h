/* A catalog's folder: where its files are, its head, and whether somebody who may do so signed it (docs/formats/catalog.md). */
#ifndef MM_ACT_CATALOG_FOLDER_H
#define MM_ACT_CATALOG_FOLDER_H

#include "doc/catalog_head.h"
#include "trust/keyring.h"

#define MM_CATALOG_HEAD "catalog.head"
#define MM_CATALOG_ENTRIES "catalog.jsonl"
#define MM_CATALOG_WITHDRAWN "withdrawn.jsonl"
#define MM_CATALOG_HEADS "heads"
#define MM_CATALOG_CHANGES_SUFFIX ".changes"
#define MM_CATALOG_NAME 64 /* room for "heads/N.minisig" */

struct mm_catalog_folder {
    int fd;
    const char *path;    /* for people */
    struct mm_buf shown; /* what findings are about */
};

/* Opens the folder PATH, which is borrowed. Returns 0, or -1 with IO_OPEN. Release FOLDER in every case. */
int mm_catalog_folder_open(struct mm_catalog_folder *folder, const char *path, struct mm_diags *diags);
void mm_catalog_folder_release(struct mm_catalog_folder *folder);

/* Whoever may read the folder can lock it, and shall stop neither readers nor, for long, builders: seconds. */
#define MM_CATALOG_READER_WAITS 10
#define MM_CATALOG_BUILDER_WAITS 60

/* Locks the folder, ALONE or with other readers. Returns 0; 1 where others still had it after SECONDS; -1 with errno. */
int mm_catalog_lock(const struct mm_catalog_folder *folder, bool alone, unsigned seconds);

/* Waits until nobody builds there, but not for ever, which is a note then, and keeps builders waiting until mm_catalog_let_go. Where there are no locks, as in copies on
 * other file systems, nothing is waited for: whoever reads compares what he found with the head anyway. */
void mm_catalog_hold(const struct mm_catalog_folder *folder, struct mm_diags *diags);
void mm_catalog_let_go(const struct mm_catalog_folder *folder);

/* Findings from here on are about the file NAME beneath it (NULL: the folder itself), until the next call. */
void mm_catalog_at(struct mm_catalog_folder *folder, const char *name, struct mm_diags *diags);

/* Opens the file NAME. Returns the descriptor; -1 with CATALOG_FILE where it is not there, with IO_ rules where that cannot be found out. */
int mm_catalog_open(struct mm_catalog_folder *folder, const char *name, struct mm_diags *diags);

/* Reads the file NAME, of at most LIMIT bytes, into TEXT. Returns 1; 0 where there is none; -1 with a finding. */
int mm_catalog_text(struct mm_catalog_folder *folder, const char *name, size_t limit, struct mm_buf *text,
                    struct mm_diags *diags);

/* Writes "heads/N" and SUFFIX. Returns OUT. */
const char *mm_catalog_head_name(char out[static MM_CATALOG_NAME], uint64_t sequence, const char *suffix);

/* A head and its signature as they stand there. A zeroed one is empty. */
struct mm_signed_head {
    struct mm_catalog_head head;
    struct mm_buf text, signature;
    bool has_signature;
};

/* Reads the head NAME and what is beside it. Returns 1; 0 where there is none; -1 with findings. Release in every case. */
int mm_signed_head_read(struct mm_signed_head *head, struct mm_catalog_folder *folder, const char *name,
                        struct mm_diags *diags);
void mm_signed_head_release(struct mm_signed_head *head);

/* Whose signatures of heads count. */
struct mm_catalog_trust {
    const struct mm_keyring *keyring; /* NULL: there is one, and it cannot be read */
    const struct mm_public_key *own;  /* counts too; NULL for none */
    bool allow_unsigned;              /* a head of a publisher of whom no key is known may be unsigned */
};

/* Judges SIGNATURE over HEAD. KEY_ID gets the id of the key that it names, even where it does not hold, "" where none can be read. Returns 0, or -1 with the
 * rule that is broken (SIGNATURE_..., CATALOG_UNSIGNED) or KEYRING_OPEN. */
int mm_signed_head_judge(const struct mm_signed_head *head, const struct mm_catalog_trust *trust,
                         char key_id[static MM_KEY_ID_TEXT], struct mm_diags *diags);

#endif
