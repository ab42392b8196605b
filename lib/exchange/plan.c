#include "exchange/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "exchange/plan_parts.h"

#define ASK_AGAIN (5 * MM_SECOND) /* for the bitmap of a peer that lacks chunks, or failed to tell */

/* ---- making ---- */

static int begin_file(struct plan_file *file, const struct mm_plan_file *given, struct mm_diags *diags)
{
    size_t size = mm_have_size(given->chunk_count);
    *file = (struct plan_file){given->bytes, given->chunk_size, given->chunk_count, .many_stale = true};
    file->need = calloc(1, size + 1);
    file->todo = calloc(1, size + 1);
    file->many = calloc(1, size + 1);
    if (!file->need || !file->todo || !file->many)
        return mm_diag_memory(diags);
    memcpy(file->need, given->need, size);
    memcpy(file->todo, given->need, size);
    file->needed = mm_have_count(file->need, file->chunk_count);
    return 0;
}

struct mm_plan *mm_plan_new(const struct mm_plan_file *files, size_t count, const struct mm_plan_options *options,
                            uint64_t now, struct mm_diags *diags)
{
    struct mm_plan *plan = calloc(1, sizeof *plan);
    uint64_t largest = 1;
    int result = plan ? 0 : mm_diag_memory(diags);
    if (plan && !(plan->files = calloc(count ? count : 1, sizeof *plan->files)))
        result = mm_diag_memory(diags);
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = begin_file(&plan->files[i], &files[i], diags);
        plan->file_count = i + 1;
        if (plan->files[i].needed && files[i].chunk_size > largest)
            largest = files[i].chunk_size;
    }
    if (result < 0) {
        mm_plan_free(plan);
        return NULL;
    }
    plan->options = *options;
    plan->open_max =
        options->buffer_bytes / largest < ORDERS_MAX ? (unsigned)(options->buffer_bytes / largest) : ORDERS_MAX;
    plan->open_max += plan->open_max == 0;
    plan->now = plan->window_start = plan->good_at = now;
    plan->next_id = 1;
    return plan;
}

void mm_plan_free(struct mm_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->peer_count; i++) {
        for (size_t k = 0; k < plan->file_count; k++)
            free(plan->peers[i].haves[k].bits);
        free(plan->peers[i].haves);
    }
    for (size_t i = 0; i < plan->file_count; i++) {
        free(plan->files[i].need);
        free(plan->files[i].todo);
        free(plan->files[i].many);
    }
    free(plan->files);
    free(plan);
}

/* ---- orders ---- */

static struct plan_order *find_order(struct mm_plan *plan, uint64_t id)
{
    for (size_t i = 0; i < ORDERS_MAX; i++)
        if (plan->orders[i].state == ORDER_OPEN && plan->orders[i].id == id)
            return &plan->orders[i];
    return NULL;
}

bool mm_plan_is_out(const struct mm_plan *plan, const struct plan_order *but, size_t file, uint64_t chunk)
{
    for (size_t i = 0; i < ORDERS_MAX; i++) {
        const struct plan_order *order = &plan->orders[i];
        if (order != but && order->state == ORDER_OPEN && order->file == file && chunk >= order->first + order->done &&
            chunk < order->first + order->count)
            return true;
    }
    return false;
}

void mm_plan_put_back(struct mm_plan *plan, struct plan_order *order)
{
    struct plan_file *file = &plan->files[order->file];
    for (uint64_t chunk = order->first + order->done; chunk < order->first + order->count; chunk++)
        if (mm_have_has(file->need, chunk) && !mm_plan_is_out(plan, order, order->file, chunk)) {
            mm_have_add(file->todo, chunk);
            file->low = chunk < file->low ? chunk : file->low;
        }
}

/* ORDER has nothing more to bring. */
static void close_order(struct mm_plan *plan, struct plan_order *order, enum order_state state)
{
    order->state = state;
    plan->open--;
    plan->peers[order->peer].orders--;
    plan->peers[order->peer].ordered -= mm_plan_order_size(plan, order);
}

void mm_plan_cancel(struct mm_plan *plan, struct plan_order *order)
{
    mm_plan_put_back(plan, order);
    close_order(plan, order, ORDER_CANCELLED);
}

