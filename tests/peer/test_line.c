/* HTTP/3 over lines that lose, delay and reorder, ways that change, and endpoints that vanish or lie. */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void losses_and_late_ones(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct pair pair;
        struct ask one, other;
        uint64_t came, dropped;
        pair_of_file(&pair, 3 * MIB);
        pair.server_settings.quic.congestion = seed % 2 ? MM_QUIC_BBR : MM_QUIC_CUBIC;
        pair_start(&pair, true, false);
        *relay_line(pair.relay) = (struct line_kind){
            .seed = seed, .loss = 300, .mangled = 100, .late = 500, .delay = 500000, .largest = 1472};
        struct mm_h3_connection *connection = pair_connect(&pair);
        ask_for(&one, &pair, connection, "/file", NULL);
        ask_for(&other, &pair, connection, "/file", "bytes=1000-2000999")->offset = 1000;
        RUN_UNTIL(&pair, pair.ended == 2);
        check_file("all of it", &one, 3 * MIB);
        check_file("a part", &other, 2000000);
        relay_counts(pair.relay, &came, &dropped);
        check_true("datagrams were lost", dropped > 10);
        pair_end(&pair);
    }
}

static enum mm_quic_welcome retry_first(void *context, const struct sockaddr *from, bool validated, size_t connections)
{
    (void)from, (void)connections;
    ++*(unsigned *)context;
    return validated ? MM_QUIC_TAKE : MM_QUIC_RETRY;
}

static void retry(void **state)
{
    struct pair pair;
    struct ask ask;
    struct mm_quic_counts counts;
    unsigned asked = 0;
    (void)state;
    pair_init(&pair);
    pair.server_settings.quic.welcome = retry_first;
    pair.server_settings.quic.context = &asked;
    pair_start(&pair, false, false);
    ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_file("after a Retry", &ask, 10);
    mm_quic_counts(mm_h3_quic(pair.server), &counts);
    check_number("retries", counts.retries, 1);
    check_number("accepted", counts.accepted, 1);
    check_number("asked twice", asked, 2);
    pair_end(&pair);
}

/* Under load clients have to Retry, past the limit they are refused. */
static void load(void **state)
{
    static struct ask asks[12];
    struct pair pair;
    struct mm_quic_counts counts;
    unsigned complete = 0;
    (void)state;
    pair_init(&pair);
    pair.server_settings.quic.handshakes = 2;
    pair.server_settings.quic.connections = 8;
    pair_start(&pair, false, false);
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        ask_for(&asks[i], &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, pair.ended == COUNT_OF(asks));
    for (size_t i = 0; i < COUNT_OF(asks); i++)
        complete += asks[i].how == MM_H3_COMPLETE;
    mm_quic_counts(mm_h3_quic(pair.server), &counts);
    check_number("that came through", complete, 8);
    check_number("the others were told", pair.lost, 4);
    check_true("some had to Retry", counts.retries >= 6);
    check_number("connections", counts.connections, 8);
    check_number("handshakes", counts.handshakes, 0);
    pair_end(&pair);
}

static void another_port(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, 16 * MIB);
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    ask_for(&ask, &pair, connection, "/file", NULL);
    for (uint64_t at = MIB; at <= 9 * MIB; at += 4 * MIB) {
        RUN_UNTIL(&pair, ask.got > at || ask.ends);
        in_port_t before = mm_quic_peer(mm_h3_quic_connection(pair.fetcher))->v4.sin_port;
        pair_pass(&pair, 30); /* until the server has given new ids */
        if (ask.ends)
            break;
        assert_int_equal(mm_quic_migrate(mm_h3_quic_connection(connection), &pair.diags), 0);
        RUN_UNTIL(&pair, mm_quic_peer(mm_h3_quic_connection(pair.fetcher))->v4.sin_port != before);
    }
    RUN_UNTIL(&pair, ask.ends);
    check_file("over four ports", &ask, 16 * MIB);
    check_number("one connection", pair.admitted, 1);
    pair_end(&pair);
}

