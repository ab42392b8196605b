/* Linked into the commands with ld's --wrap: makes the Nth call of one kind fail, for tests/cmd/test_faults.sh.
 *
 *   FAULT=KIND:N:ERRNO    the Nth call of KIND fails with ERRNO; KIND is memory, read, write, fsync, link, rename, open, stat,
 *                         folder (making one), remove, mode, writeback, thread (starting one) or map; or change, which is any of
 *                         write, link, rename, folder and remove. ERRNO 0: the program is killed there, as if the machine stopped
 *   FAULT_COUNT=FILE      at exit, the number of calls of that kind is written there
 *   FAULT_VERITY=HH       fs-verity measures every file, with a digest of 32 such bytes
 *   FAULT_SECTOR=INODE:OFFSET[:TIMES],...   byte OFFSET of that file cannot be read at a place, always or TIMES times; nor looked
 *                         at where it is mapped
 *   FAULT_CUT=N:LENGTH:PATH   as soon as the Nth part of that file is mapped, or else read at a place, LENGTH bytes of the file remain
 *   FAULT_FLIP=INODE:OFFSET:TIMES   byte OFFSET of that file is read wrongly TIMES times
 *   FAULT_SLOW=INODE:RATE   that file is read in small pieces of odd lengths, RATE bytes a second at most
 *   FAULT_PAGES=N    the machine has so many pages of memory
 *   FAULT_REFLINK=1  files can share their bytes (FICLONE), as far as anybody sees
 *   FAULT_GONE=DEVICE:N:ERRNO   from the Nth call on a file or folder of that device on, each fails with ERRNO
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>
#if __has_include(<linux/fsverity.h>)
#include <linux/fsverity.h>
#endif

long __real_syscall(long number, ...);

static char kind[16];
static long wanted = -1, calls;
static int error, count_fd = -1;
static struct {
    unsigned long inode;
    long long offset;
    int times;
} sectors[256]; /* that are broken */
static int sector_count;
static unsigned long gone_device, flip_inode, slow_inode, slow_rate;
static long gone_from = -1, gone_calls;
static long long flip_at;
static int gone_error, flip_times;
static int cut_fd = -1;
static long cut_at, cut_calls;
static long long cut_length;

static void read_sectors(const char *text)
{
    while (text && sector_count < (int)(sizeof sectors / sizeof *sectors)) {
        sectors[sector_count].times = -1;
        if (sscanf(text, "%lu:%lld:%d", &sectors[sector_count].inode, &sectors[sector_count].offset,
                   &sectors[sector_count].times) < 2)
            return;
        sector_count++;
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
}

/* Opened before the sandbox. */
static void read_cut(const char *text)
{
    int path = 0;
    if (text && sscanf(text, "%ld:%lld:%n", &cut_at, &cut_length, &path) == 2 && path > 0)
        cut_fd = (int)__real_syscall(SYS_openat, AT_FDCWD, text + path, O_WRONLY | O_CLOEXEC, 0);
}

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("FAULT"), *count = getenv("FAULT_COUNT"), *sector = getenv("FAULT_SECTOR");
    const char *gone = getenv("FAULT_GONE"), *flip = getenv("FAULT_FLIP"), *slow = getenv("FAULT_SLOW");
    read_sectors(sector);
    read_cut(getenv("FAULT_CUT"));
    if (gone)
        sscanf(gone, "%lu:%ld:%d", &gone_device, &gone_from, &gone_error);
    if (flip)
        sscanf(flip, "%lu:%lld:%d", &flip_inode, &flip_at, &flip_times);
    if (slow)
        sscanf(slow, "%lu:%lu", &slow_inode, &slow_rate);
    if (fault)
        sscanf(fault, "%15[a-z]:%ld:%d", kind, &wanted, &error);
    if (count) /* opened by system call, before the sandbox and past the wraps */
        count_fd = (int)__real_syscall(SYS_openat, AT_FDCWD, count, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

__attribute__((destructor)) static void end(void)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%ld", calls);
    if (count_fd >= 0 && __real_syscall(SYS_write, count_fd, text, length) != length)
        abort();
}

static int is_of_kind(const char *what)
{
    static const char *const changes[] = {"write", "link", "rename", "folder", "remove"};
    for (size_t i = 0; strcmp(kind, "change") == 0 && i < sizeof changes / sizeof *changes; i++)
        if (strcmp(what, changes[i]) == 0)
            return 1;
    return strcmp(what, kind) == 0;
}

static int fails(const char *what)
{
    if (!is_of_kind(what) || __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) != wanted) /* several threads call */
        return 0;
    if (error == 0)
        syscall(SYS_kill, (int)syscall(SYS_getpid), SIGKILL);
    errno = error;
    return 1;
}

int __real_fstat64(int fd, struct stat64 *out);

/* True from the moment on at which the device of FD was pulled out. */
static int is_gone(int fd)
{
    struct stat64 info;
    if (gone_from < 0 || fd < 0 || __real_fstat64(fd, &info) < 0 || info.st_dev != gone_device ||
        __atomic_add_fetch(&gone_calls, 1, __ATOMIC_RELAXED) < gone_from)
        return 0;
    errno = gone_error;
    return 1;
}

