#include <string.h>

#include "base/file.h"
#include "peer/quic_parts.h"

#define SMALLEST_FIRST 1200   /* bytes of a client's first datagram (RFC 9000, 14.1) */
#define LARGEST_RESET 43      /* longer ones look no more like what a connection sends */
#define ANSWERS_A_SECOND 1000 /* datagrams without a connection that are answered */
#define MAY_BE_MEANT 16       /* connections to one server that are looked at for its reset */
#define TOKEN_LIFE (10 * NGTCP2_SECONDS)

/* Strangers are answered so many times a second and no more, whatever they send. */
static bool may_answer(struct mm_quic *quic)
{
    if (quic->now - quic->answers_since >= NGTCP2_SECONDS) {
        quic->answers_since = quic->now;
        quic->answers = 0;
    }
    return quic->answers++ < ANSWERS_A_SECOND;
}

/* Sends the LENGTH bytes that stand in the outbox's room. */
static void answer(struct mm_quic *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram,
                   const unsigned char *room, ngtcp2_ssize length)
{
    if (length <= 0)
        return;
    mm_udp_put(quic->outbox, udp, udp->wildcard ? &datagram->to : NULL, &datagram->from, 0, room, (size_t)length,
               (size_t)length);
    quic->counts.datagrams_out++;
    quic->counts.bytes_out += (uint64_t)length;
}

static void offer_versions(struct mm_quic *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram,
                           const ngtcp2_version_cid *ids)
{
    unsigned char *room, chance = 0;
    if (datagram->length < SMALLEST_FIRST || !may_answer(quic) || !(room = mm_udp_room(quic->outbox)))
        return;
    (void)mm_random(&chance, 1);
    answer(quic, udp, datagram, room,
           ngtcp2_pkt_write_version_negotiation(room, SMALLEST_FIRST, chance, ids->scid, ids->scidlen, ids->dcid,
                                                ids->dcidlen, MM_QUIC_VERSIONS, MM_QUIC_VERSION_COUNT));
}

/* Somebody speaks to a connection that is no more, perhaps of a server that was here before: it is told so. */
static void reset(struct mm_quic *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram,
                  const ngtcp2_version_cid *ids)
{
    unsigned char token[NGTCP2_STATELESS_RESET_TOKENLEN], noise[64];
    unsigned char *room;
    ngtcp2_cid id;
    /* Shorter than what came, so that two ends stop; but as short as a ping is: a client that waits for an answer says nothing else (RFC 9000, 10.3.3). */
    size_t whole = datagram->length > LARGEST_RESET ? LARGEST_RESET : datagram->length - 1;
    size_t length = whole - NGTCP2_STATELESS_RESET_TOKENLEN;
    if (whole < NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN || !may_answer(quic) ||
        !(room = mm_udp_room(quic->outbox)))
        return;
    ngtcp2_cid_init(&id, ids->dcid, ids->dcidlen);
    if (ngtcp2_crypto_generate_stateless_reset_token(token, quic->secret, sizeof quic->secret, &id) != 0 ||
        mm_random(noise, length) < 0)
        return;
    quic->counts.resets++;
    answer(quic, udp, datagram, room, ngtcp2_pkt_write_stateless_reset(room, SMALLEST_FIRST, token, noise, length));
}

/* Has the client send its first datagram again with a token, which only a client at that address can know. */
static void retry(struct mm_quic *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram,
                  const ngtcp2_pkt_hd *header)
{
    unsigned char token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2], *room;
    ngtcp2_cid id = {.datalen = MM_QUIC_ID_BYTES};
    if (!may_answer(quic) || !(room = mm_udp_room(quic->outbox)) || mm_random(id.data, id.datalen) < 0)
        return;
    ngtcp2_ssize length = ngtcp2_crypto_generate_retry_token2(
        token, quic->secret, sizeof quic->secret, header->version, &datagram->from.any,
        mm_udp_address_length(&datagram->from), &id, &header->dcid, quic->now);
    if (length < 0)
        return;
    quic->counts.retries++;
    answer(quic, udp, datagram, room,
           ngtcp2_crypto_write_retry(room, SMALLEST_FIRST, header->version, &header->scid, &id, &header->dcid, token,
                                     (size_t)length));
}

static void refuse(struct mm_quic *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram,
                   const ngtcp2_pkt_hd *header, uint64_t code)
{
    unsigned char *room;
    quic->counts.refused++;
    if (!may_answer(quic) || !(room = mm_udp_room(quic->outbox)))
        return;
    answer(quic, udp, datagram, room,
           ngtcp2_crypto_write_connection_close(room, SMALLEST_FIRST, header->version, &header->scid, &header->dcid,
                                                code, NULL, 0));
}

static enum mm_quic_welcome welcome(const struct mm_quic *quic, const struct mm_udp_datagram *datagram, bool validated)
{
    const struct mm_quic_settings *settings = &quic->settings;
    if (quic->refusing || quic->counts.connections >= settings->connections)
        return MM_QUIC_REFUSE;
    enum mm_quic_welcome answer = settings->welcome ? settings->welcome(settings->context, &datagram->from.any,
                                                                        validated, quic->counts.connections)
                                                    : MM_QUIC_TAKE;
    if (answer == MM_QUIC_TAKE && quic->counts.handshakes >= settings->handshakes)
        answer = MM_QUIC_RETRY;
    return answer == MM_QUIC_RETRY && validated ? MM_QUIC_TAKE : answer;
}

