/* slm-import: takes models into the store on this machine, each byte checked. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/home.h"
#include "act/import.h"
#include "act/media.h"
#include "base/file.h"
#include "cli.h"
#include "cli_ranges.h"
#include "cli_secret.h"
#include "cli_threads.h"
#include "cli_trust.h"
#include "text/line.h"

enum {
    ALLOW_UNSIGNED,
    ALLOW_ROLLBACK,
    KEYRING,
    POLICY,
    LINK,
    IN_PLACE,
    RESUME_ONLY,
    MAX_BYTES,
    BAD_RANGES,
    HOST_LABEL,
    MEDIUM,
    FOLLOW_LINKS,
    HOME_DIR,
    PASSWORD_FD,
    PASSWORD_FILE,
    SECRET_KEY,
    THREADS,
    FORCE
};

static const struct cli_option options[] = {
    [ALLOW_UNSIGNED] = {0, "allow-unsigned", NULL, "let a manifest pass that nobody signed"},
    [ALLOW_ROLLBACK] = {0, "allow-rollback", NULL, "let an older revision pass than one that was imported signed"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [POLICY] = {0, "policy", "FILE", CLI_POLICY_HELP},
    [LINK] = {'l', "link", NULL, "share the files' bytes with the source: reflink, else hard link, else copy"},
    [IN_PLACE] = {0, "in-place", NULL, "copy nothing: record where the files are, and which they are"},
    [RESUME_ONLY] = {0, "resume-only", NULL, "continue an import that was begun, begin none"},
    [MAX_BYTES] = {0, "max-bytes", "N", "take no model larger than N bytes (K, M, G)"},
    [BAD_RANGES] = {'b', "bad-ranges", "FILE", "write chunks that no source has to FILE"},
    [HOST_LABEL] = {0, "host-label", "TEXT", "name this machine in the receipt"},
    [MEDIUM] = {0, "medium", "WORD", "what the model came on, for the receipt: file or usb"},
    [FOLLOW_LINKS] = {'L', "follow-links", NULL, "follow symbolic links that lead out of a source"},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the secret key's password from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which is the user's own and mode 0600"},
    [SECRET_KEY] = {'s', "secret-key", "FILE", "sign the receipts with this key"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
    [FORCE] = {0, "force", NULL, "replace an existing bad-ranges FILE"},
};

static const struct cli_command command = {
    "slm-import",
    "SOURCE...",
    "Check the models that SOURCEs hold (manifests, folders, chunk sets) and take them into the store.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_RECEIPT |
        MM_GROUP_STORE | MM_GROUP_TRUST | MM_GROUP_POLICY,
};

struct call {
    struct cli cli;
    struct mm_import_options how;
    struct mm_supply supply;
    struct cli_trust trust;
    struct cli_signer signer;
    const char *threads, *home_given, *keyring, *bad_ranges;
    char *home_path;
    int home;
    bool force;
    struct mm_writer writer;
};

/* A source that cannot be used is named, and the others may do. */
static int open_sources(struct call *c)
{
    for (int i = 0; i < c->cli.argc; i++)
        if (mm_supply_add(&c->supply, c->cli.argv[i], &c->cli.diags) < 0)
            c->supply.incomplete = c->supply.incomplete || c->cli.diags.unknown;
    if (c->supply.manifest_count > 0)
        return 0;
    return c->cli.diags.errors
               ? -1
               : mm_diag(&c->cli.diags, MM_RULE_STORE_SOURCE, "expected a manifest in one of the sources, found none");
}

