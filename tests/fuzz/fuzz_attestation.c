/* What others say of files: whatever comes, items that were read have a name each, and what is said twice of one name agrees. */
#include <string.h>

#include "doc/attestation.h"
#include "hash/git_blob.h"
#include "source.h"

static void must_hold_together(const struct mm_attestation *attestation, size_t size)
{
    must(attestation->kind == MM_ATTEST_OMS || attestation->count > 0);
    must(attestation->kind == MM_ATTEST_SHA256SUMS || attestation->kind == MM_ATTEST_OLLAMA || attestation->count <= 1);
    for (size_t i = 0; i < attestation->count; i++) {
        const struct mm_attested *item = &attestation->items[i];
        bool named = attestation->kind == MM_ATTEST_SHA256SUMS;
        must(item->name + item->name_length < attestation->names.length);
        must(strlen(mm_attested_name(attestation, item)) == item->name_length);
        must(named == (item->name_length > 0));
        must(!item->has_size || item->size <= MM_NUMBER_MAX);
        must(item->line <= size + 1);
        must(!item->git || attestation->kind == MM_ATTEST_HF_METADATA);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_attestation attestation;
    mm_diags_init(&diags);
    int result = mm_attestation_read(&attestation, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0)
        must_hold_together(&attestation, size);
    mm_attestation_release(&attestation);
    mm_diags_release(&diags);
    return 0;
}
