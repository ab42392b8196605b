/* peer-serve: gives verified models of the store to other machines, over HTTP/3. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/number.h"
#include "cli_serve.h"

#define PORT "4433"

enum {
    SECRET_KEY,
    SHARE,
    SHARE_ALL,
    PARTIAL,
    DIRECTORY,
    LISTEN,
    ADMIT,
    NO_LISTING,
    ANNOUNCE,
    UPLOAD_RATE,
    BYTES_A_DAY,
    CONNECTIONS,
    CONNECTIONS_AN_ADDRESS,
    STREAMS,
    HANDSHAKES,
    CUBIC,
    LOG,
    LOG_CLIENTS,
    METRICS,
    KEYRING,
    POLICY,
    HOME_DIR,
    PASSWORD_FD,
    PASSWORD_FILE
};

static const struct cli_option options[] = {
    [SECRET_KEY] = {'s', "secret-key", "FILE", "the key by which others know this machine (peer-key)"},
    [SHARE] = {0, "share", "MODEL-ID", "share this model, its newest revision or MODEL-ID@REVISION (can be repeated)"},
    [SHARE_ALL] = {0, "share-all", NULL, "share every model whose manifest says `peer-hint: available`"},
    [PARTIAL] = {0, "partial", NULL, "share of these models also what a fetch has that did not end"},
    [DIRECTORY] = {0, "directory", "DIR", "serve the catalog in DIR too, at " MM_CATALOG_SHARE_PATH},
    [LISTEN] = {0, "listen", "ADDRESS", "listen at IP:PORT or [IPV6]:PORT (can be repeated; default: port " PORT ")"},
    [ADMIT] = {0, "admit", "PEERID", "serve this peer, and nobody who is not admitted (can be repeated)"},
    [NO_LISTING] = {0, "no-listing", NULL, "do not tell which models there are"},
    [ANNOUNCE] = {0, "announce", NULL, "tell the local network, so that peer-find finds this peer"},
    [UPLOAD_RATE] = {0, "upload-rate", "N", "send at most N bytes a second (K, M, G)"},
    [BYTES_A_DAY] = {0, "bytes-a-day", "N", "send at most N bytes a day to one peer"},
    [CONNECTIONS] = {0, "connections", "N", "serve at most N connections at once (default: 64)"},
    [CONNECTIONS_AN_ADDRESS] = {0, "connections-an-address", "N", "of them from one address (default: 8)"},
    [STREAMS] = {0, "streams", "N", "answer at most N requests of a connection at once (default: 16)"},
    [HANDSHAKES] = {0, "handshakes", "N", "begin at most N connections a second (default: 20)"},
    [CUBIC] = {0, "cubic", NULL, "control congestion by CUBIC instead of BBR"},
    [LOG] = {0, "log", NULL, "print a line for each request"},
    [LOG_CLIENTS] = {0, "log-clients", NULL, "print who asked too: peer id and address"},
    [METRICS] = {0, "metrics", "PATH", "tell figures to whoever asks at the Unix socket PATH"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [POLICY] = {0, "policy", "FILE", CLI_POLICY_HELP},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the secret key's password from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which is the user's own and mode 0600"},
};

static const struct cli_command command = {
    "peer-serve",
    "",
    "Give models of the store, each verified, to other machines.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_VERIFY | MM_GROUP_RECEIPT | MM_GROUP_STORE |
        MM_GROUP_TRUST | MM_GROUP_POLICY | MM_GROUP_CATALOG | MM_GROUP_PEER,
};

/* ---- before it serves ---- */

/* Who serves a catalog alone needs no store. */
static bool shares_models(const struct cli_serve *c)
{
    return c->shared_count > 0 || c->wanted.all;
}

static int listen_all(struct cli_serve *c)
{
    struct mm_quic *quic = mm_h3_quic(mm_peer_server_h3(c->server));
    for (size_t i = 0; i < c->listen_count; i++)
        if (mm_quic_listen(quic, &c->listen[i], &c->cli.diags) < 0)
            return -1;
    return 0;
}

/* What is served besides models, and where figures are told. */
static int open_more(struct cli_serve *c)
{
    if (c->metrics_path && !(c->metrics = mm_metrics_open(c->metrics_path, &c->cli.diags)))
        return -1;
    if (!c->directory)
        return 0;
    c->cli.diags.file = c->directory;
    c->catalog.folder = mm_file_open_folder(c->directory, &c->cli.diags);
    c->cli.diags.file = "";
    c->how.catalog = &c->catalog;
    return c->catalog.folder < 0 ? -1 : mm_catalog_share_check(c->catalog.folder, c->catalog_id, &c->cli.diags);
}

