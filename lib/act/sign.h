/* Signing files, and judging signatures that are there: manifests, which have to be valid and to name the key, and any other file
 * (docs/formats/signatures.md). */
#ifndef MM_ACT_SIGN_H
#define MM_ACT_SIGN_H

#include "trust/judgement.h"
#include "trust/secret_key.h"

/* What is signed or looked at, the same for all files of a call. */
struct mm_signing {
    bool any;            /* files of any kind; otherwise manifests */
    bool countersign;    /* NAME.KEYID.minisig, by another key than the manifest's own */
    bool force;          /* to sign: replace what stands under the signature's name */
    const char *comment; /* to sign any file: the trusted comment; NULL for `file:NAME sha256:HEX` */
    mm_progress_fn *progress;
    void *progress_context;
};

enum mm_signing_state { MM_SIGNING_SIGNED, MM_SIGNING_THERE };

/* A signature of one file. */
struct mm_signature_found {
    char *path;                  /* where it stands or would stand */
    char *comment;               /* the trusted comment, as far as it was made by a key; NULL otherwise */
    char key_id[MM_KEY_ID_TEXT]; /* of the signature, or of the key that it ought to be by; "" for none */
    enum mm_signing_state state; /* to sign: what was done */
    enum mm_signed outcome;      /* to judge */
};
void mm_signature_found_release(struct mm_signature_found *found);

/* Signs the file PATH with KEY beside it. One that is there already, by this key over this file with this trusted comment, stays
 * (MM_SIGNING_THERE). Returns 0, or -1 with SIGN_REFUSED, rules of manifests and IO. Release FOUND in every case. */
int mm_sign(struct mm_signature_found *found, const struct mm_signing *how, const struct mm_secret_key *key,
            const char *path, struct mm_diags *diags);

/* Judges the signature of the file PATH: by KEY, or where that is NULL, for a manifest's own signature, by KEYRING; without exceptions
 * for revoked keys, as no store is asked. What is not `verified` is a finding. Returns 0, or -1 with findings where there is no
 * outcome. Release FOUND in every case. */
int mm_sign_judge(struct mm_signature_found *found, const struct mm_signing *how, const struct mm_public_key *key,
                  const struct mm_keyring *keyring, const char *path, struct mm_diags *diags);

#endif
