#include "exchange/resource.h"

#include <stdio.h>
#include <string.h>

/* A path is BEFORE, 64 hex digits where it has a hash, and AFTER. */
static const struct {
    const char *before, *after;
    bool hashed;
} paths[] = {
    [MM_RESOURCE_NONE] = {NULL, NULL, false},
    [MM_RESOURCE_ABOUT] = {"/.well-known/minimodel", "", false},
    [MM_RESOURCE_MODELS] = {"/v0/models", "", false},
    [MM_RESOURCE_MANIFEST] = {"/v0/manifests/", "", true},
    [MM_RESOURCE_SIGNATURE] = {"/v0/manifests/", ".minisig", true},
    [MM_RESOURCE_CHUNK_LIST] = {"/v0/chunk-lists/", "", true},
    [MM_RESOURCE_ARTIFACT] = {"/v0/artifacts/", "", true},
    [MM_RESOURCE_HAVE] = {"/v0/chunks/", "/have", true},
};
#define RESOURCES (sizeof paths / sizeof *paths)

enum mm_resource mm_resource_read(const char *path, size_t length, unsigned char hash[static MM_HASH_BYTES])
{
    for (size_t i = MM_RESOURCE_ABOUT; i < RESOURCES; i++) {
        size_t before = strlen(paths[i].before), after = strlen(paths[i].after);
        size_t digits = paths[i].hashed ? MM_HASH_HEX : 0;
        if (length == before + digits + after && memcmp(path, paths[i].before, before) == 0 &&
            memcmp(path + before + digits, paths[i].after, after) == 0 &&
            (digits == 0 || mm_hex_hash(path + before, digits, hash)))
            return (enum mm_resource)i;
    }
    return MM_RESOURCE_NONE;
}

const char *mm_resource_write(char out[static MM_RESOURCE_PATH], enum mm_resource resource, const unsigned char *hash)
{
    char hex[MM_HASH_HEX + 1] = "";
    if (paths[resource].hashed)
        mm_hex(hex, hash, MM_HASH_BYTES);
    snprintf(out, MM_RESOURCE_PATH, "%s%s%s", paths[resource].before, hex, paths[resource].after);
    return out;
}

/* /v0/manifests/ and 64 hex digits, a dot, a key id, .minisig: the signature's path with the key before its ending. */
bool mm_resource_read_countersignature(const char *path, size_t length, unsigned char hash[static MM_HASH_BYTES],
                                       char key_id[static MM_KEY_ID_TEXT])
{
    const char *before = paths[MM_RESOURCE_SIGNATURE].before, *after = paths[MM_RESOURCE_SIGNATURE].after;
    size_t start = strlen(before), key = start + MM_HASH_HEX + 1, end = key + MM_KEY_ID_TEXT - 1;
    unsigned char id[MM_KEY_ID_BYTES];
    if (length != end + strlen(after) || memcmp(path, before, start) != 0 || path[key - 1] != '.' ||
        memcmp(path + end, after, strlen(after)) != 0 || !mm_hex_hash(path + start, MM_HASH_HEX, hash) ||
        !mm_key_id_read(path + key, MM_KEY_ID_TEXT - 1, id))
        return false;
    mm_key_id_text(key_id, id);
    return true;
}

const char *mm_resource_write_countersignature(char out[static MM_RESOURCE_PATH], const unsigned char *hash,
                                               const char *key_id)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    snprintf(out, MM_RESOURCE_PATH, "%s%s.%.16s%s", paths[MM_RESOURCE_SIGNATURE].before, hex, key_id,
             paths[MM_RESOURCE_SIGNATURE].after);
    return out;
}