static void tell_metrics(void *context, struct mm_buf *out)
{
    struct cli_serve *c = context;
    mm_peer_server_metrics(c->server, c->reloads, out);
}

static int serve_metrics(struct cli_serve *c)
{
    return c->metrics
               ? mm_metrics_serve(c->metrics, mm_h3_quic(mm_peer_server_h3(c->server)), tell_metrics, c, &c->cli.diags)
               : 0;
}

static int enter_sandbox(struct cli_serve *c)
{
    struct mm_sandbox_rule rules[4];
    size_t count = cli_trust_rules(&c->trust, rules, 0);
    if (c->store.home >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->store.home, MM_SANDBOX_READ};
    if (c->directory)
        rules[count++] = (struct mm_sandbox_rule){c->catalog.folder, MM_SANDBOX_READ};
    return cli_sandbox(&c->cli, rules, count);
}

/* The key is needed for the certificate alone, and does not stay. */
static int make_server(struct cli_serve *c)
{
    if (cli_signer_open(&c->cli, &c->signer) < 0 || !(c->identity = mm_peer_identity_new(c->signer.key, &c->cli.diags)))
        return -1;
    mm_secret_key_free(c->signer.key);
    c->signer.key = NULL;
    if (open_more(c) < 0 || enter_sandbox(c) < 0 || cli_trust_read_policies(&c->cli, &c->trust) < 0 ||
        !(c->shares = cli_serve_take_shares(c)))
        return -1;
    if (mm_shares_models(c->shares) == 0 && shares_models(c))
        return c->cli.diags.errors
                   ? -1
                   : mm_diag(&c->cli.diags, MM_RULE_PEER_SHARE, "expected a model that can be shared, found none");
    cli_report(&c->cli); /* what is left out */
    c->how.identity = c->identity;
    c->server = mm_peer_server_new(&c->how, c->shares, &c->cli.diags);
    return c->server ? 0 : -1;
}

static int run(struct cli_serve *c)
{
    /* before there is a secret in this process */
    bool ready = (!c->announce || mm_lan_announcer(&c->lan, &c->cli.diags) == 0) &&
                 (!shares_models(c) || cli_store_open(&c->cli, &c->store, c->home_given) == 0);
    c->trust.trust.home = c->store.home;
    c->cli.diags.file = "";
    if (ready)
        cli_trust_open(&c->cli, &c->trust, c->keyring);
    ready = ready && cli_trust_open_policies(&c->cli, &c->trust) == 0 && make_server(c) == 0 && listen_all(c) == 0 &&
            cli_serve_watch_signals(c) == 0 && cli_serve_announce(c) == 0 && serve_metrics(c) == 0 &&
            cli_serve_print_beginning(c) == 0;
    return ready ? cli_serve_run(c) : -1;
}

static void release(struct cli_serve *c)
{
    mm_lan_end(&c->lan);
    mm_metrics_close(c->metrics);
    mm_peer_server_free(c->server);
    if (c->catalog.folder >= 0)
        close(c->catalog.folder);
    mm_shares_drop(c->shares);
    mm_peer_identity_free(c->identity);
    cli_trust_release(&c->trust);
    cli_signer_release(&c->signer);
    cli_store_release(&c->store);
    mm_buf_release(&c->line);
    free(c->shared);
    free(c->admitted);
}

/* ---- the call ---- */

/* IP:PORT or [IPV6]:PORT. */
static bool take_address(struct cli_serve *c, const char *text)
{
    union mm_udp_address *address = &c->listen[c->listen_count];
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    uint64_t port;
    if (!colon || c->listen_count == CLI_SERVE_ADDRESSES || (size_t)(colon - text) >= sizeof host ||
        !mm_number(colon + 1, strlen(colon + 1), 65535, &port))
        return false;
    size_t length = (size_t)(colon - text);
    bool is_ipv6 = length > 2 && text[0] == '[' && text[length - 1] == ']';
    memcpy(host, text + is_ipv6, length - 2 * is_ipv6);
    host[length - 2 * is_ipv6] = '\0';
    memset(address, 0, sizeof *address);
    if (is_ipv6) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons((uint16_t)port);
    } else {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
    }
    c->listen_count++;
    return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, host,
                     is_ipv6 ? (void *)&address->v6.sin6_addr : (void *)&address->v4.sin_addr) == 1;
}

static void take_share(struct cli_serve *c, const char *name)
{
    if (!mm_grow(&c->shared, c->shared_count, &c->shared_capacity, sizeof *c->shared))
        exit(cli_no_memory(command.name));
    c->shared[c->shared_count++] = name;
}

