/* Models of the store become shares: judged, held against their receipts, looked at. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/recheck.h"
#include "act/supply.h"
#include "base/checked.h"
#include "exchange/shares_parts.h"

/* ---- texts ---- */

int mm_share_keep_text(struct mm_shares *shares, struct mm_share_blob *blob, const void *bytes, size_t length,
                       struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    blob->fd = -1;
    blob->memory = malloc(length ? length : 1);
    if (!sha || !blob->memory) {
        mm_sha256_free(sha);
        return mm_diag_memory(diags);
    }
    memcpy(blob->memory, bytes, length);
    blob->bytes = length;
    mm_sha256_once(sha, bytes, length, blob->sha256);
    mm_sha256_free(sha);
    shares->texts += length;
    return 0;
}

/* ---- one artifact ---- */

static int keep_path(struct mm_share_blob *blob, const char *folder, const char *name, struct mm_diags *diags)
{
    if (asprintf(&blob->path, "%s/%s", folder, name) >= 0)
        return 0;
    blob->path = NULL;
    return mm_diag_memory(diags);
}

int mm_share_make_list(struct mm_shares *shares, struct mm_share_file *file, struct mm_diags *diags)
{
    struct mm_hashes hashes = {0};
    struct mm_buf text = {0};
    if (file->chunks.count == 1)
        mm_hashes_add(&hashes, 0, file->chunks.sha256);
    mm_chunk_list_write(&file->chunks, &hashes, &text);
    int result = hashes.failed || text.failed ? mm_diag_memory(diags)
                                              : mm_share_keep_text(shares, &file->list, text.data, text.length, diags);
    mm_hashes_release(&hashes);
    mm_buf_release(&text);
    return result;
}

int mm_share_take_list(struct mm_shares *shares, struct mm_share_file *file, struct mm_chunk_list *list,
                       struct mm_diags *diags)
{
    int fd = mm_file_open_beneath(shares->home, file->list.path, MM_LINKS_NONE);
    if (fd < 0)
        return mm_diag(diags, MM_RULE_PEER_SHARE, "expected the chunk list %s, by which peers verify, found none",
                       file->list.path);
    int result = mm_chunk_list_read(list, fd, file->chunks.count, diags);
    if (result == 0 && memcmp(list->facts.root, file->chunks.root, MM_HASH_BYTES) != 0)
        result = mm_diag(diags, MM_RULE_PEER_SHARE, "expected a chunk list that leads to the artifact's root");
    if (result == 0)
        result = mm_fingerprint_take(&file->list.fingerprint, fd, diags);
    memcpy(file->list.sha256, list->file_sha256, MM_HASH_BYTES);
    file->list.bytes = file->list.fingerprint.size;
    close(fd);
    return result;
}

/* The list that the import kept. It is checked now, and only the file that was checked is served. */
static int find_list(struct mm_shares *shares, struct mm_share_file *file, struct mm_diags *diags)
{
    char root[MM_HASH_HEX + 1], name[MM_HASH_HEX + 8];
    struct mm_chunk_list list = {0};
    if (file->chunks.count <= 1)
        return mm_share_make_list(shares, file, diags);
    mm_hex(root, file->chunks.root, MM_HASH_BYTES);
    snprintf(name, sizeof name, "%s.chunks", root);
    if (keep_path(&file->list, MM_STORE_CHUNKS, name, diags) < 0)
        return -1;
    int result = mm_share_take_list(shares, file, &list, diags);
    mm_chunk_list_release(&list);
    return result;
}

int mm_share_add_file(struct mm_shares *shares, struct mm_share_file *file, struct mm_diags *diags)
{
    if (!mm_grow(&shares->files, shares->file_count, &shares->file_capacity, sizeof *shares->files)) {
        mm_share_file_release(file);
        return mm_diag_memory(diags);
    }
    shares->files[shares->file_count++] = *file;
    return 0;
}

