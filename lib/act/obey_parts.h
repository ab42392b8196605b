/* Inside obey.c and countersigned.c: one policy that is being judged. */
#ifndef MM_ACT_OBEY_PARTS_H
#define MM_ACT_OBEY_PARTS_H

#include "act/trust.h"

struct mm_obey {
    struct mm_trusted *trusted;
    const struct mm_policy *policy;
    const struct mm_manifest *manifest;
    const struct mm_signatures *signatures;
    const struct mm_keyring *keyring;
    struct mm_diags *diags;
};

/* Appends the rule KEY with its RESULT and, where it fails, the finding at ENTRY (NULL: about the manifest as a whole). A pass says
 * what was FOUND, a skip why it is open. Returns 0, or -1 with IO_MEMORY. */
int mm_obey_add(struct mm_obey *o, enum mm_policy_key key, enum mm_result result, const struct mm_entry *entry,
                const char *expected, const char *found);

/* Judges the rule of the countersignatures. */
int mm_obey_countersignatures(struct mm_obey *o);

#endif