/* Orders that have only chunks left which others brought meanwhile. */
static void cancel_superseded(struct mm_plan *plan, size_t file)
{
    const unsigned char *need = plan->files[file].need;
    for (size_t i = 0; i < ORDERS_MAX; i++) {
        struct plan_order *order = &plan->orders[i];
        uint64_t end = order->first + order->count;
        if (order->state == ORDER_OPEN && order->file == file && order->done < order->count &&
            mm_have_next(need, order->first + order->done, end) == end)
            mm_plan_cancel(plan, order);
    }
}

void mm_plan_order_bytes(struct mm_plan *plan, uint64_t id, uint64_t bytes, uint64_t now)
{
    struct plan_order *order = find_order(plan, id);
    if (!order)
        return;
    order->last = now;
    order->part += bytes;
    mm_plan_count(plan, &plan->peers[order->peer], bytes);
    mm_plan_pass(plan, now);
}

bool mm_plan_order_wants(const struct mm_plan *plan, uint64_t id, uint64_t *chunk)
{
    const struct plan_order *order = find_order((struct mm_plan *)plan, id);
    if (!order)
        return false;
    *chunk = order->first + order->done;
    return mm_have_has(plan->files[order->file].need, *chunk);
}

void mm_plan_order_took(struct mm_plan *plan, uint64_t id, bool right, uint64_t now)
{
    struct plan_order *order = find_order(plan, id);
    if (!order)
        return;
    struct plan_file *file = &plan->files[order->file];
    struct plan_peer *peer = &plan->peers[order->peer];
    uint64_t chunk = order->first + order->done;
    size_t which = order->file;
    mm_plan_pass(plan, now);
    if (order->state != ORDER_OPEN || order->id != id) /* the time that passed ended it */
        return;
    if (!right) {
        mm_plan_peer_drop(plan, order->peer, MM_PEER_WRONG);
        return;
    }
    order->done++;
    order->part = 0;
    peer->chunks++;
    peer->strikes = 0;
    if (mm_have_has(file->need, chunk)) {
        mm_have_remove(file->need, chunk);
        mm_have_remove(file->todo, chunk);
        file->needed--;
        peer->taken_chunks++;
        peer->taken_bytes += mm_plan_chunk_bytes(file, chunk);
    }
    if (order->done == order->count)
        close_order(plan, order, ORDER_FREE);
    cancel_superseded(plan, which);
}

void mm_plan_order_end(struct mm_plan *plan, uint64_t id, bool absent, uint64_t now)
{
    struct plan_order *order = find_order(plan, id);
    if (!order)
        return;
    struct plan_peer *peer = &plan->peers[order->peer];
    struct plan_have *have = &peer->haves[order->file];
    mm_plan_put_back(plan, order);
    close_order(plan, order, ORDER_FREE);
    if (absent) { /* its bitmap says otherwise: it is asked for anew */
        have->state = HAVE_UNKNOWN;
        have->ask_at = now + MM_SECOND;
        plan->files[order->file].many_stale = true;
    }
    mm_plan_pass(plan, now);
    mm_plan_strike(plan, peer);
}

/* ---- peers ---- */

size_t mm_plan_peer_add(struct mm_plan *plan, const unsigned char key[static MM_PEER_KEY_BYTES], uint64_t now)
{
    for (size_t i = 0; i < plan->peer_count; i++)
        if (memcmp(plan->peers[i].key, key, MM_PEER_KEY_BYTES) == 0 && plan->peers[i].state == PEER_DROPPED &&
            plan->peers[i].fate == MM_PEER_WRONG)
            return SIZE_MAX;
    struct plan_have *haves =
        plan->peer_count < MM_PLAN_PEERS ? calloc(plan->file_count ? plan->file_count : 1, sizeof *haves) : NULL;
    if (!haves)
        return SIZE_MAX;
    struct plan_peer *peer = &plan->peers[plan->peer_count];
    *peer = (struct plan_peer){.state = PEER_AWAY, .dial_at = now, .haves = haves};
    memcpy(peer->key, key, MM_PEER_KEY_BYTES);
    return plan->peer_count++;
}

size_t mm_plan_peers(const struct mm_plan *plan)
{
    return plan->peer_count;
}

