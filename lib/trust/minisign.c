#include "trust/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/number.h"
#include "base/utf8.h"
#include "hash/sha256.h"
#include "trust/two_lines.h"

#define PUBLIC_BYTES 42   /* Ed, id, point */
#define SIGNATURE_LINE 74 /* ED, id, signature */

_Static_assert(MM_PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "libsodium's key is the one stored");
_Static_assert(MM_SIGNATURE_BYTES == crypto_sign_BYTES, "libsodium's signature is the one stored");
_Static_assert(MM_PREHASH_BYTES == crypto_generichash_BYTES_MAX, "BLAKE2b-512");

/* ---- key ids and fingerprints ---- */

const char *mm_key_id_text(char out[static MM_KEY_ID_TEXT], const unsigned char id[static MM_KEY_ID_BYTES])
{
    for (int i = 0; i < MM_KEY_ID_BYTES; i++)
        snprintf(out + (ptrdiff_t)2 * i, 3, "%02X", id[MM_KEY_ID_BYTES - 1 - i]);
    return out;
}

bool mm_key_id_read(const char *text, size_t length, unsigned char id[static MM_KEY_ID_BYTES])
{
    if (length != MM_KEY_ID_TEXT - 1)
        return false;
    memset(id, 0, MM_KEY_ID_BYTES);
    for (size_t i = 0; i < length; i++) {
        const char *digits = "0123456789ABCDEF", *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        id[MM_KEY_ID_BYTES - 1 - i / 2] |= (unsigned char)((digit - digits) << (i % 2 ? 0 : 4));
    }
    return true;
}

static void decoded_bytes(const struct mm_public_key *key, unsigned char out[static PUBLIC_BYTES])
{
    memcpy(out, "Ed", 2);
    memcpy(out + 2, key->id, MM_KEY_ID_BYTES);
    memcpy(out + 2 + MM_KEY_ID_BYTES, key->point, MM_PUBLIC_KEY_BYTES);
}

const char *mm_public_key_fingerprint(char out[static MM_KEY_FINGERPRINT_TEXT], const struct mm_public_key *key)
{
    unsigned char bytes[PUBLIC_BYTES], hash[crypto_hash_sha256_BYTES];
    char *at = out;
    decoded_bytes(key, bytes);
    crypto_hash_sha256(hash, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof hash; i++)
        at += snprintf(at, 4, "%s%02x", i > 0 && i % 2 == 0 ? " " : "", hash[i]);
    return out;
}

bool mm_public_key_has_fingerprint(const struct mm_public_key *key, const char *text)
{
    char own[MM_KEY_FINGERPRINT_TEXT];
    const char *at = mm_public_key_fingerprint(own, key);
    for (; *text; text++) {
        char digit = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;
        if (digit == ' ')
            continue;
        at += *at == ' ';
        if (*at != digit)
            return false;
        at++;
    }
    return *at == '\0';
}

bool mm_public_key_same(const struct mm_public_key *a, const struct mm_public_key *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0 && memcmp(a->point, b->point, sizeof a->point) == 0;
}

/* ---- public keys ---- */

/* Is POINT a canonical one of the prime-order group? Releases of libsodium up to 1.0.20 also call a good point plus the one of order 2 so
 * (CVE-2025-69277). The group's order less one makes a good point its negative, which is the other of the same y, and no other one. */
bool mm_public_key_is_sound(const unsigned char point[static MM_PUBLIC_KEY_BYTES])
{
    static const unsigned char one[crypto_core_ed25519_SCALARBYTES] = {1};
    unsigned char minus_one[crypto_core_ed25519_SCALARBYTES], negative[MM_PUBLIC_KEY_BYTES];
    if (!crypto_core_ed25519_is_valid_point(point))
        return false;
    crypto_core_ed25519_scalar_negate(minus_one, one);
    if (crypto_scalarmult_ed25519_noclamp(negative, minus_one, point) < 0)
        return false;
    negative[sizeof negative - 1] ^= 0x80; /* the sign of x */
    return memcmp(negative, point, sizeof negative) == 0;
}

