#include "peer/fetch_parts.h"

#include <string.h>

#include "exchange/have.h"
#include "exchange/resource.h"

#define ANSWER_SECONDS 15      /* in which a text has to come */
#define LIST_SECONDS 300       /* a chunk list, which can have hundreds of megabytes */
#define AHEAD_BYTES (1u << 16) /* of an answer that is asked for before it is known to be needed */

/* ---- texts ---- */

/* The next peer to ask that was not TRIED: one that is connected, waited for if need be; then those that could not be reached, which say why.
 * SIZE_MAX where there is none. */
static size_t next_peer(struct mm_peer_fetch *fetch, bool tried[static MM_PLAN_PEERS], struct mm_diags *diags)
{
    for (bool hope = true; hope;) {
        hope = false;
        for (size_t i = 0; i < fetch->count; i++) {
            enum mm_peer_standing standing = mm_peer_client_standing(fetch->client, i);
            if (tried[i] || fetch->wrong[i] || standing == MM_PEER_LOST)
                continue;
            hope = true;
            if (standing == MM_PEER_READY) {
                tried[i] = true;
                return i;
            }
        }
        if (hope &&
            mm_peer_client_run(fetch->client, MM_PEER_TURN, diags) < 0) /* a handshake ends in seconds, well or not */
            return SIZE_MAX;
    }
    for (size_t i = 0; i < fetch->count; i++)
        if (!tried[i] && !fetch->wrong[i]) {
            tried[i] = true;
            return i;
        }
    return SIZE_MAX;
}

/* PEER sent what it was not asked for: it is named and not asked again. */
static void note_wrong(struct mm_peer_fetch *fetch, size_t peer, const char *what, struct mm_diags *diags)
{
    char id[MM_PEER_ID_TEXT];
    mm_note(diags, MM_RULE_PEER_WRONG, "peer %s: %s is not the one that was asked for; not asked again",
            mm_peer_id_write(id, fetch->keys[peer]), what);
    for (size_t i = 0; i < fetch->count; i++)
        if (memcmp(fetch->keys[i], fetch->keys[peer], MM_PEER_KEY_BYTES) == 0) { /* wherever else it is */
            fetch->wrong[i] = true;
            mm_peer_client_drop(fetch->client, i);
        }
}

/* The most that a chunk list has. */
static uint64_t list_bytes(const struct mm_claim *claim)
{
    return 65 * claim->chunks.count + 4096;
}

/* ---- ahead ---- */

/* Asks PEER for a text that will be needed, unless it may be large. */
static void ask_ahead(struct mm_peer_fetch *fetch, size_t peer, enum mm_resource resource,
                      const unsigned char hash[static MM_HASH_BYTES], uint64_t most)
{
    char path[MM_RESOURCE_PATH];
    if (most <= AHEAD_BYTES)
        mm_peer_client_ask_ahead(fetch->client, peer, mm_resource_write(path, resource, hash), most);
}

void mm_peer_fetch_ahead(struct mm_peer_fetch *fetch, int home, const struct mm_manifest *manifest,
                         struct mm_diags *diags)
{
    bool tried[MM_PLAN_PEERS] = {false};
    size_t first = next_peer(fetch, tried, diags);
    if (first == SIZE_MAX)
        return;
    ask_ahead(fetch, first, MM_RESOURCE_SIGNATURE, manifest->sha256, MM_SIGNATURE_MAX);
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        if (!mm_landing_has_list(home, manifest, &claim))
            ask_ahead(fetch, first, MM_RESOURCE_CHUNK_LIST, claim.chunks.root, list_bytes(&claim));
        for (size_t i = 0; i < fetch->count; i++)
            if (!fetch->wrong[i])
                ask_ahead(fetch, i, MM_RESOURCE_HAVE, claim.chunks.root, mm_have_size(claim.chunks.count));
    }
}

/* ---- one after another ---- */

int mm_peer_fetch_manifest(struct mm_peer_fetch *fetch, const unsigned char sha256[static MM_HASH_BYTES],
                           struct mm_buf *text, struct mm_diags *diags)
{
    unsigned char found[MM_HASH_BYTES];
    char path[MM_RESOURCE_PATH];
    struct mm_sha256 *sha = mm_sha256_new();
    mm_resource_write(path, MM_RESOURCE_MANIFEST, sha256);
    int result = sha ? 1 : mm_diag_memory(diags);
    bool tried[MM_PLAN_PEERS] = {false};
    for (size_t i; result > 0 && (i = next_peer(fetch, tried, diags)) != SIZE_MAX;) {
        ask_ahead(fetch, i, MM_RESOURCE_SIGNATURE, sha256, MM_SIGNATURE_MAX);
        if (mm_peer_client_ask(fetch->client, i, path, MM_MANIFEST_MAX, ANSWER_SECONDS, text, diags) != 0)
            continue;
        mm_sha256_once(sha, text->data ? text->data : "", text->length, found);
        if (memcmp(found, sha256, MM_HASH_BYTES) == 0)
            result = 0;
        else
            note_wrong(fetch, i, "the manifest", diags);
    }
    mm_sha256_free(sha);
    if (result > 0)
        result = mm_diag(diags, MM_RULE_PEER_LACKS, "expected a peer that has the manifest, found none");
    return result;
}

