/* catalog-build: a publisher's models as a folder of static files, signed; and the same checked. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build.h"
#include "act/catalog_check.h"
#include "act/catalog_prove.h"
#include "act/now.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "cli.h"
#include "cli_catalog.h"
#include "cli_files.h"
#include "cli_secret.h"
#include "cli_witness.h"
#include "doc/withdrawn.h"
#include "text/line.h"

enum {
    OUTPUT,
    SECRET_KEY,
    PASSWORD_FD,
    PASSWORD_FILE,
    KEYRING,
    CATALOG_ID,
    PUBLISHER,
    EXPIRES_IN,
    RENEW,
    ADOPT,
    ALLOW_UNSIGNED,
    WITHDRAW,
    REASON,
    NOTICE,
    MERGE,
    CHECK,
    SINCE,
    PROVE,
    PROVE_SINCE,
    CHECK_PROOF,
    WITNESSES,
    WITNESS_KEY,
    COUNTERSIGN,
    WITNESS_STATE,
    FIRST,
    HOME_DIR,
    FILES_FROM,
    NUL
};

static const struct cli_option options[] = {
    [OUTPUT] = {'o', "output", "DIR", "build the catalog in the folder DIR"},
    [SECRET_KEY] = {'s', "secret-key", "FILE", "sign with this secret key"},
    [PASSWORD_FD] = {0, "password-fd", "N", "the key's password is a line from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "the key's password is the first line of FILE (mode 0600)"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [CATALOG_ID] = {0, "catalog-id", "NAME", "the catalog's name, for its first head"},
    [PUBLISHER] = {0, "publisher", "NAME", "whose catalog it is, for its first head"},
    [EXPIRES_IN] = {0, "expires-in", "DAYS", "until the head expires (default: 90)"},
    [RENEW] = {0, "renew", NULL, "make a new head even where nothing changed"},
    [ADOPT] = {0, "adopt", "SHA256", "continue the head with this hash though its key was revoked since"},
    [ALLOW_UNSIGNED] = {0, "allow-unsigned", NULL, "let manifests and heads pass that nobody signed"},
    [WITHDRAW] = {'w', "withdraw", "MODEL-ID[@REVISION]", "take it back, all revisions or one; may be given again"},
    [REASON] = {0, "reason", "TEXT", "why it is taken back"},
    [NOTICE] = {0, "notice", "URL", "where more is said about that"},
    [MERGE] = {'m', "merge", NULL, "the operands are catalogs, whose entries are taken as they are"},
    [CHECK] = {'c', "check", NULL, "check the catalog in the folder DIR"},
    [SINCE] = {0, "since", "OLDHEAD", "and that nothing vanished since this head without a withdrawal"},
    [PROVE] = {'p', "prove", "MODEL-ID[@REVISION]",
               "print the proof that DIR's head has this entry; with --check-proof: it has to be of this one"},
    [PROVE_SINCE] = {0, "prove-since", "OLDHEAD", "print the proof that DIR's head continues this one"},
    [CHECK_PROOF] = {0, "check-proof", "FILE", "check a proof against the head in the file HEAD"},
    [WITNESSES] = {0, "witnesses", "N",
                   "with --check: so many trusted keys other than the publisher's signed the head"},
    [WITNESS_KEY] = {0, "witness-key", "FILE",
                     "with --check: trust this public key as a witness's; may be given again"},
    [COUNTERSIGN] = {0, "countersign", NULL, "sign as a witness: the head of the catalog DIR, or the last HEAD"},
    [WITNESS_STATE] = {0, "witness-state", "FILE", "what the witness has seen so far, kept in FILE"},
    [FIRST] = {0, "first", NULL, "the witness has seen nothing yet: begin FILE"},
    [HOME_DIR] = {0, "home", "DIR",
                  "the store, whose newest receipt the clock is compared with (default: MINIMODEL_HOME)"},
    [FILES_FROM] = {0, "files-from", "FILE", "take manifests' names from FILE, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
};

static const struct cli_command command = {
    "catalog-build",
    "MANIFEST...|CATALOG...|DIR|HEAD...",
    "Build a catalog of signed manifests as static files, check one, and prove what it says.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_TRUST | MM_GROUP_RECEIPT | MM_GROUP_STORE | MM_GROUP_CATALOG,
};

struct call {
    struct cli cli;
    bool merge, check;
    const char *since, *prove_since, *check_proof;
    char model_id[MM_MODEL_ID_MAX + 1]; /* to prove, "" for none */
    uint64_t revision;
    struct mm_signed_head old;
    const char *output, *secret_key, *keyring_path, *reason, *notice, *files_from, *home;
    char now[MM_TIME_SIZE]; /* that expiry goes by where heads are judged */
    bool nul;
    const char **withdrawals;
    size_t withdrawal_count;
    struct cli_password password;
    struct mm_keyring keyring;
    struct mm_secret_key *key;
    struct mm_catalog_build_options how;
    unsigned char adopted[MM_HASH_BYTES];
    struct mm_catalog_build *build;
    struct cli_witness witness;
    int answer;
};