/* Reading beneath the sources, writing beneath the store; a hard link needs its right at both ends. */
static int enter_sandbox(struct call *c)
{
    size_t count = 0;
    struct mm_sandbox_rule *rules = calloc(c->supply.root_count + c->supply.medium_count + 5, sizeof *rules);
    if (!rules)
        return mm_diag_memory(&c->cli.diags);
    int all = c->supply.links == MM_LINKS_FOLLOW ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, MM_SANDBOX_READ};
    count = cli_trust_rules(&c->trust, rules, count);
    if (c->supply.medium_count > 0 && c->trust.keyring.folder >= 0) /* revocations may come in */
        rules[count++] = (struct mm_sandbox_rule){c->trust.keyring.folder, MM_SANDBOX_STORE};
    rules[count++] = (struct mm_sandbox_rule){c->home, MM_SANDBOX_STORE};
    for (size_t i = 0; i < c->supply.root_count; i++)
        rules[count++] =
            (struct mm_sandbox_rule){c->supply.roots[i].folder, c->how.link ? MM_SANDBOX_STORE : MM_SANDBOX_READ};
    for (size_t i = 0; i < c->supply.medium_count; i++)
        rules[count++] = (struct mm_sandbox_rule){c->supply.media[i].folder, MM_SANDBOX_READ};
    if (c->bad_ranges)
        rules[count++] = (struct mm_sandbox_rule){c->writer.folder, MM_SANDBOX_WRITE};
    int result = cli_sandbox(&c->cli, rules, count);
    if (all >= 0)
        close(all);
    free(rules);
    return result;
}

static void path_fact(const struct call *c, struct mm_buf *out, const char *key, const char *path)
{
    struct mm_buf whole = {0};
    mm_buf_printf(&whole, "%s/%s", c->home_path, path);
    cli_fact(&c->cli, out, key, mm_buf_text(&whole) ? mm_buf_text(&whole) : "", false);
    out->failed = out->failed || whole.failed;
    mm_buf_release(&whole);
}