/* A call on FD. */
#define WRAP_ON(fd, type, name, parameters, arguments, what, failure)                                                  \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return is_gone(fd) || fails(what) ? failure : __real_##name arguments;                                         \
    }

#define WRAP(type, name, parameters, arguments, what, failure)                                                         \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails(what) ? failure : __real_##name arguments;                                                        \
    }

WRAP(void *, malloc, (size_t size), (size), "memory", NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), "memory", NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), "memory", NULL)
WRAP(void *, sodium_malloc, (size_t size), (size), "memory", NULL)
WRAP(char *, strdup, (const char *text), (text), "memory", NULL)
WRAP(char *, strndup, (const char *text, size_t size), (text, size), "memory", NULL)
WRAP(int, vasprintf, (char **out, const char *format, va_list list), (out, format, list), "memory", -1)
WRAP(int, __vasprintf_chk, (char **out, int flag, const char *format, va_list list), (out, flag, format, list),
     "memory", -1)
WRAP_ON(fd, ssize_t, __read_chk, (int fd, void *out, size_t size, size_t room), (fd, out, size, room), "read", -1)
WRAP_ON(fd, ssize_t, __pread64_chk, (int fd, void *out, size_t size, off64_t at, size_t room), (fd, out, size, at, room),
     "read", -1)
WRAP_ON(fd, ssize_t, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at), "write", -1)
WRAP_ON(fd, ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), "write", -1)
WRAP_ON(fd, int, ftruncate64, (int fd, off64_t size), (fd, size), "write", -1)
WRAP_ON(fd, int, fsync, (int fd), (fd), "fsync", -1)
WRAP_ON(fd, int, syncfs, (int fd), (fd), "fsync", -1)
WRAP_ON(fd, int, sync_file_range, (int fd, off64_t at, off64_t size, unsigned flags), (fd, at, size, flags), "writeback", -1)
WRAP_ON(c, int, linkat, (int a, const char *b, int c, const char *d, int flags), (a, b, c, d, flags), "link", -1)
WRAP_ON(a, int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d), "rename", -1)
WRAP(int, open64, (const char *path, int flags, mode_t mode), (path, flags, mode), "open", -1)
WRAP(int, __open64_2, (const char *path, int flags), (path, flags), "open", -1)
WRAP_ON(folder, int, openat64, (int folder, const char *path, int flags, mode_t mode), (folder, path, flags, mode), "open", -1)
WRAP_ON(folder, int, __openat64_2, (int folder, const char *path, int flags), (folder, path, flags), "open", -1)
WRAP_ON(fd, int, fstat64, (int fd, struct stat64 *out), (fd, out), "stat", -1)
WRAP_ON(folder, int, fstatat64, (int folder, const char *path, struct stat64 *out, int flags), (folder, path, out, flags), "stat",
     -1)
WRAP_ON(folder, int, symlinkat, (const char *to, int folder, const char *path), (to, folder, path), "link", -1)
WRAP_ON(folder, int, mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), "folder", -1)
WRAP_ON(folder, int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags), "remove", -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), "mode", -1)
WRAP(int, fchmodat, (int folder, const char *path, mode_t mode, int flags), (folder, path, mode, flags), "mode", -1)
WRAP(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), "mode", -1)
WRAP(int, stat64, (const char *path, struct stat64 *out), (path, out), "stat", -1)

WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *context), (thread, how, run, context),
     "thread", error)

/* A part of the file behind FD came: shortens it where this is the one. */
static void cut(int fd)
{
    struct stat64 mine, other;
    if (cut_fd >= 0 && fd >= 0 && __real_fstat64(fd, &mine) == 0 && __real_fstat64(cut_fd, &other) == 0 && mine.st_ino == other.st_ino &&
        __atomic_add_fetch(&cut_calls, 1, __ATOMIC_RELAXED) == cut_at && __real_syscall(SYS_ftruncate, cut_fd, cut_length) < 0)
        abort();
}

/* True if a broken sector lies in the SIZE bytes from AT. */
static int is_broken(int fd, size_t size, off64_t at)
{
    struct stat info;
    for (int i = 0; i < sector_count; i++) {
        if (!sectors[i].times || at > sectors[i].offset || sectors[i].offset - at >= (long long)size)
            continue;
        if (fstat(fd, &info) < 0 || info.st_ino != sectors[i].inode)
            continue;
        sectors[i].times -= sectors[i].times > 0;
        return 1;
    }
    return 0;
}

/* Changes what was read where the medium reads wrongly. */
static void flip(int fd, unsigned char *bytes, ssize_t size, off64_t at)
{
    struct stat info;
    if (flip_times <= 0 || flip_at < at || flip_at - at >= size || fstat(fd, &info) < 0 || info.st_ino != flip_inode)
        return;
    bytes[flip_at - at] ^= 1;
    flip_times--;
}

