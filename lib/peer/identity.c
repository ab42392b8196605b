#include "peer/identity.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

/* What no reader looks at: the same for all. */
#define SUBJECT "CN=minimodel peer"
#define SERIAL 1

struct mm_peer_identity {
    gnutls_x509_privkey_t secret;
    gnutls_x509_crt_t certificate;
    unsigned char key[MM_PEER_KEY_BYTES];
};

static int refuse(struct mm_diags *diags, const char *what, int error)
{
    return error == GNUTLS_E_MEMORY_ERROR
               ? mm_diag_memory(diags)
               : mm_diag(diags, MM_RULE_IO_LIMIT, "GnuTLS cannot %s: %s", what, gnutls_strerror(error));
}

/* ---- making ---- */

static int fill_certificate(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t secret)
{
    static const unsigned char serial[] = {SERIAL};
    const char *wrong;
    int error = gnutls_x509_crt_set_version(certificate, 3);
    if (error == 0)
        error = gnutls_x509_crt_set_dn(certificate, SUBJECT, &wrong);
    if (error == 0)
        error = gnutls_x509_crt_set_serial(certificate, serial, sizeof serial);
    if (error == 0)
        error = gnutls_x509_crt_set_activation_time(certificate, 0);
    if (error == 0)
        error = gnutls_x509_crt_set_expiration_time(certificate, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
    if (error == 0)
        error = gnutls_x509_crt_set_key(certificate, secret);
    return error == 0 ? gnutls_x509_crt_sign2(certificate, certificate, secret, GNUTLS_DIG_SHA512, 0) : error;
}

struct mm_peer_identity *mm_peer_identity_from_seed(const unsigned char seed[static MM_SECRET_SEED_BYTES],
                                                    const unsigned char key[static MM_PEER_KEY_BYTES],
                                                    struct mm_diags *diags)
{
    struct mm_peer_identity *identity = calloc(1, sizeof *identity);
    if (!identity) {
        mm_diag_memory(diags);
        return NULL;
    }
    memcpy(identity->key, key, MM_PEER_KEY_BYTES);
    gnutls_datum_t point = {identity->key, MM_PEER_KEY_BYTES}, secret = {(unsigned char *)seed, MM_SECRET_SEED_BYTES};
    int error = gnutls_x509_privkey_init(&identity->secret);
    if (error == 0)
        error = gnutls_x509_privkey_import_ecc_raw(identity->secret, GNUTLS_ECC_CURVE_ED25519, &point, NULL, &secret);
    if (error == 0)
        error = gnutls_x509_crt_init(&identity->certificate);
    if (error == 0)
        error = fill_certificate(identity->certificate, identity->secret);
    if (error == 0)
        return identity;
    refuse(diags, "make a certificate of the key", error);
    mm_peer_identity_free(identity);
    return NULL;
}

struct mm_peer_identity *mm_peer_identity_new(const struct mm_secret_key *key, struct mm_diags *diags)
{
    return mm_peer_identity_from_seed(mm_secret_key_seed(key), mm_secret_key_public(key)->point, diags);
}

void mm_peer_identity_free(struct mm_peer_identity *identity)
{
    if (!identity)
        return;
    gnutls_x509_crt_deinit(identity->certificate);
    gnutls_x509_privkey_deinit(identity->secret);
    free(identity);
}

const unsigned char *mm_peer_identity_key(const struct mm_peer_identity *identity)
{
    return identity->key;
}

int mm_peer_identity_use(const struct mm_peer_identity *identity, gnutls_certificate_credentials_t credentials,
                         struct mm_diags *diags)
{
    gnutls_x509_crt_t chain[] = {identity->certificate};
    int error = gnutls_certificate_set_x509_key(credentials, chain, 1, identity->secret);
    return error < 0 ? refuse(diags, "take the certificate", error) : 0;
}

/* ---- looking ---- */

/* The raw key of CERTIFICATE. */
static bool take_key(gnutls_x509_crt_t certificate, unsigned char key[static MM_PEER_KEY_BYTES])
{
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x = {NULL, 0}, y = {NULL, 0};
    if (gnutls_x509_crt_get_pk_algorithm(certificate, NULL) != GNUTLS_PK_EDDSA_ED25519 ||
        gnutls_x509_crt_get_pk_ecc_raw(certificate, &curve, &x, &y) < 0)
        return false;
    bool fits = curve == GNUTLS_ECC_CURVE_ED25519 && x.size == MM_PEER_KEY_BYTES;
    if (fits)
        memcpy(key, x.data, MM_PEER_KEY_BYTES);
    gnutls_free(x.data);
    gnutls_free(y.data);
    return fits;
}

bool mm_peer_identity_read(const void *der, size_t length, unsigned char key[static MM_PEER_KEY_BYTES])
{
    gnutls_x509_crt_t certificate;
    gnutls_datum_t bytes = {(unsigned char *)der, (unsigned)length};
    if (length > MM_PEER_CERTIFICATE_MAX || gnutls_x509_crt_init(&certificate) < 0)
        return false;
    bool read = gnutls_x509_crt_import(certificate, &bytes, GNUTLS_X509_FMT_DER) == 0 && take_key(certificate, key);
    gnutls_x509_crt_deinit(certificate);
    return read;
}

bool mm_peer_identity_of(gnutls_session_t session, unsigned char key[static MM_PEER_KEY_BYTES])
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_X509
                                      ? gnutls_certificate_get_peers(session, &count)
                                      : NULL;
    return shown && count == 1 && mm_peer_identity_read(shown->data, shown->size, key);
}
