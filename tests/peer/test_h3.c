#include "pair.h"

static void bodies_of_all_sizes(void **state)
{
    static const uint64_t sizes[] = {0, 1, 16 * KIB, 64 * KIB, 64 * KIB + 1, 64 * MIB};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct pair pair;
        struct ask ask;
        pair_of_file(&pair, sizes[i]);
        pair_start(&pair, false, i % 2);
        ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
        RUN_UNTIL(&pair, ask.ends);
        check_file("a file", &ask, sizes[i]);
        check_number("its status", (uint64_t)ask.status, 200);
        RUN_UNTIL(&pair, pair.dones);
        check_number("bytes that were acknowledged", pair.sent, sizes[i]);
        pair_end(&pair);
    }
}

static void parts_and_texts(void **state)
{
    struct pair pair;
    struct ask part, text, nothing;
    (void)state;
    pair_of_file(&pair, 3 * MIB);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&part, &pair, connection, "/file", "bytes=1000001-2000000")->offset = 1000001;
    ask_for(&text, &pair, connection, "/text", NULL);
    ask_for(&nothing, &pair, connection, "/nothing", NULL);
    RUN_UNTIL(&pair, pair.ended == 3);
    check_file("a part", &part, 1000000);
    check_number("its status", (uint64_t)part.status, 206);
    check_file("a text", &text, 10);
    check_file("nothing", &nothing, 0);
    check_number("its status", (uint64_t)nothing.status, 404);
    pair_end(&pair);
}

static void head_alone(void **state)
{
    struct pair pair;
    struct ask ask = {.pair = &pair};
    (void)state;
    pair_of_file(&pair, 3 * MIB);
    pair_start(&pair, false, false);
    struct mm_h3_get get = {.path = "/file",
                            .body_max = 0,
                            .context = &ask,
                            .head = ask_head,
                            .body = ask_body,
                            .end = ask_end,
                            .head_only = true};
    assert_non_null(mm_h3_get(pair_connect(&pair), &get));
    RUN_UNTIL(&pair, ask.ends);
    check_file("HEAD", &ask, 0);
    check_number("what a GET would have", ask.said, 3 * MIB);
    pair_end(&pair);
}

/* More requests than the server allows at a time wait for their turn. */
static void many_streams(void **state)
{
    static struct ask asks[300];
    struct pair pair;
    (void)state;
    pair_of_file(&pair, 100 * KIB);
    pair.server_settings.quic.streams = 7;
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        ask_for(&asks[i], &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, pair.ended == COUNT_OF(asks));
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        check_file("one of many", &asks[i], 100 * KIB);
    pair_end(&pair);
}

/* A long answer on its way, and many short ones: each gets its stream when there is one, whatever ends meanwhile. */
static void short_ones_beside_a_long_one(void **state)
{
    static struct ask asks[150];
    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        struct pair pair;
        struct ask longest;
        pair_of_file(&pair, 16 * MIB);
        pair.server_settings.quic.streams = 4;
        pair_start(&pair, false, false);
        struct mm_h3_connection *connection = pair_connect(&pair);
        ask_for(&longest, &pair, connection, "/file", NULL);
        for (size_t i = 0; i < COUNT_OF(asks); i++)
            ask_for(&asks[i], &pair, connection, i % 2 ? "/text" : "/file", i % 2 ? NULL : "bytes=0-9999");
        RUN_UNTIL(&pair, pair.ended == COUNT_OF(asks) + 1);
        check_file("the long one", &longest, 16 * MIB);
        for (size_t i = 0; i < COUNT_OF(asks); i++)
            check_file("a short one", &asks[i], i % 2 ? 10 : 10000);
        pair_end(&pair);
    }
}

static void many_connections(void **state)
{
    static struct ask asks[50];
    struct pair pair;
    struct mm_h3_counts counts;
    (void)state;
    pair_of_file(&pair, 300 * KIB);
    pair.server_settings.quic.handshakes = 100;
    pair_start(&pair, false, false);
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        ask_for(&asks[i], &pair, pair_connect(&pair), "/file", NULL);
    RUN_UNTIL(&pair, pair.ended == COUNT_OF(asks));
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        check_file("one of many", &asks[i], 300 * KIB);
    RUN_UNTIL(&pair, pair.dones == COUNT_OF(asks));
    mm_h3_counts(pair.server, &counts);
    check_number("requests", counts.requests, COUNT_OF(asks));
    check_number("bytes", counts.body_bytes, COUNT_OF(asks) * 300 * KIB);
    check_number("nothing is held any more", counts.held, 0);
    check_number("connections", pair.admitted, COUNT_OF(asks));
    pair_end(&pair);
}