/* What of SIZE bytes a slow file gives at once, after the time that they take. Readers at the same time wait for each other's bytes. */
static size_t slowed(int fd, size_t size)
{
    static unsigned long long free_at, turn; /* nanoseconds */
    struct timespec now;
    struct stat info;
    if (!slow_rate || size == 0 || fstat(fd, &info) < 0 || info.st_ino != slow_inode)
        return size;
    size_t most = 4096 + (__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) * 7919) % 100000;
    size = size < most ? size : most;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long long at = (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec;
    unsigned long long free = __atomic_load_n(&free_at, __ATOMIC_RELAXED);
    unsigned long long until = (at > free ? at : free) + size * 1000000000u / slow_rate;
    __atomic_store_n(&free_at, until, __ATOMIC_RELAXED);
    struct timespec wait = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wait, NULL) == EINTR)
        continue;
    return size;
}

ssize_t __real_pread64(int fd, void *out, size_t size, off64_t at);
ssize_t __wrap_pread64(int fd, void *out, size_t size, off64_t at);
ssize_t __wrap_pread64(int fd, void *out, size_t size, off64_t at)
{
    if (is_gone(fd) || fails("read"))
        return -1;
    if (is_broken(fd, size, at)) {
        errno = EIO;
        return -1;
    }
    ssize_t got = __real_pread64(fd, out, slowed(fd, size), at);
    flip(fd, out, got, at);
    cut(fd);
    return got;
}

void *__real_mmap64(void *at, size_t size, int allowed, int how, int fd, off64_t offset);
void *__wrap_mmap64(void *at, size_t size, int allowed, int how, int fd, off64_t offset);

/* What a look at BYTE of a mapping does where the sector is broken: there is no file behind. */
static void break_page(unsigned char *byte)
{
    long page = sysconf(_SC_PAGESIZE);
    int empty = memfd_create("broken", MFD_CLOEXEC);
    if (empty < 0 || __real_mmap64(byte - (size_t)byte % (size_t)page, (size_t)page, PROT_READ, MAP_SHARED | MAP_FIXED, empty, 0) == MAP_FAILED)
        abort();
    close(empty);
}

void *__wrap_mmap64(void *at, size_t size, int allowed, int how, int fd, off64_t offset)
{
    struct stat64 info;
    bool flips = flip_times > 0 && fd >= 0 && __real_fstat64(fd, &info) == 0 && info.st_ino == flip_inode;
    if (is_gone(fd) || fails("map"))
        return MAP_FAILED;
    if (flips) { /* only what is read is changed */
        errno = ENODEV;
        return MAP_FAILED;
    }
    unsigned char *memory = __real_mmap64(at, size, allowed, how, fd, offset);
    for (int i = 0; i < sector_count && memory != MAP_FAILED && fd >= 0; i++)
        if (sectors[i].offset >= offset && sectors[i].offset - offset < (long long)size &&
            __real_fstat64(fd, &info) == 0 && info.st_ino == sectors[i].inode)
            break_page(memory + (sectors[i].offset - offset));
    cut(fd);
    return memory;
}

/* openat2 has no function of its own. */
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
#ifdef SYS_openat2
    if (number == SYS_openat2 && is_gone((int)arguments[0]))
        return -1;
#endif
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

ssize_t __real_read(int fd, void *out, size_t size);
ssize_t __wrap_read(int fd, void *out, size_t size);
ssize_t __wrap_read(int fd, void *out, size_t size)
{
    if (is_gone(fd) || fails("read"))
        return -1;
    ssize_t got = __real_read(fd, out, slowed(fd, size));
    if (flip_times > 0 && got > 0)
        flip(fd, out, got, lseek(fd, 0, SEEK_CUR) - got);
    return got;
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
    const char *pages = getenv("FAULT_PAGES");
    long value;
    if (name == _SC_PHYS_PAGES && pages && sscanf(pages, "%ld", &value) == 1)
        return value;
    return __real_sysconf(name);
}

#ifdef FICLONE
/* What a reflink looks like: TO holds the bytes of FROM. */
static int copy_all(int to, int from)
{
    static char block[65536];
    off64_t at = 0;
    ssize_t got;
    while ((got = __real_pread64(from, block, sizeof block, at)) > 0) {
        if (__real_pwrite64(to, block, (size_t)got, at) != got)
            return -1;
        at += got;
    }
    return (int)got;
}
#endif

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
#ifdef FS_IOC_MEASURE_VERITY
    const char *byte = getenv("FAULT_VERITY");
    unsigned value;
    if (request == FS_IOC_MEASURE_VERITY && byte && sscanf(byte, "%2x", &value) == 1) {
        struct fsverity_digest *digest = argument;
        digest->digest_algorithm = FS_VERITY_HASH_ALG_SHA256;
        digest->digest_size = 32;
        for (int i = 0; i < 32; i++)
            digest->digest[i] = (unsigned char)value;
        return 0;
    }
#endif
#ifdef FICLONE
    if (request == FICLONE && getenv("FAULT_REFLINK"))
        return copy_all(fd, (int)(long)argument);
#endif
    return __real_ioctl(fd, request, argument);
}
