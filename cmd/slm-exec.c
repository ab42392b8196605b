/* slm-exec: hands a model of the store to a program: verified, with a consent to run it, by the very files that were read.
 *
 * A child verifies, in a sandbox that programs must not inherit, and sends the descriptors that it read from; this process, which parses
 * nothing of anybody's, becomes the program. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "act/hand_over.h"
#include "base/checked.h"
#include "base/parcel.h"
#include "cli_program.h"
#include "cli_store.h"
#include "cli_trust.h"
#include "text/placeholder.h"

#define FIRST_DESCRIPTOR 10 /* below it scripts put their own */

enum { MEMFD, ENV, DRY_RUN, QUICK, REQUIRE_SIGNATURE, KEYRING, POLICY, HOME_DIR };

static const struct cli_option options[] = {
    [MEMFD] = {0, "memfd", NULL, "hand over copies in sealed memory, which nobody can write to"},
    [ENV] = {'e', "env", "NAME=TEXT", "set NAME in the program's environment; placeholders count; may be given again"},
    [DRY_RUN] = {'n', "dry-run", NULL, "verify, print what would be handed over, and start nothing"},
    [QUICK] = {0, "quick", NULL, "leave out whole-file hashes; chunk hashes and roots stay"},
    [REQUIRE_SIGNATURE] = {0, "require-signature", NULL, "an unsigned manifest is a failure, whoever publishes it"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [POLICY] = {0, "policy", "FILE", CLI_POLICY_HELP},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
};

static const struct cli_command command = {
    "slm-exec",
    "MODEL-ID[@REVISION] -- PROGRAM [ARG]...",
    "Verify a model of the store that may be run, and start PROGRAM with it: {} the weights, {file:PATH}, {dir} a "
    "folder.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_RECEIPT |
        MM_GROUP_STORE | MM_GROUP_TRUST | MM_GROUP_POLICY,
};

/* An artifact that was handed over. */
struct given {
    char path[MM_PARCEL_TEXT];
    bool is_model;
    int fd;
};

/* A variable of --env. */
struct variable {
    const char *name, *text; /* TEXT with placeholders */
};

struct call {
    struct cli cli;
    struct cli_store store;
    struct cli_trust trust;
    const char *home, *keyring;
    bool dry_run;
    char **words; /* PROGRAM and its arguments, NULL behind them; empty: none */
    struct variable *env;
    size_t env_count;
    struct mm_hand_over_options how;
    const char **paths; /* of {file:PATH} */
    size_t path_count, path_capacity;
    struct given *given;
    size_t given_count, given_capacity;
    struct mm_buf *texts; /* paths, names, and words and variables with placeholders replaced */
    size_t text_count, text_capacity;
    struct cli_program program;
};

/* One more of C's texts, empty; NULL where memory is exhausted. The bytes of the others stay where they are. */
static struct mm_buf *new_text(struct call *c)
{
    if (!mm_grow(&c->texts, c->text_count, &c->text_capacity, sizeof *c->texts))
        return NULL;
    c->texts[c->text_count] = (struct mm_buf){0};
    return &c->texts[c->text_count++];
}

/* ---- the child: verify, and send what was read ---- */

struct sending {
    struct call *call;
    int end; /* -1: nothing is sent, only told */
    struct mm_buf *told;
};

static void tell_item(const struct sending *s, const struct mm_claim *claim)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, claim->chunks.sha256, MM_HASH_BYTES);
    if (!s->call->cli.json) {
        mm_buf_printf(s->told, "artifact: %s\nartifact-bytes: %" PRIu64 "\nartifact-sha256: %s\n", claim->path,
                      claim->chunks.bytes, hex);
        return;
    }
    mm_buf_str(s->told, s->told->length ? ",{\"artifact\":" : "{\"artifact\":");
    mm_buf_json_str(s->told, claim->path);
    mm_buf_printf(s->told, ",\"artifact-bytes\":%" PRIu64 ",\"artifact-sha256\":\"%s\"}", claim->chunks.bytes, hex);
}

static int send_item(void *context, const struct mm_handed *handed)
{
    const struct sending *s = context;
    char text[MM_PARCEL_TEXT];
    if (s->end < 0) {
        tell_item(s, handed->claim);
        return 0;
    }
    snprintf(text, sizeof text, "%c%s", handed->is_model ? 'm' : 'f', handed->claim->path);
    if (mm_parcel_send(s->end, text, handed->fd) == 0)
        return 0;
    return mm_diag_errno(&s->call->cli.diags, MM_RULE_IO_WRITE, "cannot hand over an open file", errno);
}

