/* peer-fetch: takes a model from other machines into the store, each chunk checked before it is written, and all of it once more. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/home.h"
#include "base/file.h"
#include "base/number.h"
#include "cli_secret.h"
#include "cli_trust.h"
#include "doc/report.h"
#include "peer/fetch.h"
#include "text/line.h"

#define PLACES_MAX 2         /* addresses of a name, which are often one of IPv6 and one of IPv4 */
#define PEERS_TEXT_MAX 65536 /* bytes of addresses on standard input */

enum {
    YES,
    ALLOW_UNSIGNED,
    ALLOW_ROLLBACK,
    MAX_BYTES,
    LEAST_RATE,
    PEER_KEY,
    CUBIC,
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
    [ALLOW_UNSIGNED] = {0, "allow-unsigned", NULL, "let a manifest pass that nobody signed"},
    [ALLOW_ROLLBACK] = {0, "allow-rollback", NULL, "let an older revision pass than one that was imported signed"},
    [MAX_BYTES] = {0, "max-bytes", "N", "take no model larger than N bytes (K, M, G)"},
    [LEAST_RATE] = {0, "least-rate", "N", "give peers up that send fewer than N bytes a second (default: 16K)"},
    [PEER_KEY] = {0, "peer-key", "FILE", "show this key (peer-key) to peers that ask for one"},
    [CUBIC] = {0, "cubic", NULL, "control congestion by CUBIC instead of BBR"},
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

/* Where a peer is, and how it was called. */
struct named {
    union mm_udp_address to;
    char authority[MM_PEER_ADDRESS_MAX];
};

struct call {
    struct cli cli;
    struct mm_import_options how;
    struct cli_trust trust;
    struct cli_signer signer;
    const char *home_given, *keyring, *peer_key;
    char *home_path;
    int home, terminal;
    bool yes;
    enum mm_quic_congestion congestion;
    struct named peers[MM_PLAN_PEERS];
    unsigned char keys[MM_PLAN_PEERS][MM_PEER_KEY_BYTES];
    struct mm_peer_identity *identity;
    struct mm_peer_fetch fetch;
    unsigned char sha256[MM_HASH_BYTES];
    struct mm_buf text, signature; /* of the manifest */
    struct mm_manifest manifest;
};

/* ---- peers ---- */

/* One place of the peer ADDRESS. */
static int add_place(struct call *c, const struct mm_peer_address *address, const struct addrinfo *found)
{
    if (c->fetch.count == MM_PLAN_PEERS)
        return mm_diag(&c->cli.diags, MM_RULE_IO_LIMIT, "expected at most %d peers, found more", MM_PLAN_PEERS);
    struct named *peer = &c->peers[c->fetch.count];
    if (!mm_udp_address(&peer->to, found->ai_addr, found->ai_addrlen))
        return 0;
    snprintf(peer->authority, sizeof peer->authority, "%s%s%s:%u", address->is_ipv6 ? "[" : "", address->host,
             address->is_ipv6 ? "]" : "", address->port);
    memcpy(c->keys[c->fetch.count++], address->key, MM_PEER_KEY_BYTES);
    return 0;
}

/* Finds where the peer is that TEXT names: a name's first addresses are all tried, as one of them may lead nowhere. */
static int add_peer(struct call *c, const char *text, size_t length)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct mm_peer_address address;
    char port[8];
    if (mm_peer_address_read(&address, text, length, &c->cli.diags) < 0)
        return -1;
    snprintf(port, sizeof port, "%u", address.port);
    int error = getaddrinfo(address.host, port, &hints, &found), result = 0, places = 0;
    if (error)
        return mm_diag(&c->cli.diags, MM_RULE_IO_OPEN, "cannot find %s: %s", address.host, gai_strerror(error));
    for (const struct addrinfo *at = found; at && result == 0 && places < PLACES_MAX; at = at->ai_next, places++)
        result = add_place(c, &address, at);
    freeaddrinfo(found);
    return result;
}

/* Lines of standard input: an address, and whatever stands behind a tab. */
static int read_peers(struct call *c)
{
    struct mm_buf text = {0};
    int result = mm_file_read_all(STDIN_FILENO, PEERS_TEXT_MAX, &text, &c->cli.diags);
    if (result > 0)
        result = mm_diag(&c->cli.diags, MM_RULE_IO_LIMIT, "expected at most %d bytes of addresses", PEERS_TEXT_MAX);
    for (const char *at = text.data; result == 0 && at && *at;) {
        size_t length = strcspn(at, "\n"), field = strcspn(at, "\t\n");
        add_peer(c, at, field); /* one that cannot be used is named, and the others may do */
        at += length + (at[length] == '\n');
    }
    mm_buf_release(&text);
    return result;
}

static int take_peers(struct call *c)
{
    for (int i = 1; i < c->cli.argc; i++) {
        bool lines = strcmp(c->cli.argv[i], "-") == 0;
        c->cli.diags.file = lines ? "(standard input)" : "";
        if (lines ? read_peers(c) < 0 : add_peer(c, c->cli.argv[i], strlen(c->cli.argv[i])) < 0)
            continue;
    }
    c->cli.diags.file = "";
    if (c->fetch.count > 0)
        return 0;
    return c->cli.diags.errors ? -1 : mm_diag(&c->cli.diags, MM_RULE_PEER_ADDRESS, "expected a peer, found none");
}

static int connect_all(struct call *c)
{
    c->fetch.client = mm_peer_client_new(c->identity, c->congestion, &c->cli.diags);
    c->fetch.keys = c->keys;
    for (size_t i = 0; c->fetch.client && i < c->fetch.count; i++)
        if (mm_peer_client_add(c->fetch.client, &c->peers[i].to, c->keys[i], c->peers[i].authority, &c->cli.diags) ==
            SIZE_MAX)
            return -1;
    return c->fetch.client ? 0 : -1;
}

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

