#include "act/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "act/chain_sign.h"
#include "act/import_parts.h"
#include "act/verify.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/tree.h"
#include "model/artifact.h"
#include "text/line.h"
#include "text/path.h"

#define SIGNATURES_TRIED 16 /* of those beside copies of one manifest */
#define SPARE_BYTES 4194304 /* beside the artifacts: manifest, lists, receipt, folders */

/* ---- before anything is copied ---- */

static int read_manifest(struct mm_import *i, int fd)
{
    if (lseek(fd, 0, SEEK_SET) < 0)
        return mm_diag_errno(i->diags, MM_RULE_IO_READ, "cannot read", errno);
    if (mm_manifest_read_file(&i->manifest, fd, i->diags) < 0)
        return -1;
    char id[MM_VALUE_MAX + 1], revision[MM_VALUE_MAX + 1];
    uint64_t number = 0;
    mm_manifest_text(&i->manifest, 0, MM_FIELD_MODEL_ID, id);
    mm_manifest_text(&i->manifest, 0, MM_FIELD_REVISION, revision);
    if (!mm_number(revision, strlen(revision), MM_NUMBER_MAX, &number))
        return -1; /* a valid manifest has one */
    mm_store_model(&i->facts->model, id, number);
    mm_hex(i->facts->manifest_sha256, i->manifest.sha256, MM_HASH_BYTES);
    snprintf(i->partial, sizeof i->partial, MM_STORE_PARTIAL "/%s", i->facts->manifest_sha256);
    return 0;
}

/* Reads the signatures of the manifest NAME in FOLDER, links leading as far as LINKS says, and judges it by them. Returns 0 where it passes. */
static int judge(struct mm_import *i, int folder, const char *name, enum mm_links links)
{
    const struct mm_trust *trust = i->options->trust;
    mm_trusted_release(&i->trusted);
    mm_signatures_release(&i->signatures);
    if (mm_signatures_read(&i->signatures, folder, name, links, i->diags) < 0 ||
        mm_signatures_read_others(&i->signatures, folder, name, links, trust->policies, trust->policy_count, i->diags) <
            0 ||
        mm_trust_judge(&i->trusted, trust, &i->manifest, &i->signatures, i->diags) < 0)
        return -1;
    const struct mm_judgement *signature = &i->trusted.signature;
    const struct mm_entry *scheme = mm_manifest_get(&i->manifest, 0, MM_FIELD_SIGNATURE_SCHEME);
    if (signature->outcome == MM_SIGNED_UNSIGNED && !signature->publisher_known && !i->options->allow_unsigned)
        return mm_diag_line(i->diags, MM_RULE_STORE_SIGNATURE, scheme->line, scheme->key_length + 3,
                            "expected a signed manifest, found an unsigned one: --allow-unsigned lets it pass");
    bool passes = mm_trusted_passes(&i->trusted, false, i->diags);
    return mm_trusted_in_time(&i->trusted, &i->manifest, i->diags) && passes ? 0 : -1;
}

/* By the first signature beside any copy of the manifest that holds; where none does, the findings are about the first. */
static int judge_source(struct mm_import *i)
{
    const struct mm_supply *supply = i->supply;
    const struct mm_supply_root *first = mm_supply_signed(supply, i->which, 0), *root;
    struct mm_diags mark = *i->diags;
    if (!first)
        first = &supply->roots[supply->manifests[i->which].root];
    int result = judge(i, first->folder, first->manifest, supply->links);
    for (size_t skip = 1; result < 0 && skip < SIGNATURES_TRIED && (root = mm_supply_signed(supply, i->which, skip));
         skip++) {
        struct mm_diags failed = *i->diags;
        bool holds = judge(i, root->folder, root->manifest, supply->links) == 0;
        mm_diags_rewind(i->diags, holds ? &mark : &failed);
        if (holds)
            result = judge(i, root->folder, root->manifest, supply->links); /* once more for its notes */
    }
    return result;
}

