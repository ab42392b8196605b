/* What the parts of quic share: quic.c is the endpoint and its loop, quic_ids.c which connection an id belongs to, quic_arrive.c what becomes
 * of a datagram, quic_connection.c a connection, quic_end.c its end, quic_write.c what it sends. */
#ifndef MM_PEER_QUIC_PARTS_H
#define MM_PEER_QUIC_PARTS_H

#include <ngtcp2/ngtcp2_crypto.h>
#include <sodium.h>

#include "peer/quic.h"
#include "peer/tls.h"

#define MM_QUIC_ID_BYTES 16 /* of connection ids that are ours */
#define MM_QUIC_SOCKETS 16
#define MM_QUIC_WATCHES 16
#define MM_QUIC_WHY 200
#define MM_QUIC_MILLISECOND 1000000ull
#define MM_QUIC_VERSIONS ((uint32_t[]){NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2})
#define MM_QUIC_VERSION_COUNT 2

/* ---- ids ---- */

struct mm_quic_id {
    ngtcp2_cid bytes;
    struct mm_quic_connection *connection;
    struct mm_quic_id *in_bucket, *of_connection; /* the next ones */
};

struct mm_quic_ids {
    struct mm_quic_id **buckets;
    size_t bucket_count, count;                   /* BUCKET_COUNT is a power of two */
    unsigned char key[crypto_shorthash_KEYBYTES]; /* so that nobody chooses ids that meet in one bucket */
};

bool mm_quic_ids_init(struct mm_quic_ids *ids);
void mm_quic_ids_release(struct mm_quic_ids *ids);
struct mm_quic_connection *mm_quic_ids_find(const struct mm_quic_ids *ids, const unsigned char *bytes, size_t length);

/* Returns false where memory is exhausted or the id is another connection's. */
bool mm_quic_ids_add(struct mm_quic_ids *ids, const ngtcp2_cid *id, struct mm_quic_connection *connection);
void mm_quic_ids_remove(struct mm_quic_ids *ids, const ngtcp2_cid *id, struct mm_quic_connection *connection);
void mm_quic_ids_remove_all(struct mm_quic_ids *ids, struct mm_quic_connection *connection);

/* ---- endpoint ---- */

struct mm_quic_watch {
    int fd; /* -1: free */
    void (*ready)(void *context);
    void *context;
};

struct mm_quic {
    struct mm_quic_settings settings; /* no number is 0 */
    const struct mm_quic_application *application;
    gnutls_certificate_credentials_t credentials;
    unsigned char secret[MM_QUIC_SECRET_BYTES];
    int epoll;
    uint64_t now;
    bool refusing, closing;                  /* no more clients; no more connections at all */
    struct mm_udp *sockets[MM_QUIC_SOCKETS]; /* stay where they are while paths point at them */
    bool listening[MM_QUIC_SOCKETS];
    size_t socket_count;
    struct mm_udp *full; /* whose buffer is; nothing is written meanwhile */
    struct mm_udp_inbox *inbox;
    struct mm_udp_outbox *outbox;
    struct mm_quic_ids ids;
    struct mm_quic_connection **heap; /* by `due`, the earliest first; all connections are in it */
    size_t heap_count, heap_capacity;
    struct mm_quic_connection *woken, **woken_end; /* have something to do now, in the order of their calls */
    size_t woken_count;
    bool starved; /* somebody had no room to write */
    struct mm_quic_watch watches[MM_QUIC_WATCHES];
    void (*tick)(void *context);
    void *tick_context;
    uint64_t tick_every, tick_due;
    uint64_t answers; /* datagrams that were answered without a connection in this second */
    uint64_t answers_since;
    struct mm_quic_counts counts;
};

enum mm_quic_state { MM_QUIC_HANDSHAKE, MM_QUIC_OPEN, MM_QUIC_CLOSING, MM_QUIC_DRAINING };

