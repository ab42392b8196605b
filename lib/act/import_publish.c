/* What becomes of a model that passed every check: it appears in the store, all at once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/import_parts.h"
#include "base/file.h"
#include "base/tree.h"
#include "text/path.h"

#define MOVE_TRIES 8

int mm_import_remove_list(const struct mm_import *i, const struct mm_item *item, const char *ending)
{
    char path[sizeof item->list_path];
    snprintf(path, sizeof path, "%s%s", item->claim.path, ending);
    if (unlinkat(i->files, path, 0) < 0 && errno != ENOENT && errno != ENOTDIR)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

/* ---- chunk lists ---- */

/* True if HASHES lead to the Merkle root of CLAIM. */
static bool lead_to_root(const struct mm_hashes *hashes, const struct mm_claim *claim, struct mm_diags *diags)
{
    struct mm_merkle tree;
    unsigned char root[MM_HASH_BYTES] = {0};
    bool ready = mm_merkle_init(&tree, diags) == 0;
    for (size_t k = 0; ready && k < hashes->count; k++)
        mm_merkle_add(&tree, hashes->items[k]);
    if (ready)
        mm_merkle_root(&tree, root);
    mm_merkle_release(&tree);
    return ready && memcmp(root, claim->chunks.root, MM_HASH_BYTES) == 0;
}

/* The text of ITEM's list: what the sources had, else what was computed while the bytes were read. */
static int list_text(struct mm_import *i, struct mm_item *item, struct mm_buf *text)
{
    struct mm_chunk_list list = {.facts = item->claim.chunks};
    list.facts.has_sha256 = true;
    if (item->listed) {
        int fd = mm_file_open_beneath(i->files, item->list_path, MM_LINKS_BENEATH);
        if (fd < 0)
            return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", item->list_path, strerror(errno));
        int result = mm_chunk_list_read(&list, fd, item->claim.chunks.count, i->diags);
        close(fd);
        if (result == 0)
            mm_chunk_list_write(&list.facts, &list.hashes, text);
        mm_chunk_list_release(&list);
        if (result < 0)
            return -1;
    } else if (!item->hashes.failed && lead_to_root(&item->hashes, &item->claim, i->diags)) {
        mm_chunk_list_write(&list.facts, &item->hashes, text);
    }
    return text->failed ? mm_diag_memory(i->diags) : 0;
}

