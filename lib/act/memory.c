#include "act/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct remembering {
    struct mm_memory *memory;
    const unsigned char *sha256;
    struct mm_diags *diags;
};

/* Receipts that quote an import, removals and consents, are younger than it, so they change nothing here. */
static int remember_verified(struct remembering *r, const struct mm_receipt *receipt)
{
    struct mm_memory *memory = r->memory;
    for (size_t i = 0; i < memory->verified_count; i++) {
        struct mm_verified *verified = &memory->verified[i];
        if (strcmp(verified->key_id, receipt->key_id) != 0)
            continue;
        if (strcmp(receipt->created, verified->since) < 0)
            memcpy(verified->since, receipt->created, sizeof verified->since);
        return 0;
    }
    if (!mm_grow(&memory->verified, memory->verified_count, &memory->verified_capacity, sizeof *memory->verified))
        return mm_diag_memory(r->diags);
    struct mm_verified *verified = &memory->verified[memory->verified_count++];
    memcpy(verified->key_id, receipt->key_id, sizeof verified->key_id);
    memcpy(verified->since, receipt->created, sizeof verified->since);
    return 0;
}

/* Only what the importer itself found feeds the bar; a piped report can be anybody's. */
static void remember_import(struct mm_memory *memory, const struct mm_receipt *receipt)
{
    if (receipt->action != MM_ACTION_IMPORTED || receipt->revision <= memory->revision)
        return;
    memory->revision = receipt->revision;
    memcpy(memory->manifest_sha256, receipt->manifest_sha256, MM_HASH_BYTES);
}

static int remember(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct remembering *r = context;
    (void)path;
    if (strcmp(receipt->signature, "verified") != 0)
        return 0;
    remember_import(r->memory, receipt);
    return memcmp(receipt->manifest_sha256, r->sha256, MM_HASH_BYTES) == 0 ? remember_verified(r, receipt) : 0;
}

int mm_memory_read(struct mm_memory *memory, int home, const char *model_id,
                   const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct remembering r = {memory, sha256, diags};
    struct mm_chain_facts facts;
    uint64_t errors = diags->errors;
    *memory = (struct mm_memory){0};
    if (home < 0)
        return 0;
    struct mm_diags ignored; /* what is wrong with the log would be said twice */
    mm_diags_init(&ignored);
    int result = mm_chain_head(home, &facts, diags);
    memcpy(memory->newest, facts.created, sizeof memory->newest);
    if (mm_chain_each_of(home, model_id, remember, &r, result == 0 ? diags : &ignored) != 0)
        result = -1;
    mm_diags_release(&ignored);
    return result == 0 && diags->errors == errors ? 0 : -1;
}

void mm_memory_release(struct mm_memory *memory)
{
    free(memory->verified);
    *memory = (struct mm_memory){0};
}

const char *mm_memory_verified(const struct mm_memory *memory, const char *key_id)
{
    for (size_t i = 0; i < memory->verified_count; i++)
        if (strcmp(memory->verified[i].key_id, key_id) == 0)
            return memory->verified[i].since;
    return NULL;
}

int mm_memory_check_rollback(const struct mm_memory *memory, uint64_t revision,
                             const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    char hex[MM_HASH_HEX + 1];
    if (revision < memory->revision)
        return mm_diag(diags, MM_RULE_STORE_ROLLBACK,
                       "expected revision %" PRIu64 " or a higher one, as was imported before, found %" PRIu64,
                       memory->revision, revision);
    if (revision > memory->revision || memcmp(sha256, memory->manifest_sha256, MM_HASH_BYTES) == 0)
        return 0;
    mm_hex(hex, memory->manifest_sha256, MM_HASH_BYTES);
    return mm_diag(diags, MM_RULE_STORE_ROLLBACK,
                   "expected the manifest of revision %" PRIu64 " that was imported before, %s, found another",
                   revision, hex);
}

bool mm_memory_now(const struct mm_memory *memory, char now[static MM_TIME_SIZE])
{
    mm_time_now(now);
    if (strcmp(memory->newest, now) <= 0)
        return false;
    memcpy(now, memory->newest, MM_TIME_SIZE);
    return true;
}
