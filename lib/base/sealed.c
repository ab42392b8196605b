#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"

#ifdef __linux__
#include <sys/mman.h>

#define COPY_BYTES (1024 * 1024)
#define NAME_BYTES 200      /* the kernel takes 249 */
#define NOEXEC_SEAL 0x0008u /* MFD_NOEXEC_SEAL of Linux 6.3, which older headers and kernels do not know */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

uint64_t mm_memory_available(void)
{
    static const char key[] = "\nMemAvailable:";
    char text[4096];
    uint64_t kibibytes;
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return UINT64_MAX;
    text[got] = '\0';
    char *at = strstr(text, key);
    if (!at)
        return UINT64_MAX;
    at += strlen(key);
    at += strspn(at, " ");
    return mm_number(at, strspn(at, "0123456789"), UINT64_MAX / 2048, &kibibytes) ? kibibytes * 1024 : UINT64_MAX;
}

static int make(const char *name)
{
    char shown[NAME_BYTES];
    const char *slash = strrchr(name, '/');
    snprintf(shown, sizeof shown, "%s", slash ? slash + 1 : name);
    int fd = memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL);
    return fd < 0 && errno == EINVAL ? memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

static int copy(int from, int to, uint64_t size, struct mm_diags *diags)
{
    char *block = malloc(COPY_BYTES);
    int result = block ? 0 : mm_diag_memory(diags);
    for (uint64_t at = 0; at < size && result == 0;) {
        size_t part = size - at < COPY_BYTES ? (size_t)(size - at) : COPY_BYTES;
        result = mm_file_read_at(from, at, block, part, diags);
        if (result == 0 && mm_file_write_at(to, block, part, at) < 0)
            result = mm_diag_errno(diags, MM_RULE_IO_LIMIT, "cannot hold the file in memory", errno);
        at += part;
    }
    free(block);
    return result;
}

/* A descriptor that cannot be written to, where /proc is there; the seals hold without it. */
static int for_reading(int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0)
        return fd;
    close(fd);
    return again;
}

int mm_sealed_copy(int fd, uint64_t size, const char *name, struct mm_diags *diags)
{
    uint64_t available = mm_memory_available();
    if (size > available)
        return mm_diag(diags, MM_RULE_IO_LIMIT,
                       "expected memory for the file's %" PRIu64 " bytes, found %" PRIu64 " available", size,
                       available);
    int sealed = make(name);
    if (sealed < 0)
        return mm_diag_errno(diags, MM_RULE_IO_LIMIT, "cannot make a file in memory", errno);
    int result = copy(fd, sealed, size, diags);
    if (result == 0 && fcntl(sealed, F_ADD_SEALS, SEALS) < 0)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot seal the file in memory", errno);
    if (result == 0)
        return for_reading(sealed);
    close(sealed);
    return -1;
}

#else

uint64_t mm_memory_available(void)
{
    return UINT64_MAX;
}

int mm_sealed_copy(int fd, uint64_t size, const char *name, struct mm_diags *diags)
{
    (void)fd, (void)size, (void)name;
    return mm_diag(diags, MM_RULE_IO_LIMIT, "this system has no sealed files in memory");
}

#endif