/* ---- building ---- */

static int print_built(struct call *c, const struct mm_catalog_built *built)
{
    struct mm_buf out = {0};
    cli_fact(&c->cli, &out, "state", built->state == MM_CATALOG_BUILT ? "built" : "unchanged", false);
    cli_catalog_facts(&c->cli, &out, &built->head, NULL);
    cli_number(&c->cli, &out, "added", built->added);
    cli_number(&c->cli, &out, "removed", built->withdrawn);
    cli_number(&c->cli, &out, "manifests", built->manifests);
    return cli_catalog_print(&c->cli, &out);
}

/* What the publisher would otherwise hear from his readers. The head is as it was asked for all the same. */
static void note_readers(struct call *c, const struct mm_catalog_head *head)
{
    char now[MM_TIME_SIZE], id[MM_KEY_ID_TEXT];
    struct mm_known_key known;
    mm_time_now(now);
    if (strcmp(head->expires, now) <= 0)
        mm_note(&c->cli.diags, MM_RULE_CATALOG_EXPIRED, "the head expired at %s; --renew makes a new one",
                head->expires);
    if (strcmp(head->created, now) > 0)
        mm_note(&c->cli.diags, MM_RULE_CLOCK_BEHIND,
                "the clock says %s, the head was made at %s, and no later one can be of an earlier time", now,
                head->created);
    if (!c->key || !c->how.trust.keyring)
        return;
    const unsigned char *key_id = mm_secret_key_public(c->key)->id;
    enum mm_found found = mm_keyring_find(&c->keyring, head->publisher_id, key_id, &known, &c->cli.diags);
    if (found == MM_FOUND_NO)
        mm_note(&c->cli.diags, MM_RULE_SIGNATURE_UNKNOWN,
                "the keyring has no key %s of %s: where it lacks, the head is refused", mm_key_id_text(id, key_id),
                head->publisher_id);
}

/* Manifests are read wherever they are; nothing is written but beneath the catalog. */
static int enter_sandbox(struct call *c)
{
    int all = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct mm_sandbox_rule rules[] = {{mm_catalog_build_folder(c->build), MM_SANDBOX_STORE}, {all, MM_SANDBOX_READ}};
    int result = cli_sandbox(&c->cli, rules, all >= 0 ? 2 : 1);
    if (all >= 0)
        close(all);
    return result;
}

static int add(void *context, const char *path)
{
    struct call *c = context;
    int result = mm_catalog_build_add(c->build, path, &c->cli.diags);
    int answer = result < 0 ? cli_failed(&c->cli) : MM_YES;
    c->answer = cli_worse(c->answer, cli_worse(answer, cli_report(&c->cli)));
    return 0;
}

/* All withdrawals first: what one publisher took back may stand in another's catalog still. */
static void merge(struct call *c)
{
    for (int entries = 0; entries <= 1 && c->answer == MM_YES; entries++)
        for (int i = 0; i < c->cli.argc; i++) {
            int result = mm_catalog_build_merge(c->build, c->cli.argv[i], entries, &c->cli.diags);
            int answer = result < 0 ? cli_failed(&c->cli) : MM_YES;
            c->answer = cli_worse(c->answer, cli_worse(answer, cli_report(&c->cli)));
        }
}

