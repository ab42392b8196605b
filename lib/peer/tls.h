/* TLS 1.3 for QUIC by GnuTLS. A peer is known by its Ed25519 key alone: the key is taken from its certificate, whose names, dates and issuer
 * mean nothing, and TLS itself proves that the peer has the secret half. No session is resumed and nothing is sent early, so that the
 * proof is made for every connection. */
#ifndef MM_PEER_TLS_H
#define MM_PEER_TLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "base/diag.h"
#include "peer/identity.h"

/* Decides over a peer whose certificate was shown: KEY is its raw Ed25519 key, NULL for none or one of another kind. */
typedef bool mm_tls_judge(void *context, const unsigned char *key);

struct mm_tls_side {
    bool server;
    bool ask, demand;                             /* a server: the client's key */
    gnutls_certificate_credentials_t credentials; /* borrowed */
    void *session_pointer;                        /* what gnutls_session_get_ptr has to give */
    mm_tls_judge *judge;
    void *context;
};

/* What has to live as long as the session does. */
struct mm_tls {
    gnutls_session_t session;
    mm_tls_judge *judge;
    void *context;
    bool has_key;
    unsigned char key[MM_PEER_KEY_BYTES]; /* of the peer, once it was shown */
};

/* A session for ngtcp2. Returns 0, or -1 with IO_MEMORY and nothing to release. TLS stays where it is until mm_tls_release. */
int mm_tls_init(struct mm_tls *tls, const struct mm_tls_side *side, struct mm_diags *diags);
void mm_tls_release(struct mm_tls *tls);

/* Credentials of IDENTITY, which has to outlive them; of nobody for NULL. Returns 0, or -1 with IO_MEMORY or IO_LIMIT. */
int mm_tls_credentials(gnutls_certificate_credentials_t *credentials, const struct mm_peer_identity *identity,
                       struct mm_diags *diags);

#endif
