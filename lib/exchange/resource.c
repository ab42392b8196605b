#include "exchange/resource.h"

#include <stdbool.h>
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
