/* The plan of a fetch among peers that exist in this file alone: with rates, delays and faults, under a clock that the test moves. */
#include "unit.h"

#include "exchange/have.h"
#include "exchange/plan.h"

#define STEP (MM_SECOND / 200) /* of the clock */
#define START (100 * MM_SECOND)
#define CHUNK 65536
#define FILES_MAX 20
#define PEERS_MAX 12

struct file {
    uint64_t bytes, count;
    unsigned char *need; /* at the beginning */
    unsigned char *got;  /* right chunks that came */
};

/* What a peer does. */
struct peer {
    double rate;              /* bytes a second */
    uint64_t delay;           /* before the first byte of an order, and of a bitmap */
    unsigned char *has[FILES_MAX];
    uint64_t lie_after;       /* chunks; then every chunk is wrong */
    uint64_t stall_after;     /* bytes; then nothing comes any more */
    uint64_t reset_every;     /* bytes, after which the connection breaks */
    uint64_t truncate_every;  /* orders, of which one ends early */
    uint64_t hang_every;      /* orders, of which one never gets a byte, while the others do */
    bool dead;                /* it cannot be reached */
    bool mute;                /* it tells no bitmap */
    bool forgets;             /* it says that it has everything, and answers 404 for the second half */
    bool drags;               /* it sends the last chunk of a file at a byte a second */
    uint64_t cut_from, cut_to;
    /* state */
    bool ready, dropped;
    double credit;
    uint64_t sent, chunks, orders, since_reset;
    uint64_t have_at[FILES_MAX];
};

struct order {
    bool open;
    uint64_t id, first, count, done, part, starts;
    size_t peer, file;
};

struct world {
    struct file files[FILES_MAX];
    size_t file_count;
    struct peer peers[PEERS_MAX];
    size_t peer_count;
    struct order orders[MM_PLAN_PEERS * MM_PLAN_PEER_ORDERS];
    struct mm_plan_options options;
    struct mm_plan *plan;
    double bottleneck; /* bytes a second of all together, 0: none */
    uint64_t now, seed;
    uint64_t received, wasted; /* bytes */
    unsigned most_open;
};

static uint64_t draw(struct world *w, uint64_t below)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w->seed >> 33) % below;
}

static void add_file(struct world *w, uint64_t bytes)
{
    struct file *file = &w->files[w->file_count++];
    file->bytes = bytes;
    file->count = (bytes + CHUNK - 1) / CHUNK;
    file->need = calloc(1, mm_have_size(file->count) + 1);
    file->got = calloc(1, mm_have_size(file->count) + 1);
    mm_have_fill(file->need, file->count);
}

/* A peer that has everything and does everything right. */
static struct peer *add_peer(struct world *w, double rate)
{
    struct peer *peer = &w->peers[w->peer_count++];
    *peer = (struct peer){.rate = rate, .delay = MM_SECOND / 50, .lie_after = UINT64_MAX, .stall_after = UINT64_MAX, .reset_every = UINT64_MAX};
    for (size_t i = 0; i < w->file_count; i++) {
        peer->has[i] = calloc(1, mm_have_size(w->files[i].count) + 1);
        mm_have_fill(peer->has[i], w->files[i].count);
    }
    return peer;
}

static void begin(struct world *w)
{
    struct mm_plan_file files[FILES_MAX];
    struct mm_diags diags;
    mm_diags_init(&diags);
    for (size_t i = 0; i < w->file_count; i++)
        files[i] = (struct mm_plan_file){w->files[i].bytes, CHUNK, w->files[i].count, w->files[i].need};
    if (w->options.least_rate == 0)
        w->options = MM_PLAN_DEFAULT;
    w->now = START;
    w->plan = mm_plan_new(files, w->file_count, &w->options, w->now, &diags);
    assert_non_null(w->plan);
    for (size_t i = 0; i < w->peer_count; i++) {
        unsigned char key[MM_PEER_KEY_BYTES] = {(unsigned char)(i + 1)};
        assert_int_equal(mm_plan_peer_add(w->plan, key, w->now), i);
    }
    mm_diags_release(&diags);
}

