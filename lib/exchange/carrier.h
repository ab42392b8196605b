/* Who carries requests to peers and brings answers back: the transport, or a test. What asks does not know sockets, and what carries does not
 * know models. Peers have numbers, requests ids that the asking side chose and that never come again. */
#ifndef MM_EXCHANGE_CARRIER_H
#define MM_EXCHANGE_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange/reply.h"

struct mm_carrier {
    void *context;

    /* Connect to PEER; ready or away is told later, or at once. */
    void (*dial)(void *context, size_t peer);

    /* End the connection to PEER, and its requests with it; nothing more is told of it. */
    void (*close)(void *context, size_t peer);

    /* Ask PEER for PATH, RANGE of it unless that is NULL; a body of more than MOST bytes is to be refused. Returns false where that cannot be
     * done; nothing is told then. */
    bool (*get)(void *context, size_t peer, uint64_t id, const char *path, const char *range, uint64_t most);

    /* Give the request up. That it ended may be told or not. */
    void (*cancel)(void *context, size_t peer, uint64_t id);
};

#endif
