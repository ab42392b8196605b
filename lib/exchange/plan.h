/* Which chunk to ask of which peer, and when: the plan of a fetch. It knows neither sockets nor clocks nor bytes: events go in, steps come
 * out, and whoever carries them out tells what became of them. Times are in nanoseconds of a clock that never goes back.
 *
 * Work is shared out by measured rate: who is fast asks more often, and for more chunks at once. The last chunks are asked of two peers.
 * A peer that sends a wrong chunk is dropped and never asked again; one that fails, stalls or is slow loses its work to others first. */
#ifndef MM_EXCHANGE_PLAN_H
#define MM_EXCHANGE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "exchange/limits.h"
#include "exchange/peer_id.h"

#define MM_PLAN_PEERS 64       /* at most */
#define MM_PLAN_PEER_ORDERS 12 /* to one peer at once: servers answer 16 requests, and bitmaps are asked for too */
#define MM_PLAN_TICK (MM_SECOND / 5) /* how long after a step without action the next one is due, at the latest */

struct mm_plan_options {
    uint64_t least_rate;   /* bytes a second below which a peer is slow */
    uint64_t buffer_bytes; /* of chunks that are on their way: at least one order can be out, whatever a chunk's size */
    uint64_t order_bytes;  /* of one order, at most; one chunk at least */
    uint64_t stall;        /* time without a byte after which an order is taken back */
    uint64_t patience;     /* time below the least rate, all peers together, after which the fetch is given up */
    uint64_t wait;         /* time in which nobody has what lacks, after which it is given up */
};
#define MM_PLAN_DEFAULT                                                                                                \
    ((struct mm_plan_options){.least_rate = 16384,                                                                     \
                              .buffer_bytes = 32u << 20,                                                               \
                              .order_bytes = 64u << 20,                                                                \
                              .stall = 8 * MM_SECOND,                                                                  \
                              .patience = 90 * MM_SECOND,                                                              \
                              .wait = 20 * MM_SECOND})

/* A file of which chunks are needed: NEED is a bitmap (exchange/have.h), copied. */
struct mm_plan_file {
    uint64_t bytes, chunk_size, chunk_count;
    const unsigned char *need;
};

struct mm_plan; /* opaque */

/* A plan for COUNT files. Returns NULL with IO_MEMORY. */
struct mm_plan *mm_plan_new(const struct mm_plan_file *files, size_t count, const struct mm_plan_options *options,
                            uint64_t now, struct mm_diags *diags);
void mm_plan_free(struct mm_plan *plan);

/* ---- peers ---- */

enum mm_plan_fate {
    MM_PEER_KEPT,
    MM_PEER_WRONG,  /* it sent a wrong chunk */
    MM_PEER_SLOW,   /* slower than the least rate, while others are not */
    MM_PEER_BROKEN, /* it failed too often in a row */
    MM_PEER_GONE,   /* dropped by the caller */
};

struct mm_plan_peer_facts {
    unsigned char key[MM_PEER_KEY_BYTES];
    enum mm_plan_fate fate;
    bool ready;
    uint64_t rate;                      /* bytes a second, 0: not known yet */
    uint64_t bytes;                     /* that it sent, thrown away ones too */
    uint64_t chunks;                    /* right ones */
    uint64_t taken_chunks, taken_bytes; /* of them those that nobody had sent before */
};

/* Adds a peer, not connected yet; one of the same KEY is another place of the same peer, and shares its fate. Returns its number, or SIZE_MAX
 * where there are too many or no memory, or where the peer of that key was dropped. */
size_t mm_plan_peer_add(struct mm_plan *plan, const unsigned char key[static MM_PEER_KEY_BYTES], uint64_t now);
size_t mm_plan_peers(const struct mm_plan *plan);
void mm_plan_peer_facts(const struct mm_plan *plan, size_t peer, struct mm_plan_peer_facts *facts);

/* It is connected; it is not (or was not to be reached): its orders are void. */
void mm_plan_peer_ready(struct mm_plan *plan, size_t peer, uint64_t now);
void mm_plan_peer_away(struct mm_plan *plan, size_t peer, uint64_t now);

/* What it holds of FILE: a bitmap of LENGTH bytes, copied; one that is not sound, or NULL, is a failure, and it is asked again later. */
void mm_plan_peer_has(struct mm_plan *plan, size_t peer, size_t file, const unsigned char *have, size_t length,
                      uint64_t now);

/* It is not to be asked again. */
void mm_plan_peer_drop(struct mm_plan *plan, size_t peer, enum mm_plan_fate fate);

/* ---- orders ---- */

/* What became of an order that is still open. Orders that are not are passed over, so that late news do no harm. */
void mm_plan_order_bytes(struct mm_plan *plan, uint64_t order, uint64_t bytes, uint64_t now);

/* The chunk that comes next in ORDER, if it is still needed; otherwise its bytes can be thrown away unseen. */
bool mm_plan_order_wants(const struct mm_plan *plan, uint64_t order, uint64_t *chunk);

/* That chunk was taken, and is RIGHT or wrong; one that was not needed any more is right. After the last one the order is closed. */
void mm_plan_order_took(struct mm_plan *plan, uint64_t order, bool right, uint64_t now);

/* It ended before its last chunk. ABSENT: the peer says that it does not have them. */
void mm_plan_order_end(struct mm_plan *plan, uint64_t order, bool absent, uint64_t now);

/* ---- steps ---- */

enum mm_plan_action {
    MM_PLAN_REST,   /* nothing is to be done before the next event, or MM_PLAN_TICK from now */
    MM_PLAN_DIAL,   /* connect to PEER; mm_plan_peer_ready or _away answers */
    MM_PLAN_HAVE,   /* ask PEER for its bitmap of FILE; mm_plan_peer_has or _away answers */
    MM_PLAN_ORDER,  /* ask PEER for COUNT chunks of FILE from FIRST on, as ORDER */
    MM_PLAN_CANCEL, /* end ORDER to PEER; it is closed already */
    MM_PLAN_CLOSE,  /* end the connection to PEER, which was dropped */
};

struct mm_plan_step {
    enum mm_plan_action action;
    size_t peer, file;
    uint64_t order, first, count;
};

/* The next thing to do, until it is MM_PLAN_REST. */
void mm_plan_next(struct mm_plan *plan, uint64_t now, struct mm_plan_step *step);

enum mm_plan_state {
    MM_PLAN_GOING,
    MM_PLAN_DONE,     /* nothing is needed any more */
    MM_PLAN_NO_PEERS, /* all were dropped */
    MM_PLAN_LACKS,    /* no peer has what is needed */
    MM_PLAN_TOO_SLOW, /* below the least rate for too long */
};
enum mm_plan_state mm_plan_state(const struct mm_plan *plan, uint64_t now);

/* Chunks, and bytes, that are still needed; the second of FILE alone. */
uint64_t mm_plan_needed_bytes(const struct mm_plan *plan);
uint64_t mm_plan_needed_of(const struct mm_plan *plan, size_t file);

#endif