static void end(struct world *w)
{
    mm_plan_free(w->plan);
    for (size_t i = 0; i < w->file_count; i++) {
        free(w->files[i].need);
        free(w->files[i].got);
    }
    for (size_t i = 0; i < w->peer_count; i++)
        for (size_t k = 0; k < w->file_count; k++)
            free(w->peers[i].has[k]);
}

/* ---- what the plan asks for ---- */

static struct order *find(struct world *w, uint64_t id)
{
    for (size_t i = 0; i < COUNT_OF(w->orders); i++)
        if (w->orders[i].open && w->orders[i].id == id)
            return &w->orders[i];
    return NULL;
}

static void take_order(struct world *w, const struct mm_plan_step *step)
{
    struct order *order = w->orders;
    struct peer *peer = &w->peers[step->peer];
    while (order->open)
        order++;
    assert_true(order < w->orders + COUNT_OF(w->orders));
    assert_false(peer->dropped); /* who was dropped is never asked again */
    assert_true(peer->ready);
    assert_true(step->count > 0 && step->first + step->count <= w->files[step->file].count);
    for (uint64_t c = step->first; c < step->first + step->count; c++)
        assert_true(mm_have_has(w->files[step->file].need, c) && !mm_have_has(w->files[step->file].got, c));
    *order = (struct order){true, step->order, step->first, step->count, 0, 0, w->now + peer->delay, step->peer, step->file};
    peer->orders++;
    unsigned open = 0;
    for (size_t i = 0; i < COUNT_OF(w->orders); i++)
        open += w->orders[i].open;
    w->most_open = open > w->most_open ? open : w->most_open;
}

static void close_connection(struct world *w, size_t number)
{
    w->peers[number].ready = false;
    w->peers[number].since_reset = 0;
    for (size_t i = 0; i < COUNT_OF(w->orders); i++)
        if (w->orders[i].peer == number)
            w->orders[i].open = false;
}

static void do_steps(struct world *w)
{
    struct mm_plan_step step;
    for (mm_plan_next(w->plan, w->now, &step); step.action != MM_PLAN_REST; mm_plan_next(w->plan, w->now, &step)) {
        struct peer *peer = &w->peers[step.peer];
        struct order *order;
        switch (step.action) {
        case MM_PLAN_DIAL:
            peer->ready = !peer->dead;
            if (peer->ready)
                mm_plan_peer_ready(w->plan, step.peer, w->now);
            else
                mm_plan_peer_away(w->plan, step.peer, w->now);
            break;
        case MM_PLAN_HAVE: peer->have_at[step.file] = w->now + peer->delay; break;
        case MM_PLAN_ORDER: take_order(w, &step); break;
        case MM_PLAN_CANCEL:
            if ((order = find(w, step.order)))
                order->open = false;
            break;
        default:
            peer->dropped = true;
            close_connection(w, step.peer);
        }
    }
}

/* ---- what peers do ---- */

static void tell_bitmaps(struct world *w, size_t number)
{
    struct peer *peer = &w->peers[number];
    for (size_t i = 0; i < w->file_count; i++)
        if (peer->have_at[i] && peer->have_at[i] <= w->now && peer->ready && !peer->mute) {
            peer->have_at[i] = 0;
            mm_plan_peer_has(w->plan, number, i, peer->has[i], mm_have_size(w->files[i].count), w->now);
        }
}

static uint64_t chunk_bytes(const struct file *file, uint64_t chunk)
{
    uint64_t left = file->bytes - chunk * CHUNK;
    return left < CHUNK ? left : CHUNK;
}

