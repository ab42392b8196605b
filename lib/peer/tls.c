#include "peer/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_AES
#define HWCAP_AES (1UL << 3)
#endif
#endif

/* TLS 1.3 and the three ciphers of QUIC; the order of the client decides, which knows its own processor. */
#define PRIORITY_BEFORE "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:"
#define PRIORITY_AFTER ":%DISABLE_TLS13_COMPAT_MODE"
#define AES "+AES-128-GCM:+AES-256-GCM"
#define CHACHA "+CHACHA20-POLY1305"

static bool has_aes(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__) && defined(__linux__)
    return getauxval(AT_HWCAP) & HWCAP_AES;
#else
    return false;
#endif
}

/* The raw key of the certificate that the peer has shown. */
static bool take_key(gnutls_session_t session, unsigned char key[static MM_TLS_KEY_BYTES])
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t certificate = NULL;
    gnutls_pubkey_t public_key = NULL;
    gnutls_datum_t point = {NULL, 0};
    gnutls_ecc_curve_t curve;
    bool taken = false;
    if (!shown || count == 0 || gnutls_x509_crt_init(&certificate) < 0)
        return false;
    if (gnutls_x509_crt_import(certificate, &shown[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_pubkey_init(&public_key) == 0 && gnutls_pubkey_import_x509(public_key, certificate, 0) == 0 &&
        gnutls_pubkey_get_pk_algorithm(public_key, NULL) == GNUTLS_PK_EDDSA_ED25519 &&
        gnutls_pubkey_export_ecc_raw2(public_key, &curve, &point, NULL, 0) == 0 && curve == GNUTLS_ECC_CURVE_ED25519 &&
        point.size == MM_TLS_KEY_BYTES) {
        memcpy(key, point.data, MM_TLS_KEY_BYTES);
        taken = true;
    }
    gnutls_free(point.data);
    gnutls_pubkey_deinit(public_key);
    gnutls_x509_crt_deinit(certificate);
    return taken;
}

static int verify(gnutls_session_t session)
{
    struct mm_tls *tls = gnutls_db_get_ptr(session);
    tls->has_key = take_key(session, tls->key);
    return tls->judge(tls->context, tls->has_key ? tls->key : NULL) ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

int mm_tls_init(struct mm_tls *tls, const struct mm_tls_side *side, struct mm_diags *diags)
{
    static const char aes_first[] = PRIORITY_BEFORE AES ":" CHACHA PRIORITY_AFTER;
    static const char chacha_first[] = PRIORITY_BEFORE CHACHA ":" AES PRIORITY_AFTER;
    static const gnutls_datum_t protocol = {(unsigned char *)"h3", 2};
    unsigned flags = GNUTLS_NO_TICKETS | GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_SIGNAL;
    *tls = (struct mm_tls){.judge = side->judge, .context = side->context};
    flags |= side->server ? GNUTLS_SERVER : GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT;
    if (gnutls_init(&tls->session, flags) < 0) {
        tls->session = NULL;
        return mm_diag_memory(diags);
    }
    gnutls_session_set_ptr(tls->session, side->session_pointer);
    gnutls_db_set_ptr(tls->session, tls);
    if (gnutls_priority_set_direct(tls->session, has_aes() ? aes_first : chacha_first, NULL) < 0 ||
        (side->server ? ngtcp2_crypto_gnutls_configure_server_session(tls->session)
                      : ngtcp2_crypto_gnutls_configure_client_session(tls->session)) != 0 ||
        gnutls_alpn_set_protocols(tls->session, &protocol, 1, GNUTLS_ALPN_MANDATORY) < 0 ||
        gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, side->credentials) < 0) {
        mm_tls_release(tls);
        return mm_diag_memory(diags);
    }
    gnutls_session_set_verify_function(tls->session, verify);
    if (side->server && (side->ask || side->demand))
        gnutls_certificate_server_set_request(tls->session, side->demand ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
    return 0;
}

void mm_tls_release(struct mm_tls *tls)
{
    if (tls->session)
        gnutls_deinit(tls->session);
    tls->session = NULL;
}

int mm_tls_nameless(gnutls_certificate_credentials_t *credentials, struct mm_diags *diags)
{
    return gnutls_certificate_allocate_credentials(credentials) < 0 ? mm_diag_memory(diags) : 0;
}
