/* The file in the partial import that one artifact's bytes go to: what an earlier run left, an equal file of the store, the
 * source's bytes shared, or an empty one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include "act/import_parts.h"
#include "base/checked.h"
#include "base/tree.h"

static int create(struct mm_import *i, const struct mm_item *item)
{
    int fd = openat(i->files, item->claim.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd >= 0 ? fd
                   : mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot create %s: %s", item->claim.path, strerror(errno));
}

static bool reflink(int to, int from)
{
#ifdef FICLONE
    return ioctl(to, FICLONE, from) == 0;
#else
    (void)to, (void)from;
    return false;
#endif
}

int mm_item_whole_file(const struct mm_item *item)
{
    const struct mm_intake *intake = &item->intake;
    for (size_t root = item->first_root; root < intake->supply->root_count; root++)
        if (intake->files[root] >= 0 && (uint64_t)intake->before[root].st_size == item->claim.chunks.bytes)
            return intake->files[root];
    return -1;
}

/* A second name for the very file that is open as FD. Another user's would stay his to write. */
static bool hard_link(struct mm_import *i, const struct mm_item *item, int fd)
{
    char source[40];
    struct stat info;
    if (fstat(fd, &info) < 0 || info.st_uid != geteuid()) {
        errno = EPERM;
        return false;
    }
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    unlinkat(i->files, item->claim.path, 0);
    return linkat(AT_FDCWD, source, i->files, item->claim.path, AT_SYMLINK_FOLLOW) == 0;
}

/* Shares the bytes of a source's file where that is wanted and can be done. */
static int share(struct mm_import *i, struct mm_item *item, int file)
{
    int fd = create(i, item);
    if (fd < 0)
        return -1;
    bool shared = item->claim.chunks.bytes > 0 && reflink(fd, file);
    close(fd);
    if (shared) {
        item->how = MM_ITEM_REFLINKED;
    } else if (i->options->link) {
        if (hard_link(i, item, file))
            item->how = MM_ITEM_HARD_LINKED;
        else
            mm_note(i->diags, MM_RULE_STORE_LINK, "%s is copied, as it cannot be linked: %s", item->claim.path,
                    strerror(errno));
    }
    return 0;
}

/* Nothing is there yet: an equal file of the store, a link to a source's, or an empty file. */
static int begin_file(struct mm_import *i, struct mm_item *item)
{
    const char *equal = mm_shelf_equal(&i->shelf, &item->claim);
    if (equal && linkat(i->home, equal, i->files, item->claim.path, 0) == 0) {
        item->how = MM_ITEM_REUSED;
    } else {
        if (mm_intake_open(&item->intake, i->supply, &item->claim, i->diags) < 0)
            return -1;
        int file = mm_item_whole_file(item);
        int result = file >= 0 ? share(i, item, file) : 0;
        mm_intake_release(&item->intake);
        if (result < 0)
            return -1;
    }
    if (item->how != MM_ITEM_COPIED)
        item->kept = item->claim.chunks.bytes;
    item->needed = item->claim.chunks.bytes - item->kept;
    return 0;
}

/* A file with another name is not written to: it is somebody's. */
static bool is_shared(const struct mm_item *item)
{
    return item->how == MM_ITEM_REUSED || item->how == MM_ITEM_HARD_LINKED;
}

/* An earlier run left INFO: whole chunks of it are taken, after they were hashed again. */
static int continue_file(struct mm_import *i, struct mm_item *item, const struct stat *info)
{
    uint64_t bytes = item->claim.chunks.bytes, size = item->claim.chunks.size, there = (uint64_t)info->st_size;
    if (!(info->st_mode & S_IWUSR) && fchmodat(i->files, item->claim.path, 0644, 0) < 0) /* nearly published */
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot write %s: %s", item->claim.path, strerror(errno));
    item->kept = there >= bytes ? bytes : there / size * size;
    item->needed = bytes - item->kept;
    item->needed += item->holes.count * size;
    return 0;
}

int mm_item_unlink_shared(struct mm_import *i, struct mm_item *item)
{
    struct stat info;
    if (fstatat(i->files, item->claim.path, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_nlink > 1 &&
        !S_ISDIR(info.st_mode) && unlinkat(i->files, item->claim.path, 0) < 0)
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", item->claim.path, strerror(errno));
    return 0;
}

/* True if INFO is worth to be continued: our own file with whole chunks in it, and nothing in the store that saves the rest. */
static bool is_worth(const struct mm_import *i, const struct mm_item *item, const struct stat *info)
{
    uint64_t bytes = item->claim.chunks.bytes, there = (uint64_t)info->st_size;
    bool own = S_ISREG(info->st_mode) && info->st_nlink == 1 && info->st_uid == geteuid();
    bool whole = there == bytes && item->holes.count == 0;
    return own && there <= bytes &&
           (whole || (there >= item->claim.chunks.size && !mm_shelf_equal(&i->shelf, &item->claim)));
}

int mm_item_prepare(struct mm_import *i, struct mm_item *item)
{
    struct stat info;
    if (i->options->in_place) {
        item->how = MM_ITEM_IN_PLACE;
        return 0;
    }
    if (mm_tree_make_for(i->files, item->claim.path, i->diags) < 0)
        return -1;
    bool there = fstatat(i->files, item->claim.path, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && is_worth(i, item, &info))
        return continue_file(i, item, &info);
    if (there && unlinkat(i->files, item->claim.path, 0) < 0) /* a link costs nothing to make again */
        return mm_diag(i->diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", item->claim.path, strerror(errno));
    return begin_file(i, item);
}

int mm_item_open_file(struct mm_import *i, struct mm_item *item)
{
    item->fd =
        is_shared(item) ? openat(i->files, item->claim.path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : create(i, item);
    if (item->fd < 0 && is_shared(item))
        mm_diag(i->diags, MM_RULE_IO_OPEN, "cannot open %s: %s", item->claim.path, strerror(errno));
    return item->fd;
}
