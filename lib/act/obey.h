/* Does a model fulfil a policy (docs/formats/policy.md)? */
#ifndef MM_ACT_OBEY_H
#define MM_ACT_OBEY_H

#include "act/trust.h"

/* Judges each rule of POLICY, in the order of its page, and appends it to TRUSTED, whose `signature` and `now` are known. A rule
 * that the valid MANIFEST does not fulfil is a finding too (POLICY_RULE); one that cannot be decided has the result skip, and what
 * is in the way is a finding. Countersignatures are verified with the keys of KEYRING (NULL: there is one, and it cannot be
 * read); TRUSTED->counted tells which of SIGNATURES->others counted. Returns 0, or -1 with IO_MEMORY. */
int mm_obey(struct mm_trusted *trusted, const struct mm_policy *policy, const struct mm_manifest *manifest,
            const struct mm_signatures *signatures, const struct mm_keyring *keyring, struct mm_diags *diags);

#endif
