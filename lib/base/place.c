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

int mm_place_file(struct mm_place *place, int root, const char *path, const void *bytes, size_t length,
                  struct mm_diags *diags)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    char temporary[PATH_MAX];
    if (name_temporary(place, path, temporary, diags) < 0)
        return -1;
    make_last(place, root, path);
    int fd = openat(root, temporary, FLAGS, 0666);
    if (fd < 0 && errno == ENOENT) {
        if (mm_tree_make_for(root, path, diags) < 0)
            return -1;
        fd = openat(root, temporary, FLAGS, 0666);
    }
    if (fd < 0)
        return fails(diags, "create", path);
    int result = mm_file_write_all(fd, bytes, length, path, diags);
    if (close(fd) < 0 && result == 0)
        result = fails(diags, "write", path);
    if (result == 0 && renameat(root, temporary, root, path) < 0)
        result = fails(diags, "publish", path);
    if (result < 0)
        unlinkat(root, temporary, 0);
    return result;
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
