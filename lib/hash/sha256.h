/* SHA-256 (FIPS 180-4) of one stream, by libcrypto, which uses the processor's own instructions. */
#ifndef MM_HASH_SHA256_H
#define MM_HASH_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include "base/number.h"

struct mm_sha256; /* opaque; reusable: a digest taken starts the next one */

/* NULL when memory is exhausted. */
struct mm_sha256 *mm_sha256_new(void);
void mm_sha256_free(struct mm_sha256 *sha);

void mm_sha256_update(struct mm_sha256 *sha, const void *bytes, size_t length);

/* Writes the digest of everything since creation or the last digest. */
void mm_sha256_take(struct mm_sha256 *sha, unsigned char digest[static MM_HASH_BYTES]);

/* The SHA-256 of nothing. */
extern const unsigned char mm_sha256_empty[MM_HASH_BYTES];

/* One piece in one call, through SHA, which must hold nothing. */
void mm_sha256_once(struct mm_sha256 *sha, const void *bytes, size_t length,
                    unsigned char digest[static MM_HASH_BYTES]);

#endif
