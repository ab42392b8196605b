/* QUIC (RFC 9000) by ngtcp2: one endpoint is its sockets, a loop and its connections, as server, as client, or both. What is spoken over the
 * streams is the business of an application (h3). Everything runs on the thread that runs the loop, and callbacks may call back, except for
 * mm_quic_run and mm_quic_free. */
#ifndef MM_PEER_QUIC_H
#define MM_PEER_QUIC_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "exchange/peer_id.h"
#include "peer/udp.h"

#define MM_QUIC_SECRET_BYTES 32 /* of a server */
#define MM_QUIC_NEVER UINT64_MAX

struct mm_quic;
struct mm_quic_connection;
struct mm_peer_identity;

enum mm_quic_congestion { MM_QUIC_BBR, MM_QUIC_CUBIC };

/* What becomes of a client's first datagram. */
enum mm_quic_welcome {
    MM_QUIC_TAKE,
    MM_QUIC_RETRY,  /* it has to show that it receives at its address; one that has shown it is taken */
    MM_QUIC_REFUSE, /* it is told so */
    MM_QUIC_IGNORE,
};

enum mm_quic_client_key { MM_QUIC_KEY_NONE, MM_QUIC_KEY_ASK, MM_QUIC_KEY_DEMAND };

/* Numbers that are 0 stand for the defaults in parentheses. Times are milliseconds. */
struct mm_quic_settings {
    const struct mm_peer_identity *identity; /* of this side, borrowed; NULL for a client without a key */

    /* MM_QUIC_SECRET_BYTES, copied: lets a server that was started again end connections of its predecessor; NULL for random ones. */
    const unsigned char *secret;

    enum mm_quic_client_key client_key; /* as server: are clients asked for a key */
    enum mm_quic_congestion congestion;
    size_t connections; /* of clients that are served at a time (200) */
    size_t handshakes;  /* that may be under way before new clients have to Retry (32) */
    uint32_t streams;   /* that a peer may have open at a time (100) */
    uint64_t window;    /* most bytes that a peer may send ahead on a connection (24 MiB), which it reaches by and by */
    uint64_t stream_window; /* the same of one stream (16 MiB) */
    uint32_t idle;          /* after which a silent connection is lost (30000) */
    uint32_t handshake;     /* which may take as long (10000) */
    uint32_t keep_alive;    /* as client: pings after so long a silence (10000) */
    uint16_t
        datagram;  /* bytes of the largest that are tried: 1452, 1392, 1472, 8952 and 32000 are, up to this (65507) */
    void *context; /* of WELCOME */
    /* Decides over a client's first datagram; VALIDATED: it answered a Retry. NULL: clients are taken up to the limits above. */
    enum mm_quic_welcome (*welcome)(void *context, const struct sockaddr *from, bool validated, size_t connections);
};

/* What runs over connections. CONTEXT is the connection's own, `came` makes it for clients. Those that return int return 0, or
 * -1 after mm_quic_fail or for want of memory; the connection ends then. */
struct mm_quic_application {
    void *context;
    /* A client came, and its handshake is done. Returns the context of CONNECTION; NULL to refuse it. */
    void *(*came)(void *application, struct mm_quic_connection *connection);
    int (*ready)(void *context); /* the handshake of either side is done, streams may be opened */
    int (*received)(void *context, int64_t stream, const unsigned char *bytes, size_t length, bool last);
    int (*acknowledged)(void *context, int64_t stream, uint64_t bytes);
    int (*reset)(void *context, int64_t stream); /* by the peer; nothing more comes */
    int (*closed)(void *context, int64_t stream, bool failed, uint64_t code);
    int (*unblocked)(void *context, int64_t stream);       /* the peer takes more of it */
    int (*streams_allowed)(void *context, uint64_t count); /* that a client, here or there, may have opened in all */
    int (*prepare)(void *context); /* before anything is written: the place to open streams and to end them */
    /* What to send next: the stream, whether its end follows, and at most COUNT pieces of bytes that stay until they are acknowledged.
     * Returns how many pieces; *STREAM -1 for nothing. */
    int (*next)(void *context, int64_t *stream, bool *last, struct ngtcp2_vec *pieces, size_t count);
    int (*wrote)(void *context, int64_t stream, size_t bytes);     /* of what `next` gave */
    void (*blocked)(void *context, int64_t stream, bool for_good); /* what `next` gave cannot be sent */
    void (*lost)(void *context, const char *why); /* the last call; streams are not closed one by one */
};

/* An endpoint. APPLICATION is borrowed. Returns NULL with IO_MEMORY, IO_OPEN or IO_LIMIT. */
struct mm_quic *mm_quic_new(const struct mm_quic_settings *settings, const struct mm_quic_application *application,
                            struct mm_diags *diags);

/* Ends connections, telling the peers once, and closes sockets. NULL is fine. */
void mm_quic_free(struct mm_quic *quic);