/* A chunk came to its end. */
static void finish_chunk(struct world *w, struct order *order)
{
    struct peer *peer = &w->peers[order->peer];
    struct file *file = &w->files[order->file];
    uint64_t chunk = order->first + order->done, wanted;
    bool right = peer->chunks < peer->lie_after, needed = mm_plan_order_wants(w->plan, order->id, &wanted);
    uint64_t id = order->id;
    if (needed) {
        assert_int_equal(wanted, chunk);
        assert_false(mm_have_has(file->got, chunk));
        if (right)
            mm_have_add(file->got, chunk);
    } else {
        w->wasted += order->part;
    }
    peer->chunks++;
    order->done++;
    order->part = 0;
    if (order->done == order->count)
        order->open = false;
    mm_plan_order_took(w->plan, id, right || !needed, w->now);
}

static bool may_send(const struct world *w, const struct peer *peer)
{
    return peer->ready && !peer->dropped && peer->sent < peer->stall_after && !(w->now >= peer->cut_from && w->now < peer->cut_to);
}

/* The order of peer NUMBER that is served next: the oldest. */
static struct order *current(struct world *w, size_t number)
{
    struct order *first = NULL;
    for (size_t i = 0; i < COUNT_OF(w->orders); i++) {
        struct order *order = &w->orders[i];
        bool hangs = w->peers[number].hang_every && order->id % w->peers[number].hang_every == 0;
        if (order->open && order->peer == number && !hangs && order->starts <= w->now && (!first || order->id < first->id))
            first = order;
    }
    return first;
}

/* 404, a reset, a truncated stream. */
static bool break_order(struct world *w, size_t number, struct order *order)
{
    struct peer *peer = &w->peers[number];
    uint64_t id = order->id;
    if (peer->forgets && order->first >= w->files[order->file].count / 2) {
        order->open = false;
        mm_plan_order_end(w->plan, id, true, w->now);
        return true;
    }
    if (peer->truncate_every && peer->orders % peer->truncate_every == 0) {
        peer->orders++;
        order->open = false;
        mm_plan_order_end(w->plan, id, false, w->now);
        return true;
    }
    if (peer->since_reset >= peer->reset_every) {
        close_connection(w, number);
        mm_plan_peer_away(w->plan, number, w->now);
        return true;
    }
    return false;
}

static void send_bytes(struct world *w, size_t number, double rate)
{
    struct peer *peer = &w->peers[number];
    struct order *order;
    peer->credit += rate * STEP / MM_SECOND;
    if (peer->credit > rate / 4 + CHUNK)
        peer->credit = rate / 4 + CHUNK;
    while (peer->credit >= 1 && may_send(w, peer) && (order = current(w, number))) {
        const struct file *file = &w->files[order->file];
        uint64_t chunk = order->first + order->done, left = chunk_bytes(file, chunk) - order->part, some = (uint64_t)peer->credit;
        if (break_order(w, number, order))
            break;
        if (peer->drags && chunk + 1 == file->count)
            some = w->now % MM_SECOND < STEP ? 1 : 0;
        if (some == 0)
            break;
        some = some < left ? some : left;
        order->part += some;
        peer->credit -= (double)some;
        peer->sent += some;
        peer->since_reset += some;
        w->received += some;
        mm_plan_order_bytes(w->plan, order->id, some, w->now);
        if (some == left && order->open)
            finish_chunk(w, order);
        do_steps(w); /* a cancel takes effect at once */
    }
}

/* Runs until the plan ends, SECONDS at most. */
static enum mm_plan_state run(struct world *w, uint64_t seconds)
{
    uint64_t last = w->now + seconds * MM_SECOND;
    enum mm_plan_state state = MM_PLAN_GOING;
    while (state == MM_PLAN_GOING && w->now < last) {
        unsigned busy = 0;
        do_steps(w);
        for (size_t i = 0; i < w->peer_count; i++)
            busy += may_send(w, &w->peers[i]) && current(w, i);
        for (size_t i = 0; i < w->peer_count; i++) {
            double rate = w->peers[i].rate;
            tell_bitmaps(w, i);
            if (w->bottleneck > 0 && busy && rate > w->bottleneck / busy)
                rate = w->bottleneck / busy;
            send_bytes(w, i, rate);
        }
        w->now += STEP;
        state = mm_plan_state(w->plan, w->now);
    }
    return state;
}

