/* Anything at any time, by a seed: connections, requests, cancels, holds, other ports, other addresses, cuts, losses, drains. Whatever
 * happens, each request ends once, each response is done with once, and no byte is wrong. */
#include "pair.h"

#define CONNECTIONS 12
#define ASKS 60
#define STEPS 4000

struct chaos {
    struct pair pair;
    uint64_t number;
    struct one {
        struct chaos *chaos;
        struct mm_h3_connection *connection; /* NULL: none */
        unsigned losses;
    } ones[CONNECTIONS];
    struct doing {
        struct ask ask;
        struct one *one;
        bool asked;
    } doings[ASKS];
    unsigned complete, other_ends, connects;
};

static unsigned pick(struct chaos *chaos, unsigned below)
{
    chaos->number = chaos->number * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((chaos->number >> 33) % below);
}

static void one_lost(void *context, const char *why)
{
    struct one *one = context;
    assert_true(strlen(why) > 0);
    assert_non_null(one->connection);
    for (size_t i = 0; i < ASKS; i++)
        check_true("requests end before their connection does",
                   one->chaos->doings[i].one != one || !one->chaos->doings[i].asked);
    one->connection = NULL;
    one->losses++;
}

static void doing_end(void *context, enum mm_h3_end how)
{
    struct doing *doing = context;
    struct chaos *chaos = doing->one->chaos;
    check_true("asked and not ended yet", doing->asked);
    doing->asked = false;
    check_true("no wrong byte", !doing->ask.wrong);
    if (how == MM_H3_COMPLETE)
        check_number("all of it", doing->ask.got, chaos->pair.file_bytes - doing->ask.offset);
    chaos->complete += how == MM_H3_COMPLETE;
    chaos->other_ends += how != MM_H3_COMPLETE;
}

static bool doing_head(void *context, int status, const struct mm_h3_header *headers, size_t count)
{
    return ask_head(&((struct doing *)context)->ask, status, headers, count);
}

static bool doing_body(void *context, const unsigned char *bytes, size_t length)
{
    struct doing *doing = context;
    struct chaos *chaos = doing->one->chaos;
    bool go_on = ask_body(&doing->ask, bytes, length);
    /* callbacks may call back: others are given up, and this one too */
    if (pick(chaos, 2000) == 0) {
        struct doing *other = &chaos->doings[pick(chaos, ASKS)];
        if (other->asked)
            mm_h3_cancel(other->ask.stream);
    }
    return go_on && pick(chaos, 3000) != 0;
}

static void connect_one(struct chaos *chaos)
{
    struct one *one = &chaos->ones[pick(chaos, CONNECTIONS)];
    struct mm_h3_target target = {chaos->pair.at, chaos->pair.server_key, "peer.test"};
    struct mm_h3_client client = {one, NULL, one_lost};
    if (one->connection)
        return;
    one->connection = mm_h3_connect(chaos->pair.client, &target, &client, &chaos->pair.diags);
    assert_non_null(one->connection);
    chaos->connects++;
}

static void ask_one(struct chaos *chaos)
{
    struct one *one = &chaos->ones[pick(chaos, CONNECTIONS)];
    struct doing *doing = &chaos->doings[pick(chaos, ASKS)];
    char range[64];
    if (!one->connection || doing->asked)
        return;
    doing->one = one;
    doing->ask =
        (struct ask){.pair = &chaos->pair, .is_file = true, .offset = pick(chaos, (unsigned)chaos->pair.file_bytes)};
    doing->ask.most = pick(chaos, 4) == 0 ? pick(chaos, 100000) + 1 : 0;
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, doing->ask.offset, chaos->pair.file_bytes - 1);
    struct mm_h3_get get = {.path = "/file",
                            .range = range,
                            .body_max = UINT64_MAX,
                            .context = doing,
                            .head = doing_head,
                            .body = doing_body,
                            .end = doing_end};
    doing->ask.stream = mm_h3_get(one->connection, &get);
    doing->asked = doing->ask.stream != NULL;
}

static void do_something(struct chaos *chaos)
{
    struct one *one = &chaos->ones[pick(chaos, CONNECTIONS)];
    struct doing *doing = &chaos->doings[pick(chaos, ASKS)];
    struct line_kind *line = relay_line(chaos->pair.relay);
    switch (pick(chaos, 40)) {
    case 0:
        if (one->connection)
            mm_h3_close(one->connection);
        break;
    case 1:
        if (one->connection)
            (void)mm_quic_migrate(mm_h3_quic_connection(one->connection), &chaos->pair.diags);
        mm_diags_clear(&chaos->pair.diags); /* not every one can */
        break;
    case 2: relay_forget(chaos->pair.relay); break;
    case 3: line->cut = pick(chaos, 4) == 0; break;
    case 4: line->loss = pick(chaos, 500); break;
    case 5: line->mangled = pick(chaos, 200); break;
    case 6:
    case 7:
        if (doing->asked)
            mm_h3_cancel(doing->ask.stream);
        break;
    case 8:
    case 9:
    case 10:
        if (doing->asked)
            mm_h3_hold(doing->ask.stream, pick(chaos, 2));
        break;
    case 11:
    case 12:
    case 13: connect_one(chaos); break;
    default: ask_one(chaos); break;
    }
}

static void anything_at_any_time(void **state)
{
    unsigned complete = 0, others = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct chaos *chaos = calloc(1, sizeof *chaos);
        struct pair *pair = &chaos->pair;
        assert_non_null(chaos);
        chaos->number = seed;
        for (size_t i = 0; i < CONNECTIONS; i++)
            chaos->ones[i].chaos = chaos;
        pair_of_file(pair, 700 * KIB);
        pair->server_settings.quic.connections = 9;
        pair->server_settings.quic.handshakes = 3;
        pair->server_settings.quic.streams = 5;
        pair->server_settings.send_memory = 600 * KIB;
        pair->server_settings.stall = 400;
        pair->client_settings.quic.idle = pair->server_settings.quic.idle = 600;
        pair->client_settings.quic.keep_alive = 100;
        pair->client_settings.quic.stream_window = 200 * KIB;
        pair->client_settings.quic.handshake = 400;
        pair->client_settings.quic.congestion = seed % 2 ? MM_QUIC_CUBIC : MM_QUIC_BBR;
        pair_start(pair, true, false);
        for (unsigned step = 0; step < STEPS; step++) {
            do_something(chaos);
            for (unsigned i = pick(chaos, 60); i > 0; i--)
                pair_step(pair);
            if (step == STEPS - STEPS / 10)
                mm_h3_stop(pair->server);
        }
        complete += chaos->complete;
        others += chaos->other_ends;
        check_true("connections came and went", chaos->connects > 10);
        pair_end(pair);
        for (size_t i = 0; i < ASKS; i++)
            check_true("every request has ended", !chaos->doings[i].asked);
        for (size_t i = 0; i < CONNECTIONS; i++)
            check_true("every connection was lost", !chaos->ones[i].connection);
        free(chaos);
    }
    check_true("some were complete", complete > 50);
    check_true("some were not", others > 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(anything_at_any_time)};
    return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