static int add_file(struct mm_shares *shares, const struct mm_held *held, const struct mm_claim *claim,
                    const struct mm_fingerprint *now, struct mm_diags *diags)
{
    struct mm_share_file file = {.chunks = claim->chunks, .content.fd = -1, .list.fd = -1};
    file.chunks.has_sha256 = true;
    file.content.bytes = claim->chunks.bytes;
    file.content.fingerprint = *now;
    memcpy(file.content.sha256, claim->chunks.sha256, MM_HASH_BYTES);
    int result = keep_path(&file.content, held->files_path, claim->path, diags);
    if (result == 0)
        result = find_list(shares, &file, diags);
    if (result == 0)
        return mm_share_add_file(shares, &file, diags);
    mm_share_file_release(&file);
    return -1;
}

/* ---- the listing ---- */

static void list_model(struct mm_shares *shares, const struct mm_held *held, uint64_t bytes)
{
    static const struct {
        const char *name;
        enum mm_field field;
    } texts[] = {{"version", MM_FIELD_VERSION}, {"quantization", MM_FIELD_QUANTIZATION}, {"license", MM_FIELD_LICENSE}};
    char text[MM_VALUE_MAX + 1], hex[MM_HASH_HEX + 1];
    struct mm_buf line = {0};
    mm_buf_str(&line, "{\"model-id\":");
    mm_buf_json_str(&line, held->model->id);
    mm_buf_printf(&line, ",\"revision\":%" PRIu64, held->model->revision);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mm_buf_printf(&line, ",\"%s\":", texts[i].name);
        mm_buf_json_str(&line, mm_manifest_text(&held->manifest, 0, texts[i].field, text));
    }
    mm_hex(hex, held->manifest.sha256, MM_HASH_BYTES);
    mm_buf_printf(&line, ",\"bytes\":%" PRIu64 ",\"manifest-sha256\":\"%s\"}\n", bytes, hex);
    if (line.failed)
        shares->listing.failed = true;
    else if (shares->listing.length + line.length <= MM_SHARES_LISTING)
        mm_buf_add(&shares->listing, line.data, line.length);
    mm_buf_release(&line);
}

/* ---- one model ---- */

bool mm_share_is_offered(const struct mm_manifest *manifest, bool named, struct mm_diags *diags)
{
    const struct mm_entry *hint = mm_manifest_get(manifest, 0, MM_FIELD_PEER_HINT);
    if (hint && mm_entry_is(hint, "available"))
        return true;
    if (named)
        mm_note(diags, MM_RULE_PEER_SHARE,
                "the manifest's peer-hint is not `available`: its publisher does not offer it to peers");
    return named;
}

/* The signature as it was judged a moment ago. */
static int keep_signature(struct mm_shares *shares, struct mm_share_model *model, const struct mm_held *held,
                          struct mm_diags *diags)
{
    struct mm_signatures signatures;
    model->signature.fd = -1;
    if (held->trusted.signature.outcome != MM_SIGNED_VERIFIED)
        return 0;
    int result = mm_signatures_read(&signatures, held->folder, MM_STORE_MANIFEST, MM_LINKS_BENEATH, diags);
    if (result == 0)
        result = mm_share_keep_text(shares, &model->signature, signatures.own.data, signatures.own.length, diags);
    mm_signatures_release(&signatures);
    return result;
}

/* Adds the file NAME of FOLDER if it is called as a countersignature is: MANIFEST.KEYID.minisig. */
static int add_other(struct mm_shares *shares, struct mm_share_model *model, int folder, const char *name,
                     struct mm_diags *diags)
{
    static const char before[] = MM_STORE_MANIFEST ".";
    unsigned char id[MM_KEY_ID_BYTES];
    struct mm_buf text = {0};
    struct mm_share_other other = {.text.fd = -1};
    if (!mm_signature_is_beside(name, MM_STORE_MANIFEST) || strlen(name) < sizeof before + MM_KEY_ID_TEXT ||
        !mm_key_id_read(name + sizeof before - 1, MM_KEY_ID_TEXT - 1, id) ||
        model->other_count == MM_POLICY_COUNTERSIGNERS)
        return 0;
    mm_key_id_text(other.key_id, id);
    int fd = mm_file_open_beneath(folder, name, MM_LINKS_NONE);
    int result = fd < 0 ? 1 : mm_file_read_all(fd, MM_SIGNATURE_MAX, &text, diags);
    if (fd >= 0)
        close(fd);
    if (result == 0)
        result = mm_share_keep_text(shares, &other.text, text.data, text.length, diags);
    mm_buf_release(&text);
    if (result == 0 && !mm_grow(&model->others, model->other_count, &model->other_capacity, sizeof *model->others)) {
        free(other.text.memory);
        return mm_diag_memory(diags);
    }
    if (result == 0)
        model->others[model->other_count++] = other;
    return result < 0 ? -1 : 0;
}

