/* slm-repair: fills wrong and lacking chunks of files from second copies of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/repair.h"
#include "act/store.h"
#include "cli.h"
#include "cli_ranges.h"
#include "cli_repaired.h"
#include "text/path.h"

enum { FROM, ROOT, ONLY, LIST, RANGES, BAD_RANGES, OUTPUT, FOLLOW_LINKS, FORCE };

static const struct cli_option options[] = {
    [FROM] = {'f', "from", "SOURCE",
              "a second copy: a file, a folder of files or chunk sets, a manifest's; may be given again"},
    [ROOT] = {0, "root", "DIR", "the files of a manifest are beneath DIR (default: the manifest's folder)"},
    [ONLY] = {0, "only", "PATH", "mend this artifact of a manifest alone; may be given again"},
    [LIST] = {'l', "list", "LIST", "the chunk list of the one file to mend (default: TARGET.chunks, TARGET.chunks.gz)"},
    [RANGES] = {0, "ranges", "FILE",
                "bad ranges, for a start: chunks that are not named are looked at in the end alone"},
    [BAD_RANGES] = {'b', "bad-ranges", "FILE", "write chunks that are wrong still to FILE"},
    [OUTPUT] = {'o', "output", "OUT", "leave the one file to mend as it is and write the whole one to OUT"},
    [FOLLOW_LINKS] = {'L', "follow-links", NULL, "follow symbolic links that lead out of ROOT or a source"},
    [FORCE] = {0, "force", NULL,
               "replace a file of which no chunk is known to be right, an existing OUT, an existing bad-ranges FILE"},
};

static const struct cli_command command = {
    "slm-repair",
    "--from SOURCE... TARGET...",
    "Mend TARGETs, each a manifest whose files are meant or a file with a chunk list, from second copies.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_STORE,
};

/* An operand, opened before rights are given up. */
struct operand {
    const char *path;
    int manifest;            /* open, or -1: it is a file to mend */
    struct mm_manifest held; /* what it says, once it was read */
    int answer;              /* of that reading */
    int folder;              /* where its files are, or it is */
    char base[NAME_MAX + 1]; /* the file's name there, links resolved */
    int list;                /* the file's chunk list */
    char *listed;            /* its name, for people */
};

struct call {
    struct cli cli;
    struct mm_repair_options how;
    struct mm_copies copies;
    struct mm_repair_files files; /* that are there before anything is written */
    struct mm_diags aside;        /* about copies that cannot be used */
    struct operand *operands;
    size_t opened;
    const char **from, **only;
    size_t from_count, only_count;
    const char *root, *list, *ranges, *bad_ranges, *output;
    bool *met; /* for each of `only`: an artifact has that path */
    int out_folder;
    struct mm_buf bad;
    struct mm_writer writer;
    bool unfinished; /* of a target it is not known what lacks */
};

/* ---- opening ---- */

/* Opens the folder in which PATH stands. */
static int open_folder_of(struct call *c, const char *path)
{
    size_t length = mm_path_folder_length(path);
    char *folder = length ? strndup(path, length) : strdup(".");
    int fd = folder ? mm_file_open_folder(folder, &c->cli.diags) : mm_diag_memory(&c->cli.diags);
    free(folder);
    return fd;
}

/* A manifest's files are beside it; those of a model's folder of a store in files/. */
static int open_root(struct call *c, struct operand *operand)
{
    if (c->root)
        return operand->folder = mm_file_open_folder(c->root, &c->cli.diags);
    operand->folder = open_folder_of(c, operand->path);
    if (operand->folder < 0 || strcmp(mm_path_name(operand->path), MM_STORE_MANIFEST) != 0)
        return operand->folder;
    int files = openat(operand->folder, "files", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (files >= 0) {
        close(operand->folder);
        operand->folder = files;
    }
    return operand->folder;
}

/* What cannot be looked at counts as there: opening it tells why. */
static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 || errno != ENOENT;
}

static int name_list(struct call *c, struct operand *operand, const char *path, const char *ending)
{
    free(operand->listed);
    if (asprintf(&operand->listed, "%s%s", path, ending) >= 0)
        return 0;
    operand->listed = NULL;
    return mm_diag_memory(&c->cli.diags);
}