/* The plan is done: every chunk that was needed came, right, and none that was not. */
static void check_whole(struct world *w)
{
    assert_int_equal(mm_plan_needed_bytes(w->plan), 0);
    for (size_t i = 0; i < w->file_count; i++)
        assert_memory_equal(w->files[i].got, w->files[i].need, mm_have_size(w->files[i].count));
}

static enum mm_plan_fate fate(struct world *w, size_t peer)
{
    struct mm_plan_peer_facts facts;
    mm_plan_peer_facts(w->plan, peer, &facts);
    return facts.fate;
}

static double seconds_of(const struct world *w)
{
    return (double)(w->now - START) / (double)MM_SECOND;
}

/* ---- the tests ---- */

static void one_peer_sends_everything(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 100 * CHUNK + 17);
    add_file(&w, 0);
    add_file(&w, 1);
    add_peer(&w, 5e6);
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_int_equal(w.received, 100 * CHUNK + 18);
    assert_true(seconds_of(&w) < 1.6); /* 1.3 at the peer's rate */
    end(&w);
}

static void nothing_to_do_is_done(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 5 * CHUNK);
    add_peer(&w, 5e6);
    memset(w.files[0].need, 0, 1);
    begin(&w);
    assert_int_equal(run(&w, 1), MM_PLAN_DONE);
    assert_int_equal(w.received, 0);
    end(&w);
}

/* What is needed and nothing else: a fetch that goes on. */
static void only_holes_are_asked_for(void **state)
{
    struct world w = {.seed = 3};
    uint64_t needed = 0;
    (void)state;
    add_file(&w, 300 * CHUNK);
    add_peer(&w, 5e6);
    add_peer(&w, 3e6);
    for (uint64_t c = 0; c < 300; c++) {
        if (draw(&w, 3))
            mm_have_remove(w.files[0].need, c);
        needed += mm_have_has(w.files[0].need, c);
    }
    begin(&w);
    assert_int_equal(mm_plan_needed_bytes(w.plan), needed * CHUNK);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    end(&w);
}

static void work_is_shared_out_by_rate(void **state)
{
    struct world w = {0};
    struct mm_plan_peer_facts fast, slow;
    (void)state;
    add_file(&w, 1600 * CHUNK); /* 100 MiB */
    add_peer(&w, 1e6);
    add_peer(&w, 8e6);
    add_peer(&w, 4e6);
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    mm_plan_peer_facts(w.plan, 1, &fast);
    mm_plan_peer_facts(w.plan, 0, &slow);
    assert_true(seconds_of(&w) < 8.07 * 1.1); /* 104857600 bytes at 13 MB a second */
    assert_true(fast.bytes > 6 * slow.bytes);
    assert_true(w.received < 1600 * CHUNK * 1.03); /* little comes twice */
    end(&w);
}

static void a_liar_is_dropped_and_never_asked_again(void **state)
{
    (void)state;
    for (uint64_t after = 0; after < 40; after += 13) {
        struct world w = {0};
        add_file(&w, 200 * CHUNK);
        add_peer(&w, 2e6);
        add_peer(&w, 9e6)->lie_after = after;
        begin(&w);
        assert_int_equal(run(&w, 100), MM_PLAN_DONE);
        check_whole(&w);
        assert_int_equal(fate(&w, 1), MM_PEER_WRONG);
        assert_int_equal(fate(&w, 0), MM_PEER_KEPT);
        unsigned char key[MM_PEER_KEY_BYTES] = {2};
        assert_int_equal(mm_plan_peer_add(w.plan, key, w.now), SIZE_MAX);
        end(&w);
    }
}

static void liars_alone_end_the_fetch(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 200 * CHUNK);
    add_peer(&w, 2e6)->lie_after = 5;
    add_peer(&w, 9e6)->lie_after = 0;
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_NO_PEERS);
    assert_int_equal(mm_have_count(w.files[0].got, 200), 5);
    assert_int_equal(mm_plan_needed_bytes(w.plan), 195 * CHUNK);
    end(&w);
}

