#include "act/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

void mm_folder_release(struct mm_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        free(folder->entries[i].path);
    free(folder->entries);
    *folder = (struct mm_folder){0};
}

#define TEXT_OF(number) #number
#define TEXT(macro) TEXT_OF(macro)
#define TOO_DEEP "folders at most " TEXT(MM_FOLDER_DEPTH) " deep are read"

static char *join(const char *folder, const char *name)
{
    size_t length = strlen(folder), size = strlen(name);
    char *path = malloc(length + size + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, length);
    if (length)
        path[length++] = '/';
    memcpy(path + length, name, size + 1);
    return path;
}

static int add(struct mm_folder *folder, char *path, enum mm_entry_kind kind, struct mm_diags *diags)
{
    if (folder->count >= MM_FOLDER_MAX) {
        folder->full = true;
        free(path);
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d files of one folder are read", MM_FOLDER_MAX);
    }
    if (!mm_grow(&folder->entries, folder->count, &folder->capacity, sizeof *folder->entries)) {
        folder->full = true;
        free(path);
        return mm_diag_memory(diags);
    }
    folder->entries[folder->count++] = (struct mm_folder_entry){path, kind};
    return 0;
}

static int list(struct mm_folder *folder, int fd, const char *prefix, int depth, struct mm_diags *diags);

/* The folder PATH cannot be listed, or not to its end. Returns 0 where that does not matter, or -1 with a finding. */
static int unlisted(struct mm_folder *folder, const char *path, enum mm_rule rule, const char *why,
                    struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    bool matters = !folder->goes_on || !*path || folder->matters(folder->context, path);
    char *copy = folder->goes_on ? strdup(path) : NULL;
    if (folder->goes_on && !copy) {
        folder->full = true;
        return mm_diag_memory(diags);
    }
    if (copy && add(folder, copy, MM_ENTRY_UNLISTED, diags) < 0)
        return -1;
    if (!matters)
        return 0;
    return *path ? mm_diag(diags, rule, "cannot read the folder %s: %s", mm_show(shown, path, strlen(path)), why)
                 : mm_diag(diags, rule, "cannot read the folder: %s", why);
}

static int list_entry(struct mm_folder *folder, int fd, const char *prefix, const char *name, int depth,
                      struct mm_diags *diags)
{
    struct stat info;
    char *path = join(prefix, name);
    if (!path) {
        folder->full = true;
        return mm_diag_memory(diags);
    }
    if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        int error = errno;
        free(path);
        if (folder->goes_on)
            return unlisted(folder, prefix, MM_RULE_IO_READ, strerror(error), diags);
        errno = error;
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at a file of the folder", errno);
    }
    if (!S_ISDIR(info.st_mode) || folder->names_only)
        return add(folder, path,
                   S_ISREG(info.st_mode)   ? MM_ENTRY_FILE
                   : S_ISLNK(info.st_mode) ? MM_ENTRY_LINK
                                           : MM_ENTRY_OTHER,
                   diags);
    int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = below < 0 ? unlisted(folder, path, MM_RULE_IO_OPEN, strerror(errno), diags)
                           : list(folder, below, path, depth + 1, diags);
    free(path);
    return result;
}

/* Takes FD over. */
static int list(struct mm_folder *folder, int fd, const char *prefix, int depth, struct mm_diags *diags)
{
    DIR *dir = depth < MM_FOLDER_DEPTH ? fdopendir(fd) : NULL;
    int result = 0;
    if (!dir) {
        int error = errno;
        close(fd);
        return depth < MM_FOLDER_DEPTH ? unlisted(folder, prefix, MM_RULE_IO_OPEN, strerror(error), diags)
                                       : unlisted(folder, prefix, MM_RULE_IO_LIMIT, TOO_DEEP, diags);
    }
    struct dirent *entry;
    errno = 0;
    while ((result == 0 || folder->goes_on) && !folder->full && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            list_entry(folder, dirfd(dir), prefix, entry->d_name, depth, diags) < 0)
            result = -1;
        errno = 0;
    }
    if (errno && !folder->full && unlisted(folder, prefix, MM_RULE_IO_READ, strerror(errno), diags) < 0)
        result = -1;
    closedir(dir);
    return result;
}

static int by_path(const void *a, const void *b)
{
    const struct mm_folder_entry *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static int list_all(struct mm_folder *folder, int fd, struct mm_diags *diags)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder->full = copy < 0;
    if (copy < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno);
    int result = list(folder, copy, "", 0, diags);
    if (folder->count)
        qsort(folder->entries, folder->count, sizeof *folder->entries, by_path);
    return result;
}

int mm_folder_list(struct mm_folder *folder, int fd, struct mm_diags *diags)
{
    *folder = (struct mm_folder){0};
    return list_all(folder, fd, diags);
}

int mm_folder_list_readable(struct mm_folder *folder, int fd, mm_folder_fn *matters, void *context,
                            struct mm_diags *diags)
{
    *folder = (struct mm_folder){.goes_on = true, .matters = matters, .context = context};
    return list_all(folder, fd, diags);
}

int mm_folder_list_names(struct mm_folder *folder, int fd, struct mm_diags *diags)
{
    *folder = (struct mm_folder){.names_only = true};
    return list_all(folder, fd, diags);
}
