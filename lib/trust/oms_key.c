#include "trust/oms_key.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "hash/sha256.h"

/* Signatures of certificates have to be worth 112 bits: no SHA-1, no RSA below 2048. */
#define CHAIN_SECURITY_LEVEL 2

struct mm_oms_key {
    EVP_PKEY *pkey;
    const struct curve *curve;
};

struct mm_oms_roots {
    X509_STORE *store;
};

/* The curves, and the hash that goes with each. */
static const struct curve {
    const char *name; /* libcrypto's */
    const char *digest;
} curves[] = {{"prime256v1", "SHA256"}, {"secp384r1", "SHA384"}, {"secp521r1", "SHA512"}};

/* ---- keys ---- */

/* The curve of PKEY, or NULL where it is no key of one of the three. */
static const struct curve *curve_of(EVP_PKEY *pkey)
{
    char name[64];
    int explicit_parameters = 0;
    if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, name, sizeof name, NULL) != 1)
        return NULL;
    if (EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters) == 1 &&
        explicit_parameters)
        return NULL;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (strcmp(name, curves[i].name) == 0)
            return &curves[i];
    return NULL;
}

/* Takes PKEY over. */
static struct mm_oms_key *checked_key(EVP_PKEY *pkey, struct mm_diags *diags)
{
    struct mm_oms_key *key = pkey ? malloc(sizeof *key) : NULL;
    const struct curve *curve = pkey ? curve_of(pkey) : NULL;
    ERR_clear_error();
    if (!pkey)
        mm_diag(diags, MM_RULE_OMS_KEY, "expected a PEM key on P-256, P-384 or P-521, found none");
    else if (!key)
        mm_diag_memory(diags);
    else if (!curve)
        mm_diag(diags, MM_RULE_OMS_KEY, "expected a key on P-256, P-384 or P-521, found another kind (%s)",
                EVP_PKEY_get0_type_name(pkey) ? EVP_PKEY_get0_type_name(pkey) : "unknown");
    else {
        *key = (struct mm_oms_key){pkey, curve};
        return key;
    }
    free(key);
    EVP_PKEY_free(pkey);
    return NULL;
}

void mm_oms_key_free(struct mm_oms_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

static BIO *memory(const char *bytes, size_t length)
{
    return length <= INT_MAX ? BIO_new_mem_buf(length ? bytes : "", (int)length) : NULL;
}

/* libcrypto must never ask on a terminal by itself. */
static int no_password(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

struct mm_oms_key *mm_oms_key_read(const char *pem, size_t length, struct mm_diags *diags)
{
    BIO *bio = memory(pem, length);
    if (!bio) {
        mm_diag_memory(diags);
        return NULL;
    }
    struct mm_oms_key *key = checked_key(PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL), diags);
    BIO_free(bio);
    return key;
}

/* The caller's question for a password, as libcrypto asks it. */
struct asking {
    mm_password_fn *ask;
    void *context;
    struct mm_diags *diags;
    bool asked, answered;
};

static int ask_password(char *out, int size, int writing, void *context)
{
    struct asking *asking = context;
    struct mm_secret password;
    int length = -1;
    (void)writing;
    bool again = asking->asked && !asking->answered; /* libcrypto asks once more where it got none */
    asking->asked = true;
    if (!asking->ask || again)
        return -1;
    if (mm_secret_init(&password, MM_PASSWORD_MAX, asking->diags) == 0 &&
        asking->ask(asking->context, &password, asking->diags) == 0) {
        asking->answered = true;
        if (size >= 0 && password.length <= (size_t)size) {
            memcpy(out, password.bytes, password.length);
            length = (int)password.length;
        }
    }
    mm_secret_release(&password);
    return length;
}

struct mm_oms_key *mm_oms_key_read_secret(const struct mm_secret *pem, mm_password_fn *ask, void *context,
                                          struct mm_diags *diags)
{
    struct asking asking = {.ask = ask, .context = context, .diags = diags};
    uint64_t errors = diags->errors;
    BIO *bio = memory(pem->bytes, pem->length);
    if (!bio) {
        mm_diag_memory(diags);
        return NULL;
    }
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, ask_password, &asking);
    BIO_free(bio);
    if (pkey || !asking.asked)
        return checked_key(pkey, diags);
    ERR_clear_error();
    if (asking.answered)
        mm_diag(diags, MM_RULE_KEY_PASSWORD, "expected the password of the key, found another one");
    else if (diags->errors == errors)
        mm_diag(diags, MM_RULE_KEY_PASSWORD, "expected a password for the key, found none");
    return NULL;
}

