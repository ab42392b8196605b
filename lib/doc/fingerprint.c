#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/ioctl.h>
#if __has_include(<linux/fsverity.h>)
#include <linux/fsverity.h>
#endif
#endif

#include "base/file.h"
#include "doc/receipt.h"

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

#define SECOND 1000000000LL

/* Nanoseconds since 1970; false for a time before it, or behind the year 2262, which 63 bits do not hold. */
static bool nanoseconds(const struct timespec *time, int64_t *value)
{
    return time->tv_sec >= 0 && !__builtin_mul_overflow((int64_t)time->tv_sec, SECOND, value) &&
           !__builtin_add_overflow(*value, (int64_t)time->tv_nsec, value);
}

bool mm_verity_measure(int fd, struct mm_digest *verity)
{
    verity->known = false;
#ifdef FS_IOC_MEASURE_VERITY
    union {
        struct fsverity_digest header;
        unsigned char room[sizeof(struct fsverity_digest) + 64];
    } measured = {.header = {.digest_size = 64}};
    if (ioctl(fd, FS_IOC_MEASURE_VERITY, &measured) < 0 ||
        measured.header.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || measured.header.digest_size != MM_HASH_BYTES)
        return false;
    verity->known = true;
    memcpy(verity->bytes, measured.room + sizeof(struct fsverity_digest), MM_HASH_BYTES);
#else
    (void)fd;
#endif
    return verity->known;
}

int mm_fingerprint_take(struct mm_fingerprint *fingerprint, int fd, struct mm_diags *diags)
{
    return mm_fingerprint_take_by(fingerprint, fd, mm_verity_measure, diags);
}

int mm_fingerprint_take_by(struct mm_fingerprint *fingerprint, int fd, mm_verity_fn *measure, struct mm_diags *diags)
{
    struct stat info;
    *fingerprint = (struct mm_fingerprint){0};
    if (fstat(fd, &info) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    /* some file systems number inodes with 64 bits; the highest one is left out, as numbers of documents have 63 */
    fingerprint->device = (uint64_t)info.st_dev & INT64_MAX;
    fingerprint->inode = (uint64_t)info.st_ino & INT64_MAX;
    fingerprint->size = (uint64_t)info.st_size;
    fingerprint->known =
        nanoseconds(&info.st_mtim, &fingerprint->mtime) && nanoseconds(&info.st_ctim, &fingerprint->ctime);
    if (!fingerprint->known) {
        *fingerprint = (struct mm_fingerprint){0};
        return 0;
    }
    measure(fd, &fingerprint->verity);
    return 0;
}

bool mm_fingerprint_same(const struct mm_fingerprint *a, const struct mm_fingerprint *b)
{
    return a->known && b->known && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime == b->mtime && a->ctime == b->ctime && a->verity.known == b->verity.known &&
           (!a->verity.known || memcmp(a->verity.bytes, b->verity.bytes, MM_HASH_BYTES) == 0);
}

static int take_of(struct mm_receipt_artifact *artifact, int root, struct mm_diags *diags)
{
    int fd = mm_file_open_beneath(root, artifact->path, MM_LINKS_BENEATH), result;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EXDEV || errno == ELOOP))
        return mm_diag(diags, MM_RULE_VERIFY_ABSENT, "expected the artifact beneath the root, found %s",
                       errno == ENOENT || errno == ENOTDIR ? "nothing there" : "a link that leads out");
    if (fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    result = mm_fingerprint_take(&artifact->fingerprint, fd, diags);
    close(fd);
    if (result == 0 && artifact->fingerprint.known && artifact->fingerprint.size != artifact->bytes)
        return mm_diag(diags, MM_RULE_VERIFY_BYTES, "expected %" PRIu64 " bytes, as the report has it, found %" PRIu64,
                       artifact->bytes, artifact->fingerprint.size);
    return result;
}

int mm_receipt_take_fingerprints(struct mm_receipt *receipt, int root, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = 0;
    for (size_t i = 0; i < receipt->artifact_count; i++) {
        diags->file = receipt->artifacts[i].path;
        if (take_of(&receipt->artifacts[i], root, diags) < 0)
            result = -1;
    }
    diags->file = shown;
    return result;
}
