#include "base/mapped.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

/* Local, and one page cache for reads and mappings alike. (ZFS copies into a second one.) Their own numbers, so that older headers build
 * the same program. */
#define TMPFS 0x01021994
static const uint32_t sound_types[] = {
    0xef53,                 /* ext2, ext3, ext4 */
    0x58465342,             /* xfs */
    0x9123683e,             /* btrfs */
    0xca451a4e,             /* bcachefs */
    0xf2f52010,             /* f2fs */
    TMPFS,      0x858458f6, /* ramfs */
    0x794c7630,             /* overlayfs */
    0x73717368,             /* squashfs */
    0xe0f5e1e2,             /* erofs */
};

bool mm_mapped_sound(int fd)
{
#ifdef __linux__
    struct statfs info;
    struct stat file;
    if (fstatfs(fd, &info) < 0 || fstat(fd, &file) < 0)
        return false;
    if ((uint32_t)info.f_type == TMPFS && (uint64_t)file.st_blocks < (uint64_t)file.st_size / 512)
        return false; /* looking at a hole would take memory for good */
    for (size_t i = 0; i < sizeof sound_types / sizeof *sound_types; i++)
        if ((uint32_t)info.f_type == sound_types[i])
            return true;
#else
    (void)fd, (void)sound_types;
#endif
    return false;
}

/* What is watched. The handler may look while another thread changes an entry, but then the entry is not the one it looks for: that
 * one's owner waits for whoever looks. So all it needs is that START and END are never of two different watches. */
struct watch {
    atomic_bool taken;
    atomic_uintptr_t start, end; /* END is 0 while START changes */
    atomic_uintptr_t lost;       /* the first page, 0 for none */
};

static struct watch watches[MM_MAPPED_WATCHES];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sigaction before;
static bool installed;
static uintptr_t page;

/* ThreadSanitizer takes mmap for a write to that memory, which races with the looks of other threads; the kernel makes no such thing of it. */
#if defined __SANITIZE_THREAD__
#define UNSEEN 1
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define UNSEEN 1
#endif
#endif

/* A page of zeros at ADDRESS, whatever was there. */
static bool put_zeros(uintptr_t address)
{
    const int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
#ifdef UNSEEN
    return syscall(SYS_mmap, address, page, PROT_READ, how, -1, 0) != -1;
#else
    return mmap((void *)address, page, PROT_READ, how, -1, 0) != MAP_FAILED;
#endif
}

/* True if the page of ADDRESS was watched, and now holds zeros. */
static bool replace(uintptr_t address)
{
    for (size_t i = 0; i < MM_MAPPED_WATCHES; i++) {
        struct watch *watch = &watches[i];
        uintptr_t end = atomic_load(&watch->end), start = atomic_load(&watch->start), none = 0;
        if (end != atomic_load(&watch->end) || address < start || address >= end)
            continue;
        address &= ~(page - 1);
        atomic_compare_exchange_strong(&watch->lost, &none, address);
        return put_zeros(address);
    }
    return false;
}

/* As if there were no watch. A fault comes again on return, and finds the default then; what somebody sent is sent again. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else if (info->si_code > 0 || before.sa_handler == SIG_DFL) {
        signal(number, SIG_DFL);
        if (info->si_code <= 0)
            raise(number);
    }
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int error = errno;
    if (info->si_code != BUS_ADRERR || !replace((uintptr_t)info->si_addr))
        pass_on(number, info, context);
    errno = error;
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    long size = sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    page = size > 0 ? (uintptr_t)size : 0;
    installed = page && sigaction(SIGBUS, &action, &before) == 0;
}

/* True if a fault of this thread comes to the handler. */
static bool arrives(void)
{
    struct sigaction present;
    sigset_t blocked;
    return pthread_once(&once, install) == 0 && installed && sigaction(SIGBUS, NULL, &present) == 0 &&
           present.sa_flags & SA_SIGINFO && present.sa_sigaction == on_fault &&
           pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, SIGBUS);
}

int mm_mapped_watch(const void *start, size_t length)
{
    if (!arrives())
        return -1;
    for (int i = 0; i < MM_MAPPED_WATCHES; i++) {
        struct watch *watch = &watches[i];
        bool no = false;
        if (!atomic_compare_exchange_strong(&watch->taken, &no, true))
            continue;
        atomic_store(&watch->lost, 0);
        atomic_store(&watch->start, (uintptr_t)start);
        atomic_store(&watch->end, (uintptr_t)start + length);
        return i;
    }
    return -1;
}

void mm_mapped_unwatch(int watch)
{
    atomic_store(&watches[watch].end, 0);
    atomic_store(&watches[watch].taken, false);
}

const unsigned char *mm_mapped_lost(int watch)
{
    return (const unsigned char *)atomic_load(&watches[watch].lost);
}
