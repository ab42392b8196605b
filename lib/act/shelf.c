#include "act/shelf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"

void mm_shelf_release(struct mm_shelf *shelf)
{
    free(shelf->items);
    mm_buf_release(&shelf->words);
    *shelf = (struct mm_shelf){0};
}

static size_t add_word(struct mm_shelf *shelf, const char *text)
{
    size_t at = shelf->words.length;
    mm_buf_add(&shelf->words, text, strlen(text) + 1);
    return at;
}

static size_t add_path(struct mm_shelf *shelf, const struct mm_store_model *model, const char *name)
{
    size_t at = shelf->words.length;
    mm_buf_printf(&shelf->words, "%s/files/%s", model->path, name);
    mm_buf_char(&shelf->words, '\0');
    return at;
}

static int add_artifact(struct mm_shelf *shelf, int home, const struct mm_store_model *model, size_t id,
                        const struct mm_claim *claim, struct mm_diags *diags)
{
    struct stat info;
    if (!mm_grow(&shelf->items, shelf->count, &shelf->capacity, sizeof *shelf->items))
        return mm_diag_memory(diags);
    struct mm_shelf_item *item = &shelf->items[shelf->count];
    *item = (struct mm_shelf_item){.id = id, .revision = model->revision, .chunks = claim->chunks};
    item->path = add_path(shelf, model, claim->path);
    item->name = add_word(shelf, claim->path);
    if (shelf->words.failed)
        return mm_diag_memory(diags);
    if (fstatat(home, mm_shelf_word(shelf, item->path), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) {
        item->device = info.st_dev;
        item->inode = info.st_ino;
        item->names = info.st_nlink;
        shelf->count++;
    }
    return 0;
}

static int add_model(struct mm_shelf *shelf, int home, const struct mm_store_model *model, struct mm_diags *diags)
{
    struct mm_manifest manifest = {0};
    struct mm_diags ignored;
    size_t id = add_word(shelf, model->id);
    int result = 0;
    mm_diags_init(&ignored);
    if (mm_store_manifest(home, model, &manifest, &ignored) == 0)
        for (size_t group = 1; group <= mm_manifest_artifacts(&manifest) && result == 0; group++) {
            struct mm_claim claim;
            mm_manifest_claim(&manifest, group, &claim);
            if (shelf->count < MM_SHELF_MAX)
                result = add_artifact(shelf, home, model, id, &claim, diags);
        }
    mm_manifest_release(&manifest);
    mm_diags_release(&ignored);
    return result;
}

static int by_file(const void *a, const void *b)
{
    const struct mm_shelf_item *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static int by_content(const void *a, const void *b)
{
    const struct mm_shelf_item *x = a, *y = b;
    int order = memcmp(x->chunks.sha256, y->chunks.sha256, MM_HASH_BYTES);
    if (order)
        return order;
    if (x->chunks.bytes != y->chunks.bytes)
        return x->chunks.bytes < y->chunks.bytes ? -1 : 1;
    return y->own - x->own; /* own ones first */
}

/* A file is the store's own where it has as many names as the store has for it. */
static void find_own(struct mm_shelf *shelf)
{
    qsort(shelf->items, shelf->count, sizeof *shelf->items, by_file);
    for (size_t first = 0, end; first < shelf->count; first = end) {
        for (end = first + 1; end < shelf->count && by_file(&shelf->items[first], &shelf->items[end]) == 0;)
            end++;
        for (size_t i = first; i < end; i++)
            shelf->items[i].own = shelf->items[i].names == end - first;
    }
}

int mm_shelf_fill(struct mm_shelf *shelf, int home, struct mm_diags *diags)
{
    struct mm_store_list models = {0};
    *shelf = (struct mm_shelf){0};
    int result = mm_store_list(home, false, &models, diags);
    for (size_t k = 0; k < models.count && result == 0; k++)
        result = add_model(shelf, home, &models.models[k], diags);
    mm_store_list_release(&models);
    if (shelf->count > 0) {
        find_own(shelf);
        qsort(shelf->items, shelf->count, sizeof *shelf->items, by_content);
    }
    return result;
}

const char *mm_shelf_equal(const struct mm_shelf *shelf, const struct mm_claim *claim)
{
    struct mm_shelf_item wanted = {.chunks = claim->chunks, .own = true};
    size_t low = 0, high = shelf->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_content(&shelf->items[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < shelf->count && by_content(&shelf->items[low], &wanted) == 0;
    return found ? mm_shelf_word(shelf, shelf->items[low].path) : NULL;
}
