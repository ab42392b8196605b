/* HTTP/3 over QUIC (RFC 9114, 9000) between peers: one endpoint is its sockets, a loop and its connections, as server, as client, or both.
 * Everything runs on the thread that runs the loop; callbacks may call back, except for mm_h3_run and mm_h3_free. */
#ifndef MM_PEER_H3_H
#define MM_PEER_H3_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "peer/quic.h"

#define MM_H3_HEADERS 64               /* fields of a request or a response, at most */
#define MM_H3_HEADER_BYTES (16 * 1024) /* of all of them: names, values, and 32 bytes each (RFC 9114, 4.2.2) */
#define MM_H3_PATH_MAX 1024            /* bytes of a path; longer ones are answered with 414 */

struct mm_h3;            /* an endpoint */
struct mm_h3_connection; /* of either side */
struct mm_h3_stream;     /* one request and its response, as the client sees it */

struct mm_h3_header {
    const char *name, *value; /* the name in lower case */
};

/* ---- serving ---- */

/* Lives as long as the call that it is given to. */
struct mm_h3_request {
    const char *method, *path;
    const char *range, *if_range, *if_none_match, *accept_encoding; /* NULL where absent, or where there were several */
    const unsigned char *client; /* the client's raw public key, MM_PEER_KEY_BYTES; NULL for none */
    const struct sockaddr *from;
};

/* What a response is made of. The body is LENGTH bytes at OFFSET of FD, or at BYTES, which stay until DONE; of a HEAD request's answer, and of
 * 204 and 304, nothing is sent. The field content-length is added (not to 204 and 304) and must not be among HEADERS. */
struct mm_h3_response {
    int status;                         /* 200 to 599 */
    const struct mm_h3_header *headers; /* copied */
    size_t header_count;                /* at most 32 */
    int fd;                             /* -1: BYTES */
    uint64_t offset, length;
    const unsigned char *bytes;
    /* Called once, when the last byte was acknowledged or the response given up: closes or frees. SENT: bytes of the body that were
     * acknowledged. NULL for nothing to do. */
    void (*done)(void *context, uint64_t sent);
    void *context;
};

struct mm_h3_server {
    void *context;

    /* Decides over a connection after its handshake; NULL takes everybody. */
    bool (*admit)(void *context, struct mm_h3_connection *connection, const struct sockaddr *from,
                  const unsigned char *client);

    /* An admitted connection is no more; NULL for nothing to do. Its responses were given up before. */
    void (*gone)(void *context, struct mm_h3_connection *connection);

    /* Fills in RESPONSE, which is zeroed but for `fd` -1. A status of 0 is sent as 500. */
    void (*answer)(void *context, struct mm_h3_connection *connection, const struct mm_h3_request *request,
                   struct mm_h3_response *response);

    /* How many of the WANTED bytes of bodies may be sent to CONNECTION now; 0: it asks again in a few milliseconds. NULL for no limit. */
    size_t (*grant)(void *context, struct mm_h3_connection *connection, size_t wanted);
};

/* ---- fetching ---- */

enum mm_h3_end {
    MM_H3_COMPLETE,       /* the whole body came */
    MM_H3_RESET,          /* the server gave it up, or was leaving */
    MM_H3_TOO_LONG,       /* more than body_max bytes */
    MM_H3_REFUSED_HEADER, /* more fields or bytes of fields than the limits above */
    MM_H3_LOST,           /* the connection ended */
    MM_H3_GIVEN_UP,       /* by a callback, or mm_h3_cancel */
};

/* What happens to a request, in this order: head once, body any number of times, end once (also without head). After `end` its stream is no
 * more. Text is copied. */
struct mm_h3_get {
    const char *path;
    const char *range; /* "bytes=A-B" or NULL */
    uint64_t body_max; /* more is refused: the stream ends with MM_H3_TOO_LONG */
    void *context;
    /* Returns false to end the request. */
    bool (*head)(void *context, int status, const struct mm_h3_header *headers, size_t count);
    /* Returns false to end the request. */
    bool (*body)(void *context, const unsigned char *bytes, size_t length);
    void (*end)(void *context, enum mm_h3_end how);
    bool head_only; /* HEAD is asked for instead of GET */
};

/* A connection's fate: `ready` at most once, then `lost` once, behind the `end` of all its requests; afterwards it is no more. */
struct mm_h3_client {
    void *context;
    void (*ready)(void *context); /* NULL for nothing to do */
    void (*lost)(void *context,
                 const char *why); /* the handshake failed, the key was another, it timed out, it was closed ... */
};

