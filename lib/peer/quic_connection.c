#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "peer/quic_parts.h"

#define UNI_STREAMS 16               /* of the peer at a time: HTTP/3 has three */
#define REQUEST_WINDOW (64 * 1024)   /* that a client may send ahead on a stream: requests are small */
#define REQUESTS_WINDOW (512 * 1024) /* and on all of them */
#define REQUEST_DATAGRAM 1472        /* bytes of a client's datagrams, at most */
#define ID_LIMIT 4                   /* ids of ours that the peer has to keep */

/* UDP payloads that are tried in this order: over IPv6 and 1500 bytes, through a tunnel, over IPv4, with jumbo frames, and a host's own
 * interface. One that is below what is known to pass is left out. */
static const uint16_t probes[] = {1452, 1392, 1472, 8952, 32000};

#define APPLICATION(connection) ((connection)->quic->application)
#define FAILED(result) ((result) < 0 ? NGTCP2_ERR_CALLBACK_FAILURE : 0)

/* ---- what ngtcp2 calls ---- */

static ngtcp2_conn *conn_of(ngtcp2_crypto_conn_ref *ref)
{
    return ((struct mm_quic_connection *)ref->user_data)->conn;
}

static void fill_random(uint8_t *bytes, size_t length, const ngtcp2_rand_ctx *context)
{
    (void)context;
    randombytes_buf(bytes, length);
}

/* A server's session is gone once hands were shaken: clients have nothing more to say to it, as there are no other certificates and no
 * key updates of TLS in QUIC (RFC 9001, 4.4 and 6). */
static int crypto_data(ngtcp2_conn *conn, ngtcp2_encryption_level level, uint64_t offset, const uint8_t *bytes,
                       size_t length, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    return connection->tls.session ? ngtcp2_crypto_recv_crypto_data_cb(conn, level, offset, bytes, length, pointer)
                                   : NGTCP2_ERR_CRYPTO;
}