/* MODEL-ID[@REVISION], without which the revision is 0. */
static void take_name(const struct call *c, const char *option, const char *name, char model_id[MM_MODEL_ID_MAX + 1],
                      uint64_t *revision)
{
    *revision = 0;
    if (strchr(name, '@') ? !mm_withdrawn_name(name, strlen(name), '@', model_id, revision) || *revision == 0
                          : !mm_catalog_model_id(name, strlen(name), model_id))
        cli_usage(&c->cli, "%s: expected MODEL-ID or MODEL-ID@REVISION, found '%s'", option, name);
}

static void withdraw(struct call *c, const char *name)
{
    char model_id[MM_MODEL_ID_MAX + 1];
    uint64_t revision;
    take_name(c, "--withdraw", name, model_id, &revision);
    if (mm_catalog_build_withdraw(c->build, model_id, revision, c->reason, c->notice, &c->cli.diags) < 0)
        c->answer = cli_worse(c->answer, cli_failed(&c->cli));
}

static int build(struct call *c)
{
    struct mm_catalog_built built;
    if (c->secret_key && !(c->key = cli_secret_key(&c->cli, c->secret_key, &c->password)))
        return cli_failed(&c->cli);
    if (c->key) {
        c->how.key = c->key;
        c->how.trust.own = mm_secret_key_public(c->key);
    }
    if (mm_keyring_remember(&c->keyring, &c->cli.diags) < 0)
        return cli_failed(&c->cli);
    c->how.expiry = c->merge ? c->now : NULL;
    c->cli.diags.file = c->output;
    c->build = mm_catalog_build_new(c->output, &c->how, &c->cli.diags);
    if (!c->build || enter_sandbox(c) < 0 || mm_catalog_build_read(c->build, &c->cli.diags) < 0)
        return cli_failed(&c->cli);
    for (size_t i = 0; i < c->withdrawal_count; i++)
        withdraw(c, c->withdrawals[i]);
    if (c->merge)
        merge(c);
    else
        cli_each_file(&c->cli, c->files_from, c->nul, add, c);
    if (mm_catalog_build_await(c->build, &c->cli.diags) < 0)
        c->answer = cli_worse(c->answer, cli_failed(&c->cli));
    c->answer = cli_worse(c->answer, cli_report(&c->cli));
    if (c->answer != MM_YES)
        return c->answer;
    c->cli.diags.file = c->output;
    if (mm_catalog_build_finish(c->build, &built, &c->cli.diags) < 0)
        return cli_failed(&c->cli);
    note_readers(c, &built.head);
    return print_built(c, &built) < 0 ? MM_UNKNOWN : MM_YES;
}

/* ---- what is there already ---- */

static int check(struct call *c, struct mm_catalog_folder *folder)
{
    struct mm_catalog_check_options how = {.trust = c->how.trust,
                                           .since = c->since ? &c->old.head : NULL,
                                           .witness_keys = c->witness.keys,
                                           .witness_key_count = c->witness.key_count,
                                           .witnesses = c->witness.wanted,
                                           .now = c->now};
    struct mm_catalog_checked checked;
    struct mm_buf out = {0};
    int answer = mm_catalog_check(folder, &how, &checked, &c->cli.diags) < 0 ? cli_failed(&c->cli) : MM_YES;
    if (!checked.head.sequence) /* there is no head to tell of */
        return answer;
    cli_fact(&c->cli, &out, "verdict", answer == MM_YES ? "pass" : answer == MM_NO ? "fail" : "unknown", false);
    cli_catalog_facts(&c->cli, &out, &checked.head, checked.key_id);
    cli_number(&c->cli, &out, "manifests", checked.manifests);
    cli_number(&c->cli, &out, "revoked-entries", checked.revoked_entries);
    cli_witness_facts(&c->cli, &out, &checked.witnesses);
    if (c->since)
        cli_number(&c->cli, &out, "since", c->old.head.sequence);
    return cli_catalog_print(&c->cli, &out) < 0 ? cli_worse(answer, MM_UNKNOWN) : answer;
}

static int prove(struct call *c, struct mm_catalog_folder *folder)
{
    struct mm_buf out = {0};
    int result = c->prove_since
                     ? mm_catalog_prove_since(folder, &c->how.trust, &c->old.head, &out, &c->cli.diags)
                     : mm_catalog_prove(folder, &c->how.trust, c->model_id, c->revision, &out, &c->cli.diags);
    int answer = result < 0 ? cli_failed(&c->cli) : cli_print(&c->cli, &out) < 0 ? MM_UNKNOWN : MM_YES;
    mm_buf_release(&out);
    return answer;
}

