#include "cli_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

static bool put(struct cli_policies *policies, size_t at, const char *path)
{
    if (!mm_grow(&policies->files, policies->file_count, &policies->file_capacity, sizeof *policies->files)) {
        policies->failed = true;
        return false;
    }
    memmove(policies->files + at + 1, policies->files + at, (policies->file_count - at) * sizeof *policies->files);
    policies->files[at] = (struct cli_policy_file){path, -1};
    policies->file_count++;
    return true;
}

void cli_policies_add(struct cli_policies *policies, const char *path)
{
    put(policies, policies->file_count, path);
}

/* Is there a policy of the machine's? One that cannot be looked at is taken to be there, so that it is an error; so is a link that
 * leads nowhere, as that is what a share leaves that is not mounted. */
static bool machine_has_one(void)
{
    char folder[] = CLI_POLICY_MACHINE;
    struct stat info;
    if (stat(CLI_POLICY_MACHINE, &info) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return true;
    *strrchr(folder, '/') = '\0';
    return lstat(CLI_POLICY_MACHINE, &info) == 0 || (stat(folder, &info) < 0 && lstat(folder, &info) == 0);
}

/* The machine's policy goes before the others. */
static void add_machine(struct cli_policies *policies)
{
    const char *named = getenv("MINIMODEL_POLICY");
    if (named && named[0])
        put(policies, 0, named);
    else if (machine_has_one())
        put(policies, 0, CLI_POLICY_MACHINE);
}

int cli_policies_open(struct cli *cli, struct cli_policies *policies)
{
    const char *shown = cli->diags.file;
    add_machine(policies);
    int result = policies->failed ? mm_diag_memory(&cli->diags) : 0;
    for (size_t i = 0; i < policies->file_count; i++) {
        policies->files[i].fd = cli_open(cli, policies->files[i].path);
        if (policies->files[i].fd < 0)
            result = -1;
    }
    cli->diags.file = shown;
    return result;
}

int cli_policies_read(struct cli *cli, struct cli_policies *policies)
{
    const char *shown = cli->diags.file;
    int result = 0;
    policies->items = calloc(policies->file_count ? policies->file_count : 1, sizeof *policies->items);
    if (!policies->items)
        return mm_diag_memory(&cli->diags);
    for (; policies->count < policies->file_count; policies->count++) {
        const struct cli_policy_file *file = &policies->files[policies->count];
        cli->diags.file = cli_shown(file->path);
        if (mm_policy_read(&policies->items[policies->count], file->fd, &cli->diags) < 0)
            result = -1;
    }
    cli->diags.file = shown;
    return result;
}

void cli_policies_release(struct cli_policies *policies)
{
    for (size_t i = 0; i < policies->file_count; i++)
        if (policies->files[i].fd > STDERR_FILENO)
            close(policies->files[i].fd);
    for (size_t i = 0; i < policies->count; i++)
        mm_policy_release(&policies->items[i]);
    free(policies->files);
    free(policies->items);
    *policies = (struct cli_policies){0};
}
