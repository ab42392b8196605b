/* The parts of peer-serve: what it prints, whom it tells of itself, and what it does while it serves. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli_secret.h"
#include "cli_store.h"
#include "cli_trust.h"
#include "exchange/catalog_share.h"
#include "peer/lan.h"
#include "peer/metrics.h"
#include "peer/server.h"

#define CLI_SERVE_ADDRESSES 8 /* to listen at */

/* A call of peer-serve. */
struct cli_serve {
    struct cli cli;
    struct cli_store store;
    struct cli_trust trust;
    struct cli_signer signer; /* the peer's key */
    const char *home_given, *keyring, *directory, *metrics_path;
    const char **shared;
    size_t shared_count, shared_capacity;
    struct mm_shares_wanted wanted;
    unsigned char (*admitted)[MM_PEER_KEY_BYTES];
    size_t admitted_count, admitted_capacity;
    union mm_udp_address listen[CLI_SERVE_ADDRESSES];
    size_t listen_count;
    struct mm_peer_server_options how;
    struct mm_peer_identity *identity;
    struct mm_shares *shares;
    struct mm_peer_server *server;
    struct mm_catalog_share catalog;
    char catalog_id[MM_CATALOG_SHARE_ID];
    struct mm_metrics *metrics;
    uint64_t reloads; /* for the metrics */
    bool log, log_clients, announce;
    bool stopping;     /* since it was told to, until what is being sent is, or DRAIN_UNTIL */
    struct mm_lan lan; /* the process that announces */
    int signals;
    uint64_t drain_until;
    uint64_t reload_at; /* 0: nothing is to be taken anew */
    struct mm_buf line; /* of the log */
};

/* ---- cli_serve_print.c ---- */

/* Prints one line of the log; it has the shape of mm_peer_server_options' served, CONTEXT being the call. Where nobody reads it, serving ends. */
void cli_serve_log(void *context, const struct mm_peer_served *request);

/* Prints peer id, number of models, and addresses, once all is ready. Returns 0, or -1 with a finding. */
int cli_serve_print_beginning(struct cli_serve *c);

/* ---- cli_serve_announce.c ---- */

/* Tells the local network, if that is wanted. Returns 0, or -1 with a finding. */
int cli_serve_announce(struct cli_serve *c);
void cli_serve_end_announcing(struct cli_serve *c);

/* ---- cli_serve_loop.c ---- */

/* What there is to share now. What cannot be shared is said, and the rest is. NULL with a finding. */
struct mm_shares *cli_serve_take_shares(struct cli_serve *c);

/* From here on SIGHUP reloads and SIGTERM drains. Returns 0, or -1 with a finding. */
int cli_serve_watch_signals(struct cli_serve *c);

/* Serves until it is told to stop, and what was being sent is. Returns 0, or -1 with a finding. */
int cli_serve_run(struct cli_serve *c);

#endif
