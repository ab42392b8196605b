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

#define TEMPORARY (sizeof MM_WRITER_TEMPORARY + MM_PLACE_PREFIX + 1 + MM_DECIMAL_DIGITS)
#define NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

/* A name that nobody else uses, of a file that is to be PATH. */
static int name_temporary(struct mm_place *place, const char *path, char out[static TEMPORARY], struct mm_diags *diags)
{
    unsigned char noise[MM_PLACE_PREFIX / 2];
    if (!place->prefix[0]) {
        if (mm_random(noise, sizeof noise) < 0)
            return fails(diags, "name a temporary file for", path);
        mm_hex(place->prefix, noise, sizeof noise);
    }
    snprintf(out, TEMPORARY, MM_WRITER_TEMPORARY "%s-%" PRIu64, place->prefix, place->count++);
    return 0;
}

static const char *last_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Opens the folder of PATH, which is made where it lacks. Returns the descriptor, or -1 with a finding. */
static int open_folder(int root, const char *path, struct mm_diags *diags)
{
    char folder[PATH_MAX] = ".";
    size_t length = (size_t)(last_of(path) - path);
    errno = ENAMETOOLONG;
    if (length > sizeof folder)
        return fails(diags, "open the folder of", path);
    if (length > 0) {
        memcpy(folder, path, length - 1);
        folder[length - 1] = '\0';
    }
    int fd = mm_tree_open(root, folder);
    if (fd < 0 && errno == ENOENT) {
        if (mm_tree_make_for(root, path, diags) < 0)
            return -1;
        fd = mm_tree_open(root, folder);
    }
    return fd >= 0 ? fd : fails(diags, "open the folder of", path);
}

/* Writes the file FD, which is closed, and takes NAME in FOLDER away again where that fails. */
static int fill(int fd, int folder, const char *name, const char *path, const void *bytes, size_t length,
                struct mm_diags *diags)
{
    int result = mm_file_write_all(fd, bytes, length, path, diags);
    if (close(fd) < 0 && result == 0)
        result = fails(diags, "write", path);
    if (result < 0)
        unlinkat(folder, name, 0);
    return result;
}

static int replace(struct mm_place *place, int folder, const char *path, const void *bytes, size_t length,
                   struct mm_diags *diags)
{
    char temporary[TEMPORARY];
    if (name_temporary(place, path, temporary, diags) < 0)
        return -1;
    int fd = openat(folder, temporary, NEW_FILE, 0666);
    if (fd < 0)
        return fails(diags, "create", path);
    if (fill(fd, folder, temporary, path, bytes, length, diags) < 0)
        return -1;
    if (renameat(folder, temporary, folder, last_of(path)) == 0)
        return 0;
    fails(diags, "publish", path);
    unlinkat(folder, temporary, 0);
    return -1;
}

/* Is PATH, in FOLDER, a regular file that holds BYTES? What cannot be read is none. */
static bool holds(int folder, const char *path, const void *bytes, size_t length)
{
    char block[16384];
    const char *rest = bytes;
    ssize_t got = -1;
    struct stat info;
    int fd = openat(folder, last_of(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
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

int mm_place_file(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                  struct mm_diags *diags)
{
    int folder = open_folder(root, path, diags);
    if (folder < 0)
        return -1;
    int result = replace(place, folder, path, bytes, length, diags);
    close(folder);
    return result;
}

int mm_place_first_in(int folder, const char *path, const void *bytes, size_t length, struct mm_diags *diags)
{
    const char *name = last_of(path);
    int fd = openat(folder, name, NEW_FILE, 0666);
    if (fd < 0)
        return errno == EEXIST ? 0 : fails(diags, "create", path);
    return fill(fd, folder, name, path, bytes, length, diags) < 0 ? -1 : 1;
}

int mm_place_unknown(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                     struct mm_diags *diags)
{
    int folder = open_folder(root, path, diags);
    if (folder < 0)
        return -1;
    int result = mm_place_first_in(folder, path, bytes, length, diags);
    if (result == 0 && !holds(folder, path, bytes, length))
        result = replace(place, folder, path, bytes, length, diags);
    close(folder);
    return result < 0 ? -1 : 0;
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
