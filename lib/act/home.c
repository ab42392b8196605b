#include "act/home.h"

#include "base/beneath.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define LOCK_NAME "lock"

/* ---- the home itself ---- */

char *mm_home_path(const char *given, struct mm_diags *diags)
{
    char *path = NULL;
    if (given && !*given) {
        mm_diag(diags, MM_RULE_STORE_HOME, "expected a folder's name, found an empty one");
        return NULL;
    }
    int named = mm_user_path(&path, given, "MINIMODEL_HOME", "XDG_DATA_HOME", ".local/share", "minimodel");
    if (named < 0)
        mm_diag_memory(diags);
    else if (named == 0)
        mm_diag(diags, MM_RULE_STORE_HOME, "expected MINIMODEL_HOME, XDG_DATA_HOME or HOME to be set, found none");
    return path;
}

int mm_home_open(const char *given, bool create, struct mm_diags *diags)
{
    const char *shown = diags->file;
    char *path = mm_home_path(given, diags);
    if (!path)
        return -1;
    diags->file = path;
    int home = open(path, FOLDER_FLAGS);
    if (home < 0 && create && errno == ENOENT && mm_beneath_make(path) == 0)
        home = open(path, FOLDER_FLAGS);
    if (home < 0)
        mm_diag_errno(diags, MM_RULE_STORE_HOME, create ? "cannot make or open the store" : "cannot open the store",
                      errno);
    diags->file = shown;
    free(path);
    return home;
}

/* ---- the lock ---- */

static int open_lock(int home, bool exclusive)
{
    int store = mm_beneath_folder(home, "store", true);
    if (store < 0)
        return -1;
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = exclusive ? -1 : openat(store, LOCK_NAME, O_RDONLY | flags);
    if (fd < 0)
        fd = openat(store, LOCK_NAME, O_RDWR | O_CREAT | flags, 0600);
    int error = errno;
    close(store);
    errno = error;
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