/* A signature that is asked for. */
struct wish {
    struct mm_peer_fetch *fetch;
    const unsigned char *sha256; /* of the manifest */
    mm_peer_judge_fn *judge;
    void *context;
    struct mm_signatures *signatures;
    struct mm_diags *diags;
};

/* Puts TEXT into the signatures: the countersignature by KEY_ID, where that is not NULL, in place of the one that came before. Returns which
 * one it is. */
static size_t put_signature(const struct wish *wish, const char *key_id, size_t other, const struct mm_buf *text)
{
    struct mm_signatures *signatures = wish->signatures;
    struct mm_buf copy = {0};
    mm_buf_add(&copy, text->data, text->length);
    if (!key_id) {
        mm_buf_release(&signatures->own);
        signatures->own = copy;
        signatures->present = true;
    } else if (other < signatures->other_count) {
        mm_buf_release(&signatures->others[other].text);
        signatures->others[other].text = copy;
    } else if (mm_signatures_add(signatures, key_id, &copy, wish->diags) == 0) {
        other = signatures->other_count - 1;
    } else {
        signatures->own.failed = true;
    }
    return other;
}

/* Asks one peer after another for the signature at PATH, until one is good. */
static int ask_signature(const struct wish *wish, const char *path, const char *key_id)
{
    struct mm_buf found = {0};
    bool good = false, tried[MM_PLAN_PEERS] = {false};
    size_t other = MM_PEER_OWN_SIGNATURE;
    for (size_t i; !good && (i = next_peer(wish->fetch, tried, wish->diags)) != SIZE_MAX;) {
        if (mm_peer_client_ask(wish->fetch->client, i, path, MM_SIGNATURE_MAX, ANSWER_SECONDS, &found, wish->diags) !=
            0)
            continue;
        other = put_signature(wish, key_id, other, &found);
        good = !wish->signatures->own.failed && wish->judge(wish->context, wish->signatures, other);
    }
    bool failed = wish->signatures->own.failed || found.failed;
    mm_buf_release(&found);
    return failed ? mm_diag_memory(wish->diags) : 0;
}

/* Has the shape of mm_signatures_each_lacking's EACH. */
static int ask_countersignature(void *context, const char *key_id)
{
    const struct wish *wish = context;
    char path[MM_RESOURCE_PATH];
    return ask_signature(wish, mm_resource_write_countersignature(path, wish->sha256, key_id), key_id);
}

int mm_peer_fetch_signatures(struct mm_peer_fetch *fetch, const unsigned char sha256[static MM_HASH_BYTES],
                             const struct mm_trust *trust, mm_peer_judge_fn *judge, void *context,
                             struct mm_signatures *signatures, struct mm_diags *diags)
{
    struct wish wish = {fetch, sha256, judge, context, signatures, diags};
    char path[MM_RESOURCE_PATH];
    if (ask_signature(&wish, mm_resource_write(path, MM_RESOURCE_SIGNATURE, sha256), NULL) < 0)
        return -1;
    return mm_signatures_each_lacking(signatures, trust->policies, trust->policy_count, ask_countersignature, &wish);
}

int mm_peer_fetch_list(struct mm_peer_fetch *fetch, const struct mm_claim *claim, mm_peer_list_fn *take, void *context,
                       struct mm_diags *diags)
{
    struct mm_buf text = {0};
    char path[MM_RESOURCE_PATH];
    mm_resource_write(path, MM_RESOURCE_CHUNK_LIST, claim->chunks.root);
    int result = 1;
    bool tried[MM_PLAN_PEERS] = {false};
    for (size_t i; result > 0 && (i = next_peer(fetch, tried, diags)) != SIZE_MAX;) {
        if (mm_peer_client_ask(fetch->client, i, path, list_bytes(claim), LIST_SECONDS, &text, diags) != 0)
            continue;
        struct mm_diags mark = *diags;
        result = take(context, claim, text.data ? text.data : "", text.length, diags);
        if (result < 0 && diags->no && !mark.no) { /* it is the peer's fault */
            mm_diags_rewind(diags, &mark);
            note_wrong(fetch, i, "a chunk list", diags);
            result = 1;
        }
    }
    mm_buf_release(&text);
    return result <= 0 ? result
                       : mm_diag(diags, MM_RULE_PEER_LACKS, "expected a peer that has the chunk list of %s, found none",
                                 claim->path);
}
