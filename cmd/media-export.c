/* media-export: fills sticks and other media with models, and what is needed to check them where no network is. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/media.h"
#include "base/number.h"
#include "cli.h"
#include "cli_files.h"

enum { CAPACITY, CHUNKSET, FILE_LIMIT, TOOLS, KEYRING, FOLLOW_LINKS, FORCE, FILES_FROM, NUL };

static const struct cli_option options[] = {
    [CAPACITY] = {'c', "capacity", "SIZE", "spread it over DIR/1, DIR/2 ..., none larger than SIZE (4GB, 3.5GiB)"},
    [CHUNKSET] = {0, "chunkset", NULL, "every artifact as a set of chunks, whatever the medium can hold"},
    [FILE_LIMIT] = {0, "file-limit", "SIZE",
                    "larger artifacts as sets of chunks (default: what DIR's file system says)"},
    [TOOLS] = {'t', "tools", "DIR", "static binaries to put beside the models"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [FOLLOW_LINKS] = {0, "follow-links", NULL, "symbolic links in the sources may lead anywhere"},
    [FORCE] = {'f', "force", NULL, "write media again that are complete; what else they had goes"},
    [FILES_FROM] = {0, "files-from", "FILE", "take names of manifests from FILE, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
};

static const struct cli_command command = {
    "media-export",
    "DIR MANIFEST...",
    "Fill a medium with models and what is needed to check them without a network.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_VERIFY | MM_GROUP_STORE | MM_GROUP_TRUST |
        MM_GROUP_MEDIA,
};

struct call {
    struct cli cli;
    const char *dir, *keyring_path, *files_from;
    bool nul;
    struct mm_media_options how;
    struct mm_keyring keyring;
    struct mm_supply supply;
    struct mm_media *media;
};

static int print(struct call *c, struct mm_buf *out)
{
    if (c->cli.json)
        mm_buf_str(out, "}\n");
    int result = cli_print(&c->cli, out);
    mm_buf_release(out);
    return result;
}

static int print_model(struct call *c, const struct mm_media_model_facts *facts)
{
    struct mm_buf out = {0};
    cli_fact(&c->cli, &out, "model-id", facts->model.id, false);
    cli_number(&c->cli, &out, "revision", facts->model.revision);
    cli_fact(&c->cli, &out, "manifest-sha256", facts->manifest_sha256, false);
    cli_fact(&c->cli, &out, "signature", mm_signed_words[facts->signature], false);
    cli_number(&c->cli, &out, "total-bytes", facts->total);
    cli_number(&c->cli, &out, "copied-bytes", facts->copied);
    cli_number(&c->cli, &out, "kept-bytes", facts->kept);
    cli_number(&c->cli, &out, "whole-artifacts", facts->whole);
    cli_number(&c->cli, &out, "cut-artifacts", facts->cut);
    cli_number(&c->cli, &out, "first-medium", facts->first);
    cli_number(&c->cli, &out, "last-medium", facts->last);
    return print(c, &out);
}

static int print_medium(struct call *c, const struct mm_media_facts *facts)
{
    struct mm_buf out = {0};
    cli_fact(&c->cli, &out, "medium", facts->path, false);
    cli_fact(&c->cli, &out, "state", facts->complete ? "complete" : "incomplete", false);
    cli_number(&c->cli, &out, "models", facts->models);
    cli_number(&c->cli, &out, "files", facts->files);
    cli_number(&c->cli, &out, "bytes", facts->bytes);
    return print(c, &out);
}

static int print_all(struct call *c)
{
    int result = 0;
    for (size_t i = 0; i < mm_media_model_count(c->media); i++)
        result |= print_model(c, mm_media_model_facts(c->media, i));
    for (size_t i = 0; i < mm_media_count(c->media); i++) {
        struct mm_media_facts facts = mm_media_facts(c->media, i);
        result |= print_medium(c, &facts);
    }
    return result;
}

static int add_source(void *context, const char *path)
{
    struct call *c = context;
    (void)mm_supply_add(&c->supply, path, &c->cli.diags);
    return 0;
}

/* Reading beneath the sources, the keyring and the tools, writing beneath DIR alone. */
static int enter_sandbox(struct call *c)
{
    size_t count = 0;
    struct mm_sandbox_rule *rules = calloc(c->supply.root_count + 4, sizeof *rules);
    if (!rules)
        return mm_diag_memory(&c->cli.diags);
    int all = c->supply.links == MM_LINKS_FOLLOW ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    rules[count++] = (struct mm_sandbox_rule){mm_media_folder(c->media), MM_SANDBOX_STORE};
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, MM_SANDBOX_READ};
    if (c->keyring.folder >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->keyring.folder, MM_SANDBOX_READ};
    if (mm_media_tools(c->media) >= 0)
        rules[count++] = (struct mm_sandbox_rule){mm_media_tools(c->media), MM_SANDBOX_READ};
    for (size_t i = 0; i < c->supply.root_count; i++)
        rules[count++] = (struct mm_sandbox_rule){c->supply.roots[i].folder, MM_SANDBOX_READ};
    int result = cli_sandbox(&c->cli, rules, count);
    if (all >= 0)
        close(all);
    free(rules);
    return result;
}