static int print_facts(struct call *c, const struct mm_import_facts *facts)
{
    static const char *const states[] = {
        [MM_IMPORT_FAILED] = "failed", [MM_IMPORT_DONE] = "imported", [MM_IMPORT_THERE] = "there"};
    struct mm_buf out = {0};
    if (!facts->model.id[0]) /* the manifest did not say what it is about */
        return 0;
    cli_fact(&c->cli, &out, "state", states[facts->state], false);
    cli_fact(&c->cli, &out, "model-id", facts->model.id, false);
    cli_number(&c->cli, &out, "revision", facts->model.revision);
    cli_fact(&c->cli, &out, "manifest-sha256", facts->manifest_sha256, false);
    cli_number(&c->cli, &out, "total-bytes", facts->total);
    cli_number(&c->cli, &out, "read-bytes", facts->read);
    cli_number(&c->cli, &out, "copied-bytes", facts->copied);
    cli_number(&c->cli, &out, "kept-bytes", facts->kept);
    cli_number(&c->cli, &out, "reused-bytes", facts->reused);
    cli_number(&c->cli, &out, "linked-bytes", facts->linked);
    if (facts->state != MM_IMPORT_FAILED) {
        path_fact(c, &out, "path", facts->model.path);
        path_fact(c, &out, "receipt", facts->receipt);
    }
    if (c->cli.json)
        mm_buf_str(&out, "}\n");
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

/* What media revoke is revoked before anything is judged. Where that cannot be known, nothing is imported. */
static int take_revocations(struct call *c)
{
    int result = 0;
    for (size_t i = 0; i < c->supply.medium_count && c->trust.trust.keyring; i++)
        if (mm_media_revocations(c->supply.media[i].folder, c->supply.media[i].path, c->trust.trust.keyring,
                                 &c->cli.diags) < 0)
            result = -1;
    return result;
}

static int import_all(struct call *c)
{
    int answer = cli_report(&c->cli); /* of sources that cannot be used */
    if (take_revocations(c) < 0)
        return cli_worse(answer, cli_failed(&c->cli));
    for (size_t i = 0; i < c->supply.manifest_count; i++) {
        struct mm_import_facts facts = {.state = MM_IMPORT_FAILED};
        struct mm_supply view;
        c->cli.diags.file = c->supply.manifests[i].path;
        int result = mm_supply_view(&view, &c->supply, i, &c->cli.diags);
        if (result == 0)
            result = mm_import(c->home, &view, 0, &c->how, &facts, &c->cli.diags);
        mm_supply_view_release(&view);
        if (result < 0)
            answer = cli_worse(answer, cli_failed(&c->cli));
        if (print_facts(c, &facts) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
        answer = cli_worse(answer, cli_report(&c->cli));
    }
    return answer;
}

static int write_bad_ranges(struct call *c)
{
    if (!c->bad_ranges)
        return 0;
    return mm_writer_commit(&c->writer, &c->cli.diags);
}

static int run(struct call *c)
{
    int answer = MM_UNKNOWN;
    c->home_path = mm_home_path(c->home_given, &c->cli.diags);
    bool ready = c->home_path && cli_signer_open(&c->cli, &c->signer) == 0 && open_sources(c) == 0;
    c->how.receipt_key = c->signer.key;
    if (ready)
        c->home = c->trust.trust.home = mm_home_open(c->home_given, true, &c->cli.diags);
    if (ready)
        cli_trust_open(&c->cli, &c->trust, c->keyring);
    ready = ready && cli_trust_open_policies(&c->cli, &c->trust) == 0;
    ready =
        ready && c->home >= 0 && (!c->bad_ranges || cli_ranges_open(&c->cli, &c->writer, c->bad_ranges, c->force) == 0);
    if (ready && enter_sandbox(c) == 0 && cli_trust_read_policies(&c->cli, &c->trust) == 0) {
        answer = import_all(c);
        c->cli.diags.file = c->bad_ranges;
        if (write_bad_ranges(c) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
    } else {
        answer = cli_failed(&c->cli);
    }
    mm_writer_abandon(&c->writer);
    mm_supply_release(&c->supply);
    cli_trust_release(&c->trust);
    cli_signer_release(&c->signer);
    free(c->home_path);
    return answer;
}

/* Has the shape of mm_import_options' waiting: what there is to say is said before the wait. */
static void say(void *cli)
{
    cli_report(cli);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case ALLOW_UNSIGNED: c->how.allow_unsigned = true; break;
    case ALLOW_ROLLBACK: c->how.allow_rollback = true; break;
    case KEYRING: c->keyring = value; break;
    case POLICY: cli_policies_add(&c->trust.policies, value); break;
    case LINK: c->how.link = true; break;
    case IN_PLACE: c->how.in_place = true; break;
    case RESUME_ONLY: c->how.resume_only = true; break;
    case MAX_BYTES:
        if (!mm_number_size(value, MM_NUMBER_MAX, &c->how.max_bytes) || c->how.max_bytes == 0)
            cli_usage(&c->cli, "--max-bytes: expected a number of bytes from 1, found '%s'", value);
        break;
    case BAD_RANGES:
        if (strcmp(value, "-") == 0)
            cli_usage(&c->cli, "--bad-ranges: standard output is the result's, give a file");
        c->bad_ranges = value;
        c->how.bad_ranges = &c->writer;
        break;
    case HOST_LABEL:
        if (!mm_value_sound(value, strlen(value)))
            cli_usage(&c->cli, "--host-label: expected the value of a line, found '%s'", value);
        c->how.host_label = value;
        break;
    case MEDIUM:
        if (strcmp(value, "file") != 0 && strcmp(value, "usb") != 0)
            cli_usage(&c->cli, "--medium: expected file or usb, found '%s'", value);
        c->how.medium = strcmp(value, "usb") == 0 ? MM_MEDIUM_USB : MM_MEDIUM_FILE;
        break;
    case FOLLOW_LINKS: c->supply.links = MM_LINKS_FOLLOW; break;
    case HOME_DIR: c->home_given = value; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->signer.password, value); break;
    case PASSWORD_FILE: c->signer.password.file = value; break;
    case SECRET_KEY: c->signer.path = value; break;
    case THREADS: c->threads = value; break;
    default: c->force = true; break;
    }
}

int main(int argc, char **argv)
{
    struct call c = {.home = -1,
                     .trust = CLI_TRUST_NONE,
                     .signer = CLI_NO_SIGNER,
                     .writer = {.fd = -1, .folder = -1},
                     .how = {.medium = -1}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    cli_many_files();
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    c.how.waiting = say;
    c.how.trust = &c.trust.trust;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc < 1)
        cli_usage(&c.cli, "expected SOURCE");
    for (int i = 0; i < c.cli.argc; i++)
        if (strcmp(c.cli.argv[i], "-") == 0)
            cli_usage(&c.cli, "expected names of files and folders: a model does not come on standard input");
    if (c.how.link && c.how.in_place)
        cli_usage(&c.cli, "--link and --in-place exclude each other");
    cli_signer_check(&c.cli, &c.signer);
    c.how.means = cli_hash_means(&c.cli, c.threads);
    return cli_finish(&c.cli, run(&c));
}
