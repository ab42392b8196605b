/* Manifests: a valid one is its own canonical form; one that lacks order only has a canonical form that is valid, or
 * whose faults are those that the wrong order hid. */
#include <string.h>

#include "doc/manifest.h"
#include "source.h"

static void check_claims(const struct mm_manifest *manifest)
{
    uint64_t sum = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        must(claim.path[0] && (int)claim.role >= 0 && (int)claim.format >= 0);
        must(mm_chunk_size_valid(claim.chunks.size) && claim.chunks.count == mm_chunk_count(claim.chunks.bytes, claim.chunks.size));
        must(claim.chunk_list.known == (claim.chunk_list_route != NULL));
        sum += claim.chunks.bytes;
        must(sum <= INT64_MAX);
    }
}

/* What the wrong order can have hidden: equal lines, a folder's first safetensors file, a line end too much. */
static bool was_hidden(const struct mm_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].rule != MM_RULE_MANIFEST_MANY_EQUAL && diags->items[i].rule != MM_RULE_MANIFEST_DIGESTS &&
            diags->items[i].rule != MM_RULE_TEXT_SIZE)
            return false;
    return true;
}

static void check_canonical(const struct mm_manifest *manifest)
{
    struct mm_diags diags;
    struct mm_manifest again = {0};
    struct mm_buf text = {0}, once_more = {0};
    mm_diags_init(&diags);
    must(mm_manifest_write(manifest, &text, &diags) == 0);
    must(!manifest->valid || (text.length == manifest->length && memcmp(text.data, manifest->text, text.length) == 0));
    if (mm_manifest_read(&again, text.data, text.length, &diags) == 0) {
        must(mm_manifest_write(&again, &once_more, &diags) == 0);
        must(text.length == once_more.length && memcmp(text.data, once_more.data, text.length) == 0);
    } else {
        must(was_hidden(&diags));
    }
    mm_buf_release(&text);
    mm_buf_release(&once_more);
    mm_manifest_release(&again);
    mm_diags_release(&diags);
}

/* A manifest that was linted before finds the same as one that is read. */
static void check_linted(const uint8_t *data, size_t size, const struct mm_manifest *manifest, const struct mm_diags *found)
{
    struct mm_diags diags;
    struct mm_manifest linted = {0};
    mm_diags_init(&diags);
    for (size_t part = 2; part > 0; part--) { /* the first half, then all of it */
        mm_diags_clear(&diags);
        mm_manifest_lint(&linted, (const char *)data, size / part, &diags);
    }
    must(linted.valid == manifest->valid && linted.count == manifest->count && linted.group_count == manifest->group_count);
    must(diags.count == found->count && diags.dropped == found->dropped && diags.errors == found->errors);
    for (size_t i = 0; i < diags.count; i++)
        must(diags.items[i].rule == found->items[i].rule && diags.items[i].line == found->items[i].line &&
             diags.items[i].column == found->items[i].column && strcmp(diags.items[i].text, found->items[i].text) == 0);
    mm_manifest_release(&linted);
    mm_diags_release(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_manifest manifest;
    mm_diags_init(&diags);
    int result = mm_manifest_read(&manifest, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0) && manifest.valid == (result == 0));
    check_linted(data, size, &manifest, &diags);
    if (manifest.valid)
        check_claims(&manifest);
    if (manifest.group_count > 0 && mm_manifest_repairable(&diags))
        check_canonical(&manifest);
    mm_manifest_release(&manifest);
    mm_diags_release(&diags);
    return 0;
}