static int make_id(ngtcp2_conn *conn, ngtcp2_cid *id, uint8_t *token, size_t length, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    struct mm_quic *quic = connection->quic;
    (void)conn;
    id->datalen = length;
    randombytes_buf(id->data, length);
    if (ngtcp2_crypto_generate_stateless_reset_token(token, quic->secret, sizeof quic->secret, id) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    return mm_quic_ids_add(&quic->ids, id, connection) ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int remove_id(ngtcp2_conn *conn, const ngtcp2_cid *id, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn;
    mm_quic_ids_remove(&connection->quic->ids, id, connection);
    return 0;
}

static int handshake_completed(ngtcp2_conn *conn, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    const struct mm_quic_application *application = APPLICATION(connection);
    (void)conn;
    connection->state = MM_QUIC_OPEN;
    if (connection->server) {
        connection->quic->counts.handshakes--;
        connection->quic->counts.accepted++;
        connection->context = application->came(application->context, connection);
        if (!connection->context)
            return FAILED(mm_quic_fail(connection, 0, "not admitted"));
    }
    return FAILED(application->ready(connection->context));
}

static int stream_data(ngtcp2_conn *conn, uint32_t flags, int64_t stream, uint64_t offset, const uint8_t *bytes,
                       size_t length, void *pointer, void *stream_pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn, (void)offset, (void)stream_pointer;
    return FAILED(APPLICATION(connection)
                      ->received(connection->context, stream, bytes, length, flags & NGTCP2_STREAM_DATA_FLAG_FIN));
}

static int stream_acknowledged(ngtcp2_conn *conn, int64_t stream, uint64_t offset, uint64_t length, void *pointer,
                               void *stream_pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn, (void)offset, (void)stream_pointer;
    return FAILED(APPLICATION(connection)->acknowledged(connection->context, stream, length));
}

static int stream_closed(ngtcp2_conn *conn, uint32_t flags, int64_t stream, uint64_t code, void *pointer,
                         void *stream_pointer)
{
    struct mm_quic_connection *connection = pointer;
    bool failed = flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET;
    (void)stream_pointer;
    /* one that the peer opened makes room for another */
    if (!ngtcp2_conn_is_local_stream(conn, stream)) {
        if (ngtcp2_is_bidi_stream(stream))
            ngtcp2_conn_extend_max_streams_bidi(conn, 1);
        else
            ngtcp2_conn_extend_max_streams_uni(conn, 1);
    }
    return connection->context ? FAILED(APPLICATION(connection)->closed(connection->context, stream, failed, code)) : 0;
}

static int stream_reset(ngtcp2_conn *conn, int64_t stream, uint64_t size, uint64_t code, void *pointer,
                        void *stream_pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn, (void)size, (void)code, (void)stream_pointer;
    return FAILED(APPLICATION(connection)->reset(connection->context, stream));
}

static int stream_stopped(ngtcp2_conn *conn, int64_t stream, uint64_t code, void *pointer, void *stream_pointer)
{
    return stream_reset(conn, stream, 0, code, pointer, stream_pointer);
}

static int stream_room(ngtcp2_conn *conn, int64_t stream, uint64_t most, void *pointer, void *stream_pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn, (void)most, (void)stream_pointer;
    return connection->context ? FAILED(APPLICATION(connection)->unblocked(connection->context, stream)) : 0;
}

static int tell_streams(struct mm_quic_connection *connection, uint64_t count)
{
    return connection->context ? FAILED(APPLICATION(connection)->streams_allowed(connection->context, count)) : 0;
}

/* What clients may open is told on both sides; what servers might, which open nothing, on neither. */
static int local_streams(ngtcp2_conn *conn, uint64_t count, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn;
    return connection->server ? 0 : tell_streams(connection, count);
}

static int remote_streams(ngtcp2_conn *conn, uint64_t count, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn;
    return connection->server ? tell_streams(connection, count) : 0;
}

static int reset_came(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *reset, void *pointer)
{
    struct mm_quic_connection *connection = pointer;
    (void)conn, (void)reset;
    snprintf(connection->why, sizeof connection->why, "the peer knows nothing of this connection any more");
    return 0;
}

static const ngtcp2_callbacks callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = crypto_data,
    .handshake_completed = handshake_completed,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .recv_stream_data = stream_data,
    .acked_stream_data_offset = stream_acknowledged,
    .stream_close = stream_closed,
    .recv_stateless_reset = reset_came,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .rand = fill_random,
    .get_new_connection_id = make_id,
    .remove_connection_id = remove_id,
    .update_key = ngtcp2_crypto_update_key_cb,
    .stream_reset = stream_reset,
    .extend_max_local_streams_bidi = local_streams,
    .extend_max_remote_streams_bidi = remote_streams,
    .extend_max_stream_data = stream_room,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
    .stream_stop_sending = stream_stopped,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

/* ---- beginning ---- */

ngtcp2_path mm_quic_path(struct mm_udp *udp, union mm_udp_address *local, union mm_udp_address *peer)
{
    return (ngtcp2_path){.local = {&local->any, mm_udp_address_length(local)},
                         .remote = {&peer->any, mm_udp_address_length(peer)},
                         .user_data = udp};
}

static void fill_settings(const struct mm_quic *quic, bool server, ngtcp2_settings *settings, size_t *probe_count)
{
    ngtcp2_settings_default(settings);
    settings->initial_ts = quic->now;
    settings->cc_algo = quic->settings.congestion == MM_QUIC_CUBIC ? NGTCP2_CC_ALGO_CUBIC : NGTCP2_CC_ALGO_BBR;
    settings->handshake_timeout = quic->settings.handshake * MM_QUIC_MILLISECOND;
    /* requests are small: a client that had larger datagrams would only make servers keep room for them */
    uint16_t most = server || quic->settings.datagram < REQUEST_DATAGRAM ? quic->settings.datagram : REQUEST_DATAGRAM;
    settings->max_tx_udp_payload_size = most;
    for (*probe_count = 0; *probe_count < sizeof probes / sizeof *probes && probes[*probe_count] <= most;)
        ++*probe_count;
    settings->pmtud_probes = probes;
    settings->pmtud_probeslen = *probe_count;
    settings->no_pmtud = *probe_count == 0;
    if (!server) {
        settings->max_window = quic->settings.window;
        settings->max_stream_window = quic->settings.stream_window;
    }
}

static void fill_params(const struct mm_quic *quic, bool server, ngtcp2_transport_params *params)
{
    ngtcp2_transport_params_default(params);
    params->initial_max_streams_uni = UNI_STREAMS;
    params->initial_max_stream_data_uni = REQUEST_WINDOW;
    params->max_idle_timeout = quic->settings.idle * MM_QUIC_MILLISECOND;
    params->active_connection_id_limit = ID_LIMIT;
    params->grease_quic_bit = 1;
    if (server) {
        params->initial_max_streams_bidi = quic->settings.streams;
        params->initial_max_stream_data_bidi_remote = REQUEST_WINDOW;
        params->initial_max_data = REQUESTS_WINDOW;
    } else {
        /* all of it at once: who may send ahead less than the line holds waits in the middle of a short body */
        params->initial_max_stream_data_bidi_local = quic->settings.stream_window;
        params->initial_max_data = quic->settings.window;
    }
}

static bool judge(void *pointer, const unsigned char *key)
{
    struct mm_quic_connection *connection = pointer;
    const char *what = NULL;
    if (connection->server) {
        if (!key && connection->quic->settings.client_key == MM_QUIC_KEY_DEMAND)
            what = "the client's certificate has no Ed25519 key";
    } else if (!connection->any_key) {
        if (!key)
            what = "the server's certificate has no Ed25519 key";
        else if (sodium_memcmp(key, connection->expected, MM_PEER_KEY_BYTES) != 0)
            what = "the server has another key than its peer id says";
    }
    if (what)
        snprintf(connection->why, sizeof connection->why, "%s", what);
    return !what;
}

/* What both sides have, ready for ngtcp2's own part. */
static struct mm_quic_connection *begin(struct mm_quic *quic, bool server, struct mm_diags *diags)
{
    struct mm_quic_connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        mm_diag_memory(diags);
        return NULL;
    }
    connection->quic = quic;
    connection->server = server;
    connection->wake_at = MM_QUIC_NEVER;
    connection->place = SIZE_MAX;
    connection->answer_at = 1;
    connection->ref = (ngtcp2_crypto_conn_ref){conn_of, connection};
    ngtcp2_ccerr_default(&connection->error);
    struct mm_tls_side side = {.server = server,
                               .ask = quic->settings.client_key != MM_QUIC_KEY_NONE,
                               .demand = quic->settings.client_key == MM_QUIC_KEY_DEMAND,
                               .credentials = quic->credentials,
                               .session_pointer = &connection->ref,
                               .judge = judge,
                               .context = connection};
    if (mm_tls_init(&connection->tls, &side, diags) < 0) {
        free(connection);
        return NULL;
    }
    return connection;
}

/* Room in the heap is made before there is anything to take back. */
static bool enter(struct mm_quic *quic, struct mm_quic_connection *connection)
{
    if (!mm_quic_heap_add(quic, connection))
        return false;
    if (connection->server) {
        quic->counts.connections++;
        quic->counts.handshakes++;
    }
    return true;
}

void mm_quic_abandon(struct mm_quic_connection *connection)
{
    mm_quic_ids_remove_all(&connection->quic->ids, connection);
    ngtcp2_conn_del(connection->conn);
    mm_tls_release(&connection->tls);
    free(connection);
}

struct mm_quic_connection *mm_quic_serve(struct mm_quic *quic, const struct mm_quic_first *first)
{
    struct mm_diags unheard;
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid id = {.datalen = MM_QUIC_ID_BYTES};
    const ngtcp2_pkt_hd *header = first->header;
    union mm_udp_address to = first->datagram->to, from = first->datagram->from;
    ngtcp2_path path = mm_quic_path(first->udp, &to, &from);
    size_t probe_count;
    mm_diags_init(&unheard);
    struct mm_quic_connection *connection = begin(quic, true, &unheard);
    mm_diags_release(&unheard);
    if (!connection)
        return NULL;
    randombytes_buf(id.data, id.datalen);
    fill_settings(quic, true, &settings, &probe_count);
    fill_params(quic, true, &params);
    params.original_dcid = first->original ? *first->original : header->dcid;
    params.original_dcid_present = 1;
    if (first->original) {
        params.retry_scid = header->dcid;
        params.retry_scid_present = 1;
        settings.token = header->token;
        settings.tokenlen = header->tokenlen;
        settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
    }
    params.stateless_reset_token_present = 1;
    if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, quic->secret, sizeof quic->secret,
                                                     &id) != 0 ||
        ngtcp2_conn_server_new(&connection->conn, &header->scid, &id, &path, header->version, &callbacks, &settings,
                               &params, NULL, connection) != 0) {
        connection->conn = NULL;
        mm_quic_abandon(connection);
        return NULL;
    }
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->tls.session);
    if (!mm_quic_ids_add(&quic->ids, &id, connection) || !mm_quic_ids_add(&quic->ids, &header->dcid, connection) ||
        !enter(quic, connection)) {
        mm_quic_abandon(connection);
        return NULL;
    }
    return connection;
}