int mm_public_key_read(struct mm_public_key *key, const char *text, size_t length, struct mm_diags *diags)
{
    unsigned char bytes[PUBLIC_BYTES];
    struct mm_two_lines lines;
    if (mm_two_lines_read(&lines, text, length, MM_RULE_KEY_FORM, diags) < 0)
        return -1;
    if (lines.rest_length)
        return mm_diag_line(diags, MM_RULE_KEY_FORM, 3, 1, "expected the end behind the key, found more");
    if (mm_base64_exact(lines.value, lines.value_length, bytes, sizeof bytes) < 0)
        return mm_diag_line(diags, MM_RULE_KEY_FORM, 2, 1, "expected the base64 of %d bytes, found something else",
                            PUBLIC_BYTES);
    if (memcmp(bytes, "Ed", 2) != 0)
        return mm_diag_line(diags, MM_RULE_KEY_FORM, 2, 1, "expected a key of the algorithm Ed, found another");
    memcpy(key->id, bytes + 2, MM_KEY_ID_BYTES);
    memcpy(key->point, bytes + 2 + MM_KEY_ID_BYTES, MM_PUBLIC_KEY_BYTES);
    if (!mm_public_key_is_sound(key->point))
        return mm_diag_line(diags, MM_RULE_KEY_WEAK, 2, 1,
                            "expected a canonical point of the prime-order group, found another one");
    return 0;
}

int mm_public_key_read_file(struct mm_public_key *key, int fd, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    int result = mm_file_read_all(fd, MM_SIGNATURE_MAX, &text, diags);
    if (result > 0)
        result = mm_diag(diags, MM_RULE_KEY_FORM, "expected at most %d bytes, found more", MM_SIGNATURE_MAX);
    if (result == 0)
        result = mm_public_key_read(key, text.data ? text.data : "", text.length, diags);
    mm_buf_release(&text);
    return result;
}

static void add_base64(struct mm_buf *out, const unsigned char *bytes, size_t length)
{
    char text[sodium_base64_ENCODED_LEN(SIGNATURE_LINE, sodium_base64_VARIANT_ORIGINAL)];
    mm_buf_str(out, sodium_bin2base64(text, sizeof text, bytes, length, sodium_base64_VARIANT_ORIGINAL));
    mm_buf_char(out, '\n');
}

void mm_public_key_write(const struct mm_public_key *key, struct mm_buf *out)
{
    unsigned char bytes[PUBLIC_BYTES];
    char id[MM_KEY_ID_TEXT];
    decoded_bytes(key, bytes);
    mm_buf_printf(out, MM_UNTRUSTED_COMMENT "public key %s\n", mm_key_id_text(id, key->id));
    add_base64(out, bytes, sizeof bytes);
}

/* ---- signatures ---- */

void mm_prehash(const void *bytes, size_t length, unsigned char out[static MM_PREHASH_BYTES])
{
    crypto_generichash(out, MM_PREHASH_BYTES, bytes, length, NULL, 0);
}

struct both_hashes {
    crypto_generichash_state prehash;
    struct mm_sha256 *sha256;
};

static void add_to_both(void *context, const unsigned char *bytes, size_t length)
{
    struct both_hashes *both = context;
    crypto_generichash_update(&both->prehash, bytes, length);
    mm_sha256_update(both->sha256, bytes, length);
}

int mm_prehash_file(int fd, mm_progress_fn *progress, void *context, unsigned char out[static MM_PREHASH_BYTES],
                    unsigned char sha256[static 32], struct mm_diags *diags)
{
    struct both_hashes both = {.sha256 = mm_sha256_new()};
    struct mm_source source;
    int result = both.sha256 && sodium_init() >= 0 ? 0 : mm_diag_memory(diags); /* which chooses what is quick here */
    crypto_generichash_init(&both.prehash, NULL, 0, MM_PREHASH_BYTES);
    if (result == 0)
        result = mm_source_open(&source, fd, diags);
    if (result == 0) {
        source.sink = add_to_both;
        source.sink_context = &both;
        source.progress = progress;
        source.progress_context = context;
        result = mm_source_finish(&source, diags);
        mm_source_release(&source);
    }
    if (result == 0) {
        crypto_generichash_final(&both.prehash, out, MM_PREHASH_BYTES);
        mm_sha256_take(both.sha256, sha256);
    }
    mm_sha256_free(both.sha256);
    return result;
}