/* Keeps the chunk list of ITEM in store/chunks, where later imports look for chunks that they need. */
static int keep_list(struct mm_import *i, struct mm_item *item)
{
    char root[MM_HASH_HEX + 1], path[MM_STORE_PATH], temporary[MM_STORE_PATH + 32];
    struct mm_buf text = {0};
    struct stat info;
    mm_hex(root, item->claim.chunks.root, MM_HASH_BYTES);
    snprintf(path, sizeof path, MM_STORE_CHUNKS "/%s.chunks", root);
    snprintf(temporary, sizeof temporary, MM_STORE_CHUNKS "/.%.32s-%.32s", root, i->facts->manifest_sha256);
    if (item->claim.chunks.count <= 1 || fstatat(i->home, path, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (list_text(i, item, &text) < 0 || text.length == 0) {
        mm_buf_release(&text);
        return text.failed ? -1 : 0;
    }
    int fd = openat(i->home, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    int result = fd < 0 ? mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", path, strerror(errno))
                        : mm_file_write_all(fd, text.data, text.length, path, i->diags);
    if (fd >= 0)
        close(fd);
    if (result == 0 && renameat(i->home, temporary, i->home, path) < 0)
        result = mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", path, strerror(errno));
    if (result < 0)
        unlinkat(i->home, temporary, 0);
    mm_buf_release(&text);
    return result;
}

static int settle_lists(struct mm_import *i)
{
    if (mm_tree_make(i->home, MM_STORE_CHUNKS, i->diags) < 0)
        return -1;
    for (size_t k = 0; k < i->count; k++) {
        struct mm_item *item = &i->items[k];
        if (keep_list(i, item) < 0)
            return -1;
        if ((!mm_claim_list_ends_in(&item->claim, ".chunks") && mm_import_remove_list(i, item, ".chunks") < 0) ||
            (!mm_claim_list_ends_in(&item->claim, ".chunks.gz") && mm_import_remove_list(i, item, ".chunks.gz") < 0))
            return -1;
    }
    return 0;
}

/* ---- in place ---- */

/* The folder of the source that ITEM is in, as the system calls it. */
static char *source_folder(const struct mm_import *i, const struct mm_item *item)
{
    return realpath(i->supply->roots[item->root].path, NULL);
}

/* A link leads to the very file that was checked, and that did not change since; SEALED: its mode did, and with it its change
 * time. */
static int check_link(struct mm_import *i, const struct mm_item *item, bool sealed)
{
    struct mm_fingerprint there = {0};
    int fd = mm_file_open_beneath(i->files, item->claim.path, MM_LINKS_FOLLOW);
    if (fd < 0)
        return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", item->claim.path, strerror(errno));
    int result = mm_fingerprint_take(&there, fd, i->diags);
    close(fd);
    if (sealed)
        there.ctime = item->fingerprint.ctime;
    if (result == 0 && !mm_fingerprint_same(&item->fingerprint, &there))
        result = mm_diag(i->diags, MM_RULE_IO_CHANGED,
                         "%s is another file than the one that was read, or changed meanwhile", item->claim.path);
    return result;
}

/* Files with a name elsewhere may have been written to while or after they were read. */
static int check_hard_links(struct mm_import *i, bool sealed)
{
    for (size_t k = 0; k < i->count; k++)
        if (i->items[k].how == MM_ITEM_HARD_LINKED && check_link(i, &i->items[k], sealed) < 0)
            return -1;
    return 0;
}

static int link_in_place(struct mm_import *i, const struct mm_item *item)
{
    char target[PATH_MAX], *folder = source_folder(i, item);
    if (!folder)
        return mm_diag_errno(i->diags, MM_RULE_IO_OPEN, "cannot tell where the source is", errno);
    bool fits = (size_t)snprintf(target, sizeof target, "%s/%s", folder, item->claim.path) < sizeof target;
    free(folder);
    if (!fits)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "expected a shorter path than that of %s", item->claim.path);
    if (mm_tree_make_for(i->files, item->claim.path, i->diags) < 0)
        return -1;
    unlinkat(i->files, item->claim.path, 0);
    if (symlinkat(target, i->files, item->claim.path) < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot link %s: %s", item->claim.path, strerror(errno));
    return check_link(i, item, false);
}

static int link_all_in_place(struct mm_import *i)
{
    for (size_t k = 0; k < i->count; k++)
        if (link_in_place(i, &i->items[k]) < 0)
            return -1;
    return 0;
}

/* ---- the model's folder ---- */

/* Writes BYTES beside files/, under NAME. */
static int write_beside(struct mm_import *i, const char *name, const void *bytes, size_t length)
{
    char path[MM_STORE_PATH + 48];
    snprintf(path, sizeof path, "%s/%s", i->partial, name);
    int fd = openat(i->home, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", path, strerror(errno));
    int result = mm_file_write_all(fd, bytes, length, path, i->diags);
    close(fd);
    return result;
}

/* The manifest, its signature, and the countersignatures that counted for a policy. */
static int write_manifest(struct mm_import *i)
{
    const struct mm_signatures *signatures = &i->signatures;
    char name[48];
    int result = write_beside(i, MM_STORE_MANIFEST, i->manifest.text, i->manifest.length);
    if (result == 0 && i->trusted.signature.outcome == MM_SIGNED_VERIFIED)
        result = write_beside(i, MM_STORE_MANIFEST MM_SIGNATURE_SUFFIX, signatures->own.data, signatures->own.length);
    for (size_t k = 0; k < signatures->other_count && result == 0; k++)
        if (i->trusted.counted[k]) {
            const struct mm_countersignature *other = &signatures->others[k];
            snprintf(name, sizeof name, MM_STORE_MANIFEST ".%s" MM_SIGNATURE_SUFFIX, other->key_id);
            result = write_beside(i, name, other->text.data, other->text.length);
        }
    return result;
}

static int move_into_place(struct mm_import *i)
{
    const char *path = i->facts->model.path;
    char folder[MM_STORE_PATH];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    int moved = -1;
    for (int attempt = 0; moved < 0 && attempt < MOVE_TRIES; attempt++) {
        if (mm_tree_make(i->home, folder, i->diags) < 0)
            return -1;
        moved = renameat(i->home, i->partial, i->home, path);
        if (moved < 0 && errno != ENOENT) /* a removal may have taken the empty folder away meanwhile */
            break;
    }
    if (moved < 0 && (errno == ENOTEMPTY || errno == EEXIST)) { /* another import was quicker */
        mm_diag(i->diags, MM_RULE_STORE_REVISION,
                "expected one manifest of %s revision %" PRIu64 ", found another in the store", i->facts->model.id,
                i->facts->model.revision);
        mm_store_discard(i->home, i->partial, i->diags);
        return -1;
    }
    if (moved < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot move the model to %s: %s", path, strerror(errno));
    for (char *slash = folder + strlen(folder); slash; slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (mm_tree_flush(i->home, folder, i->diags) < 0)
            return -1;
    }
    return mm_tree_flush(i->home, ".", i->diags) < 0 ? -1 : mm_tree_flush(i->home, MM_STORE_PARTIAL, i->diags);
}

static int by_path(const void *key, const void *element)
{
    return strcmp(key, ((const struct mm_item *)element)->claim.path);
}

/* True if PATH, LENGTH bytes of it, is an artifact's. Artifacts are sorted by path. */
static bool is_artifact(const struct mm_import *i, const char *path, size_t length)
{
    char name[sizeof i->items->claim.path];
    if (length >= sizeof name)
        return false;
    memcpy(name, path, length);
    name[length] = '\0';
    return bsearch(name, i->items, i->count, sizeof *i->items, by_path) != NULL;
}

/* An artifact, or a chunk list that was put beside it. */
static bool belongs(const struct mm_import *i, const char *path)
{
    static const char *const endings[] = {"", ".chunks", ".chunks.gz"};
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
        if (mm_path_ends_in(path, endings[k]) && is_artifact(i, path, strlen(path) - strlen(endings[k])))
            return true;
    return false;
}

/* Beside the files nothing stands but what is written before the folder is published. */
static int remove_beside(struct mm_import *i)
{
    struct mm_folder folder;
    int fd = mm_tree_open(i->home, i->partial), result = -1;
    if (fd < 0)
        return mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", i->partial, strerror(errno));
    result = mm_folder_list_names(&folder, fd, i->diags);
    for (size_t k = 0; k < folder.count && result == 0; k++)
        if (strcmp(folder.entries[k].path, "files") != 0)
            result = mm_tree_remove(fd, folder.entries[k].path, i->diags);
    mm_folder_release(&folder);
    close(fd);
    return result;
}

/* Nothing is published that the import did not put there, whoever did. */
static int remove_strangers(struct mm_import *i)
{
    struct mm_folder folder;
    int result = mm_folder_list(&folder, i->files, i->diags);
    for (size_t k = 0; k < folder.count && result == 0; k++)
        if (!belongs(i, folder.entries[k].path))
            result = mm_tree_remove(i->files, folder.entries[k].path, i->diags);
    mm_folder_release(&folder);
    if (result == 0)
        result = mm_tree_remove_empty(i->files, i->diags);
    return result == 0 ? remove_beside(i) : result;
}

int mm_import_publish(struct mm_import *i)
{
    if (remove_strangers(i) < 0 || settle_lists(i) < 0 || (i->options->in_place && link_all_in_place(i) < 0) ||
        write_manifest(i) < 0 || check_hard_links(i, false) < 0 || mm_tree_seal(i->home, i->partial, i->diags) < 0 ||
        check_hard_links(i, true) < 0)
        return -1;
    return move_into_place(i);
}

/* ---- how it came here ---- */

/* The folder that the files of a model in place are in, by the link of its first file; NULL if it is not in place. */
static char *folder_in_place(const struct mm_import *i)
{
    char target[PATH_MAX];
    if (i->options->in_place && !i->found)
        return i->count ? source_folder(i, &i->items[0]) : NULL;
    ssize_t length = i->count ? readlinkat(i->files, i->items[0].claim.path, target, sizeof target) : -1;
    size_t path = i->count ? strlen(i->items[0].claim.path) : 0;
    return length > (ssize_t)path ? strndup(target, (size_t)length - path - 1) : NULL;
}

static enum mm_medium medium_of(const struct mm_import *i)
{
    if (i->options->medium >= 0)
        return (enum mm_medium)i->options->medium;
    return i->used_set                                                       ? MM_MEDIUM_CHUNKSET
           : i->supply->roots[i->supply->manifests[i->which].root].removable ? MM_MEDIUM_USB
                                                                             : MM_MEDIUM_FILE;
}

/* "copied=3 reused=1 reused-chunks=12": what is none is left out. */
static void count_ways(const struct mm_import *i, struct mm_buf *detail)
{
    static const char *const words[] = {[MM_ITEM_COPIED] = "copied",
                                        [MM_ITEM_REUSED] = "reused",
                                        [MM_ITEM_REFLINKED] = "reflinked",
                                        [MM_ITEM_HARD_LINKED] = "hard-linked"};
    uint64_t count[sizeof words / sizeof *words] = {0}, chunks = 0;
    for (size_t k = 0; k < i->count; k++) {
        count[i->items[k].how]++;
        chunks += i->items[k].chunks_reused;
    }
    for (size_t how = 0; how < sizeof words / sizeof *words; how++)
        if (count[how])
            mm_buf_printf(detail, "%s%s=%" PRIu64, detail->length ? " " : "", words[how], count[how]);
    if (chunks)
        mm_buf_printf(detail, "%sreused-chunks=%" PRIu64, detail->length ? " " : "", chunks);
}

void mm_import_medium(struct mm_import *i, struct mm_buf *detail)
{
    char *folder = folder_in_place(i);
    i->medium = folder ? MM_MEDIUM_IN_PLACE : medium_of(i);
    if (folder) {
        size_t length = strlen(folder); /* a value does not end in a space */
        bool space = length > 0 && folder[length - 1] == ' ';
        mm_buf_escaped(detail, folder, length - space);
        mm_buf_str(detail, space ? "\\x20" : "");
    } else if (i->found) {
        mm_buf_printf(detail, "found=%zu", i->count);
    } else {
        count_ways(i, detail);
    }
    free(folder);
}
