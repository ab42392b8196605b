#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/writeback.h"

#define MAKE_TRIES 8
#define NAMES_BLOCK 4096 /* bytes of names that are read at once */
#define FLUSH_THREADS 8  /* they wait for the device, whatever the processors */
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static int fails(struct mm_diags *diags, const char *what, const char *path)
{
    return mm_diag(diags, MM_RULE_IO_WRITE, "cannot %s %s: %s", what, path, strerror(errno));
}

/* Makes the folders of PATH up to LENGTH. */
static int make(int root, const char *path, size_t length, struct mm_diags *diags)
{
    char name[PATH_MAX];
    if (length >= sizeof name)
        return mm_diag(diags, MM_RULE_IO_WRITE, "expected a shorter path than %zu bytes", length);
    for (size_t at = 0, tries = 0; at < length; at++) {
        const char *slash = memchr(path + at, '/', length - at);
        at = slash ? (size_t)(slash - path) : length;
        memcpy(name, path, at);
        name[at] = '\0';
        if (mkdirat(root, name, 0777) == 0 || errno == EEXIST)
            continue;
        if (errno != ENOENT || ++tries > MAKE_TRIES)
            return fails(diags, "create the folder", name);
        at = (size_t)-1; /* somebody removed an empty folder above: from the beginning */
    }
    return 0;
}

int mm_tree_make(int root, const char *path, struct mm_diags *diags)
{
    return make(root, path, strlen(path), diags);
}

int mm_tree_make_for(int root, const char *path, struct mm_diags *diags)
{
    const char *slash = strrchr(path, '/');
    return make(root, path, slash ? (size_t)(slash - path) : 0, diags);
}

int mm_tree_open(int root, const char *path)
{
    return mm_beneath_folder(root, path, false);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

#ifdef __linux__
/* readdir asks the system four times more for each folder, which counts where there are many small ones. */
int mm_tree_names(int folder, mm_tree_name_fn *each, void *context)
{
    alignas(struct dirent64) char block[NAMES_BLOCK];
    ssize_t length;
    while ((length = getdents64(folder, block, sizeof block)) > 0)
        for (ssize_t at = 0; at < length;) {
            const struct dirent64 *entry = (const void *)(block + at);
            at += entry->d_reclen;
            if (!is_dot(entry->d_name) && each(context, entry->d_name, entry->d_type) < 0)
                return -1;
        }
    return length < 0 ? -1 : 0;
}
#else
int mm_tree_names(int folder, mm_tree_name_fn *each, void *context)
{
    const struct dirent *entry;
    int fd = fcntl(folder, F_DUPFD_CLOEXEC, 0), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    errno = 0;
    while (result == 0 && (entry = readdir(dir)))
        result = is_dot(entry->d_name) ? 0 : each(context, entry->d_name, entry->d_type);
    result = errno ? -1 : result;
    closedir(dir);
    return result;
}
#endif

int mm_tree_flush(int root, const char *path, struct mm_diags *diags)
{
    int fd = mm_tree_open(root, path);
    int result = fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? fails(diags, "flush the folder", path) : 0;
    if (fd >= 0)
        close(fd);
    return result;
}

/* What is done with each entry NAME of the folder FOLDER, which is open at DEPTH. */
typedef int entry_fn(void *context, int folder, const char *name, int depth, struct mm_diags *diags);

/* Calls EACH with every entry. Takes FD over. */
static int walk(int fd, const char *path, int depth, entry_fn *each, void *context, struct mm_diags *diags)
{
    DIR *dir = depth < MM_TREE_DEPTH ? fdopendir(fd) : NULL;
    int result = 0;
    if (!dir) {
        close(fd);
        return depth < MM_TREE_DEPTH
                   ? fails(diags, "read the folder", path)
                   : mm_diag(diags, MM_RULE_IO_LIMIT, "folders at most %d deep are walked", MM_TREE_DEPTH);
    }
    struct dirent *entry;
    errno = 0;
    while (result == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = each(context, dirfd(dir), entry->d_name, depth, diags);
        errno = 0;
    }
    if (result == 0 && errno)
        result = fails(diags, "read the folder", path);
    closedir(dir);
    return result;
}

static int remove_entry(void *context, int folder, const char *name, int depth, struct mm_diags *diags)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fails(diags, "look at", name);
    if (!S_ISDIR(info.st_mode))
        return unlinkat(folder, name, 0) < 0 && errno != ENOENT ? fails(diags, "remove", name) : 0;
    int below = openat(folder, name, FOLDER_FLAGS);
    if (below < 0) /* somebody else may be removing it too */
        return errno == ENOENT ? 0 : fails(diags, "open the folder", name);
    if (walk(below, name, depth + 1, remove_entry, context, diags) < 0)
        return -1;
    return unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? fails(diags, "remove the folder", name) : 0;
}

