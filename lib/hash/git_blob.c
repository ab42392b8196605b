#include "hash/git_blob.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct mm_git_blob {
    EVP_MD_CTX *context;
};

/* As with SHA-256: nothing but exhausted memory makes it fail, and no answer is made from a digest that was not computed. */
static void must(int result)
{
    if (result != 1)
        abort();
}

struct mm_git_blob *mm_git_blob_new(uint64_t size)
{
    char header[32];
    struct mm_git_blob *blob = malloc(sizeof *blob);
    if (!blob)
        return NULL;
    blob->context = EVP_MD_CTX_new();
    if (!blob->context || EVP_DigestInit_ex(blob->context, EVP_sha1(), NULL) != 1) {
        mm_git_blob_free(blob);
        return NULL;
    }
    int length = snprintf(header, sizeof header, "blob %" PRIu64, size);
    mm_git_blob_update(blob, header, (size_t)length + 1); /* the NUL too */
    return blob;
}

void mm_git_blob_free(struct mm_git_blob *blob)
{
    if (!blob)
        return;
    EVP_MD_CTX_free(blob->context);
    free(blob);
}

void mm_git_blob_update(struct mm_git_blob *blob, const void *bytes, size_t length)
{
    must(EVP_DigestUpdate(blob->context, bytes, length));
}

void mm_git_blob_take(struct mm_git_blob *blob, unsigned char id[static MM_GIT_BYTES])
{
    must(EVP_DigestFinal_ex(blob->context, id, NULL));
}
