#include "act/catalog_model.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tree.h"
#include "doc/catalog_page.h"
#include "trust/minisign.h"

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int open_one(int folder, const char *name)
{
    return folder < 0 ? -1 : mm_file_open_folder_in(folder, name);
}

static void open_publisher(struct mm_catalog_model *model, int root)
{
    char name[] = MM_CATALOG_MANIFESTS;
    name[strlen(name) - 1] = '\0';
    int manifests = open_one(root, name);
    model->publisher = open_one(manifests, model->publisher_id);
    close_one(&manifests);
}

void mm_catalog_model_open(struct mm_catalog_model *model, int root, const char *model_id)
{
    const char *slash = strchr(model_id, '/');
    size_t length = slash ? (size_t)(slash - model_id) : 0;
    if (!model->begun)
        model->publisher = model->folder = -1;
    model->begun = true;
    close_one(&model->folder);
    if (!slash)
        return;
    if (strncmp(model->publisher_id, model_id, length) != 0 || model->publisher_id[length]) {
        memcpy(model->publisher_id, model_id, length);
        model->publisher_id[length] = '\0';
        close_one(&model->publisher);
        open_publisher(model, root);
    }
    model->folder = open_one(model->publisher, slash + 1);
}

bool mm_catalog_model_text(const struct mm_catalog_model *model, const char *name, size_t limit, struct mm_buf *text)
{
    return model->begun && model->folder >= 0 && mm_file_read_in(model->folder, name, limit, text);
}

struct expected {
    char manifest[MM_CATALOG_MANIFEST_PATH];
    char signature[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX];
};

static int look(void *context, const char *name, int kind)
{
    const struct expected *expected = context;
    bool belongs = strcmp(name, expected->manifest) == 0 || strcmp(name, MM_PAGE_INDEX) == 0 ||
                   strcmp(name, expected->signature) == 0;
    return belongs && kind == DT_REG ? 0 : -1;
}

bool mm_catalog_model_alone(const struct mm_catalog_model *model, const struct mm_catalog_entry *entry)
{
    struct expected expected = {0};
    if (!model->begun || model->folder < 0 || !entry->beneath)
        return false;
    snprintf(expected.manifest, sizeof expected.manifest, "%" PRIu64 MM_CATALOG_MANIFEST_SUFFIX, entry->revision);
    if (entry->texts[MM_CATALOG_SIGNATURE_ROUTE].at)
        snprintf(expected.signature, sizeof expected.signature, "%s" MM_SIGNATURE_SUFFIX, expected.manifest);
    return mm_tree_names(model->folder, look, &expected) == 0;
}

void mm_catalog_model_release(struct mm_catalog_model *model)
{
    if (!model->begun)
        return;
    close_one(&model->folder);
    close_one(&model->publisher);
    model->begun = false;
}