int mm_tree_remove(int root, const char *path, struct mm_diags *diags)
{
    return remove_entry(NULL, root, path, 0, diags);
}

static int remove_if_empty(void *context, int folder, const char *name, int depth, struct mm_diags *diags)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(info.st_mode))
        return 0;
    int below = openat(folder, name, FOLDER_FLAGS);
    if (below < 0)
        return fails(diags, "open the folder", name);
    if (walk(below, name, depth + 1, remove_if_empty, context, diags) < 0)
        return -1;
    return unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST
               ? fails(diags, "remove the folder", name)
               : 0;
}

int mm_tree_remove_empty(int root, struct mm_diags *diags)
{
    int copy = openat(root, ".", FOLDER_FLAGS);
    return copy < 0 ? fails(diags, "open the folder", ".") : walk(copy, ".", 0, remove_if_empty, NULL, diags);
}

static int sweep_file(void *context, int folder, const char *name, int depth, struct mm_diags *diags)
{
    struct stat info;
    (void)context, (void)depth;
    if (strncmp(name, MM_WRITER_TEMPORARY, strlen(MM_WRITER_TEMPORARY)) != 0 ||
        fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode))
        return 0;
    return unlinkat(folder, name, 0) < 0 && errno != ENOENT ? fails(diags, "remove", name) : 0;
}

static int sweep_entry(void *context, int folder, const char *name, int depth, struct mm_diags *diags)
{
    struct stat info;
    char shown[MM_SHOWN];
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fails(diags, "look at", name);
    if (S_ISLNK(info.st_mode))
        return mm_diag(diags, MM_RULE_IO_NOT_REGULAR, "expected files and folders alone, found the symbolic link %s",
                       mm_show(shown, name, strlen(name)));
    if (!S_ISDIR(info.st_mode))
        return sweep_file(context, folder, name, depth, diags);
    int below = openat(folder, name, FOLDER_FLAGS);
    return below < 0 ? fails(diags, "open the folder", name)
                     : walk(below, name, depth + 1, sweep_entry, context, diags);
}

int mm_tree_sweep(int root, const char *path, struct mm_diags *diags)
{
    if (path)
        return sweep_entry(NULL, root, path, 0, diags);
    int copy = openat(root, ".", FOLDER_FLAGS);
    return copy < 0 ? fails(diags, "open the folder", ".") : walk(copy, ".", 0, sweep_file, NULL, diags);
}

/* ---- sealing ---- */

struct sealing {
    struct mm_pool *pool; /* which flushes; NULL in the first pass */
    size_t count;         /* of what is to be flushed */
};

/* A file or folder on its way to the device. */
struct flushing {
    int fd;
    bool open; /* FD has to be closed */
    char name[NAME_MAX + 1];
};

static int flush_one(const void *context, void *slot, struct mm_diags *diags)
{
    struct flushing *f = slot;
    struct stat info;
    (void)context;
    bool flushed = fsync(f->fd) == 0;
    if (!flushed && errno == EINVAL) /* of folders some file systems know no such thing */
        flushed = fstat(f->fd, &info) == 0 && S_ISDIR(info.st_mode);
    return flushed ? 0 : fails(diags, "flush", f->name);
}