/* The third and fourth line, behind the first two. */
static int read_trusted_part(struct mm_signature *signature, const char *text, size_t length, struct mm_diags *diags)
{
    static const char prefix[] = MM_TRUSTED_COMMENT;
    const size_t skip = sizeof prefix - 1;
    size_t at;
    const char *end = length ? memchr(text, '\n', length) : NULL;
    if (!end || (size_t)(end - text) < skip || memcmp(text, prefix, skip) != 0)
        return mm_diag_line(diags, MM_RULE_SIGNATURE_FORM, 3, 1, "expected 'trusted comment: ', found something else");
    size_t comment = (size_t)(end - text) - skip;
    if (memchr(text, '\0', (size_t)(end - text)) || memchr(text, '\r', (size_t)(end - text)) ||
        !mm_utf8_valid(text, (size_t)(end - text), &at))
        return mm_diag_line(diags, MM_RULE_SIGNATURE_FORM, 3, 1, "expected a line of UTF-8 text, found other bytes");
    memcpy(signature->comment, text + skip, comment);
    signature->comment[comment] = '\0';
    const char *last = end + 1;
    size_t left = length - (size_t)(last - text);
    const char *stop = left ? memchr(last, '\n', left) : NULL;
    size_t size = stop ? (size_t)(stop - last) : left;
    if (mm_base64_exact(last, size, signature->global, sizeof signature->global) < 0)
        return mm_diag_line(diags, MM_RULE_SIGNATURE_FORM, 4, 1,
                            "expected the base64 of %d bytes, found something else", MM_SIGNATURE_BYTES);
    if (stop && (size_t)(stop + 1 - last) < left)
        return mm_diag_line(diags, MM_RULE_SIGNATURE_TRAILING, 5, 1, "expected the end here, found more");
    return 0;
}

int mm_signature_read(struct mm_signature *signature, const char *text, size_t length, struct mm_diags *diags)
{
    unsigned char bytes[SIGNATURE_LINE];
    struct mm_two_lines lines;
    *signature = (struct mm_signature){0};
    if (length > MM_SIGNATURE_MAX)
        return mm_diag(diags, MM_RULE_SIGNATURE_FORM, "expected at most %d bytes, found more", MM_SIGNATURE_MAX);
    if (mm_two_lines_read(&lines, text, length, MM_RULE_SIGNATURE_FORM, diags) < 0)
        return -1;
    if (mm_base64_exact(lines.value, lines.value_length, bytes, sizeof bytes) < 0)
        return mm_diag_line(diags, MM_RULE_SIGNATURE_FORM, 2, 1,
                            "expected the base64 of %d bytes, found something else", SIGNATURE_LINE);
    if (memcmp(bytes, "Ed", 2) == 0)
        return mm_diag_line(diags, MM_RULE_SIGNATURE_LEGACY, 2, 1,
                            "expected a signature of the prehashed kind (ED), found a legacy one (Ed)");
    if (memcmp(bytes, "ED", 2) != 0)
        return mm_diag_line(diags, MM_RULE_SIGNATURE_FORM, 2, 1, "expected a signature of kind ED, found another");
    memcpy(signature->key_id, bytes + 2, MM_KEY_ID_BYTES);
    memcpy(signature->bytes, bytes + 2 + MM_KEY_ID_BYTES, MM_SIGNATURE_BYTES);
    return read_trusted_part(signature, lines.rest, lines.rest_length, diags);
}

bool mm_signature_holds(const struct mm_signature *signature, const struct mm_public_key *key,
                        const unsigned char prehash[static MM_PREHASH_BYTES])
{
    unsigned char signed_part[MM_SIGNATURE_BYTES + MM_SIGNATURE_MAX + 1];
    size_t comment = strlen(signature->comment);
    memcpy(signed_part, signature->bytes, MM_SIGNATURE_BYTES);
    memcpy(signed_part + MM_SIGNATURE_BYTES, signature->comment, comment);
    return crypto_sign_verify_detached(signature->bytes, prehash, MM_PREHASH_BYTES, key->point) == 0 &&
           crypto_sign_verify_detached(signature->global, signed_part, MM_SIGNATURE_BYTES + comment, key->point) == 0;
}

void mm_signature_write(const struct mm_signature *signature, const char *untrusted_comment, struct mm_buf *out)
{
    unsigned char bytes[SIGNATURE_LINE] = "ED";
    memcpy(bytes + 2, signature->key_id, MM_KEY_ID_BYTES);
    memcpy(bytes + 2 + MM_KEY_ID_BYTES, signature->bytes, MM_SIGNATURE_BYTES);
    mm_buf_printf(out, MM_UNTRUSTED_COMMENT "%s\n", untrusted_comment);
    add_base64(out, bytes, sizeof bytes);
    mm_buf_printf(out, MM_TRUSTED_COMMENT "%s\n", signature->comment);
    add_base64(out, signature->global, sizeof signature->global);
}
