/* Everything that is decided about a manifest before its artifacts are read: signature, expiry, policies. slm-verify, slm-import and
 * slm-check ask the same question here. */
#ifndef MM_ACT_TRUST_H
#define MM_ACT_TRUST_H

#include "act/memory.h"
#include "base/file.h"
#include "doc/policy.h"
#include "trust/judgement.h"

/* What this machine goes by; the same for all manifests of a call. */
struct mm_trust {
    const struct mm_keyring *keyring; /* NULL: there is one, and it cannot be read */
    int home;                         /* the store, for its receipts; -1: there is none */
    bool store_optional;              /* what is wrong with its receipts is a note */
    const struct mm_policy *policies;
    size_t policy_count;
};

/* The signatures beside a manifest: NAME.minisig, and NAME.KEYID.minisig for countersignatures. */
struct mm_countersignature {
    char key_id[MM_KEY_ID_TEXT];
    bool unreadable; /* it is there, and has no text */
    struct mm_buf text;
};
struct mm_signatures {
    const char *shown; /* where `own` comes from, for people and borrowed; NULL: from beside the manifest */
    struct mm_buf own;
    bool present;    /* there is a NAME.minisig, */
    bool unreadable; /* or one that could not be read (a finding says why) */
    struct mm_countersignature *others;
    size_t other_count, other_capacity;
};

/* True if PATH is where a signature or a countersignature of the file NAME stands: NAME.minisig, NAME.KEYID.minisig. */
bool mm_signature_is_beside(const char *path, const char *name);

/* Reads the signature of the manifest NAME in the open FOLDER; symbolic links lead as far as LINKS says. One that is
 * longer than MM_SIGNATURE_MAX keeps one byte more than that, so that it is refused as such. Returns 0, or -1 with IO_MEMORY.
 * Release SIGNATURES in every case. */
int mm_signatures_read(struct mm_signatures *signatures, int folder, const char *name, enum mm_links links,
                       struct mm_diags *diags);

/* The same for the open file FD, wherever it is. */
int mm_signatures_read_file(struct mm_signatures *signatures, int fd, struct mm_diags *diags);

/* Adds the countersignatures of NAME in FOLDER by the keys that POLICIES ask for; those that are not there are left out, and
 * why one cannot be read is a note. Returns 0, or -1 with IO_MEMORY. */
int mm_signatures_read_others(struct mm_signatures *signatures, int folder, const char *name, enum mm_links links,
                              const struct mm_policy *policies, size_t policy_count, struct mm_diags *diags);

/* Calls EACH with the id of every key by which POLICIES ask for a countersignature that SIGNATURES do not have, until it returns -1. Returns 0,
 * or what EACH returned. */
int mm_signatures_each_lacking(struct mm_signatures *signatures, const struct mm_policy *policies, size_t policy_count,
                               int (*each)(void *context, const char *key_id), void *context);

/* Adds TEXT, which is taken over, as the countersignature of the key KEY_ID. Returns 0, or -1 with IO_MEMORY. */
int mm_signatures_add(struct mm_signatures *signatures, const char *key_id, struct mm_buf *text,
                      struct mm_diags *diags);
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
