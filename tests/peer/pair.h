/* A server and a client of HTTP/3 in one process, over loopback or a relay, for the unit tests. */
#ifndef MM_TESTS_PEER_PAIR_H
#define MM_TESTS_PEER_PAIR_H

#include "../unit/unit.h"

#include <arpa/inet.h>
#include <time.h>

#include "key.h"
#include "peer/h3.h"
#include "relay.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

struct pair {
    struct mm_diags diags;
    struct mm_h3 *server, *client;
    struct relay *relay; /* NULL: none */
    union mm_udp_address at;
    unsigned char server_key[MM_PEER_KEY_BYTES], client_key[MM_PEER_KEY_BYTES];
    struct mm_peer_identity *server_identity, *client_identity;
    struct mm_h3_settings server_settings, client_settings;
    struct mm_h3_server serving;

    /* the server's */
    int fd; /* a file of FILE_BYTES, whose byte at I is file_byte(I) */
    uint64_t file_bytes;
    unsigned answers, dones, admitted, gone;
    uint64_t sent;
    bool client_known;
    size_t fields_bytes; /* of every response, besides what is needed */
    struct mm_h3_connection *fetcher;

    /* the client's */
    unsigned ready, lost;
    char why[256];
    size_t ended; /* requests */
};

struct ask {
    struct pair *pair;
    struct mm_h3_stream *stream;
    uint64_t offset, got,
        most; /* OFFSET: of the first byte that is expected; MOST: gives up after so many, 0 for never */
    int status;
    unsigned heads, ends;
    enum mm_h3_end how;
    uint64_t said; /* content-length */
    bool wrong, is_file;
};

static inline unsigned char file_byte(uint64_t at)
{
    return (unsigned char)((at * 2654435761u) >> 13);
}

static inline int make_file(uint64_t size)
{
    int fd = memfd_create("body", MFD_CLOEXEC);
    unsigned char block[64 * KIB];
    assert_true(fd >= 0);
    for (uint64_t at = 0; at < size;) {
        size_t part = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
        for (size_t i = 0; i < part; i++)
            block[i] = file_byte(at + i);
        assert_int_equal(write(fd, block, part), part);
        at += part;
    }
    return fd;
}

/* ---- the server's side ---- */

static void pair_done(void *context, uint64_t sent)
{
    struct pair *pair = context;
    pair->dones++;
    pair->sent += sent;
}

static bool pair_admit(void *context, struct mm_h3_connection *connection, const struct sockaddr *from,
                       const unsigned char *client)
{
    struct pair *pair = context;
    (void)connection, (void)from;
    pair->client_known = client && memcmp(client, pair->client_key, MM_PEER_KEY_BYTES) == 0;
    pair->admitted++;
    return true;
}

static void pair_gone(void *context, struct mm_h3_connection *connection)
{
    (void)connection;
    ((struct pair *)context)->gone++;
}

/* "/file": all of the file; with "bytes=A-B" that part. "/text": a short text. "/short": a file that is said to be longer than it is. */
static void pair_answer(void *context, struct mm_h3_connection *connection, const struct mm_h3_request *request,
                        struct mm_h3_response *response)
{
    struct pair *pair = context;
    static char value[1001];
    static struct mm_h3_header headers[20];
    unsigned long long from, to;
    pair->answers++;
    pair->fetcher = connection;
    memset(value, 'v', sizeof value - 1);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        headers[i] = (struct mm_h3_header){"x-much", value};
    response->headers = headers;
    response->header_count = pair->fields_bytes / 1000;
    response->done = pair_done;
    response->context = pair;
    response->status = 200;
    if (strcmp(request->path, "/file") == 0 || strcmp(request->path, "/short") == 0) {
        response->fd = pair->fd;
        response->length = pair->file_bytes + (request->path[1] == 's');
        if (request->range && sscanf(request->range, "bytes=%llu-%llu", &from, &to) == 2) {
            response->status = 206;
            response->offset = from;
            response->length = to - from + 1;
        }
    } else if (strcmp(request->path, "/text") == 0) {
        response->bytes = (const unsigned char *)"short text";
        response->length = 10;
    } else {
        response->status = 404;
    }
}

/* ---- the client's side ---- */

static void pair_ready(void *context)
{
    ((struct pair *)context)->ready++;
}

static void pair_lost(void *context, const char *why)
{
    struct pair *pair = context;
    pair->lost++;
    snprintf(pair->why, sizeof pair->why, "%s", why);
}

static bool ask_head(void *context, int status, const struct mm_h3_header *headers, size_t count)
{
    struct ask *ask = context;
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, "content-length") == 0)
            ask->said = strtoull(headers[i].value, NULL, 10);
    ask->status = status;
    ask->heads++;
    return true;
}

static bool ask_body(void *context, const unsigned char *bytes, size_t length)
{
    struct ask *ask = context;
    for (size_t i = 0; i < length && ask->is_file; i++)
        ask->wrong = ask->wrong || bytes[i] != file_byte(ask->offset + ask->got + i);
    ask->got += length;
    return ask->most == 0 || ask->got < ask->most;
}

