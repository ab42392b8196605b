/* Secret keys: minisign's files. What is secret lies in locked memory that is wiped when it is released (libsodium's
 * guarded allocations), and is never copied elsewhere. */
#ifndef MM_TRUST_SECRET_KEY_H
#define MM_TRUST_SECRET_KEY_H

#include "trust/minisign.h"
#include "trust/secret.h"

struct mm_secret_key; /* in locked memory */

/* A new key with a random id. Returns NULL with IO_MEMORY. Free with mm_secret_key_free. */
struct mm_secret_key *mm_secret_key_new(struct mm_diags *diags);

/* Asks for the password; called at most once. Fills PASSWORD, which is initialised. Returns 0, or -1 with a finding. */
typedef int mm_password_fn(void *context, struct mm_secret *password, struct mm_diags *diags);

/* Reads the secret key in the open file FD, which has to be the user's own and not readable by others (KEY_MODE). ASK is
 * called where it has a password. Returns NULL with IO_NOT_REGULAR, KEY_FORM, KEY_PASSWORD (also where the file is damaged: that cannot be told
 * apart), KEY_DAMAGED, IO_LIMIT (more memory or work than docs/formats/signatures.md allows), IO_MEMORY. */
struct mm_secret_key *mm_secret_key_read(int fd, mm_password_fn *ask, void *context, struct mm_diags *diags);
void mm_secret_key_free(struct mm_secret_key *key);

/* The secret key's file into OUT, locked memory of its own: under PASSWORD, or open where that is NULL. scrypt gets 1 GiB, or half of that
 * and so on down to 16 MiB where the machine has not so much. Returns 0, or -1 with IO_MEMORY. Release OUT in every case. */
int mm_secret_key_write(const struct mm_secret_key *key, const struct mm_secret *password, struct mm_secret *out,
                        struct mm_diags *diags);

/* The public half. */
const struct mm_public_key *mm_secret_key_public(const struct mm_secret_key *key);

#define MM_SECRET_SEED_BYTES 32

/* The seed that the key follows from (RFC 8032, 5.1.5), for another library that signs with it; in the key's own locked memory, and
 * gone with it. */
const unsigned char *mm_secret_key_seed(const struct mm_secret_key *key);

/* Appends the signature's file over what has PREHASH, with this trusted COMMENT: one line of text without control characters, at most 8000
 * bytes. What was made is verified before it is given out. Returns 0, or -1 with SIGNATURE_FORM, SIGNATURE_BAD (the machine
 * calculates wrong) or IO_MEMORY. */
int mm_secret_key_sign(const struct mm_secret_key *key, const unsigned char prehash[static MM_PREHASH_BYTES],
                       const char *comment, struct mm_buf *out, struct mm_diags *diags);

/* The same over TEXT, with the trusted comment `FACTS sha256:HEX`, HEX being the SHA-256 of TEXT. */
int mm_secret_key_sign_text(const struct mm_secret_key *key, const struct mm_buf *text, const char *facts,
                            struct mm_buf *out, struct mm_diags *diags);

#endif
