/* What the parts of h3 share: h3.c is the endpoint and its connections, h3_stream.c requests and responses in both roles, h3_body.c bytes of
 * files on their way out. */
#ifndef MM_PEER_H3_PARTS_H
#define MM_PEER_H3_PARTS_H

#include <nghttp3/nghttp3.h>

#include "base/buf.h"
#include "peer/h3.h"

#define MM_H3_BLOCK (64 * 1024) /* bytes of a file that are read at a time */

/* Bytes of a file that wait for their acknowledgement. */
struct mm_h3_block {
    struct mm_h3_block *next;
    size_t length;
    unsigned char bytes[MM_H3_BLOCK];
};

struct mm_h3 {
    struct mm_quic *quic;
    struct mm_quic_application application;
    struct mm_h3_server server;
    bool serves, stopping;
    uint64_t send_memory, stall; /* bytes; nanoseconds */
    struct mm_h3_block *spare;   /* blocks that are used again, most recently used first */
    size_t spare_count, holders; /* HOLDERS: connections that have blocks */
    struct mm_h3_connection *connections;
    struct mm_h3_counts counts;
};

struct mm_h3_connection {
    struct mm_h3 *h3;
    struct mm_quic_connection *quic;
    nghttp3_conn *http; /* NULL before the handshake is done */
    struct mm_h3_client client;
    char *authority;         /* of a client */
    bool is_server, leaving; /* LEAVING: no new requests */
    bool told;               /* of GOAWAY, the server's last word is said */
    uint64_t told_at;
    void *mark;
    struct mm_h3_connection *next, **link;

    struct mm_h3_stream *streams; /* all of them, and those among them that something has to be done with */
    bool to_open, to_end, to_resume;
    uint64_t progress; /* when something was acknowledged last, or a request came */
    size_t blocks;     /* held by its streams */
    uint64_t resets, finished;
    bool metered;  /* of a client: the window moves by mm_h3_pay alone */
    uint64_t owed; /* bytes that came meanwhile */
};

/* What a stream was ended for before it was done. */
struct mm_h3_stream {
    struct mm_h3_connection *connection;
    int64_t id; /* -1: not opened yet */
    struct mm_h3_stream *next, **link;

    /* fields as they come */
    struct mm_buf fields; /* NAME NUL VALUE NUL ... */
    size_t field_count, field_bytes;
    bool refused; /* too many of them */

    bool doomed, stopped; /* DOOMED: to be ended with CODE; STOPPED: that was done */
    uint64_t code;

    /* of a client */
    struct mm_h3_get get; /* with copies of its text */
    int status;
    bool ended, held;   /* ENDED: `end` was called */
    uint64_t got, owed; /* bytes; those that a held stream has not been credited */

    /* of a server */
    struct mm_h3_response response;
    bool answered, waiting, broken; /* WAITING for memory or a grant; BROKEN: its file cannot be read */
    uint64_t at, acknowledged;      /* of the body */
    struct mm_h3_block *first, *last;
    size_t first_done; /* bytes of FIRST that are acknowledged */
    size_t blocks;
};

/* nghttp3's part of CONNECTION, whose handshake is done. Returns 0, or -1 for want of memory or streams. */
int mm_h3_begin(struct mm_h3_connection *connection);

/* Opens waiting requests, ends doomed streams, lets waiting ones go on. Returns 0, or -1 after mm_quic_fail. */
int mm_h3_tend(struct mm_h3_connection *connection);

/* A stream of CONNECTION that QUIC has closed. */
void mm_h3_stream_closed(struct mm_h3_stream *stream, bool failed);

/* Calls `end` with HOW, or `done`, and frees. */
void mm_h3_stream_free(struct mm_h3_stream *stream, enum mm_h3_end how);

/* nghttp3 asks for more of a body. */
nghttp3_ssize mm_h3_body_read(nghttp3_conn *http, int64_t id, nghttp3_vec *pieces, size_t count, uint32_t *flags,
                              void *connection, void *stream);

/* LENGTH more bytes of the body are acknowledged. */
void mm_h3_body_acknowledged(struct mm_h3_stream *stream, uint64_t length);

/* Gives the blocks of STREAM back. */
void mm_h3_body_release(struct mm_h3_stream *stream);

/* Frees the blocks that nobody uses. */
void mm_h3_body_free_spare(struct mm_h3 *h3);

#endif
