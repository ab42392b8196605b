/* Consent to execute a model that was imported. Only `imported` receipts feed it: whoever can pipe a report into receipt-write can
 * have a `verified` one. */
#ifndef MM_ACT_CONSENT_H
#define MM_ACT_CONSENT_H

#include "act/chain.h"

/* Different revisions of one model that are kept in mind at most. */
#define MM_CONSENT_REVISIONS 65536

/* Fills RECEIPT with the lines and fingerprints of the newest import of MODEL_ID, of REVISION if that is not 0, which was not
 * removed since, as a `consented` one for mm_chain_append. Returns 0, or -1 with RECEIPT_NONE or what is wrong with the
 * chain; release RECEIPT in every case. */
int mm_consent_prepare(int home, const char *model_id, uint64_t revision, struct mm_receipt *receipt,
                       struct mm_diags *diags);

/* A consent as a receipt records it. */
struct mm_consent {
    char receipt[MM_RECEIPT_PATH], created[MM_TIME_SIZE];
};

/* Finds the newest consent to run MODEL_ID, REVISION, with the manifest SHA256. It counts if it is younger than that import and the
 * model was not removed since, nor another manifest imported; and if the chain was not restarted since, as the damage may have hidden
 * a removal. Returns 0, or -1 with RECEIPT_CONSENT or what is wrong with the model's receipts. */
int mm_consent_find(int home, const char *model_id, uint64_t revision, const unsigned char sha256[static MM_HASH_BYTES],
                    struct mm_consent *consent, struct mm_diags *diags);

#endif
