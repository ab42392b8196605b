/* Model-signing bundles as attestations. */
#ifndef MM_ACT_ATTEST_BUNDLE_H
#define MM_ACT_ATTEST_BUNDLE_H

#include "act/attest.h"

/* Fills READ with what the bundle TEXT states of files, after its signature was found good with the key or the certificates that ATTEST
 * has. Where it has neither, FILE is unchecked, which is a note. Returns 0, or -1 with ATTEST_FORM, OMS rules or JSON rules. */
int mm_attest_read_bundle(const struct mm_attest *attest, struct mm_attest_file *file, const struct mm_buf *text,
                          struct mm_attestation *read, struct mm_diags *diags);

#endif