/* The client takes the key that it was told of and no other. */
static void keys_of_servers(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_init(&pair);
    pair_start(&pair, false, false);
    pair.server_key[5] ^= 1;
    ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, pair.lost);
    check_text("why", pair.why, "the server has another key than its peer id says");
    check_number("its request", (uint64_t)ask.how, MM_H3_LOST);
    check_number("never answered", ask.heads + pair.answers + pair.ready, 0);
    pair.server_key[5] ^= 1;
    ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_file("the right key", &ask, 10);
    check_true("nobody was asked for a key", !pair.client_known);
    pair_end(&pair);
}

static void keys_of_clients(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    for (int with = 0; with < 2; with++) {
        pair_init(&pair);
        pair.server_settings.quic.client_key = MM_QUIC_KEY_ASK;
        if (!with)
            pair.client_settings.quic.identity = NULL;
        pair_start(&pair, false, false);
        ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
        RUN_UNTIL(&pair, ask.ends);
        check_file("asked for a key", &ask, 10);
        check_number("the key is known", pair.client_known, (uint64_t)with);
        pair_end(&pair);
    }
    for (int with = 0; with < 2; with++) {
        pair_init(&pair);
        pair.server_settings.quic.client_key = MM_QUIC_KEY_DEMAND;
        if (!with)
            pair.client_settings.quic.identity = NULL;
        pair_start(&pair, false, false);
        ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
        RUN_UNTIL(&pair, ask.ends);
        check_number("a key is demanded", (uint64_t)ask.how, with ? MM_H3_COMPLETE : MM_H3_LOST);
        check_number("answers", pair.answers, (uint64_t)with);
        pair_end(&pair);
    }
}

static bool refuse(void *context, struct mm_h3_connection *connection, const struct sockaddr *from,
                   const unsigned char *client)
{
    (void)context, (void)connection, (void)from, (void)client;
    return false;
}

static void not_admitted(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_init(&pair);
    pair.serving.admit = refuse;
    pair_start(&pair, false, false);
    ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, pair.lost);
    check_number("answers", pair.answers, 0);
    check_number("its request", (uint64_t)ask.how, MM_H3_LOST);
    pair_end(&pair);
}

static void limits_of_fields(void **state)
{
    struct pair pair;
    struct ask much, path, endless, after;
    static char long_path[MM_H3_HEADER_BYTES + 2], longer_path[MM_H3_PATH_MAX + 3];
    (void)state;
    memset(long_path, '/', sizeof long_path - 1);
    memset(longer_path, '/', sizeof longer_path - 1);
    pair_init(&pair);
    pair.fields_bytes = 17000;
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&much, &pair, connection, "/text", NULL);
    RUN_UNTIL(&pair, much.ends);
    check_number("17 fields of 1000 bytes", (uint64_t)much.how, MM_H3_REFUSED_HEADER);
    check_number("never told", much.heads, 0);
    pair.fields_bytes = 15000;
    ask_for(&after, &pair, connection, "/text", NULL);
    RUN_UNTIL(&pair, after.ends);
    check_file("15 fields of 1000 bytes", &after, 10);
    ask_for(&path, &pair, connection, longer_path, NULL);
    RUN_UNTIL(&pair, path.ends);
    check_number("a long path", (uint64_t)path.status, 414);
    ask_for(&endless, &pair, connection, long_path, NULL);
    RUN_UNTIL(&pair, endless.ends);
    check_number("a path that is longer than all fields may be", (uint64_t)endless.how, MM_H3_RESET);
    ask_for(&after, &pair, connection, "/text", NULL);
    RUN_UNTIL(&pair, after.ends);
    check_file("the connection goes on", &after, 10);
    check_number("connections that were lost", pair.lost, 0);
    pair_end(&pair);
}