/* The router forgets its table, and the server sees another address: the client need not know. */
static void another_address(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair_start(&pair, true, false);
    relay_line(pair.relay)->delay = 1000000;
    ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
    for (uint64_t at = MIB; at <= 5 * MIB; at += 2 * MIB) {
        RUN_UNTIL(&pair, ask.got > at);
        relay_forget(pair.relay);
    }
    RUN_UNTIL(&pair, ask.ends);
    check_file("over four addresses", &ask, 8 * MIB);
    check_number("one connection", pair.admitted, 1);
    pair_end(&pair);
}

static void sizes_of_paths(void **state)
{
    static const struct {
        size_t largest, least_found;
    } cases[] = {{1232, 1200}, {1392, 1392}, {1472, 1472}, {9000, 8952}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pair pair;
        struct ask ask;
        struct mm_quic_figures figures;
        pair_of_file(&pair, 4 * MIB);
        pair_start(&pair, true, false);
        relay_line(pair.relay)->largest = cases[i].largest;
        ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
        RUN_UNTIL(&pair, ask.ends);
        check_file("whatever the path takes", &ask, 4 * MIB);
        for (uint64_t begun = milliseconds(); milliseconds() - begun < 20000;) {
            mm_quic_figures(mm_h3_quic_connection(pair.fetcher), &figures);
            if (figures.datagram >= cases[i].least_found)
                break;
            pair_step(&pair);
        }
        check_true("what the path takes is found", figures.datagram >= cases[i].least_found);
        check_true("and no more", figures.datagram <= cases[i].largest);
        pair_end(&pair);
    }
}

/* Every so many calls find the socket's buffer full; 0: none. */
static unsigned full_each, full_calls, full_found;

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (full_each && ++full_calls % full_each == 0) {
        full_found++;
        errno = EAGAIN;
        return -1;
    }
    return (int)syscall(SYS_sendmmsg, fd, messages, full_each && count > 1 ? count - 1 : count, flags);
}

/* A full buffer is waited for, and nothing is lost by that. */
static void full_buffers(void **state)
{
    (void)state;
    for (full_each = 2; full_each < 6; full_each++) {
        static struct ask asks[20];
        struct pair pair;
        full_found = 0;
        pair_of_file(&pair, MIB);
        pair_start(&pair, false, false);
        for (size_t i = 0; i < COUNT_OF(asks); i++)
            ask_for(&asks[i], &pair, pair_connect(&pair), "/file", NULL);
        RUN_UNTIL(&pair, pair.ended == COUNT_OF(asks));
        for (size_t i = 0; i < COUNT_OF(asks); i++)
            check_file("one of several", &asks[i], MIB);
        check_true("buffers were full", full_found > 20);
        pair_end(&pair);
    }
    full_each = 0;
}

static void nothing_comes_any_more(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair.client_settings.quic.idle = 300;
    pair.client_settings.quic.keep_alive = 100;
    pair_start(&pair, true, false);
    ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
    RUN_UNTIL(&pair, ask.got > 0);
    relay_line(pair.relay)->cut = true;
    RUN_UNTIL(&pair, pair.lost);
    check_text("why", pair.why, "nothing was heard for 300 ms");
    check_number("its request", (uint64_t)ask.how, MM_H3_LOST);
    pair_end(&pair);
}

static void nobody_there(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_init(&pair);
    pair.client_settings.quic.handshake = 400;
    pair_start(&pair, true, false);
    relay_line(pair.relay)->cut = true;
    ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, pair.lost);
    check_text("why", pair.why, "no connection within 400 ms");
    pair_end(&pair);
}

/* A server that is bound to all addresses answers from the one that it was asked at. */
static void all_addresses(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct pair pair;
        struct ask ask;
        union mm_udp_address any = {.any.sa_family = v6 ? AF_INET6 : AF_INET};
        pair_of_file(&pair, MIB);
        pair_start(&pair, false, false);
        assert_int_equal(mm_quic_listen(mm_h3_quic(pair.server), &any, &pair.diags), 0);
        assert_true(mm_quic_address(mm_h3_quic(pair.server), 1, &pair.at));
        assert_false(mm_quic_address(mm_h3_quic(pair.server), 2, &any));
        if (v6)
            pair.at.v6.sin6_addr = in6addr_loopback;
        else
            pair.at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 7);
        ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
        RUN_UNTIL(&pair, ask.ends);
        check_file("from the address that was asked", &ask, MIB);
        pair_end(&pair);
    }
}

static void count_up(void *context)
{
    ++*(unsigned *)context;
}

