/* Model-signing bundles and what they state, each by itself: what is read is sound, and reads the same after it was written. No
 * bytes are a signature of a key whose private half is nowhere. */
#include <string.h>

#include "source.h"
#include "trust/oms_key.h"

static const char key_text[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERi5bllwPxTZ3BIegFVuLeFRs+utA\n"
                               "XF71118u7G54F8OQzUectYG3GQwAmNe0ALltlHUbo3LANr+TnX88HZ3+GA==\n"
                               "-----END PUBLIC KEY-----\n";

static bool same_bytes(const struct mm_buf *a, const struct mm_buf *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static void check_statement(const struct mm_oms_statement *s)
{
    must(s->count > 0 && s->count <= MM_OMS_RESOURCES_MAX && s->model);
    for (size_t i = 0; i < s->count; i++) {
        const struct mm_oms_resource *now = &s->resources[i];
        must(mm_oms_name_sound(now->name) || (s->count == 1 && strcmp(now->name, ".") == 0));
        must(s->shard_size ? now->start < now->end && now->end - now->start <= s->shard_size : now->end == 0);
        if (i > 0) {
            int order = strcmp(now[-1].name, now->name);
            must(order < 0 || (order == 0 && now[-1].end == now->start && now->start > 0));
        }
    }
    for (size_t i = 0; i < s->ignored_count; i++)
        must(mm_oms_name_sound(s->ignored[i]) && mm_oms_ignored(s, s->ignored[i]));
}

/* A statement of whole files, written: the same files again. */
static void check_written(struct mm_oms_statement *s, struct mm_diags *diags)
{
    struct mm_oms_statement again;
    struct mm_buf text = {0};
    must(mm_oms_statement_finish(s, diags) == 0);
    mm_oms_statement_write(s, &text);
    must(!text.failed && mm_oms_statement_read(&again, text.data, text.length, diags) == 0);
    must(again.count == s->count && memcmp(again.root, s->root, sizeof s->root) == 0);
    for (size_t i = 0; i < s->count; i++)
        must(strcmp(again.resources[i].name, s->resources[i].name) == 0);
    mm_oms_statement_release(&again);
    mm_buf_release(&text);
}

static void try_statement(const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_oms_statement statement;
    mm_diags_clear(diags);
    int result = mm_oms_statement_read(&statement, text, length, diags);
    must((result == 0) == (diags->errors == 0));
    if (result == 0) {
        check_statement(&statement);
        if (!statement.shard_size)
            check_written(&statement, diags);
    }
    mm_oms_statement_release(&statement);
}

static void check_bundle(const struct mm_oms_bundle *bundle, const struct mm_oms_key *key, struct mm_diags *diags)
{
    struct mm_oms_bundle again;
    struct mm_oms_signer signer;
    struct mm_oms_trust trust = {.key = key};
    struct mm_buf text = {0};
    must(bundle->payload.length > 0 && bundle->signature.length > 0 && bundle->chain_count <= MM_OMS_CHAIN_MAX);
    must((bundle->chain_count > 0) == (bundle->material == MM_OMS_CERTIFICATES));
    must(mm_oms_verify(bundle, &trust, &signer, diags) < 0);
    mm_diags_clear(diags);
    if (bundle->material == MM_OMS_KEY && !bundle->hint[0])
        return; /* such ones are not written */
    mm_oms_bundle_write(bundle, &text);
    must(!text.failed && mm_oms_bundle_read(&again, text.data, text.length, diags) == 0);
    must(same_bytes(&bundle->payload, &again.payload) && same_bytes(&bundle->signature, &again.signature));
    must(again.chain_count == bundle->chain_count &&
         strcmp(again.hint, again.material == MM_OMS_KEY ? bundle->hint : "") == 0);
    mm_oms_bundle_release(&again);
    mm_buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_oms_bundle bundle;
    mm_diags_init(&diags);
    struct mm_oms_key *key = mm_oms_key_read(key_text, sizeof key_text - 1, &diags);
    must(key);
    int result = mm_oms_bundle_read(&bundle, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        check_bundle(&bundle, key, &diags);
        try_statement(bundle.payload.data, bundle.payload.length, &diags);
    }
    mm_oms_bundle_release(&bundle);
    try_statement((const char *)data, size, &diags);
    mm_diags_clear(&diags);
    mm_oms_key_free(mm_oms_key_read((const char *)data, size, &diags));
    mm_oms_roots_free(mm_oms_roots_read((const char *)data, size, &diags));
    mm_oms_key_free(key);
    mm_diags_release(&diags);
    return 0;
}
