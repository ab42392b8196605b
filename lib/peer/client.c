#include "peer/client_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS                                                                                                        \
    (48u << 20) /* bytes that all peers together may send ahead: as much may have to be kept in a wrong order */
#define WINDOW_MOST (24u << 20) /* of them one */
#define STREAM_WINDOW_MOST (16u << 20)
#define WINDOW_LEAST (16u << 10)
#define PAY_EVERY 10 /* milliseconds between payments under a limit of the rate */
#define DEBT_MAX 2   /* seconds of the rate for which nothing is paid at first, at most */

uint64_t mm_peer_client_now(const struct mm_peer_client *client)
{
    return mm_quic_now(mm_h3_quic(client->h3));
}

/* ---- connections ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How far one of COUNT peers may send ahead. Under a limit of the rate that is less than a second's bytes of all of them together, and
 * the rest is paid for as time passes. */
static uint64_t window_of(size_t count, uint64_t max_rate)
{
    uint64_t window = WINDOWS / (count ? count : 1);
    if (max_rate)
        window = least(window, max_rate / (count + 1));
    return window < WINDOW_LEAST ? WINDOW_LEAST : least(window, WINDOW_MOST);
}

/* Has the shape of mm_quic_every's tick: what the bucket gives is shared out among those who are owed. */
static void pay(void *context)
{
    struct mm_peer_client *client = context;
    uint64_t owed = client->debt;
    size_t left = 0;
    for (size_t i = 0; i < client->peer_count; i++) {
        uint64_t bytes = client->peers[i]->connection ? mm_h3_owed(client->peers[i]->connection) : 0;
        owed += bytes;
        left += bytes > 0;
    }
    uint64_t given = mm_bucket_take(&client->bucket, owed, mm_peer_client_now(client));
    uint64_t first = least(given, client->debt);
    client->debt -= first;
    given -= first;
    for (size_t i = 0; i < client->peer_count && given > 0 && left > 0; i++) {
        struct mm_h3_connection *connection = client->peers[(client->turn + i) % client->peer_count]->connection;
        if (!connection || mm_h3_owed(connection) == 0)
            continue;
        given -= mm_h3_pay(connection, (given + left - 1) / left);
        left--;
    }
    client->turn++;
    mm_bucket_return(&client->bucket, given);
}

static void meter(struct peer *peer)
{
    struct mm_peer_client *client = peer->client;
    uint64_t most = client->bucket.rate * DEBT_MAX;
    if (client->bucket.rate == 0)
        return;
    mm_h3_meter(peer->connection);
    client->debt = least(client->debt + client->window, most);
}

static void on_ready(void *context)
{
    struct peer *peer = context;
    struct mm_peer_client *client = peer->client;
    peer->ready = true;
    meter(peer);
    if (client->download)
        mm_download_ready(client->download, peer->number, mm_peer_client_now(client));
}

static void on_lost(void *context, const char *why)
{
    struct peer *peer = context;
    struct mm_peer_client *client = peer->client;
    peer->ready = false;
    peer->connection = NULL;
    snprintf(peer->why, sizeof peer->why, "%s", why);
    if (client->download && !peer->dropped)
        mm_download_away(client->download, peer->number, mm_peer_client_now(client));
}

static int connect_to(struct peer *peer, struct mm_diags *diags)
{
    struct mm_h3_target target = {peer->to, peer->key, peer->authority};
    struct mm_h3_client how = {peer, on_ready, on_lost};
    peer->connection = mm_h3_connect(peer->client->h3, &target, &how, diags);
    return peer->connection ? 0 : -1;
}

static void dial(void *context, size_t number)
{
    struct mm_peer_client *client = context;
    struct peer *peer = client->peers[number];
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    if (peer->ready)
        mm_download_ready(client->download, number, mm_peer_client_now(client));
    else if (peer->dropped || (!peer->connection && connect_to(peer, &ignored) < 0))
        mm_download_away(client->download, number, mm_peer_client_now(client));
    mm_diags_release(&ignored);
}

void mm_peer_client_drop(struct mm_peer_client *client, size_t number)
{
    struct peer *peer = client->peers[number];
    peer->dropped = true;
    if (peer->connection)
        mm_h3_close(peer->connection);
}

enum mm_peer_standing mm_peer_client_standing(const struct mm_peer_client *client, size_t number)
{
    const struct peer *peer = client->peers[number];
    if (peer->dropped || !peer->connection)
        return MM_PEER_LOST;
    return peer->ready ? MM_PEER_READY : MM_PEER_COMING;
}

static void hang_up(void *context, size_t number)
{
    mm_peer_client_drop(context, number);
}

/* ---- requests of the download ---- */

bool mm_peer_carried_head(void *context, int status, const struct mm_h3_header *headers, size_t count)
{
    const struct carried *carried = context;
    const struct mm_peer_client *client = carried->client;
    struct mm_reply_header told[MM_H3_HEADERS];
    for (size_t i = 0; i < count && i < MM_H3_HEADERS; i++)
        told[i] = (struct mm_reply_header){headers[i].name, headers[i].value};
    return client->download &&
           mm_download_head(client->download, carried->id, status, told, count < MM_H3_HEADERS ? count : MM_H3_HEADERS,
                            mm_peer_client_now(client));
}

