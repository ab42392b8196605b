#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif
#include <sys/random.h>
#include <sys/syscall.h>
#endif

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

/* O_NONBLOCK keeps a FIFO from hanging the open; on regular files it has no effect. */
#define FILE_FLAGS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
#define READ_FLAGS (O_RDONLY | FILE_FLAGS)

/* Returns FD, and what is known of the file in INFO; closes what is none, with errno. */
static int refuse_irregular(int fd, struct stat *info)
{
    if (fd < 0)
        return -1;
    int known = fstat(fd, info);
    if (known == 0 && S_ISREG(info->st_mode))
        return fd;
    int kind = known < 0 ? EIO : S_ISDIR(info->st_mode) ? EISDIR : ENXIO;
    close(fd);
    errno = kind;
    return -1;
}

static int open_regular(const char *path, struct stat *info, struct mm_diags *diags)
{
    int fd = refuse_irregular(open(path, READ_FLAGS), info);
    if (fd >= 0)
        return fd;
    if (errno == EISDIR || errno == ENXIO)
        return mm_diag(diags, MM_RULE_IO_NOT_REGULAR, "expected a regular file, found %s",
                       errno == EISDIR ? "a folder" : "a device, pipe or socket");
    return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
}

int mm_file_open(const char *path, struct mm_diags *diags)
{
    struct stat info;
    return open_regular(path, &info, diags);
}

int mm_file_open_folder(const char *path, struct mm_diags *diags)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno);
}