/* Opens the chunk list that is given, or beside the file; a copy's would let the copy say what the file is. */
static int open_list(struct call *c, struct operand *operand)
{
    static const char *const endings[] = {".chunks", ".chunks.gz"};
    if (c->list)
        return name_list(c, operand, c->list, "") < 0 ? -1 : cli_open(&c->cli, c->list);
    for (size_t i = 0; i < 2; i++) {
        if (name_list(c, operand, operand->path, endings[i]) < 0)
            return -1;
        if (is_there(operand->listed))
            return mm_file_open(operand->listed, &c->cli.diags);
    }
    if (!is_there(operand->path))
        return mm_diag_errno(&c->cli.diags, MM_RULE_IO_OPEN, "cannot open it, nor a chunk list beside it", ENOENT);
    return mm_diag(&c->cli.diags, MM_RULE_IO_OPEN,
                   "expected a chunk list beside it, a --list, or a manifest instead of the file: without one no chunk "
                   "can be told from another");
}

/* A file to mend, which may be reached by links and need not be there. */
static int open_file(struct call *c, struct operand *operand)
{
    char *real = realpath(operand->path, NULL);
    if (!real && errno != ENOENT)
        return mm_diag_errno(&c->cli.diags, MM_RULE_IO_OPEN, "cannot open", errno);
    const char *path = real ? real : operand->path;
    bool fits = (size_t)snprintf(operand->base, sizeof operand->base, "%s", mm_path_name(path)) < sizeof operand->base;
    operand->folder = open_folder_of(c, path);
    free(real);
    if (operand->folder < 0)
        return -1;
    if (!operand->base[0] || !fits)
        return mm_diag(&c->cli.diags, MM_RULE_IO_NOT_REGULAR,
                       "expected the name of a file, found a folder or a name that is too long");
    operand->list = open_list(c, operand);
    return operand->list < 0 ? -1 : 0;
}

static int open_operand(struct call *c, struct operand *operand)
{
    c->cli.diags.file = operand->path;
    if (!is_there(operand->path))
        return open_file(c, operand);
    int fd = mm_file_open(operand->path, &c->cli.diags);
    if (fd < 0)
        return -1;
    if (mm_repair_is_manifest(fd)) {
        operand->manifest = fd;
        return open_root(c, operand) < 0 ? -1 : 0;
    }
    close(fd);
    if (c->root)
        cli_usage(&c->cli, "--root goes with a manifest, and %s is none", operand->path);
    return open_file(c, operand);
}

static int open_operands(struct call *c)
{
    int result = 0;
    for (int i = 0; i < c->cli.argc; i++) {
        c->operands[i] = (struct operand){.path = c->cli.argv[i], .manifest = -1, .folder = -1, .list = -1};
        c->opened++;
        if (open_operand(c, &c->operands[i]) < 0)
            result = -1;
    }
    return result;
}

static void release_operands(struct call *c)
{
    for (size_t i = 0; i < c->opened; i++) {
        const struct operand *operand = &c->operands[i];
        const int fds[] = {operand->manifest, operand->folder, operand->list};
        for (size_t k = 0; k < sizeof fds / sizeof *fds; k++)
            if (fds[k] >= 0)
                close(fds[k]);
        free(operand->listed);
        mm_manifest_release(&c->operands[i].held);
    }
}

static int open_output(struct call *c)
{
    if (!c->output)
        return 0;
    c->cli.diags.file = c->output;
    c->out_folder = open_folder_of(c, c->output);
    return c->out_folder < 0 ? -1 : 0;
}

/* Reading beneath the copies, writing beneath the folders of what is mended. */
static int enter_sandbox(struct call *c)
{
    size_t count = 0;
    struct mm_sandbox_rule *rules = calloc(2 * c->copies.count + c->opened + 3, sizeof *rules);
    int all = c->how.links == MM_LINKS_FOLLOW ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (!rules)
        return mm_diag_memory(&c->cli.diags);
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, MM_SANDBOX_WRITE};
    for (size_t i = 0; i < c->copies.count; i++) {
        if (c->copies.items[i].folder >= 0)
            rules[count++] = (struct mm_sandbox_rule){c->copies.items[i].folder, MM_SANDBOX_READ};
        if (c->copies.items[i].files >= 0)
            rules[count++] = (struct mm_sandbox_rule){c->copies.items[i].files, MM_SANDBOX_READ};
    }
    for (size_t i = 0; i < c->opened; i++)
        rules[count++] =
            (struct mm_sandbox_rule){c->operands[i].folder, c->output ? MM_SANDBOX_READ : MM_SANDBOX_WRITE};
    if (c->output)
        rules[count++] = (struct mm_sandbox_rule){c->out_folder, MM_SANDBOX_WRITE};
    if (c->bad_ranges)
        rules[count++] = (struct mm_sandbox_rule){c->writer.folder, MM_SANDBOX_WRITE};
    int result = cli_sandbox(&c->cli, rules, count);
    if (all >= 0)
        close(all);
    free(rules);
    return result;
}

