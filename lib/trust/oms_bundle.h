/* Bundles of OpenSSF model signing, version 1.0: a Sigstore bundle, which holds a DSSE envelope, whose payload is a statement
 * (trust/oms_statement.h; docs/formats/oms.md). What is read here is what nobody has vouched for yet: the payload is not looked at
 * before mm_oms_verify has found the signature good. */
#ifndef MM_TRUST_OMS_BUNDLE_H
#define MM_TRUST_OMS_BUNDLE_H

#include "base/buf.h"
#include "base/number.h"

#define MM_OMS_BUNDLE_MAX (32u * 1024 * 1024)
#define MM_OMS_CHAIN_MAX 16 /* certificates of a bundle */
#define MM_OMS_PAYLOAD_TYPE "application/vnd.in-toto+json"

enum mm_oms_material { MM_OMS_KEY, MM_OMS_CERTIFICATES };

struct mm_oms_bundle {
    enum mm_oms_material material;
    char hint[MM_HASH_HEX +
              1]; /* of the key; "" in bundles of versions before 1.1, which carry the key itself: nobody trusts it */
    struct mm_buf chain[MM_OMS_CHAIN_MAX]; /* DER, the signer's certificate first */
    size_t chain_count;
    struct mm_buf payload, signature;
};

/* Reads a bundle's text. Returns 0, or -1 with OMS_FORM, OMS_UNSUPPORTED or JSON rules. Release BUNDLE in every case. */
int mm_oms_bundle_read(struct mm_oms_bundle *bundle, const char *text, size_t length, struct mm_diags *diags);

/* The same for the open file FD, from where it stands. */
int mm_oms_bundle_read_file(struct mm_oms_bundle *bundle, int fd, struct mm_diags *diags);
void mm_oms_bundle_release(struct mm_oms_bundle *bundle);

/* Appends the bundle's text. */
void mm_oms_bundle_write(const struct mm_oms_bundle *bundle, struct mm_buf *out);

/* Appends what a DSSE signature is made over: the payload, its type and both lengths. */
void mm_oms_signed_bytes(const struct mm_oms_bundle *bundle, struct mm_buf *out);

#endif
