/* The policies of a call: the machine's own, and those of --policy (docs/formats/policy.md). */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "cli.h"
#include "doc/policy.h"

#define CLI_POLICY_HELP "the model has to fulfil this policy too; may be given again" /* of the option policy */
#define CLI_POLICY_MACHINE "/etc/minimodel/policy" /* unless MINIMODEL_POLICY names another file */

struct cli_policy_file {
    const char *path;
    int fd;
};

/* Zeroed to begin with. */
struct cli_policies {
    struct cli_policy_file *files; /* in the order in which they apply, the machine's first */
    size_t file_count, file_capacity;
    bool failed;             /* memory was exhausted for a file */
    struct mm_policy *items; /* read, COUNT of them */
    size_t count;
};

/* Takes the argument of one more --policy; PATH is borrowed. */
void cli_policies_add(struct cli_policies *policies, const char *path);

/* Opens them all, before the command gives up its rights; the machine's policy may be absent where nothing names it. Returns 0,
 * or -1 with a finding. */
int cli_policies_open(struct cli *cli, struct cli_policies *policies);

/* Reads what was opened. Returns 0, or -1 with findings in the policies' names. */
int cli_policies_read(struct cli *cli, struct cli_policies *policies);
void cli_policies_release(struct cli_policies *policies);

#endif