int mm_share_add_others(struct mm_shares *shares, struct mm_share_model *model, int folder, struct mm_diags *diags)
{
    struct mm_folder names = {0};
    int result = mm_folder_list_names(&names, folder, diags);
    for (size_t i = 0; i < names.count && result == 0; i++)
        if (names.entries[i].kind == MM_ENTRY_FILE)
            result = add_other(shares, model, folder, names.entries[i].path, diags);
    mm_folder_release(&names);
    return result;
}

int mm_share_add_model(struct mm_shares *shares, struct mm_share_model *model, struct mm_diags *diags)
{
    if (!mm_grow(&shares->models, shares->model_count, &shares->model_capacity, sizeof *shares->models)) {
        mm_share_model_release(model);
        return mm_diag_memory(diags);
    }
    shares->models[shares->model_count++] = *model;
    return 0;
}

static int add_texts(struct mm_shares *shares, const struct mm_held *held, struct mm_diags *diags)
{
    struct mm_share_model model = {.manifest.fd = -1, .signature.fd = -1};
    int result = mm_share_keep_text(shares, &model.manifest, held->manifest.text, held->manifest.length, diags);
    if (result == 0)
        result = keep_signature(shares, &model, held, diags);
    if (result == 0)
        result = mm_share_add_others(shares, &model, held->folder, diags);
    if (result == 0)
        return mm_share_add_model(shares, &model, diags);
    mm_share_model_release(&model);
    return -1;
}

void mm_share_cut_files(struct mm_shares *shares, size_t first)
{
    while (shares->file_count > first)
        mm_share_file_release(&shares->files[--shares->file_count]);
}

static int add_files(struct mm_shares *shares, const struct mm_held *held, const struct mm_recheck *recheck,
                     struct mm_diags *diags)
{
    uint64_t bytes = 0;
    size_t first = shares->file_count;
    for (size_t i = 0; i < recheck->report.count; i++) {
        const struct mm_claim *claim = &recheck->report.artifacts[i].claim;
        bytes += claim->chunks.bytes; /* the manifest's sum is below 2^63 */
        if (add_file(shares, held, claim, &recheck->files[i].now, diags) < 0) {
            mm_share_cut_files(shares, first);
            return -1;
        }
    }
    if (add_texts(shares, held, diags) < 0) {
        mm_share_cut_files(shares, first);
        return -1;
    }
    list_model(shares, held, bytes);
    return 0;
}

/* Shares MODEL if everything about it is as it should be; what is not is a finding. */
static void add_model(struct mm_shares *shares, const struct mm_store_model *model, bool named,
                      const struct mm_trust *trust, struct mm_diags *diags)
{
    static const struct mm_recheck_options how = {0};
    struct mm_held held;
    struct mm_recheck recheck = {0};
    uint64_t errors = diags->errors;
    bool sound = mm_held_open(&held, shares->home, model, trust, diags) == 0 && diags->errors == errors;
    if (sound && mm_share_is_offered(&held.manifest, named, diags)) {
        if (held.import.in_place)
            mm_diag(diags, MM_RULE_PEER_SHARE,
                    "expected files of the store, found a model in place: whoever can write there can change it");
        else if (mm_recheck(&held, shares->home, &how, &recheck, diags) == 0 && diags->errors == errors)
            add_files(shares, &held, &recheck, diags);
        mm_recheck_release(&recheck);
    }
    mm_held_release(&held);
    diags->file = "";
}

/* ---- all of them ---- */

static int by_manifest(const void *a, const void *b)
{
    const struct mm_share_model *x = a, *y = b;
    return memcmp(x->manifest.sha256, y->manifest.sha256, MM_HASH_BYTES);
}

static bool is_equal(const struct mm_share_file *a, const struct mm_share_file *b)
{
    return memcmp(a->chunks.sha256, b->chunks.sha256, MM_HASH_BYTES) == 0;
}

