#include "act/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/tree.h"

void mm_store_model(struct mm_store_model *model, const char *id, uint64_t revision)
{
    snprintf(model->id, sizeof model->id, "%s", id);
    model->revision = revision;
    snprintf(model->path, sizeof model->path, MM_STORE_MODELS "/%s/%" PRIu64, model->id, revision);
}

void mm_store_list_release(struct mm_store_list *list)
{
    free(list->models);
    *list = (struct mm_store_list){0};
}

/* ---- listing ---- */

struct listing {
    int home;
    bool strict;
    struct mm_store_list *list;
    struct mm_diags *diags;
};

/* Calls EACH with the path of every folder in the folder PATH. A folder that is not there has none. */
static int each_folder(struct listing *l, const char *path, int (*each)(struct listing *l, const char *path));

static int surplus(struct listing *l, const char *path, const char *expected)
{
    char shown[MM_SHOWN];
    if (l->strict)
        mm_diag(l->diags, MM_RULE_STORE_SURPLUS, "expected %s, found %s", expected, mm_show(shown, path, strlen(path)));
    return 0;
}

static int add_revision(struct listing *l, const char *path)
{
    uint64_t revision;
    const char *id = path + strlen(MM_STORE_MODELS) + 1, *slash = strrchr(path, '/');
    size_t length = (size_t)(slash - id);
    struct mm_value_fault fault = {0};
    struct mm_store_list *list = l->list;
    if (!mm_number(slash + 1, strlen(slash + 1), MM_NUMBER_MAX, &revision) || revision == 0)
        return surplus(l, path, "a revision's folder");
    if (!mm_field_check(MM_FIELD_MODEL_ID, id, length, &fault))
        return surplus(l, path, "a model's folder");
    if (list->count >= MM_STORE_LIST_MAX)
        return mm_diag(l->diags, MM_RULE_IO_LIMIT, "expected at most %d models, found more", MM_STORE_LIST_MAX);
    if (!mm_grow(&list->models, list->count, &list->capacity, sizeof *list->models))
        return mm_diag_memory(l->diags);
    char text[132];
    memcpy(text, id, length);
    text[length] = '\0';
    mm_store_model(&list->models[list->count++], text, revision);
    return 0;
}

static int add_name(struct listing *l, const char *path)
{
    return each_folder(l, path, add_revision);
}

static int add_publisher(struct listing *l, const char *path)
{
    return each_folder(l, path, add_name);
}

