#include "cli_peers.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli_secret.h"

#define PLACES_MAX 2   /* addresses of a name, which are often one of IPv6 and one of IPv4 */
#define TEXT_MAX 65536 /* bytes of addresses on standard input */

/* One place of the peer ADDRESS. */
static int add_place(struct cli *cli, struct cli_peers *peers, const struct mm_peer_address *address,
                     const struct addrinfo *found)
{
    size_t *count = &peers->fetch.count;
    if (*count == MM_PLAN_PEERS)
        return mm_diag(&cli->diags, MM_RULE_IO_LIMIT, "expected at most %d peers, found more", MM_PLAN_PEERS);
    struct cli_peer *place = &peers->places[*count];
    if (!mm_udp_address(&place->to, found->ai_addr, found->ai_addrlen))
        return 0;
    snprintf(place->authority, sizeof place->authority, "%s%s%s:%u", address->is_ipv6 ? "[" : "", address->host,
             address->is_ipv6 ? "]" : "", address->port);
    memcpy(peers->keys[(*count)++], address->key, MM_PEER_KEY_BYTES);
    return 0;
}

/* Finds where the peer is that TEXT names: a name's first addresses are all tried, as one of them may lead nowhere. */
static int add_peer(struct cli *cli, struct cli_peers *peers, const char *text, size_t length)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct mm_peer_address address;
    char port[8];
    if (mm_peer_address_read(&address, text, length, &cli->diags) < 0)
        return -1;
    snprintf(port, sizeof port, "%u", address.port);
    int error = getaddrinfo(address.host, port, &hints, &found), result = 0, places = 0;
    if (error)
        return mm_diag(&cli->diags, MM_RULE_IO_OPEN, "cannot find %s: %s", address.host, gai_strerror(error));
    for (const struct addrinfo *at = found; at && result == 0 && places < PLACES_MAX; at = at->ai_next, places++)
        result = add_place(cli, peers, &address, at);
    freeaddrinfo(found);
    return result;
}

/* Lines of standard input: an address, and whatever stands behind a tab. */
static int read_peers(struct cli *cli, struct cli_peers *peers)
{
    struct mm_buf text = {0};
    int result = mm_file_read_all(STDIN_FILENO, TEXT_MAX, &text, &cli->diags);
    if (result > 0)
        result = mm_diag(&cli->diags, MM_RULE_IO_LIMIT, "expected at most %d bytes of addresses", TEXT_MAX);
    for (const char *at = text.data; result == 0 && at && *at;) {
        size_t length = strcspn(at, "\n"), field = strcspn(at, "\t\n");
        add_peer(cli, peers, at, field); /* one that cannot be used is named, and the others may do */
        at += length + (at[length] == '\n');
    }
    mm_buf_release(&text);
    return result;
}

int cli_peers_take(struct cli *cli, struct cli_peers *peers, char **operands, int count)
{
    for (int i = 0; i < count; i++) {
        bool lines = strcmp(operands[i], "-") == 0;
        cli->diags.file = lines ? "(standard input)" : "";
        if (lines ? read_peers(cli, peers) < 0 : add_peer(cli, peers, operands[i], strlen(operands[i])) < 0)
            continue;
    }
    cli->diags.file = "";
    if (peers->fetch.count > 0)
        return 0;
    return cli->diags.errors ? -1 : mm_diag(&cli->diags, MM_RULE_PEER_ADDRESS, "expected a peer, found none");
}

int cli_peers_identify(struct cli *cli, struct cli_peers *peers)
{
    struct cli_password none = CLI_NO_PASSWORD;
    if (!peers->key)
        return 0;
    struct mm_secret_key *key = cli_secret_key(cli, peers->key, &none);
    peers->identity = key ? mm_peer_identity_new(key, &cli->diags) : NULL;
    mm_secret_key_free(key);
    return peers->identity ? 0 : -1;
}

int cli_peers_connect(struct cli *cli, struct cli_peers *peers)
{
    struct mm_peer_fetch *fetch = &peers->fetch;
    uint64_t fair = peers->how.max_rate / (4 * fetch->count);
    if (peers->how.max_rate && fetch->options.least_rate > fair) /* nobody is slow who may not be faster */
        fetch->options.least_rate = fair ? fair : 1;
    peers->how.identity = peers->identity;
    peers->how.peers = fetch->count;
    fetch->client = mm_peer_client_new(&peers->how, &cli->diags);
    fetch->keys = peers->keys;
    for (size_t i = 0; fetch->client && i < fetch->count; i++)
        if (mm_peer_client_add(fetch->client, &peers->places[i].to, peers->keys[i], peers->places[i].authority,
                               &cli->diags) == SIZE_MAX)
            return -1;
    return fetch->client ? 0 : -1;
}

const char *cli_peers_address(const struct cli_peers *peers, size_t which, struct mm_buf *out)
{
    char id[MM_PEER_ID_TEXT];
    mm_buf_clear(out);
    mm_buf_printf(out, MM_PEER_SCHEME "%s#%s", peers->places[which].authority,
                  mm_peer_id_write(id, peers->keys[which]));
    return mm_buf_text(out) ? out->data : "";
}

void cli_peers_release(struct cli_peers *peers)
{
    mm_peer_client_free(peers->fetch.client);
    mm_peer_identity_free(peers->identity);
}
