/* What the parts of shares have in common: shares.c (finding and opening), shares_make.c (taking models in) and shares_partial.c (what fetches in
 * progress have). Nobody else includes this. */
#ifndef MM_EXCHANGE_SHARES_PARTS_H
#define MM_EXCHANGE_SHARES_PARTS_H

#include "doc/chunk_list.h"
#include "exchange/shares.h"

struct mm_shares {
    int home;
    unsigned users;
    struct mm_share_model *models; /* by the manifest's SHA-256 */
    size_t model_count, model_capacity;
    struct mm_share_file *files; /* by the artifact's SHA-256, each once */
    size_t file_count, file_capacity;
    struct mm_share_file **by_root; /* the same */
    struct mm_share_blob **open;    /* those with a descriptor */
    size_t open_count, open_capacity;
    uint64_t clock; /* files that were asked for */
    uint64_t texts; /* bytes of manifests and signatures */
    struct mm_buf listing;
    size_t look_at; /* the file that the next look begins with */
};

void mm_share_file_release(struct mm_share_file *file);
void mm_share_model_release(struct mm_share_model *model);
void mm_share_part_release(struct mm_share_part *part); /* NULL is fine */

/* ---- shares_make.c ---- */

/* BLOB becomes a copy of LENGTH BYTES. Returns 0, or -1 with IO_MEMORY. */
int mm_share_keep_text(struct mm_shares *shares, struct mm_share_blob *blob, const void *bytes, size_t length,
                       struct mm_diags *diags);

/* The list of FILE, which has at most one chunk, follows from its facts. */
int mm_share_make_list(struct mm_shares *shares, struct mm_share_file *file, struct mm_diags *diags);

/* Reads the list file->list.path, which has to be FILE's, into LIST, and only the file that was read is served. Returns 0, or -1 with a
 * finding; release LIST in every case. */
int mm_share_take_list(struct mm_shares *shares, struct mm_share_file *file, struct mm_chunk_list *list,
                       struct mm_diags *diags);

/* Adds the countersignatures that stand beside the manifest in the open FOLDER to MODEL, MM_POLICY_COUNTERSIGNERS at most. What is none is
 * passed over. Returns 0, or -1 with IO_READ or IO_MEMORY. */
int mm_share_add_others(struct mm_shares *shares, struct mm_share_model *model, int folder, struct mm_diags *diags);

/* Take FILE, or MODEL, over; where that fails it is released. */
int mm_share_add_file(struct mm_shares *shares, struct mm_share_file *file, struct mm_diags *diags);
int mm_share_add_model(struct mm_shares *shares, struct mm_share_model *model, struct mm_diags *diags);

/* Takes back the files from FIRST on. */
void mm_share_cut_files(struct mm_shares *shares, size_t first);

/* Whether the publisher of MANIFEST offers it to peers is his word; who shares it by its name has been told. */
bool mm_share_is_offered(const struct mm_manifest *manifest, bool named, struct mm_diags *diags);

/* ---- shares_partial.c ---- */

/* Adds what fetches in progress have of the models called NAME, or of those that are offered where that is NULL. Returns their number, or -1
 * with IO_READ, IO_MEMORY or IO_LIMIT. */
int mm_shares_add_partial(struct mm_shares *shares, const char *name, const struct mm_trust *trust,
                          struct mm_diags *diags);

#endif
