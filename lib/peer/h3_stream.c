#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "peer/h3_parts.h"

#define RESPONSE_HEADERS 32
#define FIELD_OVERHEAD 32 /* bytes that a field counts besides its own (RFC 9114, 4.2.2) */
#define RESETS_FREE 100   /* requests that a client may reset; more only as it takes others whole */

/* ---- streams of a connection ---- */

static struct mm_h3_stream *new_stream(struct mm_h3_connection *connection, int64_t id)
{
    struct mm_h3_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->connection = connection;
    stream->id = id;
    stream->response.fd = -1;
    stream->next = connection->streams;
    stream->link = &connection->streams;
    if (stream->next)
        stream->next->link = &stream->next;
    connection->streams = stream;
    return stream;
}

/* The client's last call of a request. */
static void tell_end(struct mm_h3_stream *stream, enum mm_h3_end how)
{
    if (stream->ended)
        return;
    stream->ended = true;
    stream->get.end(stream->get.context, how);
}

void mm_h3_stream_free(struct mm_h3_stream *stream, enum mm_h3_end how)
{
    struct mm_h3_connection *connection = stream->connection;
    bool whole = stream->acknowledged == stream->response.length;
    *stream->link = stream->next;
    if (stream->next)
        stream->next->link = stream->link;
    mm_h3_body_release(stream);
    if (!connection->is_server) {
        tell_end(stream, how);
        free((char *)stream->get.path);
        free((char *)stream->get.range);
    } else if (stream->answered) {
        connection->h3->counts.given_up += !whole;
        if (stream->response.done)
            stream->response.done(stream->response.context, stream->acknowledged);
    }
    mm_buf_release(&stream->fields);
    free(stream);
}

void mm_h3_stream_closed(struct mm_h3_stream *stream, bool failed)
{
    struct mm_h3_connection *connection = stream->connection;
    connection->resets += failed;
    connection->finished += !failed;
    connection->to_resume = connection->to_open = true;
    mm_h3_stream_free(stream, MM_H3_RESET);
}

/* Ends STREAM with CODE when nghttp3 is not at work. */
static void doom(struct mm_h3_stream *stream, uint64_t code)
{
    stream->doomed = true;
    stream->code = code;
    stream->connection->to_end = true;
    mm_quic_wake(stream->connection->quic);
}

/* ---- fields ---- */

static int begin_fields(nghttp3_conn *http, int64_t id, void *pointer, void *stream_pointer)
{
    struct mm_h3_connection *connection = pointer;
    struct mm_h3_stream *stream = stream_pointer;
    if (!stream && connection->is_server) {
        stream = new_stream(connection, id);
        if (!stream || nghttp3_conn_set_stream_user_data(http, id, stream) != 0)
            return NGHTTP3_ERR_CALLBACK_FAILURE;
        connection->progress = mm_quic_now(connection->h3->quic);
    }
    if (stream)
        mm_buf_clear(&stream->fields);
    return 0;
}

/* What follows the headers counts with them, so that nobody sends fields for ever. */
static int take_field(nghttp3_conn *http, int64_t id, int32_t token, nghttp3_rcbuf *name, nghttp3_rcbuf *value,
                      uint8_t flags, void *pointer, void *stream_pointer)
{
    struct mm_h3_stream *stream = stream_pointer;
    nghttp3_vec n = nghttp3_rcbuf_get_buf(name), v = nghttp3_rcbuf_get_buf(value);
    (void)http, (void)id, (void)token, (void)flags, (void)pointer;
    if (!stream || stream->refused)
        return 0;
    stream->field_bytes += n.len + v.len + FIELD_OVERHEAD;
    if (++stream->field_count > MM_H3_HEADERS || stream->field_bytes > MM_H3_HEADER_BYTES) {
        stream->refused = true;
        mm_buf_clear(&stream->fields);
        doom(stream, stream->connection->is_server ? NGHTTP3_H3_EXCESSIVE_LOAD : NGHTTP3_H3_REQUEST_CANCELLED);
        if (!stream->connection->is_server)
            tell_end(stream, MM_H3_REFUSED_HEADER);
        return 0;
    }
    mm_buf_add(&stream->fields, n.base, n.len);
    mm_buf_char(&stream->fields, '\0');
    mm_buf_add(&stream->fields, v.base, v.len);
    mm_buf_char(&stream->fields, '\0');
    return stream->fields.failed ? NGHTTP3_ERR_CALLBACK_FAILURE : 0;
}

