#include "hash/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

const unsigned char mm_sha256_empty[MM_HASH_BYTES] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

struct mm_sha256 {
    EVP_MD_CTX *context;
};

/* Nothing but exhausted memory inside libcrypto makes SHA-256 fail. An answer must never be made from a digest that was
 * not computed, so the process ends. */
static void must(int result)
{
    if (result != 1)
        abort();
}

struct mm_sha256 *mm_sha256_new(void)
{
    struct mm_sha256 *sha = malloc(sizeof *sha);
    if (!sha)
        return NULL;
    sha->context = EVP_MD_CTX_new();
    if (!sha->context || EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) != 1) {
        mm_sha256_free(sha);
        return NULL;
    }
    return sha;
}

void mm_sha256_free(struct mm_sha256 *sha)
{
    if (!sha)
        return;
    EVP_MD_CTX_free(sha->context);
    free(sha);
}

void mm_sha256_update(struct mm_sha256 *sha, const void *bytes, size_t length)
{
    must(EVP_DigestUpdate(sha->context, bytes, length));
}

void mm_sha256_take(struct mm_sha256 *sha, unsigned char digest[static MM_HASH_BYTES])
{
    must(EVP_DigestFinal_ex(sha->context, digest, NULL));
    must(EVP_DigestInit_ex(sha->context, NULL, NULL));
}

void mm_sha256_once(struct mm_sha256 *sha, const void *bytes, size_t length, unsigned char digest[static MM_HASH_BYTES])
{
    mm_sha256_update(sha, bytes, length);
    mm_sha256_take(sha, digest);
}
