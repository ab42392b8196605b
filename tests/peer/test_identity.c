#include "../unit/unit.h"

#include <errno.h>

#include <gnutls/x509.h>
#include <sodium.h>

#include "peer/identity.h"

/* Two ends of a TLS 1.3 session in one process, handing each other bytes in memory. */
struct end {
    gnutls_session_t session;
    struct mm_buf in;
    size_t taken;
    struct end *other;
};

static ssize_t push(gnutls_transport_ptr_t context, const void *bytes, size_t length)
{
    struct end *end = context;
    mm_buf_add(&end->other->in, bytes, length);
    return (ssize_t)length;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *bytes, size_t length)
{
    struct end *end = context;
    size_t left = end->in.length - end->taken;
    if (left == 0) {
        gnutls_transport_set_errno(end->session, EAGAIN);
        return -1;
    }
    if (length > left)
        length = left;
    memcpy(bytes, end->in.data + end->taken, length);
    end->taken += length;
    return (ssize_t)length;
}

static void begin(struct end *end, struct end *other, unsigned flags, gnutls_certificate_credentials_t credentials)
{
    end->other = other;
    assert_int_equal(gnutls_init(&end->session, flags | GNUTLS_NONBLOCK), 0);
    assert_int_equal(gnutls_priority_set_direct(end->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL), 0);
    assert_int_equal(gnutls_credentials_set(end->session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
    gnutls_transport_set_ptr(end->session, end);
    gnutls_transport_set_push_function(end->session, push);
    gnutls_transport_set_pull_function(end->session, pull);
}

static struct mm_secret_key *new_key(struct mm_diags *diags)
{
    struct mm_secret_key *key = mm_secret_key_new(diags);
    assert_non_null(key);
    return key;
}

static void each_side_sees_the_others_key(void **state)
{
    struct mm_diags diags;
    struct end server = {0}, client = {0};
    gnutls_certificate_credentials_t server_has, client_has;
    unsigned char key[MM_PEER_KEY_BYTES];
    (void)state;
    mm_diags_init(&diags);
    struct mm_secret_key *a = new_key(&diags), *b = new_key(&diags);
    struct mm_peer_identity *serving = mm_peer_identity_new(a, &diags), *asking = mm_peer_identity_new(b, &diags);
    assert_non_null(serving);
    assert_non_null(asking);
    gnutls_certificate_allocate_credentials(&server_has);
    gnutls_certificate_allocate_credentials(&client_has);
    assert_int_equal(mm_peer_identity_use(serving, server_has, &diags), 0);
    assert_int_equal(mm_peer_identity_use(asking, client_has, &diags), 0);
    begin(&server, &client, GNUTLS_SERVER, server_has);
    begin(&client, &server, GNUTLS_CLIENT, client_has);
    gnutls_certificate_server_set_request(server.session, GNUTLS_CERT_REQUEST);
    int ours = GNUTLS_E_AGAIN, theirs = GNUTLS_E_AGAIN;
    for (int turn = 0; turn < 20 && (ours != 0 || theirs != 0); turn++) {
        if (theirs != 0)
            theirs = gnutls_handshake(client.session);
        if (ours != 0)
            ours = gnutls_handshake(server.session);
    }
    assert_int_equal(ours, 0);
    assert_int_equal(theirs, 0);
    assert_true(mm_peer_identity_of(client.session, key));
    assert_memory_equal(key, mm_secret_key_public(a)->point, sizeof key);
    assert_memory_equal(key, mm_peer_identity_key(serving), sizeof key);
    assert_true(mm_peer_identity_of(server.session, key));
    assert_memory_equal(key, mm_secret_key_public(b)->point, sizeof key);
    gnutls_deinit(client.session);
    gnutls_deinit(server.session);
    gnutls_certificate_free_credentials(client_has);
    gnutls_certificate_free_credentials(server_has);
    mm_peer_identity_free(serving);
    mm_peer_identity_free(asking);
    mm_secret_key_free(a);
    mm_secret_key_free(b);
    mm_buf_release(&client.in);
    mm_buf_release(&server.in);
    mm_diags_release(&diags);
}

/* The certificate of IDENTITY in DER. */
static gnutls_datum_t der_of(const struct mm_peer_identity *identity)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t shown, copy;
    struct mm_diags diags;
    mm_diags_init(&diags);
    gnutls_certificate_allocate_credentials(&credentials);
    assert_int_equal(mm_peer_identity_use(identity, credentials, &diags), 0);
    assert_int_equal(gnutls_certificate_get_crt_raw(credentials, 0, 0, &shown), 0);
    copy = (gnutls_datum_t){malloc(shown.size), shown.size};
    memcpy(copy.data, shown.data, shown.size);
    gnutls_certificate_free_credentials(credentials);
    mm_diags_release(&diags);
    return copy;
}

static void one_key_has_one_certificate(void **state)
{
    unsigned char seed[MM_SECRET_SEED_BYTES] = {7}, key[MM_PEER_KEY_BYTES], secret[64], found[MM_PEER_KEY_BYTES];
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    crypto_sign_seed_keypair(key, secret, seed);
    struct mm_peer_identity *once = mm_peer_identity_from_seed(seed, key, &diags),
                            *again = mm_peer_identity_from_seed(seed, key, &diags);
    gnutls_datum_t a = der_of(once), b = der_of(again);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_true(a.size <= MM_PEER_CERTIFICATE_MAX);
    assert_true(mm_peer_identity_read(a.data, a.size, found));
    assert_memory_equal(found, key, sizeof key);
    free(a.data);
    free(b.data);
    mm_peer_identity_free(once);
    mm_peer_identity_free(again);
    mm_diags_release(&diags);
}

static void what_is_no_such_certificate_has_no_key(void **state)
{
    unsigned char seed[MM_SECRET_SEED_BYTES] = {9}, key[MM_PEER_KEY_BYTES], secret[64], found[MM_PEER_KEY_BYTES];
    struct mm_diags diags;
    gnutls_x509_privkey_t other;
    gnutls_x509_crt_t certificate;
    unsigned char der[2048];
    size_t size = sizeof der;
    (void)state;
    mm_diags_init(&diags);
    crypto_sign_seed_keypair(key, secret, seed);
    struct mm_peer_identity *identity = mm_peer_identity_from_seed(seed, key, &diags);
    gnutls_datum_t whole = der_of(identity);
    for (unsigned length = 0; length < whole.size; length++)
        assert_false(mm_peer_identity_read(whole.data, length, found));
    assert_false(mm_peer_identity_read("", 0, found));
    gnutls_x509_privkey_init(&other); /* an ECDSA key's certificate */
    assert_int_equal(
        gnutls_x509_privkey_generate(other, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, 0);
    gnutls_x509_crt_set_expiration_time(certificate, 1);
    gnutls_x509_crt_set_key(certificate, other);
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, other, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_DER, der, &size), 0);
    assert_false(mm_peer_identity_read(der, size, found));
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(other);
    free(whole.data);
    mm_peer_identity_free(identity);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_side_sees_the_others_key),
        cmocka_unit_test(one_key_has_one_certificate),
        cmocka_unit_test(what_is_no_such_certificate_has_no_key),
    };
    assert_true(sodium_init() >= 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