/* What --dry-run prints. */
static int print_told(struct call *c, const struct mm_hand_over *over, const struct mm_buf *told)
{
    struct mm_buf out = {0};
    char hex[MM_HASH_HEX + 1], revision[24];
    mm_hex(hex, over->held.manifest.sha256, MM_HASH_BYTES);
    snprintf(revision, sizeof revision, "%" PRIu64, over->held.model->revision);
    cli_fact(&c->cli, &out, "model-id", over->held.model->id, false);
    cli_fact(&c->cli, &out, "revision", revision, true);
    cli_fact(&c->cli, &out, "manifest-sha256", hex, false);
    cli_fact(&c->cli, &out, "consent", over->consent.receipt, false);
    cli_fact(&c->cli, &out, "consent-created", over->consent.created, false);
    if (c->cli.json)
        mm_buf_str(&out, ",\"artifacts\":[");
    mm_buf_add(&out, told->data ? told->data : "", told->length);
    if (c->cli.json)
        mm_buf_str(&out, "]}\n");
    out.failed = out.failed || told->failed;
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

static int hand_over(struct call *c, int end)
{
    struct mm_store_model model;
    struct mm_hand_over over = MM_HAND_OVER_NONE;
    struct mm_buf told = {0};
    struct sending sending = {c, c->dry_run ? -1 : end, &told};
    c->how.trust = &c->trust.trust;
    c->how.progress = cli_progress;
    c->how.progress_context = &c->cli;
    c->cli.diags.file = "";
    int result = cli_trust_read_policies(&c->cli, &c->trust);
    if (result == 0)
        result = mm_store_find(c->store.home, c->cli.argv[0], &model, &c->cli.diags);
    if (result == 0)
        result = mm_hand_over(&over, c->store.home, &model, &c->how, send_item, &sending, &c->cli.diags);
    c->cli.diags.file = ""; /* it was OVER's */
    if (result == 0 && c->dry_run)
        result = print_told(c, &over, &told);
    mm_buf_release(&told);
    mm_hand_over_release(&over);
    return result == 0 ? MM_YES : cli_failed(&c->cli);
}

static int verify(struct call *c, int end)
{
    int answer = MM_UNKNOWN;
    if (cli_store_open(&c->cli, &c->store, c->home) == 0) {
        cli_trust_open(&c->cli, &c->trust, c->keyring);
        c->trust.trust.home = c->store.home;
        c->trust.trust.store_optional = true; /* the model's receipts are read by themselves, and have to be sound */
        if (cli_trust_open_policies(&c->cli, &c->trust) == 0 && cli_sandbox_read_only(&c->cli) == 0)
            answer = hand_over(c, end);
    }
    cli_trust_release(&c->trust);
    cli_store_release(&c->store);
    return cli_finish(&c->cli, answer);
}

/* ---- the parent: receive ---- */

static int take_parcels(struct call *c, int end)
{
    for (;;) {
        if (!mm_grow(&c->given, c->given_count, &c->given_capacity, sizeof *c->given))
            return mm_diag_memory(&c->cli.diags);
        struct given *given = &c->given[c->given_count];
        char text[MM_PARCEL_TEXT];
        int got = mm_parcel_receive(end, text, FIRST_DESCRIPTOR, &given->fd);
        if (got < 0)
            return mm_diag_errno(&c->cli.diags, MM_RULE_IO_READ, "cannot take over an open file", errno);
        if (got == 0)
            return 0;
        given->is_model = text[0] == 'm';
        snprintf(given->path, sizeof given->path, "%s", text + 1);
        c->given_count++;
    }
}

/* Has a child verify the model and takes over its descriptors. Returns the answer. */
static int have_verified(struct call *c)
{
    int ends[2], status;
    if (mm_parcel_open(ends) < 0) {
        mm_diag_errno(&c->cli.diags, MM_RULE_IO_OPEN, "cannot make a pair of sockets", errno);
        return MM_UNKNOWN;
    }
    pid_t self = getpid(), child = fork();
    if (child == 0) {
        close(ends[0]);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody waits for the answer any more */
#endif
        _exit(getppid() == self ? verify(c, ends[1]) : MM_UNKNOWN);
    }
    close(ends[1]);
    int result = child < 0 ? mm_diag_errno(&c->cli.diags, MM_RULE_IO_OPEN, "cannot start a process", errno)
                           : take_parcels(c, ends[0]);
    close(ends[0]);
    if (child < 0)
        return MM_UNKNOWN;
    pid_t waited;
    do
        waited = waitpid(child, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (waited == child && WIFSIGNALED(status))
        mm_diag(&c->cli.diags, MM_RULE_IO_READ, "the process that verifies was ended by signal %d", WTERMSIG(status));
    if (waited != child || !WIFEXITED(status) || result < 0)
        return MM_UNKNOWN;
    return WEXITSTATUS(status);
}

/* ---- the parent: what the program is told ---- */

static struct given *find(struct call *c, const struct mm_placeholder *found)
{
    for (size_t i = 0; i < c->given_count; i++) {
        struct given *given = &c->given[i];
        if (found->kind == MM_PLACEHOLDER_MODEL ? given->is_model
                                                : strlen(given->path) == found->path_length &&
                                                      memcmp(given->path, found->path, found->path_length) == 0)
            return given;
    }
    return NULL;
}

/* What a placeholder stands for. */
static int put_in(void *context, const struct mm_placeholder *found, struct mm_buf *out)
{
    struct call *c = context;
    char path[32];
    struct stat named, open;
    if (found->kind == MM_PLACEHOLDER_FOLDER) {
        mm_buf_str(out, c->program.layout.path);
        return 0;
    }
    struct given *given = find(c, found);
    if (!given)
        return mm_diag(&c->cli.diags, MM_RULE_IO_READ, "expected an open file for a placeholder, found none");
    snprintf(path, sizeof path, "/dev/fd/%d", given->fd);
    if (fcntl(given->fd, F_SETFD, 0) < 0 || fstat(given->fd, &open) < 0 || stat(path, &named) < 0)
        return mm_diag_errno(&c->cli.diags, MM_RULE_STORE_PROGRAM, "a program cannot reach open files through /dev/fd",
                             errno);
    if (named.st_dev != open.st_dev || named.st_ino != open.st_ino)
        return mm_diag(&c->cli.diags, MM_RULE_STORE_PROGRAM, "expected the open file at %s, found another", path);
    mm_buf_str(out, path);
    return 0;
}

/* TEXT with placeholders replaced, kept among C's texts; NULL with a finding. */
static char *replaced(struct call *c, const char *text)
{
    struct mm_buf *out = new_text(c);
    if (!out) {
        mm_diag_memory(&c->cli.diags);
        return NULL;
    }
    if (mm_placeholder_replace(text, put_in, c, out) != 0)
        return NULL;
    mm_buf_add(out, "", 1); /* an empty text has to have a place too */
    if (out->failed)
        mm_diag_memory(&c->cli.diags);
    return out->failed ? NULL : out->data;
}

/* Replaces the placeholders of words and environment. */
static int tell_program(struct call *c)
{
    for (size_t i = 1; c->words[0] && c->words[i]; i++)
        if (!(c->words[i] = replaced(c, c->words[i])))
            return -1;
    for (size_t i = 0; i < c->env_count; i++) {
        const char *text = replaced(c, c->env[i].text);
        if (!text)
            return -1;
        if (setenv(c->env[i].name, text, 1) != 0)
            return mm_diag_memory(&c->cli.diags);
    }
    return 0;
}

static int lay_out(struct call *c)
{
    int result = mm_layout_make(&c->program.layout, &c->cli.diags);
    for (size_t i = 0; i < c->given_count && result == 0; i++)
        result = mm_layout_add(&c->program.layout, c->given[i].path, c->given[i].fd, &c->cli.diags);
    return result;
}

/* Becomes the program, or waits for it. Returns only where it could not be started, or with its status. */
static int start(struct call *c)
{
    int answer = MM_UNKNOWN;
    if (c->how.all)
        cli_program_hold(&c->program);
    if ((!c->how.all || lay_out(c) == 0) && tell_program(c) == 0)
        answer = cli_program_run(&c->cli, &c->program, c->words);
    mm_layout_remove(&c->program.layout, &c->cli.diags);
    if (c->how.all)
        cli_program_let_go(&c->program);
    return answer;
}

/* ---- the command line ---- */

/* A copy of the LENGTH bytes of TEXT among C's texts. */
static const char *kept(struct call *c, const char *text, size_t length)
{
    struct mm_buf *out = new_text(c);
    if (out) {
        mm_buf_add(out, text, length);
        mm_buf_add(out, "", 1);
    }
    if (!out || out->failed)
        exit(cli_no_memory(command.name));
    return out->data;
}

static void want_file(struct call *c, const struct mm_placeholder *found)
{
    if (!mm_grow(&c->paths, c->path_count, &c->path_capacity, sizeof *c->paths))
        exit(cli_no_memory(command.name));
    c->paths[c->path_count++] = kept(c, found->path, found->path_length);
}

static size_t want(struct call *c, const char *text)
{
    struct mm_placeholder found;
    size_t count = 0;
    for (const char *at; (at = mm_placeholder_find(text, &found)); text = at + found.length, count++) {
        c->how.model = c->how.model || found.kind == MM_PLACEHOLDER_MODEL;
        c->how.all = c->how.all || found.kind == MM_PLACEHOLDER_FOLDER;
        if (found.kind == MM_PLACEHOLDER_FILE)
            want_file(c, &found);
    }
    return count;
}

/* Finds PROGRAM behind the model and `--`, AFTER words being behind the first `--`, and what it wants. */
static void take_words(struct call *c, int after)
{
    int skip = c->cli.argc > 1 && strcmp(c->cli.argv[1], "--") == 0 && c->cli.argc - 2 == after; /* POSIXLY_CORRECT */
    bool alone = c->dry_run && c->cli.argc == 1 && after <= 0;
    size_t count = 0;
    if (!alone && (c->cli.argc < 2 + skip || c->cli.argc - 1 - skip != after))
        cli_usage(&c->cli, "expected MODEL-ID -- PROGRAM [ARG]...");
    if (c->cli.json && !c->dry_run)
        cli_usage(&c->cli, "--json goes with --dry-run: standard output is the program's");
    c->words = c->cli.argv + 1 + skip;
    for (size_t i = 1; c->words[0] && c->words[i]; i++)
        count += want(c, c->words[i]);
    for (size_t i = 0; i < c->env_count; i++)
        count += want(c, c->env[i].text);
    if (alone && count == 0)
        c->how.all = true;
    else if (count == 0)
        cli_usage(&c->cli, "expected {}, {dir} or {file:PATH} in an argument or --env, found none");
    c->how.paths = c->paths;
    c->how.path_count = c->path_count;
}

static int words_after_dashes(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            return argc - i - 1;
    return -1;
}

static void take_variable(struct call *c, const char *value)
{
    size_t length = strcspn(value, "=");
    if (length == 0 || !value[length])
        cli_usage(&c->cli, "--env: expected NAME=TEXT, found '%s'", value);
    struct variable *variable = &c->env[c->env_count++]; /* there is room for as many as there are arguments */
    variable->text = value + length + 1;
    variable->name = kept(c, value, length);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case MEMFD: c->how.in_memory = true; break;
    case ENV: take_variable(c, value); break;
    case DRY_RUN: c->dry_run = true; break;
    case QUICK: c->how.quick = true; break;
    case REQUIRE_SIGNATURE: c->how.require_signature = true; break;
    case KEYRING: c->keyring = value; break;
    case POLICY: cli_policies_add(&c->trust.policies, value); break;
    default: c->home = value; break;
    }
}

static void release(struct call *c)
{
    free(c->paths);
    for (size_t i = 0; i < c->text_count; i++)
        mm_buf_release(&c->texts[i]);
    free(c->texts);
    free(c->given);
    free(c->env);
    cli_trust_release(&c->trust);
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1}, .trust = CLI_TRUST_NONE, .program = {.layout = MM_LAYOUT_NONE}};
    const char *value;
    int option, after = words_after_dashes(argc, argv), answer;
    cli_program_begin(&c.program);
    c.env = calloc((size_t)argc, sizeof *c.env); /* no more of them than arguments */
    if (!c.env)
        return cli_no_memory(command.name);
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    take_words(&c, after);
    answer = have_verified(&c);
    if (answer == MM_YES && !c.dry_run)
        answer = start(&c);
    release(&c);
    answer = cli_program_answer(&c.program, answer, cli_finish(&c.cli, MM_YES));
    return answer;
}