/* ---- what was said to be bad ---- */

static int read_ranges(struct call *c, int fd)
{
    if (fd < 0)
        return 0;
    c->how.bad = &c->bad;
    c->how.bad_shown = cli_shown(c->ranges);
    return cli_ranges_read(&c->cli, fd, c->ranges, &c->bad);
}

/* ---- results ---- */

static int print_facts(struct call *c, const struct mm_repair_target *target, const struct mm_repair_facts *facts)
{
    struct cli_repaired_from *from = calloc(c->copies.count ? c->copies.count : 1, sizeof *from);
    if (!from)
        return mm_diag_memory(&c->cli.diags);
    for (size_t i = 0; i < c->copies.count; i++)
        from[i] = (struct cli_repaired_from){c->copies.items[i].path, facts->copies[i]};
    int result = cli_repaired_print(&c->cli, target->shown, facts, from, c->copies.count);
    free(from);
    return result;
}

/* ---- mending ---- */

/* Mends one file, and says what came of it. Returns the answer. */
static int mend(struct call *c, struct mm_repair_target *target)
{
    struct mm_repair_facts facts;
    target->out_folder = c->out_folder;
    target->out = c->output ? mm_path_name(c->output) : NULL;
    int answer = mm_repair(target, &c->how, &facts, &c->cli.diags) == 0 ? MM_YES : cli_failed(&c->cli);
    if (facts.copies && print_facts(c, target, &facts) < 0)
        answer = cli_worse(answer, MM_UNKNOWN);
    c->unfinished = c->unfinished || facts.state == MM_REPAIR_FAILED;
    if (c->bad_ranges && mm_repair_write_lacks(target, &facts, &c->writer, &c->cli.diags) < 0) {
        c->unfinished = true;
        answer = cli_worse(answer, MM_UNKNOWN);
    }
    mm_repair_release(&facts);
    return cli_worse(answer, cli_report(&c->cli));
}

static int mend_file(struct call *c, const struct operand *operand)
{
    struct mm_chunk_list list = {0};
    struct mm_claim claim;
    int answer = MM_UNKNOWN;
    c->cli.diags.file = cli_shown(operand->listed);
    if (mm_chunk_list_read(&list, operand->list, MM_CHUNK_COUNT_MAX, &c->cli.diags) == 0) {
        mm_repair_claim(&claim, &list, mm_path_name(operand->path));
        struct mm_repair_target target = {
            .folder = operand->folder,
            .path = operand->base,
            .shown = operand->path,
            .claim = &claim,
            .any_format = true,
            .alone = c->opened == 1,
            .list = &list,
        };
        answer = mend(c, &target);
    } else {
        c->unfinished = true;
        answer = cli_failed(&c->cli);
    }
    mm_chunk_list_release(&list);
    return answer;
}

static bool is_wanted(struct call *c, const char *path)
{
    bool wanted = c->only_count == 0;
    for (size_t i = 0; i < c->only_count; i++)
        if (strcmp(c->only[i], path) == 0)
            wanted = c->met[i] = true;
    return wanted;
}

/* The number of artifacts of MANIFEST that are wanted; *LAST is the last one's group. */
static size_t count_wanted(struct call *c, const struct mm_manifest *manifest)
{
    struct mm_claim claim;
    size_t wanted = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        mm_manifest_claim(manifest, group, &claim);
        wanted += is_wanted(c, claim.path);
    }
    return wanted;
}

/* Mends artifact GROUP; LIST is that of --list, or NULL. */
static int mend_artifact(struct call *c, const struct operand *operand, const struct mm_claim *claim, bool alone,
                         const struct mm_chunk_list *list)
{
    struct mm_repair_target target = {
        .folder = operand->folder,
        .path = claim->path,
        .shown = claim->path,
        .claim = claim,
        .alone = alone && c->opened == 1,
        .list = list,
    };
    return mend(c, &target);
}

static int mend_artifacts(struct call *c, const struct operand *operand, const struct mm_manifest *manifest,
                          const struct mm_chunk_list *list)
{
    size_t wanted = count_wanted(c, manifest);
    int answer = MM_YES;
    if (wanted != 1 && (c->output || c->list)) {
        mm_diag(&c->cli.diags, MM_RULE_SET_ONLY, "expected one file to mend for %s, found %zu: --only names one",
                c->output ? "--output" : "--list", wanted);
        return MM_NO;
    }
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        if (is_wanted(c, claim.path))
            answer = cli_worse(answer, mend_artifact(c, operand, &claim, wanted == 1, list));
    }
    return answer;
}