bool mm_peer_carried_body(void *context, const unsigned char *bytes, size_t length)
{
    const struct carried *carried = context;
    const struct mm_peer_client *client = carried->client;
    return client->download &&
           mm_download_body(client->download, carried->id, bytes, length, mm_peer_client_now(client));
}

void mm_peer_carried_end(void *context, enum mm_h3_end how)
{
    struct carried *carried = context, **at = &carried->client->carried;
    struct mm_peer_client *client = carried->client;
    while (*at != carried)
        at = &(*at)->next;
    *at = carried->next;
    if (client->download)
        mm_download_end(client->download, carried->id, how == MM_H3_COMPLETE, mm_peer_client_now(client));
    free(carried);
}

static bool get(void *context, size_t number, uint64_t id, const char *path, const char *range, uint64_t most)
{
    struct mm_peer_client *client = context;
    struct peer *peer = client->peers[number];
    struct carried *carried = peer->ready ? calloc(1, sizeof *carried) : NULL;
    if (!carried)
        return false;
    struct mm_h3_get how = {path, range, most, carried, mm_peer_carried_head, mm_peer_carried_body, mm_peer_carried_end,
                            false};
    *carried = (struct carried){client->carried, client, NULL, id};
    client->carried = carried;
    if (!range && mm_peer_question_carry(peer, path, carried))
        return true;
    carried->stream = mm_h3_get(peer->connection, &how);
    if (carried->stream)
        return true;
    client->carried = carried->next;
    free(carried);
    return false;
}

static void cancel(void *context, size_t number, uint64_t id)
{
    struct mm_peer_client *client = context;
    (void)number;
    for (struct carried *carried = client->carried; carried; carried = carried->next)
        if (carried->id == id) {
            mm_h3_cancel(carried->stream); /* which ends it */
            return;
        }
}

const struct mm_carrier *mm_peer_client_carry(struct mm_peer_client *client, struct mm_download *download)
{
    client->download = NULL;
    while (client->carried) /* their ids may come again; each ends here, and leaves the list */
        mm_h3_cancel(client->carried->stream);
    client->download = download;
    return &client->carrier;
}

/* ---- the client ---- */

static int begin(struct mm_peer_client *client, const struct mm_peer_client_options *options, struct mm_diags *diags)
{
    client->window = window_of(options->peers, options->max_rate);
    struct mm_h3_settings settings = {.quic = {.identity = options->identity,
                                               .congestion = options->congestion,
                                               .window = client->window,
                                               .stream_window = least(client->window, STREAM_WINDOW_MOST)}};
    client->carrier = (struct mm_carrier){client, dial, hang_up, get, cancel};
    client->h3 = mm_h3_new(&settings, NULL, diags);
    if (!client->h3)
        return -1;
    mm_bucket_begin(&client->bucket, options->max_rate, options->max_rate / 4, mm_peer_client_now(client));
    mm_bucket_take(&client->bucket, UINT64_MAX, mm_peer_client_now(client)); /* it begins empty */
    if (options->max_rate)
        mm_quic_every(mm_h3_quic(client->h3), PAY_EVERY, pay, client);
    return 0;
}

struct mm_peer_client *mm_peer_client_new(const struct mm_peer_client_options *options, struct mm_diags *diags)
{
    struct mm_peer_client *client = calloc(1, sizeof *client);
    if (!client) {
        mm_diag_memory(diags);
        return NULL;
    }
    if (begin(client, options, diags) == 0)
        return client;
    mm_peer_client_free(client);
    return NULL;
}

void mm_peer_client_free(struct mm_peer_client *client)
{
    if (!client)
        return;
    client->download = NULL;
    mm_h3_free(client->h3);
    for (size_t i = 0; i < client->peer_count; i++) {
        mm_peer_questions_forget(client->peers[i]); /* which are over */
        free(client->peers[i]);
    }
    free(client);
}

size_t mm_peer_client_add(struct mm_peer_client *client, const union mm_udp_address *to,
                          const unsigned char key[static MM_PEER_KEY_BYTES], const char *authority,
                          struct mm_diags *diags)
{
    struct peer *peer = client->peer_count < MM_PLAN_PEERS ? calloc(1, sizeof *peer) : NULL;
    if (!peer) {
        mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d peers, found more", MM_PLAN_PEERS);
        return SIZE_MAX;
    }
    *peer = (struct peer){.client = client, .number = client->peer_count, .to = *to};
    memcpy(peer->key, key, MM_PEER_KEY_BYTES);
    snprintf(peer->authority, sizeof peer->authority, "%s", authority);
    if (connect_to(peer, diags) < 0) {
        free(peer);
        return SIZE_MAX;
    }
    client->peers[client->peer_count] = peer;
    return client->peer_count++;
}

int mm_peer_client_run(struct mm_peer_client *client, int milliseconds, struct mm_diags *diags)
{
    return mm_h3_run(client->h3, milliseconds, diags);
}