/* Trailers mean nothing here. */
static int pass_trailer(nghttp3_conn *http, int64_t id, int32_t token, nghttp3_rcbuf *name, nghttp3_rcbuf *value,
                        uint8_t flags, void *pointer, void *stream_pointer)
{
    struct mm_h3_stream *stream = stream_pointer;
    if (stream)
        mm_buf_clear(&stream->fields);
    return take_field(http, id, token, name, value, flags, pointer, stream_pointer);
}

/* The fields of STREAM that came since they began, COUNT of them. A value with a NUL in it, which nghttp3 does not let pass, would end there. */
static size_t list_fields(const struct mm_h3_stream *stream, struct mm_h3_header out[static MM_H3_HEADERS])
{
    size_t count = 0;
    for (size_t at = 0; at < stream->fields.length && count < MM_H3_HEADERS; count++) {
        out[count].name = stream->fields.data + at;
        at += strlen(out[count].name) + 1;
        out[count].value = stream->fields.data + at;
        at += strlen(out[count].value) + 1;
    }
    return count;
}

/* The value of the one field NAME; NULL for none, and for several. */
static const char *field(const struct mm_h3_header *fields, size_t count, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) != 0)
            continue;
        if (value)
            return NULL;
        value = fields[i].value;
    }
    return value;
}

/* ---- a server's answers ---- */

static nghttp3_nv pair(const char *name, const char *value)
{
    return (nghttp3_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP3_NV_FLAG_NONE};
}

static int submit(struct mm_h3_stream *stream, bool head)
{
    struct mm_h3_response *response = &stream->response;
    nghttp3_nv fields[RESPONSE_HEADERS + 2];
    char status[12], length[24];
    size_t count = 0;
    bool no_body = response->status == 204 || response->status == 304;
    static const nghttp3_data_reader reader = {mm_h3_body_read};
    if (response->status < 200 || response->status > 599 || response->header_count > RESPONSE_HEADERS) {
        response->status = 500;
        response->header_count = 0;
        response->length = 0;
    }
    snprintf(status, sizeof status, "%d", response->status);
    snprintf(length, sizeof length, "%llu", (unsigned long long)response->length);
    fields[count++] = pair(":status", status);
    if (!no_body)
        fields[count++] = pair("content-length", length);
    for (size_t i = 0; i < response->header_count; i++)
        fields[count++] = pair(response->headers[i].name, response->headers[i].value);
    if (no_body || head)
        response->length = 0;
    response->headers = NULL;
    return nghttp3_conn_submit_response(stream->connection->http, stream->id, fields, count,
                                        response->length ? &reader : NULL);
}

static int answer(struct mm_h3_stream *stream)
{
    struct mm_h3_connection *connection = stream->connection;
    struct mm_h3 *h3 = connection->h3;
    struct mm_h3_header fields[MM_H3_HEADERS];
    size_t count = list_fields(stream, fields);
    const char *method = field(fields, count, ":method"), *path = field(fields, count, ":path");
    struct mm_h3_request request = {.method = method ? method : "",
                                    .path = path ? path : "",
                                    .range = field(fields, count, "range"),
                                    .if_range = field(fields, count, "if-range"),
                                    .if_none_match = field(fields, count, "if-none-match"),
                                    .accept_encoding = field(fields, count, "accept-encoding"),
                                    .client = mm_quic_key(connection->quic),
                                    .from = &mm_quic_peer(connection->quic)->any};
    stream->answered = true;
    h3->counts.requests++;
    if (strlen(request.path) > MM_H3_PATH_MAX)
        stream->response.status = 414;
    else
        h3->server.answer(h3->server.context, connection, &request, &stream->response);
    return submit(stream, strcmp(request.method, "HEAD") == 0) == 0 ? 0 : NGHTTP3_ERR_CALLBACK_FAILURE;
}

/* ---- what a client is told ---- */