static void take_peer(struct cli_serve *c, const char *id)
{
    if (!mm_grow(&c->admitted, c->admitted_count, &c->admitted_capacity, sizeof *c->admitted))
        exit(cli_no_memory(command.name));
    if (!mm_peer_id_read(id, strlen(id), c->admitted[c->admitted_count++]))
        cli_usage(&c->cli, "--admit: expected a peer id, found '%s'", id);
}

static uint64_t take_number(struct cli_serve *c, int option, const char *value, uint64_t most)
{
    uint64_t number;
    bool bytes = option == UPLOAD_RATE || option == BYTES_A_DAY;
    if (!(bytes ? mm_number_size(value, most, &number) : mm_number(value, strlen(value), most, &number)) || number == 0)
        cli_usage(&c->cli, "--%s: expected a number from 1 to %" PRIu64 ", found '%s'", options[option].name, most,
                  value);
    return number;
}

static void take_limit(struct cli_serve *c, int option, const char *value)
{
    struct mm_limits_options *limits = &c->how.limits;
    switch (option) {
    case UPLOAD_RATE: limits->upload_rate = take_number(c, option, value, MM_BUCKET_RATE_MAX); break;
    case BYTES_A_DAY: limits->bytes_a_day = take_number(c, option, value, MM_NUMBER_MAX); break;
    case CONNECTIONS: limits->connections = (unsigned)take_number(c, option, value, 10000); break;
    case CONNECTIONS_AN_ADDRESS: limits->connections_an_address = (unsigned)take_number(c, option, value, 10000); break;
    case STREAMS: limits->streams = (unsigned)take_number(c, option, value, 1000); break;
    default: limits->handshakes = (unsigned)take_number(c, option, value, 100000); break;
    }
}

static void take_option(struct cli_serve *c, int option, const char *value)
{
    switch (option) {
    case SECRET_KEY: c->signer.path = value; break;
    case SHARE: take_share(c, value); break;
    case SHARE_ALL: c->wanted.all = true; break;
    case PARTIAL: c->wanted.partial = true; break;
    case DIRECTORY: c->directory = value; break;
    case LISTEN:
        if (!take_address(c, value))
            cli_usage(&c->cli, "--listen: expected IP:PORT or [IPV6]:PORT, %d at most, found '%s'", CLI_SERVE_ADDRESSES,
                      value);
        break;
    case ADMIT: take_peer(c, value); break;
    case NO_LISTING: c->how.listing = false; break;
    case ANNOUNCE: c->announce = true; break;
    case CUBIC: c->how.congestion = MM_QUIC_CUBIC; break;
    case LOG: c->log = true; break;
    case LOG_CLIENTS: c->log = c->log_clients = true; break;
    case METRICS: c->metrics_path = value; break;
    case KEYRING: c->keyring = value; break;
    case POLICY: cli_policies_add(&c->trust.policies, value); break;
    case HOME_DIR: c->home_given = value; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->signer.password, value); break;
    case PASSWORD_FILE: c->signer.password.file = value; break;
    default: take_limit(c, option, value); break;
    }
}

int main(int argc, char **argv)
{
    struct cli_serve c = {.store = {NULL, -1},
                          .trust = CLI_TRUST_NONE,
                          .signer = CLI_NO_SIGNER,
                          .how = {.limits = MM_LIMITS_DEFAULT, .listing = true},
                          .lan = MM_LAN_NONE,
                          .catalog.folder = -1,
                          .signals = -1};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc > 0)
        cli_usage(&c.cli, "expected no operand, found '%s'", c.cli.argv[0]);
    if (!c.signer.path)
        cli_usage(&c.cli, "expected --secret-key FILE: peer-key makes one");
    if (!shares_models(&c) && !c.directory)
        cli_usage(&c.cli, "expected --share MODEL-ID, --share-all or --directory DIR: nothing is shared by default");
    cli_signer_check(&c.cli, &c.signer);
    if (c.listen_count == 0) {
        take_address(&c, "0.0.0.0:" PORT);
        take_address(&c, "[::]:" PORT);
    }
    c.wanted.models = c.shared;
    c.wanted.count = c.shared_count;
    c.how.admitted = (const unsigned char(*)[MM_PEER_KEY_BYTES])c.admitted;
    c.how.admitted_count = c.admitted_count;
    c.how.served = c.log ? cli_serve_log : NULL;
    c.how.context = &c;
    int result = run(&c);
    release(&c);
    return cli_finish(&c.cli, result < 0 ? cli_failed(&c.cli) : MM_YES);
}
