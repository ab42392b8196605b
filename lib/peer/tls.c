#include "peer/tls.h"

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

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

static int verify(gnutls_session_t session)
{
    struct mm_tls *tls = gnutls_db_get_ptr(session);
    tls->has_key = mm_peer_identity_of(session, tls->key);
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
    /* the other pointer that a session has; there are no resumed sessions to look up with it */
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

int mm_tls_credentials(gnutls_certificate_credentials_t *credentials, const struct mm_peer_identity *identity,
                       struct mm_diags *diags)
{
    if (gnutls_certificate_allocate_credentials(credentials) < 0) {
        *credentials = NULL;
        return mm_diag_memory(diags);
    }
    return identity ? mm_peer_identity_use(identity, *credentials, diags) : 0;
}