/* The loop calls back for other descriptors and from time to time, and sleeps otherwise. */
static void other_work_of_the_loop(void **state)
{
    struct pair pair;
    unsigned ready = 0, ticks = 0;
    int ends[2];
    (void)state;
    pair_init(&pair);
    pair_start(&pair, false, false);
    struct mm_quic *quic = mm_h3_quic(pair.client);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(mm_quic_watch(quic, ends[0], count_up, &ready, &pair.diags), 0);
    assert_int_equal(mm_quic_run(quic, 10, &pair.diags), 0);
    check_number("nothing yet", ready, 0);
    check_number("nothing to do for ever", (uint64_t)mm_quic_timeout(quic), UINT64_MAX);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(mm_quic_run(quic, -1, &pair.diags), 0);
    check_number("readable", ready, 1);
    assert_int_equal(mm_quic_watch(quic, ends[0], NULL, NULL, &pair.diags), 0);
    assert_int_equal(mm_quic_run(quic, 0, &pair.diags), 0);
    check_number("no longer of interest", ready, 1);
    mm_quic_every(quic, 5, count_up, &ticks);
    assert_true(mm_quic_timeout(quic) >= 0 && mm_quic_timeout(quic) <= 5);
    while (ticks < 4)
        assert_int_equal(mm_quic_run(quic, -1, &pair.diags), 0);
    mm_quic_every(quic, 0, NULL, NULL);
    assert_int_equal(mm_quic_run(quic, 20, &pair.diags), 0);
    check_number("ticks", ticks, 4);
    for (int i = 0; i < 20; i++)
        if (mm_quic_watch(quic, dup(ends[0]), count_up, &ready, &pair.diags) < 0)
            break;
    check_findings("too many descriptors", &pair.diags, "io-limit");
    pair_end(&pair);
    close(ends[0]);
    close(ends[1]);
}

/* A quiet connection lives as long as its client pings. */
static void kept_alive(void **state)
{
    struct pair pair;
    struct ask ask;
    (void)state;
    pair_init(&pair);
    pair.server_settings.quic.idle = pair.client_settings.quic.idle = 400;
    pair.client_settings.quic.keep_alive = 100;
    pair_start(&pair, false, false);
    struct mm_h3_connection *connection = pair_connect(&pair);
    RUN_UNTIL(&pair, pair.ready);
    pair_pass(&pair, 1500);
    ask_for(&ask, &pair, connection, "/text", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_file("after a long silence", &ask, 10);
    pair_end(&pair);
}

/* A server that was started again knows none of its connections, and says so as soon as a client pings. */
static void server_started_again(void **state)
{
    static const unsigned char secret[MM_QUIC_SECRET_BYTES] = "a secret that stays";
    struct pair pair;
    struct ask ask;
    union mm_udp_address at;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair.server_settings.quic.secret = secret;
    pair.client_settings.quic.keep_alive = 200;
    pair_start(&pair, true, false);
    relay_line(pair.relay)->delay = 1000000;
    ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
    RUN_UNTIL(&pair, ask.got > MIB);
    assert_true(mm_quic_address(mm_h3_quic(pair.server), 0, &at));
    relay_line(pair.relay)->cut = true; /* its farewell is lost */
    mm_h3_free(pair.server);
    for (int i = 0; i < 50; i++)
        relay_run(pair.relay);
    pair.server = mm_h3_new(&pair.server_settings, &pair.serving, &pair.diags);
    assert_non_null(pair.server);
    assert_int_equal(mm_quic_listen(mm_h3_quic(pair.server), &at, &pair.diags), 0);
    pair_pass(&pair, 50);
    relay_line(pair.relay)->cut = false;
    RUN_UNTIL(&pair, pair.lost);
    check_text("why", pair.why, "the peer knows nothing of this connection any more");
    pair_end(&pair);
}

/* ---- strangers ---- */

struct stranger {
    int fd;
    size_t answered, answers; /* bytes, datagrams */
    unsigned char last[2048];
    size_t last_length;
};

static void stranger_open(struct stranger *stranger, const struct pair *pair)
{
    *stranger = (struct stranger){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(stranger->fd, &pair->at.any, sizeof pair->at.v4), 0);
}

static void stranger_say(struct stranger *stranger, struct pair *pair, const unsigned char *bytes, size_t length)
{
    struct pollfd ready = {stranger->fd, POLLIN, 0};
    assert_int_equal(send(stranger->fd, bytes, length, 0), length);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mm_h3_run(pair->server, 1, &pair->diags), 0);
    while (poll(&ready, 1, 0) > 0) {
        ssize_t got = recv(stranger->fd, stranger->last, sizeof stranger->last, 0);
        assert_true(got >= 0);
        stranger->last_length = (size_t)got;
        stranger->answered += (size_t)got;
        stranger->answers++;
    }
}