static int mend_manifest(struct call *c, const struct operand *operand, int list_fd)
{
    struct mm_chunk_list list = {0};
    int answer;
    c->cli.diags.file = c->list ? cli_shown(c->list) : "";
    bool ready = list_fd < 0 || mm_chunk_list_read(&list, list_fd, MM_CHUNK_COUNT_MAX, &c->cli.diags) == 0;
    c->cli.diags.file = operand->path;
    if (ready)
        answer = mend_artifacts(c, operand, &operand->held, list_fd < 0 ? NULL : &list);
    else
        answer = cli_failed(&c->cli);
    c->unfinished = c->unfinished || !ready;
    mm_chunk_list_release(&list);
    return answer;
}

/* ---- what the call is about ---- */

static void read_manifests(struct call *c)
{
    for (size_t i = 0; i < c->opened; i++) {
        struct operand *operand = &c->operands[i];
        if (operand->manifest < 0)
            continue;
        c->cli.diags.file = operand->path;
        if (mm_manifest_read_file(&operand->held, operand->manifest, &c->cli.diags) < 0) {
            operand->answer = cli_worse(cli_failed(&c->cli), cli_report(&c->cli));
            c->unfinished = true;
        }
    }
}

/* A file among several targets has to be what the list beside it says; what is wrong with the list is told when it is gone by. */
static int note_file(struct call *c, const struct operand *operand)
{
    struct mm_chunk_list list = {0};
    struct mm_diags ignored;
    int result = 0;
    mm_diags_init(&ignored);
    if (c->opened > 1 && mm_chunk_list_read(&list, operand->list, MM_CHUNK_COUNT_MAX, &ignored) == 0)
        result = mm_repair_files_add_target(&c->files, operand->folder, operand->base, &list.facts, &c->cli.diags);
    if (c->opened > 1)
        lseek(operand->list, 0, SEEK_SET); /* a regular file: --list goes with one target */
    mm_chunk_list_release(&list);
    mm_diags_release(&ignored);
    return result;
}

/* Notes every file that is given or meant, so that nothing of a repair's own is confused with one, nor one with another. */
static int note_files(struct call *c, int list_fd, int ranges_fd)
{
    const int given[] = {list_fd, ranges_fd};
    int result = mm_repair_files_add_copies(&c->files, &c->copies, &c->cli.diags);
    read_manifests(c);
    for (size_t i = 0; i < sizeof given / sizeof *given && result == 0; i++)
        result = mm_repair_files_add(&c->files, given[i], &c->cli.diags);
    for (size_t i = 0; i < c->opened && result == 0; i++) {
        const struct operand *operand = &c->operands[i];
        result = mm_repair_files_add(&c->files, operand->manifest, &c->cli.diags);
        if (result == 0)
            result = mm_repair_files_add(&c->files, operand->list, &c->cli.diags);
        if (result == 0)
            result = operand->manifest < 0
                         ? note_file(c, operand)
                         : mm_repair_files_add_artifacts(&c->files, operand->folder, &operand->held, &c->cli.diags);
    }
    return result;
}

/* Copies that could not be used are the reader's business where something lacks, and a note where nothing does. */
static void tell_aside(struct call *c, bool whole)
{
    for (size_t i = 0; i < c->aside.count; i++) {
        const struct mm_diag *found = &c->aside.items[i];
        c->cli.diags.file = found->file;
        if (whole)
            mm_note(&c->cli.diags, found->rule, "%s", found->text);
        else
            mm_diag(&c->cli.diags, found->rule, "%s", found->text);
    }
}

static int mend_all(struct call *c, int list_fd)
{
    int answer = MM_YES;
    for (size_t i = 0; i < c->opened; i++) {
        const struct operand *operand = &c->operands[i];
        if (operand->answer != MM_YES)
            answer = cli_worse(answer, operand->answer);
        else
            answer =
                cli_worse(answer, operand->manifest >= 0 ? mend_manifest(c, operand, list_fd) : mend_file(c, operand));
        answer = cli_worse(answer, cli_report(&c->cli));
    }
    c->cli.diags.file = "";
    for (size_t i = 0; i < c->only_count; i++)
        if (!c->met[i])
            mm_diag(&c->cli.diags, MM_RULE_SET_ONLY, "expected an artifact of a manifest, found '%s'", c->only[i]);
    tell_aside(c, answer == MM_YES);
    return answer;
}

