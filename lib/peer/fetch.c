#include "peer/fetch_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/place.h"
#include "base/tree.h"

#define BEHIND_CHUNK (16u << 20) /* bytes of a chunk, of which several may wait for a thread that judges them */

/* ---- chunk lists ---- */

/* Where a list is to stand. */
struct shelf {
    int home;
    const struct mm_manifest *manifest;
};

/* Has the shape of mm_peer_list_fn. */
static int put_list(void *context, const struct mm_claim *claim, const char *text, size_t length,
                    struct mm_diags *diags)
{
    const struct shelf *shelf = context;
    return mm_landing_put_list(shelf->home, shelf->manifest, claim, text, length, diags);
}

static int fetch_lists(struct mm_peer_fetch *fetch, int home, const struct mm_manifest *manifest,
                       struct mm_diags *diags)
{
    struct shelf shelf = {home, manifest};
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        if (!mm_landing_has_list(home, manifest, &claim) &&
            mm_peer_fetch_list(fetch, &claim, put_list, &shelf, diags) < 0)
            return -1;
    }
    return 0;
}

/* ---- the importer's source ---- */

struct offer {
    char path[MM_STORE_PATH]; /* beneath the home */
    struct mm_supply supply;
};

static int put_text(int folder, const char *name, const struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_place place = {0};
    return mm_place_file(&place, folder, name, text->data, text->length, diags);
}

/* Manifest and signatures in a folder of their own in the partial import, where no file is that the importer writes to. */
static int fill_offer(int folder, const struct mm_manifest *manifest, const struct mm_signatures *signatures,
                      struct mm_diags *diags)
{
    struct mm_place place = {0};
    int result = 0;
    if (signatures->own.length > 0)
        result = put_text(folder, MM_STORE_MANIFEST MM_SIGNATURE_SUFFIX, &signatures->own, diags);
    else
        unlinkat(folder, MM_STORE_MANIFEST MM_SIGNATURE_SUFFIX, 0);
    for (size_t i = 0; result == 0 && i < signatures->other_count; i++) {
        char name[sizeof MM_STORE_MANIFEST + MM_KEY_ID_TEXT + sizeof MM_SIGNATURE_SUFFIX];
        snprintf(name, sizeof name, MM_STORE_MANIFEST ".%s" MM_SIGNATURE_SUFFIX, signatures->others[i].key_id);
        result = put_text(folder, name, &signatures->others[i].text, diags);
    }
    return result == 0 ? mm_place_file(&place, folder, MM_STORE_MANIFEST, manifest->text, manifest->length, diags) : -1;
}

static int make_offer(struct offer *offer, int home, const char *home_path, const struct mm_manifest *manifest,
                      const struct mm_signatures *signatures, struct mm_diags *diags)
{
    char hex[MM_HASH_HEX + 1], *whole = NULL;
    mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
    snprintf(offer->path, sizeof offer->path, MM_STORE_PARTIAL "/%s/" MM_STORE_OFFER, hex);
    if (mm_tree_make(home, offer->path, diags) < 0)
        return -1;
    int folder = mm_tree_open(home, offer->path);
    if (folder < 0)
        return mm_diag(diags, MM_RULE_STORE_HOME, "cannot open %s: %s", offer->path, strerror(errno));
    int result = fill_offer(folder, manifest, signatures, diags);
    close(folder);
    if (result == 0 && asprintf(&whole, "%s/%s/" MM_STORE_MANIFEST, home_path, offer->path) < 0)
        result = mm_diag_memory(diags);
    if (result == 0)
        result = mm_supply_add(&offer->supply, whole, diags);
    free(whole);
    return result;
}

/* True if everything that is wrong since MARK is that chunks lack. */
static bool only_lacks(const struct mm_diags *diags, const struct mm_diags *mark)
{
    for (size_t i = mark->count; i < diags->count; i++)
        if (diags->items[i].severity == MM_ERROR && diags->items[i].rule != MM_RULE_PEER_LACKS)
            return false;
    return diags->errors > mark->errors && diags->dropped == mark->dropped;
}

/* ---- chunks ---- */

static int tell_end(enum mm_plan_state state, uint64_t bytes, struct mm_diags *diags)
{
    switch (state) {
    case MM_PLAN_NO_PEERS:
        return mm_diag(diags, MM_RULE_PEER_LACKS, "%" PRIu64 " bytes lack, and no peer is left to ask", bytes);
    case MM_PLAN_LACKS: return mm_diag(diags, MM_RULE_PEER_LACKS, "%" PRIu64 " bytes lack that no peer has", bytes);
    case MM_PLAN_TOO_SLOW:
        return mm_diag(diags, MM_RULE_PEER_SLOW, "%" PRIu64 " bytes lack, and too little came for too long", bytes);
    default: return 0;
    }
}

/* Keeps what is known of the peers now: who is not asked again, and what each gave. */
static void keep_facts(struct mm_peer_fetch *fetch, const struct mm_plan *plan)
{
    for (size_t i = 0; i < fetch->count && i < mm_plan_peers(plan); i++) {
        struct mm_plan_peer_facts facts;
        mm_plan_peer_facts(plan, i, &facts);
        fetch->wrong[i] = fetch->wrong[i] || facts.fate == MM_PEER_WRONG;
        fetch->gave[i].chunks += facts.taken_chunks;
        fetch->gave[i].copied += facts.taken_bytes;
        fetch->gave[i].read += facts.bytes;
    }
}

