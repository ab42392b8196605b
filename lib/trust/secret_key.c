#include "trust/secret_key.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "trust/two_lines.h"

#define MEMORY_MAX 1073741824U /* 1 GiB */
#define MEMORY_MIN 16777216U   /* what a new key is not made with less of */
#define OPERATIONS 33554432U   /* libsodium's and minisign's choice for what is kept for long */
#define COMMENT_MAX 8000       /* minisign reads no longer ones */

/* What stands under the password. */
struct sealed {
    unsigned char id[MM_KEY_ID_BYTES];
    unsigned char secret[crypto_sign_SECRETKEYBYTES]; /* seed, then the public key */
    unsigned char checksum[crypto_generichash_BYTES];
};

/* A secret key's file, decoded: only bytes, so that there is no padding. */
struct stored {
    unsigned char algorithm[2], kdf[2], check[2];
    unsigned char salt[crypto_pwhash_scryptsalsa208sha256_SALTBYTES];
    unsigned char operations[8], memory[8];
    struct sealed sealed;
};
_Static_assert(sizeof(struct stored) == 158, "a secret key's file holds 158 bytes");

struct mm_secret_key {
    struct mm_public_key public;
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
};

/* ---- the key in memory ---- */

void mm_secret_key_free(struct mm_secret_key *key)
{
    sodium_free(key);
}

const struct mm_public_key *mm_secret_key_public(const struct mm_secret_key *key)
{
    return &key->public;
}

const unsigned char *mm_secret_key_seed(const struct mm_secret_key *key)
{
    return key->secret; /* libsodium keeps the seed, then the public half */
}

struct mm_secret_key *mm_secret_key_new(struct mm_diags *diags)
{
    struct mm_secret_key *key = mm_secret_memory(sizeof *key, diags);
    if (!key)
        return NULL;
    crypto_sign_keypair(key->public.point, key->secret);
    randombytes_buf(key->public.id, sizeof key->public.id);
    return key;
}

/* ---- the password ---- */

static void checksum(const struct stored *stored, unsigned char out[static crypto_generichash_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, crypto_generichash_BYTES);
    crypto_generichash_update(&state, stored->algorithm, sizeof stored->algorithm);
    crypto_generichash_update(&state, stored->sealed.id, sizeof stored->sealed.id);
    crypto_generichash_update(&state, stored->sealed.secret, sizeof stored->sealed.secret);
    crypto_generichash_final(&state, out, crypto_generichash_BYTES);
    sodium_memzero(&state, sizeof state);
}

/* Puts the stream that follows from PASSWORD over what is sealed, or takes it off; STREAM is room for it. Returns 0, or -1 where memory
 * does not suffice. */
static int pass_over(struct stored *stored, const struct mm_secret *password, struct mm_secret *stream)
{
    unsigned char *sealed = (unsigned char *)&stored->sealed, *bytes = (unsigned char *)stream->bytes;
    int result = crypto_pwhash_scryptsalsa208sha256(bytes, sizeof stored->sealed, password->bytes, password->length,
                                                    stored->salt,
                                                    mm_little_endian(stored->operations, sizeof stored->operations),
                                                    (size_t)mm_little_endian(stored->memory, sizeof stored->memory));
    for (size_t i = 0; result == 0 && i < sizeof stored->sealed; i++)
        sealed[i] ^= bytes[i];
    return result;
}

static int open_sealed(struct stored *stored, mm_password_fn *ask, void *context, struct mm_diags *diags)
{
    struct mm_secret password = {0}, stream = {0};
    uint64_t operations = mm_little_endian(stored->operations, 8), memory = mm_little_endian(stored->memory, 8);
    if (operations > OPERATIONS || memory < MEMORY_MIN || memory > MEMORY_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT,
                       "expected a password that costs at most %u operations and %u to %u bytes, found others",
                       OPERATIONS, MEMORY_MIN, MEMORY_MAX);
    int result = mm_secret_init(&password, MM_PASSWORD_MAX, diags);
    if (result == 0)
        result = mm_secret_init(&stream, sizeof stored->sealed, diags);
    if (result == 0)
        result = ask(context, &password, diags);
    if (result == 0 && pass_over(stored, &password, &stream) < 0)
        result = mm_diag(diags, MM_RULE_IO_MEMORY, "memory is exhausted: the password needs %u MiB",
                         (unsigned)(memory >> 20));
    mm_secret_release(&password);
    mm_secret_release(&stream);
    return result;
}

/* ---- reading ---- */

/* The file's text, in locked memory. */
static int read_text(int fd, struct mm_secret *text, struct mm_diags *diags)
{
    if (mm_secret_init(text, MM_SIGNATURE_MAX + 1, diags) < 0)
        return -1;
    if (mm_secret_read(text, fd, diags) < 0)
        return -1;
    return text->length <= MM_SIGNATURE_MAX
               ? 0
               : mm_diag(diags, MM_RULE_KEY_FORM, "expected at most %d bytes, found more", MM_SIGNATURE_MAX);
}

