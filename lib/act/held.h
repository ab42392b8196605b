/* A model that the store holds: opened, its manifest judged again, and held against what the receipts say of its import. */
#ifndef MM_ACT_HELD_H
#define MM_ACT_HELD_H

#include "act/keep.h"

struct mm_held {
    const struct mm_store_model *model;                                    /* borrowed */
    char manifest_path[MM_STORE_PATH + 16], files_path[MM_STORE_PATH + 8]; /* beneath the home, for findings */
    struct mm_manifest manifest;
    struct mm_keep_import import;
    struct mm_trusted trusted;
    int folder, files; /* the model's folder and that of its artifacts, -1: not open */
};

/* For a struct mm_held that nothing was opened for yet. */
#define MM_HELD_NONE                                                                                                   \
    {                                                                                                                  \
        .folder = -1, .files = -1                                                                                      \
    }

/* Opens MODEL beneath HOME and fills HELD: its manifest has to be one of this model and revision (STORE_MODEL), and the one whose import
 * the newest receipt states (RECEIPT_NONE); it is judged by TRUST, whose policies decide which countersignatures are read. What is
 * wrong is a finding, and what is not in the way of looking further leaves the result 0; -1 where HELD is of no use. Release it in every
 * case. */
int mm_held_open(struct mm_held *held, int home, const struct mm_store_model *model, const struct mm_trust *trust,
                 struct mm_diags *diags);
void mm_held_release(struct mm_held *held);

/* How far symbolic links in the model's files lead: out of them only for a model in place. */
enum mm_links mm_held_links(const struct mm_held *held);

/* The parts of it, for who has read the receipts already. */

/* Compares what MANIFEST says that it is with the MODEL in whose folder it stands. Returns 0, or -1 with STORE_MODEL. */
int mm_held_check_name(const struct mm_store_model *model, const struct mm_manifest *manifest, struct mm_diags *diags);

/* Compares MANIFEST with what the receipts say of the import; where they say nothing they are read once more, as one may have been
 * written meanwhile. Returns 0, or -1 with RECEIPT_NONE, IO_READ or IO_CHANGED (it is being imported just now). */
int mm_held_check_receipt(int home, const struct mm_store_model *model, const struct mm_keep_import *import,
                          const struct mm_manifest *manifest, struct mm_diags *diags);

/* Judges MANIFEST by its signatures in the model's open FOLDER, which findings name already. Returns as mm_trust_judge does. */
int mm_held_judge(struct mm_trusted *trusted, int folder, const struct mm_manifest *manifest,
                  const struct mm_trust *trust, struct mm_diags *diags);

#endif
