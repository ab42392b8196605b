#include "key.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int code, const char *what)
{
    if (code >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, gnutls_strerror(code));
    exit(3);
}

gnutls_certificate_credentials_t key_make(unsigned number, unsigned char key[static MM_QUIC_KEY_BYTES])
{
    unsigned char seed[crypto_sign_SEEDBYTES] = {0}, secret[crypto_sign_SECRETKEYBYTES];
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_privkey_t private_key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t point = {key, MM_QUIC_KEY_BYTES}, scalar = {seed, sizeof seed};
    memcpy(seed, &number, sizeof number);
    crypto_sign_seed_keypair(key, secret, seed);
    must(gnutls_x509_privkey_init(&private_key), "key");
    must(gnutls_x509_privkey_import_ecc_raw(private_key, GNUTLS_ECC_CURVE_ED25519, &point, NULL, &scalar), "key");
    must(gnutls_x509_crt_init(&certificate), "certificate");
    must(gnutls_x509_crt_set_version(certificate, 3), "version");
    must(gnutls_x509_crt_set_serial(certificate, "\1", 1), "serial");
    must(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 3600), "time");
    must(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 86400), "time");
    must(gnutls_x509_crt_set_dn(certificate, "CN=peer", NULL), "name");
    must(gnutls_x509_crt_set_key(certificate, private_key), "key");
    must(gnutls_x509_crt_sign2(certificate, certificate, private_key, GNUTLS_DIG_SHA512, 0), "signature");
    must(gnutls_certificate_allocate_credentials(&credentials), "credentials");
    must(gnutls_certificate_set_x509_key(credentials, &certificate, 1, private_key), "credentials");
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(private_key);
    return credentials;
}
