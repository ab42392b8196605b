/* Who gets which chunks. */
#include <string.h>

#include "exchange/plan_parts.h"

#define ORDER_TIME 2 /* seconds that an order is to take at the peer's rate */
#define ORDERS 2     /* to one peer at once, so that it need not wait for the next; more of small files, */
#define SMALL_BYTES (UINT64_C(1) << 20) /* until they are so many bytes */
#define SMALL_PART 4                    /* or a quarter of what it sends in a second */
#define FIRST_BYTES (UINT64_C(1) << 20) /* of an order to a peer whose rate is not known */

/* ---- how much ---- */

/* What PEER is of all ready peers together, by rate; one whose rate is not known counts as the mean of those known. */
static double share_of(const struct mm_plan *plan, const struct plan_peer *peer)
{
    double known = 0, total;
    unsigned ready = 0, measured = 0;
    for (size_t i = 0; i < plan->peer_count; i++) {
        if (plan->peers[i].state != PEER_READY)
            continue;
        ready++;
        measured += plan->peers[i].rate > 0;
        known += (double)plan->peers[i].rate;
    }
    double mean = measured ? known / measured : 1;
    total = known + mean * (ready - measured);
    return (peer->rate ? (double)peer->rate : mean) / total;
}

/* Bytes that nobody was asked for, as chunks count. */
static double bytes_to_do(const struct mm_plan *plan)
{
    double bytes = 0;
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct plan_file *file = &plan->files[i];
        if (file->needed)
            bytes += (double)mm_have_count(file->todo, file->chunk_count) * (double)file->chunk_size;
    }
    return bytes;
}

/* True if nobody else is left who might have anything, so that there is nobody to share with. */
static bool is_alone(const struct mm_plan *plan)
{
    unsigned left = 0;
    for (size_t i = 0; i < plan->peer_count; i++)
        left += plan->peers[i].state != PEER_DROPPED;
    return left == 1;
}

/* Chunks of SIZE that PEER is to be asked for at once: as many as it sends in ORDER_TIME, and never so many that the others would be done
 * long before it. Whoever is alone is asked for as many as there may be: a connection that waits for requests does not find out how fast it is,
 * and the last requests of ever fewer chunks would cost a round trip each. */
static uint64_t order_size(const struct mm_plan *plan, const struct plan_peer *peer, uint64_t size, double left)
{
    bool alone = is_alone(plan);
    double want = alone        ? (double)plan->options.order_bytes
                  : peer->rate ? (double)peer->rate * ORDER_TIME
                               : (double)FIRST_BYTES;
    double fair = alone ? left : left * share_of(plan, peer) / ORDERS;
    if (want > (double)plan->options.order_bytes)
        want = (double)plan->options.order_bytes;
    if (want > fair)
        want = fair;
    uint64_t chunks = (uint64_t)(want / (double)size);
    return chunks ? chunks : 1;
}

/* ---- which ---- */

/* Makes the bitmap of chunks that two ready peers or more have. */
static void find_many(struct mm_plan *plan, size_t which)
{
    struct plan_file *file = &plan->files[which];
    size_t size = mm_have_size(file->chunk_count);
    memset(file->many, 0, size);
    file->many_stale = false;
    for (size_t at = 0; at < size; at++) {
        unsigned char one = 0, two = 0;
        for (size_t i = 0; i < plan->peer_count; i++) {
            const struct plan_have *have = &plan->peers[i].haves[which];
            if (plan->peers[i].state == PEER_READY && have->state != HAVE_UNKNOWN && have->bits) {
                two |= one & have->bits[at];
                one |= have->bits[at];
            }
        }
        file->many[at] = two;
    }
}

