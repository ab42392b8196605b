/* Commands that judge manifests: the keyring, the store's receipts and the policies that they go by. */
#ifndef CLI_TRUST_H
#define CLI_TRUST_H

#include "act/trust.h"
#include "cli.h"
#include "cli_policy.h"

struct cli_trust {
    struct mm_keyring keyring;
    struct cli_policies policies; /* those of --policy, until they are opened */
    struct mm_trust trust;
};

/* For a struct cli_trust that nothing was opened for yet. */
#define CLI_TRUST_NONE                                                                                                 \
    {                                                                                                                  \
        .keyring = {.folder = -1}, .trust = {.home = -1 }                                                              \
    }

/* Opens the keyring GIVEN, or the default one (NULL). One that cannot be opened is a finding, and leaves open what every signature is
 * worth. */
void cli_trust_open(struct cli *cli, struct cli_trust *trust, const char *given);
void cli_trust_release(struct cli_trust *trust);

/* Opens the policies, and behind the sandbox reads them. Each returns 0, or -1 with a finding. */
int cli_trust_open_policies(struct cli *cli, struct cli_trust *trust);
int cli_trust_read_policies(struct cli *cli, struct cli_trust *trust);

/* Adds what has to stay readable to COUNT RULES; there has to be room for one more. Returns their number. */
size_t cli_trust_rules(const struct cli_trust *trust, struct mm_sandbox_rule *rules, size_t count);

#endif
