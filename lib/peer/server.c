#include "peer/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange/response.h"
#include "peer/metrics.h"

struct mm_peer_server {
    struct mm_peer_server_options options;
    struct mm_responder who;
    struct mm_limits *limits;
    struct mm_h3 *h3;
    struct mm_peer_server_counts counts;
};

/* A connection that was admitted, and who it is. */
struct guest {
    union mm_udp_address from; /* as it began: what was counted for it is counted back for it */
    bool has_key;
    unsigned char key[MM_PEER_KEY_BYTES];
    unsigned users; /* the connection, and requests that are being answered */
};

/* A request that is being answered. */
struct turn {
    struct mm_peer_server *server;
    struct guest *guest;
    struct mm_response told;
    struct mm_h3_header headers[MM_RESPONSE_HEADERS]; /* which the transport reads after it was told */
    char method[16], *path;
    uint64_t begun;
};

static uint64_t now_of(const struct mm_peer_server *server)
{
    return mm_quic_now(mm_h3_quic(server->h3));
}

static const unsigned char *key_of(const struct guest *guest)
{
    return guest->has_key ? guest->key : NULL;
}

static void drop_guest(struct guest *guest)
{
    if (--guest->users == 0)
        free(guest);
}

/* ---- connections ---- */

static enum mm_quic_welcome welcome(void *context, const struct sockaddr *from, bool validated, size_t connections)
{
    struct mm_peer_server *server = context;
    (void)connections;
    if (!validated && mm_limits_are_tight(server->limits, now_of(server)))
        return MM_QUIC_RETRY;
    switch (mm_limits_welcome(server->limits, from, now_of(server))) {
    case MM_GRANTED: return MM_QUIC_TAKE;
    case MM_GRANT_TOO_FAST: server->counts.too_fast++; return MM_QUIC_IGNORE; /* it will try again */
    case MM_GRANT_TOO_MANY_HERE:
        server->counts.full_here++;
        server->counts.full_here_first++;
        return MM_QUIC_REFUSE;
    default: return MM_QUIC_REFUSE; /* which the transport counts, as it does what it refuses itself */
    }
}

static bool is_admitted(const struct mm_peer_server *server, const unsigned char *client)
{
    if (!server->options.admitted)
        return true;
    for (size_t i = 0; client && i < server->options.admitted_count; i++)
        if (memcmp(server->options.admitted[i], client, MM_PEER_KEY_BYTES) == 0)
            return true;
    return false;
}

static bool admit(void *context, struct mm_h3_connection *connection, const struct sockaddr *from,
                  const unsigned char *client)
{
    struct mm_peer_server *server = context;
    bool admitted = is_admitted(server, client);
    struct guest *guest = admitted ? calloc(1, sizeof *guest) : NULL;
    server->counts.strangers += !admitted;
    if (!guest)
        return false;
    socklen_t length = from->sa_family == AF_INET6 ? sizeof guest->from.v6 : sizeof guest->from.v4;
    enum mm_grant grant =
        mm_udp_address(&guest->from, from, length) ? mm_limits_connect(server->limits, from) : MM_GRANT_TOO_MANY;
    if (grant != MM_GRANTED) {
        server->counts.late += grant != MM_GRANT_TOO_MANY_HERE;
        server->counts.full_here += grant == MM_GRANT_TOO_MANY_HERE;
        free(guest);
        return false;
    }
    guest->users = 1;
    guest->has_key = client != NULL;
    if (client)
        memcpy(guest->key, client, MM_PEER_KEY_BYTES);
    mm_h3_set_mark(connection, guest);
    return true;
}

static void gone(void *context, struct mm_h3_connection *connection)
{
    struct mm_peer_server *server = context;
    struct guest *guest = mm_h3_mark(connection);
    mm_limits_disconnect(server->limits, &guest->from.any);
    mm_h3_set_mark(connection, NULL);
    drop_guest(guest);
}

/* What the upload rate and the day's bytes allow. A peer whose day is spent in the middle of a body is parted from, as nothing else ends
 * the body. */
