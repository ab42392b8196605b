/* What the parts of the plan share: plan.c (events and steps), plan_peers.c (rates and fates) and plan_work.c (who gets which chunks). Nobody
 * else includes this. */
#ifndef MM_EXCHANGE_PLAN_PARTS_H
#define MM_EXCHANGE_PLAN_PARTS_H

#include "exchange/have.h"
#include "exchange/plan.h"

#define ORDERS_MAX (MM_PLAN_PEERS * MM_PLAN_PEER_ORDERS)

struct plan_file {
    uint64_t bytes, chunk_size, chunk_count;
    unsigned char *need;  /* chunks that nobody sent yet */
    unsigned char *todo;  /* those of them that nobody was asked for */
    unsigned char *many;  /* chunks that two ready peers or more have */
    bool many_stale;      /* it has to be made anew */
    uint64_t needed, low; /* how many; no chunk below is to do */
};

enum have_state { HAVE_UNKNOWN, HAVE_ASKED, HAVE_KNOWN };

struct plan_have {
    enum have_state state;
    unsigned char *bits; /* NULL until it was told once */
    uint64_t held;       /* chunks in it */
    uint64_t ask_at;     /* not before; while it is asked, since when */
};

enum peer_state { PEER_AWAY, PEER_DIALING, PEER_READY, PEER_DROPPED };

struct plan_peer {
    unsigned char key[MM_PEER_KEY_BYTES];
    enum peer_state state;
    enum mm_plan_fate fate;
    bool close;       /* its connection is still to be ended */
    unsigned strikes; /* failures since the last right chunk */
    uint64_t dial_at, rest_until;
    uint64_t rate;                      /* measured, 0: not yet */
    uint64_t window_bytes, window_time; /* of the measurement that is going on: time with orders out */
    uint64_t slow_bytes, slow_time;     /* the same of the longer one that decides who is slow */
    uint64_t last_byte;                 /* when it came */
    uint64_t bytes, chunks;             /* in all */
    uint64_t taken_chunks, taken_bytes; /* that nobody had sent before */
    unsigned orders;
    uint64_t ordered;        /* bytes of them */
    struct plan_have *haves; /* one for each file */
};

enum order_state { ORDER_FREE, ORDER_OPEN, ORDER_CANCELLED };

struct plan_order {
    enum order_state state;
    uint64_t id;
    size_t peer, file;
    uint64_t first, count, done; /* chunks */
    uint64_t part;               /* bytes of the chunk that is coming */
    uint64_t last;               /* when its last byte came, or when it was made */
};

struct mm_plan {
    struct mm_plan_options options;
    struct plan_file *files;
    size_t file_count;
    struct plan_peer peers[MM_PLAN_PEERS];
    size_t peer_count;
    struct plan_order orders[ORDERS_MAX];
    unsigned open;     /* orders that are */
    unsigned open_max; /* by the room for chunks */
    uint64_t next_id;
    uint64_t now;                                 /* of the last event */
    uint64_t window_start, window_bytes, good_at; /* of all peers together: when they were fast enough last */
    uint64_t idle_since;                          /* since when nothing is out and nothing to be had; 0: not so */
};

static inline uint64_t mm_plan_chunk_bytes(const struct plan_file *file, uint64_t chunk)
{
    uint64_t left = file->bytes - chunk * file->chunk_size;
    return left < file->chunk_size ? left : file->chunk_size;
}

static inline uint64_t mm_plan_order_size(const struct mm_plan *plan, const struct plan_order *order)
{
    const struct plan_file *file = &plan->files[order->file];
    uint64_t last = order->first + order->count - 1;
    return (order->count - 1) * file->chunk_size + mm_plan_chunk_bytes(file, last);
}

static inline bool mm_plan_peer_holds(const struct plan_peer *peer, size_t file, uint64_t chunk)
{
    const struct plan_have *have = &peer->haves[file];
    return have->state != HAVE_UNKNOWN && have->bits && mm_have_has(have->bits, chunk);
}

/* plan.c */

/* Puts what ORDER did not bring back to what is to do. */
void mm_plan_put_back(struct mm_plan *plan, struct plan_order *order);

/* Takes ORDER back: its peer is told to stop. */
void mm_plan_cancel(struct mm_plan *plan, struct plan_order *order);

/* True if an open order other than BUT has the chunk still to bring. */
bool mm_plan_is_out(const struct mm_plan *plan, const struct plan_order *but, size_t file, uint64_t chunk);

/* plan_peers.c */

/* Time passes up to NOW: rates are measured, stalled orders taken back, slow peers dropped. */
void mm_plan_pass(struct mm_plan *plan, uint64_t now);

/* BYTES came from PEER. */
void mm_plan_count(struct mm_plan *plan, struct plan_peer *peer, uint64_t bytes);

/* PEER failed once more: it rests, the longer the oftener, and is dropped in the end. */
void mm_plan_strike(struct mm_plan *plan, struct plan_peer *peer);

/* plan_work.c */

/* Finds work for a ready peer. Returns true where STEP is an order. */
bool mm_plan_find_work(struct mm_plan *plan, struct mm_plan_step *step);

#endif