/* The PEM text of PKEY's public half as every program writes it: the point is not compressed. */
static int hint_of(EVP_PKEY *pkey, char hint[static MM_HASH_HEX + 1], struct mm_diags *diags)
{
    unsigned char hash[MM_HASH_BYTES];
    char *text = NULL;
    struct mm_sha256 *sha = mm_sha256_new();
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *copy = EVP_PKEY_dup(pkey);
    bool made = sha && bio && copy &&
                EVP_PKEY_set_utf8_string_param(copy, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                               OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1 &&
                PEM_write_bio_PUBKEY(bio, copy) == 1;
    long length = made ? BIO_get_mem_data(bio, &text) : 0;
    if (length > 0) {
        mm_sha256_once(sha, text, (size_t)length, hash);
        mm_hex(hint, hash, sizeof hash);
    }
    EVP_PKEY_free(copy);
    BIO_free(bio);
    mm_sha256_free(sha);
    ERR_clear_error();
    return length > 0 ? 0 : mm_diag_memory(diags);
}

int mm_oms_key_hint(const struct mm_oms_key *key, char hint[static MM_HASH_HEX + 1], struct mm_diags *diags)
{
    return hint_of(key->pkey, hint, diags);
}

/* ---- certificates ---- */

/* The next certificate of a PEM text, or NULL at its end; *SOUND turns false where what comes next is damaged. */
static X509 *next_certificate(BIO *bio, bool *sound)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    if (!certificate && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        *sound = false;
    ERR_clear_error();
    return certificate;
}

struct mm_oms_roots *mm_oms_roots_read(const char *pem, size_t length, struct mm_diags *diags)
{
    struct mm_oms_roots *roots = malloc(sizeof *roots);
    X509_STORE *store = X509_STORE_new();
    BIO *bio = memory(pem, length);
    bool sound = true;
    size_t count = 0;
    X509 *certificate;
    if (!roots || !store || !bio)
        mm_diag_memory(diags);
    else {
        while ((certificate = next_certificate(bio, &sound))) {
            count += X509_STORE_add_cert(store, certificate) == 1;
            X509_free(certificate);
        }
        if (!sound || !count)
            mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected PEM certificates, found %s",
                    sound ? "none" : "a damaged one");
    }
    BIO_free(bio);
    if (sound && count) {
        roots->store = store;
        return roots;
    }
    X509_STORE_free(store);
    free(roots);
    return NULL;
}

void mm_oms_roots_free(struct mm_oms_roots *roots)
{
    if (!roots)
        return;
    X509_STORE_free(roots->store);
    free(roots);
}

/* One DER certificate and nothing behind it. */
static X509 *read_der(const struct mm_buf *der)
{
    const unsigned char *at = (const unsigned char *)der->data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der->length);
    if (certificate && at != (const unsigned char *)der->data + der->length) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

static int read_chain(const struct mm_oms_bundle *bundle, STACK_OF(X509) * chain, struct mm_diags *diags)
{
    for (size_t i = 0; i < bundle->chain_count; i++) {
        X509 *certificate = read_der(&bundle->chain[i]);
        if (!certificate)
            return mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected certificate %zu to be DER, found something else",
                           i + 1);
        if (sk_X509_push(chain, certificate) <= 0) {
            X509_free(certificate);
            return mm_diag_memory(diags);
        }
    }
    return 0;
}