static int check_rollback(struct mm_import *i, const struct mm_memory *memory)
{
    struct mm_diags mark = *i->diags;
    uint64_t revision = i->facts->model.revision;
    if (mm_memory_check_rollback(memory, revision, i->manifest.sha256, i->diags) == 0)
        return 0;
    if (!i->options->allow_rollback)
        return -1;
    mm_diags_rewind(i->diags, &mark);
    mm_note(i->diags, MM_RULE_STORE_ROLLBACK,
            "revision %" PRIu64 " is taken, though revision %" PRIu64 " was imported before", revision,
            memory->revision);
    return 0;
}

/* Once more before the model appears: meanwhile a key may have been revoked, the manifest have expired, another import have raised the
 * bar. */
static int judge_again(struct mm_import *i)
{
    struct mm_trusted trusted;
    struct mm_diags mark = *i->diags;
    int result = mm_trust_judge(&trusted, i->options->trust, &i->manifest, &i->signatures, i->diags);
    if (result == 0 &&
        (!mm_trusted_passes(&trusted, false, i->diags) || !mm_trusted_in_time(&trusted, &i->manifest, i->diags) ||
         check_rollback(i, &trusted.memory) < 0))
        result = -1;
    if (result == 0)
        mm_diags_rewind(i->diags, &mark); /* notes that were made before */
    mm_trusted_release(&trusted);
    return result;
}

static int check_size(struct mm_import *i)
{
    if (i->options->max_bytes && i->facts->total > i->options->max_bytes)
        return mm_diag(i->diags, MM_RULE_STORE_MAX, "expected at most %" PRIu64 " bytes, found a model of %" PRIu64,
                       i->options->max_bytes, i->facts->total);
    return 0;
}

static int check_space(struct mm_import *i)
{
    struct statvfs room;
    uint64_t needed = SPARE_BYTES;
    for (size_t k = 0; k < i->count; k++)
        needed += i->items[k].needed;
    if (fstatvfs(i->home, &room) < 0)
        return mm_diag_errno(i->diags, MM_RULE_IO_READ, "cannot look at the store's file system", errno);
    uint64_t block = room.f_frsize ? room.f_frsize : room.f_bsize;
    if (room.f_bavail < needed / block)
        return mm_diag(i->diags, MM_RULE_STORE_SPACE,
                       "expected room for %" PRIu64 " bytes in the store, found %" PRIu64, needed,
                       (uint64_t)room.f_bavail * block);
    return 0;
}

static int make_items(struct mm_import *i)
{
    i->count = mm_manifest_artifacts(&i->manifest);
    i->items = calloc(i->count, sizeof *i->items);
    if (!i->items)
        return mm_diag_memory(i->diags);
    for (size_t k = 0; k < i->count; k++) {
        i->items[k].fd = -1;
        i->items[k].intake.piece = -1;
        mm_manifest_claim(&i->manifest, k + 1, &i->items[k].claim);
        i->facts->total += i->items[k].claim.chunks.bytes; /* the manifest's sum is below 2^63 */
    }
    return 0;
}

/* ---- the import's own folder ---- */

static int open_partial(struct mm_import *i)
{
    char path[MM_STORE_PATH + 8];
    struct stat info;
    bool there = fstatat(i->home, i->partial, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && i->options->resume_only)
        return mm_diag(i->diags, MM_RULE_STORE_PARTIAL,
                       "expected an import of this manifest that was begun, found none");
    snprintf(path, sizeof path, "%s/files", i->partial);
    if (mm_tree_make(i->home, path, i->diags) < 0)
        return -1;
    i->files = mm_tree_open(i->home, path);
    return i->files >= 0 ? 0 : mm_diag(i->diags, MM_RULE_STORE_HOME, "cannot open %s: %s", path, strerror(errno));
}