static void given_up(void **state)
{
    struct pair pair;
    struct ask most, longer, before, while_open, after;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&before, &pair, connection, "/file", NULL);
    mm_h3_cancel(before.stream);
    check_number("before it was sent", (uint64_t)before.how, MM_H3_GIVEN_UP);
    ask_for(&most, &pair, connection, "/file", NULL)->most = MIB;
    longer = (struct ask){.pair = &pair, .is_file = true};
    struct mm_h3_get get = {
        .path = "/file", .body_max = 2 * MIB, .context = &longer, .head = ask_head, .body = ask_body, .end = ask_end};
    assert_non_null(mm_h3_get(connection, &get));
    ask_for(&while_open, &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, while_open.got > MIB || while_open.ends);
    mm_h3_cancel(while_open.stream);
    check_number("while it comes", (uint64_t)while_open.how, MM_H3_GIVEN_UP);
    RUN_UNTIL(&pair, most.ends && longer.ends);
    check_number("by body", (uint64_t)most.how, MM_H3_GIVEN_UP);
    check_number("too long", (uint64_t)longer.how, MM_H3_TOO_LONG);
    check_true("not much more than was allowed", longer.got <= 2 * MIB);
    ask_for(&after, &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, after.ends);
    check_file("the connection goes on", &after, 8 * MIB);
    check_number("each ended once", before.ends + most.ends + longer.ends + while_open.ends, 4);
    check_true("nothing was wrong", !before.wrong && !most.wrong && !longer.wrong && !while_open.wrong);
    pair_end(&pair);
}

/* A file that is shorter than it was is never passed off as whole. */
static void short_file(void **state)
{
    struct pair pair;
    struct ask ask, after;
    struct mm_h3_counts counts;
    (void)state;
    pair_of_file(&pair, MIB);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&ask, &pair, connection, "/short", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_number("a file that ends too early", (uint64_t)ask.how, MM_H3_RESET);
    ask_for(&after, &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, after.ends && pair.dones == 2);
    check_file("the connection goes on", &after, MIB);
    mm_h3_counts(pair.server, &counts);
    check_number("given up", counts.given_up, 1);
    pair_end(&pair);
}

/* What is under way is finished, nothing new is begun, and then the server is free to go. */
static void drain(void **state)
{
    struct pair pair;
    struct ask ask, late;
    (void)state;
    pair_of_file(&pair, 32 * MIB);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&ask, &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, ask.got > 0);
    check_true("not drained before it is stopped", !mm_h3_drained(pair.server));
    mm_h3_stop(pair.server);
    check_true("not drained while something is under way", !mm_h3_drained(pair.server));
    RUN_UNTIL(&pair, ask.ends && pair.lost);
    check_file("what was under way", &ask, 32 * MIB);
    RUN_UNTIL(&pair, mm_h3_drained(pair.server));
    ask_for(&late, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, late.ends);
    check_number("too late", (uint64_t)late.how, MM_H3_LOST);
    pair_end(&pair);
}

static void drain_of_idle(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    struct mm_h3_get get = {
        .path = "/text", .body_max = 100, .context = NULL, .head = ask_head, .body = ask_body, .end = ask_end};
    RUN_UNTIL(&pair, pair.ready && pair.admitted);
    mm_h3_stop(pair.server);
    pair_pass(&pair, 20);
    if (!pair.lost)
        assert_null(mm_h3_get(connection, &get));
    RUN_UNTIL(&pair, mm_h3_drained(pair.server) && pair.lost);
    pair_end(&pair);
}

static size_t slow_grant(void *context, struct mm_h3_connection *connection, size_t wanted)
{
    static uint64_t calls;
    (void)context, (void)connection;
    return ++calls % 3 == 0 ? (wanted < 5000 ? wanted : 5000) : 0;
}

static void grants_and_little_memory(void **state)
{
    struct pair pair;
    struct ask one, other;
    (void)state;
    pair_of_file(&pair, 600 * KIB);
    pair.serving.grant = slow_grant;
    pair.server_settings.send_memory = 1;
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&one, &pair, connection, "/file", NULL);
    ask_for(&other, &pair, connection, "/text", NULL);
    RUN_UNTIL(&pair, pair.ended == 2);
    check_file("granted bit by bit", &one, 600 * KIB);
    check_file("granted too", &other, 10);
    pair_end(&pair);
}

static void memory_of_bodies_is_bounded(void **state)
{
    static struct ask asks[12];
    struct pair pair;
    uint64_t most = 0;
    (void)state;
    pair_of_file(&pair, 4 * MIB);
    pair.server_settings.send_memory = 512 * KIB;
    pair_start(&pair, false, false);
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        ask_for(&asks[i], &pair, pair_connect(&pair), "/file", NULL);
    while (pair.ended < COUNT_OF(asks)) {
        struct mm_h3_counts counts;
        pair_step(&pair);
        mm_h3_counts(pair.server, &counts);
        most = counts.held > most ? counts.held : most;
    }
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        check_file("one of several", &asks[i], 4 * MIB);
    check_true("within the memory and a block for each connection", most <= 512 * KIB + COUNT_OF(asks) * 64 * KIB);
    check_true("it was used", most >= 256 * KIB);
    pair_end(&pair);
}