static int export(struct call *c)
{
    struct mm_diags *diags = &c->cli.diags;
    if (mm_keyring_open(&c->keyring, c->keyring_path, false, diags) == 0)
        c->how.keyring = &c->keyring;
    cli_each_file(&c->cli, c->files_from, c->nul, add_source, c);
    mm_supply_set_apart(&c->supply);
    if (c->supply.manifest_count == 0 && diags->errors == 0)
        mm_diag(diags, MM_RULE_STORE_SOURCE, "expected a manifest, found none");
    if (diags->errors > 0 || !(c->media = mm_media_new(c->dir, &c->how, diags)) || enter_sandbox(c) < 0 ||
        mm_media_plan(c->media, &c->supply, diags) < 0)
        return cli_failed(&c->cli);
    int answer = mm_media_write(c->media, diags) < 0 ? cli_failed(&c->cli) : MM_YES;
    cli_progress_end(&c->cli);
    return print_all(c) < 0 ? cli_worse(answer, MM_UNKNOWN) : answer;
}

static int run(struct call *c)
{
    int answer = export(c);
    mm_media_free(c->media);
    mm_supply_release(&c->supply);
    mm_keyring_release(&c->keyring);
    return answer;
}

static uint64_t size_option(const struct call *c, const char *option, const char *value)
{
    uint64_t size;
    if (!mm_number_size(value, MM_NUMBER_MAX, &size) || size == 0)
        cli_usage(&c->cli, "%s: expected a number of bytes from 1, found '%s'", option, value);
    return size;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case CAPACITY: c->how.capacity = size_option(c, "--capacity", value); break;
    case CHUNKSET: c->how.sets = true; break;
    case FILE_LIMIT: c->how.file_limit = size_option(c, "--file-limit", value); break;
    case TOOLS: c->how.tools = value; break;
    case KEYRING: c->keyring_path = value; break;
    case FOLLOW_LINKS: c->supply.links = MM_LINKS_FOLLOW; break;
    case FORCE: c->how.force = true; break;
    case FILES_FROM: c->files_from = value; break;
    default: c->nul = true; break;
    }
}

int main(int argc, char **argv)
{
    struct call c = {.keyring = {.folder = -1}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    cli_many_files();
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc < 1 || (c.cli.argc < 2 && !c.files_from))
        cli_usage(&c.cli, "expected DIR and MANIFEST");
    if (c.nul && !c.files_from)
        cli_usage(&c.cli, "--null goes with --files-from");
    c.dir = *c.cli.argv++;
    c.cli.argc--;
    return cli_finish(&c.cli, run(&c));
}