/* Of equal ones a whole one comes first. */
static int by_artifact(const void *a, const void *b)
{
    const struct mm_share_file *x = a, *y = b;
    int order = memcmp(x->chunks.sha256, y->chunks.sha256, MM_HASH_BYTES);
    return order ? order : (x->part != NULL) - (y->part != NULL);
}

static int by_root(const void *a, const void *b)
{
    const struct mm_share_file *const *x = a, *const *y = b;
    return memcmp((*x)->chunks.root, (*y)->chunks.root, MM_HASH_BYTES);
}

/* Sorts what was taken in; of equal artifacts one stays. */
static int settle(struct mm_shares *shares, struct mm_diags *diags)
{
    size_t kept = 0;
    if (shares->model_count)
        qsort(shares->models, shares->model_count, sizeof *shares->models, by_manifest);
    if (shares->file_count)
        qsort(shares->files, shares->file_count, sizeof *shares->files, by_artifact);
    for (size_t i = 0; i < shares->file_count; i++) {
        if (kept > 0 && is_equal(&shares->files[kept - 1], &shares->files[i]))
            mm_share_file_release(&shares->files[i]);
        else
            shares->files[kept++] = shares->files[i];
    }
    shares->file_count = kept;
    shares->by_root = mm_realloc_array(NULL, kept ? kept : 1, sizeof(struct mm_share_file *));
    if (!shares->by_root || shares->listing.failed)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < kept; i++)
        shares->by_root[i] = &shares->files[i];
    if (kept)
        qsort(shares->by_root, kept, sizeof(struct mm_share_file *), by_root);
    if (shares->texts > MM_SHARES_TEXTS)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %u bytes of manifests, found %" PRIu64,
                       MM_SHARES_TEXTS, shares->texts);
    return 0;
}

static bool is_among(const struct mm_store_model *models, size_t count, const struct mm_store_model *model)
{
    for (size_t i = 0; i < count; i++)
        if (models[i].revision == model->revision && strcmp(models[i].id, model->id) == 0)
            return true;
    return false;
}

static int add_all(struct mm_shares *shares, const struct mm_shares_wanted *wanted, const struct mm_trust *trust,
                   struct mm_diags *diags)
{
    struct mm_store_list list = {0};
    struct mm_store_model *named = calloc(wanted->count ? wanted->count : 1, sizeof *named);
    size_t count = 0;
    int result = named ? 0 : mm_diag_memory(diags);
    for (size_t i = 0; result == 0 && i < wanted->count; i++) {
        struct mm_diags mark = *diags;
        bool there = mm_store_find(shares->home, wanted->models[i], &named[count], diags) == 0;
        struct mm_diags after = *diags;
        int partial = wanted->partial ? mm_shares_add_partial(shares, wanted->models[i], trust, diags) : 0;
        result = partial < 0 ? -1 : 0;
        if (!there && partial > 0 && diags->errors == after.errors)
            mm_diags_rewind(diags, &mark);
        if (!there || is_among(named, count, &named[count]))
            continue;
        add_model(shares, &named[count], true, trust, diags);
        count++;
    }
    if (result == 0 && wanted->all && wanted->partial)
        result = mm_shares_add_partial(shares, NULL, trust, diags) < 0 ? -1 : 0;
    if (result == 0 && wanted->all)
        result = mm_store_list(shares->home, false, &list, diags);
    for (size_t i = 0; result == 0 && i < list.count; i++)
        if (!is_among(named, count, &list.models[i]))
            add_model(shares, &list.models[i], false, trust, diags);
    mm_store_list_release(&list);
    free(named);
    return result;
}

struct mm_shares *mm_shares_new(int home, const struct mm_shares_wanted *wanted, const struct mm_trust *trust,
                                struct mm_diags *diags)
{
    struct mm_shares *shares = calloc(1, sizeof *shares);
    if (!shares) {
        mm_diag_memory(diags);
        return NULL;
    }
    shares->home = home;
    shares->users = 1;
    if (add_all(shares, wanted, trust, diags) == 0 && settle(shares, diags) == 0)
        return shares;
    mm_shares_drop(shares);
    return NULL;
}
