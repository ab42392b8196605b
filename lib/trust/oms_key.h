/* Keys and certificates of OpenSSF model signing: ECDSA on P-256, P-384 and P-521, with SHA-256, SHA-384 and SHA-512, by libcrypto
 * (docs/formats/oms.md). A bundle names its key or carries certificates; neither is trusted for being there. */
#ifndef MM_TRUST_OMS_KEY_H
#define MM_TRUST_OMS_KEY_H

#include "base/clock.h"
#include "trust/oms_bundle.h"
#include "trust/oms_statement.h"
#include "trust/secret_key.h"

#define MM_OMS_PEM_MAX (1024u * 1024) /* a file of keys or certificates */

struct mm_oms_key; /* a public key, or both halves */

/* Reads a public key from PEM text. Returns NULL with OMS_KEY or IO_MEMORY. Free with mm_oms_key_free. */
struct mm_oms_key *mm_oms_key_read(const char *pem, size_t length, struct mm_diags *diags);

/* Reads a private key from PEM text. ASK is called where a password protects it; NULL: there is none to be had. Returns NULL with
 * OMS_KEY, KEY_PASSWORD, IO_MEMORY or what ASK says. */
struct mm_oms_key *mm_oms_key_read_secret(const struct mm_secret *pem, mm_password_fn *ask, void *context,
                                          struct mm_diags *diags);
void mm_oms_key_free(struct mm_oms_key *key);

/* SHA-256 in hex of the public half's PEM text: how bundles name a key. Returns 0, or -1 with IO_MEMORY. */
int mm_oms_key_hint(const struct mm_oms_key *key, char hint[static MM_HASH_HEX + 1], struct mm_diags *diags);

struct mm_oms_roots; /* certificates that are trusted to vouch for others */

/* Reads certificates from PEM text, one at least. Returns NULL with OMS_CERTIFICATE or IO_MEMORY. Free with mm_oms_roots_free. */
struct mm_oms_roots *mm_oms_roots_read(const char *pem, size_t length, struct mm_diags *diags);
void mm_oms_roots_free(struct mm_oms_roots *roots);

/* Whom a bundle is to come from: one of both. */
struct mm_oms_trust {
    const struct mm_oms_key *key;
    const struct mm_oms_roots *roots;
    char now[MM_TIME_SIZE]; /* for certificates */
};

/* What was found out about the signer. */
struct mm_oms_signer {
    char key[MM_HASH_HEX + 1]; /* the hint of the key that signed */
    char subject[1024];        /* of its certificate, in UTF-8, with whatever characters; "" for a key */
};

/* Did the key that TRUST names, or one whose certificate TRUST's roots vouch for, sign BUNDLE's payload? Returns 0 and fills SIGNER, or -1
 * with OMS_KEY, OMS_CERTIFICATE, OMS_SIGNATURE or IO_MEMORY. */
int mm_oms_verify(const struct mm_oms_bundle *bundle, const struct mm_oms_trust *trust, struct mm_oms_signer *signer,
                  struct mm_diags *diags);

/* All in one: reads the bundle FD, verifies it, and only then reads what it states; findings about that are about its
 * payload. Returns 0, or -1 with findings. Release STATEMENT in
 * every case. */
int mm_oms_open(struct mm_oms_statement *statement, int fd, const struct mm_oms_trust *trust,
                struct mm_oms_signer *signer, struct mm_diags *diags);

/* Fills in BUNDLE's signature over its payload, and its material: the key's hint, or CERTIFICATES (PEM text, NULL for none), of
 * which the first has to be that of KEY. What was made is verified before it is given out. Returns 0, or -1 with a finding. */
int mm_oms_sign(struct mm_oms_bundle *bundle, const struct mm_oms_key *key, const struct mm_buf *certificates,
                struct mm_diags *diags);

#endif