/* Sockets of clients are shared: ids tell connections apart. */
static struct mm_udp *client_socket(struct mm_quic *quic, sa_family_t family, struct mm_diags *diags)
{
    union mm_udp_address any = {.any.sa_family = family};
    for (size_t i = 0; i < quic->socket_count; i++)
        if (!quic->listening[i] && quic->sockets[i]->local.any.sa_family == family)
            return quic->sockets[i];
    return mm_quic_socket(quic, &any, false, diags);
}

struct mm_quic_connection *mm_quic_connect(struct mm_quic *quic, const union mm_udp_address *to,
                                           const unsigned char *key, void *context, struct mm_diags *diags)
{
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid id = {.datalen = MM_QUIC_ID_BYTES}, server_id = {.datalen = MM_QUIC_ID_BYTES};
    union mm_udp_address peer = *to;
    size_t probe_count;
    if (quic->closing) {
        mm_diag(diags, MM_RULE_IO_LIMIT, "this endpoint makes no connections any more");
        return NULL;
    }
    mm_quic_clock(quic);
    struct mm_udp *udp = client_socket(quic, to->any.sa_family, diags);
    struct mm_quic_connection *connection = udp ? begin(quic, false, diags) : NULL;
    if (!connection)
        return NULL;
    connection->udp = udp;
    connection->any_key = !key;
    if (key)
        memcpy(connection->expected, key, sizeof connection->expected);
    ngtcp2_path path = mm_quic_path(udp, &udp->local, &peer);
    randombytes_buf(id.data, id.datalen);
    randombytes_buf(server_id.data, server_id.datalen);
    fill_settings(quic, false, &settings, &probe_count);
    fill_params(quic, false, &params);
    if (ngtcp2_conn_client_new(&connection->conn, &server_id, &id, &path, NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                               &params, NULL, connection) != 0) {
        connection->conn = NULL;
        mm_quic_abandon(connection);
        mm_diag_memory(diags);
        return NULL;
    }
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->tls.session);
    ngtcp2_conn_set_keep_alive_timeout(connection->conn, quic->settings.keep_alive * MM_QUIC_MILLISECOND);
    if (!mm_quic_ids_add(&quic->ids, &id, connection) || !enter(quic, connection)) {
        mm_quic_abandon(connection);
        mm_diag_memory(diags);
        return NULL;
    }
    connection->context = context;
    mm_quic_wake(connection);
    return connection;
}