static int decode(struct stored *stored, const struct mm_secret *text, struct mm_diags *diags)
{
    static const unsigned char open[2] = {0, 0};
    struct mm_two_lines lines;
    if (mm_two_lines_read(&lines, text->bytes, text->length, MM_RULE_KEY_FORM, diags) < 0)
        return -1;
    if (lines.rest_length)
        return mm_diag_line(diags, MM_RULE_KEY_FORM, 3, 1, "expected the end behind the key, found more");
    if (mm_base64_exact(lines.value, lines.value_length, (unsigned char *)stored, sizeof *stored) < 0)
        return mm_diag_line(diags, MM_RULE_KEY_FORM, 2, 1, "expected the base64 of %zu bytes, found something else",
                            sizeof *stored);
    if (memcmp(stored->algorithm, "Ed", 2) != 0 || memcmp(stored->check, "B2", 2) != 0 ||
        (memcmp(stored->kdf, "Sc", 2) != 0 && memcmp(stored->kdf, open, 2) != 0))
        return mm_diag_line(diags, MM_RULE_KEY_FORM, 2, 1,
                            "expected a secret key of the algorithms Ed, B2 and Sc or none, found others");
    return 0;
}

/* What is decoded and opened becomes KEY, if it holds together. */
static int take_key(const struct stored *stored, struct mm_secret_key *key, bool password, struct mm_diags *diags)
{
    unsigned char sum[crypto_generichash_BYTES];
    checksum(stored, sum);
    bool intact = sodium_memcmp(sum, stored->sealed.checksum, sizeof sum) == 0 ||
                  (!password && sodium_is_zero(stored->sealed.checksum, sizeof sum)); /* minisign leaves it out there */
    sodium_memzero(sum, sizeof sum);
    if (!intact)
        return password ? mm_diag(diags, MM_RULE_KEY_PASSWORD, "the password is not this key's, or the file is damaged")
                        : mm_diag(diags, MM_RULE_KEY_DAMAGED, "the checksum does not hold");
    crypto_sign_seed_keypair(key->public.point, key->secret, stored->sealed.secret);
    if (sodium_memcmp(key->secret, stored->sealed.secret, sizeof key->secret) != 0)
        return mm_diag(diags, MM_RULE_KEY_DAMAGED, "the public half does not belong to the secret one");
    memcpy(key->public.id, stored->sealed.id, sizeof key->public.id);
    return 0;
}

struct mm_secret_key *mm_secret_key_read(int fd, mm_password_fn *ask, void *context, struct mm_diags *diags)
{
    struct mm_secret text = {0};
    struct mm_secret_key *key = NULL;
    struct stored *stored = mm_secret_memory(sizeof *stored, diags);
    bool ready = stored && (key = mm_secret_memory(sizeof *key, diags));
    ready = ready && mm_secret_check_file(fd, diags) == 0 && read_text(fd, &text, diags) == 0 &&
            decode(stored, &text, diags) == 0;
    bool password = ready && stored->kdf[0];
    if (password)
        ready = open_sealed(stored, ask, context, diags) == 0;
    if (!ready || take_key(stored, key, password, diags) < 0) {
        mm_secret_key_free(key);
        key = NULL;
    }
    mm_secret_release(&text);
    sodium_free(stored);
    return key;
}

/* ---- writing ---- */

static void store_number(unsigned char out[static 8], uint64_t number)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(number >> 8 * i);
}

/* Half the memory, and with it half the work, until the machine has as much. */
static int seal(struct stored *stored, const struct mm_secret *password, struct mm_diags *diags)
{
    struct mm_secret stream;
    uint64_t operations = OPERATIONS, memory = MEMORY_MAX;
    if (mm_secret_init(&stream, sizeof stored->sealed, diags) < 0)
        return -1;
    memcpy(stored->kdf, "Sc", 2);
    randombytes_buf(stored->salt, sizeof stored->salt);
    bool sealed = false;
    for (; !sealed && memory >= MEMORY_MIN; memory /= 2, operations /= 2) {
        store_number(stored->operations, operations);
        store_number(stored->memory, memory);
        sealed = pass_over(stored, password, &stream) == 0;
    }
    mm_secret_release(&stream);
    uint64_t used = mm_little_endian(stored->memory, sizeof stored->memory);
    if (sealed && used < MEMORY_MAX)
        mm_note(diags, MM_RULE_KEY_MEMORY,
                "memory did not suffice: to try a password costs %u MiB instead of %u, and so much less work",
                (unsigned)(used >> 20), MEMORY_MAX >> 20);
    return sealed ? 0 : mm_diag_memory(diags);
}

