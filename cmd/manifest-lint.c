/* manifest-lint: every broken rule of a manifest, with line, column and rule. */
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cli_files.h"
#include "cli_sarif.h"
#include "doc/manifest.h"
#include "text/line.h"

enum { CANONICAL, SHA256SUMS, SARIF, FILES_FROM, NUL };

static const struct cli_option options[] = {
    [CANONICAL] = {'c', "canonical", NULL, "print the canonical form of a manifest that lacks only order"},
    [SHA256SUMS] = {'s', "sha256sums", NULL, "print lines for sha256sum -c"},
    [SARIF] = {0, "sarif", NULL, "print the findings as one SARIF 2.1.0 document"},
    [FILES_FROM] = {0, "files-from", "FILE", "take manifests' names from FILE, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
};

static const struct cli_command command = {
    "manifest-lint",
    "FILE...",
    "Check manifests; print every broken rule with its line and column.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST,
};

struct call {
    struct cli cli;
    bool canonical, sha256sums;
    struct mm_buf out;
    int answer;
};

static void add_sha256sums(const struct mm_manifest *manifest, struct mm_buf *out)
{
    char hash[MM_VALUE_MAX + 1], path[MM_VALUE_MAX + 1];
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++)
        mm_buf_printf(out, "%s  %s\n", mm_manifest_text(manifest, group, MM_FIELD_ARTIFACT_SHA256, hash),
                      mm_manifest_text(manifest, group, MM_FIELD_ARTIFACT, path));
}

/* A manifest whose only faults are order and line ends: its canonical form, read again to be sure. */
static bool repair(struct call *c, const struct mm_manifest *manifest)
{
    struct mm_manifest again = {0};
    struct mm_diags diags;
    size_t start = c->out.length;
    mm_diags_init(&diags);
    bool repaired = manifest->group_count > 0 && (manifest->valid || mm_manifest_repairable(&c->cli.diags)) &&
                    mm_manifest_write(manifest, &c->out, &diags) == 0 &&
                    mm_manifest_read(&again, c->out.data + start, c->out.length - start, &diags) == 0;
    if (!repaired)
        c->out.length = start;
    if (diags.unknown || c->out.failed)
        mm_diag_memory(&c->cli.diags);
    mm_diags_release(&diags);
    mm_manifest_release(&again);
    return repaired;
}

static void print_findings(struct call *c)
{
    for (size_t i = 0; i < c->cli.diags.count; i++)
        cli_format_diag(&c->cli.diags.items[i], true, false, &c->out);
    c->answer = cli_worse(c->answer, (int)mm_diags_answer(&c->cli.diags));
    mm_diags_clear(&c->cli.diags);
}

static int lint(void *context, const char *path)
{
    struct call *c = context;
    struct mm_manifest manifest = {0};
    int fd = cli_open(&c->cli, path);
    if (fd >= 0)
        mm_manifest_read_file(&manifest, fd, &c->cli.diags);
    if (fd > STDERR_FILENO)
        close(fd);
    if (c->canonical && repair(c, &manifest))
        mm_diags_clear(&c->cli.diags);
    if (c->sha256sums && manifest.valid)
        add_sha256sums(&manifest, &c->out);
    cli_sarif_take(&c->cli, &(struct cli_sarif_about){.text = manifest.text, .length = manifest.length});
    mm_manifest_release(&manifest);
    if (c->cli.json)
        print_findings(c);
    if ((c->out.length || c->out.failed) && cli_print(&c->cli, &c->out) < 0)
        return -1;
    c->answer = cli_worse(c->answer, cli_report(&c->cli));
    return 0;
}

int main(int argc, char **argv)
{
    struct call c = {0};
    const char *value, *files_from = NULL;
    bool nul = false;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        switch (option) {
        case CANONICAL: c.canonical = true; break;
        case SHA256SUMS: c.sha256sums = true; break;
        case SARIF: c.cli.sarif.asked = c.cli.sarif.alone = true; break;
        case FILES_FROM: files_from = value; break;
        default: nul = true; break;
        }
    if (c.cli.argc == 0 && !files_from)
        cli_usage(&c.cli, "expected a FILE, or --files-from");
    if (nul && !files_from)
        cli_usage(&c.cli, "--null goes with --files-from");
    cli_sarif_check_usage(&c.cli);
    if (c.sha256sums && (c.cli.json || c.cli.sarif.asked))
        cli_usage(&c.cli, "--sha256sums and %s exclude each other", c.cli.json ? "--json" : "--sarif");
    if (c.canonical && (c.cli.argc != 1 || files_from || c.sha256sums || c.cli.json || c.cli.sarif.asked))
        cli_usage(&c.cli, "--canonical takes one FILE and stands alone");
    if (cli_sandbox_read_only(&c.cli) == 0)
        cli_each_file(&c.cli, files_from, nul, lint, &c);
    mm_buf_release(&c.out);
    return cli_finish(&c.cli, c.answer);
}
