#include "trust/secret.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_said(const struct mm_diags *diags, enum mm_rule rule)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].rule == rule)
            return true;
    return false;
}

/* libsodium locks what it gives, and says nothing where it could not; to lock it again does no harm and tells. */
void *mm_secret_memory(size_t size, struct mm_diags *diags)
{
    void *memory = sodium_init() < 0 ? NULL : sodium_malloc(size);
    if (!memory)
        mm_diag_memory(diags);
    else if (sodium_mlock(memory, size) < 0 && !is_said(diags, MM_RULE_KEY_MEMORY))
        mm_note(diags, MM_RULE_KEY_MEMORY,
                "secrets cannot be locked in memory (%s), and might be written to swap space: "
                "ulimit -l says how much memory may be locked",
                strerror(errno));
    return memory;
}

int mm_secret_init(struct mm_secret *secret, size_t capacity, struct mm_diags *diags)
{
    *secret = (struct mm_secret){.bytes = mm_secret_memory(capacity, diags)};
    if (!secret->bytes)
        return -1;
    secret->capacity = capacity;
    return 0;
}

void mm_secret_release(struct mm_secret *secret)
{
    sodium_free(secret->bytes); /* wipes it */
    *secret = (struct mm_secret){0};
}

int mm_secret_check_file(int fd, struct mm_diags *diags)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    if (!S_ISREG(info.st_mode))
        return mm_diag(diags, MM_RULE_IO_NOT_REGULAR, "expected a regular file, found another kind");
    if (info.st_uid != geteuid())
        return mm_diag(diags, MM_RULE_KEY_MODE, "expected a file of the user's own, found one of user %u",
                       (unsigned)info.st_uid);
    if (info.st_mode & 0177)
        return mm_diag(diags, MM_RULE_KEY_MODE,
                       "expected mode 0600 or less, found %04o: chmod 600 it, "
                       "and take the secret for known to all who could read it",
                       (unsigned)info.st_mode & 07777);
    return 0;
}

int mm_secret_read(struct mm_secret *secret, int fd, struct mm_diags *diags)
{
    while (secret->length < secret->capacity) {
        ssize_t got = read(fd, secret->bytes + secret->length, secret->capacity - secret->length);
        if (got == 0)
            break;
        if (got > 0)
            secret->length += (size_t)got;
        else if (errno != EINTR)
            return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    }
    return 0;
}

/* Byte by byte, as what follows is for others: the next password, or whoever else reads from there. */
int mm_secret_read_line(struct mm_secret *secret, int fd, struct mm_diags *diags)
{
    size_t begin = secret->length;
    for (;;) {
        char *at = secret->bytes + secret->length, surplus = 0;
        bool full = secret->length == secret->capacity;
        ssize_t got = read(fd, full ? &surplus : at, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
        if (got == 0)
            return secret->length > begin;
        if ((full ? surplus : *at) == '\n')
            return 1;
        if (full)
            return mm_diag(diags, MM_RULE_IO_LIMIT, "expected a line of at most %zu bytes, found more",
                           secret->capacity);
        secret->length++;
    }
}