static void a_stall_costs_seconds(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 400 * CHUNK);
    add_peer(&w, 4e6);
    add_peer(&w, 4e6)->stall_after = 1000000;
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_true(seconds_of(&w) < 26.2 / 4 + 3); /* what the other does alone, and a little */
    end(&w);
}

static void a_stream_that_hangs_is_asked_for_anew(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 400 * CHUNK);
    add_peer(&w, 4e6)->hang_every = 3;
    begin(&w);
    assert_int_equal(run(&w, 300), MM_PLAN_DONE);
    check_whole(&w);
    assert_int_equal(fate(&w, 0), MM_PEER_KEPT);
    end(&w);
}

static void a_slow_peer_does_not_hold_up_the_end(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 400 * CHUNK);
    add_peer(&w, 8e6);
    add_peer(&w, 8e6)->drags = true;
    add_peer(&w, 2000); /* below the least rate */
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_true(seconds_of(&w) < 3.5);
    end(&w);
}

static void one_that_is_too_slow_is_dropped(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 3000 * CHUNK);
    add_peer(&w, 4e6);
    add_peer(&w, 1000);
    begin(&w);
    assert_int_equal(run(&w, 200), MM_PLAN_DONE);
    check_whole(&w);
    assert_int_equal(fate(&w, 1), MM_PEER_SLOW);
    end(&w);
}

static void a_way_that_is_too_slow_ends_the_fetch(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 3000 * CHUNK);
    add_peer(&w, 0.02); /* a byte a minute */
    begin(&w);
    assert_int_equal(run(&w, 1000), MM_PLAN_TOO_SLOW);
    assert_true(seconds_of(&w) < 100);
    end(&w);
}

/* Four peers behind one line of 10 Mbit/s, which is cut for 30 seconds. */
static void a_cut_of_the_line_is_survived(void **state)
{
    struct world w = {.bottleneck = 1.25e6};
    (void)state;
    add_file(&w, 500 * CHUNK);
    for (int i = 0; i < 4; i++) {
        struct peer *peer = add_peer(&w, 5e6);
        peer->cut_from = START + 10 * MM_SECOND;
        peer->cut_to = START + 40 * MM_SECOND;
    }
    begin(&w);
    assert_int_equal(run(&w, 200), MM_PLAN_DONE);
    check_whole(&w);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(fate(&w, i), MM_PEER_KEPT);
    assert_true(seconds_of(&w) < 30 + 26.2 / 0.85 + 8); /* 8 s of rest after the cut at most */
    end(&w);
}

static void resets_and_truncated_streams_are_survived(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 300 * CHUNK);
    add_peer(&w, 3e6)->reset_every = 3000000;
    add_peer(&w, 3e6)->truncate_every = 3;
    begin(&w);
    assert_int_equal(run(&w, 200), MM_PLAN_DONE);
    check_whole(&w);
    end(&w);
}

static void partial_holders_make_a_whole(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 400 * CHUNK);
    for (size_t i = 0; i < 4; i++) {
        struct peer *peer = add_peer(&w, 2e6);
        for (uint64_t c = 0; c < 400; c++)
            if (c % 4 != i)
                mm_have_remove(peer->has[0], c);
    }
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_int_equal(w.received, 400 * CHUNK);
    end(&w);
}

/* Who has all of it begins with what only he has. */
static void what_one_has_alone_comes_first(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 400 * CHUNK);
    add_peer(&w, 2e6);
    struct peer *half = add_peer(&w, 2e6);
    for (uint64_t c = 200; c < 400; c++)
        mm_have_remove(half->has[0], c);
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_true(seconds_of(&w) < 26.2 / 4 * 1.15); /* both are at work to the end */
    end(&w);
}

static void what_nobody_has_ends_the_fetch(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 40 * CHUNK);
    for (int i = 0; i < 2; i++)
        mm_have_remove(add_peer(&w, 2e6)->has[0], 7);
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_LACKS);
    assert_int_equal(mm_plan_needed_bytes(w.plan), CHUNK);
    assert_false(mm_have_has(w.files[0].got, 7));
    end(&w);
}