/* The first chunk from FROM on that is to do and that HAVE holds, and, if ALONE, nobody else. */
static uint64_t find_chunk(const struct plan_file *file, const struct plan_have *have, uint64_t from, bool alone)
{
    size_t size = mm_have_size(file->chunk_count);
    for (size_t at = (size_t)(from / 8); at < size; at++) {
        unsigned char fits = file->todo[at] & have->bits[at];
        if (alone)
            fits &= (unsigned char)~file->many[at];
        if (at == from / 8)
            fits &= (unsigned char)(0xff >> from % 8);
        if (fits)
            return at * 8 + (uint64_t)__builtin_clz((unsigned)fits << 24);
    }
    return file->chunk_count;
}

static struct plan_order *new_order(struct mm_plan *plan, size_t peer, size_t file, uint64_t first, uint64_t count,
                                    struct mm_plan_step *step)
{
    struct plan_order *order = plan->orders;
    while (order->state !=
           ORDER_FREE) /* there are as many as all peers can have, and cancelled ones were told before */
        order++;
    *order = (struct plan_order){ORDER_OPEN, plan->next_id++, peer, file, first, count, 0, 0, plan->now};
    plan->peers[peer].orders++;
    plan->peers[peer].ordered += mm_plan_order_size(plan, order);
    plan->open++;
    *step = (struct mm_plan_step){MM_PLAN_ORDER, peer, file, order->id, first, count};
    return order;
}

/* Chunks of file WHICH for peer NUMBER: ALONE those that only it has, else any. */
static bool order_from(struct mm_plan *plan, size_t number, size_t which, bool alone, double left,
                       struct mm_plan_step *step)
{
    struct plan_peer *peer = &plan->peers[number];
    struct plan_file *file = &plan->files[which];
    const struct plan_have *have = &peer->haves[which];
    if (file->needed == 0 || have->state == HAVE_UNKNOWN || !have->bits)
        return false;
    if (file->many_stale)
        find_many(plan, which);
    uint64_t first = find_chunk(file, have, file->low, alone), most = order_size(plan, peer, file->chunk_size, left),
             end = first;
    if (first == file->chunk_count)
        return false;
    while (end < file->chunk_count && end - first < most && mm_have_has(file->todo, end) &&
           mm_have_has(have->bits, end) && (!alone || !mm_have_has(file->many, end)))
        mm_have_remove(file->todo, end++);
    file->low = mm_have_next(file->todo, file->low, file->chunk_count);
    new_order(plan, number, which, first, end - first, step);
    return true;
}

static bool find_order(struct mm_plan *plan, size_t number, double left, struct mm_plan_step *step)
{
    for (int alone = 1; alone >= 0; alone--)
        for (size_t i = 0; i < plan->file_count; i++)
            if (order_from(plan, number, i, alone, left, step))
                return true;
    return false;
}

/* ---- the last chunks ---- */

/* Seconds until ORDER brings chunk CHUNK, at its peer's rate; a peer that has shown none may never. */
static double time_left(const struct mm_plan *plan, const struct plan_order *order, uint64_t chunk)
{
    const struct plan_peer *peer = &plan->peers[order->peer];
    const struct plan_file *file = &plan->files[order->file];
    uint64_t bytes = (chunk - order->first - order->done + 1) * file->chunk_size;
    double silent = (double)(plan->now - order->last) / (double)MM_SECOND;
    bytes -= order->part < bytes ? order->part : bytes;
    if (peer->rate == 0)
        return 1e9;
    return (double)bytes / (double)peer->rate + silent;
}

/* Of another's ORDER, the last chunk that PEER has and that is out once. SIZE: none. */
static uint64_t last_chunk(const struct mm_plan *plan, const struct plan_order *order, const struct plan_peer *peer)
{
    const struct plan_file *file = &plan->files[order->file];
    for (uint64_t chunk = order->first + order->count; chunk-- > order->first + order->done;)
        if (mm_have_has(file->need, chunk) && mm_plan_peer_holds(peer, order->file, chunk) &&
            !mm_plan_is_out(plan, order, order->file, chunk))
            return chunk;
    return UINT64_MAX;
}

