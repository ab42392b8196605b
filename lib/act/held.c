#include "act/held.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/tree.h"

int mm_held_check_name(const struct mm_store_model *model, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    char id[MM_VALUE_MAX + 1], revision[MM_VALUE_MAX + 1], expected[24];
    snprintf(expected, sizeof expected, "%" PRIu64, model->revision);
    mm_manifest_text(manifest, 0, MM_FIELD_MODEL_ID, id);
    mm_manifest_text(manifest, 0, MM_FIELD_REVISION, revision);
    if (strcmp(id, model->id) == 0 && strcmp(revision, expected) == 0)
        return 0;
    return mm_diag(diags, MM_RULE_STORE_MODEL, "expected the manifest of %s revision %s, found one of %s revision %s",
                   model->id, expected, id, revision);
}

/* ---- the receipt ---- */

/* True if an import of the manifest holds its lock just now. */
static bool is_being_imported(int home, const struct mm_manifest *manifest)
{
    char hex[MM_HASH_HEX + 1], path[MM_STORE_PATH];
    mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
    snprintf(path, sizeof path, MM_STORE_PARTIAL "/%s.lock", hex);
    int fd = openat(home, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return held;
}

/* The receipts once more: one may have been written since they were read. */
static void read_again(int home, const struct mm_store_model *model, struct mm_keep_import *import)
{
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    mm_keep_import(home, model, import, &ignored);
    mm_diags_release(&ignored);
}

int mm_held_check_receipt(int home, const struct mm_store_model *model, const struct mm_keep_import *found,
                          const struct mm_manifest *manifest, struct mm_diags *diags)
{
    struct mm_keep_import import = *found;
    bool busy = !import.manifest.known && !import.unread && is_being_imported(home, manifest);
    if (!import.manifest.known && !import.unread && !busy)
        read_again(home, model, &import);
    if (import.unread)
        return mm_diag(diags, MM_RULE_IO_READ, "cannot read the receipts, of which one has to be of this model");
    if (busy)
        return mm_diag(diags, MM_RULE_IO_CHANGED, "the model is being imported just now: its receipt is still to come");
    if (import.removed)
        return mm_diag(diags, MM_RULE_RECEIPT_NONE,
                       "expected a model that is gone, as its newest receipt says: slm-remove finishes the removal, or "
                       "slm-import of its source an import that was interrupted");
    if (!import.manifest.known)
        return mm_diag(diags, MM_RULE_RECEIPT_NONE, "expected a receipt of the model's import, found none");
    if (memcmp(import.manifest.bytes, manifest->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_RECEIPT_NONE, "expected a receipt of this manifest, found one of another");
    return 0;
}

/* ---- the signature ---- */

int mm_held_judge(struct mm_trusted *trusted, int folder, const struct mm_manifest *manifest,
                  const struct mm_trust *trust, struct mm_diags *diags)
{
    struct mm_signatures signatures;
    int result = mm_signatures_read(&signatures, folder, MM_STORE_MANIFEST, MM_LINKS_BENEATH, diags);
    if (result == 0)
        result = mm_signatures_read_others(&signatures, folder, MM_STORE_MANIFEST, MM_LINKS_BENEATH, trust->policies,
                                           trust->policy_count, diags);
    if (result == 0)
        result = mm_trust_judge(trusted, trust, manifest, &signatures, diags);
    mm_signatures_release(&signatures);
    return result;
}

/* ---- the whole ---- */

static int open_folders(struct mm_held *held, int home, struct mm_diags *diags)
{
    held->folder = mm_tree_open(home, held->model->path);
    held->files = held->folder < 0 ? -1 : mm_tree_open(home, held->files_path);
    if (held->files >= 0)
        return 0;
    return mm_diag(diags, MM_RULE_IO_OPEN, "cannot open %s: %s", held->files_path, strerror(errno));
}

int mm_held_open(struct mm_held *held, int home, const struct mm_store_model *model, const struct mm_trust *trust,
                 struct mm_diags *diags)
{
    *held = (struct mm_held)MM_HELD_NONE;
    held->model = model;
    snprintf(held->manifest_path, sizeof held->manifest_path, "%s/" MM_STORE_MANIFEST, model->path);
    snprintf(held->files_path, sizeof held->files_path, "%s/files", model->path);
    diags->file = "";
    if (mm_store_manifest(home, model, &held->manifest, diags) < 0)
        return -1;
    mm_keep_import(home, model, &held->import, diags);
    diags->file = held->manifest_path;
    if (open_folders(held, home, diags) < 0)
        return -1;
    mm_held_check_name(model, &held->manifest, diags);
    mm_held_check_receipt(home, model, &held->import, &held->manifest, diags);
    return mm_held_judge(&held->trusted, held->folder, &held->manifest, trust, diags);
}

void mm_held_release(struct mm_held *held)
{
    mm_manifest_release(&held->manifest);
    mm_trusted_release(&held->trusted);
    if (held->folder >= 0)
        close(held->folder);
    if (held->files >= 0)
        close(held->files);
    *held = (struct mm_held)MM_HELD_NONE;
}

enum mm_links mm_held_links(const struct mm_held *held)
{
    return held->import.in_place ? MM_LINKS_FOLLOW : MM_LINKS_BENEATH;
}