/* A holder that gets more meanwhile is asked again. */
static void a_bitmap_that_grows_is_noticed(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 40 * CHUNK);
    struct peer *peer = add_peer(&w, 2e6);
    mm_have_remove(peer->has[0], 7);
    begin(&w);
    assert_int_equal(run(&w, 8), MM_PLAN_GOING);
    mm_have_add(peer->has[0], 7);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    end(&w);
}

static void a_bitmap_that_was_wrong_costs_little(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 400 * CHUNK);
    add_peer(&w, 2e6);
    add_peer(&w, 2e6)->forgets = true;
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_true(seconds_of(&w) < 26.2 / 2 + 2);
    end(&w);
}

static void who_cannot_be_reached_is_given_up(void **state)
{
    struct world w = {0};
    (void)state;
    add_file(&w, 40 * CHUNK);
    add_peer(&w, 2e6)->dead = true;
    add_peer(&w, 2e6)->mute = true;
    begin(&w);
    enum mm_plan_state ended = run(&w, 300);
    assert_true(ended == MM_PLAN_NO_PEERS || ended == MM_PLAN_TOO_SLOW);
    assert_true(seconds_of(&w) < 200);
    assert_int_equal(w.received, 0);
    end(&w);
}

static void chunks_on_their_way_are_bounded(void **state)
{
    struct world w = {.options = MM_PLAN_DEFAULT};
    (void)state;
    w.options.buffer_bytes = 3 * CHUNK;
    add_file(&w, 200 * CHUNK);
    for (int i = 0; i < 6; i++)
        add_peer(&w, 2e6);
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_int_equal(w.most_open, 3);
    end(&w);
    w = (struct world){.options = MM_PLAN_DEFAULT};
    w.options.buffer_bytes = 1; /* less than a chunk: one at a time all the same */
    add_file(&w, 20 * CHUNK);
    add_peer(&w, 2e6);
    begin(&w);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    assert_int_equal(w.most_open, 1);
    end(&w);
}

/* The same peer under two addresses: both go when one lies. */
static void a_peer_has_one_fate(void **state)
{
    struct world w = {0};
    unsigned char key[MM_PEER_KEY_BYTES] = {2};
    (void)state;
    add_file(&w, 100 * CHUNK);
    add_peer(&w, 1e6);
    add_peer(&w, 4e6)->lie_after = 2;
    begin(&w);
    assert_int_equal(mm_plan_peer_add(w.plan, key, w.now), 2);
    add_peer(&w, 4e6);
    assert_int_equal(run(&w, 100), MM_PLAN_DONE);
    check_whole(&w);
    assert_int_equal(fate(&w, 1), MM_PEER_WRONG);
    assert_int_equal(fate(&w, 2), MM_PEER_WRONG);
    end(&w);
}

static void late_news_are_passed_over(void **state)
{
    struct world w = {0};
    uint64_t chunk;
    (void)state;
    add_file(&w, 100 * CHUNK);
    add_peer(&w, 1e6);
    begin(&w);
    assert_int_equal(run(&w, 1), MM_PLAN_GOING);
    uint64_t before = mm_plan_needed_bytes(w.plan);
    for (uint64_t id = 0; id < 100; id += 99) {
        mm_plan_order_bytes(w.plan, id, 5, w.now);
        mm_plan_order_took(w.plan, id, true, w.now);
        mm_plan_order_took(w.plan, id, false, w.now);
        mm_plan_order_end(w.plan, id, true, w.now);
        assert_false(mm_plan_order_wants(w.plan, id, &chunk));
    }
    assert_int_equal(mm_plan_needed_bytes(w.plan), before);
    mm_plan_peer_away(w.plan, 0, w.now);
    mm_plan_peer_has(w.plan, 0, 0, w.peers[0].has[0], 13, w.now);
    mm_plan_peer_drop(w.plan, 0, MM_PEER_GONE);
    mm_plan_peer_ready(w.plan, 0, w.now);
    assert_int_equal(mm_plan_state(w.plan, w.now), MM_PLAN_NO_PEERS);
    end(&w);
}

