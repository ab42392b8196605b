/* What a peer serves, by path (peer.md): one spelling each, nothing decoded, nothing looked up in a folder. */
#ifndef MM_EXCHANGE_RESOURCE_H
#define MM_EXCHANGE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/number.h"
#include "trust/minisign.h"

enum mm_resource {
    MM_RESOURCE_NONE,
    MM_RESOURCE_ABOUT,      /* /.well-known/minimodel */
    MM_RESOURCE_MODELS,     /* /v0/models */
    MM_RESOURCE_MANIFEST,   /* /v0/manifests/SHA256 */
    MM_RESOURCE_SIGNATURE,  /* /v0/manifests/SHA256.minisig */
    MM_RESOURCE_CHUNK_LIST, /* /v0/chunk-lists/MERKLE-ROOT */
    MM_RESOURCE_ARTIFACT,   /* /v0/artifacts/SHA256 */
    MM_RESOURCE_HAVE,       /* /v0/chunks/MERKLE-ROOT/have */
};

/* Beside them: /v0/manifests/SHA256.KEYID.minisig, the countersignature by a key. */

/* What PATH names, and its hash, if it has one. */
enum mm_resource mm_resource_read(const char *path, size_t length, unsigned char hash[static MM_HASH_BYTES]);

/* The path of RESOURCE, other than NONE; HASH is NULL for those without. Returns OUT. */
#define MM_RESOURCE_PATH 112
const char *mm_resource_write(char out[static MM_RESOURCE_PATH], enum mm_resource resource, const unsigned char *hash);

/* True if PATH names a countersignature: of the manifest HASH, by the key KEY_ID. */
bool mm_resource_read_countersignature(const char *path, size_t length, unsigned char hash[static MM_HASH_BYTES],
                                       char key_id[static MM_KEY_ID_TEXT]);

/* Its path. Returns OUT. */
const char *mm_resource_write_countersignature(char out[static MM_RESOURCE_PATH], const unsigned char *hash,
                                               const char *key_id);

#endif