/* How many chunks up to LAST of ORDER the peer, which has a share of the two's rate, is to ask for too. */
static uint64_t first_to_race(const struct mm_plan *plan, const struct plan_order *order, const struct plan_peer *peer,
                              uint64_t last)
{
    double theirs = (double)plan->peers[order->peer].rate, ours = (double)peer->rate;
    uint64_t left = last - order->first - order->done + 1;
    uint64_t count = ours > 0 ? (uint64_t)((double)left * ours / (ours + theirs)) : 1, first = last;
    while (last - first + 1 < count && mm_have_has(plan->files[order->file].need, first - 1) &&
           mm_plan_peer_holds(peer, order->file, first - 1) && !mm_plan_is_out(plan, order, order->file, first - 1))
        first--;
    return first;
}

/* A peer without work asks for what another will take longest to bring, if it can be quicker. */
static bool race(struct mm_plan *plan, size_t number, struct mm_plan_step *step)
{
    const struct plan_peer *peer = &plan->peers[number];
    const struct plan_order *slowest = NULL;
    uint64_t chunk = 0;
    double longest = 0;
    for (size_t i = 0; i < ORDERS_MAX; i++) {
        const struct plan_order *order = &plan->orders[i];
        if (order->state != ORDER_OPEN || order->peer == number)
            continue;
        uint64_t last = last_chunk(plan, order, peer);
        double time = last == UINT64_MAX ? 0 : time_left(plan, order, last);
        if (time > longest) {
            longest = time;
            slowest = order;
            chunk = last;
        }
    }
    if (!slowest)
        return false;
    double ours = peer->rate ? (double)plan->files[slowest->file].chunk_size / (double)peer->rate : 1;
    if (ours >= longest)
        return false;
    uint64_t first = first_to_race(plan, slowest, peer, chunk);
    new_order(plan, number, slowest->file, first, chunk - first + 1, step);
    return true;
}

/* ---- who ---- */

/* True if PEER has less to bring than makes a round trip worth while. */
static bool brings_little(const struct mm_plan *plan, const struct plan_peer *peer)
{
    uint64_t much = is_alone(plan) ? SMALL_BYTES : peer->rate / SMALL_PART;
    return peer->ordered < (much < SMALL_BYTES ? much : SMALL_BYTES);
}

static bool can_work(const struct mm_plan *plan, const struct plan_peer *peer, unsigned orders)
{
    return peer->state == PEER_READY && peer->orders < orders && peer->rest_until <= plan->now &&
           (peer->orders < ORDERS || brings_little(plan, peer));
}

/* The fastest peer below the rate CEILING, or equal to it and behind number AFTER, that can take one more of ORDERS. SIZE_MAX: none. */
static size_t next_fastest(const struct mm_plan *plan, uint64_t ceiling, size_t after, unsigned orders)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < plan->peer_count; i++) {
        const struct plan_peer *peer = &plan->peers[i];
        bool behind = peer->rate < ceiling || (peer->rate == ceiling && (after == SIZE_MAX || i > after));
        if (behind && can_work(plan, peer, orders) && (best == SIZE_MAX || peer->rate > plan->peers[best].rate))
            best = i;
    }
    return best;
}

bool mm_plan_find_work(struct mm_plan *plan, struct mm_plan_step *step)
{
    if (plan->open >= plan->open_max)
        return false;
    double left = bytes_to_do(plan);
    for (unsigned orders = 1; orders <= MM_PLAN_PEER_ORDERS; orders++) { /* nobody gets a second before each has one */
        uint64_t ceiling = UINT64_MAX;
        for (size_t i = SIZE_MAX; (i = next_fastest(plan, ceiling, i, orders)) != SIZE_MAX;
             ceiling = plan->peers[i].rate)
            if (find_order(plan, i, left, step))
                return true;
    }
    uint64_t ceiling = UINT64_MAX;
    for (size_t i = SIZE_MAX; (i = next_fastest(plan, ceiling, i, 1)) != SIZE_MAX; ceiling = plan->peers[i].rate)
        if (race(plan, i, step))
            return true;
    return false;
}
