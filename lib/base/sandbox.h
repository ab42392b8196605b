/* Giving up rights before untrusted bytes are parsed: no_new_privs everywhere on Linux, Landlock where the kernel has it. */
#ifndef MM_BASE_SANDBOX_H
#define MM_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* What stays possible beneath a folder that is already open. */
enum mm_sandbox_right {
    MM_SANDBOX_READ,
    MM_SANDBOX_WRITE,
    MM_SANDBOX_STORE, /* folders and links too, moved from one folder to another */
};

struct mm_sandbox_rule {
    int folder;
    enum mm_sandbox_right right;
};

/* The Landlock ABI of the running kernel, 0 where there is none. */
int mm_sandbox_landlock_abi(void);

/* From here on this process opens nothing but what RULES allow, executes nothing, and neither binds nor connects TCP
 * sockets. Open descriptors stay usable. A kernel without Landlock is no failure; one that refuses is (IO_SANDBOX). */
int mm_sandbox_enter(const struct mm_sandbox_rule *rules, size_t count, struct mm_diags *diags);

#endif
