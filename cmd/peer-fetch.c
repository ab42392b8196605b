/* peer-fetch: takes a model from other machines into the store, each chunk checked before it is written, and the whole as any import is. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/home.h"
#include "base/file.h"
#include "base/number.h"
#include "cli_mend.h"
#include "cli_peers.h"
#include "cli_secret.h"
#include "cli_threads.h"
#include "cli_trust.h"
#include "doc/report.h"
#include "text/line.h"

enum {
    YES,
    REPAIR,
    ONLY,
    RANGES,
    FORCE,
    ALLOW_UNSIGNED,
    ALLOW_ROLLBACK,
    MAX_BYTES,
    MAX_RATE,
    LEAST_RATE,
    PEER_KEY,
    CUBIC,
    THREADS,
    KEYRING,
    POLICY,
    HOST_LABEL,
    HOME_DIR,
    PASSWORD_FD,
    PASSWORD_FILE,
    SECRET_KEY
};

static const struct cli_option options[] = {
    [YES] = {'y', "yes", NULL, "fetch without asking"},
    [REPAIR] = {0, "repair", "FILE", "mend FILE, an artifact of the model, instead of taking the model into the store"},
    [ONLY] = {0, "only", "PATH", "FILE is the artifact PATH (default: the one that has its name, or is the only one)"},
    [RANGES] = {0, "ranges", "FILE",
                "bad ranges, for a start: chunks that are not named are looked at in the end alone"},
    [FORCE] = {0, "force", NULL, "mend a file of which no chunk is right"},
    [ALLOW_UNSIGNED] = {0, "allow-unsigned", NULL, "let a manifest pass that nobody signed"},
    [ALLOW_ROLLBACK] = {0, "allow-rollback", NULL, "let an older revision pass than one that was imported signed"},
    [MAX_BYTES] = {0, "max-bytes", "N", "take no model larger than N bytes (K, M, G)"},
    [MAX_RATE] = {0, "max-rate", "N", "receive at most N bytes a second, from all peers together (K, M, G)"},
    [LEAST_RATE] = {0, "least-rate", "N", "give peers up that send fewer than N bytes a second (default: 16K)"},
    [PEER_KEY] = {0, "peer-key", "FILE", "show this key (peer-key) to peers that ask for one"},
    [CUBIC] = {0, "cubic", NULL, "control congestion by CUBIC instead of BBR"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [POLICY] = {0, "policy", "FILE", CLI_POLICY_HELP},
    [HOST_LABEL] = {0, "host-label", "TEXT", "name this machine in the receipt"},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the secret key's password from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which is the user's own and mode 0600"},
    [SECRET_KEY] = {'s', "secret-key", "FILE", "sign the receipt with this key"},
};

static const struct cli_command command = {
    "peer-fetch",
    "MANIFEST-SHA256|MANIFEST PEER...",
    "Take a model from PEERs (h3://HOST:PORT#PEERID; - reads them, one a line) into the store.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_RECEIPT |
        MM_GROUP_STORE | MM_GROUP_TRUST | MM_GROUP_POLICY | MM_GROUP_PEER,
};

struct call {
    struct cli cli;
    struct mm_import_options how;
    struct cli_trust trust;
    struct cli_signer signer;
    const char *home_given, *keyring, *threads;
    char *home_path;
    int home, terminal;
    bool yes;
    struct cli_peers peers;
    struct cli_mend mend;
    unsigned char sha256[MM_HASH_BYTES];
    struct mm_buf text; /* of the manifest */
    struct mm_signatures signatures;
    struct mm_manifest manifest;
};

/* ---- the manifest ---- */

