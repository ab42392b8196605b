#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int mm_user_path(char **path, const char *given, const char *variable, const char *base, const char *below,
                 const char *name)
{
    const char *whole = given ? given : environment(variable), *folder = environment(base), *user = environment("HOME");
    if (folder && *folder != '/')
        folder = NULL;
    *path = NULL;
    if (!whole && !folder && !user)
        return 0;
    int length = whole    ? asprintf(path, "%s", whole)
                 : folder ? asprintf(path, "%s/%s", folder, name)
                          : asprintf(path, "%s/%s/%s", user, below, name);
    if (length >= 0)
        return 1;
    *path = NULL;
    return -1;
}

int mm_beneath_make(char *path)
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

int mm_beneath_folder(int root, const char *path, bool create)
{
    char name[NAME_MAX + 1];
    int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
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

int mm_beneath_file(int root, const char *path)
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
    int folder = mm_beneath_folder(root, parent, false);
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
