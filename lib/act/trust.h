/* Everything that is decided about a manifest before its artifacts are read: signature, expiry, policies. slm-verify and
 * slm-import ask the same question here. */
#ifndef MM_ACT_TRUST_H
#define MM_ACT_TRUST_H

#include "act/memory.h"
#include "doc/policy.h"
#include "trust/judgement.h"

/* What this machine goes by; the same for all manifests of a call. */
struct mm_trust {
    const struct mm_keyring *keyring;
    int home; /* the store, for its receipts; -1: there is none */
    const struct mm_policy *policies;
    size_t policy_count;
};

/* The signatures beside a manifest: NAME.minisig, and NAME.KEYID.minisig for countersignatures. */
struct mm_countersignature {
    char key_id[MM_KEY_ID_TEXT];
    struct mm_buf text;
};
struct mm_signatures {
    struct mm_buf own;
    bool present;    /* there is a NAME.minisig, */
    bool unreadable; /* which could not be read (a finding says why) */
    struct mm_countersignature *others;
    size_t other_count, other_capacity;
};

/* Reads the signatures of the manifest NAME in the open FOLDER, at most 64 countersignatures; one that is longer than MM_SIGNATURE_MAX keeps one
 * byte more than that, so that it is refused as such. Returns 0, or -1 with a finding. Release SIGNATURES in every case. */
int mm_signatures_read(struct mm_signatures *signatures, int folder, const char *name, struct mm_diags *diags);
void mm_signatures_release(struct mm_signatures *signatures);

/* One rule of a policy. */
struct mm_obeyed {
    enum mm_result result;
    char detail[512]; /* "RULE ..." */
};

struct mm_trusted {
    struct mm_judgement signature;
    struct mm_memory memory;
    char now[MM_TIME_SIZE];
    bool clock_behind;
    struct mm_obeyed *rules; /* of all policies */
    size_t rule_count;
    bool *counted; /* for each of the countersignatures: it counted for a policy */
};

/* Judges MANIFEST. Findings tell what is wrong; what could not be found out is a finding too. Returns 0 if TRUSTED can be used for a report, or -1.
 * Release TRUSTED in every case. */
int mm_trust_judge(struct mm_trusted *trusted, const struct mm_trust *trust, const struct mm_manifest *manifest,
                   const struct mm_signatures *signatures, struct mm_diags *diags);
void mm_trusted_release(struct mm_trusted *trusted);

#endif
