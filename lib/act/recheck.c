#include "act/recheck.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/chain.h"
#include "text/path.h"

const char *const mm_look_names[MM_LOOK_COUNT] = {
    [MM_LOOK_SAME] = "same",       [MM_LOOK_SEALED] = "sealed",   [MM_LOOK_TOUCHED] = "touched",
    [MM_LOOK_UNKNOWN] = "unknown", [MM_LOOK_CHANGED] = "changed", [MM_LOOK_ABSENT] = "absent",
};

struct look {
    const struct mm_held *held;
    struct mm_recheck *recheck;
    const struct mm_recheck_options *options;
    struct mm_fingerprint *recorded; /* of the newest import, in the manifest's order */
    size_t open;                     /* files for which no receipt fits yet */
    struct mm_diags *diags;
};

/* ---- the files as they are ---- */

static void tell(struct mm_looked *file, enum mm_look look, const char *detail)
{
    file->look = look;
    mm_buf_clear(&file->detail);
    mm_buf_str(&file->detail, detail);
}

static void not_opened(struct look *l, struct mm_looked *file, int error)
{
    const char *found = error == ENOENT || error == ENOTDIR ? "nothing there"
                        : error == EXDEV || error == ELOOP  ? "a link that leads out of the store"
                        : error == EISDIR || error == ENXIO ? "no regular file"
                                                            : NULL;
    tell(file, found ? MM_LOOK_ABSENT : MM_LOOK_UNKNOWN, found ? found : "it cannot be opened");
    if (found)
        mm_diag(l->diags, MM_RULE_VERIFY_ABSENT, "expected the artifact, found %s", found);
    else
        mm_diag_errno(l->diags, MM_RULE_IO_OPEN, "cannot open", error);
}

/* Takes the fingerprint of artifact WHICH; where it can be one that a receipt recorded, it is left open. */
static void look_at(struct look *l, size_t which)
{
    const struct mm_claim *claim = &l->recheck->report.artifacts[which].claim;
    struct mm_looked *file = &l->recheck->files[which];
    int fd = mm_file_open_beneath(l->held->files, claim->path, mm_held_links(l->held));
    if (fd < 0) {
        not_opened(l, file, errno);
        return;
    }
    tell(file, MM_LOOK_UNKNOWN, "");
    int taken =
        mm_fingerprint_take_by(&file->now, fd, l->options->measure ? l->options->measure : mm_verity_measure, l->diags);
    close(fd);
    if (taken < 0) {
        tell(file, MM_LOOK_UNKNOWN, "it cannot be looked at");
    } else if (!file->now.known) {
        tell(file, MM_LOOK_UNKNOWN, "its times are before 1970 or after 2262");
        mm_diag(l->diags, MM_RULE_RECEIPT_TOUCHED, "expected times between 1970 and 2262; --full reads the bytes");
    } else if (file->now.size != claim->chunks.bytes) {
        tell(file, MM_LOOK_CHANGED, "");
        mm_buf_printf(&file->detail, "expected %" PRIu64 " bytes, found %" PRIu64, claim->chunks.bytes, file->now.size);
        mm_diag(l->diags, MM_RULE_VERIFY_BYTES, "expected %" PRIu64 " bytes, found %" PRIu64, claim->chunks.bytes,
                file->now.size);
    } else {
        l->open++;
    }
}

/* ---- what receipts recorded ---- */

/* True if artifact WHICH still waits for a receipt that fits. */
static bool is_open(const struct mm_looked *file)
{
    return file->look == MM_LOOK_UNKNOWN && !file->detail.length && file->now.known;
}

/* Everything but fs-verity's word, which a file can get later without a change. */
static bool same_stat(const struct mm_fingerprint *a, const struct mm_fingerprint *b)
{
    struct mm_fingerprint x = *a, y = *b;
    x.verity.known = y.verity.known = false;
    return mm_fingerprint_same(&x, &y);
}

/* True if NOW is a file of the bytes that RECORDED was: LOOK tells how that is known. */
static bool fits(const struct mm_fingerprint *now, const struct mm_fingerprint *recorded, enum mm_look *look)
{
    if (!recorded->known)
        return false;
    if (recorded->verity.known) {
        *look = MM_LOOK_SEALED;
        return now->verity.known && memcmp(now->verity.bytes, recorded->verity.bytes, MM_HASH_BYTES) == 0;
    }
    *look = MM_LOOK_SAME;
    return same_stat(now, recorded);
}