struct mm_h3_target {
    union mm_udp_address address;
    const unsigned char *key; /* the server's raw public key; NULL takes whatever it has */
    const char *authority;    /* "host:port" as it is said to the server; copied */
};

/* ---- the endpoint ---- */

struct mm_h3_settings {
    struct mm_quic_settings quic;
    uint64_t
        send_memory; /* bytes of files that wait for acknowledgements, of all connections (16 MiB), in equal parts; each has one block of 64 KiB
                        besides. Where more than 20 send, parts shrink by the square of their number: many hold less together than few */
    uint32_t
        stall; /* milliseconds without an acknowledgement after which a client that is being sent to is lost (60000) */
};

/* SERVER is copied, NULL for an endpoint that is a client alone; what its pointers point at, and the settings', stays the caller's. Returns
 * NULL with IO_MEMORY, IO_OPEN or IO_READ. */
struct mm_h3 *mm_h3_new(const struct mm_h3_settings *settings, const struct mm_h3_server *server,
                        struct mm_diags *diags);

/* Ends connections and requests with their callbacks, tells the peers once, closes sockets. NULL is fine. */
void mm_h3_free(struct mm_h3 *h3);

/* Sockets, the loop, other descriptors, a tick and counts: mm_quic_listen, mm_quic_address, mm_quic_fd, mm_quic_timeout, mm_quic_watch,
 * mm_quic_every, mm_quic_now, mm_quic_counts. Never NULL. */
struct mm_quic *mm_h3_quic(struct mm_h3 *h3);

/* mm_quic_run. */
int mm_h3_run(struct mm_h3 *h3, int timeout, struct mm_diags *diags);

/* As server: new connections are refused, and those that are there told that no new requests are taken; they end when their requests
 * have. mm_h3_drained is true then. */
void mm_h3_stop(struct mm_h3 *h3);
bool mm_h3_drained(const struct mm_h3 *h3);

struct mm_h3_counts {
    uint64_t requests, given_up; /* that came; of them responses that were not acknowledged whole */
    uint64_t body_bytes;         /* sent and acknowledged */
    uint64_t held;               /* bytes of files that wait for an acknowledgement now */
};
void mm_h3_counts(const struct mm_h3 *h3, struct mm_h3_counts *counts);

/* ---- connections and requests ---- */

/* Begins a connection; CLIENT is copied. Returns NULL with IO_OPEN, IO_LIMIT or IO_MEMORY; what fails later is told to `lost`. */
struct mm_h3_connection *mm_h3_connect(struct mm_h3 *h3, const struct mm_h3_target *target,
                                       const struct mm_h3_client *client, struct mm_diags *diags);

/* Ends it before long: `end` of its requests and `lost` are called by mm_h3_run. */
void mm_h3_close(struct mm_h3_connection *connection);

/* The QUIC connection: its peer, key and figures, and mm_quic_migrate. Valid until `lost` or `gone`. */
struct mm_quic_connection *mm_h3_quic_connection(struct mm_h3_connection *connection);

/* A pointer of a server's own for a connection, NULL at first. */
void mm_h3_set_mark(struct mm_h3_connection *connection, void *mark);
void *mm_h3_mark(const struct mm_h3_connection *connection);

/* Asks for something; GET is copied. Before the handshake is done, or while the server allows no more requests at a time, it waits.
 * Returns NULL, and calls nothing, where memory is exhausted or the connection takes no requests any more. */
struct mm_h3_stream *mm_h3_get(struct mm_h3_connection *connection, const struct mm_h3_get *get);

/* Gives a request up; `end` is called before this returns. */
void mm_h3_cancel(struct mm_h3_stream *stream);

/* While HELD the server may not send more than its windows allow, which do not move: what comes is still given to `body`. */
void mm_h3_hold(struct mm_h3_stream *stream, bool held);

/* From here on the window of the whole CONNECTION, which is the client's, does not move by itself: what came since is owed, and
 * given back by mm_h3_pay, up to MOST bytes. Returns how many. For limits of a download's rate. */
void mm_h3_meter(struct mm_h3_connection *connection);
uint64_t mm_h3_owed(const struct mm_h3_connection *connection);
uint64_t mm_h3_pay(struct mm_h3_connection *connection, uint64_t most);

#endif