/* NOW, "YYYY-MM-DDTHH:MM:SSZ", in libcrypto's terms. */
static ASN1_TIME *asn1_time(const char *now)
{
    char digits[16];
    size_t count = 0;
    for (; *now && count < sizeof digits - 1; now++)
        if (*now != '-' && *now != ':' && *now != 'T')
            digits[count++] = *now;
    digits[count] = '\0';
    ASN1_TIME *time = ASN1_TIME_new();
    if (time && ASN1_TIME_set_string(time, digits) != 1) {
        ASN1_TIME_free(time);
        time = NULL;
    }
    return time;
}

/* The signer's certificate itself: valid now, and made for signing. */
static int check_signer(X509 *signer, const char *now, struct mm_diags *diags)
{
    ASN1_TIME *time = asn1_time(now);
    if (!time)
        return mm_diag_memory(diags);
    bool early = ASN1_TIME_compare(X509_get0_notBefore(signer), time) > 0;
    bool late = ASN1_TIME_compare(X509_get0_notAfter(signer), time) < 0;
    ASN1_TIME_free(time);
    if (early || late)
        return mm_diag(diags, MM_RULE_OMS_CERTIFICATE,
                       "expected a signer's certificate that is valid at %s, found one %s", now,
                       early ? "of later" : "that has expired");
    uint32_t usage = X509_get_key_usage(signer), extended = X509_get_extended_key_usage(signer);
    if ((usage != UINT32_MAX && usage & KU_DIGITAL_SIGNATURE) || (extended != UINT32_MAX && extended & XKU_CODE_SIGN))
        return 0;
    return mm_diag(diags, MM_RULE_OMS_CERTIFICATE,
                   "expected a signer's certificate for digital signatures or code signing, found neither");
}

/* Does CHAIN lead from its first certificate to one of ROOTS? Asked as of the day the signer's certificate was issued: those above it had
 * to be valid then. */
static int check_chain(const struct mm_oms_roots *roots, STACK_OF(X509) * chain, struct mm_diags *diags)
{
    struct tm issued;
    X509 *signer = sk_X509_value(chain, 0);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (!context || X509_STORE_CTX_init(context, roots->store, signer, chain) != 1) {
        X509_STORE_CTX_free(context);
        return mm_diag_memory(diags);
    }
    int result = -1;
    bool dated = ASN1_TIME_to_tm(X509_get0_notBefore(signer), &issued) == 1;
    if (dated) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_time(param, timegm(&issued));
        X509_VERIFY_PARAM_set_auth_level(param, CHAIN_SECURITY_LEVEL);
        result = X509_verify_cert(context) == 1 ? 0 : -1;
    }
    if (!dated)
        mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected a signer's certificate with a date of issue, found none");
    else if (result < 0)
        mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected certificates that lead to a trusted one, found: %s",
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return result;
}

/* ---- verifying ---- */

/* PKEY is on CURVE. */
static int check_signature(const struct mm_oms_bundle *bundle, EVP_PKEY *pkey, const struct curve *curve,
                           struct mm_diags *diags)
{
    struct mm_buf text = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    mm_oms_signed_bytes(bundle, &text);
    if (!context || text.failed || EVP_DigestVerifyInit_ex(context, NULL, curve->digest, NULL, NULL, pkey, NULL) != 1) {
        EVP_MD_CTX_free(context);
        mm_buf_release(&text);
        return mm_diag_memory(diags);
    }
    int good = EVP_DigestVerify(context, (const unsigned char *)bundle->signature.data, bundle->signature.length,
                                (const unsigned char *)text.data, text.length);
    EVP_MD_CTX_free(context);
    mm_buf_release(&text);
    ERR_clear_error();
    return good == 1 ? 0
                     : mm_diag(diags, MM_RULE_OMS_SIGNATURE,
                               "expected a signature of the key over the payload, found another one");
}

