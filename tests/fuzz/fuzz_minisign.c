/* Public keys, signatures and secret keys: as files, and the secret key also from its decoded bytes, with the checksum that belongs
 * to them. */
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "source.h"
#include "trust/secret_key.h"

static void check_public(const char *text, size_t size, struct mm_diags *diags)
{
    struct mm_public_key key, again;
    struct mm_buf out = {0};
    char id[MM_KEY_ID_TEXT], fingerprint[MM_KEY_FINGERPRINT_TEXT];
    unsigned char bytes[MM_KEY_ID_BYTES];
    int result = mm_public_key_read(&key, text, size, diags);
    must((result == 0) == (diags->errors == 0));
    if (result == 0) {
        mm_public_key_write(&key, &out);
        must(!out.failed && mm_public_key_read(&again, out.data, out.length, diags) == 0);
        must(mm_public_key_same(&key, &again));
        must(mm_public_key_has_fingerprint(&key, mm_public_key_fingerprint(fingerprint, &again)));
        must(mm_key_id_read(mm_key_id_text(id, key.id), 16, bytes) && memcmp(bytes, key.id, sizeof bytes) == 0);
    }
    mm_buf_release(&out);
    mm_diags_clear(diags);
}

/* What is written back differs in the untrusted comment alone. */
static void check_signature(const char *text, size_t size, struct mm_diags *diags)
{
    static struct mm_signature signature;
    const struct mm_public_key key = {{0}, {0x58, [1 ... 31] = 0x66}};
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf out = {0};
    int result = mm_signature_read(&signature, text, size, diags);
    must((result == 0) == (diags->errors == 0));
    if (result == 0) {
        mm_signature_write(&signature, "", &out);
        must(!out.failed);
        const char *rest = memchr(text, '\n', size), *own = strchr(out.data, '\n');
        size_t left = size - (size_t)(rest - text), right = out.length - (size_t)(own - out.data);
        must(left == right || left + 1 == right);
        must(memcmp(rest, own, left) == 0);
        mm_prehash(text, size, prehash);
        must(!mm_signature_holds(&signature, &key, prehash));
    }
    mm_buf_release(&out);
    mm_diags_clear(diags);
}

/* Nobody answers, as the work for a password would be all that is fuzzed. */
static int refuse(void *context, struct mm_secret *password, struct mm_diags *diags)
{
    (void)context;
    must(password->length == 0 && password->capacity == MM_PASSWORD_MAX);
    return mm_diag(diags, MM_RULE_KEY_PASSWORD, "no password");
}

static void check_secret(const char *text, size_t size, struct mm_diags *diags)
{
    int fd = source_fd((const uint8_t *)text, size);
    must(fchmod(fd, 0600) == 0);
    struct mm_secret_key *key = mm_secret_key_read(fd, refuse, NULL, diags), *same;
    must((key != NULL) == (diags->errors == 0));
    close(fd);
    if (key) {
        struct mm_secret out;
        must(mm_secret_key_write(key, NULL, &out, diags) == 0);
        fd = source_fd((const uint8_t *)out.bytes, out.length);
        must(fchmod(fd, 0600) == 0);
        must((same = mm_secret_key_read(fd, refuse, NULL, diags)) != NULL);
        must(mm_public_key_same(mm_secret_key_public(key), mm_secret_key_public(same)));
        mm_secret_key_free(same);
        mm_secret_release(&out);
        close(fd);
    }
    mm_secret_key_free(key);
    mm_diags_clear(diags);
}

/* 158 bytes as a file, the last 32 of them made to be the checksum; from an even first byte on, the public half too. */
static void check_decoded(const uint8_t *data, struct mm_diags *diags)
{
    unsigned char bytes[158], point[32], secret[64];
    char text[512] = "untrusted comment: \n";
    crypto_generichash_state sum;
    memcpy(bytes, data, sizeof bytes);
    memcpy(bytes, "Ed\0\0B2", 6);
    crypto_sign_seed_keypair(point, secret, bytes + 62);
    if (data[0] % 2 == 0)
        memcpy(bytes + 62, secret, sizeof secret);
    crypto_generichash_init(&sum, NULL, 0, 32);
    crypto_generichash_update(&sum, bytes, 2);
    crypto_generichash_update(&sum, bytes + 54, 72);
    crypto_generichash_final(&sum, bytes + 126, 32);
    sodium_bin2base64(text + strlen(text), 256, bytes, sizeof bytes, sodium_base64_VARIANT_ORIGINAL);
    check_secret(text, strlen(text), diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    must(sodium_init() >= 0);
    mm_diags_init(&diags);
    check_public((const char *)data, size, &diags);
    check_signature((const char *)data, size, &diags);
    check_secret((const char *)data, size, &diags);
    if (size >= 158)
        check_decoded(data, &diags);
    mm_diags_release(&diags);
    return 0;
}
