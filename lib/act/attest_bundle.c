#include "act/attest_bundle.h"

#include <string.h>

/* Who has to have signed: with either given, a bundle that it does not fit is refused, never passed over. */
static int check_signature(const struct mm_attest *attest, struct mm_attest_file *file,
                           const struct mm_oms_bundle *bundle, struct mm_diags *diags)
{
    struct mm_oms_signer signer;
    struct mm_oms_trust trust = {0};
    bool by_key = attest->key && (bundle->material == MM_OMS_KEY || !attest->roots);
    if (!attest->key && !attest->roots) {
        file->unchecked = true;
        mm_note(diags, MM_RULE_ATTEST_UNCHECKED,
                "its signature is not checked, as no key is given: its hashes are compared, and it is not recorded");
        return 0;
    }
    trust.key = by_key ? attest->key : NULL;
    trust.roots = by_key ? NULL : attest->roots;
    memcpy(trust.now, attest->now, sizeof trust.now);
    return mm_oms_verify(bundle, &trust, &signer, diags);
}

static int take_resources(const struct mm_oms_statement *statement, struct mm_attestation *read, struct mm_diags *diags)
{
    if (statement->hash != MM_OMS_SHA256 || statement->shard_size)
        return mm_diag(diags, MM_RULE_OMS_UNSUPPORTED, "expected SHA-256 of whole files, found %s of %s",
                       mm_oms_hash_names[statement->hash], statement->shard_size ? "pieces" : "whole files");
    for (size_t i = 0; i < statement->count; i++) {
        struct mm_attested item = {0};
        const struct mm_oms_resource *resource = &statement->resources[i];
        memcpy(item.digest, resource->digest, MM_HASH_BYTES);
        if (mm_attestation_add(read, resource->name, strlen(resource->name), item, diags) < 0)
            return -1;
    }
    return 0;
}

int mm_attest_read_bundle(const struct mm_attest *attest, struct mm_attest_file *file, const struct mm_buf *text,
                          struct mm_attestation *read, struct mm_diags *diags)
{
    struct mm_oms_bundle bundle = {0};
    struct mm_oms_statement statement = {0};
    int result = mm_oms_bundle_read(&bundle, text->data, text->length, diags);
    if (result == 0)
        result = check_signature(attest, file, &bundle, diags);
    if (result == 0)
        result = mm_oms_statement_read(&statement, bundle.payload.data, bundle.payload.length, diags);
    if (result == 0)
        result = take_resources(&statement, read, diags);
    mm_oms_statement_release(&statement);
    mm_oms_bundle_release(&bundle);
    return result;
}
