/* A key and its certificate for tests and measurements of HTTP/3, made of a number. */
#ifndef MM_TESTS_PEER_KEY_H
#define MM_TESTS_PEER_KEY_H

#include <gnutls/gnutls.h>

#include "peer/quic.h"

/* Credentials with a self-made Ed25519 certificate, and the raw public key. Ends the process where that cannot be. */
gnutls_certificate_credentials_t key_make(unsigned number, unsigned char key[static MM_QUIC_KEY_BYTES]);

#endif