/* Where it is not known what lacks, an old file of bad ranges says more than a new one. */
static int write_bad_ranges(struct call *c)
{
    c->cli.diags.file = c->bad_ranges;
    return c->bad_ranges && !c->unfinished ? mm_writer_commit(&c->writer, &c->cli.diags) : 0;
}

static int run(struct call *c)
{
    int answer = MM_UNKNOWN, list_fd = -1, ranges_fd = -1;
    for (size_t i = 0; i < c->from_count; i++)
        mm_copies_add(&c->copies, c->from[i], &c->aside);
    c->how.incomplete = c->aside.unknown;
    bool ready = open_operands(c) == 0 && open_output(c) == 0;
    if (ready && c->list && c->operands[0].manifest >= 0)
        ready = (list_fd = cli_open(&c->cli, c->list)) >= 0;
    if (ready && c->ranges)
        ready = (ranges_fd = cli_open(&c->cli, c->ranges)) >= 0;
    c->cli.diags.file = c->bad_ranges;
    ready = ready && (!c->bad_ranges || cli_ranges_open(&c->cli, &c->writer, c->bad_ranges, c->how.force) == 0);
    if (ready && enter_sandbox(c) == 0 && read_ranges(c, ranges_fd) == 0 && note_files(c, list_fd, ranges_fd) == 0) {
        answer = mend_all(c, list_fd);
        if (write_bad_ranges(c) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
    } else {
        answer = cli_failed(&c->cli);
        tell_aside(c, false);
    }
    mm_writer_abandon(&c->writer);
    if (list_fd > STDIN_FILENO)
        close(list_fd);
    if (ranges_fd > STDIN_FILENO)
        close(ranges_fd);
    return answer;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case FROM: c->from[c->from_count++] = value; break;
    case ROOT: c->root = value; break;
    case ONLY: c->only[c->only_count++] = value; break;
    case LIST: c->list = value; break;
    case RANGES: c->ranges = value; break;
    case BAD_RANGES:
        if (strcmp(value, "-") == 0)
            cli_usage(&c->cli, "--bad-ranges: standard output is the result's, give a file");
        c->bad_ranges = value;
        break;
    case OUTPUT:
        if (!mm_path_name(value)[0] || strcmp(value, "-") == 0)
            cli_usage(&c->cli, "--output: expected the name of a file, found '%s'", value);
        c->output = value;
        break;
    case FOLLOW_LINKS: c->how.links = c->copies.links = MM_LINKS_FOLLOW; break;
    default: c->how.force = true; break;
    }
}

static void check_call(const struct call *c)
{
    if (c->from_count == 0)
        cli_usage(&c->cli, "expected --from SOURCE, at least once");
    if (c->cli.argc < 1)
        cli_usage(&c->cli, "expected TARGET");
    for (int i = 0; i < c->cli.argc; i++)
        if (strcmp(c->cli.argv[i], "-") == 0)
            cli_usage(&c->cli, "expected names of files: what is mended does not come on standard input");
    if (c->cli.argc > 1 && (c->root || c->output || c->list))
        cli_usage(&c->cli, "--root, --output and --list go with one TARGET");
    if (c->list && c->ranges && strcmp(c->list, "-") == 0 && strcmp(c->ranges, "-") == 0)
        cli_usage(&c->cli, "standard input can be read once");
}

int main(int argc, char **argv)
{
    struct call c = {.out_folder = -1, .writer = {.fd = -1, .folder = -1}};
    const char *value;
    int option, answer = MM_UNKNOWN;
    size_t most = argc > 0 ? (size_t)argc : 1; /* of each of them there are no more than arguments */
    c.from = calloc(most, sizeof *c.from);
    c.only = calloc(most, sizeof *c.only);
    c.met = calloc(most, sizeof *c.met);
    c.operands = calloc(most, sizeof *c.operands);
    mm_diags_init(&c.aside);
    if (!c.from || !c.only || !c.met || !c.operands)
        return cli_no_memory(command.name);
    cli_init(&c.cli, &command, argc, argv);
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    c.how.copies = &c.copies;
    c.how.files = &c.files;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_call(&c);
    answer = cli_finish(&c.cli, run(&c));
    release_operands(&c);
    mm_copies_release(&c.copies);
    mm_repair_files_release(&c.files);
    mm_diags_release(&c.aside);
    mm_buf_release(&c.bad);
    if (c.out_folder >= 0)
        close(c.out_folder);
    free(c.from);
    free(c.only);
    free(c.met);
    free(c.operands);
    return answer;
}