void mm_plan_peer_facts(const struct mm_plan *plan, size_t number, struct mm_plan_peer_facts *facts)
{
    const struct plan_peer *peer = &plan->peers[number];
    *facts = (struct mm_plan_peer_facts){
        .fate = peer->fate,
        .ready = peer->state == PEER_READY,
        .rate = peer->rate,
        .bytes = peer->bytes,
        .chunks = peer->chunks,
        .taken_chunks = peer->taken_chunks,
        .taken_bytes = peer->taken_bytes,
    };
    memcpy(facts->key, peer->key, MM_PEER_KEY_BYTES);
}

static void mark_stale(struct mm_plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++)
        plan->files[i].many_stale = true;
}

void mm_plan_peer_ready(struct mm_plan *plan, size_t number, uint64_t now)
{
    struct plan_peer *peer = &plan->peers[number];
    mm_plan_pass(plan, now);
    if (peer->state == PEER_DROPPED || peer->state == PEER_READY)
        return;
    peer->state = PEER_READY;
    for (size_t i = 0; i < plan->file_count; i++) { /* it may have others by now */
        peer->haves[i].state = HAVE_UNKNOWN;
        peer->haves[i].ask_at = now;
    }
    mark_stale(plan);
}

void mm_plan_peer_away(struct mm_plan *plan, size_t number, uint64_t now)
{
    struct plan_peer *peer = &plan->peers[number];
    mm_plan_pass(plan, now);
    if (peer->state == PEER_DROPPED || peer->state == PEER_AWAY)
        return;
    peer->state = PEER_AWAY;
    for (size_t i = 0; i < ORDERS_MAX; i++) {
        struct plan_order *order = &plan->orders[i];
        if (order->peer != number || order->state == ORDER_FREE)
            continue;
        if (order->state == ORDER_OPEN) {
            mm_plan_put_back(plan, order);
            close_order(plan, order, ORDER_FREE);
        }
        order->state = ORDER_FREE; /* a connection that is gone needs no word */
    }
    mark_stale(plan);
    mm_plan_strike(plan, peer);
    peer->dial_at = peer->rest_until;
}

/* GCC's analyzer loses sight of what an element of the array holds. */
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
void mm_plan_peer_has(struct mm_plan *plan, size_t number, size_t which, const unsigned char *bits, size_t length,
                      uint64_t now)
{
    struct plan_peer *peer = &plan->peers[number];
    struct plan_have *have = &peer->haves[which];
    struct plan_file *file = &plan->files[which];
    mm_plan_pass(plan, now);
    if (peer->state != PEER_READY)
        return;
    bool sound = bits && mm_have_is_sound(bits, length, file->chunk_count);
    if (sound && !have->bits)
        have->bits = malloc(length + 1);
    if (!sound || !have->bits) {
        have->state = HAVE_UNKNOWN;
        have->ask_at = now + ASK_AGAIN;
        mm_plan_strike(plan, peer);
        return;
    }
    memcpy(have->bits, bits, length);
    have->state = HAVE_KNOWN;
    have->held = mm_have_count(bits, file->chunk_count);
    have->ask_at = have->held < file->chunk_count ? now + ASK_AGAIN : UINT64_MAX;
    file->many_stale = true;
}
#pragma GCC diagnostic pop

static void drop(struct mm_plan *plan, size_t number, enum mm_plan_fate fate)
{
    struct plan_peer *peer = &plan->peers[number];
    if (peer->state == PEER_DROPPED)
        return;
    for (size_t i = 0; i < ORDERS_MAX; i++)
        if (plan->orders[i].state == ORDER_OPEN && plan->orders[i].peer == number)
            mm_plan_cancel(plan, &plan->orders[i]);
    peer->close = peer->state != PEER_AWAY;
    peer->state = PEER_DROPPED;
    peer->fate = fate;
    mark_stale(plan);
}

void mm_plan_peer_drop(struct mm_plan *plan, size_t number, enum mm_plan_fate fate)
{
    unsigned char key[MM_PEER_KEY_BYTES];
    memcpy(key, plan->peers[number].key, sizeof key);
    drop(plan, number, fate);
    for (size_t i = 0; fate == MM_PEER_WRONG && i < plan->peer_count; i++)
        if (memcmp(plan->peers[i].key, key, sizeof key) == 0)
            drop(plan, i, fate);
}

