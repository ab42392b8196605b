#include "base/sandbox.h"

#include <errno.h>

#ifdef __linux__
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's own numbers (landlock.h of Linux 6.10), so that older headers build the same program. */
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_RESTRICT_SELF 446
#define RULE_PATH_BENEATH 1
#define CREATE_RULESET_VERSION 1u

enum {
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
};

struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int mm_sandbox_landlock_abi(void)
{
    long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

/* All rights that an ABI knows are handled, so that whatever is not allowed is denied. */
static struct ruleset_attr everything(int abi)
{
    static const unsigned fs_bits[] = {13, 14, 15, 15, 16}; /* rights of ABI 1 to 5; later ones add none */
    struct ruleset_attr attr = {.handled_access_fs = (1u << fs_bits[abi > 5 ? 4 : abi - 1]) - 1};
    attr.handled_access_net = abi >= 4 ? 3 : 0; /* bind and connect TCP */
    attr.scoped = abi >= 6 ? 3 : 0;             /* abstract sockets and signals outside this domain */
    return attr;
}

static size_t attr_size(int abi)
{
    return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

static uint64_t access_of(enum mm_sandbox_right right, uint64_t handled)
{
    uint64_t rights = FS_READ_FILE | FS_READ_DIR;
    if (right != MM_SANDBOX_READ)
        rights |= FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE;
    if (right == MM_SANDBOX_STORE)
        rights |= FS_REMOVE_DIR | FS_MAKE_SYM | FS_REFER;
    return rights & handled;
}

/* The first ABI forbids every move between folders, which a store cannot do without. */
static bool needs_refer(const struct mm_sandbox_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].right == MM_SANDBOX_STORE)
            return true;
    return false;
}

static int restrict_files(const struct mm_sandbox_rule *rules, size_t count)
{
    int abi = mm_sandbox_landlock_abi();
    if (abi == 0 || (abi == 1 && needs_refer(rules, count)))
        return 0;
    struct ruleset_attr attr = everything(abi);
    int ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, &attr, attr_size(abi), 0);
    if (ruleset < 0)
        return -1;
    long result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        struct path_beneath_attr beneath = {access_of(rules[i].right, attr.handled_access_fs), rules[i].folder};
        result = syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, &beneath, 0);
    }
    if (result == 0)
        result = syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0);
    int error = errno;
    close(ruleset);
    errno = error;
    return result == 0 ? 0 : -1;
}

int mm_sandbox_enter(const struct mm_sandbox_rule *rules, size_t count, struct mm_diags *diags)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_SANDBOX, "cannot set no_new_privs", errno);
    if (restrict_files(rules, count) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_SANDBOX, "cannot enter the Landlock sandbox", errno);
    return 0;
}

#else

int mm_sandbox_landlock_abi(void)
{
    return 0;
}

int mm_sandbox_enter(const struct mm_sandbox_rule *rules, size_t count, struct mm_diags *diags)
{
    (void)rules, (void)count, (void)diags;
    return 0;
}

#endif