/* The operand is a hash, or a file that is read before rights are given up. */
static int open_manifest(struct call *c)
{
    const char *operand = c->cli.argv[0];
    if (mm_hex_hash(operand, strlen(operand), c->sha256))
        return 0;
    c->cli.diags.file = operand;
    int fd = mm_file_open(operand, &c->cli.diags);
    if (fd < 0)
        return -1;
    int result = mm_file_read_all(fd, MM_MANIFEST_MAX, &c->text, &c->cli.diags);
    close(fd);
    c->cli.diags.file = "";
    return result > 0 ? mm_diag(&c->cli.diags, MM_RULE_TEXT_SIZE, "expected at most %d bytes", MM_MANIFEST_MAX)
                      : result;
}

/* Has the shape of mm_peer_judge_fn. */
static bool holds(void *context, const struct mm_signatures *signatures, size_t other)
{
    struct call *c = context;
    struct mm_trusted trusted = {0};
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool good = mm_trust_judge(&trusted, &c->trust.trust, &c->manifest, signatures, &ignored) == 0 &&
                (other == MM_PEER_OWN_SIGNATURE ? trusted.signature.outcome == MM_SIGNED_VERIFIED
                                                : trusted.counted && trusted.counted[other]);
    mm_trusted_release(&trusted);
    mm_diags_release(&ignored);
    return good;
}

static int take_manifest(struct call *c)
{
    c->cli.diags.file = "(manifest)";
    if (c->text.length == 0 && mm_peer_fetch_manifest(&c->peers.fetch, c->sha256, &c->text, &c->cli.diags) < 0)
        return -1;
    if (mm_manifest_read(&c->manifest, c->text.data ? c->text.data : "", c->text.length, &c->cli.diags) < 0)
        return -1;
    if (!c->mend.file)
        mm_peer_fetch_ahead(&c->peers.fetch, c->home, &c->manifest, &c->cli.diags);
    return mm_peer_fetch_signatures(&c->peers.fetch, c->manifest.sha256, &c->trust.trust, holds, c, &c->signatures,
                                    &c->cli.diags);
}

/* ---- consent ---- */

static void show(const struct call *c, struct mm_buf *out, const char *name, enum mm_field field)
{
    char value[MM_VALUE_MAX + 1];
    mm_buf_printf(out, "%s: ", name);
    mm_manifest_text(&c->manifest, 0, field, value);
    mm_buf_escaped(out, value, strlen(value));
    mm_buf_char(out, '\n');
}

static void describe(const struct call *c, const struct mm_trusted *trusted, struct mm_buf *out)
{
    uint64_t bytes = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(&c->manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(&c->manifest, group, &claim);
        bytes += claim.chunks.bytes;
    }
    show(c, out, "model", MM_FIELD_MODEL_ID);
    show(c, out, "version", MM_FIELD_VERSION);
    show(c, out, "publisher", MM_FIELD_PUBLISHER_ID);
    show(c, out, "license", MM_FIELD_LICENSE);
    show(c, out, "license-route", MM_FIELD_LICENSE_ROUTE);
    mm_buf_printf(out, "bytes: %" PRIu64 "\nsignature: %s\n", bytes, mm_signed_words[trusted->signature.outcome]);
    mm_buf_str(out, "Fetch it? [y/N] ");
}

/* Asks at the terminal; only a line that begins with y is a yes. */
static int ask(struct call *c)
{
    struct mm_trusted trusted = {0};
    struct mm_buf out = {0};
    struct mm_diags ignored;
    char answer[64] = "";
    ssize_t got = -1;
    if (c->yes)
        return 0;
    mm_diags_init(&ignored); /* the import says all of it once more */
    int result = mm_trust_judge(&trusted, &c->trust.trust, &c->manifest, &c->signatures, &ignored);
    describe(c, &trusted, &out);
    if (result == 0 && mm_buf_text(&out) &&
        (result = mm_file_write_all(c->terminal, out.data, out.length, "the terminal", &c->cli.diags)) == 0)
        got = read(c->terminal, answer, sizeof answer - 1);
    mm_trusted_release(&trusted);
    mm_diags_release(&ignored);
    mm_buf_release(&out);
    if (result < 0)
        return -1;
    return got > 0 && (answer[0] == 'y' || answer[0] == 'Y')
               ? 0
               : mm_diag(&c->cli.diags, MM_RULE_PEER_CONSENT, "expected a yes, found none: nothing was fetched");
}