static size_t grant(void *context, struct mm_h3_connection *connection, size_t wanted)
{
    struct mm_peer_server *server = context;
    const struct guest *guest = mm_h3_mark(connection);
    uint64_t now = now_of(server), left = mm_limits_left(server->limits, key_of(guest), &guest->from.any, now);
    if (left == 0) {
        mm_h3_close(connection);
        return 0;
    }
    uint64_t granted = mm_bucket_take(mm_limits_upload(server->limits), wanted < left ? wanted : left, now);
    mm_limits_count(server->limits, key_of(guest), &guest->from.any, granted, now);
    return (size_t)granted;
}

/* ---- requests ---- */

static void done(void *context, uint64_t sent)
{
    struct turn *turn = context;
    const struct mm_peer_server_options *options = &turn->server->options;
    struct mm_peer_served served = {
        .method = turn->method,
        .path = turn->path ? turn->path : "",
        .status = turn->told.status,
        .sent = sent,
        .time = now_of(turn->server) - turn->begun,
        .from = &turn->guest->from.any,
        .client = key_of(turn->guest),
    };
    turn->server->counts.statuses[turn->told.status / 100 % 6]++;
    if (options->served)
        options->served(options->context, &served);
    mm_response_done(turn->told.hold);
    drop_guest(turn->guest);
    free(turn->path);
    free(turn);
}

static void answer(void *context, struct mm_h3_connection *connection, const struct mm_h3_request *request,
                   struct mm_h3_response *response)
{
    struct mm_peer_server *server = context;
    struct guest *guest = mm_h3_mark(connection);
    struct mm_request asked = {.method = request->method,
                               .path = request->path,
                               .range = request->range,
                               .if_range = request->if_range,
                               .if_none_match = request->if_none_match};
    struct turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        return; /* which is sent as 500 */
    struct mm_response *told = &turn->told;
    if (mm_limits_left(server->limits, key_of(guest), &guest->from.any, now_of(server)) == 0)
        mm_respond_refuse(told, 429, (int64_t)time(NULL));
    else
        mm_respond(&server->who, &asked, (int64_t)time(NULL), told);
    turn->server = server;
    turn->guest = guest;
    turn->begun = now_of(server);
    snprintf(turn->method, sizeof turn->method, "%s", request->method);
    turn->path = server->options.served ? strdup(request->path) : NULL;
    guest->users++;
    for (size_t i = 0; i < told->header_count; i++)
        turn->headers[i] = (struct mm_h3_header){told->headers[i].name, told->headers[i].value};
    *response = (struct mm_h3_response){.status = told->status,
                                        .headers = turn->headers,
                                        .header_count = told->header_count,
                                        .fd = told->fd,
                                        .offset = told->offset,
                                        .length = told->length,
                                        .bytes = told->bytes,
                                        .done = done,
                                        .context = turn};
}

/* ---- the server ---- */

static int begin_endpoint(struct mm_peer_server *server, struct mm_diags *diags)
{
    const struct mm_peer_server_options *options = &server->options;
    struct mm_h3_settings settings = {.quic = {.identity = options->identity,
                                               .client_key = options->admitted ? MM_QUIC_KEY_DEMAND : MM_QUIC_KEY_NONE,
                                               .congestion = options->congestion,
                                               .connections = options->limits.connections,
                                               .streams = options->limits.streams,
                                               .context = server,
                                               .welcome = welcome}};
    const struct mm_h3_server how = {.context = server, .admit = admit, .gone = gone, .answer = answer, .grant = grant};
    server->h3 = mm_h3_new(&settings, &how, diags);
    return server->h3 ? 0 : -1;
}

struct mm_peer_server *mm_peer_server_new(const struct mm_peer_server_options *options, struct mm_shares *shares,
                                          struct mm_diags *diags)
{
    struct mm_peer_server *server = calloc(1, sizeof *server);
    if (!server) {
        mm_diag_memory(diags);
        return NULL;
    }
    server->options = *options;
    server->who = (struct mm_responder){
        .shares = shares, .listing = options->listing, .catalog = options->catalog, .limits = options->limits};
    memcpy(server->who.key, mm_peer_identity_key(options->identity), MM_PEER_KEY_BYTES);
    mm_shares_keep(shares);
    if (begin_endpoint(server, diags) == 0)
        server->limits = mm_limits_new(&options->limits, now_of(server), diags);
    if (server->limits)
        return server;
    mm_peer_server_free(server);
    return NULL;
}

