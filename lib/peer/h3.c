#include <stdlib.h>
#include <string.h>

#include "peer/h3_parts.h"

#define SEND_MEMORY (16ull * 1024 * 1024)
#define STALL 60000 /* milliseconds */
#define MILLISECOND 1000000ull
#define GOAWAY_PAUSE                                                                                                   \
    (100 * MILLISECOND) /* between the notice and the last word: requests that are on their way arrive */

/* ---- connections ---- */

static struct mm_h3_connection *new_connection(struct mm_h3 *h3)
{
    struct mm_h3_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->h3 = h3;
    connection->next = h3->connections;
    connection->link = &h3->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    h3->connections = connection;
    connection->progress = mm_quic_now(h3->quic);
    return connection;
}

static void free_connection(struct mm_h3_connection *connection)
{
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    nghttp3_conn_del(connection->http);
    free(connection->authority);
    free(connection);
}

static void *came(void *application, struct mm_quic_connection *quic)
{
    struct mm_h3 *h3 = application;
    struct mm_h3_connection *connection = h3->serves ? new_connection(h3) : NULL;
    if (!connection)
        return NULL;
    connection->quic = quic;
    connection->is_server = true;
    if (h3->server.admit &&
        !h3->server.admit(h3->server.context, connection, &mm_quic_peer(quic)->any, mm_quic_key(quic))) {
        free_connection(connection);
        return NULL;
    }
    return connection;
}

static int ready(void *context)
{
    struct mm_h3_connection *connection = context;
    if (mm_h3_begin(connection) < 0)
        return -1;
    if (connection->is_server && connection->h3->stopping)
        connection->leaving = true;
    if (!connection->is_server && connection->client.ready)
        connection->client.ready(connection->client.context);
    return 0;
}

static void lost(void *context, const char *why)
{
    struct mm_h3_connection *connection = context;
    struct mm_h3 *h3 = connection->h3;
    connection->leaving = true;
    while (connection->streams)
        mm_h3_stream_free(connection->streams, MM_H3_LOST);
    if (!connection->is_server)
        connection->client.lost(connection->client.context, why);
    else if (h3->server.gone)
        h3->server.gone(h3->server.context, connection);
    free_connection(connection);
}

/* A server says once that it will leave, a moment later which request was the last one, and leaves when all are answered. */
static int leave(struct mm_h3_connection *connection)
{
    uint64_t now = mm_quic_now(connection->h3->quic);
    if (connection->told_at == 0) {
        connection->told_at = now + GOAWAY_PAUSE;
        if (nghttp3_conn_submit_shutdown_notice(connection->http) != 0)
            return mm_quic_fail(connection->quic, NGHTTP3_H3_INTERNAL_ERROR, "memory is exhausted");
    }
    if (!connection->told && now < connection->told_at) {
        mm_quic_wake_at(connection->quic, connection->told_at);
        return 0;
    }
    if (!connection->told) {
        connection->told = true;
        if (nghttp3_conn_shutdown(connection->http) != 0)
            return mm_quic_fail(connection->quic, NGHTTP3_H3_INTERNAL_ERROR, "memory is exhausted");
    }
    if (!connection->streams && nghttp3_conn_is_drained(connection->http))
        mm_quic_close(connection->quic, NGHTTP3_H3_NO_ERROR, "the server is leaving");
    return 0;
}

static int prepare(void *context)
{
    struct mm_h3_connection *connection = context;
    uint64_t now = mm_quic_now(connection->h3->quic);
    if (!connection->http)
        return 0;
    if (mm_h3_tend(connection) < 0)
        return -1;
    if (!connection->is_server) {
        if (connection->leaving && !connection->streams)
            mm_quic_close(connection->quic, NGHTTP3_H3_NO_ERROR, "the server is leaving");
        return 0;
    }
    if (connection->streams) {
        if (now - connection->progress >= connection->h3->stall)
            return mm_quic_fail(connection->quic, NGHTTP3_H3_EXCESSIVE_LOAD, "the client takes nothing");
        mm_quic_wake_at(connection->quic, connection->progress + connection->h3->stall);
    }
    return connection->leaving ? leave(connection) : 0;
}

/* ---- streams, between QUIC and HTTP/3 ---- */

static int fail(struct mm_h3_connection *connection, int code)
{
    return mm_quic_fail(connection->quic, nghttp3_err_infer_quic_app_error_code(code), nghttp3_strerror(code));
}

static int received(void *context, int64_t stream, const unsigned char *bytes, size_t length, bool last)
{
    struct mm_h3_connection *connection = context;
    nghttp3_ssize taken = nghttp3_conn_read_stream(connection->http, stream, bytes, length, last);
    if (taken < 0)
        return fail(connection, (int)taken);
    mm_quic_consumed(connection->quic, stream, (uint64_t)taken);
    return 0;
}

static int acknowledged(void *context, int64_t stream, uint64_t bytes)
{
    struct mm_h3_connection *connection = context;
    int code = nghttp3_conn_add_ack_offset(connection->http, stream, bytes);
    return code == 0 ? 0 : fail(connection, code);
}

static int reset(void *context, int64_t stream)
{
    struct mm_h3_connection *connection = context;
    int code = nghttp3_conn_shutdown_stream_read(connection->http, stream);
    return code == 0 ? 0 : fail(connection, code);
}

