/* Who stands behind a chain: signatures beside its receipts, and signed anchors of its head (docs/formats/receipt.md). */
#ifndef MM_ACT_CHAIN_SIGN_H
#define MM_ACT_CHAIN_SIGN_H

#include "act/chain.h"
#include "doc/anchor.h"
#include "trust/secret_key.h"

/* Appends the trusted comment of a signature over a receipt or an anchor whose file has this SHA-256. */
void mm_receipt_trusted_comment(const struct mm_receipt *receipt, const unsigned char sha256[static MM_HASH_BYTES],
                                struct mm_buf *out);
void mm_anchor_trusted_comment(const struct mm_anchor *anchor, const unsigned char sha256[static MM_HASH_BYTES],
                               struct mm_buf *out);

/* Is SIGNATURE, the text of a .minisig, one of KEYS over TEXT with this trusted COMMENT? Returns 0, or -1 where it is not, with
 * a finding under RULE. */
int mm_chain_signature_check(const struct mm_buf *signature, const struct mm_buf *text, const char *comment,
                             const struct mm_chain_keys *keys, enum mm_rule rule, struct mm_diags *diags);

/* The anchor of the chain beneath the open folder HOME as it is now, with HOST_LABEL if not NULL, its DOCUMENT and its SIGNATURE by
 * KEY. Returns 0, or -1 with findings; RECEIPT_NONE where there is no receipt. */
int mm_anchor_make(struct mm_anchor *anchor, int home, const char *host_label, const struct mm_secret_key *key,
                   struct mm_buf *document, struct mm_buf *signature, struct mm_diags *diags);

/* Reads an anchor's DOCUMENT, whose SIGNATURE has to be of one of KEYS (RECEIPT_ANCHOR). Returns 0, or -1. */
int mm_anchor_verify(struct mm_anchor *anchor, const struct mm_buf *document, const struct mm_buf *signature,
                     const struct mm_chain_keys *keys, struct mm_diags *diags);

/* Stands the head of ANCHOR, which was the expected one of a check that told FACTS, where the anchor says? One that is not in the chain
 * at all was that check's finding. Returns 0, or -1 with RECEIPT_ANCHOR. */
int mm_anchor_compare(const struct mm_anchor *anchor, const struct mm_chain_facts *facts, struct mm_diags *diags);

#endif