/* ---- the course ---- */

static int print_facts(struct call *c, const struct mm_import_facts *facts)
{
    static const char *const states[] = {
        [MM_IMPORT_FAILED] = "failed", [MM_IMPORT_DONE] = "imported", [MM_IMPORT_THERE] = "there"};
    struct mm_buf out = {0}, path = {0};
    cli_fact(&c->cli, &out, "state", states[facts->state], false);
    cli_fact(&c->cli, &out, "model-id", facts->model.id, false);
    cli_number(&c->cli, &out, "revision", facts->model.revision);
    cli_fact(&c->cli, &out, "manifest-sha256", facts->manifest_sha256, false);
    cli_number(&c->cli, &out, "total-bytes", facts->total);
    cli_number(&c->cli, &out, "fetched-bytes", c->peers.fetch.fetched);
    if (facts->state != MM_IMPORT_FAILED) {
        mm_buf_printf(&path, "%s/%s", c->home_path, facts->model.path);
        cli_fact(&c->cli, &out, "path", mm_buf_text(&path) ? path.data : "", false);
        mm_buf_clear(&path);
        mm_buf_printf(&path, "%s/%s", c->home_path, facts->receipt);
        cli_fact(&c->cli, &out, "receipt", mm_buf_text(&path) ? path.data : "", false);
    }
    if (c->cli.json)
        mm_buf_str(&out, "}\n");
    int result = path.failed ? mm_diag_memory(&c->cli.diags) : cli_print(&c->cli, &out);
    mm_buf_release(&path);
    mm_buf_release(&out);
    return result;
}

static int enter_sandbox(struct call *c)
{
    struct mm_sandbox_rule rules[3];
    size_t count = cli_trust_rules(&c->trust, rules, 0);
    if (c->mend.file)
        rules[count++] = (struct mm_sandbox_rule){c->mend.folder, MM_SANDBOX_WRITE};
    if (c->home >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->home, c->mend.file ? MM_SANDBOX_READ : MM_SANDBOX_STORE};
    return cli_sandbox(&c->cli, rules, count);
}

/* The store that is imported into, or whose receipts say what was seen before: then it need not be there. */
static int open_home(struct call *c)
{
    struct mm_diags mark = c->cli.diags;
    c->home = c->trust.trust.home = mm_home_open(c->home_given, !c->mend.file, &c->cli.diags);
    if (c->home >= 0)
        return 0;
    if (!c->mend.file)
        return -1;
    mm_diags_rewind(&c->cli.diags, &mark);
    return 0;
}

/* Everything that has to be opened before rights are given up. */
static int open_all(struct call *c)
{
    if (!(c->home_path = mm_home_path(c->home_given, &c->cli.diags)) || cli_signer_open(&c->cli, &c->signer) < 0 ||
        open_manifest(c) < 0 || (c->mend.file && cli_mend_open(&c->cli, &c->mend) < 0) ||
        cli_peers_take(&c->cli, &c->peers, c->cli.argv + 1, c->cli.argc - 1) < 0 ||
        cli_peers_identify(&c->cli, &c->peers) < 0 || open_home(c) < 0)
        return -1;
    c->how.receipt_key = c->signer.key;
    cli_trust_open(&c->cli, &c->trust, c->keyring);
    return cli_trust_open_policies(&c->cli, &c->trust) < 0 ? -1 : cli_peers_connect(&c->cli, &c->peers);
}

static int run(struct call *c)
{
    struct mm_import_facts facts = {.state = MM_IMPORT_FAILED};
    if (open_all(c) < 0 || enter_sandbox(c) < 0 || cli_trust_read_policies(&c->cli, &c->trust) < 0 ||
        take_manifest(c) < 0 || ask(c) < 0)
        return -1;
    if (c->mend.file)
        return cli_mend_run(&c->cli, &c->mend, &c->peers, &c->manifest);
    int result = mm_peer_fetch_model(&c->peers.fetch, c->home, c->home_path, &c->manifest, &c->signatures, &c->how,
                                     &facts, &c->cli.diags);
    cli_progress_end(&c->cli);
    if (facts.model.id[0] && print_facts(c, &facts) < 0)
        result = -1;
    return result;
}