/* Serves at LOCAL too. Returns 0, or -1 with IO_OPEN or IO_LIMIT (16 sockets). */
int mm_quic_listen(struct mm_quic *quic, const union mm_udp_address *local, struct mm_diags *diags);

/* Where it listens, in the order of the calls. Returns false past the last one. */
bool mm_quic_address(const struct mm_quic *quic, size_t index, union mm_udp_address *address);

/* New clients are refused from now on. */
void mm_quic_refuse(struct mm_quic *quic);

/* Begins a connection. KEY is the server's raw key, NULL for whatever it has. Returns NULL with IO_OPEN, IO_MEMORY or IO_LIMIT; `lost` is told of
 * everything that fails later. */
struct mm_quic_connection *mm_quic_connect(struct mm_quic *quic, const union mm_udp_address *to,
                                           const unsigned char *key, void *context, struct mm_diags *diags);

/* Does what there is to do, after waiting for at most TIMEOUT milliseconds, negative for as long as it takes. Returns 0, or -1 with IO_READ. */
int mm_quic_run(struct mm_quic *quic, int timeout, struct mm_diags *diags);

/* A descriptor that is readable when mm_quic_run has something to do, and the milliseconds until it has something to do anyway, -1 for
 * never. For loops that wait for other things too. */
int mm_quic_fd(const struct mm_quic *quic);
int mm_quic_timeout(const struct mm_quic *quic);

/* READY is called by mm_quic_run whenever FD is readable; FD stays the caller's. READY NULL ends that. Returns 0, or -1 with IO_OPEN or
 * IO_LIMIT (16 of them). */
int mm_quic_watch(struct mm_quic *quic, int fd, void (*ready)(void *context), void *context, struct mm_diags *diags);

/* TICK is called by mm_quic_run every so many MILLISECONDS; NULL ends that. There is one. */
void mm_quic_every(struct mm_quic *quic, uint32_t milliseconds, void (*tick)(void *context), void *context);

/* Nanoseconds of the monotonic clock, as of the last datagrams. */
uint64_t mm_quic_now(const struct mm_quic *quic);

/* ---- connections ---- */

void mm_quic_set_context(struct mm_quic_connection *connection, void *context);
bool mm_quic_is_server(const struct mm_quic_connection *connection);

/* The peer's raw key, NULL for none. */
const unsigned char *mm_quic_key(const struct mm_quic_connection *connection);
const union mm_udp_address *mm_quic_peer(const struct mm_quic_connection *connection);

/* There is something to write, or something else for `prepare`. */
void mm_quic_wake(struct mm_quic_connection *connection);

/* The same at the time AT (mm_quic_now); one time a connection, the earliest. */
void mm_quic_wake_at(struct mm_quic_connection *connection, uint64_t at);

/* Opens a stream. Returns 0; 1 where the peer does not allow one now; -1 for want of memory. */
int mm_quic_open(struct mm_quic_connection *connection, bool both_ways, int64_t *stream);

/* The application has taken BYTES of a stream: the peer may send as many more. The two parts of it, for an application that lets the
 * connection wait: as many of the stream, and as many in all. */
void mm_quic_consumed(struct mm_quic_connection *connection, int64_t stream, uint64_t bytes);
void mm_quic_allow_stream(struct mm_quic_connection *connection, int64_t stream, uint64_t bytes);
void mm_quic_allow(struct mm_quic_connection *connection, uint64_t bytes);

/* Ends a stream in one direction or both, with a code of the application. */
void mm_quic_stop_stream(struct mm_quic_connection *connection, int64_t stream, bool reading, bool writing,
                         uint64_t code);

/* Notes why the connection ends; the callback that is running returns -1 then. Returns -1. */
int mm_quic_fail(struct mm_quic_connection *connection, uint64_t code, const char *why);

/* Ends the connection before long: the peer is told CODE, `lost` WHY. */
void mm_quic_close(struct mm_quic_connection *connection, uint64_t code, const char *why);

/* A client goes on from another port: what was one address to its server is another, and a way that has died is left. Returns 0, or -1
 * with IO_OPEN or IO_LIMIT (no more sockets, or no unused connection id of the server). */
int mm_quic_migrate(struct mm_quic_connection *connection, struct mm_diags *diags);

struct mm_quic_figures {
    uint64_t round_trip;        /* nanoseconds, smoothed */
    uint64_t in_flight, window; /* bytes that wait for an acknowledgement, and that may */
    size_t datagram;            /* bytes of the largest that the path is known to take */
};
void mm_quic_figures(const struct mm_quic_connection *connection, struct mm_quic_figures *figures);

struct mm_quic_counts {
    uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
    uint64_t accepted, refused, retries, resets;
    size_t connections, handshakes; /* now, of clients that are served */
};
void mm_quic_counts(const struct mm_quic *quic, struct mm_quic_counts *counts);

#endif