int mm_secret_key_write(const struct mm_secret_key *key, const struct mm_secret *password, struct mm_secret *out,
                        struct mm_diags *diags)
{
    const size_t size = 256 + sodium_base64_ENCODED_LEN(sizeof(struct stored), sodium_base64_VARIANT_ORIGINAL);
    char id[MM_KEY_ID_TEXT];
    struct stored *stored;
    if (mm_secret_init(out, size, diags) < 0)
        return -1;
    if (!(stored = mm_secret_memory(sizeof *stored, diags)))
        return -1;
    memset(stored, 0, sizeof *stored);
    memcpy(stored->algorithm, "Ed", 2);
    memcpy(stored->check, "B2", 2);
    memcpy(stored->sealed.id, key->public.id, sizeof key->public.id);
    memcpy(stored->sealed.secret, key->secret, sizeof key->secret);
    checksum(stored, stored->sealed.checksum);
    int result = password ? seal(stored, password, diags) : 0;
    if (result == 0) {
        out->length = (size_t)snprintf(out->bytes, size, MM_UNTRUSTED_COMMENT "%ssecret key %s\n",
                                       password ? "encrypted " : "", mm_key_id_text(id, key->public.id));
        sodium_bin2base64(out->bytes + out->length, size - out->length, (const unsigned char *)stored, sizeof *stored,
                          sodium_base64_VARIANT_ORIGINAL);
        out->length += strlen(out->bytes + out->length);
        out->bytes[out->length++] = '\n';
    }
    sodium_free(stored);
    return result;
}

/* ---- signing ---- */

/* A comment is one line of text that no terminal obeys and that reads as it is written: verifiers print it as it stands. */
static int check_comment(const char *comment, size_t length, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    uint32_t code;
    if (length > COMMENT_MAX)
        return mm_diag(diags, MM_RULE_SIGNATURE_FORM, "expected a trusted comment of at most %d bytes, found %zu",
                       COMMENT_MAX, length);
    for (size_t at = 0, size; at < length; at += size) {
        size = mm_utf8_decode((const unsigned char *)comment + at, length - at, &code);
        if (size == 0 || mm_utf8_control(code) || mm_utf8_noncharacter(code) || mm_utf8_invisible(code))
            return mm_diag(diags, MM_RULE_SIGNATURE_FORM,
                           "expected a trusted comment of one line of visible text, found '%s'",
                           mm_show(shown, comment, length));
    }
    return 0;
}

int mm_secret_key_sign(const struct mm_secret_key *key, const unsigned char prehash[static MM_PREHASH_BYTES],
                       const char *comment, struct mm_buf *out, struct mm_diags *diags)
{
    unsigned char text[MM_SIGNATURE_BYTES + COMMENT_MAX];
    struct mm_signature signature = {0};
    char id[MM_KEY_ID_TEXT], untrusted[64];
    size_t length = strlen(comment);
    if (check_comment(comment, length, diags) < 0)
        return -1;
    memcpy(signature.key_id, key->public.id, sizeof signature.key_id);
    memcpy(signature.comment, comment, length);
    crypto_sign_detached(signature.bytes, NULL, prehash, MM_PREHASH_BYTES, key->secret);
    memcpy(text, signature.bytes, MM_SIGNATURE_BYTES);
    memcpy(text + MM_SIGNATURE_BYTES, comment, length);
    crypto_sign_detached(signature.global, NULL, text, MM_SIGNATURE_BYTES + length, key->secret);
    if (!mm_signature_holds(&signature, &key->public, prehash)) /* a fault in the machine would give the key away */
        return mm_diag(diags, MM_RULE_SIGNATURE_BAD,
                       "the signature that was made does not hold: the machine is at fault");
    snprintf(untrusted, sizeof untrusted, "signature by key %s", mm_key_id_text(id, key->public.id));
    mm_signature_write(&signature, untrusted, out);
    return out->failed ? mm_diag_memory(diags) : 0;
}

int mm_secret_key_sign_text(const struct mm_secret_key *key, const struct mm_buf *text, const char *facts,
                            struct mm_buf *out, struct mm_diags *diags)
{
    unsigned char prehash[MM_PREHASH_BYTES], hash[crypto_hash_sha256_BYTES];
    char hex[MM_HASH_HEX + 1];
    struct mm_buf comment = {0};
    if (text->failed)
        return mm_diag_memory(diags);
    mm_prehash(text->data, text->length, prehash);
    crypto_hash_sha256(hash, (const unsigned char *)text->data, text->length);
    mm_hex(hex, hash, sizeof hash);
    mm_buf_printf(&comment, "%s sha256:%s", facts, hex);
    int result =
        mm_buf_text(&comment) ? mm_secret_key_sign(key, prehash, comment.data, out, diags) : mm_diag_memory(diags);
    mm_buf_release(&comment);
    return result;
}
