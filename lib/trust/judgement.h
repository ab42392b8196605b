/* What a manifest's signature is worth here: one word (signatures.md, Verification outcome). */
#ifndef MM_TRUST_JUDGEMENT_H
#define MM_TRUST_JUDGEMENT_H

#include "doc/manifest.h"
#include "doc/report.h"
#include "trust/keyring.h"

struct mm_judgement {
    enum mm_signed outcome;
    bool undecided;              /* what is there could not be read: the outcome is only the best guess */
    char key_id[MM_KEY_ID_TEXT]; /* of the signature, or of the manifest where there is none; "" for unsigned */
    bool publisher_known;        /* told of an unsigned manifest, which then fails in every case */
    char detail[512];            /* why, for the report, printable; "" for nothing to add */
};

/* The trusted comment of a signature over MANIFEST: `model:MODEL-ID version:VERSION revision:N sha256:HEX`. */
void mm_manifest_trusted_comment(const struct mm_manifest *manifest, struct mm_buf *out);

/* Judges SIGNATURE, the text of the valid MANIFEST's .minisig (NULL: there is none), by what KEYRING holds (NULL: there is one,
 * and it cannot be read). What is not `verified` or `unsigned` is an error under its rule too, in DIAGS, at the file that they name, which
 * had better be the signature. VERIFIED_BEFORE (may be NULL) tells the time of the oldest receipt that records this
 * manifest as verified by the key, "" or NULL for none; it is called where the key is revoked. Returns 0, or -1 with IO_MEMORY. */
typedef const char *mm_verified_before_fn(void *context, const char *key_id);
int mm_judge(struct mm_judgement *judgement, const struct mm_manifest *manifest, const struct mm_buf *signature,
             const struct mm_keyring *keyring, mm_verified_before_fn *verified_before, void *context,
             struct mm_diags *diags);

#endif