/* Settles artifact WHICH if RECORDED, from the receipt PATH, fits. */
static void compare(struct look *l, size_t which, const struct mm_fingerprint *recorded,
                    const struct mm_receipt *receipt, const char *path, bool own)
{
    struct mm_looked *file = &l->recheck->files[which];
    enum mm_look look;
    if (!is_open(file) || !fits(&file->now, recorded, &look))
        return;
    tell(file, look, "");
    if (!own)
        mm_buf_printf(&file->detail, "as the receipt %s says (%s)", mm_path_name(path),
                      mm_action_names[receipt->action]);
    l->open--;
}

/* True if the receipt's artifact has the bytes that CLAIM states. */
static bool same_bytes(const struct mm_claim *claim, const struct mm_receipt_artifact *artifact)
{
    return claim->chunks.bytes == artifact->bytes && memcmp(claim->chunks.sha256, artifact->sha256, MM_HASH_BYTES) == 0;
}

/* Receipts of the model, oldest first. Those that quote an import, removals and consents, add nothing to it. */
static int compare_own(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct look *l = context;
    struct mm_recheck *recheck = l->recheck;
    bool imported = receipt->action == MM_ACTION_IMPORTED;
    if ((!imported && receipt->action != MM_ACTION_VERIFIED) ||
        memcmp(receipt->manifest_sha256, l->held->manifest.sha256, MM_HASH_BYTES) != 0 ||
        receipt->artifact_count != recheck->report.count)
        return 0;
    if (imported) {
        snprintf(recheck->receipt, sizeof recheck->receipt, "%s", path);
        memcpy(recheck->created, receipt->created, sizeof recheck->created);
    }
    for (size_t i = 0; i < receipt->artifact_count; i++) {
        const struct mm_receipt_artifact *artifact = &receipt->artifacts[i];
        const struct mm_claim *claim = &recheck->report.artifacts[i].claim;
        if (!same_bytes(claim, artifact) || strcmp(claim->path, artifact->path) != 0)
            continue; /* a piped report can name a manifest and describe something else */
        if (imported)
            l->recorded[i] = artifact->fingerprint;
        compare(l, i, &artifact->fingerprint, receipt, path, imported);
    }
    return 0;
}

/* Imports of other models: a file that they share was checked then, and its change time moved when it was linked. */
static int compare_other(void *context, const struct mm_receipt *receipt, const char *path)
{
    struct look *l = context;
    if (receipt->action != MM_ACTION_IMPORTED)
        return 0;
    for (size_t which = 0; which < l->recheck->report.count; which++)
        for (size_t i = 0; i < receipt->artifact_count && is_open(&l->recheck->files[which]); i++)
            if (same_bytes(&l->recheck->report.artifacts[which].claim, &receipt->artifacts[i]))
                compare(l, which, &receipt->artifacts[i].fingerprint, receipt, path, false);
    return l->open == 0;
}

static int read_receipts(struct look *l, int home)
{
    struct mm_diags ignored; /* a damaged receipt of another model vouches for nothing, and is slm-check's to find */
    int result = mm_chain_each_of(home, l->held->model->id, compare_own, l, l->diags);
    if (result < 0 || l->open == 0)
        return result;
    mm_diags_init(&ignored);
    mm_chain_each(home, compare_other, l, &ignored);
    mm_diags_release(&ignored);
    return 0;
}

/* ---- what no receipt fits ---- */

static void add_word(struct mm_buf *words, bool differs, const char *word)
{
    if (differs)
        mm_buf_printf(words, "%s%s", words->length ? " " : "", word);
}

/* Says what differs from the import's fingerprint. */
static void settle(struct look *l, size_t which)
{
    struct mm_looked *file = &l->recheck->files[which];
    const struct mm_fingerprint *now = &file->now, *was = &l->recorded[which];
    if (!is_open(file))
        return;
    if (!was->known) {
        tell(file, MM_LOOK_UNKNOWN, "the receipt recorded no fingerprint");
        mm_diag(l->diags, MM_RULE_RECEIPT_TOUCHED,
                "expected a fingerprint in the receipt, found none; --full reads "
                "the bytes");
        return;
    }
    tell(file, MM_LOOK_TOUCHED, "");
    add_word(&file->detail, now->device != was->device, "device");
    add_word(&file->detail, now->inode != was->inode, "inode");
    add_word(&file->detail, now->mtime != was->mtime, "mtime");
    add_word(&file->detail, now->ctime != was->ctime, "ctime");
    /* another measurement proves nothing: block size and salt are part of it */
    add_word(&file->detail, was->verity.known, "fs-verity");
    bool ctime_alone = file->detail.length == strlen("ctime") && now->ctime != was->ctime;
    mm_diag(l->diags, MM_RULE_RECEIPT_TOUCHED,
            "expected what the receipt recorded, found another %s: %s; --full reads the bytes",
            mm_buf_text(&file->detail) ? file->detail.data : "one",
            ctime_alone ? "a link, a mode or an owner changed, or bytes, and the time was set back"
                        : "the bytes may be others or the same");
}