static void release(struct call *c)
{
    cli_peers_release(&c->peers);
    cli_mend_release(&c->mend);
    mm_manifest_release(&c->manifest);
    mm_buf_release(&c->text);
    mm_signatures_release(&c->signatures);
    cli_trust_release(&c->trust);
    cli_signer_release(&c->signer);
    free(c->home_path);
}

/* Has the shape of mm_import_options' waiting: what there is to say is said before the wait. */
static void say(void *cli)
{
    cli_report(cli);
}

static uint64_t take_size(struct call *c, const char *name, const char *value)
{
    uint64_t size;
    if (!mm_number_size(value, MM_NUMBER_MAX / 64, &size) || size == 0)
        cli_usage(&c->cli, "--%s: expected a number of bytes from 1, found '%s'", name, value);
    return size;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case YES: c->yes = true; break;
    case REPAIR: c->mend.file = value; break;
    case ONLY: c->mend.only = value; break;
    case RANGES: c->mend.ranges = value; break;
    case FORCE: c->mend.force = true; break;
    case ALLOW_UNSIGNED: c->how.allow_unsigned = true; break;
    case ALLOW_ROLLBACK: c->how.allow_rollback = true; break;
    case MAX_BYTES: c->how.max_bytes = take_size(c, "max-bytes", value); break;
    case MAX_RATE: c->peers.how.max_rate = take_size(c, "max-rate", value); break;
    case LEAST_RATE: c->peers.fetch.options.least_rate = take_size(c, "least-rate", value); break;
    case PEER_KEY: c->peers.key = value; break;
    case CUBIC: c->peers.how.congestion = MM_QUIC_CUBIC; break;
    case THREADS: c->threads = value; break;
    case KEYRING: c->keyring = value; break;
    case POLICY: cli_policies_add(&c->trust.policies, value); break;
    case HOST_LABEL:
        if (!mm_value_sound(value, strlen(value)))
            cli_usage(&c->cli, "--host-label: expected the value of a line, found '%s'", value);
        c->how.host_label = value;
        break;
    case HOME_DIR: c->home_given = value; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->signer.password, value); break;
    case PASSWORD_FILE: c->signer.password.file = value; break;
    default: c->signer.path = value; break;
    }
}

int main(int argc, char **argv)
{
    struct call c = {.home = -1,
                     .terminal = -1,
                     .trust = CLI_TRUST_NONE,
                     .signer = CLI_NO_SIGNER,
                     .how = {.medium = MM_MEDIUM_PEER},
                     .signatures = {.shown = "(peers)"},
                     .mend = CLI_MEND_NONE,
                     .peers = {.fetch = {.options = MM_PLAN_DEFAULT}}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    c.how.progress = c.peers.fetch.progress = cli_progress;
    c.how.progress_context = c.peers.fetch.progress_context = &c.cli;
    c.how.waiting = say;
    c.how.trust = &c.trust.trust;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc < 2)
        cli_usage(&c.cli, "expected a manifest and a PEER");
    c.how.means = cli_hash_means(&c.cli, c.threads);
    if (!c.mend.file && (c.mend.only || c.mend.ranges || c.mend.force))
        cli_usage(&c.cli, "--only, --ranges and --force go with --repair");
    cli_signer_check(&c.cli, &c.signer);
    if (!c.yes && (c.terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) < 0)
        cli_usage(&c.cli, "there is no terminal to ask for consent at: --yes gives it");
    int result = run(&c);
    release(&c);
    if (c.terminal >= 0)
        close(c.terminal);
    return cli_finish(&c.cli, result < 0 ? cli_failed(&c.cli) : MM_YES);
}