static int write_whole(struct mm_import *i, const char *path, const struct mm_buf *buf)
{
    unlinkat(i->files, path, 0); /* an earlier run's, perhaps read-only by then */
    int fd = openat(i->files, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", path, strerror(errno));
    int result = mm_file_write_all(fd, buf->data, buf->length, path, i->diags);
    close(fd);
    return result;
}

/* The list of an artifact of one chunk follows from the manifest. */
static void write_only_chunk(const struct mm_claim *claim, struct mm_buf *out)
{
    struct mm_hashes hashes = {0};
    struct mm_chunk_facts facts = claim->chunks;
    facts.has_sha256 = true;
    if (facts.count == 1)
        mm_hashes_add(&hashes, 0, facts.sha256);
    mm_chunk_list_write(&facts, &hashes, out);
    out->failed = out->failed || hashes.failed;
    mm_hashes_release(&hashes);
}

/* The list beside the partial file, of an earlier run. Returns 1, 0, or -1 with findings where one is there that cannot be read: it is not to
 * be removed, and what was taken in by it not judged without it. */
static int find_own_list(const struct mm_import *i, const struct mm_claim *claim, struct mm_buf *stored,
                         struct mm_buf *text, bool *compressed)
{
    char path[sizeof claim->path + 16];
    struct mm_diags mark = *i->diags;
    bool stated;
    int found = 0;
    for (int form = 0; found <= 0 && form < 2; form++) {
        *compressed = form == 0;
        snprintf(path, sizeof path, "%s.chunks%s", claim->path, *compressed ? ".gz" : "");
        found = mm_supply_read_list(i->files, path, MM_LINKS_BENEATH, claim, stored, text, &stated, i->diags);
    }
    if (found > 0)
        mm_diags_rewind(i->diags, &mark);
    return found > 0 ? 1 : i->diags->errors > mark.errors ? -1 : 0;
}

/* Of a model that has or had the same artifact. Returns as find_own_list does. */
static int find_kept_list(const struct mm_import *i, const struct mm_claim *claim, struct mm_buf *stored,
                          struct mm_buf *text)
{
    char root[MM_HASH_HEX + 1], path[MM_STORE_PATH];
    bool stated;
    mm_hex(root, claim->chunks.root, MM_HASH_BYTES);
    snprintf(path, sizeof path, MM_STORE_CHUNKS "/%s.chunks", root);
    return mm_supply_read_list(i->home, path, MM_LINKS_BENEATH, claim, stored, text, &stated, i->diags);
}

/* The artifact's chunk list as stored, and a compressed one's text: of a source, of an earlier run, of a model that has or had the same artifact,
 * or the only one there can be. Sets item->listed. A source's that cannot be read, or the store's, is done without, and noted. */
static int find_list(struct mm_import *i, struct mm_item *item, struct mm_buf *stored, struct mm_buf *text,
                     bool *compressed)
{
    const struct mm_claim *claim = &item->claim;
    struct mm_diags mark = *i->diags;
    int found = mm_supply_chunk_list(i->supply, claim, stored, text, compressed, i->diags), own = 0;
    if (found <= 0)
        own = find_own_list(i, claim, stored, text, compressed);
    if (own < 0)
        return -1;
    if (found <= 0 && own == 0) {
        *compressed = false;
        int kept = find_kept_list(i, claim, stored, text);
        found = kept ? kept : found;
    }
    item->listed = found > 0 || own > 0;
    if (!item->listed && claim->chunks.count <= 1) {
        mm_buf_clear(stored);
        write_only_chunk(claim, stored);
        item->listed = true;
    }
    item->list_unread = !item->listed && i->diags->errors > mark.errors;
    if (item->listed)
        mm_diags_rewind(i->diags, &mark);
    else
        mm_diags_soften(i->diags, &mark, true);
    return 0;
}

/* True if the list of an artifact is not to be sought: the manifest does not name it, and says all that it could say. */
static bool is_implied(const struct mm_claim *claim)
{
    struct mm_chunk_list list = {0};
    bool implied = !claim->chunk_list.known && mm_chunk_list_imply(&list, &claim->chunks);
    mm_chunk_list_release(&list);
    return implied;
}

/* Puts the list beside the partial file, so that wrong chunks can be told: as it came where the manifest names it so, as text
 * otherwise. */
static int take_list(struct mm_import *i, struct mm_item *item)
{
    struct mm_buf stored = {0}, text = {0};
    bool compressed = false;
    int result = 0;
    item->implied = is_implied(&item->claim);
    item->listed = item->implied;
    if (!item->implied)
        result = find_list(i, item, &stored, &text, &compressed);
    if (compressed && item->listed && !mm_claim_list_ends_in(&item->claim, ".chunks.gz")) {
        compressed = false;
        mm_buf_clear(&stored);
        mm_buf_add(&stored, text.data, text.length);
    }
    if (result == 0 &&
        (mm_import_remove_list(i, item, ".chunks") < 0 || mm_import_remove_list(i, item, ".chunks.gz") < 0))
        result = -1;
    snprintf(item->list_path, sizeof item->list_path, "%s.chunks%s", item->claim.path, compressed ? ".gz" : "");
    item->list_stated = item->listed && mm_claim_list_ends_in(&item->claim, compressed ? ".chunks.gz" : ".chunks");
    if (result == 0 && item->listed && (stored.failed || text.failed))
        result = mm_diag_memory(i->diags);
    else if (item->listed && !item->implied && result == 0)
        result =
            mm_tree_make_for(i->files, item->list_path, i->diags) < 0 ? -1 : write_whole(i, item->list_path, &stored);
    mm_buf_release(&stored);
    mm_buf_release(&text);
    return result;
}

static int take_lists(struct mm_import *i)
{
    for (size_t k = 0; k < i->count; k++)
        if (take_list(i, &i->items[k]) < 0)
            return -1;
    return 0;
}

/* ---- checking ---- */

static int open_supply(void *context, size_t which, const struct mm_claim *claim, const struct mm_chunk_list *list,
                       struct mm_origin *origin, struct mm_diags *diags)
{
    struct mm_import *i = context;
    (void)claim, (void)diags;
    i->current = &i->items[which];
    return mm_item_open(i, i->current, list, origin);
}

static void hear_chunk(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    struct mm_import *i = context;
    i->current->seen = index + 1;
    if (!i->current->listed)
        mm_hashes_add(&i->current->hashes, index, hash);
}

static void close_supply(void *context, size_t which, const struct mm_chunk_compare *compare, bool read)
{
    struct mm_import *i = context;
    mm_item_close(i, &i->items[which], compare, read);
}

/* The first way: the sources are read once, what is checked is written. */
static int check_while_copying(struct mm_import *i, struct mm_report *report)
{
    struct mm_verify_supply supply = {i, open_supply, hear_chunk, close_supply};
    struct mm_verify_options options = {
        .trusted = &i->trusted,
        .supply = &supply,
        .implied = true,
        .early = true,
        .means = i->options->means,
        .progress = i->options->progress,
        .progress_context = i->options->progress_context,
    };
    return mm_verify(&i->manifest, i->files, &options, report, i->diags);
}

/* Has the shape of mm_verify_known_fn: what was hashed when it was written, and is the same file still. Where a format lets anything stand, what
 * stands there is read. */
static const struct mm_chunk_facts *find_known(void *context, size_t which, int fd)
{
    const struct mm_import *i = context;
    const struct mm_claim *claim = &i->items[which].claim;
    struct mm_fingerprint now = {0};
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    if (!mm_format_holds_tensors(claim->format) || mm_fingerprint_take(&now, fd, &ignored) < 0)
        now.known = false;
    mm_diags_release(&ignored);
    for (size_t k = 0; k < i->options->known_count; k++)
        if (i->options->known[k].artifact == which && mm_fingerprint_same(&i->options->known[k].fingerprint, &now))
            return &i->options->known[k].chunks;
    return NULL;
}

/* The second way, after a fault, or where all stands there already: what is in the store's own folder is checked, and read unless it is
 * known, whatever it came from. */
static int check_what_is_there(struct mm_import *i, struct mm_report *report)
{
    struct mm_verify_options options = {
        .trusted = &i->trusted,
        .known = find_known,
        .known_context = i,
        .own = true,
        .implied = true,
        .links = MM_LINKS_BENEATH,
        .means = i->options->means,
        .progress = i->options->progress,
        .progress_context = i->options->progress_context,
    };
    return mm_verify(&i->manifest, i->files, &options, report, i->diags);
}

/* True if the artifacts' bytes are at fault, so that another source, or another try, can help. */
static bool bytes_are_wrong(const struct mm_import *i, const struct mm_report *report)
{
    for (int check = 0; check < MM_CHECK_SET; check++)
        if (report->checks[check].result == MM_RESULT_FAIL)
            return false; /* the manifest's own fault; no artifact was read */
    for (size_t k = 0; k < i->count; k++)
        if (mm_item_is_wrong(i, &i->items[k], &report->artifacts[k]))
            return true;
    return false;
}

static int mend_all(struct mm_import *i, const struct mm_report *report)
{
    int result = 0;
    for (size_t k = 0; k < i->count; k++)
        if (mm_item_is_wrong(i, &i->items[k], &report->artifacts[k]) && mm_item_mend(i, &i->items[k]) < 0)
            result = -1;
    return result;
}

static int check(struct mm_import *i, struct mm_report *report);

/* In place: where a source's file is wrong, the next source's may be right. Then all is checked again. */
static int try_next_sources(struct mm_import *i, struct mm_report *report, const struct mm_diags *mark)
{
    bool next = false;
    for (size_t k = 0; k < i->count; k++) {
        struct mm_item *item = &i->items[k];
        bool wrong = report->artifacts[k].checks[MM_CHECK_MERKLE].result != MM_RESULT_PASS;
        if (wrong && item->choices > 0 && item->root + 1 < i->supply->root_count) {
            item->first_root = item->root + 1;
            next = next || mm_item_has_choice(i, item);
        }
    }
    if (!next)
        return 0;
    mm_diags_rewind(i->diags, mark);
    mm_report_release(report);
    return check(i, report);
}

/* True if nothing is to be copied: every file was there when the import began, and something is known of one. */
static bool is_all_there(const struct mm_import *i)
{
    bool all = i->options->known_count > 0 && !i->options->in_place;
    for (size_t k = 0; k < i->count; k++) {
        const struct mm_item *item = &i->items[k];
        all = all && item->how == MM_ITEM_COPIED && item->kept == item->claim.chunks.bytes && item->holes.count == 0;
    }
    return all;
}

/* Checks a model that is all there. Returns 0 where its bytes are the manifest's; where they are not, or cannot be read, nothing was said. */
static int check_all_there(struct mm_import *i, struct mm_report *report)
{
    struct mm_diags mark = *i->diags;
    bool right = check_what_is_there(i, report) == 0;
    for (size_t k = 0; right && k < i->count; k++)
        right = report->artifacts[k].checks[MM_CHECK_MERKLE].result == MM_RESULT_PASS;
    for (size_t k = 0; right && k < i->count; k++)
        mm_item_count_kept(i, &i->items[k], i->items[k].claim.chunks.bytes);
    if (right)
        return 0;
    mm_report_release(report);
    *report = (struct mm_report){0};
    mm_diags_rewind(i->diags, &mark);
    return -1;
}

/* Checks everything while it is copied; what is wrong is fetched again, chunk by chunk, and then all is checked once more. Returns 0
 * where REPORT is of a model that is there whole, whatever its verdict. */
static int check(struct mm_import *i, struct mm_report *report)
{
    if (is_all_there(i) && check_all_there(i, report) == 0)
        return 0;
    struct mm_diags mark = *i->diags;
    if (check_while_copying(i, report) < 0) {
        mm_diags_soften(i->diags, &mark, false); /* what is wrong with bytes could have been mended */
        return -1;
    }
    if (i->write_error) {
        mm_diags_rewind(i->diags, &mark);
        return mm_diag_errno(i->diags, MM_RULE_IO_WRITE, "cannot write into the store", i->write_error);
    }
    if (i->options->in_place)
        return i->changed ? -1 : try_next_sources(i, report, &mark);
    if (!bytes_are_wrong(i, report))
        return 0;
    struct mm_report wrong = *report;
    mm_diags_rewind(i->diags, &mark);
    *report = (struct mm_report){0};
    int result = mend_all(i, &wrong);
    mm_report_release(&wrong);
    if (mm_import_write_lacks(i) < 0 || result < 0)
        return -1;
    return check_what_is_there(i, report);
}

/* ---- when all is well ---- */

static int find_receipt(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct mm_import *i = context;
    bool same = memcmp(receipt->manifest_sha256, i->manifest.sha256, MM_HASH_BYTES) == 0 &&
                strcmp(receipt->model_id, i->facts->model.id) == 0;
    if (same && receipt->action == MM_ACTION_IMPORTED)
        snprintf(i->facts->receipt, sizeof i->facts->receipt, "%s", path);
    if (same && receipt->action == MM_ACTION_REMOVED)
        i->facts->receipt[0] = '\0';
    return 0;
}

static int take_fingerprints(struct mm_import *i, struct mm_receipt *receipt)
{
    char path[MM_STORE_PATH + 256 + 8];
    for (size_t k = 0; k < receipt->artifact_count; k++) {
        snprintf(path, sizeof path, "%s/files/%s", i->facts->model.path, receipt->artifacts[k].path);
        int fd = mm_file_open_beneath(i->home, path, MM_LINKS_FOLLOW);
        if (fd < 0)
            return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", path, strerror(errno));
        int result = mm_fingerprint_take(&receipt->artifacts[k].fingerprint, fd, i->diags);
        close(fd);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* Fills RECEIPT, but for the fingerprints, which are those of the files in their place. */
static int make_receipt(struct mm_import *i, const struct mm_report *report, struct mm_receipt *receipt)
{
    struct mm_buf text = {0}, detail = {0}, value = {0};
    int result = -1;
    mm_report_write(report, &text);
    mm_import_medium(i, &detail);
    mm_buf_printf(&value, "%s %s", mm_medium_names[i->medium], detail.length ? detail.data : "");
    if (!mm_buf_text(&text) || detail.failed || value.failed)
        mm_diag_memory(i->diags);
    else if (!mm_value_sound(value.data, value.length - !detail.length))
        mm_diag(i->diags, MM_RULE_IO_LIMIT, "a receipt cannot say where the files are: its line would be '%.80s...'",
                value.data);
    else
        result = mm_receipt_read_report(receipt, text.data, text.length, i->diags);
    receipt->action = MM_ACTION_IMPORTED;
    receipt->medium = i->medium;
    receipt->detail = detail.length ? detail.data : NULL;
    receipt->host_label = i->options->host_label ? strdup(i->options->host_label) : NULL;
    receipt->transfer_consent = true; /* who calls an importer consents to the transfer, and to nothing else */
    if (i->options->host_label && !receipt->host_label)
        result = mm_diag_memory(i->diags);
    if (!detail.length)
        mm_buf_release(&detail);
    mm_buf_release(&text);
    mm_buf_release(&value);
    return result;
}

static int write_receipt(struct mm_import *i, struct mm_receipt *receipt)
{
    if (take_fingerprints(i, receipt) < 0)
        return -1;
    return mm_chain_append(i->home, receipt, i->options->receipt_key, i->facts->receipt, i->facts->receipt_sha256,
                           i->diags);
}

/* True if the artifacts break a rule that no other source can mend: a chunk list another source may have. */
static bool is_hopeless(const struct mm_report *report)
{
    bool broken = report->checks[MM_CHECK_SET].result == MM_RESULT_FAIL, whole = true;
    for (size_t k = 0; k < report->count; k++) {
        const struct mm_outcome *checks = report->artifacts[k].checks;
        whole = whole && checks[MM_CHECK_MERKLE].result == MM_RESULT_PASS;
        for (int check = MM_CHECK_FORMAT; check < MM_CHECK_COUNT; check++)
            broken = broken || checks[check].result == MM_RESULT_FAIL;
        broken = broken || checks[MM_CHECK_SHA256].result == MM_RESULT_FAIL;
    }
    return whole && broken;
}

/* Removes what no further run can use of an import that did not pass: all of it where the bytes are the manifest's and break a
 * rule, and files of which no list tells the wrong chunks. */
static void leave(struct mm_import *i, const struct mm_report *report)
{
    for (size_t k = 0; k < i->count; k++)
        if (report->artifacts[k].checks[MM_CHECK_MERKLE].result == MM_RESULT_FAIL && !i->items[k].listed)
            unlinkat(i->files, i->items[k].claim.path, 0);
    if (is_hopeless(report))
        mm_store_discard(i->home, i->partial, i->diags);
}

/* What an earlier run shares with the store is no name of somebody else's, so it goes before the store is looked at. */
static int prepare_items(struct mm_import *i)
{
    for (size_t k = 0; k < i->count; k++)
        if (mm_item_unlink_shared(i, &i->items[k]) < 0)
            return -1;
    if (mm_shelf_fill(&i->shelf, i->home, i->diags) < 0)
        return -1;
    for (size_t k = 0; k < i->count; k++)
        if (mm_item_prepare(i, &i->items[k]) < 0)
            return -1;
    return 0;
}

/* Takes the lock PATH; a wait is said. Returns its descriptor, or -1 with a finding. */
static int wait_for_lock(struct mm_import *i, const char *path)
{
    bool waited = false;
    int lock = mm_store_lock(i->home, path, false, &waited, i->diags);
    if (lock >= 0 || !waited)
        return lock;
    mm_note(i->diags, MM_RULE_STORE_WAITS, "another import of this model runs, and is waited for");
    if (i->options->waiting)
        i->options->waiting(i->options->progress_context);
    return mm_store_lock(i->home, path, true, &waited, i->diags);
}

/* The model REPORT is about appears, unless it is there already, and gets its receipt. Of one model only one import at a time decides by
 * what was imported before, and adds to it. */
static int finish(struct mm_import *i, const struct mm_report *report)
{
    char path[MM_STORE_PATH];
    struct mm_receipt receipt = {0};
    const char *id = i->facts->model.id, *name = strchr(id, '/') + 1;
    snprintf(path, sizeof path, MM_STORE_PARTIAL "/%.*s@%s.lock", (int)(name - 1 - id), id, name);
    int result = -1, lock = wait_for_lock(i, path);
    if (lock < 0)
        return -1;
    if (judge_again(i) == 0 && make_receipt(i, report, &receipt) == 0 && (i->found || mm_import_publish(i) == 0))
        result = write_receipt(i, &receipt);
    unlinkat(i->home, path, 0);
    close(lock);
    mm_receipt_release(&receipt);
    return result;
}

static int import_new(struct mm_import *i)
{
    struct mm_report report = {0};
    int result = -1;
    i->floods = mm_writeback_floods(i->facts->total);
    if (check_size(i) < 0 || open_partial(i) < 0 || take_lists(i) < 0 || mm_import_read_lacks(i) < 0 ||
        prepare_items(i) < 0 || check_space(i) < 0)
        return -1;
    if (check(i, &report) == 0) {
        if (mm_report_verdict(&report) != MM_VERDICT_PASS)
            leave(i, &report);
        else
            result = finish(i, &report);
    }
    mm_report_release(&report);
    if (result == 0)
        i->facts->state = MM_IMPORT_DONE;
    return result;
}

/* Judges the manifest by the signatures that stand in the store. */
static int judge_stored(struct mm_import *i)
{
    int folder = mm_tree_open(i->home, i->facts->model.path);
    if (folder < 0)
        return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", i->facts->model.path, strerror(errno));
    int result = judge(i, folder, MM_STORE_MANIFEST, MM_LINKS_BENEATH);
    close(folder);
    return result;
}

/* The model is in the store, but no receipt says so: an import ended between the two. What is there is checked. */
static int write_missing_receipt(struct mm_import *i)
{
    char path[MM_STORE_PATH + 8];
    struct mm_report report = {0};
    int result = -1;
    if (judge_stored(i) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/files", i->facts->model.path);
    i->files = mm_tree_open(i->home, path);
    if (i->files < 0)
        return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", path, strerror(errno));
    struct mm_verify_options options = {.trusted = &i->trusted, .links = MM_LINKS_FOLLOW, .means = i->options->means};
    i->found = true;
    if (mm_verify(&i->manifest, i->files, &options, &report, i->diags) == 0 &&
        mm_report_verdict(&report) == MM_VERDICT_PASS)
        result = finish(i, &report);
    mm_report_release(&report);
    if (result == 0)
        i->facts->state = MM_IMPORT_THERE;
    return result;
}

/* 1 if this revision is in the store, with this manifest; 0 if not; -1 with STORE_REVISION where it is another. */
static int is_there(struct mm_import *i)
{
    struct stat info;
    struct mm_manifest there = {0};
    if (fstatat(i->home, i->facts->model.path, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : mm_diag_errno(i->diags, MM_RULE_IO_READ, "cannot look at the store", errno);
    int result = mm_store_manifest(i->home, &i->facts->model, &there, i->diags);
    if (result == 0 && memcmp(there.sha256, i->manifest.sha256, MM_HASH_BYTES) != 0)
        result = mm_diag(i->diags, MM_RULE_STORE_REVISION,
                         "expected one manifest of %s revision %" PRIu64 ", found another in the store",
                         i->facts->model.id, i->facts->model.revision);
    mm_manifest_release(&there);
    return result == 0 ? 1 : -1;
}

static int import_locked(struct mm_import *i)
{
    int there = is_there(i);
    if (there < 0)
        return -1;
    if (there == 0)
        return import_new(i);
    if (mm_chain_each(i->home, find_receipt, i, i->diags) < 0)
        return -1;
    if (!i->facts->receipt[0])
        return write_missing_receipt(i);
    i->facts->state = MM_IMPORT_THERE;
    return 0;
}

static int lock_and_import(struct mm_import *i)
{
    char path[MM_STORE_PATH + 8];
    snprintf(path, sizeof path, "%s.lock", i->partial);
    int lock = wait_for_lock(i, path);
    if (lock < 0)
        return -1;
    int result = import_locked(i);
    unlinkat(i->home, path, 0);
    close(lock);
    return result;
}

static void release(struct mm_import *i)
{
    for (size_t k = 0; i->items && k < i->count; k++)
        mm_item_release(&i->items[k]);
    free(i->items);
    mm_shelf_release(&i->shelf);
    mm_trusted_release(&i->trusted);
    mm_signatures_release(&i->signatures);
    if (i->files >= 0)
        close(i->files);
    mm_manifest_release(&i->manifest);
}

int mm_import(int home, const struct mm_supply *supply, size_t which, const struct mm_import_options *options,
              struct mm_import_facts *facts, struct mm_diags *diags)
{
    struct mm_import i = {.home = home,
                          .supply = supply,
                          .which = which,
                          .options = options,
                          .facts = facts,
                          .diags = diags,
                          .files = -1};
    int result = -1;
    *facts = (struct mm_import_facts){0};
    if (read_manifest(&i, supply->manifests[which].fd) == 0 && mm_chain_settle(home, diags) == 0 &&
        judge_source(&i) == 0 && check_rollback(&i, &i.trusted.memory) == 0 && make_items(&i) == 0)
        result = lock_and_import(&i);
    release(&i);
    return result;
}