/* A stream that is held takes what its windows allow and no more, and comes to its end when it is let go. */
static void held(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair.client_settings.quic.stream_window = MIB;
    pair_start(&pair, false, false);
    ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
    mm_h3_hold(ask.stream, true);
    RUN_UNTIL(&pair, ask.got >= MIB - 4096);
    pair_pass(&pair, 100);
    check_true("no more than the window", ask.got <= MIB);
    mm_h3_hold(ask.stream, false);
    RUN_UNTIL(&pair, ask.ends);
    check_file("let go", &ask, 8 * MIB);
    pair_end(&pair);
}

/* A connection that is metered takes its window and what is paid for, over all its streams, and no byte is lost. */
static void metered(void **state)
{
    struct pair pair;
    struct ask asks[2];
    (void)state;
    pair_of_file(&pair, 4 * MIB);
    pair.client_settings.quic.window = MIB;
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    mm_h3_meter(connection);
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        ask_for(&asks[i], &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, asks[0].got + asks[1].got >= MIB - 4096);
    pair_pass(&pair, 100);
    uint64_t had = asks[0].got + asks[1].got;
    check_true("no more than the window", had <= MIB);
    check_true("all of it is owed", mm_h3_owed(connection) == had);
    check_true("no more is paid than asked for", mm_h3_pay(connection, 600 * KIB) == 600 * KIB);
    RUN_UNTIL(&pair, asks[0].got + asks[1].got >= MIB + 500 * KIB);
    pair_pass(&pair, 100);
    check_true("and what was paid for", asks[0].got + asks[1].got <= MIB + 600 * KIB);
    while (pair.ended < COUNT_OF(asks)) {
        mm_h3_pay(connection, UINT64_MAX);
        pair_step(&pair);
    }
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        check_file("paid for", &asks[i], 4 * MIB);
    pair_end(&pair);
}

/* A client that takes nothing, but lives, does not keep a server's memory for ever. */
static void stalled(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair.client_settings.quic.stream_window = MIB;
    pair.client_settings.quic.keep_alive = 20;
    pair.server_settings.stall = 300;
    pair_start(&pair, false, false);
    ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
    mm_h3_hold(ask.stream, true);
    RUN_UNTIL(&pair, pair.lost);
    check_number("its request", (uint64_t)ask.how, MM_H3_LOST);
    check_number("closed", pair.gone, 1);
    pair_end(&pair);
}

/* Requests that are made only to be reset end the connection. */
static void rapid_resets(void **state)
{
    struct pair pair;
    (void)state;
    pair_of_file(&pair, 64 * MIB);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    RUN_UNTIL(&pair, pair.ready);
    for (unsigned i = 0; !pair.lost && i < 2000; i++) {
        struct ask ask;
        ask_for(&ask, &pair, connection, "/file", NULL);
        for (int step = 0; step < 5000 && !pair.lost && !ask.heads; step++)
            pair_step(&pair);
        if (!pair.lost)
            mm_h3_cancel(ask.stream);
    }
    check_number("lost", pair.lost, 1);
    check_true("after some", pair.answers > 100 && pair.answers < 1000);
    pair_end(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_of_all_sizes),
        cmocka_unit_test(parts_and_texts),
        cmocka_unit_test(head_alone),
        cmocka_unit_test(many_streams),
        cmocka_unit_test(short_ones_beside_a_long_one),
        cmocka_unit_test(many_connections),
        cmocka_unit_test(keys_of_servers),
        cmocka_unit_test(keys_of_clients),
        cmocka_unit_test(not_admitted),
        cmocka_unit_test(limits_of_fields),
        cmocka_unit_test(given_up),
        cmocka_unit_test(short_file),
        cmocka_unit_test(drain),
        cmocka_unit_test(drain_of_idle),
        cmocka_unit_test(grants_and_little_memory),
        cmocka_unit_test(memory_of_bodies_is_bounded),
        cmocka_unit_test(held),
        cmocka_unit_test(metered),
        cmocka_unit_test(stalled),
        cmocka_unit_test(rapid_resets),
    };
    return cmocka_run_group_tests_name("h3", tests, NULL, NULL);
}