/* One component beneath FOLDER, a link refused as such; the last one is opened with FLAGS. */
static int open_component(int folder, const char *name, bool last, int flags)
{
    struct stat info;
    if (strcmp(name, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode)) {
        errno = ELOOP;
        return -1;
    }
    return openat(folder, name, last ? flags | O_NOFOLLOW : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Component by component, no link followed at all: for systems without openat2. */
static int open_walking(int root, const char *path, int flags)
{
    char component[NAME_MAX + 1];
    if (*path == '/' || !*path) {
        errno = *path ? EXDEV : ENOENT;
        return -1;
    }
    int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
    while (folder >= 0) {
        const char *slash = strchr(path, '/');
        size_t length = slash ? (size_t)(slash - path) : strlen(path);
        int next = -1;
        errno = ENAMETOOLONG;
        if (length <= NAME_MAX) {
            memcpy(component, path, length);
            component[length] = '\0';
            next = open_component(folder, component, !slash, flags);
        }
        int error = errno;
        close(folder);
        errno = error;
        if (next < 0 || !slash)
            return next;
        folder = next;
        path = slash + 1;
    }
    return -1;
}

static int open_beneath(int root, const char *path, enum mm_links links, int flags)
{
    struct stat info;
    if (links == MM_LINKS_FOLLOW)
        return refuse_irregular(openat(root, path, flags), &info);
#if defined SYS_openat2 && defined RESOLVE_BENEATH
    struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    if (links == MM_LINKS_NONE)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    /* EAGAIN: a rename raced with the look-up; a few tries are enough for an honest folder */
    for (int attempt = 0; attempt < 8; attempt++) {
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        bool unknown = fd < 0 && (errno == ENOSYS || errno == EPERM); /* an old kernel, or a filter of system calls */
        if (unknown)
            break;
        if (fd >= 0 || errno != EAGAIN)
            return refuse_irregular(fd, &info);
    }
#endif
    return refuse_irregular(open_walking(root, path, flags), &info);
}

int mm_file_open_beneath(int root, const char *path, enum mm_links links)
{
    return open_beneath(root, path, links, READ_FLAGS);
}

int mm_file_open_beneath_to_write(int root, const char *path, enum mm_links links)
{
    return open_beneath(root, path, links, O_RDWR | FILE_FLAGS);
}

uint64_t mm_file_size(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
}

bool mm_file_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool one_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool mm_file_is(const char *path, int folder, const char *name)
{
    struct stat a, b;
    return stat(path, &a) == 0 && fstatat(folder, name, &b, 0) == 0 && one_file(&a, &b);
}

bool mm_file_is_open(const char *path, int fd)
{
    struct stat a, b;
    return stat(path, &a) == 0 && fstat(fd, &b) == 0 && one_file(&a, &b);
}

bool mm_file_is_named(int folder, const char *name, int fd)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && fstatat(folder, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && one_file(&a, &b);
}

/* SIZE is that of a regular file, 0 where it is not known: a read that ends there, and had room for more, has seen the end. */
static int read_all(int fd, uint64_t size, size_t limit, struct mm_buf *buf, struct mm_diags *diags)
{
    char block[65536];
    for (;;) {
        size_t left = limit + 1 - buf->length, room = left < sizeof block ? left : sizeof block;
        ssize_t got = read(fd, block, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
        if (got == 0)
            return 0;
        mm_buf_add(buf, block, (size_t)got);
        if (buf->failed)
            return mm_diag_memory(diags);
        if (buf->length > limit)
            return 1;
        if ((size_t)got < room && buf->length == size)
            return 0;
    }
}

int mm_file_read_all(int fd, size_t limit, struct mm_buf *buf, struct mm_diags *diags)
{
    return read_all(fd, 0, limit, buf, diags);
}

int mm_file_read_path(const char *path, size_t limit, struct mm_buf *buf, struct mm_diags *diags)
{
    struct stat info;
    if (buf->failed)
        mm_buf_release(buf);
    mm_buf_clear(buf);
    int fd = open_regular(path, &info, diags);
    if (fd < 0)
        return -1;
    int result = read_all(fd, (uint64_t)info.st_size, limit, buf, diags);
    close(fd);
    return result;
}

/* Without the time of the last access, which would have to be written: whoever owns the file may ask for that. */
static int open_unnoted(int folder, const char *name, int flags)
{
#ifdef O_NOATIME
    int fd = openat(folder, name, flags | O_NOATIME);
    if (fd >= 0 || errno != EPERM)
        return fd;
#endif
    return openat(folder, name, flags);
}

int mm_file_open_folder_in(int folder, const char *name)
{
    return open_unnoted(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool mm_file_read_in(int folder, const char *name, size_t limit, struct mm_buf *buf)
{
    struct stat info;
    struct mm_diags ignored;
    if (buf->failed)
        mm_buf_release(buf);
    mm_buf_clear(buf);
    int fd = refuse_irregular(open_unnoted(folder, name, READ_FLAGS | O_NOFOLLOW), &info);
    if (fd < 0)
        return false;
    mm_diags_init(&ignored);
    bool whole = read_all(fd, (uint64_t)info.st_size, limit, buf, &ignored) == 0;
    mm_diags_release(&ignored);
    close(fd);
    return whole;
}

int mm_file_read_at(int fd, uint64_t offset, void *out, size_t length, struct mm_diags *diags)
{
    char *at = out;
    while (length > 0) {
        ssize_t got = pread(fd, at, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_diag(diags, MM_RULE_IO_READ, "cannot read at %" PRIu64 ": %s", offset, strerror(errno));
        if (got == 0)
            return mm_diag(diags, MM_RULE_IO_CHANGED,
                           "expected %zu more bytes at %" PRIu64 ", found the end of the file, which shrank", length,
                           offset);
        at += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return 0;
}

int mm_file_write_all(int fd, const void *bytes, size_t length, const char *name, struct mm_diags *diags)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = write(fd, at, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mm_diag(diags, MM_RULE_IO_WRITE, "cannot write %s: %s", name, strerror(errno));
        at += put;
        length -= (size_t)put;
    }
    return 0;
}

/* Bytes of one call. Linux caches what a call writes in pieces of up to its size, and has to find as much memory in one place: where that is
 * scarce, or comes from the host of a virtual machine, large calls take several times as long as these. */
#define WRITE_BLOCK 16384

int mm_file_write_at(int fd, const void *bytes, size_t length, uint64_t offset)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = pwrite(fd, at, length < WRITE_BLOCK ? length : WRITE_BLOCK, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put < 0 ? errno : ENOSPC;
            return -1;
        }
        at += put;
        length -= (size_t)put;
        offset += (uint64_t)put;
    }
    return 0;
}

int mm_random(void *bytes, size_t length)
{
#ifdef __linux__
    return getrandom(bytes, length, 0) == (ssize_t)length ? 0 : -1;
#else
    arc4random_buf(bytes, length);
    return 0;
#endif
}

#define PUBLIC 0666 /* as far as the umask lets it, or the folder's default access list, which takes its place */
#define PRIVATE 0600

static int name_temporary(struct mm_writer *writer)
{
    unsigned char noise[8];
    if (mm_random(noise, sizeof noise) < 0)
        return -1;
    int used = snprintf(writer->temporary, sizeof writer->temporary, MM_WRITER_TEMPORARY);
    for (size_t i = 0; i < sizeof noise; i++)
        snprintf(writer->temporary + used + 2 * i, 3, "%02x", noise[i]);
    return 0;
}

static int open_unnamed(const struct mm_writer *writer)
{
#ifdef O_TMPFILE
    if (access("/proc/self/fd", F_OK) < 0)
        return -1; /* without it an unnamed file can be given no name */
    return openat(writer->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, writer->mode);
#else
    (void)writer;
    return -1;
#endif
}

static int open_named(struct mm_writer *writer)
{
    return name_temporary(writer) < 0
               ? -1
               : openat(writer->folder, writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, writer->mode);
}

static int open_parent(const char *path, const char *base)
{
    if (base == path)
        return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *parent = strndup(path, (size_t)(base - path));
    int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(parent);
    return fd;
}

static int writer_fails(struct mm_writer *writer, struct mm_diags *diags, const char *what)
{
    int error = errno;
    enum mm_rule rule = error == EEXIST ? MM_RULE_IO_EXISTS : MM_RULE_IO_WRITE;
    mm_diag(diags, rule, "%s %s: %s", what, writer->path ? writer->path : "the output", strerror(error));
    mm_writer_abandon(writer);
    return -1;
}

/* The umask or a folder's default access list may have left the owner less, and a file system that keeps no modes gives all to
 * everybody. */
static int keep_private(int fd)
{
    struct stat info;
    fchmod(fd, PRIVATE); /* what came of it is asked next */
    if (fstat(fd, &info) < 0)
        return -1;
    errno = EPERM;
    return (info.st_mode & 0777) == PRIVATE ? 0 : -1;
}

/* Opens the file in writer->folder, which is -1 with errno where it cannot be opened. */
static int open_output(struct mm_writer *writer, struct mm_diags *diags)
{
    struct stat there;
    if (writer->folder < 0)
        return writer_fails(writer, diags, "cannot open the folder of");
    if (fstatat(writer->folder, writer->base, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!writer->force || !(S_ISREG(there.st_mode) || S_ISLNK(there.st_mode)))) {
        errno = writer->force ? ENXIO : EEXIST;
        return writer_fails(writer, diags, "will not replace");
    }
    writer->fd = open_unnamed(writer);
    if (writer->fd < 0)
        writer->fd = open_named(writer);
    if (writer->fd < 0)
        return writer_fails(writer, diags, "cannot create");
    if (writer->mode == PRIVATE && keep_private(writer->fd) < 0)
        return writer_fails(writer, diags, "cannot keep others from reading");
    return 0;
}

static int name_output(struct mm_writer *writer, const char *path, mode_t mode, bool force, struct mm_diags *diags)
{
    *writer = (struct mm_writer){.fd = -1, .folder = -1, .mode = mode, .force = force, .path = strdup(path)};
    if (!writer->path) {
        errno = ENOMEM;
        return writer_fails(writer, diags, "cannot create");
    }
    char *slash = strrchr(writer->path, '/');
    writer->base = slash ? slash + 1 : writer->path;
    return 0;
}

static int open_beside(struct mm_writer *writer, const char *path, mode_t mode, bool force, struct mm_diags *diags)
{
    if (name_output(writer, path, mode, force, diags) < 0)
        return -1;
    writer->folder = open_parent(writer->path, writer->base);
    return open_output(writer, diags);
}

int mm_writer_open(struct mm_writer *writer, const char *path, bool force, struct mm_diags *diags)
{
    return open_beside(writer, path, PUBLIC, force, diags);
}

int mm_writer_open_private(struct mm_writer *writer, const char *path, bool force, struct mm_diags *diags)
{
    return open_beside(writer, path, PRIVATE, force, diags);
}

int mm_writer_open_in(struct mm_writer *writer, int folder, const char *path, bool force, struct mm_diags *diags)
{
    if (name_output(writer, path, PUBLIC, force, diags) < 0)
        return -1;
    writer->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    return open_output(writer, diags);
}

int mm_writer_write(struct mm_writer *writer, const void *bytes, size_t length, struct mm_diags *diags)
{
    return mm_file_write_all(writer->fd, bytes, length, writer->path, diags);
}

int mm_writer_write_at(struct mm_writer *writer, uint64_t offset, const void *bytes, size_t length,
                       struct mm_diags *diags)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = pwrite(writer->fd, at, length, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mm_diag(diags, MM_RULE_IO_WRITE, "cannot write %s: %s", writer->path, strerror(errno));
        at += put;
        offset += (uint64_t)put;
        length -= (size_t)put;
    }
    return 0;
}

bool mm_writer_adopt(struct mm_writer *writer, int fd)
{
    int own = writer->temporary[0] ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return false;
    close(writer->fd);
    writer->fd = own;
    return true;
}

/* Gives a file without a name the name NAME. The link through /proc needs no privilege. */
static int link_unnamed(struct mm_writer *writer, const char *name)
{
    char source[40];
    snprintf(source, sizeof source, "/proc/self/fd/%d", writer->fd);
    return linkat(AT_FDCWD, source, writer->folder, name, AT_SYMLINK_FOLLOW);
}

static int publish(struct mm_writer *writer)
{
    if (!writer->temporary[0]) {
        if (!writer->force)
            return link_unnamed(writer, writer->base);
        if (name_temporary(writer) < 0 || link_unnamed(writer, writer->temporary) < 0) {
            writer->temporary[0] = '\0';
            return -1;
        }
    }
    if (writer->force)
        return renameat(writer->folder, writer->temporary, writer->folder, writer->base);
    /* link fails where the name exists, rename would replace it; file systems without links get the rename */
    if (linkat(writer->folder, writer->temporary, writer->folder, writer->base, 0) == 0)
        return unlinkat(writer->folder, writer->temporary, 0);
    if (errno == EEXIST)
        return -1;
    return renameat(writer->folder, writer->temporary, writer->folder, writer->base);
}

int mm_writer_commit(struct mm_writer *writer, struct mm_diags *diags)
{
    if (fsync(writer->fd) < 0)
        return writer_fails(writer, diags, "cannot flush");
    if (publish(writer) < 0)
        return writer_fails(writer, diags, "cannot publish");
    writer->temporary[0] = '\0';
    if (fsync(writer->folder) < 0 && errno != EINVAL)
        return writer_fails(writer, diags, "cannot flush the folder of");
    mm_writer_abandon(writer);
    return 0;
}

void mm_writer_abandon(struct mm_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->folder >= 0) {
        if (writer->temporary[0])
            unlinkat(writer->folder, writer->temporary, 0);
        close(writer->folder);
    }
    free(writer->path);
    *writer = (struct mm_writer){.fd = -1, .folder = -1};
}