static int verify_by_key(const struct mm_oms_bundle *bundle, const struct mm_oms_key *key, struct mm_oms_signer *signer,
                         struct mm_diags *diags)
{
    if (bundle->material != MM_OMS_KEY)
        return mm_diag(diags, MM_RULE_OMS_KEY, "expected a bundle that is signed with a key, found certificates");
    if (mm_oms_key_hint(key, signer->key, diags) < 0)
        return -1;
    if (bundle->hint[0] && strcmp(bundle->hint, signer->key) != 0)
        return mm_diag(diags, MM_RULE_OMS_KEY, "expected a bundle of the key %s, found one of %s", signer->key,
                       bundle->hint);
    return check_signature(bundle, key->pkey, key->curve, diags);
}

/* The subject in RFC 2253's form, in UTF-8, into OUT; a longer one ends in dots. */
static int name_subject(X509 *certificate, char *out, size_t size, struct mm_diags *diags)
{
    static const char dots[] = "...";
    char *text = NULL;
    size_t at;
    BIO *bio = BIO_new(BIO_s_mem());
    bool named = bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                           XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0;
    long got = named ? BIO_get_mem_data(bio, &text) : 0;
    size_t length = got > 0 ? (size_t)got : 0, kept = length;
    if (named && !mm_utf8_valid(text, length, &at))
        kept = at;
    if (kept >= size)
        kept = size - sizeof dots;
    while (kept > 0 && kept < length && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--; /* not within a character */
    if (kept > 0)
        snprintf(out, size, "%.*s%s", (int)kept, text, kept < length ? dots : "");
    else
        snprintf(out, size, "(no name)");
    BIO_free(bio);
    return named ? 0 : mm_diag_memory(diags);
}

static int verify_by_chain(const struct mm_oms_bundle *bundle, const struct mm_oms_trust *trust, STACK_OF(X509) * chain,
                           struct mm_oms_signer *signer, struct mm_diags *diags)
{
    if (read_chain(bundle, chain, diags) < 0 || check_chain(trust->roots, chain, diags) < 0)
        return -1;
    X509 *first = sk_X509_value(chain, 0);
    if (check_signer(first, trust->now, diags) < 0)
        return -1;
    EVP_PKEY *pkey = X509_get0_pubkey(first);
    const struct curve *curve = pkey ? curve_of(pkey) : NULL;
    if (!curve)
        return mm_diag(diags, MM_RULE_OMS_CERTIFICATE,
                       "expected a signer's certificate of a key on P-256, P-384 or P-521, found another kind");
    if (name_subject(first, signer->subject, sizeof signer->subject, diags) < 0 ||
        hint_of(pkey, signer->key, diags) < 0)
        return -1;
    return check_signature(bundle, pkey, curve, diags);
}

static int verify_by_certificates(const struct mm_oms_bundle *bundle, const struct mm_oms_trust *trust,
                                  struct mm_oms_signer *signer, struct mm_diags *diags)
{
    if (bundle->material != MM_OMS_CERTIFICATES)
        return mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected a bundle with certificates, found one of a key");
    STACK_OF(X509) *chain = sk_X509_new_null();
    if (!chain)
        return mm_diag_memory(diags);
    int result = verify_by_chain(bundle, trust, chain, signer, diags);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return result;
}

int mm_oms_verify(const struct mm_oms_bundle *bundle, const struct mm_oms_trust *trust, struct mm_oms_signer *signer,
                  struct mm_diags *diags)
{
    *signer = (struct mm_oms_signer){0};
    return trust->key ? verify_by_key(bundle, trust->key, signer, diags)
                      : verify_by_certificates(bundle, trust, signer, diags);
}

int mm_oms_open(struct mm_oms_statement *statement, int fd, const struct mm_oms_trust *trust,
                struct mm_oms_signer *signer, struct mm_diags *diags)
{
    struct mm_oms_bundle bundle;
    *statement = (struct mm_oms_statement){0};
    int result = mm_oms_bundle_read_file(&bundle, fd, diags);
    if (result == 0)
        result = mm_oms_verify(&bundle, trust, signer, diags);
    if (result == 0) {
        const char *shown = diags->file;
        diags->file = "(the bundle's payload)"; /* offsets count there */
        result = mm_oms_statement_read(statement, bundle.payload.data, bundle.payload.length, diags);
        diags->file = shown;
    }
    mm_oms_bundle_release(&bundle);
    return result;
}

/* ---- signing ---- */

static int make_signature(struct mm_oms_bundle *bundle, const struct mm_oms_key *key, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    unsigned char signature[256]; /* of P-521 in DER: 139 bytes */
    size_t length = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    mm_oms_signed_bytes(bundle, &text);
    bool ready = context && !text.failed;
    bool made = ready && EVP_DigestSignInit_ex(context, NULL, key->curve->digest, NULL, NULL, key->pkey, NULL) == 1 &&
                EVP_DigestSign(context, signature, &length, (const unsigned char *)text.data, text.length) == 1;
    EVP_MD_CTX_free(context);
    mm_buf_release(&text);
    ERR_clear_error();
    if (!ready)
        return mm_diag_memory(diags);
    if (!made)
        return mm_diag(diags, MM_RULE_OMS_KEY, "expected a private key that signs, found one that does not");
    mm_buf_clear(&bundle->signature);
    mm_buf_add(&bundle->signature, signature, length);
    return bundle->signature.failed ? mm_diag_memory(diags) : 0;
}

static int add_certificate(struct mm_oms_bundle *bundle, X509 *certificate, struct mm_diags *diags)
{
    unsigned char *der = NULL;
    if (bundle->chain_count == MM_OMS_CHAIN_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d certificates are put into a bundle", MM_OMS_CHAIN_MAX);
    int length = i2d_X509(certificate, &der);
    if (length > 0)
        mm_buf_add(&bundle->chain[bundle->chain_count], der, (size_t)length);
    OPENSSL_free(der);
    return length > 0 && !bundle->chain[bundle->chain_count++].failed ? 0 : mm_diag_memory(diags);
}

static int add_certificates(struct mm_oms_bundle *bundle, const struct mm_oms_key *key, const struct mm_buf *pem,
                            struct mm_diags *diags)
{
    bool sound = true;
    int result = 0;
    X509 *certificate;
    BIO *bio = memory(pem->data, pem->length);
    if (!bio)
        return mm_diag_memory(diags);
    while (result == 0 && (certificate = next_certificate(bio, &sound))) {
        EVP_PKEY *pkey = X509_get0_pubkey(certificate);
        if (bundle->chain_count == 0 && (!pkey || EVP_PKEY_eq(pkey, key->pkey) != 1))
            result = mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected the key's own certificate first, found another");
        else
            result = add_certificate(bundle, certificate, diags);
        X509_free(certificate);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (result == 0 && (!sound || !bundle->chain_count))
        result = mm_diag(diags, MM_RULE_OMS_CERTIFICATE, "expected PEM certificates, found %s",
                         sound ? "none" : "a damaged one");
    return result;
}

int mm_oms_sign(struct mm_oms_bundle *bundle, const struct mm_oms_key *key, const struct mm_buf *certificates,
                struct mm_diags *diags)
{
    bundle->material = certificates ? MM_OMS_CERTIFICATES : MM_OMS_KEY;
    if (mm_oms_key_hint(key, bundle->hint, diags) < 0)
        return -1;
    if (certificates && add_certificates(bundle, key, certificates, diags) < 0)
        return -1;
    if (make_signature(bundle, key, diags) < 0)
        return -1;
    return check_signature(bundle, key->pkey, key->curve, diags);
}
