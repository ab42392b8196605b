#include "peer/quic_parts.h"

#define PIECES 16

/* Datagrams that go out as one message: all of one size but for the last, which may be shorter, to one place and with one mark. */
struct batch {
    unsigned char *bytes;
    size_t length, segment, count;
    ngtcp2_path_storage path;
    uint8_t ecn;
};

void mm_quic_put(struct mm_quic *quic, const ngtcp2_path *path, uint8_t ecn, const unsigned char *bytes, size_t length,
                 size_t segment)
{
    union mm_udp_address from, to;
    struct mm_udp *udp = path->user_data;
    mm_udp_address(&from, path->local.addr, path->local.addrlen);
    mm_udp_address(&to, path->remote.addr, path->remote.addrlen);
    mm_udp_put(quic->outbox, udp, udp->wildcard ? &from : NULL, &to, ecn, bytes, length, segment);
    quic->counts.datagrams_out += (length + segment - 1) / segment;
    quic->counts.bytes_out += length;
}

static void put(struct mm_quic *quic, const struct batch *batch)
{
    if (batch->length > 0)
        mm_quic_put(quic, &batch->path.path, batch->ecn, batch->bytes, batch->length, batch->segment);
}

/* Writes one datagram at AT. Returns its length, 0 for nothing to send now, or -1 after the connection has ended. */
static ngtcp2_ssize write_one(struct mm_quic_connection *connection, ngtcp2_path_storage *path, ngtcp2_pkt_info *info,
                              unsigned char *at, size_t room)
{
    const struct mm_quic_application *application = connection->quic->application;
    bool may_send = connection->state == MM_QUIC_OPEN && ngtcp2_conn_get_max_data_left(connection->conn) > 0;
    for (;;) {
        ngtcp2_vec pieces[PIECES];
        int64_t stream = -1;
        bool last = false;
        ngtcp2_ssize taken = -1;
        int count = may_send ? application->next(connection->context, &stream, &last, pieces, PIECES) : 0;
        if (count < 0) {
            mm_quic_broken(connection, NGTCP2_ERR_CALLBACK_FAILURE);
            return -1;
        }
        uint32_t flags = (stream >= 0 ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0) | (last ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0);
        ngtcp2_ssize length = ngtcp2_conn_writev_stream(connection->conn, &path->path, info, at, room, &taken, flags,
                                                        stream, pieces, (size_t)count, connection->quic->now);
        if (length == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
            application->blocked(connection->context, stream, false);
            continue;
        }
        if (length == NGTCP2_ERR_STREAM_SHUT_WR || length == NGTCP2_ERR_STREAM_NOT_FOUND) {
            application->blocked(connection->context, stream, true);
            continue;
        }
        if (stream >= 0 && taken >= 0 && application->wrote(connection->context, stream, (size_t)taken) < 0) {
            mm_quic_broken(connection, NGTCP2_ERR_CALLBACK_FAILURE);
            return -1;
        }
        if (length == NGTCP2_ERR_WRITE_MORE)
            continue;
        if (length < 0)
            mm_quic_broken(connection, (int)length);
        return length < 0 ? -1 : length;
    }
}

/* Adds the LENGTH bytes that were written behind BATCH. Returns false where they are its end, or belong to another. */
static bool add(struct mm_quic *quic, struct batch *batch, size_t length, const ngtcp2_path_storage *path, uint8_t ecn,
                size_t most)
{
    if (batch->count > 0 &&
        (length > batch->segment || ecn != batch->ecn || !ngtcp2_path_eq(&path->path, &batch->path.path))) {
        put(quic, batch);
        mm_quic_put(quic, &path->path, ecn, batch->bytes + batch->length, length, length);
        batch->length = 0;
        return false;
    }
    if (batch->count == 0) {
        ngtcp2_path_storage_zero(&batch->path);
        ngtcp2_path_copy(&batch->path.path, &path->path);
        batch->segment = length;
        batch->ecn = ecn;
        batch->path.path.user_data = path->path.user_data;
    }
    batch->length += length;
    batch->count++;
    return length == batch->segment && batch->count < MM_UDP_SEGMENTS_MAX && batch->length + batch->segment <= most;
}

/* One burst. Returns true where more may be sent at once; false too after the connection has ended. */
static bool write_burst(struct mm_quic_connection *connection, bool *ended)
{
    struct mm_quic *quic = connection->quic;
    struct batch batch = {.bytes = mm_udp_room(quic->outbox)};
    size_t most = ngtcp2_conn_get_send_quantum(connection->conn);
    bool more = false;
    if (!batch.bytes) {
        quic->starved = true;
        return false;
    }
    if (most > MM_UDP_BATCH_MAX)
        most = MM_UDP_BATCH_MAX;
    do {
        ngtcp2_path_storage path;
        ngtcp2_pkt_info info = {0};
        ngtcp2_path_storage_zero(&path);
        /* room for a probe of the path, which may be larger than what is known to pass */
        ngtcp2_ssize length = write_one(connection, &path, &info, batch.bytes + batch.length, MM_UDP_PAYLOAD_MAX);
        if (length < 0) {
            *ended = true;
            return false;
        }
        more = length > 0;
        if (length == 0 || !add(quic, &batch, (size_t)length, &path, info.ecn, most))
            break;
    } while (true);
    put(quic, &batch);
    return more;
}

void mm_quic_write(struct mm_quic_connection *connection)
{
    struct mm_quic *quic = connection->quic;
    bool ended = false;
    if (connection->state >= MM_QUIC_CLOSING)
        return;
    if (connection->server && connection->state == MM_QUIC_OPEN && connection->tls.session) {
        ngtcp2_conn_set_tls_native_handle(connection->conn, NULL); /* a fifth of what an idle connection costs */
        mm_tls_release(&connection->tls);
    }
    if (!connection->ending && connection->state == MM_QUIC_OPEN &&
        quic->application->prepare(connection->context) < 0 && !connection->ending)
        mm_quic_fail(connection, 0, "memory is exhausted");
    if (connection->ending) {
        mm_quic_end(connection);
        return;
    }
    if (quic->full) {
        mm_quic_set_due(connection, connection->wake_at);
        quic->starved = true;
        return;
    }
    bool more = write_burst(connection, &ended);
    if (ended)
        return;
    ngtcp2_conn_update_pkt_tx_time(connection->conn, quic->now);
    uint64_t due = ngtcp2_conn_get_expiry(connection->conn);
    if (connection->wake_at < due)
        due = connection->wake_at;
    mm_quic_set_due(connection, due);
    if (more)
        mm_quic_wake(connection);
}