static int read_folder(struct call *c)
{
    struct mm_catalog_folder folder;
    c->cli.diags.file = c->cli.argv[0];
    int answer = MM_UNKNOWN;
    if (mm_catalog_folder_open(&folder, c->cli.argv[0], &c->cli.diags) == 0) {
        struct mm_sandbox_rule rules[] = {{folder.fd, MM_SANDBOX_READ}, {c->keyring.folder, MM_SANDBOX_READ}};
        if (cli_sandbox(&c->cli, rules, c->keyring.folder >= 0 ? 2 : 1) == 0)
            answer = c->check ? check(c, &folder) : prove(c, &folder);
    }
    mm_catalog_folder_release(&folder);
    return answer;
}

static void print_place(struct call *c, struct mm_buf *out, const struct mm_log_place *place, const char *which)
{
    char key[32];
    snprintf(key, sizeof key, "%s-sequence", which);
    cli_number(&c->cli, out, key, place->sequence);
    snprintf(key, sizeof key, "%s-head-sha256", which);
    cli_catalog_hash(&c->cli, out, key, place->head_sha256);
    snprintf(key, sizeof key, "%s-log-root", which);
    cli_catalog_hash(&c->cli, out, key, place->root);
}

static int print_proved(struct call *c, const struct mm_catalog_proved *proved)
{
    struct mm_buf out = {0};
    const struct mm_catalog_entry *entry = &proved->entry.entry;
    cli_fact(&c->cli, &out, "proof", proved->of_entry ? "entry" : "consistency", false);
    if (proved->of_entry) {
        cli_fact(&c->cli, &out, "model-id", entry->model_id, false);
        cli_number(&c->cli, &out, "revision", entry->revision);
        cli_catalog_hash(&c->cli, &out, "manifest-sha256", entry->manifest_sha256);
    } else {
        print_place(c, &out, &proved->continued.before, "old");
        print_place(c, &out, &proved->continued.after, "new");
    }
    cli_catalog_facts(&c->cli, &out, &proved->head, proved->key_id);
    return cli_catalog_print(&c->cli, &out);
}

/* The proof TEXT against HEAD, and of the entry that was named. */
static int judge_proof(struct call *c, struct mm_catalog_proved *proved, const struct mm_buf *text,
                       const struct mm_signed_head *head)
{
    const struct mm_catalog_head *old = c->since ? &c->old.head : NULL;
    if (mm_catalog_check_proof(proved, text, head, c->cli.argv[0], old, &c->how.trust, c->now, &c->cli.diags) < 0)
        return MM_NO;
    if (c->model_id[0] && mm_catalog_proved_is(proved, c->model_id, c->revision, &c->cli.diags) < 0)
        return MM_NO;
    return print_proved(c, proved) < 0 ? MM_UNKNOWN : MM_YES;
}

static int check_proof(struct call *c)
{
    struct mm_catalog_proved *proved = calloc(1, sizeof *proved);
    struct mm_signed_head head = {0};
    struct mm_buf text = {0};
    int answer = MM_UNKNOWN, fd = -1;
    if (!proved)
        mm_diag_memory(&c->cli.diags);
    else if (cli_sandbox_read_only(&c->cli) == 0 && cli_catalog_head(&c->cli, c->cli.argv[0], true, &head) == 0 &&
             (fd = cli_open(&c->cli, c->check_proof)) >= 0 &&
             mm_file_read_all(fd, MM_CATALOG_PROOF_MAX, &text, &c->cli.diags) >=
                 0) /* one that is too long is refused as such */
        answer = judge_proof(c, proved, &text, &head);
    if (answer != MM_YES)
        answer = cli_failed(&c->cli);
    if (fd > STDERR_FILENO)
        close(fd);
    if (proved)
        mm_catalog_proved_release(proved);
    free(proved);
    mm_signed_head_release(&head);
    mm_buf_release(&text);
    return answer;
}

static int countersign(struct call *c)
{
    if (!(c->key = cli_secret_key(&c->cli, c->secret_key, &c->password)))
        return cli_failed(&c->cli);
    return cli_countersign(&c->cli, &c->witness, &c->how.trust, c->key, c->keyring.folder, c->now, c->check_proof);
}

