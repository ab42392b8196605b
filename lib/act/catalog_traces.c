/* What builds leave behind: those that were interrupted, before or behind their head, and what a head took back. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/file.h"
#include "base/tree.h"
#include "doc/catalog_changes.h"

/* ---- files ---- */

/* The folder in which PATH stands, for the caller to free; NULL where memory is exhausted. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

int mm_catalog_remove_file(struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *folder = folder_of(path);
    if (!folder)
        return mm_diag_memory(diags);
    int fd = mm_tree_open(build->folder.fd, folder), result = 0;
    if ((fd < 0 || unlinkat(fd, name, 0) < 0) && errno != ENOENT)
        result = mm_diag(diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (slash && fd >= 0 && result == 0)
        mm_tree_prune(build->folder.fd, folder);
    free(folder);
    return result;
}

int mm_catalog_manifest_remove(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                               struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX];
    mm_catalog_manifest_path(path, model_id, revision);
    strcat(path, MM_SIGNATURE_SUFFIX);
    if (mm_catalog_remove_file(build, path, diags) < 0)
        return -1;
    path[strlen(path) - (sizeof MM_SIGNATURE_SUFFIX - 1)] = '\0';
    return mm_catalog_remove_file(build, path, diags);
}

/* True if NAME is REVISION.manifest.KEYID.minisig of a revision that goes away or is there no more. */
static bool is_left_countersignature(const struct mm_catalog_build *build, const char *model_id, const char *name)
{
    static const char suffix[] = MM_SIGNATURE_SUFFIX, manifest[] = MM_CATALOG_MANIFEST_SUFFIX ".";
    unsigned char key_id[MM_KEY_ID_BYTES];
    uint64_t revision;
    const char *middle = strstr(name, manifest), *id = middle ? middle + sizeof manifest - 1 : NULL;
    if (!id || strlen(id) != MM_KEY_ID_TEXT - 1 + sizeof suffix - 1 || strcmp(id + MM_KEY_ID_TEXT - 1, suffix) != 0 ||
        !mm_key_id_read(id, MM_KEY_ID_TEXT - 1, key_id) ||
        !mm_number(name, (size_t)(middle - name), MM_NUMBER_MAX, &revision))
        return false;
    const struct mm_catalog_row *row = mm_catalog_rows_find(&build->standing, model_id, revision);
    return (!row || row->gone) && !mm_catalog_rows_find(&build->fresh, model_id, revision);
}

int mm_catalog_countersignatures_remove(struct mm_catalog_build *build, const char *model_id, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH];
    struct dirent *entry;
    if (strcmp(build->swept, model_id) == 0)
        return 0;
    memcpy(build->swept, model_id, strlen(model_id) + 1);
    mm_catalog_manifest_path(path, model_id, 1);
    *strrchr(path, '/') = '\0';
    int fd = mm_tree_open(build->folder.fd, path), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    while (result == 0 && dir && (entry = readdir(dir)))
        if (is_left_countersignature(build, model_id, entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) < 0 &&
            errno != ENOENT)
            result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot remove a countersignature", errno);
    if (dir)
        closedir(dir);
    return result;
}

/* ---- files that never got their names ---- */

/* The lock keeps other builders away, so that whoever began to write them is gone. What cannot be looked into has none. */
static int sweep(const struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    struct dirent *entry;
    int fd = mm_tree_open(build->folder.fd, path), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    while (result == 0 && dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, MM_WRITER_TEMPORARY, strlen(MM_WRITER_TEMPORARY)) == 0 &&
            unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != ENOENT && errno != EISDIR && errno != EPERM)
            result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot remove a temporary file", errno);
    if (dir)
        closedir(dir);
    return result;
}

int mm_catalog_sweep_beside(const struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    char *folder = folder_of(path);
    int result = folder ? sweep(build, folder, diags) : mm_diag_memory(diags);
    free(folder);
    return result;
}

/* Where files are replaced that are there: the lists, heads, and manifests that are mended. Folders of pages are looked at where changes name
 * the model, or its page is another than it should be: of what was to replace it something is left there only then. */
static int sweep_all(struct mm_catalog_build *build, struct mm_diags *diags)
{
    if (sweep(build, ".", diags) < 0 || sweep(build, MM_CATALOG_HEADS, diags) < 0 ||
        mm_catalog_ahead_sweep(build, diags) < 0)
        return -1;
    for (size_t i = 0; i < build->staged_count; i++)
        if (build->staged[i].known && mm_catalog_sweep_beside(build, build->staged[i].path, diags) < 0)
            return -1;
    return 0;
}