void mm_peer_server_free(struct mm_peer_server *server)
{
    if (!server)
        return;
    mm_h3_free(server->h3);
    mm_limits_free(server->limits);
    mm_shares_drop(server->who.shares);
    free(server);
}

void mm_peer_server_share(struct mm_peer_server *server, struct mm_shares *shares)
{
    mm_shares_keep(shares);
    mm_shares_drop(server->who.shares);
    server->who.shares = shares;
}

void mm_peer_server_counts(const struct mm_peer_server *server, struct mm_peer_server_counts *counts)
{
    *counts = server->counts;
}

void mm_peer_server_metrics(struct mm_peer_server *server, uint64_t reloads, struct mm_buf *out)
{
    struct mm_quic_counts quic;
    struct mm_h3_counts h3;
    const struct mm_peer_server_counts *own = &server->counts;
    mm_quic_counts(mm_h3_quic(server->h3), &quic);
    mm_h3_counts(server->h3, &h3);
    const struct mm_metric metrics[] = {
#define GAUGE(name, help, value) {"minimodel_peer_" name, "", help, false, value}
#define COUNTER(name, labels, help, value)                                                                             \
    {                                                                                                                  \
        "minimodel_peer_" name, labels, help, true, value                                                              \
    }
        GAUGE("models", "models that are shared", mm_shares_models(server->who.shares)),
        COUNTER("reloads_total", "", "times that the shares were taken anew", reloads),
        GAUGE("connections", "clients that are connected or shake hands", quic.connections),
        GAUGE("handshakes", "of them those that shake hands", quic.handshakes),
        COUNTER("connections_total", "", "clients whose handshake was done", quic.accepted),
        COUNTER("refused_total", "{why=\"full\"}", "clients that were turned away",
                quic.refused - own->full_here_first - own->too_fast + own->late),
        COUNTER("refused_total", "{why=\"address\"}", "", own->full_here),
        COUNTER("refused_total", "{why=\"rate\"}", "", own->too_fast),
        COUNTER("refused_total", "{why=\"stranger\"}", "", own->strangers),
        COUNTER("retries_total", "", "newcomers that had to prove their address", quic.retries),
        COUNTER("resets_total", "", "stateless resets that were sent", quic.resets),
        COUNTER("datagrams_total", "{way=\"in\"}", "UDP datagrams", quic.datagrams_in),
        COUNTER("datagrams_total", "{way=\"out\"}", "", quic.datagrams_out),
        COUNTER("datagram_bytes_total", "{way=\"in\"}", "bytes of them", quic.bytes_in),
        COUNTER("datagram_bytes_total", "{way=\"out\"}", "", quic.bytes_out),
        COUNTER("requests_total", "", "requests that came", h3.requests),
        COUNTER("responses_total", "{status=\"2xx\"}", "answers that are over", own->statuses[2]),
        COUNTER("responses_total", "{status=\"3xx\"}", "", own->statuses[3]),
        COUNTER("responses_total", "{status=\"4xx\"}", "", own->statuses[4]),
        COUNTER("responses_total", "{status=\"5xx\"}", "", own->statuses[5]),
        COUNTER("given_up_total", "", "answers that were not taken whole", h3.given_up),
        COUNTER("body_bytes_total", "", "bytes of bodies that were acknowledged", h3.body_bytes),
        GAUGE("send_memory_bytes", "bytes of files that wait for an acknowledgement", h3.held),
#undef GAUGE
#undef COUNTER
    };
    mm_metrics_write(metrics, sizeof metrics / sizeof *metrics, out);
}

struct mm_h3 *mm_peer_server_h3(struct mm_peer_server *server)
{
    return server->h3;
}