static int run_download(struct mm_peer_fetch *fetch, struct mm_landing *landing, struct mm_download *download,
                        struct mm_diags *diags)
{
    struct mm_plan *plan = mm_download_plan(download);
    uint64_t total = mm_plan_needed_bytes(plan), now = mm_peer_client_now(fetch->client);
    enum mm_plan_state state = MM_PLAN_GOING;
    int result = 0;
    while (result == 0 && (state = mm_plan_state(plan, now)) == MM_PLAN_GOING) {
        result = mm_download_turn(download, now, diags);
        if (result == 0)
            result = mm_peer_client_run(fetch->client, MM_PEER_TURN, diags);
        now = mm_peer_client_now(fetch->client);
        if (fetch->progress)
            fetch->progress(fetch->progress_context, landing->written, total);
    }
    mm_download_settle(download, now);
    fetch->fetched += landing->written;
    keep_facts(fetch, plan);
    if (result == 0)
        result = mm_download_turn(download, now, diags); /* for what there is to say */
    return result < 0 ? -1 : tell_end(state, mm_plan_needed_bytes(plan), diags) < 0;
}

/* Of what LANDING lacks, in bytes. */
static uint64_t largest_chunk(const struct mm_landing *landing)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < landing->count; i++)
        if (landing->items[i].needed && landing->items[i].claim.chunks.size > largest)
            largest = landing->items[i].claim.chunks.size;
    return largest;
}

int mm_peer_fetch_land(struct mm_peer_fetch *fetch, struct mm_landing *landing, struct mm_diags *diags)
{
    uint64_t now = mm_peer_client_now(fetch->client);
    struct mm_download *download =
        mm_download_new(landing, mm_peer_client_carry(fetch->client, NULL), &fetch->options, now, diags);
    if (!download)
        return -1;
    for (size_t i = 0; i < fetch->count; i++) {
        if (mm_plan_peer_add(mm_download_plan(download), fetch->keys[i], now) != i) {
            mm_download_free(download);
            return mm_diag_memory(diags);
        }
        if (fetch->wrong[i])
            mm_plan_peer_drop(mm_download_plan(download), i, MM_PEER_GONE);
    }
    if (largest_chunk(landing) <= BEHIND_CHUNK)
        mm_download_judge_behind(download);
    mm_peer_client_carry(fetch->client, download);
    int result = run_download(fetch, landing, download, diags);
    mm_peer_client_carry(fetch->client, NULL);
    mm_download_free(download);
    return result;
}

/* Brings the chunks that lack. What is known of the files then goes to HOW, whose KNOWN is the caller's to free. */
static int fetch_chunks(struct mm_peer_fetch *fetch, int home, const struct mm_manifest *manifest,
                        struct mm_import_options *how, struct mm_diags *diags)
{
    struct mm_landing landing;
    int result = mm_landing_open(&landing, home, manifest, diags);
    if (result == 0) {
        mm_landing_follow(&landing);
        result = mm_peer_fetch_land(fetch, &landing, diags);
    }
    struct mm_import_known *known = result == 0 ? calloc(landing.count, sizeof *known) : NULL;
    how->known = known; /* without memory for it, all is read again */
    how->known_count = known ? mm_landing_end(&landing, known) : 0;
    mm_landing_release(&landing);
    return result == 0 ? 0 : -1;
}

/* Whether chunk lists are worth fetching, which can be large: not for a model that the importer refuses before it looks at any. Returns 1, 0, or
 * -1 with findings where that could not be found out. */
static int may_begin(const struct mm_manifest *manifest, const struct mm_signatures *signatures,
                     const struct mm_import_options *how, struct mm_diags *diags)
{
    struct mm_trusted trusted = {0};
    struct mm_diags own;
    uint64_t bytes = 0;
    mm_diags_init(&own);
    own.file = diags->file;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        bytes += claim.chunks.bytes; /* the manifest's sum is below 2^63 */
    }
    bool judged = mm_trust_judge(&trusted, how->trust, manifest, signatures, &own) == 0;
    bool unknown = !judged && !own.no;
    enum mm_signed outcome = trusted.signature.outcome;
    mm_trusted_release(&trusted);
    if (unknown)
        mm_diags_move(diags, &own);
    mm_diags_release(&own);
    if (unknown)
        return -1;
    return judged && (!how->max_bytes || bytes <= how->max_bytes) &&
           (outcome == MM_SIGNED_VERIFIED || (outcome == MM_SIGNED_UNSIGNED && how->allow_unsigned));
}

int mm_peer_fetch_model(struct mm_peer_fetch *fetch, int home, const char *home_path,
                        const struct mm_manifest *manifest, const struct mm_signatures *signatures,
                        const struct mm_import_options *how, struct mm_import_facts *facts, struct mm_diags *diags)
{
    struct offer offer = {.supply = {.links = MM_LINKS_NONE}};
    int result = make_offer(&offer, home, home_path, manifest, signatures, diags);
    int begins = result == 0 ? may_begin(manifest, signatures, how, diags) : -1;
    if (begins < 0)
        result = -1;
    if (begins > 0)
        result = fetch_lists(fetch, home, manifest, diags);
    struct mm_diags mark = *diags;
    struct mm_import_options again = *how;
    again.asks_peers = true;
    if (result == 0) { /* what is there already is found, and what lacks is noted */
        result = mm_import(home, &offer.supply, 0, &again, facts, diags);
        if (result < 0 && only_lacks(diags, &mark)) {
            mm_diags_rewind(diags, &mark);
            result = fetch_chunks(fetch, home, manifest, &again, diags);
            if (result == 0)
                result = mm_import(home, &offer.supply, 0, &again, facts, diags);
            free((void *)again.known);
        }
    }
    mm_supply_release(&offer.supply);
    if (mm_tree_remove(home, offer.path, diags) < 0)
        result = -1;
    return result;
}