/* Does it take a head for good that somebody made before? */
static bool goes_by_time(const struct call *c)
{
    return c->check || c->check_proof || c->merge || c->witness.countersign;
}

static int run(struct call *c)
{
    const char *old = c->since ? c->since : c->prove_since;
    if (mm_keyring_open(&c->keyring, c->keyring_path, false, &c->cli.diags) == 0)
        c->how.trust.keyring = &c->keyring;
    if (old && cli_catalog_head(&c->cli, old, false, &c->old) < 0)
        return cli_failed(&c->cli);
    c->cli.diags.file = "";
    if (cli_witness_keys(&c->cli, &c->witness) < 0)
        return cli_failed(&c->cli);
    if (goes_by_time(c)) /* before rights are given up: the store is elsewhere */
        mm_now_read(c->now, c->home, &c->cli.diags);
    if (c->witness.countersign)
        return countersign(c);
    return c->output ? build(c) : c->check_proof ? check_proof(c) : read_folder(c);
}

/* ---- the call ---- */

static const char *name_option(const struct call *c, const char *option, const char *value)
{
    if (!mm_catalog_name_valid(value, strlen(value)))
        cli_usage(&c->cli, "%s: expected a publisher's name other than local, found '%s'", option, value);
    return value;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case OUTPUT: c->output = value; break;
    case SECRET_KEY: c->secret_key = value; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->password, value); break;
    case PASSWORD_FILE: c->password.file = value; break;
    case KEYRING: c->keyring_path = value; break;
    case CATALOG_ID: c->how.catalog_id = name_option(c, "--catalog-id", value); break;
    case PUBLISHER: c->how.publisher_id = name_option(c, "--publisher", value); break;
    case EXPIRES_IN:
        if (!mm_number(value, strlen(value), 36500, &c->how.days) || c->how.days == 0)
            cli_usage(&c->cli, "--expires-in: expected a number of days from 1 to 36500, found '%s'", value);
        break;
    case RENEW: c->how.renew = true; break;
    case ADOPT:
        if (!mm_hex_hash(value, strlen(value), c->adopted))
            cli_usage(&c->cli, "--adopt: expected 64 lower-case hex digits, found '%s'", value);
        c->how.adopt = c->adopted;
        break;
    case ALLOW_UNSIGNED: c->how.trust.allow_unsigned = true; break;
    case WITHDRAW: c->withdrawals[c->withdrawal_count++] = value; break;
    case REASON:
        if (!mm_value_sound(value, strlen(value)))
            cli_usage(&c->cli, "--reason: expected the value of a line, found '%s'", value);
        c->reason = value;
        break;
    case NOTICE:
        if (!mm_withdrawn_notice_valid(value))
            cli_usage(&c->cli, "--notice: expected an https URL that does not lead to weights, found '%s'", value);
        c->notice = value;
        break;
    case MERGE: c->merge = true; break;
    case CHECK: c->check = true; break;
    case SINCE: c->since = value; break;
    case PROVE: take_name(c, "--prove", value, c->model_id, &c->revision); break;
    case PROVE_SINCE: c->prove_since = value; break;
    case CHECK_PROOF: c->check_proof = value; break;
    case WITNESSES:
        if (!mm_number(value, strlen(value), MM_CATALOG_WITNESSES, &c->witness.wanted) || c->witness.wanted == 0)
            cli_usage(&c->cli, "--witnesses: expected a number from 1 to %d, found '%s'", MM_CATALOG_WITNESSES, value);
        break;
    case WITNESS_KEY: c->witness.key_paths[c->witness.key_count++] = value; break;
    case COUNTERSIGN: c->witness.countersign = true; break;
    case WITNESS_STATE: c->witness.state = value; break;
    case FIRST: c->witness.first = true; break;
    case HOME_DIR: c->home = value; break;
    case FILES_FROM: c->files_from = value; break;
    default: c->nul = true; break;
    }
}