/* Judges the manifest by the signature TEXT. */
static int judge(struct call *c, const struct mm_buf *text, struct mm_trusted *trusted, struct mm_diags *diags)
{
    struct mm_signatures signatures = {.shown = "(peers)", .present = text->length > 0};
    *trusted = (struct mm_trusted){0};
    mm_buf_add(&signatures.own, text->data, text->length);
    int result = signatures.own.failed ? mm_diag_memory(diags)
                                       : mm_trust_judge(trusted, &c->trust.trust, &c->manifest, &signatures, diags);
    mm_signatures_release(&signatures);
    return result;
}

/* Has the shape of mm_peer_fetch_signature's JUDGE. */
static bool holds(void *context, const struct mm_buf *text)
{
    struct call *c = context;
    struct mm_trusted trusted;
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool verified = judge(c, text, &trusted, &ignored) == 0 && trusted.signature.outcome == MM_SIGNED_VERIFIED;
    mm_trusted_release(&trusted);
    mm_diags_release(&ignored);
    return verified;
}

static int take_manifest(struct call *c)
{
    c->cli.diags.file = "(manifest)";
    if (c->text.length == 0 && mm_peer_fetch_manifest(&c->fetch, c->sha256, &c->text, &c->cli.diags) < 0)
        return -1;
    if (mm_manifest_read(&c->manifest, c->text.data ? c->text.data : "", c->text.length, &c->cli.diags) < 0)
        return -1;
    return mm_peer_fetch_signature(&c->fetch, c->manifest.sha256, holds, c, &c->signature, &c->cli.diags);
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
    struct mm_trusted trusted;
    struct mm_buf out = {0};
    struct mm_diags ignored;
    char answer[64] = "";
    ssize_t got = -1;
    if (c->yes)
        return 0;
    mm_diags_init(&ignored); /* the import says all of it once more */
    int result = judge(c, &c->signature, &trusted, &ignored);
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
    cli_number(&c->cli, &out, "fetched-bytes", c->fetch.fetched);
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
    rules[count++] = (struct mm_sandbox_rule){c->home, MM_SANDBOX_STORE};
    return cli_sandbox(&c->cli, rules, count);
}

/* Everything that has to be opened before rights are given up. */
static int open_all(struct call *c)
{
    struct cli_password none = CLI_NO_PASSWORD;
    struct mm_secret_key *key = NULL;
    if (!(c->home_path = mm_home_path(c->home_given, &c->cli.diags)) || cli_signer_open(&c->cli, &c->signer) < 0 ||
        open_manifest(c) < 0 || take_peers(c) < 0)
        return -1;
    c->how.receipt_key = c->signer.key;
    if (c->peer_key && (!(key = cli_secret_key(&c->cli, c->peer_key, &none)) ||
                        !(c->identity = mm_peer_identity_new(key, &c->cli.diags)))) {
        mm_secret_key_free(key);
        return -1;
    }
    mm_secret_key_free(key);
    c->home = c->trust.trust.home = mm_home_open(c->home_given, true, &c->cli.diags);
    if (c->home < 0)
        return -1;
    cli_trust_open(&c->cli, &c->trust, c->keyring);
    return cli_trust_open_policies(&c->cli, &c->trust) < 0 ? -1 : connect_all(c);
}

static int run(struct call *c)
{
    struct mm_import_facts facts = {.state = MM_IMPORT_FAILED};
    if (open_all(c) < 0 || enter_sandbox(c) < 0 || cli_trust_read_policies(&c->cli, &c->trust) < 0 ||
        take_manifest(c) < 0 || ask(c) < 0)
        return -1;
    int result = mm_peer_fetch_model(&c->fetch, c->home, c->home_path, &c->manifest, &c->signature, &c->how, &facts,
                                     &c->cli.diags);
    cli_progress_end(&c->cli);
    if (facts.model.id[0] && print_facts(c, &facts) < 0)
        result = -1;
    return result;
}

static void release(struct call *c)
{
    mm_peer_client_free(c->fetch.client);
    mm_peer_identity_free(c->identity);
    mm_manifest_release(&c->manifest);
    mm_buf_release(&c->text);
    mm_buf_release(&c->signature);
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
    case ALLOW_UNSIGNED: c->how.allow_unsigned = true; break;
    case ALLOW_ROLLBACK: c->how.allow_rollback = true; break;
    case MAX_BYTES: c->how.max_bytes = take_size(c, "max-bytes", value); break;
    case LEAST_RATE: c->fetch.options.least_rate = take_size(c, "least-rate", value); break;
    case PEER_KEY: c->peer_key = value; break;
    case CUBIC: c->congestion = MM_QUIC_CUBIC; break;
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
                     .fetch = {.options = MM_PLAN_DEFAULT}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    c.how.progress = c.fetch.progress = cli_progress;
    c.how.progress_context = c.fetch.progress_context = &c.cli;
    c.how.waiting = say;
    c.how.trust = &c.trust.trust;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc < 2)
        cli_usage(&c.cli, "expected a manifest and a PEER");
    cli_signer_check(&c.cli, &c.signer);
    if (!c.yes && (c.terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) < 0)
        cli_usage(&c.cli, "there is no terminal to ask for consent at: --yes gives it");
    int result = run(&c);
    release(&c);
    if (c.terminal >= 0)
        close(c.terminal);
    return cli_finish(&c.cli, result < 0 ? cli_failed(&c.cli) : MM_YES);
}