int mm_quic_migrate(struct mm_quic_connection *connection, struct mm_diags *diags)
{
    struct mm_quic *quic = connection->quic;
    union mm_udp_address any = {.any.sa_family = connection->udp->local.any.sa_family},
                         peer = *mm_quic_peer(connection);
    if (connection->state != MM_QUIC_OPEN)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "a connection can go on from another port once it is open");
    struct mm_udp *udp = mm_quic_socket(quic, &any, false, diags);
    if (!udp)
        return -1;
    ngtcp2_path path = mm_quic_path(udp, &udp->local, &peer);
    int code = ngtcp2_conn_initiate_immediate_migration(connection->conn, &path, mm_quic_clock(quic));
    if (code != 0)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "cannot go on from another port: %s", ngtcp2_strerror(code));
    connection->udp = udp;
    mm_quic_wake(connection);
    return 0;
}

/* ---- what an application asks for ---- */

void mm_quic_set_context(struct mm_quic_connection *connection, void *context)
{
    connection->context = context;
}

bool mm_quic_is_server(const struct mm_quic_connection *connection)
{
    return connection->server;
}

const unsigned char *mm_quic_key(const struct mm_quic_connection *connection)
{
    return connection->tls.has_key ? connection->tls.key : NULL;
}

const union mm_udp_address *mm_quic_peer(const struct mm_quic_connection *connection)
{
    struct mm_quic_connection *own = (struct mm_quic_connection *)connection;
    const ngtcp2_path *path = ngtcp2_conn_get_path(connection->conn);
    mm_udp_address(&own->peer, path->remote.addr, path->remote.addrlen);
    return &connection->peer;
}

