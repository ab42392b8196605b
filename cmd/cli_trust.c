#include "cli_trust.h"

void cli_trust_open(struct cli *cli, struct cli_trust *trust, const char *given)
{
    const char *shown = cli->diags.file;
    cli->diags.file = "";
    int result = mm_keyring_open(&trust->keyring, given, false, &cli->diags);
    trust->trust.keyring = result == 0 ? &trust->keyring : NULL;
    cli->diags.file = shown;
}

void cli_trust_release(struct cli_trust *trust)
{
    mm_keyring_release(&trust->keyring);
    trust->trust.keyring = NULL;
}

size_t cli_trust_rules(const struct cli_trust *trust, struct mm_sandbox_rule *rules, size_t count)
{
    if (trust->keyring.folder >= 0)
        rules[count++] = (struct mm_sandbox_rule){trust->keyring.folder, MM_SANDBOX_READ};
    return count;
}
