/* Proofs out of a catalog, for whoever has its head alone (docs/formats/catalog.md). */
#ifndef MM_ACT_CATALOG_PROVE_H
#define MM_ACT_CATALOG_PROVE_H

#include "act/catalog_folder.h"
#include "doc/catalog_proof.h"

/* Appends the proof that REVISION of MODEL_ID (0: the highest) is under the head of the catalog in FOLDER, which is judged by TRUST.
 * Returns 0, or -1 with findings (CATALOG_MODEL where there is no such entry). */
int mm_catalog_prove(struct mm_catalog_folder *folder, const struct mm_catalog_trust *trust, const char *model_id,
                     uint64_t revision, struct mm_buf *out, struct mm_diags *diags);

/* Appends the proof that its head continues the head OLD. */
int mm_catalog_prove_since(struct mm_catalog_folder *folder, const struct mm_catalog_trust *trust,
                           const struct mm_catalog_head *old, struct mm_buf *out, struct mm_diags *diags);

/* What a proof says, once it is checked. */
struct mm_catalog_proved {
    struct mm_catalog_head head;
    char key_id[MM_KEY_ID_TEXT]; /* whose signature the head has, "" for none */
    bool of_entry;               /* otherwise of a continuation */
    struct mm_entry_proof entry;
    struct mm_consistency continued;
};

/* Checks the proof TEXT, of either kind, against HEAD, which is judged by TRUST and must not have expired by NOW. With OLD (NULL for none), which
 * was seen before, HEAD is of the same catalog and no earlier, or it is CATALOG_HISTORY; and a proof that a head continues another is about
 * OLD. Findings about the head get the name HEAD_PATH. Returns 0, or -1 with findings. Release PROVED
 * in every case. */
int mm_catalog_check_proof(struct mm_catalog_proved *proved, const struct mm_buf *text,
                           const struct mm_signed_head *head, const char *head_path, const struct mm_catalog_head *old,
                           const struct mm_catalog_trust *trust, const char *now, struct mm_diags *diags);

/* PROVED, which holds, is of an entry, and of this one: REVISION of MODEL_ID, or any revision of it (0). Returns 0, or -1 with CATALOG_PROOF: a
 * proof of something else is no proof of what was asked. */
int mm_catalog_proved_is(const struct mm_catalog_proved *proved, const char *model_id, uint64_t revision,
                         struct mm_diags *diags);
void mm_catalog_proved_release(struct mm_catalog_proved *proved);

#endif