static int take_head(struct mm_h3_stream *stream)
{
    struct mm_h3_header fields[MM_H3_HEADERS];
    size_t count = list_fields(stream, fields), left = 0;
    const char *status = field(fields, count, ":status");
    uint64_t number = 0;
    if (stream->ended)
        return 0;
    if (!status || !mm_number(status, strlen(status), 999, &number))
        return NGHTTP3_ERR_CALLBACK_FAILURE;
    if (number < 200)
        return 0; /* something before the answer, which follows */
    for (size_t i = 0; i < count; i++)
        if (fields[i].name[0] != ':')
            fields[left++] = fields[i];
    stream->status = (int)number;
    if (!stream->get.head(stream->get.context, stream->status, fields, left) && !stream->ended) {
        doom(stream, NGHTTP3_H3_REQUEST_CANCELLED);
        tell_end(stream, MM_H3_GIVEN_UP);
    }
    return 0;
}

static int end_fields(nghttp3_conn *http, int64_t id, int last, void *pointer, void *stream_pointer)
{
    struct mm_h3_stream *stream = stream_pointer;
    (void)http, (void)id, (void)last, (void)pointer;
    if (!stream || stream->refused || stream->doomed)
        return 0;
    if (!stream->connection->is_server)
        return take_head(stream);
    return stream->answered ? 0 : answer(stream);
}

/* BYTES of stream ID were taken. */
static void consumed(struct mm_h3_connection *connection, int64_t id, uint64_t bytes)
{
    mm_quic_allow_stream(connection->quic, id, bytes);
    if (connection->metered)
        connection->owed += bytes;
    else
        mm_quic_allow(connection->quic, bytes);
}

static void credit(struct mm_h3_stream *stream, uint64_t bytes)
{
    if (stream->held)
        stream->owed += bytes;
    else
        consumed(stream->connection, stream->id, bytes);
}

static int take_data(nghttp3_conn *http, int64_t id, const uint8_t *bytes, size_t length, void *pointer,
                     void *stream_pointer)
{
    struct mm_h3_connection *connection = pointer;
    struct mm_h3_stream *stream = stream_pointer;
    (void)http;
    if (!stream || connection->is_server || stream->ended) {
        /* a request's body is passed over, up to what a stream may send ahead of it */
        consumed(connection, id, length);
        if (stream && connection->is_server && (stream->got += length) > MM_H3_HEADER_BYTES && !stream->doomed)
            doom(stream, NGHTTP3_H3_EXCESSIVE_LOAD);
        return 0;
    }
    credit(stream, length);
    stream->got += length;
    if (stream->got > stream->get.body_max) {
        doom(stream, NGHTTP3_H3_REQUEST_CANCELLED);
        tell_end(stream, MM_H3_TOO_LONG);
    } else if (!stream->get.body(stream->get.context, bytes, length) && !stream->ended) {
        doom(stream, NGHTTP3_H3_REQUEST_CANCELLED);
        tell_end(stream, MM_H3_GIVEN_UP);
    }
    return 0;
}

static int take_end(nghttp3_conn *http, int64_t id, void *pointer, void *stream_pointer)
{
    struct mm_h3_connection *connection = pointer;
    struct mm_h3_stream *stream = stream_pointer;
    (void)http, (void)id;
    if (stream && !connection->is_server && !stream->doomed)
        tell_end(stream, stream->status ? MM_H3_COMPLETE : MM_H3_RESET);
    return 0;
}

/* ---- the rest of what nghttp3 calls ---- */

static int data_acknowledged(nghttp3_conn *http, int64_t id, uint64_t length, void *pointer, void *stream_pointer)
{
    (void)http, (void)id, (void)pointer;
    if (stream_pointer)
        mm_h3_body_acknowledged(stream_pointer, length);
    return 0;
}

static int stream_close(nghttp3_conn *http, int64_t id, uint64_t code, void *pointer, void *stream_pointer)
{
    (void)http, (void)id, (void)pointer;
    if (stream_pointer)
        mm_h3_stream_closed(stream_pointer, code != NGHTTP3_H3_NO_ERROR);
    return 0;
}

