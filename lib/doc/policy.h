/* Policies: what else a model must fulfil (docs/formats/policy.md). */
#ifndef MM_DOC_POLICY_H
#define MM_DOC_POLICY_H

#include "base/diag.h"

#define MM_POLICY_TYPE "minimodel-policy"
#define MM_POLICY_MAX 16777216
#define MM_POLICY_COUNTERSIGNERS 64 /* as many countersignatures of a manifest are read */

/* The keys of a policy, in their order. */
enum mm_policy_key {
    MM_POLICY_NAME,
    MM_POLICY_PUBLISHER,
    MM_POLICY_KEY,
    MM_POLICY_SIGNATURE,
    MM_POLICY_COUNTERSIGNATURES,
    MM_POLICY_COUNTERSIGNER,
    MM_POLICY_LICENSE,
    MM_POLICY_FORMAT,
    MM_POLICY_LANE,
    MM_POLICY_MAX_BYTES,
    MM_POLICY_MAX_ARTIFACT_BYTES,
    MM_POLICY_EVIDENCE,
    MM_POLICY_MAX_AGE_DAYS,
    MM_POLICY_KEY_COUNT
};
extern const char *const mm_policy_keys[MM_POLICY_KEY_COUNT];

/* A line; VALUE points into the policy's text and is NUL-terminated. */
struct mm_policy_line {
    enum mm_policy_key key;
    const char *value;
    uint64_t number; /* the value, for keys that have one */
    uint64_t line;   /* in the file, from 1 */
};

struct mm_policy {
    char *text;
    struct mm_policy_line *lines; /* in order, so that lines of one key stand together */
    size_t count, capacity;
    size_t first[MM_POLICY_KEY_COUNT], counts[MM_POLICY_KEY_COUNT]; /* the lines of each key */
};

/* Reads the policy in the open file FD; every broken rule is found. Returns 0, or -1 with POLICY_FORM, text and value rules;
 * release POLICY in every case. */
int mm_policy_read(struct mm_policy *policy, int fd, struct mm_diags *diags);
void mm_policy_release(struct mm_policy *policy);

/* ---- of a policy that was read ---- */

/* The line of KEY with this value, which are sorted, or NULL. */
const struct mm_policy_line *mm_policy_find(const struct mm_policy *policy, enum mm_policy_key key, const char *value,
                                            size_t length);

/* What people call it. */
const char *mm_policy_name(const struct mm_policy *policy);

/* The length of PUBLISHER-ID in a countersigner's line; a space and KEYID follow it. */
size_t mm_policy_publisher_length(const struct mm_policy_line *countersigner);

#endif
