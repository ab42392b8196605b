#include "cli_mend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli_ranges.h"
#include "cli_repaired.h"
#include "text/path.h"

/* The file may be reached by links, and need not be there. */
int cli_mend_open(struct cli *cli, struct cli_mend *mend)
{
    cli->diags.file = mend->file;
    char *real = realpath(mend->file, NULL), *above;
    if (!real && errno != ENOENT)
        return mm_diag_errno(&cli->diags, MM_RULE_IO_OPEN, "cannot open", errno);
    const char *path = real ? real : mend->file;
    size_t length = mm_path_folder_length(path);
    bool fits = (size_t)snprintf(mend->base, sizeof mend->base, "%s", mm_path_name(path)) < sizeof mend->base;
    above = length ? strndup(path, length) : strdup(".");
    mend->folder = above ? mm_file_open_folder(above, &cli->diags) : mm_diag_memory(&cli->diags);
    free(above);
    free(real);
    if (mend->folder < 0)
        return -1;
    if (!mend->base[0] || !fits)
        return mm_diag(&cli->diags, MM_RULE_IO_NOT_REGULAR,
                       "expected the name of a file, found a folder or a name that is too long");
    if (mend->ranges && (mend->ranges_fd = cli_open(cli, mend->ranges)) < 0)
        return -1;
    cli->diags.file = "";
    return 0;
}

/* Fills CLAIM with the artifact that the file has to be: the one that is named, or has the file's name, or is the only one. */
static int find_claim(struct cli *cli, const struct cli_mend *mend, const struct mm_manifest *manifest,
                      struct mm_claim *claim)
{
    size_t groups = mm_manifest_artifacts(manifest), found = 0, which = 1;
    for (size_t group = 1; group <= groups; group++) {
        mm_manifest_claim(manifest, group, claim);
        bool is = mend->only ? strcmp(mend->only, claim->path) == 0
                             : groups == 1 || strcmp(mm_path_name(claim->path), mm_path_name(mend->file)) == 0;
        found += is;
        which = is ? group : which;
    }
    if (found != 1)
        return mm_diag(&cli->diags, MM_RULE_SET_ONLY, "expected one artifact of the manifest for %s, found %zu%s",
                       mend->only ? mend->only : mend->file, found, mend->only ? "" : ": --only names one");
    mm_manifest_claim(manifest, which, claim);
    return 0;
}

static int print_facts(struct cli *cli, const struct cli_peers *peers, const char *shown,
                       const struct mm_repair_facts *facts)
{
    struct cli_repaired_from from[MM_PLAN_PEERS];
    struct mm_buf addresses[MM_PLAN_PEERS] = {0};
    const struct mm_peer_fetch *fetch = &peers->fetch;
    for (size_t i = 0; i < fetch->count; i++)
        from[i] = (struct cli_repaired_from){.path = cli_peers_address(peers, i, &addresses[i]),
                                             .counts = {.chunks = fetch->gave[i].chunks,
                                                        .copied = fetch->gave[i].copied,
                                                        .read = fetch->gave[i].read,
                                                        .wrong = fetch->wrong[i]}};
    int result = cli_repaired_print(cli, shown, facts, from, fetch->count);
    for (size_t i = 0; i < fetch->count; i++)
        mm_buf_release(&addresses[i]);
    return result;
}

int cli_mend_run(struct cli *cli, struct cli_mend *mend, struct cli_peers *peers, const struct mm_manifest *manifest)
{
    struct mm_copies none = {0};
    struct mm_claim claim;
    struct mm_repair_facts facts = {0};
    struct mm_repair_options how = {.copies = &none,
                                    .force = mend->force,
                                    .progress = peers->fetch.progress,
                                    .progress_context = peers->fetch.progress_context};
    cli->diags.file = "";
    if (find_claim(cli, mend, manifest, &claim) < 0)
        return -1;
    if (mend->ranges) {
        how.bad = &mend->bad;
        how.bad_shown = cli_shown(mend->ranges);
        if (cli_ranges_read(cli, mend->ranges_fd, mend->ranges, &mend->bad) < 0)
            return -1;
    }
    struct mm_repair_target target = {
        .folder = mend->folder, .path = mend->base, .shown = mend->file, .claim = &claim, .out_folder = -1};
    cli->diags.file = mend->file;
    int result = mm_peer_mend(&peers->fetch, &target, &how, &facts, &cli->diags);
    cli_progress_end(cli);
    if (print_facts(cli, peers, target.shown, &facts) < 0)
        result = -1;
    mm_repair_release(&facts);
    cli->diags.file = "";
    return result;
}

void cli_mend_release(struct cli_mend *mend)
{
    if (mend->folder >= 0)
        close(mend->folder);
    if (mend->ranges_fd > STDIN_FILENO)
        close(mend->ranges_fd);
    mm_buf_release(&mend->bad);
}
