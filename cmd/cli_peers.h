/* The peers of a call: where they are, and the fetch that asks them. */
#ifndef CLI_PEERS_H
#define CLI_PEERS_H

#include "cli.h"
#include "peer/fetch.h"

/* Where a peer is, and how it was called. */
struct cli_peer {
    union mm_udp_address to;
    char authority[MM_PEER_ADDRESS_MAX];
};

struct cli_peers {
    struct cli_peer places[MM_PLAN_PEERS];
    unsigned char keys[MM_PLAN_PEERS][MM_PEER_KEY_BYTES];
    const char *key; /* --peer-key, or NULL */
    struct mm_peer_identity *identity;
    struct mm_peer_client_options how;
    struct mm_peer_fetch fetch; /* its count is that of the places */
};

/* Takes COUNT operands: addresses, or "-" for lines of standard input with one each, up to a tab. One that cannot be used is a finding, and the
 * others may do. Returns 0, or -1 where there is none. */
int cli_peers_take(struct cli *cli, struct cli_peers *peers, char **operands, int count);

/* Reads --peer-key. Returns 0, or -1 with a finding. */
int cli_peers_identify(struct cli *cli, struct cli_peers *peers);

/* Begins to connect to all of them. Returns 0, or -1 with a finding. */
int cli_peers_connect(struct cli *cli, struct cli_peers *peers);

/* The address of place WHICH. */
const char *cli_peers_address(const struct cli_peers *peers, size_t which, struct mm_buf *out);

void cli_peers_release(struct cli_peers *peers);

#endif
