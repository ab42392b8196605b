/* manifest-lint: every broken rule of a manifest, with line, column and rule. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "cli.h"
#include "cli_files.h"
#include "cli_sarif.h"
#include "cli_threads.h"
#include "doc/manifest.h"
#include "text/line.h"

/* What a manifest may leave in the hands of the pool: one that is longer, or in which more is found, is read by the thread that prints, so
 * that many of them cost no more memory than one. */
#define HELD_BYTES 65536
#define HELD_FINDINGS 100
#define KEPT_BYTES 8192 /* memory is kept for the next one of this length */

enum { CANONICAL, SHA256SUMS, SARIF, FILES_FROM, NUL, THREADS };

static const struct cli_option options[] = {
    [CANONICAL] = {'c', "canonical", NULL, "print the canonical form of a manifest that lacks only order"},
    [SHA256SUMS] = {'s', "sha256sums", NULL, "print lines for sha256sum -c"},
    [SARIF] = {0, "sarif", NULL, "print the findings as one SARIF 2.1.0 document"},
    [FILES_FROM] = {0, "files-from", "FILE", "take manifests' names from FILE, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
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
    unsigned threads;
    struct mm_pool *pool;
    struct mm_buf out;
    int answer;
};

/* A manifest on its way. */
struct slot {
    struct mm_buf path, text, sums;
    struct mm_manifest manifest;
    bool left; /* to the thread that prints */
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

/* Prints what was found in TEXT, which is NULL where it could not be read, and what c->out holds. */
static int tell(struct call *c, const char *text, size_t length)
{
    cli_sarif_take(&c->cli, &(struct cli_sarif_about){.text = text, .length = length});
    if (c->cli.json)
        print_findings(c);
    if ((c->out.length || c->out.failed) && cli_print(&c->cli, &c->out) < 0)
        return -1;
    c->answer = cli_worse(c->answer, cli_report(&c->cli));
    return 0;
}

/* Reads PATH, however large it is, and prints what is to be said of it. */
static int tell_file(struct call *c, const char *path)
{
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
    int result = tell(c, manifest.text, manifest.length);
    mm_manifest_release(&manifest);
    return result;
}

/* ---- by several threads ---- */

static int read_slot(const void *context, void *slot, struct mm_diags *diags)
{
    const struct call *c = context;
    struct slot *s = slot;
    diags->file = s->path.data;
    diags->limit = HELD_FINDINGS;
    int longer = mm_file_read_path(s->path.data, HELD_BYTES, &s->text, diags);
    if (longer == 0 && mm_manifest_lint(&s->manifest, mm_buf_text(&s->text), s->text.length, diags) == 0 &&
        c->sha256sums)
        add_sha256sums(&s->manifest, &s->sums);
    if (s->text.length > KEPT_BYTES)
        mm_manifest_release(&s->manifest);
    s->left = longer > 0 || diags->dropped > 0;
    if (s->left)
        mm_diags_clear(diags);
    return longer < 0 ? -1 : 0;
}

static int tell_slot(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct call *c = context;
    struct slot *s = slot;
    int told;
    diags->file = s->path.data;
    if (s->left) {
        told = tell_file(c, s->path.data);
    } else {
        mm_buf_str(&c->out, s->sums.length ? s->sums.data : "");
        c->out.failed = c->out.failed || s->sums.failed;
        told = tell(c, result < 0 ? NULL : mm_buf_text(&s->text), s->text.length);
    }
    mm_buf_shrink(&s->sums, KEPT_BYTES);
    mm_buf_shrink(&s->text, KEPT_BYTES);
    diags->file = "";
    return told;
}

static void release_slot(void *slot)
{
    struct slot *s = slot;
    mm_buf_release(&s->path);
    mm_buf_release(&s->text);
    mm_buf_release(&s->sums);
    mm_manifest_release(&s->manifest);
}

/* Gives the file PATH to the pool. Standard input waits for its turn: it may hold the names, too. */
static int lint(void *context, const char *path)
{
    struct call *c = context;
    if (c->canonical || strcmp(path, "-") == 0)
        return mm_pool_settle(c->pool, &c->cli.diags) < 0 ? -1 : tell_file(c, path);
    struct slot *s = mm_pool_slot(c->pool, &c->cli.diags);
    if (!s)
        return -1;
    mm_buf_clear(&s->path);
    mm_buf_str(&s->path, path);
    if (!mm_buf_text(&s->path))
        return mm_diag_memory(&c->cli.diags);
    mm_pool_give(c->pool);
    return c->threads > 1 ? 0 : mm_pool_settle(c->pool, &c->cli.diags);
}

/* What is wrong with the list of names is told behind what is wrong with the manifests before. */
static void lint_all(struct call *c, const char *files_from, bool nul)
{
    static const struct mm_pool_kind kind = {sizeof(struct slot), read_slot, tell_slot, release_slot, 1};
    if (c->cli.argc < 2 && !files_from)
        c->threads = 1;
    c->pool = mm_pool_new(&kind, c, c->threads, &c->cli.diags);
    if (!c->pool)
        return;
    cli_each_file(&c->cli, files_from, nul, lint, c);
    struct mm_diags of_list = c->cli.diags;
    mm_diags_init(&c->cli.diags);
    mm_pool_settle(c->pool, &c->cli.diags);
    mm_diags_move(&c->cli.diags, &of_list);
    mm_diags_release(&of_list);
    mm_pool_free(c->pool);
}

int main(int argc, char **argv)
{
    struct call c = {0};
    const char *value, *files_from = NULL, *threads = NULL;
    bool nul = false;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        switch (option) {
        case CANONICAL: c.canonical = true; break;
        case SHA256SUMS: c.sha256sums = true; break;
        case SARIF: c.cli.sarif.asked = c.cli.sarif.alone = true; break;
        case FILES_FROM: files_from = value; break;
        case THREADS: threads = value; break;
        default: nul = true; break;
        }
    if (c.cli.argc == 0 && !files_from)
        cli_usage(&c.cli, "expected a FILE, or --files-from");
    if (nul && !files_from)
        cli_usage(&c.cli, "--null goes with --files-from");
    c.threads = cli_threads(&c.cli, threads);
    cli_sarif_check_usage(&c.cli);
    if (c.sha256sums && (c.cli.json || c.cli.sarif.asked))
        cli_usage(&c.cli, "--sha256sums and %s exclude each other", c.cli.json ? "--json" : "--sarif");
    if (c.canonical && (c.cli.argc != 1 || files_from || c.sha256sums || c.cli.json || c.cli.sarif.asked))
        cli_usage(&c.cli, "--canonical takes one FILE and stands alone");
    if (cli_sandbox_read_only(&c.cli) == 0)
        lint_all(&c, files_from, nul);
    mm_buf_release(&c.out);
    return cli_finish(&c.cli, c.answer);
}