static int closed(void *context, int64_t stream, bool failed, uint64_t code)
{
    struct mm_h3_connection *connection = context;
    if (!connection->http)
        return 0;
    int result = nghttp3_conn_close_stream(connection->http, stream, failed ? code : NGHTTP3_H3_NO_ERROR);
    return result == 0 || result == NGHTTP3_ERR_STREAM_NOT_FOUND ? 0 : fail(connection, result);
}

static int unblocked(void *context, int64_t stream)
{
    struct mm_h3_connection *connection = context;
    int code = connection->http ? nghttp3_conn_unblock_stream(connection->http, stream) : 0;
    return code == 0 ? 0 : fail(connection, code);
}

static int streams_allowed(void *context, uint64_t count)
{
    struct mm_h3_connection *connection = context;
    if (!connection->is_server)
        connection->to_open = true; /* who asked for this much later than for the last one waits for nothing else */
    else if (connection->http)
        nghttp3_conn_set_max_client_streams_bidi(connection->http, count);
    return 0;
}

static int next(void *context, int64_t *stream, bool *last, struct ngtcp2_vec *pieces, size_t count)
{
    struct mm_h3_connection *connection = context;
    int end = 0;
    *stream = -1;
    if (!connection->http)
        return 0;
    nghttp3_ssize found = nghttp3_conn_writev_stream(connection->http, stream, &end, (nghttp3_vec *)pieces, count);
    *last = end;
    return found < 0 ? fail(connection, (int)found) : (int)found;
}

static int wrote(void *context, int64_t stream, size_t bytes)
{
    struct mm_h3_connection *connection = context;
    int code = nghttp3_conn_add_write_offset(connection->http, stream, bytes);
    return code == 0 ? 0 : fail(connection, code);
}

static void blocked(void *context, int64_t stream, bool for_good)
{
    struct mm_h3_connection *connection = context;
    if (for_good)
        nghttp3_conn_shutdown_stream_write(connection->http, stream);
    else
        nghttp3_conn_block_stream(connection->http, stream);
}

/* ---- the endpoint ---- */

struct mm_h3 *mm_h3_new(const struct mm_h3_settings *settings, const struct mm_h3_server *server,
                        struct mm_diags *diags)
{
    struct mm_h3 *h3 = calloc(1, sizeof *h3);
    if (!h3) {
        mm_diag_memory(diags);
        return NULL;
    }
    if (server) {
        h3->server = *server;
        h3->serves = true;
    }
    h3->send_memory = settings->send_memory ? settings->send_memory : SEND_MEMORY;
    h3->stall = (settings->stall ? settings->stall : STALL) * MILLISECOND;
    h3->application = (struct mm_quic_application){h3,      came,      ready,           received, acknowledged, reset,
                                                   closed,  unblocked, streams_allowed, prepare,  next,         wrote,
                                                   blocked, lost};
    h3->quic = mm_quic_new(&settings->quic, &h3->application, diags);
    if (h3->quic)
        return h3;
    free(h3);
    return NULL;
}

void mm_h3_free(struct mm_h3 *h3)
{
    if (!h3)
        return;
    mm_quic_free(h3->quic);
    mm_h3_body_free_spare(h3);
    free(h3);
}

struct mm_quic *mm_h3_quic(struct mm_h3 *h3)
{
    return h3->quic;
}

int mm_h3_run(struct mm_h3 *h3, int timeout, struct mm_diags *diags)
{
    return mm_quic_run(h3->quic, timeout, diags);
}

void mm_h3_stop(struct mm_h3 *h3)
{
    h3->stopping = true;
    mm_quic_refuse(h3->quic);
    for (struct mm_h3_connection *connection = h3->connections; connection; connection = connection->next) {
        if (!connection->is_server)
            continue;
        connection->leaving = true;
        mm_quic_wake(connection->quic);
    }
}

bool mm_h3_drained(const struct mm_h3 *h3)
{
    struct mm_quic_counts counts;
    mm_quic_counts(h3->quic, &counts);
    for (const struct mm_h3_connection *connection = h3->connections; connection; connection = connection->next)
        if (connection->is_server)
            return false;
    return h3->stopping && counts.handshakes == 0;
}

void mm_h3_counts(const struct mm_h3 *h3, struct mm_h3_counts *counts)
{
    *counts = h3->counts;
}

struct mm_h3_connection *mm_h3_connect(struct mm_h3 *h3, const struct mm_h3_target *target,
                                       const struct mm_h3_client *client, struct mm_diags *diags)
{
    struct mm_h3_connection *connection = new_connection(h3);
    if (!connection) {
        mm_diag_memory(diags);
        return NULL;
    }
    connection->client = *client;
    connection->authority = strdup(target->authority);
    if (!connection->authority)
        mm_diag_memory(diags);
    else
        connection->quic = mm_quic_connect(h3->quic, &target->address, target->key, connection, diags);
    if (connection->quic)
        return connection;
    free_connection(connection);
    return NULL;
}

void mm_h3_close(struct mm_h3_connection *connection)
{
    connection->leaving = true;
    mm_quic_close(connection->quic, NGHTTP3_H3_NO_ERROR, "closed");
}

struct mm_quic_connection *mm_h3_quic_connection(struct mm_h3_connection *connection)
{
    return connection->quic;
}

void mm_h3_set_mark(struct mm_h3_connection *connection, void *mark)
{
    connection->mark = mark;
}

void *mm_h3_mark(const struct mm_h3_connection *connection)
{
    return connection->mark;
}