static int look_all(struct look *l, int home)
{
    const char *shown = l->diags->file;
    for (size_t i = 0; i < l->recheck->report.count; i++) {
        l->diags->file = l->recheck->report.artifacts[i].claim.path;
        look_at(l, i);
    }
    l->diags->file = shown;
    int result = read_receipts(l, home);
    for (size_t i = 0; i < l->recheck->report.count; i++) {
        l->diags->file = l->recheck->report.artifacts[i].claim.path;
        settle(l, i);
        if (l->recheck->files[i].detail.failed)
            result = mm_diag_memory(l->diags);
    }
    l->diags->file = shown;
    return result < 0 ? -1 : 0;
}

int mm_recheck(const struct mm_held *held, int home, const struct mm_recheck_options *options,
               struct mm_recheck *recheck, struct mm_diags *diags)
{
    struct look l = {.held = held, .recheck = recheck, .options = options, .diags = diags};
    struct mm_verify_options how = {.trusted = &held->trusted, .require_signature = options->require_signature};
    *recheck = (struct mm_recheck){0};
    if (mm_verify_manifest(&held->manifest, &how, &recheck->report, diags) < 0)
        return -1;
    size_t room = recheck->report.count ? recheck->report.count : 1;
    recheck->files = calloc(room, sizeof *recheck->files);
    l.recorded = calloc(room, sizeof *l.recorded);
    int result = recheck->files && l.recorded ? look_all(&l, home) : mm_diag_memory(diags);
    free(l.recorded);
    return result;
}

void mm_recheck_release(struct mm_recheck *recheck)
{
    for (size_t i = 0; recheck->files && i < recheck->report.count; i++)
        mm_buf_release(&recheck->files[i].detail);
    free(recheck->files);
    mm_report_release(&recheck->report);
    *recheck = (struct mm_recheck){0};
}

/* ---- printing ---- */

static const char *word_of(enum mm_answer answer)
{
    return answer == MM_YES ? "unchanged" : answer == MM_NO ? "wrong" : "unknown";
}

void mm_recheck_write(const struct mm_recheck *recheck, enum mm_answer answer, struct mm_buf *out)
{
    mm_buf_printf(out, "minimodel-recheck 0\ntool: slm-verify %s\nreceipt: %s\nreceipt-created: %s\n", MM_VERSION,
                  recheck->receipt[0] ? recheck->receipt : "none", recheck->receipt[0] ? recheck->created : "none");
    mm_report_write_head(&recheck->report, out);
    for (size_t i = 0; i < recheck->report.count; i++) {
        const struct mm_claim *claim = &recheck->report.artifacts[i].claim;
        const struct mm_looked *file = &recheck->files[i];
        mm_buf_printf(out, "artifact: %s\nartifact-bytes: %" PRIu64 "\nstat: %s%s%s\n", claim->path,
                      claim->chunks.bytes, mm_look_names[file->look], file->detail.length ? " " : "",
                      file->detail.length ? file->detail.data : "");
    }
    mm_buf_printf(out, "bytes-read: none\nresult: %s\n", word_of(answer));
}

static void write_json_file(const struct mm_claim *claim, const struct mm_looked *file, struct mm_buf *out)
{
    mm_buf_str(out, "{\"artifact\":");
    mm_buf_json_str(out, claim->path);
    mm_buf_printf(out, ",\"artifact-bytes\":%" PRIu64 ",\"stat\":\"%s\"", claim->chunks.bytes,
                  mm_look_names[file->look]);
    if (file->detail.length) {
        mm_buf_str(out, ",\"detail\":");
        mm_buf_json_str(out, file->detail.data);
    }
    mm_buf_char(out, '}');
}

void mm_recheck_write_json(const struct mm_recheck *recheck, enum mm_answer answer, struct mm_buf *out)
{
    mm_buf_printf(out, "{\"tool\":\"slm-verify %s\"", MM_VERSION);
    if (recheck->receipt[0])
        mm_buf_printf(out, ",\"receipt\":\"%s\",\"receipt-created\":\"%s\"", recheck->receipt, recheck->created);
    mm_report_write_json_head(&recheck->report, out);
    mm_buf_str(out, ",\"artifacts\":[");
    for (size_t i = 0; i < recheck->report.count; i++) {
        if (i)
            mm_buf_char(out, ',');
        write_json_file(&recheck->report.artifacts[i].claim, &recheck->files[i], out);
    }
    mm_buf_printf(out, "],\"bytes-read\":\"none\",\"result\":\"%s\"}\n", word_of(answer));
}