/* ---- what changes say ---- */

typedef int each_change(struct mm_catalog_build *build, const struct mm_catalog_change *change, struct mm_diags *diags);

/* EACH of the changes of head SEQUENCE, if they are there; what they are is for those to say who follow them. */
static int each_of(struct mm_catalog_build *build, uint64_t sequence, each_change *each, struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    struct mm_catalog_changes changes = {0};
    struct mm_catalog_change change = {0};
    struct mm_diags mark = *diags;
    mm_catalog_head_name(name, sequence, MM_CATALOG_CHANGES_SUFFIX);
    int fd = mm_catalog_open(&build->folder, name, diags), result = 0;
    bool open = fd >= 0 && mm_catalog_changes_open(&changes, fd, diags) == 0;
    while (open && result == 0 && mm_catalog_changes_next(&changes, &change, diags) > 0) {
        mm_diags_rewind(diags, &mark);
        mm_catalog_at(&build->folder, NULL, diags);
        result = each(build, &change, diags);
        mm_catalog_at(&build->folder, name, diags);
    }
    if (result == 0)
        mm_diags_rewind(diags, &mark);
    mm_catalog_changes_close(&changes);
    if (fd >= 0)
        close(fd);
    return result;
}

/* The build of the present head may have been interrupted behind it, before what it withdrew was gone. */
static int remove_withdrawn(struct mm_catalog_build *build, const struct mm_catalog_change *change,
                            struct mm_diags *diags)
{
    if (change->kind != MM_CHANGE_REMOVED ||
        mm_catalog_rows_find(&build->standing, change->model_id, change->revision) ||
        mm_catalog_rows_find(&build->fresh, change->model_id, change->revision))
        return 0;
    return mm_catalog_countersignatures_remove(build, change->model_id, diags) < 0 ||
                   mm_catalog_manifest_remove(build, change->model_id, change->revision, diags) < 0
               ? -1
               : mm_catalog_page_remove(build, change->model_id, diags);
}

int mm_catalog_gone_remove(struct mm_catalog_build *build, struct mm_diags *diags)
{
    return each_of(build, build->present.head.sequence, remove_withdrawn, diags);
}

/* What a head that did not come to be was to add; where this build adds it, the files are looked at later. */
static int remove_added(struct mm_catalog_build *build, const struct mm_catalog_change *change, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX], page[MM_PAGE_PATH];
    if (mm_catalog_sweep_beside(build, mm_page_path(page, change->model_id), diags) < 0)
        return -1;
    if (change->kind != MM_CHANGE_ADDED || mm_catalog_rows_find(&build->standing, change->model_id, change->revision))
        return 0;
    mm_catalog_manifest_path(path, change->model_id, change->revision);
    const struct mm_catalog_row *row = mm_catalog_rows_find(&build->fresh, change->model_id, change->revision);
    if (row && row->beneath && row->has_signature)
        return 0;
    if (row && row->beneath)
        return mm_catalog_remove_file(build, strcat(path, MM_SIGNATURE_SUFFIX), diags);
    return mm_catalog_manifest_remove(build, change->model_id, change->revision, diags) < 0
               ? -1
               : mm_catalog_page_remove(build, change->model_id, diags);
}

int mm_catalog_traces_remove(struct mm_catalog_build *build, struct mm_diags *diags)
{
    mm_catalog_at(&build->folder, NULL, diags);
    return sweep_all(build, diags) < 0 ? -1 : each_of(build, build->present.head.sequence + 1, remove_added, diags);
}

int mm_catalog_next_remove(struct mm_catalog_build *build, struct mm_diags *diags)
{
    static const char *const suffixes[] = {"", MM_SIGNATURE_SUFFIX, MM_CATALOG_CHANGES_SUFFIX};
    char name[MM_CATALOG_NAME];
    int result = 0;
    mm_catalog_at(&build->folder, NULL, diags);
    for (size_t i = 0; result == 0 && i < sizeof suffixes / sizeof *suffixes; i++)
        result = mm_catalog_remove_file(
            build, mm_catalog_head_name(name, build->present.head.sequence + 1, suffixes[i]), diags);
    return result;
}
