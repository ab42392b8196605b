#include "cli_trust.h"

void cli_trust_open(struct cli *cli, struct cli_trust *trust, const char *given)
{
    const char *shown = cli->diags.file;
    cli->diags.file = "";
    int result = mm_keyring_open(&trust->keyring, given, false, &cli->diags);
    trust->trust.keyring = result == 0 ? &trust->keyring : NULL;
    cli->diags.file = shown;
}

int cli_trust_open_policies(struct cli *cli, struct cli_trust *trust)
{
    return cli_policies_open(cli, &trust->policies);
}

int cli_trust_read_policies(struct cli *cli, struct cli_trust *trust)
{
    int result = cli_policies_read(cli, &trust->policies);
    trust->trust.policies = trust->policies.items;
    trust->trust.policy_count = trust->policies.count;
    return result;
}

void cli_trust_release(struct cli_trust *trust)
{
    cli_policies_release(&trust->policies);
    mm_keyring_release(&trust->keyring);
    trust->trust.keyring = NULL;
}

size_t cli_trust_rules(const struct cli_trust *trust, struct mm_sandbox_rule *rules, size_t count)
{
    if (trust->keyring.folder >= 0)
        rules[count++] = (struct mm_sandbox_rule){trust->keyring.folder, MM_SANDBOX_READ};
    return count;
}