static void ask_end(void *context, enum mm_h3_end how)
{
    struct ask *ask = context;
    ask->how = how;
    ask->ends++;
    ask->pair->ended++;
}

static inline struct ask *ask_for(struct ask *ask, struct pair *pair, struct mm_h3_connection *connection,
                                  const char *path, const char *range)
{
    *ask = (struct ask){.pair = pair, .is_file = strcmp(path, "/file") == 0};
    struct mm_h3_get get = {.path = path,
                            .range = range,
                            .body_max = UINT64_MAX,
                            .context = ask,
                            .head = ask_head,
                            .body = ask_body,
                            .end = ask_end};
    ask->stream = mm_h3_get(connection, &get);
    assert_non_null(ask->stream);
    return ask;
}

/* ---- both ---- */

static inline void pair_init(struct pair *pair)
{
    *pair = (struct pair){.fd = -1};
    mm_diags_init(&pair->diags);
    pair->server_identity = key_make(1);
    pair->client_identity = key_make(2);
    memcpy(pair->server_key, mm_peer_identity_key(pair->server_identity), MM_PEER_KEY_BYTES);
    memcpy(pair->client_key, mm_peer_identity_key(pair->client_identity), MM_PEER_KEY_BYTES);
    pair->server_settings.quic.identity = pair->server_identity;
    pair->client_settings.quic.identity = pair->client_identity;
    pair->serving =
        (struct mm_h3_server){.context = pair, .admit = pair_admit, .gone = pair_gone, .answer = pair_answer};
}

/* Makes both endpoints, as the settings say that the caller may have changed. */
static inline void pair_start(struct pair *pair, bool through_relay, bool v6)
{
    union mm_udp_address local = {.any.sa_family = AF_INET};
    local.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (v6)
        local.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    pair->server = mm_h3_new(&pair->server_settings, &pair->serving, &pair->diags);
    pair->client = mm_h3_new(&pair->client_settings, NULL, &pair->diags);
    assert_non_null(pair->server);
    assert_non_null(pair->client);
    assert_int_equal(mm_quic_listen(mm_h3_quic(pair->server), &local, &pair->diags), 0);
    assert_true(mm_quic_address(mm_h3_quic(pair->server), 0, &pair->at));
    if (through_relay) {
        pair->relay = relay_new(0, ntohs(pair->at.v4.sin_port));
        pair->at.v4.sin_port = htons(relay_port(pair->relay));
    }
}

static inline struct mm_h3_connection *pair_connect(struct pair *pair)
{
    struct mm_h3_target target = {pair->at, pair->server_key, "peer.test"};
    struct mm_h3_client client = {pair, pair_ready, pair_lost};
    struct mm_h3_connection *connection = mm_h3_connect(pair->client, &target, &client, &pair->diags);
    assert_non_null(connection);
    return connection;
}

static inline void pair_step(struct pair *pair)
{
    int wait = pair->relay ? 0 : 1;
    if (pair->server)
        assert_int_equal(mm_h3_run(pair->server, 0, &pair->diags), 0);
    if (pair->relay)
        relay_run(pair->relay);
    assert_int_equal(mm_h3_run(pair->client, wait, &pair->diags), 0);
    if (pair->relay)
        relay_run(pair->relay);
}

static inline uint64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Runs both until CONDITION, an expression, holds; fails after two minutes. */
#define RUN_UNTIL(pair, condition)                                                                                     \
    do {                                                                                                               \
        for (uint64_t begun = milliseconds(); !(condition);) {                                                         \
            pair_step(pair);                                                                                           \
            if (milliseconds() - begun > 120000)                                                                       \
                fail_msg("never came: %s (%u ready, %u lost: %s)", #condition, (pair)->ready, (pair)->lost,            \
                         (pair)->why);                                                                                 \
        }                                                                                                              \
    } while (0)

/* Runs both for so many milliseconds. */
static inline void pair_pass(struct pair *pair, uint64_t time)
{
    for (uint64_t begun = milliseconds(); milliseconds() - begun < time;)
        pair_step(pair);
}

/* Ends both; every response was done with once. */
static inline void pair_end(struct pair *pair)
{
    mm_h3_free(pair->client);
    mm_h3_free(pair->server);
    check_number("responses that were done with", pair->dones, pair->answers);
    check_number("connections that are gone", pair->gone, pair->admitted);
    check_findings("no findings", &pair->diags, "");
    if (pair->relay)
        relay_free(pair->relay);
    if (pair->fd >= 0)
        close(pair->fd);
    mm_peer_identity_free(pair->server_identity);
    mm_peer_identity_free(pair->client_identity);
    mm_diags_release(&pair->diags);
}

/* A pair that serves a file of SIZE bytes, started without a relay. */
static inline void pair_of_file(struct pair *pair, uint64_t size)
{
    pair_init(pair);
    pair->fd = make_file(size);
    pair->file_bytes = size;
}

static inline void check_file(const char *what, const struct ask *ask, uint64_t bytes)
{
    check_number(what, (uint64_t)ask->how, MM_H3_COMPLETE);
    check_number(what, ask->got, bytes);
    check_number(what, ask->ends, 1);
    check_number(what, ask->heads, 1);
    check_true(what, !ask->wrong);
}

#endif