/* What goes with building alone. */
static void check_build(const struct call *c)
{
    const struct cli *cli = &c->cli;
    if (!mm_time_epoch_sound())
        cli_usage(cli, "SOURCE_DATE_EPOCH: expected seconds since 1970, found '%s'", getenv("SOURCE_DATE_EPOCH"));
    if (c->since)
        cli_usage(cli, "--since goes with --check and --check-proof");
    if (c->withdrawal_count > 0 && !c->reason)
        cli_usage(cli, "--withdraw needs --reason");
    if (c->withdrawal_count == 0 && (c->reason || c->notice))
        cli_usage(cli, "--reason and --notice go with --withdraw");
    if (c->nul && !c->files_from)
        cli_usage(cli, "--null goes with --files-from");
    if (c->merge && (cli->argc == 0 || c->files_from))
        cli_usage(cli, "--merge takes CATALOG...");
    cli_password_check(cli, &c->password);
    for (size_t i = 0; i < c->withdrawal_count; i++) {
        char model_id[MM_MODEL_ID_MAX + 1];
        uint64_t revision;
        take_name(c, "--withdraw", c->withdrawals[i], model_id, &revision);
    }
}

/* What goes with signing as a witness alone. */
static void check_countersign(const struct call *c)
{
    const struct cli *cli = &c->cli;
    if (!c->secret_key || !c->witness.state)
        cli_usage(cli, "--countersign needs --secret-key and --witness-state");
    if (c->output || c->check || c->model_id[0] || c->prove_since || c->since)
        cli_usage(cli, "--countersign goes with --check-proof, and with no other call");
    if (cli->argc == 0)
        cli_usage(cli, "--countersign takes a DIR, or each HEAD since the one that was signed last");
    if (strcmp(cli->argv[cli->argc - 1], "-") == 0)
        cli_usage(cli, "--countersign writes beside its last HEAD, which cannot be standard input");
    cli_password_check(cli, &c->password);
}

static bool has_building(const struct call *c)
{
    return c->how.catalog_id || c->how.publisher_id || c->how.renew || c->how.adopt || c->merge ||
           c->withdrawal_count || c->reason || c->notice || c->files_from || c->nul;
}

static void check_options(const struct call *c)
{
    const struct cli *cli = &c->cli;
    int modes = (c->output != NULL) + c->check + (c->model_id[0] && !c->check_proof) + (c->prove_since != NULL) +
                (c->check_proof != NULL);
    bool of_key = c->secret_key || c->password.fd >= 0 || c->password.file;
    if ((c->witness.wanted || c->witness.key_count) && !c->check)
        cli_usage(cli, "--witnesses and --witness-key go with --check");
    if ((c->witness.state || c->witness.first) && !c->witness.countersign)
        cli_usage(cli, "--witness-state and --first go with --countersign");
    if (has_building(c) && !c->output)
        cli_usage(cli, "options of building go with --output");
    if (c->home && !goes_by_time(c))
        cli_usage(cli, "--home goes with --check, --check-proof, --merge and --countersign");
    if (c->witness.countersign) {
        check_countersign(c);
        return;
    }
    if (modes != 1)
        cli_usage(cli, "expected one of --output, --check, --prove, --prove-since, --check-proof and --countersign");
    if (c->output) {
        check_build(c);
        return;
    }
    if (of_key)
        cli_usage(cli, "--secret-key and a password's options go with --output and --countersign");
    if (c->since && !c->check && !c->check_proof)
        cli_usage(cli, "--since goes with --check and --check-proof");
    if (cli->argc != 1)
        cli_usage(cli, c->check_proof ? "--check-proof takes one HEAD" : "expected one DIR");
}

int main(int argc, char **argv)
{
    struct call c = {.password = CLI_NO_PASSWORD, .keyring = {.folder = -1}, .how = {.days = MM_CATALOG_DAYS}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    c.withdrawals = calloc((size_t)argc, sizeof *c.withdrawals); /* no more than there are arguments */
    c.witness.key_paths = calloc((size_t)argc, sizeof *c.witness.key_paths);
    if (!c.withdrawals || !c.witness.key_paths)
        return cli_no_memory(command.name);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_options(&c);
    int answer = run(&c);
    mm_catalog_build_free(c.build);
    mm_secret_key_free(c.key);
    mm_keyring_release(&c.keyring);
    cli_password_release(&c.password);
    mm_signed_head_release(&c.old);
    cli_witness_release(&c.witness);
    free(c.withdrawals);
    return cli_finish(&c.cli, answer);
}
