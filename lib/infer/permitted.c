#include "infer/permitted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "doc/evidence.h"
#include "text/path.h"

struct taking {
    struct mm_permitted *permitted;
    const char *store;
    struct mm_diags *diags;
};

/* True if the manifest names the artifact PATH as evidence of an infer-check. */
static bool is_evidence(const struct mm_manifest *manifest, const char *path)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct mm_entry *entry = &manifest->entries[i];
        if (entry->field != MM_FIELD_EVIDENCE || strncmp(entry->value, "infer-check ", 12) != 0)
            continue;
        size_t route = mm_evidence_route(entry->value, entry->value_length);
        if (strlen(path) == entry->value_length - route &&
            memcmp(path, entry->value + route, entry->value_length - route) == 0)
            return true;
    }
    return false;
}

static int take_evidence(struct taking *t, const struct mm_handed *handed)
{
    struct mm_permitted *permitted = t->permitted;
    const char *shown = t->diags->file;
    if (permitted->evidence_path[0] || !is_evidence(&permitted->over.held.manifest, handed->claim->path))
        return 0;
    snprintf(permitted->evidence_path, sizeof permitted->evidence_path, "%s", handed->claim->path);
    t->diags->file = permitted->evidence_path;
    int read = mm_file_read_all(handed->fd, MM_EVIDENCE_MAX, &permitted->evidence, t->diags);
    t->diags->file = shown;
    return read < 0 ? -1 : 0; /* one that is too long is refused when it is read as such */
}

static int take(void *context, const struct mm_handed *handed)
{
    struct taking *t = context;
    struct mm_permitted *permitted = t->permitted;
    struct mm_permitted_file file = {.weights = handed->claim->role == MM_ROLE_WEIGHTS,
                                     .safetensors = handed->claim->format == MM_FORMAT_SAFETENSORS};
    if (fstat(handed->fd, &file.status) < 0)
        return mm_diag_errno(t->diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    memcpy(file.sha256, handed->claim->chunks.sha256, MM_HASH_BYTES);
    if (!mm_grow(&permitted->files, permitted->count, &permitted->capacity, sizeof file) ||
        asprintf(&file.path, "%s/%s/%s", t->store, permitted->over.held.files_path, handed->claim->path) < 0)
        return mm_diag_memory(t->diags);
    permitted->files[permitted->count++] = file;
    return take_evidence(t, handed);
}

int mm_permitted_open(struct mm_permitted *permitted, int home, const char *store, const char *model,
                      struct mm_hand_over_options options, struct mm_diags *diags)
{
    struct taking taking = {permitted, store, diags};
    options.all = true;
    *permitted = (struct mm_permitted)MM_PERMITTED_NONE;
    if (mm_store_find(home, model, &permitted->model, diags) < 0)
        return -1;
    return mm_hand_over(&permitted->over, home, &permitted->model, &options, take, &taking, diags);
}

void mm_permitted_release(struct mm_permitted *permitted)
{
    for (size_t i = 0; i < permitted->count; i++)
        free(permitted->files[i].path);
    free(permitted->files);
    mm_buf_release(&permitted->evidence);
    mm_hand_over_release(&permitted->over);
    *permitted = (struct mm_permitted)MM_PERMITTED_NONE;
}

int mm_permitted_paths(const struct mm_permitted *permitted, const char **paths, struct mm_buf *folder,
                       struct mm_diags *diags)
{
    int count = 0;
    for (size_t i = 0; i < permitted->count; i++) {
        const struct mm_permitted_file *file = &permitted->files[i];
        if (!file->weights)
            continue;
        if (!file->safetensors) {
            paths[count++] = file->path;
            continue;
        }
        mm_buf_add(folder, file->path, mm_path_folder_length(file->path));
        paths[0] = mm_buf_text(folder);
        return paths[0] ? 1 : mm_diag_memory(diags);
    }
    return count > 0 ? count : mm_diag(diags, MM_RULE_STORE_MODEL, "expected an artifact of role weights, found none");
}

/* The verified file that is open as FD, or NULL. */
static const struct mm_permitted_file *find(const struct mm_permitted *permitted, int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return NULL;
    for (size_t i = 0; i < permitted->count; i++)
        if (mm_file_same(&permitted->files[i].status, &status))
            return &permitted->files[i];
    return NULL;
}

int mm_permitted_check(const struct mm_permitted *permitted, const struct mm_checkpoint *checkpoint, size_t which,
                       unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = 0;
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        const struct mm_permitted_file *file = find(permitted, checkpoint->files[i].fd);
        diags->file = checkpoint->files[i].path;
        if (!file)
            result = mm_diag(diags, MM_RULE_IO_CHANGED, "expected a file as it was verified, found another");
        else if (i == which)
            memcpy(sha256, file->sha256, MM_HASH_BYTES);
    }
    diags->file = shown;
    return result;
}