void mm_quic_wake_at(struct mm_quic_connection *connection, uint64_t at)
{
    if (connection->state >= MM_QUIC_CLOSING || at >= connection->wake_at)
        return;
    connection->wake_at = at;
    if (at < connection->due)
        mm_quic_set_due(connection, at);
}

int mm_quic_open(struct mm_quic_connection *connection, bool both_ways, int64_t *stream)
{
    int code = both_ways ? ngtcp2_conn_open_bidi_stream(connection->conn, stream, NULL)
                         : ngtcp2_conn_open_uni_stream(connection->conn, stream, NULL);
    return code == 0 ? 0 : code == NGTCP2_ERR_STREAM_ID_BLOCKED ? 1 : -1;
}

void mm_quic_allow_stream(struct mm_quic_connection *connection, int64_t stream, uint64_t bytes)
{
    (void)ngtcp2_conn_extend_max_stream_offset(connection->conn, stream, bytes);
}

void mm_quic_allow(struct mm_quic_connection *connection, uint64_t bytes)
{
    ngtcp2_conn_extend_max_offset(connection->conn, bytes);
}

void mm_quic_consumed(struct mm_quic_connection *connection, int64_t stream, uint64_t bytes)
{
    mm_quic_allow_stream(connection, stream, bytes);
    mm_quic_allow(connection, bytes);
}

void mm_quic_stop_stream(struct mm_quic_connection *connection, int64_t stream, bool reading, bool writing,
                         uint64_t code)
{
    if (reading)
        (void)ngtcp2_conn_shutdown_stream_read(connection->conn, 0, stream, code);
    if (writing)
        (void)ngtcp2_conn_shutdown_stream_write(connection->conn, 0, stream, code);
}

int mm_quic_fail(struct mm_quic_connection *connection, uint64_t code, const char *why)
{
    if (!connection->ending) {
        connection->ending = true;
        ngtcp2_ccerr_set_application_error(&connection->error, code, NULL, 0);
        mm_quic_note_why(connection, why);
    }
    return -1;
}

void mm_quic_close(struct mm_quic_connection *connection, uint64_t code, const char *why)
{
    if (connection->state >= MM_QUIC_CLOSING)
        return;
    mm_quic_fail(connection, code, why);
    mm_quic_wake(connection);
}

void mm_quic_figures(const struct mm_quic_connection *connection, struct mm_quic_figures *figures)
{
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info(connection->conn, &info);
    *figures = (struct mm_quic_figures){.round_trip = info.smoothed_rtt,
                                        .in_flight = info.bytes_in_flight,
                                        .window = info.cwnd,
                                        .datagram = ngtcp2_conn_get_path_max_tx_udp_payload_size(connection->conn)};
}
