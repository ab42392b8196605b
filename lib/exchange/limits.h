/* What a server grants to others: how fast, to how many, how much a day. Time is given from outside, in nanoseconds of a clock that never goes
 * back, so that nothing here asks for it. All of it is in memory: a restart forgets who had how much. */
#ifndef MM_EXCHANGE_LIMITS_H
#define MM_EXCHANGE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/diag.h"
#include "exchange/peer_id.h"

#define MM_SECOND UINT64_C(1000000000)
#define MM_DAY (86400 * MM_SECOND)

/* A bucket that fills at RATE a second up to BURST; what is taken out of it was granted. */
#define MM_BUCKET_RATE_MAX (UINT64_C(1) << 40)
struct mm_bucket {
    uint64_t rate, burst; /* 0, or up to MM_BUCKET_RATE_MAX; a rate of 0 grants everything */
    uint64_t held;
    uint64_t at; /* when HELD was right */
};

/* A full one. BURST is at least 1. */
void mm_bucket_begin(struct mm_bucket *bucket, uint64_t rate, uint64_t burst, uint64_t now);

/* Takes up to WANT; returns how much. */
uint64_t mm_bucket_take(struct mm_bucket *bucket, uint64_t want, uint64_t now);

/* Gives back what was taken and not used. */
void mm_bucket_return(struct mm_bucket *bucket, uint64_t bytes);

/* When WANT, or BURST where that is less, can be taken: NOW, or later. */
uint64_t mm_bucket_when(struct mm_bucket *bucket, uint64_t want, uint64_t now);

/* 0 is no limit, everywhere. The defaults suit a laptop. */
struct mm_limits_options {
    uint64_t upload_rate;            /* bytes a second, of all connections together */
    uint64_t bytes_a_day;            /* to one peer: by its key, or else by its address */
    unsigned connections;            /* at once */
    unsigned connections_an_address; /* at once; IPv6 addresses count by their first 64 bits */
    unsigned streams;                /* at once, of a connection; the transport keeps to it */
    unsigned handshakes;             /* a second, of all addresses together */
};
#define MM_LIMITS_DEFAULT                                                                                              \
    ((struct mm_limits_options){.connections = 64, .connections_an_address = 8, .streams = 16, .handshakes = 20})

/* Peers whose bytes of the day are counted at most; of more, those that had least are forgotten. */
#define MM_LIMITS_PEERS 4096

struct mm_limits; /* opaque */

/* Returns NULL with IO_MEMORY. */
struct mm_limits *mm_limits_new(const struct mm_limits_options *options, uint64_t now, struct mm_diags *diags);
void mm_limits_free(struct mm_limits *limits);

enum mm_grant { MM_GRANTED, MM_GRANT_TOO_MANY, MM_GRANT_TOO_MANY_HERE, MM_GRANT_TOO_FAST };

/* Somebody at FROM (AF_INET or AF_INET6; others count as one address) wants to begin a handshake. Connections are not counted yet, as most of
 * what comes in hard times never becomes one. */
enum mm_grant mm_limits_welcome(struct mm_limits *limits, const struct sockaddr *from, uint64_t now);

/* A handshake with FROM is done: a new connection, if it is granted. */
enum mm_grant mm_limits_connect(struct mm_limits *limits, const struct sockaddr *from);

/* A granted connection has ended; FROM is what it came from, wherever it has moved since. */
void mm_limits_disconnect(struct mm_limits *limits, const struct sockaddr *from);

/* True while it is worth asking every newcomer to prove its address first: half of the connections or of the handshakes are in use. */
bool mm_limits_are_tight(struct mm_limits *limits, uint64_t now);

/* Bytes that a peer may still have today; UINT64_MAX for no limit. KEY is NULL for a client without one. A day begins with a peer's
 * first byte. */
uint64_t mm_limits_left(struct mm_limits *limits, const unsigned char *key, const struct sockaddr *from, uint64_t now);
void mm_limits_count(struct mm_limits *limits, const unsigned char *key, const struct sockaddr *from, uint64_t bytes,
                     uint64_t now);

/* The bucket of the upload rate, of all connections together. */
struct mm_bucket *mm_limits_upload(struct mm_limits *limits);

#endif
