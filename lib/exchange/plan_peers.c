/* How fast peers are, and what becomes of those that are not. */
#include "exchange/plan_parts.h"

#define WINDOW (MM_SECOND / 2)       /* of one measurement of a rate */
#define LONG_WINDOW (10 * MM_SECOND) /* of the one that decides who is slow */
#define STRIKES_MAX 16               /* failures in a row */
#define REST_MAX (8 * MM_SECOND)

void mm_plan_count(struct mm_plan *plan, struct plan_peer *peer, uint64_t bytes)
{
    peer->bytes += bytes;
    peer->window_bytes += bytes;
    peer->slow_bytes += bytes;
    peer->last_byte = plan->now;
    plan->window_bytes += bytes;
}

/* BYTES a second, at least 1. */
static uint64_t rate_of(uint64_t bytes, uint64_t time)
{
    double rate = (double)bytes * (double)MM_SECOND / (double)time;
    return rate < 1 ? 1 : rate < 1e15 ? (uint64_t)rate : UINT64_C(1000000000000000);
}

/* Half of what was measured before, half of what is measured now; a first measurement is taken early. A time without a byte is a stall, and
 * says nothing of how fast the peer is when it sends. */
static void measure(struct plan_peer *peer)
{
    bool enough =
        peer->window_time >= WINDOW || (peer->rate == 0 && peer->chunks > 0 && peer->window_time >= WINDOW / 50);
    if (!enough)
        return;
    uint64_t rate = rate_of(peer->window_bytes, peer->window_time);
    if (peer->window_bytes > 0)
        peer->rate = peer->rate ? peer->rate / 2 + rate / 2 + 1 : rate;
    peer->window_bytes = peer->window_time = 0;
}

void mm_plan_strike(struct mm_plan *plan, struct plan_peer *peer)
{
    unsigned doubled = peer->strikes < 4 ? peer->strikes : 3;
    uint64_t rest = (MM_SECOND / 2) << doubled;
    peer->strikes++;
    peer->rest_until = plan->now + (rest < REST_MAX ? rest : REST_MAX);
    if (peer->strikes >= STRIKES_MAX)
        mm_plan_peer_drop(plan, (size_t)(peer - plan->peers), MM_PEER_BROKEN);
}

static void check_stalls(struct mm_plan *plan)
{
    for (size_t i = 0; i < ORDERS_MAX; i++) {
        struct plan_order *order = &plan->orders[i];
        struct plan_peer *peer = &plan->peers[order->peer];
        if (order->state != ORDER_OPEN)
            continue;
        /* orders of one peer follow each other: while one gets bytes, the others wait their turn */
        uint64_t last = order->last > peer->last_byte ? order->last : peer->last_byte;
        if (plan->now - last >= plan->options.stall) {
            mm_plan_cancel(plan, order);
            mm_plan_strike(plan, peer);
        }
    }
}

/* True if another peer sends fast enough: then it is not the way that is slow. */
static bool is_anybody_faster(const struct mm_plan *plan, const struct plan_peer *than)
{
    for (size_t i = 0; i < plan->peer_count; i++) {
        const struct plan_peer *peer = &plan->peers[i];
        if (peer != than && peer->state == PEER_READY && peer->rate >= plan->options.least_rate &&
            plan->now - peer->last_byte < LONG_WINDOW)
            return true;
    }
    return false;
}

static void check_slow(struct mm_plan *plan, struct plan_peer *peer)
{
    if (peer->slow_time < LONG_WINDOW)
        return;
    bool slow = rate_of(peer->slow_bytes, peer->slow_time) < plan->options.least_rate;
    peer->slow_bytes = peer->slow_time = 0;
    if (slow && is_anybody_faster(plan, peer))
        mm_plan_peer_drop(plan, (size_t)(peer - plan->peers), MM_PEER_SLOW);
}

/* A bitmap that does not come is asked for again. */
static void check_asked(struct mm_plan *plan, struct plan_peer *peer)
{
    for (size_t k = 0; peer->state == PEER_READY && k < plan->file_count; k++) {
        struct plan_have *have = &peer->haves[k];
        if (have->state != HAVE_ASKED || plan->now - have->ask_at < plan->options.stall)
            continue;
        have->state = HAVE_UNKNOWN;
        have->ask_at = plan->now + plan->options.stall;
        mm_plan_strike(plan, peer);
    }
}

static void check_all_together(struct mm_plan *plan)
{
    uint64_t wanted = plan->options.least_rate * (LONG_WINDOW / MM_SECOND);
    bool over = plan->now - plan->window_start >= LONG_WINDOW;
    if (plan->window_bytes >= wanted)
        plan->good_at = plan->now;
    if (over || plan->window_bytes >= wanted) {
        plan->window_start = plan->now;
        plan->window_bytes = 0;
    }
}

void mm_plan_pass(struct mm_plan *plan, uint64_t now)
{
    uint64_t passed = now > plan->now ? now - plan->now : 0;
    if (passed == 0)
        return;
    plan->now = now;
    for (size_t i = 0; i < plan->peer_count; i++) {
        struct plan_peer *peer = &plan->peers[i];
        check_asked(plan, peer);
        if (peer->state != PEER_READY || peer->orders == 0)
            continue;
        peer->window_time += passed;
        peer->slow_time += passed;
        measure(peer);
        check_slow(plan, peer);
    }
    check_stalls(plan);
    check_all_together(plan);
}
