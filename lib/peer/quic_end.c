#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/quic_parts.h"

#define FAREWELL_BYTES 1200

/* The application's last call, once. */
static void tell(struct mm_quic_connection *connection)
{
    void *context = connection->context;
    connection->context = NULL;
    if (context)
        connection->quic->application->lost(context, connection->why);
}

void mm_quic_note_why(struct mm_quic_connection *connection, const char *why)
{
    if (!connection->why[0])
        snprintf(connection->why, sizeof connection->why, "%s", why);
}

void mm_quic_drop(struct mm_quic_connection *connection, const char *why)
{
    struct mm_quic *quic = connection->quic;
    mm_quic_note_why(connection, why);
    tell(connection);
    if (connection->server) {
        quic->counts.connections--;
        if (connection->state == MM_QUIC_HANDSHAKE)
            quic->counts.handshakes--;
    }
    mm_quic_heap_remove(quic, connection);
    mm_quic_unwake(connection);
    free(connection->farewell);
    mm_quic_abandon(connection);
}

/* CLOSING and DRAINING last three probe time-outs (RFC 9000, 10.2). */
static void linger(struct mm_quic_connection *connection, enum mm_quic_state state)
{
    struct mm_quic *quic = connection->quic;
    if (connection->server && connection->state == MM_QUIC_HANDSHAKE)
        quic->counts.handshakes--;
    connection->state = state;
    connection->wake_at = MM_QUIC_NEVER;
    mm_quic_set_due(connection, quic->now + 3 * ngtcp2_conn_get_pto(connection->conn));
    tell(connection);
}

void mm_quic_end(struct mm_quic_connection *connection)
{
    struct mm_quic *quic = connection->quic;
    ngtcp2_path_storage path;
    ngtcp2_pkt_info info = {0};
    unsigned char *room = quic->full ? NULL : mm_udp_room(quic->outbox);
    ngtcp2_path_storage_zero(&path);
    ngtcp2_ssize length = !room ? 0
                                : ngtcp2_conn_write_connection_close(connection->conn, &path.path, &info, room,
                                                                     FAREWELL_BYTES, &connection->error, quic->now);
    if (length <= 0) {
        mm_quic_drop(connection, "closed");
        return;
    }
    connection->farewell = malloc((size_t)length);
    if (connection->farewell) {
        memcpy(connection->farewell, room, (size_t)length);
        connection->farewell_length = (size_t)length;
    }
    mm_quic_put(quic, &path.path, info.ecn, room, (size_t)length, (size_t)length);
    linger(connection, MM_QUIC_CLOSING);
}

void mm_quic_stray(struct mm_quic_connection *connection)
{
    struct mm_quic *quic = connection->quic;
    if (connection->state != MM_QUIC_CLOSING || !connection->farewell || ++connection->strays < connection->answer_at)
        return;
    unsigned char *room = quic->full ? NULL : mm_udp_room(quic->outbox);
    if (!room)
        return;
    /* the second, fourth, eighth ... datagram */
    connection->answer_at *= 2;
    memcpy(room, connection->farewell, connection->farewell_length);
    mm_quic_put(quic, ngtcp2_conn_get_path(connection->conn), 0, room, connection->farewell_length,
                connection->farewell_length);
}

/* The peer's own words for the end. */
static void quote(struct mm_quic_connection *connection)
{
    const ngtcp2_ccerr *error = ngtcp2_conn_get_ccerr(connection->conn);
    char shown[MM_SHOWN];
    mm_show(shown, error->reason, error->reasonlen);
    if (connection->why[0])
        return;
    snprintf(connection->why, sizeof connection->why, "the peer has closed the connection (%s %#" PRIx64 "%s%.100s)",
             error->type == NGTCP2_CCERR_TYPE_APPLICATION ? "HTTP/3" : "QUIC", error->error_code,
             error->reasonlen ? ": " : "", error->reasonlen ? shown : "");
}

static void note_alert(struct mm_quic_connection *connection)
{
    unsigned char alert = ngtcp2_conn_get_tls_alert(connection->conn);
    const char *name = gnutls_alert_get_name((gnutls_alert_description_t)alert);
    ngtcp2_ccerr_set_tls_alert(&connection->error, alert, NULL, 0);
    if (!connection->why[0])
        snprintf(connection->why, sizeof connection->why, "TLS: %s", name ? name : "failed");
}

void mm_quic_broken(struct mm_quic_connection *connection, int code)
{
    const struct mm_quic_settings *settings = &connection->quic->settings;
    char why[MM_QUIC_WHY];
    switch (code) {
    case NGTCP2_ERR_DRAINING:
        quote(connection);
        linger(connection, MM_QUIC_DRAINING);
        return;
    case NGTCP2_ERR_IDLE_CLOSE:
        snprintf(why, sizeof why, "nothing was heard for %" PRIu32 " ms", settings->idle);
        mm_quic_drop(connection, why);
        return;
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
        snprintf(why, sizeof why, "no connection within %" PRIu32 " ms", settings->handshake);
        mm_quic_drop(connection, why);
        return;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
        mm_quic_drop(connection, "the server knows no version of QUIC that is known here");
        return;
    case NGTCP2_ERR_RETRY:
    case NGTCP2_ERR_DROP_CONN: mm_quic_drop(connection, "not a connection"); return;
    default: break;
    }
    if (code == NGTCP2_ERR_CRYPTO) {
        note_alert(connection);
    } else if (!connection->ending) {
        ngtcp2_ccerr_set_liberr(&connection->error, code, NULL, 0);
        snprintf(why, sizeof why, "QUIC: %s", ngtcp2_strerror(code));
        mm_quic_note_why(connection, why);
    }
    mm_quic_end(connection);
}

void mm_quic_expire(struct mm_quic_connection *connection)
{
    struct mm_quic *quic = connection->quic;
    if (connection->state >= MM_QUIC_CLOSING) {
        mm_quic_drop(connection, "closed");
        return;
    }
    if (connection->wake_at <= quic->now)
        connection->wake_at = MM_QUIC_NEVER;
    int code = ngtcp2_conn_get_expiry(connection->conn) <= quic->now
                   ? ngtcp2_conn_handle_expiry(connection->conn, quic->now)
                   : 0;
    if (code != 0)
        mm_quic_broken(connection, code);
    else
        mm_quic_write(connection);
}