/* A bitmap of another length, or with spare bits, is none. */
static void bitmaps_that_are_not_sound_are_refused(void **state)
{
    struct world w = {0};
    unsigned char wrong[14];
    struct mm_plan_step step;
    (void)state;
    memset(wrong, 0xff, sizeof wrong);
    add_file(&w, 100 * CHUNK);
    add_peer(&w, 1e6);
    begin(&w);
    mm_plan_next(w.plan, w.now, &step);
    assert_int_equal(step.action, MM_PLAN_DIAL);
    mm_plan_peer_ready(w.plan, 0, w.now);
    mm_plan_next(w.plan, w.now, &step);
    assert_int_equal(step.action, MM_PLAN_HAVE);
    mm_plan_peer_has(w.plan, 0, 0, wrong, 13, w.now);
    mm_plan_peer_has(w.plan, 0, 0, wrong, 14, w.now);
    mm_plan_peer_has(w.plan, 0, 0, NULL, 0, w.now);
    mm_plan_next(w.plan, w.now, &step);
    assert_int_equal(step.action, MM_PLAN_REST);
    end(&w);
}

/* The chunks of the first order to a peer, whose rate is not known, while OTHERS may come too. */
static uint64_t first_order(size_t others)
{
    struct world w = {0};
    struct mm_plan_step step;
    unsigned char all[13];
    add_file(&w, 100 * CHUNK);
    add_peer(&w, 1e6);
    for (size_t i = 0; i < others; i++)
        add_peer(&w, 1e6);
    begin(&w);
    memset(all, 0xff, sizeof all);
    all[12] = 0xf0;
    mm_plan_peer_ready(w.plan, 0, w.now);
    do
        mm_plan_next(w.plan, w.now, &step);
    while (step.action == MM_PLAN_DIAL);
    assert_int_equal(step.action, MM_PLAN_HAVE);
    mm_plan_peer_has(w.plan, 0, 0, all, sizeof all, w.now);
    do
        mm_plan_next(w.plan, w.now, &step);
    while (step.action == MM_PLAN_DIAL);
    assert_int_equal(step.action, MM_PLAN_ORDER);
    uint64_t count = step.count;
    end(&w);
    return count;
}

/* There is nobody to leave anything to; with another one on his way there is. */
static void who_is_alone_is_asked_for_as_much_as_may_be(void **state)
{
    (void)state;
    check_number("alone", first_order(0), 100);
    assert_true(first_order(1) < 50);
}

/* Orders that go to one peer at once, of a model of 20 files of BYTES each. */
static unsigned orders_at_once(uint64_t bytes)
{
    struct world w = {0};
    struct mm_plan_step step;
    unsigned char all[3] = {0xff, 0xff, 0xff};
    unsigned count = 0;
    for (size_t i = 0; i < 20; i++)
        add_file(&w, bytes);
    add_peer(&w, 1e6);
    begin(&w);
    mm_plan_peer_ready(w.plan, 0, w.now);
    for (mm_plan_next(w.plan, w.now, &step); step.action != MM_PLAN_REST; mm_plan_next(w.plan, w.now, &step)) {
        uint64_t chunks = (bytes + CHUNK - 1) / CHUNK;
        all[0] = (unsigned char)(0xff00 >> chunks);
        if (step.action == MM_PLAN_HAVE)
            mm_plan_peer_has(w.plan, 0, step.file, all, 1, w.now);
        count += step.action == MM_PLAN_ORDER;
    }
    end(&w);
    return count;
}

/* A round trip for two small files after another would take longer than their bytes. */
static void small_files_are_asked_for_together(void **state)
{
    (void)state;
    check_number("small ones", orders_at_once(1000), MM_PLAN_PEER_ORDERS);
    check_number("large ones", orders_at_once(8 * CHUNK), 2);
}