static int add_entry(struct listing *l, const char *folder, const char *name, int fd,
                     int (*each)(struct listing *l, const char *path))
{
    struct stat info;
    char path[MM_STORE_PATH];
    bool fits = (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path;
    if (fits && fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : mm_diag_errno(l->diags, MM_RULE_IO_READ, "cannot look at the store", errno);
    return fits && S_ISDIR(info.st_mode) ? each(l, path) : surplus(l, path, "folders alone");
}

static int each_folder(struct listing *l, const char *path, int (*each)(struct listing *l, const char *path))
{
    int fd = mm_tree_open(l->home, path), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd < 0 && errno == ENOENT)
            return 0;
        mm_diag(l->diags, MM_RULE_IO_OPEN, "cannot open the folder %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    struct dirent *entry;
    errno = 0;
    while (result == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = add_entry(l, path, entry->d_name, dirfd(dir), each);
        errno = 0;
    }
    if (result == 0 && errno)
        result = mm_diag(l->diags, MM_RULE_IO_READ, "cannot read the folder %s: %s", path, strerror(errno));
    closedir(dir);
    return result;
}

static int by_model(const void *a, const void *b)
{
    const struct mm_store_model *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->revision > y->revision) - (x->revision < y->revision);
}

int mm_store_list(int home, bool strict, struct mm_store_list *list, struct mm_diags *diags)
{
    struct listing l = {home, strict, list, diags};
    *list = (struct mm_store_list){0};
    int result = each_folder(&l, MM_STORE_MODELS, add_publisher);
    if (list->count)
        qsort(list->models, list->count, sizeof *list->models, by_model);
    return result;
}

const struct mm_store_model *mm_store_in(const struct mm_store_list *list, const struct mm_store_model *model)
{
    return list->count ? bsearch(model, list->models, list->count, sizeof *list->models, by_model) : NULL;
}

/* ---- one model ---- */

static bool is_there(int home, const struct mm_store_model *model)
{
    struct stat info;
    return fstatat(home, model->path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static int find_highest(int home, const char *id, struct mm_store_model *model, struct mm_diags *diags)
{
    struct mm_store_list list = {0};
    bool found = false;
    int result = mm_store_list(home, false, &list, diags);
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.models[i].id, id) == 0) {
            *model = list.models[i];
            found = true;
        }
    mm_store_list_release(&list);
    if (result == 0 && !found)
        result = mm_diag(diags, MM_RULE_STORE_MODEL, "expected a model of the store, found nothing called %s", id);
    return result;
}

int mm_store_find(int home, const char *name, struct mm_store_model *model, struct mm_diags *diags)
{
    char id[sizeof model->id], shown[MM_SHOWN];
    const char *at = strchr(name, '@');
    size_t length = at ? (size_t)(at - name) : strlen(name);
    uint64_t revision = 0;
    struct mm_value_fault fault = {0};
    if (!mm_field_check(MM_FIELD_MODEL_ID, name, length, &fault) ||
        (at && (!mm_number(at + 1, strlen(at + 1), MM_NUMBER_MAX, &revision) || revision == 0)))
        return mm_diag(diags, MM_RULE_STORE_MODEL, "expected PUBLISHER/NAME[@REVISION], found '%s'",
                       mm_show(shown, name, strlen(name)));
    memcpy(id, name, length);
    id[length] = '\0';
    if (!at)
        return find_highest(home, id, model, diags);
    mm_store_model(model, id, revision);
    if (!is_there(home, model))
        return mm_diag(diags, MM_RULE_STORE_MODEL, "expected a model of the store, found nothing called %s", name);
    return 0;
}

int mm_store_manifest(int home, const struct mm_store_model *model, struct mm_manifest *manifest,
                      struct mm_diags *diags)
{
    char path[MM_STORE_PATH + 16];
    const char *shown = diags->file;
    *manifest = (struct mm_manifest){0};
    snprintf(path, sizeof path, "%s/manifest", model->path);
    diags->file = path;
    int fd = mm_file_open_beneath(home, path, MM_LINKS_BENEATH);
    int result = fd < 0 ? mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno)
                        : mm_manifest_read_file(manifest, fd, diags);
    if (fd >= 0)
        close(fd);
    diags->file = shown;
    return result;
}

/* ---- changing the store ---- */

static int take_lock(int fd, bool wait, bool *waited)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return -1;
    *waited = true;
    if (!wait)
        return -1;
    int result;
    do
        result = flock(fd, LOCK_EX);
    while (result < 0 && errno == EINTR);
    return result;
}

int mm_store_lock(int home, const char *path, bool wait, bool *waited, struct mm_diags *diags)
{
    if (mm_tree_make_for(home, path, diags) < 0)
        return -1;
    for (;;) { /* ends when a lock is held whose file nobody removed meanwhile */
        int fd = openat(home, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return mm_diag(diags, MM_RULE_STORE_HOME, "cannot open the lock %s: %s", path, strerror(errno));
        if (take_lock(fd, wait, waited) < 0) {
            int error = errno;
            close(fd);
            errno = error;
            if (error == EWOULDBLOCK)
                return -1;
            return mm_diag(diags, MM_RULE_STORE_HOME, "cannot take the lock %s: %s", path, strerror(error));
        }
        if (mm_file_is_named(home, path, fd)) /* whoever held it may have removed it */
            return fd;
        close(fd);
    }
}

int mm_store_hide(int home, const char *path, char trash[static MM_STORE_TRASH_PATH], struct mm_diags *diags)
{
    unsigned char noise[8];
    int used = snprintf(trash, MM_STORE_TRASH_PATH, MM_STORE_TRASH "/");
    if (mm_tree_make(home, MM_STORE_TRASH, diags) < 0)
        return -1;
    if (mm_random(noise, sizeof noise) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot get random bytes");
    mm_hex(trash + used, noise, sizeof noise);
    if (renameat(home, path, home, trash) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot move %s away: %s", path, strerror(errno));
    return 0;
}

int mm_store_discard(int home, const char *path, struct mm_diags *diags)
{
    char trash[MM_STORE_TRASH_PATH];
    return mm_store_hide(home, path, trash, diags) < 0 ? -1 : mm_tree_remove(home, trash, diags);
}