static void noise(void **state)
{
    struct pair pair;
    struct stranger stranger;
    struct ask ask;
    unsigned char bytes[1500];
    size_t said = 0;
    uint64_t number = 7;
    (void)state;
    pair_init(&pair);
    pair_start(&pair, false, false);
    stranger_open(&stranger, &pair);
    for (unsigned i = 0; i < 600; i++) {
        size_t length = i % 3 == 0 ? 1200 + i % 300 : i % 250 + 1;
        for (size_t at = 0; at < length; at++) {
            number = number * 6364136223846793005u + 1442695040888963407u;
            bytes[at] = (unsigned char)(number >> 56);
        }
        if (i % 4 == 0)
            bytes[0] |= 0xc0; /* looks like the first one of a connection */
        if (i % 8 == 0)
            memcpy(bytes + 1, "\0\0\0\1", length > 5 ? 4 : 0);
        stranger_say(&stranger, &pair, bytes, length);
        said += length;
    }
    check_true("answers are smaller than what was said", stranger.answered < said);
    ask_for(&ask, &pair, pair_connect(&pair), "/text", NULL);
    RUN_UNTIL(&pair, ask.ends);
    check_file("after all that noise", &ask, 10);
    close(stranger.fd);
    pair_end(&pair);
}

static void unknown_version(void **state)
{
    struct pair pair;
    struct stranger stranger;
    unsigned char bytes[1200] = {0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 'm', 'i', 'n', 'e'};
    (void)state;
    pair_init(&pair);
    pair_start(&pair, false, false);
    stranger_open(&stranger, &pair);
    stranger_say(&stranger, &pair, bytes, 1199);
    check_number("one that is too small is passed over", stranger.answers, 0);
    stranger_say(&stranger, &pair, bytes, sizeof bytes);
    check_number("versions are offered", stranger.answers, 1);
    check_true("to where it came from", memcmp(stranger.last + 1, "\0\0\0\0\4mine\10\1\2\3\4\5\6\7\10", 18) == 0);
    check_true("the first one of QUIC is among them",
               memmem(stranger.last + 19, stranger.last_length - 19, "\0\0\0\1", 4));
    close(stranger.fd);
    pair_end(&pair);
}

/* Who speaks to no connection is told in fewer bytes than he used, and not without end. */
static void resets(void **state)
{
    struct pair pair;
    struct stranger stranger;
    unsigned char bytes[1200] = {0x40};
    (void)state;
    pair_init(&pair);
    pair_start(&pair, false, false);
    stranger_open(&stranger, &pair);
    for (size_t length = 20; length < 60; length++) {
        size_t before = stranger.answered;
        stranger_say(&stranger, &pair, bytes, length);
        check_true("shorter than what was said", stranger.answered - before < length);
    }
    check_true("told at all", stranger.answers > 0);
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(send(stranger.fd, bytes, 100, MSG_DONTWAIT), 100);
    size_t answers = stranger.answers;
    stranger_say(&stranger, &pair, bytes, 100);
    check_true("not without end", stranger.answers - answers <= 2000);
    close(stranger.fd);
    pair_end(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_late_ones),
        cmocka_unit_test(retry),
        cmocka_unit_test(load),
        cmocka_unit_test(another_port),
        cmocka_unit_test(another_address),
        cmocka_unit_test(sizes_of_paths),
        cmocka_unit_test(full_buffers),
        cmocka_unit_test(nothing_comes_any_more),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(kept_alive),
        cmocka_unit_test(all_addresses),
        cmocka_unit_test(other_work_of_the_loop),
        cmocka_unit_test(server_started_again),
        cmocka_unit_test(noise),
        cmocka_unit_test(unknown_version),
        cmocka_unit_test(resets),
    };
    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
