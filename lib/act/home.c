#include "act/home.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define LOCK_NAME "lock"

/* ---- the home itself ---- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *mm_home_path(const char *given, struct mm_diags *diags)
{
    const char *home = given ? given : environment("MINIMODEL_HOME");
    const char *data = environment("XDG_DATA_HOME"), *user = environment("HOME");
    char *path = NULL;
    if (given && !*given) {
        mm_diag(diags, MM_RULE_STORE_HOME, "expected a folder's name, found an empty one");
        return NULL;
    }
    if (!home && !(data && *data == '/') && !user) {
        mm_diag(diags, MM_RULE_STORE_HOME, "expected MINIMODEL_HOME, XDG_DATA_HOME or HOME to be set, found none");
        return NULL;
    }
    int length = home                   ? asprintf(&path, "%s", home)
                 : data && *data == '/' ? asprintf(&path, "%s/minimodel", data)
                                        : asprintf(&path, "%s/.local/share/minimodel", user);
    if (length < 0) {
        mm_diag_memory(diags);
        return NULL;
    }
    return path;
}

/* Makes PATH and the folders above it; those that are there stay as they are. PATH is unchanged in the end. */
static int make_folders(char *path)
{
    for (char *at = path + 1; *at; at++)
        if (*at == '/' && at[-1] != '/') {
            *at = '\0';
            int result = mkdir(path, 0700);
            *at = '/';
            if (result < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
                return -1; /* the last two may be said of a folder that is there */
        }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int mm_home_open(const char *given, bool create, struct mm_diags *diags)
{
    const char *shown = diags->file;
    char *path = mm_home_path(given, diags);
    if (!path)
        return -1;
    diags->file = path;
    int home = open(path, FOLDER_FLAGS);
    if (home < 0 && create && errno == ENOENT && make_folders(path) == 0)
        home = open(path, FOLDER_FLAGS);
    if (home < 0)
        mm_diag_errno(diags, MM_RULE_STORE_HOME, create ? "cannot make or open the store" : "cannot open the store",
                      errno);
    diags->file = shown;
    free(path);
    return home;
}

/* ---- beneath it ---- */

static int open_below(int folder, const char *name, bool create)
{
    int below = openat(folder, name, FOLDER_FLAGS | O_NOFOLLOW);
    if (below >= 0 || !create || errno != ENOENT)
        return below;
    if (mkdirat(folder, name, 0700) < 0 && errno != EEXIST)
        return -1;
    if (fsync(folder) < 0 && errno != EINVAL) /* EINVAL: a file system that flushes no folders */
        return -1;
    return openat(folder, name, FOLDER_FLAGS | O_NOFOLLOW);
}

static void close_keeping_errno(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

int mm_home_open_folder(int home, const char *path, bool create)
{
    char name[NAME_MAX + 1];
    int folder = fcntl(home, F_DUPFD_CLOEXEC, 0);
    while (folder >= 0 && *path) {
        size_t length = strcspn(path, "/");
        int below = -1;
        errno = ENOENT;
        if (length > 0 && length <= NAME_MAX && !(length == 2 && memcmp(path, "..", 2) == 0)) {
            memcpy(name, path, length);
            name[length] = '\0';
            below = open_below(folder, name, create);
        }
        close_keeping_errno(folder);
        folder = below;
        path += length + (path[length] == '/');
    }
    return folder;
}

int mm_home_open_file(int home, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char parent[PATH_MAX] = "";
    struct stat info;
    if (name - path >= (ptrdiff_t)sizeof parent) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (slash)
        memcpy(parent, path, (size_t)(slash - path));
    int folder = mm_home_open_folder(home, parent, false);
    if (folder < 0)
        return -1;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    close_keeping_errno(folder);
    if (fd < 0)
        return -1;
    int known = fstat(fd, &info);
    if (known == 0 && S_ISREG(info.st_mode))
        return fd;
    close(fd);
    errno = known < 0 ? EIO : S_ISDIR(info.st_mode) ? EISDIR : ENXIO;
    return -1;
}

/* ---- the lock ---- */

static int open_lock(int home, bool exclusive)
{
    int store = mm_home_open_folder(home, "store", true);
    if (store < 0)
        return -1;
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = exclusive ? -1 : openat(store, LOCK_NAME, O_RDONLY | flags);
    if (fd < 0)
        fd = openat(store, LOCK_NAME, O_RDWR | O_CREAT | flags, 0600);
    close_keeping_errno(store);
    return fd;
}

static int take(int fd, int how)
{
    int result;
    do
        result = flock(fd, how);
    while (result < 0 && errno == EINTR);
    return result;
}

int mm_home_lock(int home, bool exclusive, struct mm_diags *diags)
{
    for (;;) { /* ends when a lock is held whose file nobody removed meanwhile */
        int fd = open_lock(home, exclusive);
        if (fd < 0 && !exclusive && (errno == EROFS || errno == EACCES || errno == EPERM || errno == ENOENT))
            return fcntl(home, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return mm_diag_errno(diags, MM_RULE_STORE_HOME, "cannot open the store's lock", errno);
        if (take(fd, exclusive ? LOCK_EX : LOCK_SH) < 0) {
            mm_diag_errno(diags, MM_RULE_STORE_HOME, "cannot lock the store", errno);
            close(fd);
            return -1;
        }
        if (!exclusive || mm_file_is_named(home, "store/" LOCK_NAME, fd))
            return fd;
        close(fd);
    }
}