static void close_flushed(void *slot)
{
    struct flushing *f = slot;
    if (f->open)
        close(f->fd);
    f->open = false;
}

static int take_flushed(void *context, void *slot, int result, struct mm_diags *diags)
{
    (void)context, (void)diags;
    close_flushed(slot);
    return result;
}

/* Has FD flushed, which is taken over. */
static int give(const struct sealing *s, int fd, const char *name, struct mm_diags *diags)
{
    struct flushing *f = fd >= 0 ? mm_pool_slot(s->pool, diags) : NULL;
    if (fd < 0)
        return fails(diags, "flush", name);
    if (!f) {
        close(fd);
        return -1;
    }
    *f = (struct flushing){.fd = fd, .open = true};
    snprintf(f->name, sizeof f->name, "%s", name);
    mm_pool_give(s->pool);
    return 0;
}

/* Gives the file NAME its mode and hands it to the device. */
static int seal_file(int folder, const char *name, struct mm_diags *diags)
{
    struct stat info;
    int fd = openat(folder, name, FILE_FLAGS);
    bool known = fd >= 0 && fstat(fd, &info) == 0;
    bool sealed =
        known && ((info.st_mode & 07777) == 0444 || fchmod(fd, 0444) == 0); /* a change of mode changes ctime */
    struct mm_writeback writeback = {.fd = fd};
    int result = sealed && mm_writeback_end(&writeback, (uint64_t)info.st_size) == 0 ? 0 : fails(diags, "flush", name);
    if (fd >= 0)
        close(fd);
    return result;
}

/* What is a file is sealed or flushed, what is a folder is gone into, and flushed too; links are passed over. */
static int seal_entry(void *context, int folder, const char *name, int depth, struct mm_diags *diags)
{
    struct sealing *s = context;
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return fails(diags, "look at", name);
    if (S_ISLNK(info.st_mode))
        return 0;
    s->count++;
    if (S_ISREG(info.st_mode))
        return s->pool ? give(s, openat(folder, name, FILE_FLAGS), name, diags) : seal_file(folder, name, diags);
    int below = openat(folder, name, FOLDER_FLAGS);
    if (below < 0)
        return fails(diags, "open the folder", name);
    if (walk(below, name, depth + 1, seal_entry, s, diags) < 0)
        return -1;
    return s->pool ? give(s, openat(folder, name, FOLDER_FLAGS), name, diags) : 0;
}

static int seal_pass(int root, const char *path, struct sealing *s, struct mm_diags *diags)
{
    int fd = mm_tree_open(root, path);
    return fd < 0 ? fails(diags, "open the folder", path) : walk(fd, path, 0, seal_entry, s, diags);
}

/* The first pass lets the device work on all files while the second one waits for them, for several at once: what one waits for (a commit of
 * the journal with the new modes of all, an answer that nothing is left in the device's own memory) mostly does for others too. */
int mm_tree_seal(int root, const char *path, struct mm_diags *diags)
{
    static const struct mm_pool_kind kind = {sizeof(struct flushing), flush_one, take_flushed, close_flushed, 1};
    struct sealing s = {0};
    if (seal_pass(root, path, &s, diags) < 0)
        return -1;
    unsigned threads = s.count < FLUSH_THREADS ? (unsigned)s.count : FLUSH_THREADS;
    s.pool = mm_pool_new(&kind, &s, threads > 0 ? threads : 1, diags);
    if (!s.pool)
        return -1;
    int result = seal_pass(root, path, &s, diags);
    if (mm_pool_settle(s.pool, diags) < 0)
        result = -1;
    mm_pool_free(s.pool);
    return result < 0 ? -1 : mm_tree_flush(root, path, diags);
}

void mm_tree_prune(int root, const char *path)
{
    char name[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof name)
        return;
    memcpy(name, path, length + 1);
    while (unlinkat(root, name, AT_REMOVEDIR) == 0) {
        char *slash = strrchr(name, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}