static int deferred_consume(nghttp3_conn *http, int64_t id, size_t bytes, void *pointer, void *stream_pointer)
{
    struct mm_h3_connection *connection = pointer;
    (void)http, (void)stream_pointer;
    mm_quic_consumed(connection->quic, id, bytes);
    return 0;
}

static int stop_sending(nghttp3_conn *http, int64_t id, uint64_t code, void *pointer, void *stream_pointer)
{
    struct mm_h3_connection *connection = pointer;
    (void)http, (void)stream_pointer;
    mm_quic_stop_stream(connection->quic, id, true, false, code);
    return 0;
}

static int reset_stream(nghttp3_conn *http, int64_t id, uint64_t code, void *pointer, void *stream_pointer)
{
    struct mm_h3_connection *connection = pointer;
    (void)http, (void)stream_pointer;
    mm_quic_stop_stream(connection->quic, id, false, true, code);
    return 0;
}

static int goaway(nghttp3_conn *http, int64_t id, void *pointer)
{
    struct mm_h3_connection *connection = pointer;
    (void)http, (void)id;
    if (!connection->is_server) {
        connection->leaving = connection->to_open = true;
        mm_quic_wake(connection->quic);
    }
    return 0;
}

int mm_h3_begin(struct mm_h3_connection *connection)
{
    static const nghttp3_callbacks callbacks = {
        .acked_stream_data = data_acknowledged,
        .stream_close = stream_close,
        .recv_data = take_data,
        .deferred_consume = deferred_consume,
        .begin_headers = begin_fields,
        .recv_header = take_field,
        .end_headers = end_fields,
        .recv_trailer = pass_trailer,
        .stop_sending = stop_sending,
        .end_stream = take_end,
        .reset_stream = reset_stream,
        .shutdown = goaway,
    };
    nghttp3_settings settings;
    int64_t control, encoder, decoder;
    nghttp3_settings_default(&settings);
    settings.max_field_section_size = MM_H3_HEADER_BYTES;
    settings.qpack_max_dtable_capacity = settings.qpack_encoder_max_dtable_capacity = 0;
    settings.qpack_blocked_streams = 0;
    if ((connection->is_server
             ? nghttp3_conn_server_new(&connection->http, &callbacks, &settings, NULL, connection)
             : nghttp3_conn_client_new(&connection->http, &callbacks, &settings, NULL, connection)) != 0) {
        connection->http = NULL;
        return mm_quic_fail(connection->quic, NGHTTP3_H3_INTERNAL_ERROR, "memory is exhausted");
    }
    if (mm_quic_open(connection->quic, false, &control) != 0 || mm_quic_open(connection->quic, false, &encoder) != 0 ||
        mm_quic_open(connection->quic, false, &decoder) != 0 ||
        nghttp3_conn_bind_control_stream(connection->http, control) != 0 ||
        nghttp3_conn_bind_qpack_streams(connection->http, encoder, decoder) != 0)
        return mm_quic_fail(connection->quic, NGHTTP3_H3_INTERNAL_ERROR, "the peer allows no streams for HTTP/3");
    return 0;
}

/* ---- between packets ---- */

static int submit_request(struct mm_h3_stream *stream)
{
    struct mm_h3_connection *connection = stream->connection;
    nghttp3_nv fields[6];
    size_t count = 0;
    fields[count++] = pair(":method", stream->get.head_only ? "HEAD" : "GET");
    fields[count++] = pair(":scheme", "https");
    fields[count++] = pair(":authority", connection->authority);
    fields[count++] = pair(":path", stream->get.path);
    fields[count++] = pair("accept-encoding", "identity");
    if (stream->get.range)
        fields[count++] = pair("range", stream->get.range);
    return nghttp3_conn_submit_request(connection->http, stream->id, fields, count, NULL, stream);
}

/* The oldest request that is not opened. */
static struct mm_h3_stream *oldest_unopened(const struct mm_h3_connection *connection)
{
    struct mm_h3_stream *oldest = NULL;
    for (struct mm_h3_stream *stream = connection->streams; stream; stream = stream->next)
        if (stream->id < 0)
            oldest = stream;
    return oldest;
}

