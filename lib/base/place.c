#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/thread.h"
#include "base/tree.h"

static int fails(struct mm_diags *diags, const char *what, const char *path)
{
    return mm_diag(diags, MM_RULE_IO_WRITE, "cannot %s %s: %s", what, path, strerror(errno));
}

/* A name in the folder of PATH that nobody else uses. */
static int name_temporary(struct mm_place *place, const char *path, char out[static PATH_MAX], struct mm_diags *diags)
{
    unsigned char noise[MM_PLACE_PREFIX / 2];
    const char *slash = strrchr(path, '/');
    if (!place->prefix[0]) {
        if (mm_random(noise, sizeof noise) < 0)
            return fails(diags, "name a temporary file for", path);
        mm_hex(place->prefix, noise, sizeof noise);
    }
    int length = snprintf(out, PATH_MAX, "%.*s" MM_WRITER_TEMPORARY "%s-%" PRIu64, slash ? (int)(slash + 1 - path) : 0,
                          path, place->prefix, place->count++);
    errno = ENAMETOOLONG;
    return length < PATH_MAX ? 0 : fails(diags, "name a temporary file for", path);
}

/* The folder of PATH itself, which mostly is the only one that lacks, unless the file before stands in it too. */
static void make_last(struct mm_place *place, int root, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length == 0 || length >= sizeof place->folder ||
        (strncmp(place->folder, path, length) == 0 && place->folder[length] == '\0'))
        return;
    memcpy(place->folder, path, length);
    place->folder[length] = '\0';
    (void)mkdirat(root, place->folder, 0777); /* if it fails, what follows does */
}

#define NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

/* Creates the file NAME in the folder of PATH, which is made where it lacks. Returns the descriptor; -1 with *EXISTS
 * (NULL: that is a failure too) where something of this name is there; -1 with a finding. */
static int create(struct mm_place *place, int root, const char *name, const char *path, bool *exists,
                  struct mm_diags *diags)
{
    if (!place->folders)
        make_last(place, root, path);
    int fd = openat(root, name, NEW_FILE, 0666);
    if (fd < 0 && errno == ENOENT) {
        if (mm_tree_make_for(root, path, diags) < 0)
            return -1;
        fd = openat(root, name, NEW_FILE, 0666);
    }
    if (fd < 0 && errno == EEXIST && exists) {
        *exists = true;
        return -1;
    }
    return fd >= 0 ? fd : fails(diags, "create", path);
}

/* Writes the file FD, which is closed, and takes NAME away again where that fails. */
static int fill(int fd, int root, const char *name, const char *path, const void *bytes, size_t length,
                struct mm_diags *diags)
{
    int result = mm_file_write_all(fd, bytes, length, path, diags);
    if (close(fd) < 0 && result == 0)
        result = fails(diags, "write", path);
    if (result < 0)
        unlinkat(root, name, 0);
    return result;
}

int mm_place_file(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                  struct mm_diags *diags)
{
    char temporary[PATH_MAX];
    if (name_temporary(place, path, temporary, diags) < 0)
        return -1;
    int fd = create(place, root, temporary, path, NULL, diags);
    if (fd < 0 || fill(fd, root, temporary, path, bytes, length, diags) < 0)
        return -1;
    if (renameat(root, temporary, root, path) == 0)
        return 0;
    fails(diags, "publish", path);
    unlinkat(root, temporary, 0);
    return -1;
}

/* Is PATH a regular file that holds BYTES? What cannot be read is none. */
static bool holds(int root, const char *path, const void *bytes, size_t length)
{
    char block[16384];
    const char *rest = bytes;
    ssize_t got = -1;
    struct stat info;
    int fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool regular = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == (off_t)length;
    while (regular && (got = read(fd, block, sizeof block)) > 0 && (size_t)got <= length &&
           memcmp(rest, block, (size_t)got) == 0) {
        rest += got;
        length -= (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return got == 0 && length == 0;
}

int mm_place_first(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                   struct mm_diags *diags)
{
    bool exists = false;
    int fd = create(place, root, path, path, &exists, diags);
    if (fd < 0)
        return exists ? 0 : -1;
    return fill(fd, root, path, path, bytes, length, diags) < 0 ? -1 : 1;
}

int mm_place_first_in(int folder, const char *path, const void *bytes, size_t length, struct mm_diags *diags)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int fd = openat(folder, name, NEW_FILE, 0666);
    if (fd < 0)
        return errno == EEXIST ? 0 : fails(diags, "create", path);
    return fill(fd, folder, name, path, bytes, length, diags) < 0 ? -1 : 1;
}

int mm_place_unknown(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                     struct mm_diags *diags)
{
    int first = mm_place_first(place, root, path, bytes, length, diags);
    if (first != 0)
        return first < 0 ? -1 : 0;
    return holds(root, path, bytes, length) ? 0 : mm_place_file(place, root, path, bytes, length, diags);
}

int mm_place_flush(int root, struct mm_diags *diags)
{
#ifdef __linux__
    return syncfs(root) < 0 ? fails(diags, "flush the file system of", "the catalog") : 0;
#else
    (void)root, (void)diags;
    sync();
    return 0;
#endif
}

static void *flush_folder(void *context)
{
    struct mm_place_flusher *flusher = context;
#ifdef __linux__
    (void)syncfs(flusher->folder);
#endif
    atomic_store(&flusher->busy, false);
    return NULL;
}

void mm_place_flush_await(struct mm_place_flusher *flusher)
{
    if (!flusher->started)
        return;
    pthread_join(flusher->thread, NULL);
    close(flusher->folder);
    flusher->started = false;
}

/* An error that the thread's own descriptor is told is told to the caller's too. */
void mm_place_flush_beside(struct mm_place_flusher *flusher, int root)
{
    if (++flusher->files < MM_PLACE_FLUSH_FILES || (flusher->started && atomic_load(&flusher->busy)))
        return;
    mm_place_flush_await(flusher);
    flusher->files = 0;
    flusher->folder = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (flusher->folder < 0)
        return;
    atomic_store(&flusher->busy, true);
    flusher->started = mm_thread_start(&flusher->thread, flush_folder, flusher);
    if (!flusher->started)
        close(flusher->folder);
}
