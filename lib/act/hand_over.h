/* Handing a model of the store to a program: verified, with a consent to run it, and by the very descriptors that were read, so that
 * no other file can take a verified one's place (docs/formats/store.md, Running a model). */
#ifndef MM_ACT_HAND_OVER_H
#define MM_ACT_HAND_OVER_H

#include "act/consent.h"
#include "act/held.h"
#include "act/verify.h"

struct mm_hand_over_options {
    const struct mm_trust *trust;
    const char *const *paths; /* of artifacts that are wanted */
    size_t path_count;
    bool model;             /* the only one of role weights is wanted */
    bool all;               /* every one is wanted */
    bool in_memory;         /* wanted ones are copied into sealed memory, and verified there */
    bool quick;             /* leave out whole-file hashes */
    bool require_signature; /* an unsigned manifest fails, whoever publishes it */
    mm_progress_fn *progress;
    void *progress_context;
};

/* A wanted artifact. */
struct mm_handed {
    const struct mm_claim *claim;
    bool is_model; /* it is the only one of role weights */
    int fd;        /* for reading, at its beginning; the caller's only during the call */
};

/* What is handed over. */
struct mm_hand_over {
    struct mm_held held;
    struct mm_consent consent;
};

/* For a struct mm_hand_over that nothing was opened for yet. */
#define MM_HAND_OVER_NONE                                                                                              \
    {                                                                                                                  \
        .held = MM_HELD_NONE                                                                                           \
    }

/* Opens MODEL beneath HOME, seeks the consent (RECEIPT_CONSENT), verifies every artifact of the model as slm-verify --strict does, and
 * then calls EACH for every wanted one, in the manifest's order, until it returns other than 0. Nothing is handed over before all passed.
 * An artifact that is wanted and that the model does not have is STORE_MODEL; one that changed while others were read is IO_CHANGED.
 * Returns 0 if all was handed over, or -1 with a finding. Release OVER in every case. */
typedef int mm_handed_fn(void *context, const struct mm_handed *handed);
int mm_hand_over(struct mm_hand_over *over, int home, const struct mm_store_model *model,
                 const struct mm_hand_over_options *options, mm_handed_fn *each, void *context, struct mm_diags *diags);
void mm_hand_over_release(struct mm_hand_over *over);

#endif