/* ---- steps ---- */

static bool find_cancelled(struct mm_plan *plan, struct mm_plan_step *step)
{
    for (size_t i = 0; i < ORDERS_MAX; i++) {
        struct plan_order *order = &plan->orders[i];
        if (order->state != ORDER_CANCELLED)
            continue;
        order->state = ORDER_FREE;
        *step = (struct mm_plan_step){MM_PLAN_CANCEL, order->peer, order->file, order->id, order->first, order->count};
        return true;
    }
    return false;
}

/* What a peer that is not at work can be asked. */
static bool find_errand(struct mm_plan *plan, struct mm_plan_step *step)
{
    for (size_t i = 0; i < plan->peer_count; i++) {
        struct plan_peer *peer = &plan->peers[i];
        *step = (struct mm_plan_step){.peer = i};
        if (peer->close) {
            peer->close = false;
            step->action = MM_PLAN_CLOSE;
            return true;
        }
        if (peer->state == PEER_AWAY && peer->dial_at <= plan->now) {
            peer->state = PEER_DIALING;
            step->action = MM_PLAN_DIAL;
            return true;
        }
        for (size_t k = 0; peer->state == PEER_READY && k < plan->file_count; k++) {
            struct plan_have *have = &peer->haves[k];
            if (plan->files[k].needed == 0 || have->state == HAVE_ASKED || have->ask_at > plan->now)
                continue;
            have->state = HAVE_ASKED; /* what it told before counts meanwhile */
            have->ask_at = plan->now;
            step->action = MM_PLAN_HAVE;
            step->file = k;
            return true;
        }
    }
    return false;
}

/* True while something may still come without a further step. */
static bool is_waiting(const struct mm_plan *plan)
{
    bool waiting = plan->open > 0;
    for (size_t i = 0; i < plan->peer_count && !waiting; i++) {
        const struct plan_peer *peer = &plan->peers[i];
        waiting = peer->state == PEER_DIALING || peer->state == PEER_AWAY ||
                  (peer->state == PEER_READY && peer->rest_until > plan->now);
    }
    return waiting;
}

void mm_plan_next(struct mm_plan *plan, uint64_t now, struct mm_plan_step *step)
{
    mm_plan_pass(plan, now);
    *step = (struct mm_plan_step){.action = MM_PLAN_REST};
    if (find_cancelled(plan, step))
        return;
    if (mm_plan_needed_bytes(plan) > 0 && (find_errand(plan, step) || mm_plan_find_work(plan, step))) {
        plan->idle_since = step->action == MM_PLAN_ORDER ? 0 : plan->idle_since;
        return;
    }
    *step = (struct mm_plan_step){.action = MM_PLAN_REST};
    if (is_waiting(plan))
        plan->idle_since = 0;
    else if (plan->idle_since == 0)
        plan->idle_since = now ? now : 1;
}

enum mm_plan_state mm_plan_state(const struct mm_plan *plan, uint64_t now)
{
    bool any = false;
    if (mm_plan_needed_bytes(plan) == 0)
        return MM_PLAN_DONE;
    for (size_t i = 0; i < plan->peer_count; i++)
        any = any || plan->peers[i].state != PEER_DROPPED;
    if (!any)
        return MM_PLAN_NO_PEERS;
    if (plan->idle_since && now > plan->idle_since && now - plan->idle_since >= plan->options.wait)
        return MM_PLAN_LACKS;
    return now > plan->good_at && now - plan->good_at >= plan->options.patience ? MM_PLAN_TOO_SLOW : MM_PLAN_GOING;
}

uint64_t mm_plan_needed_of(const struct mm_plan *plan, size_t which)
{
    const struct plan_file *file = &plan->files[which];
    uint64_t bytes = file->needed * file->chunk_size;
    bool last = file->chunk_count && mm_have_has(file->need, file->chunk_count - 1);
    return last ? bytes - file->chunk_size + mm_plan_chunk_bytes(file, file->chunk_count - 1) : bytes;
}

uint64_t mm_plan_needed_bytes(const struct mm_plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->file_count; i++)
        bytes += mm_plan_needed_of(plan, i);
    return bytes;
}