static int open_requests(struct mm_h3_connection *connection)
{
    struct mm_h3_stream *stream;
    while ((stream = oldest_unopened(connection))) {
        if (connection->leaving) {
            mm_h3_stream_free(stream, MM_H3_RESET);
            continue;
        }
        int result = mm_quic_open(connection->quic, true, &stream->id);
        if (result > 0)
            return 0;
        if (result < 0 || submit_request(stream) != 0)
            return mm_quic_fail(connection->quic, NGHTTP3_H3_INTERNAL_ERROR, "memory is exhausted");
    }
    return 0;
}

static int end_streams(struct mm_h3_connection *connection)
{
    for (struct mm_h3_stream *stream = connection->streams; stream; stream = stream->next) {
        if (!stream->doomed || stream->stopped)
            continue;
        stream->stopped = true;
        mm_quic_stop_stream(connection->quic, stream->id, true, true, stream->code);
        nghttp3_conn_shutdown_stream_write(connection->http, stream->id);
        if (nghttp3_conn_shutdown_stream_read(connection->http, stream->id) != 0)
            return mm_quic_fail(connection->quic, NGHTTP3_H3_INTERNAL_ERROR, "HTTP/3 cannot end a stream");
    }
    return 0;
}

static void resume_streams(struct mm_h3_connection *connection)
{
    for (struct mm_h3_stream *stream = connection->streams; stream; stream = stream->next) {
        if (!stream->waiting || stream->broken)
            continue;
        stream->waiting = false;
        (void)nghttp3_conn_resume_stream(connection->http, stream->id);
    }
}

int mm_h3_tend(struct mm_h3_connection *connection)
{
    if (connection->is_server && connection->resets > RESETS_FREE + 4 * connection->finished)
        return mm_quic_fail(connection->quic, NGHTTP3_H3_EXCESSIVE_LOAD, "the client resets its requests");
    if (connection->to_end) {
        connection->to_end = false;
        if (end_streams(connection) < 0)
            return -1;
    }
    if (connection->to_open && !connection->is_server) {
        connection->to_open = false;
        if (open_requests(connection) < 0)
            return -1;
    }
    if (connection->to_resume) {
        connection->to_resume = false;
        resume_streams(connection);
    }
    return 0;
}

/* ---- what a client asks for ---- */

struct mm_h3_stream *mm_h3_get(struct mm_h3_connection *connection, const struct mm_h3_get *get)
{
    if (connection->is_server || connection->leaving)
        return NULL;
    struct mm_h3_stream *stream = new_stream(connection, -1);
    if (!stream)
        return NULL;
    stream->get = *get;
    stream->get.path = strdup(get->path);
    stream->get.range = get->range ? strdup(get->range) : NULL;
    if (!stream->get.path || (get->range && !stream->get.range)) {
        stream->ended = true;
        mm_h3_stream_free(stream, MM_H3_GIVEN_UP);
        return NULL;
    }
    connection->to_open = true;
    if (connection->http)
        mm_quic_wake(connection->quic);
    return stream;
}

void mm_h3_cancel(struct mm_h3_stream *stream)
{
    if (stream->id < 0) {
        mm_h3_stream_free(stream, MM_H3_GIVEN_UP);
        return;
    }
    doom(stream, NGHTTP3_H3_REQUEST_CANCELLED);
    tell_end(stream, MM_H3_GIVEN_UP);
}

void mm_h3_hold(struct mm_h3_stream *stream, bool held)
{
    stream->held = held;
    if (held || stream->owed == 0)
        return;
    consumed(stream->connection, stream->id, stream->owed);
    stream->owed = 0;
    mm_quic_wake(stream->connection->quic);
}

void mm_h3_meter(struct mm_h3_connection *connection)
{
    connection->metered = true;
}

uint64_t mm_h3_owed(const struct mm_h3_connection *connection)
{
    return connection->owed;
}

uint64_t mm_h3_pay(struct mm_h3_connection *connection, uint64_t most)
{
    uint64_t paid = most < connection->owed ? most : connection->owed;
    if (paid == 0)
        return 0;
    connection->owed -= paid;
    mm_quic_allow(connection->quic, paid);
    mm_quic_wake(connection->quic);
    return paid;
}
