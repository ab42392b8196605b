/* Handshakes whose packets come late, twice or not at all, and handshake data where none is due any more: a server has let its session of TLS
 * go by then (quic_write.c), and a client has not. */
#include "pair.h"

#include "peer/h3_parts.h"
#include "peer/quic_parts.h"

#define SEEDS 12
#define BYTES_OF_FILE (100 * KIB)

/* Fetches the file over a connection of its own; the next one after whatever happened before. */
static void fetch_anew(struct pair *pair, const char *what)
{
    struct ask ask;
    unsigned ready = pair->ready;
    size_t ended = pair->ended;
    struct mm_h3_connection *connection = pair_connect(pair);
    ask_for(&ask, pair, connection, "/file", NULL);
    RUN_UNTIL(pair, pair->ended > ended);
    check_number(what, pair->ready, ready + 1);
    check_file(what, &ask, BYTES_OF_FILE);
}

/* Says LENGTH bytes of handshake data on CONNECTION, behind all that TLS had to say. */
static void say(struct mm_h3_connection *connection, const unsigned char *bytes, size_t length)
{
    assert_int_equal(
        ngtcp2_conn_submit_crypto_data(connection->quic->conn, NGTCP2_ENCRYPTION_LEVEL_1RTT, bytes, length), 0);
    mm_quic_wake(connection->quic);
}

/* A quarter is lost, a third late, a half comes again: hands are shaken with data that is sent anew, beside what was only late. */
static void over_a_line_that_repeats(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pair pair;
        pair_of_file(&pair, BYTES_OF_FILE);
        pair.server_settings.quic.handshake = pair.client_settings.quic.handshake = 60000;
        pair_start(&pair, true, false);
        *relay_line(pair.relay) =
            (struct line_kind){.seed = seed, .loss = 2500, .late = 3300, .again = 5000, .delay = 500000};
        fetch_anew(&pair, "over a line that repeats");
        check_number("none was lost", pair.lost, 0);
        pair_end(&pair);
    }
}

/* What comes again when the connection is long open, the first flight among it, changes nothing: the session is gone, and is not asked for. */
static void again_when_it_is_over(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, BYTES_OF_FILE);
    pair_start(&pair, true, false);
    *relay_line(pair.relay) = (struct line_kind){.seed = 1, .again = 10000};
    struct mm_h3_connection *connection = pair_connect(&pair);
    RUN_UNTIL(&pair, pair.ready);
    pair_pass(&pair, 200); /* by then all of it came once more */
    ask_for(&ask, &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_file("over the same connection", &ask, BYTES_OF_FILE);
    check_number("it was not lost", pair.lost, 0);
    check_number("and was one", pair.admitted, 1);
    pair_end(&pair);
}

/* New data of a client, well-formed or not, when hands were shaken: it has nothing more to say, and its connection ends. Others go on. */
static void from_a_client(void **state)
{
    static const unsigned char messages[][8] = {
        {24, 0, 0, 1, 0},            /* KeyUpdate, which QUIC forbids */
        {20, 0, 0, 4, 1, 2, 3, 4},   /* a Finished once more */
        {0xff, 0xff, 0xff, 0xff, 0}, /* nothing at all */
        {4, 0xff, 0xff, 0xff, 0, 0}, /* a message of 16 MiB begins */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct pair pair;
        struct ask ask;
        pair_of_file(&pair, BYTES_OF_FILE);
        pair_start(&pair, false, false);
        struct mm_h3_connection *other = pair_connect(&pair);
        RUN_UNTIL(&pair, pair.ready == 1);
        struct mm_h3_connection *connection = pair_connect(&pair);
        RUN_UNTIL(&pair, pair.ready == 2);
        pair_pass(&pair, 20); /* the server's session goes with its next packet */
        say(connection, messages[i], sizeof messages[i]);
        RUN_UNTIL(&pair, pair.lost);
        check_number("that connection is lost", pair.lost, 1);
        check_number("on both sides", pair.gone, 1);
        ask_for(&ask, &pair, other, "/file", NULL);
        RUN_UNTIL(&pair, ask.ends);
        check_file("another goes on", &ask, BYTES_OF_FILE);
        fetch_anew(&pair, "and the next one comes");
        pair_end(&pair);
    }
}

/* The same of a server, whose client still has its session: what TLS cannot take ends the connection, and the request that was out. */
static void from_a_server(void **state)
{
    static const unsigned char message[] = {20, 0, 0, 4, 1, 2, 3, 4};
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, BYTES_OF_FILE);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&ask, &pair, connection, "/file", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_file("before", &ask, BYTES_OF_FILE);
    say(pair.fetcher, message, sizeof message);
    RUN_UNTIL(&pair, pair.lost);
    check_number("lost once", pair.lost, 1);
    check_true("and it is said why", pair.why[0]);
    RUN_UNTIL(&pair, pair.gone == 1);
    fetch_anew(&pair, "the next connection");
    pair_end(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_a_line_that_repeats),
        cmocka_unit_test(again_when_it_is_over),
        cmocka_unit_test(from_a_client),
        cmocka_unit_test(from_a_server),
    };
    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
