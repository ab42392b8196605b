/* What the parts of the verifier share: verify.c (the manifest, the set, and what artifacts say of themselves), verify_artifact.c (the bytes of
 * one artifact) and verify_files.c (all of them, by several threads). Nobody else includes this. */
#ifndef MM_ACT_VERIFY_PARTS_H
#define MM_ACT_VERIFY_PARTS_H

#include "act/verify.h"
#include "base/tally.h"
#include "model/set.h"

struct mm_verified_evidence;

struct mm_verification {
    const struct mm_manifest *manifest;
    int root;
    const struct mm_verify_options *options;
    struct mm_report *report;
    struct mm_diags *diags; /* of whoever has the structure: an artifact's reader has a copy with its own */
    struct mm_artifact *artifacts;
    struct mm_member *members;
    struct mm_verified_evidence *evidence; /* one an artifact */
    struct mm_buf *bad_ranges;             /* as the options', or an artifact's reader's own */
    struct mm_hash_means means;
    struct mm_tally_part part; /* of the progress of all that are read: the one that the owner of the structure reads */
};

static inline struct mm_outcome *mm_outcome_of(struct mm_verification *v, size_t which, enum mm_check check)
{
    return &v->report->artifacts[which].checks[check];
}

/* The first error among the findings since FIRST, for the report. */
const struct mm_diag *mm_verify_first_error(const struct mm_diags *diags, size_t first);

/* verify_evidence.c: what the manifest names as evidence of infer-check. The first finds out which artifacts that are (-1 with IO_MEMORY); the third takes the bytes of
 * one that was read whole (EVIDENCE_FORM and others); the last, once all are read, compares them with the manifest, which findings name (VERIFY_EVIDENCE, and -1). */
int mm_verify_evidence_begin(struct mm_verification *v);
bool mm_verify_evidence_wanted(const struct mm_verification *v, size_t which);
void mm_verify_evidence_read(struct mm_verification *v, size_t which, const struct mm_buf *text);
int mm_verify_evidence_check(struct mm_verification *v);

/* Puts a reason into every outcome of artifact WHICH. */
void mm_verify_skip(struct mm_verification *v, size_t which, const char *reason);

/* Reads artifact WHICH and fills its part of the report, its artifact and its member. */
void mm_verify_artifact(struct mm_verification *v, size_t which);

/* Reads all that are wanted, several at once where that helps; what is found comes in the manifest's order. Returns 0, or -1 with IO_MEMORY. */
int mm_verify_files(struct mm_verification *v);

#endif