/* Any mixture of faults, with one honest peer among them: it ends, whole. */
static void a_crowd_of_faults_beside_one_honest_peer(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct world w = {.seed = seed * 7919};
        add_file(&w, 1 + draw(&w, 150 * CHUNK));
        add_file(&w, draw(&w, 60 * CHUNK));
        add_peer(&w, 1e6 + (double)draw(&w, 5000000));
        size_t others = draw(&w, 8);
        for (size_t i = 0; i < others; i++) {
            struct peer *peer = add_peer(&w, 1000 + (double)draw(&w, 9000000));
            peer->delay = draw(&w, MM_SECOND / 2);
            switch (draw(&w, 11)) {
            case 0: peer->lie_after = draw(&w, 50); break;
            case 1: peer->stall_after = draw(&w, 3000000); break;
            case 2: peer->reset_every = 1 + draw(&w, 3000000); break;
            case 3: peer->truncate_every = 1 + draw(&w, 5); break;
            case 4: peer->dead = true; break;
            case 5: peer->mute = true; break;
            case 6: peer->forgets = true; break;
            case 7: peer->drags = true; break;
            case 8: peer->rate = 1; break;
            case 9: peer->cut_from = START + draw(&w, 5 * MM_SECOND), peer->cut_to = peer->cut_from + draw(&w, 30 * MM_SECOND); break;
            default:
                for (uint64_t c = 0; c < w.files[0].count; c++)
                    if (draw(&w, 2))
                        mm_have_remove(peer->has[0], c);
            }
        }
        begin(&w);
        enum mm_plan_state ended = run(&w, 200);
        if (ended != MM_PLAN_DONE)
            fail_msg("seed %" PRIu64 " ended as %d", seed, ended);
        check_whole(&w);
        assert_int_equal(fate(&w, 0), MM_PEER_KEPT);
        for (size_t i = 0; i < w.peer_count; i++)
            if (fate(&w, i) == MM_PEER_WRONG)
                assert_true(w.peers[i].lie_after != UINT64_MAX);
        double alone = (double)(w.files[0].bytes + w.files[1].bytes) / w.peers[0].rate;
        if (seconds_of(&w) > alone + 12) /* nobody makes it much longer than it takes the honest one alone */
            fail_msg("seed %" PRIu64 " took %.1f s, and %.1f alone", seed, seconds_of(&w), alone);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_peer_sends_everything),
        cmocka_unit_test(nothing_to_do_is_done),
        cmocka_unit_test(only_holes_are_asked_for),
        cmocka_unit_test(work_is_shared_out_by_rate),
        cmocka_unit_test(a_liar_is_dropped_and_never_asked_again),
        cmocka_unit_test(liars_alone_end_the_fetch),
        cmocka_unit_test(a_stall_costs_seconds),
        cmocka_unit_test(a_stream_that_hangs_is_asked_for_anew),
        cmocka_unit_test(a_slow_peer_does_not_hold_up_the_end),
        cmocka_unit_test(one_that_is_too_slow_is_dropped),
        cmocka_unit_test(a_way_that_is_too_slow_ends_the_fetch),
        cmocka_unit_test(a_cut_of_the_line_is_survived),
        cmocka_unit_test(resets_and_truncated_streams_are_survived),
        cmocka_unit_test(partial_holders_make_a_whole),
        cmocka_unit_test(what_one_has_alone_comes_first),
        cmocka_unit_test(what_nobody_has_ends_the_fetch),
        cmocka_unit_test(a_bitmap_that_grows_is_noticed),
        cmocka_unit_test(a_bitmap_that_was_wrong_costs_little),
        cmocka_unit_test(who_cannot_be_reached_is_given_up),
        cmocka_unit_test(chunks_on_their_way_are_bounded),
        cmocka_unit_test(a_peer_has_one_fate),
        cmocka_unit_test(late_news_are_passed_over),
        cmocka_unit_test(bitmaps_that_are_not_sound_are_refused),
        cmocka_unit_test(who_is_alone_is_asked_for_as_much_as_may_be),
        cmocka_unit_test(small_files_are_asked_for_together),
        cmocka_unit_test(a_crowd_of_faults_beside_one_honest_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
