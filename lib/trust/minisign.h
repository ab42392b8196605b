/* Public keys and detached signatures as the minisign program has them, prehashed kind only: Ed25519 over BLAKE2b-512
 * (signatures.md; docs/formats/signatures.md). libsodium does the arithmetic; it refuses an S that is not below the group's order
 * and an R of small order. */
#ifndef MM_TRUST_MINISIGN_H
#define MM_TRUST_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/source.h"

#define MM_KEY_ID_BYTES 8
#define MM_KEY_ID_TEXT 17 /* 16 digits and NUL */
#define MM_PUBLIC_KEY_BYTES 32
#define MM_SIGNATURE_BYTES 64
#define MM_PREHASH_BYTES 64
#define MM_KEY_FINGERPRINT_TEXT 80 /* 16 groups of four, 15 spaces and NUL */
#define MM_SIGNATURE_MAX 16384     /* a file of a signature or of a key */
#define MM_SIGNATURE_SUFFIX ".minisig"

struct mm_public_key {
    unsigned char id[MM_KEY_ID_BYTES];
    unsigned char point[MM_PUBLIC_KEY_BYTES];
};

struct mm_signature {
    unsigned char key_id[MM_KEY_ID_BYTES];
    unsigned char bytes[MM_SIGNATURE_BYTES];
    unsigned char global[MM_SIGNATURE_BYTES]; /* over `bytes` and the comment */
    char comment[MM_SIGNATURE_MAX + 1];       /* the trusted comment; well-formed UTF-8 of one line */
};

/* The id as 16 upper-case digits of the little-endian number. Returns OUT. */
const char *mm_key_id_text(char out[static MM_KEY_ID_TEXT], const unsigned char id[static MM_KEY_ID_BYTES]);

/* Exactly 16 upper-case digits. */
bool mm_key_id_read(const char *text, size_t length, unsigned char id[static MM_KEY_ID_BYTES]);

/* True if POINT is a canonical point of the prime-order group: nobody can sign for it but who has its secret half. */
bool mm_public_key_is_sound(const unsigned char point[static MM_PUBLIC_KEY_BYTES]);

/* Reads a public key's file of LENGTH bytes. Returns 0, or -1 with KEY_FORM or KEY_WEAK. */
int mm_public_key_read(struct mm_public_key *key, const char *text, size_t length, struct mm_diags *diags);

/* The same for the open file FD. */
int mm_public_key_read_file(struct mm_public_key *key, int fd, struct mm_diags *diags);

/* Appends the file's two lines. */
void mm_public_key_write(const struct mm_public_key *key, struct mm_buf *out);

/* SHA-256 of the 42 decoded bytes in hex, in groups of four. Returns OUT. */
const char *mm_public_key_fingerprint(char out[static MM_KEY_FINGERPRINT_TEXT], const struct mm_public_key *key);

/* True if TEXT is that fingerprint, its spaces (none, or one between two groups, or as people type them) and case apart. */
bool mm_public_key_has_fingerprint(const struct mm_public_key *key, const char *text);

bool mm_public_key_same(const struct mm_public_key *a, const struct mm_public_key *b);

/* BLAKE2b-512 of LENGTH bytes. */
void mm_prehash(const void *bytes, size_t length, unsigned char out[static MM_PREHASH_BYTES]);

/* BLAKE2b-512 and SHA-256 of the file or pipe FD from where it stands, however long, read once. PROGRESS may be NULL. Returns 0, or -1 with
 * IO_READ, IO_CHANGED or IO_MEMORY. */
int mm_prehash_file(int fd, mm_progress_fn *progress, void *context, unsigned char out[static MM_PREHASH_BYTES],
                    unsigned char sha256[static 32], struct mm_diags *diags);

/* Reads a signature's file. Returns 0, or -1 with SIGNATURE_FORM, SIGNATURE_LEGACY or SIGNATURE_TRAILING. */
int mm_signature_read(struct mm_signature *signature, const char *text, size_t length, struct mm_diags *diags);

/* True if KEY made both of its signatures: over what has this PREHASH, and over the trusted comment. The key ids are the caller's
 * to compare: an id is no proof. Adds no finding. */
bool mm_signature_holds(const struct mm_signature *signature, const struct mm_public_key *key,
                        const unsigned char prehash[static MM_PREHASH_BYTES]);

/* Appends a signature's file. */
void mm_signature_write(const struct mm_signature *signature, const char *untrusted_comment, struct mm_buf *out);

#endif