static struct mm_quic_connection *take_client(struct mm_quic *quic, struct mm_udp *udp,
                                              const struct mm_udp_datagram *datagram, const ngtcp2_pkt_hd *header)
{
    ngtcp2_cid original;
    bool validated = false;
    if (header->tokenlen > 0 && header->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2) {
        if (ngtcp2_crypto_verify_retry_token2(&original, header->token, header->tokenlen, quic->secret,
                                              sizeof quic->secret, header->version, &datagram->from.any,
                                              mm_udp_address_length(&datagram->from), &header->dcid, TOKEN_LIFE,
                                              quic->now) != 0) {
            refuse(quic, udp, datagram, header, NGTCP2_INVALID_TOKEN);
            return NULL;
        }
        validated = true;
    }
    switch (welcome(quic, datagram, validated)) {
    case MM_QUIC_TAKE: break;
    case MM_QUIC_RETRY: retry(quic, udp, datagram, header); return NULL;
    case MM_QUIC_REFUSE: refuse(quic, udp, datagram, header, NGTCP2_CONNECTION_REFUSED); return NULL;
    default: quic->counts.refused++; return NULL;
    }
    return mm_quic_serve(quic, &(struct mm_quic_first){udp, datagram, header, validated ? &original : NULL});
}

static bool listens(const struct mm_quic *quic, const struct mm_udp *udp)
{
    for (size_t i = 0; i < quic->socket_count; i++)
        if (quic->sockets[i] == udp)
            return quic->listening[i];
    return false;
}

static struct mm_quic_connection *of_nobody(struct mm_quic *quic, struct mm_udp *udp,
                                            const struct mm_udp_datagram *datagram, const ngtcp2_version_cid *ids)
{
    ngtcp2_pkt_hd header;
    if (!listens(quic, udp))
        return NULL;
    if (!(datagram->bytes[0] & 0x80)) {
        reset(quic, udp, datagram, ids);
        return NULL;
    }
    if (datagram->length < SMALLEST_FIRST || ngtcp2_accept(&header, datagram->bytes, datagram->length) != 0)
        return NULL;
    return take_client(quic, udp, datagram, &header);
}

static void read_into(struct mm_quic_connection *connection, struct mm_udp *udp, const struct mm_udp_datagram *datagram)
{
    union mm_udp_address to = datagram->to, from = datagram->from;
    /* a client has one local address, whatever interface a datagram came through: so the way may change beneath it */
    ngtcp2_path path = mm_quic_path(udp, connection->server ? &to : &udp->local, &from);
    ngtcp2_pkt_info info = {.ecn = datagram->ecn};
    int code =
        ngtcp2_conn_read_pkt(connection->conn, &path, &info, datagram->bytes, datagram->length, connection->quic->now);
    if (code != 0 || connection->ending)
        mm_quic_broken(connection, code);
    else
        mm_quic_wake(connection);
}

static bool is_from(const struct mm_quic_connection *connection, const struct mm_udp_datagram *datagram)
{
    const union mm_udp_address *peer = mm_quic_peer(connection), *from = &datagram->from;
    if (peer->any.sa_family != from->any.sa_family)
        return false;
    return from->any.sa_family == AF_INET
               ? peer->v4.sin_port == from->v4.sin_port && peer->v4.sin_addr.s_addr == from->v4.sin_addr.s_addr
               : peer->v6.sin6_port == from->v6.sin6_port && memcmp(&peer->v6.sin6_addr, &from->v6.sin6_addr, 16) == 0;
}

/* A server that knows a connection no more says so in a datagram without an id; ngtcp2 knows it by its last bytes. */
static void maybe_reset(struct mm_quic *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram)
{
    struct mm_quic_connection *candidates[MAY_BE_MEANT];
    size_t count = 0;
    for (size_t i = 0; i < quic->heap_count && count < MAY_BE_MEANT; i++) {
        struct mm_quic_connection *connection = quic->heap[i];
        if (!connection->server && connection->udp == udp && connection->state == MM_QUIC_OPEN &&
            is_from(connection, datagram))
            candidates[count++] = connection;
    }
    while (count-- > 0)
        read_into(candidates[count], udp, datagram);
}

void mm_quic_arrive(void *quic_pointer, struct mm_udp *udp, const struct mm_udp_datagram *datagram)
{
    struct mm_quic *quic = quic_pointer;
    ngtcp2_version_cid ids;
    quic->counts.datagrams_in++;
    quic->counts.bytes_in += datagram->length;
    int code = ngtcp2_pkt_decode_version_cid(&ids, datagram->bytes, datagram->length, MM_QUIC_ID_BYTES);
    if (code == NGTCP2_ERR_VERSION_NEGOTIATION) {
        if (listens(quic, udp))
            offer_versions(quic, udp, datagram, &ids);
        return;
    }
    if (code != 0)
        return;
    struct mm_quic_connection *connection = mm_quic_ids_find(&quic->ids, ids.dcid, ids.dcidlen);
    if (!connection && !(datagram->bytes[0] & 0x80) && !listens(quic, udp))
        maybe_reset(quic, udp, datagram);
    else if (!connection)
        connection = of_nobody(quic, udp, datagram, &ids);
    if (!connection)
        return;
    if (connection->state >= MM_QUIC_CLOSING)
        mm_quic_stray(connection);
    else
        read_into(connection, udp, datagram);
}
