/* A peer that serves: requests of HTTP/3 answered by exchange/response, within exchange/limits. */
#ifndef MM_PEER_SERVER_H
#define MM_PEER_SERVER_H

#include "exchange/limits.h"
#include "exchange/shares.h"
#include "peer/h3.h"
#include "peer/identity.h"

/* What became of a request, for a log. Texts live as long as the call. */
struct mm_peer_served {
    const char *method, *path; /* as they came: not to be printed as they are */
    int status;
    uint64_t sent;               /* bytes of the body that the client acknowledged */
    uint64_t time;               /* from the request to the last acknowledgement, in nanoseconds */
    const struct sockaddr *from; /* as the connection began */
    const unsigned char *client; /* its key, NULL for none */
};

struct mm_peer_server_options {
    const struct mm_peer_identity *identity; /* borrowed */
    struct mm_limits_options limits;
    enum mm_quic_congestion congestion;
    bool listing;
    struct mm_catalog_share *catalog; /* borrowed; NULL for none */
    const unsigned char (
        *admitted)[MM_PEER_KEY_BYTES]; /* clients that are served alone, borrowed; NULL: everybody is */
    size_t admitted_count;
    void (*served)(void *context, const struct mm_peer_served *request); /* NULL for nothing to do */
    void *context;
};

struct mm_peer_server; /* opaque */

/* Serves SHARES, which it keeps, as soon as its endpoint listens and runs. Returns NULL with IO_MEMORY, IO_OPEN or IO_LIMIT. */
struct mm_peer_server *mm_peer_server_new(const struct mm_peer_server_options *options, struct mm_shares *shares,
                                          struct mm_diags *diags);

/* Ends connections. NULL is fine. */
void mm_peer_server_free(struct mm_peer_server *server);

/* Serves SHARES from now on; what is being sent is sent to its end. */
void mm_peer_server_share(struct mm_peer_server *server, struct mm_shares *shares);

struct mm_peer_server_counts {
    uint64_t statuses[6];         /* requests that are over, by the first digit of their answer */
    uint64_t too_fast, full_here; /* clients that were turned away: see mm_limits_welcome and mm_limits_connect */
    uint64_t full_here_first;     /* of them those that were told so before the handshake */
    uint64_t late;                /* those for whom there was no room any more after it */
    uint64_t strangers;           /* those that are not admitted */
};
void mm_peer_server_counts(const struct mm_peer_server *server, struct mm_peer_server_counts *counts);

/* Appends the figures of SERVER (docs/formats/metrics.md), for mm_metrics_serve. RELOADS: how often its shares were taken anew. */
void mm_peer_server_metrics(struct mm_peer_server *server, uint64_t reloads, struct mm_buf *out);

/* Its endpoint: to listen, to run, to drain. */
struct mm_h3 *mm_peer_server_h3(struct mm_peer_server *server);

#endif