struct mm_quic_connection {
    struct mm_quic *quic;
    ngtcp2_conn *conn;
    ngtcp2_crypto_conn_ref ref;
    struct mm_tls tls;
    enum mm_quic_state state;
    bool server;
    bool any_key;
    unsigned char expected[MM_PEER_KEY_BYTES];
    void *context;
    struct mm_udp *udp; /* of a client */
    struct mm_quic_id *ids;
    union mm_udp_address peer;

    uint64_t due, wake_at;
    size_t place; /* in the heap */
    bool woken;
    struct mm_quic_connection *next_woken;

    bool ending; /* the application asked for it, or a callback failed: ERROR and WHY say what for */
    ngtcp2_ccerr error;
    char why[MM_QUIC_WHY];
    unsigned char *farewell; /* the last packet, said again to a peer that goes on; NULL for none */
    size_t farewell_length;
    uint64_t strays, answer_at; /* datagrams after the end, and the count at which the next is answered */
};

/* The monotonic clock, kept in QUIC->now. */
uint64_t mm_quic_clock(struct mm_quic *quic);

/* A new socket of QUIC bound to LOCAL. Returns NULL with IO_OPEN, IO_MEMORY or IO_LIMIT. */
struct mm_udp *mm_quic_socket(struct mm_quic *quic, const union mm_udp_address *local, bool listening,
                              struct mm_diags *diags);

/* CONNECTION is due at DUE from now on. */
void mm_quic_set_due(struct mm_quic_connection *connection, uint64_t due);

/* A connection that never is due joins, or leaves. Returns false where memory is exhausted. */
bool mm_quic_heap_add(struct mm_quic *quic, struct mm_quic_connection *connection);
void mm_quic_heap_remove(struct mm_quic *quic, struct mm_quic_connection *connection);

/* CONNECTION is no longer among the woken. */
void mm_quic_unwake(struct mm_quic_connection *connection);

/* ---- arrivals ---- */

void mm_quic_arrive(void *quic, struct mm_udp *udp, const struct mm_udp_datagram *datagram);

/* ---- connections ---- */

/* What a server has to know of a client's first datagram. */
struct mm_quic_first {
    struct mm_udp *udp;
    const struct mm_udp_datagram *datagram;
    const ngtcp2_pkt_hd *header;
    const ngtcp2_cid *original; /* after a Retry: the id that the client chose first; else NULL */
};

/* A connection of a client that came. Returns NULL where that cannot be. */
struct mm_quic_connection *mm_quic_serve(struct mm_quic *quic, const struct mm_quic_first *first);

/* The path of a datagram, or of a client. */
ngtcp2_path mm_quic_path(struct mm_udp *udp, union mm_udp_address *local, union mm_udp_address *peer);

/* Frees what never became, or is no more, a connection of the heap. */
void mm_quic_abandon(struct mm_quic_connection *connection);

/* The first reason that is given is the one that is told. */
void mm_quic_note_why(struct mm_quic_connection *connection, const char *why);

/* Ends CONNECTION after ngtcp2 gave CODE for it. */
void mm_quic_broken(struct mm_quic_connection *connection, int code);

/* Ends it as its fields ENDING, ERROR and WHY say; the peer is told. */
void mm_quic_end(struct mm_quic_connection *connection);

/* Takes it out of everything and frees it; the application is told, if it was not before. */
void mm_quic_drop(struct mm_quic_connection *connection, const char *why);

/* Time has come: timers of ngtcp2, the end of closing. May drop the connection. */
void mm_quic_expire(struct mm_quic_connection *connection);

/* Says the farewell again where it is time to. */
void mm_quic_stray(struct mm_quic_connection *connection);

/* Puts datagrams that stand in the outbox's room on their way along PATH. */
void mm_quic_put(struct mm_quic *quic, const ngtcp2_path *path, uint8_t ecn, const unsigned char *bytes, size_t length,
                 size_t segment);

/* Writes what there is, within what congestion and pacing allow. May end the connection. */
void mm_quic_write(struct mm_quic_connection *connection);

#endif
