/* Who a peer is to TLS (peer.md, Identity): a certificate made from its Ed25519 key, of which the other side looks at the raw key alone. Names,
 * authorities and dates in it mean nothing, so they are the same in all of them: one key has one certificate. */
#ifndef MM_PEER_IDENTITY_H
#define MM_PEER_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include <gnutls/gnutls.h>

#include "base/diag.h"
#include "exchange/peer_id.h"
#include "trust/secret_key.h"

#define MM_PEER_CERTIFICATE_MAX 4096 /* bytes of one that is looked at; those made here have about 300 */

struct mm_peer_identity; /* an Ed25519 key pair and the certificate made from it */

/* From KEY, which may be freed afterwards. Returns NULL with IO_LIMIT (GnuTLS cannot: it says why) or IO_MEMORY. */
struct mm_peer_identity *mm_peer_identity_new(const struct mm_secret_key *key, struct mm_diags *diags);

/* From a SEED of RFC 8032 and the public key that follows from it. */
struct mm_peer_identity *mm_peer_identity_from_seed(const unsigned char seed[static MM_SECRET_SEED_BYTES],
                                                    const unsigned char key[static MM_PEER_KEY_BYTES],
                                                    struct mm_diags *diags);

/* NULL is fine. */
void mm_peer_identity_free(struct mm_peer_identity *identity);

/* The public key; IDENTITY's. */
const unsigned char *mm_peer_identity_key(const struct mm_peer_identity *identity);

/* Makes CREDENTIALS show the certificate; they borrow from IDENTITY, which has to outlive them. Returns 0, or -1 with IO_LIMIT. */
int mm_peer_identity_use(const struct mm_peer_identity *identity, gnutls_certificate_credentials_t credentials,
                         struct mm_diags *diags);

/* The raw key of an X.509 certificate in DER. False where it is none, or one of another kind of key. That the other side has the secret half
 * is what the handshake proves. */
bool mm_peer_identity_read(const void *der, size_t length, unsigned char key[static MM_PEER_KEY_BYTES]);

/* The same of the certificate that the other side of SESSION showed. False where it showed none, or several. */
bool mm_peer_identity_of(gnutls_session_t session, unsigned char key[static MM_PEER_KEY_BYTES]);

#endif
