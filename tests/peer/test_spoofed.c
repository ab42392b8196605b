/* Addresses that lie: a server sends little to who has not shown that he receives, whoever he says he is, and nothing of a connection goes astray. */
#include "pair.h"

#include <poll.h>
#include <sys/socket.h>

#define MORE_MAX 3 /* times as many bytes as came, before an address is validated (RFC 9000, 8) */

/* A way between a client and a server that the test passes each datagram along, and counts. */
struct way {
    int fd;     /* faces the client */
    int out[2]; /* face the server: two addresses of the client's, as far as the server knows */
    struct sockaddr_in client, server;
    uint64_t to_server[2], from_server[2]; /* bytes */
};

static int socket_of(struct sockaddr_in *name)
{
    socklen_t length = sizeof *name;
    int size = 4 * 1024 * 1024, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)name, sizeof *name), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)name, &length), 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

/* From now on the client's way to the server leads through WAY. */
static void way_open(struct way *way, struct pair *pair)
{
    struct sockaddr_in ignored, name;
    *way = (struct way){.server = pair->at.v4};
    way->fd = socket_of(&name);
    way->out[0] = socket_of(&ignored);
    way->out[1] = socket_of(&ignored);
    pair->at.v4 = name;
}

static void way_close(struct way *way)
{
    close(way->fd);
    close(way->out[0]);
    close(way->out[1]);
}

/* One datagram of the client's, if there is one, to the server by the address WHICH. Returns its length. */
static size_t way_there(struct way *way, int which)
{
    unsigned char bytes[65536];
    socklen_t length = sizeof way->client;
    ssize_t got = recvfrom(way->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&way->client, &length);
    if (got <= 0)
        return 0;
    assert_int_equal(
        sendto(way->out[which], bytes, (size_t)got, 0, (struct sockaddr *)&way->server, sizeof way->server), got);
    way->to_server[which] += (uint64_t)got;
    return (size_t)got;
}

/* What the server has sent to the address WHICH, on to the client if PASSED. */
static void way_back(struct way *way, int which, bool passed)
{
    unsigned char bytes[65536];
    for (ssize_t got; (got = recv(way->out[which], bytes, sizeof bytes, 0)) > 0;) {
        way->from_server[which] += (uint64_t)got;
        if (passed)
            (void)sendto(way->fd, bytes, (size_t)got, 0, (struct sockaddr *)&way->client, sizeof way->client);
    }
}

static void run_server(struct pair *pair, unsigned time)
{
    for (uint64_t begun = milliseconds(); milliseconds() - begun < time;)
        assert_int_equal(mm_h3_run(pair->server, 1, &pair->diags), 0);
}

/* Somebody sends a first flight in the name of another, who knows nothing of it and stays silent, whatever time passes. */
static void who_never_answers(void **state)
{
    struct pair pair;
    struct way way;
    struct mm_quic_counts counts;
    (void)state;
    pair_init(&pair);
    pair.server_settings.quic.handshake = 3000;
    pair_start(&pair, false, false);
    way_open(&way, &pair);
    pair_connect(&pair);
    assert_int_equal(mm_h3_run(pair.client, 0, &pair.diags), 0);
    while (way_there(&way, 0) > 0)
        ;
    check_true("a first flight", way.to_server[0] >= 1200);
    run_server(&pair, 4000);
    way_back(&way, 0, false);
    check_true("is answered", way.from_server[0] > 0);
    check_true("by three times as much at most, repeats included", way.from_server[0] <= MORE_MAX * way.to_server[0]);
    mm_quic_counts(mm_h3_quic(pair.server), &counts);
    check_number("and then forgotten", counts.connections + counts.handshakes, 0);
    check_number("nobody was admitted", pair.admitted, 0);
    way_close(&way);
    pair_end(&pair);
}

static enum mm_quic_welcome answer_as(void *context, const struct sockaddr *from, bool validated, size_t connections)
{
    (void)from, (void)validated, (void)connections;
    return *(enum mm_quic_welcome *)context;
}

/* A Retry and a refusal are smaller than what they answer, and cost the server no connection. */
static void who_is_turned_away(void **state)
{
    static enum mm_quic_welcome answers[] = {MM_QUIC_RETRY, MM_QUIC_REFUSE, MM_QUIC_IGNORE};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct pair pair;
        struct way way;
        struct mm_quic_counts counts;
        pair_init(&pair);
        pair.server_settings.quic.welcome = answer_as;
        pair.server_settings.quic.context = &answers[i];
        pair_start(&pair, false, false);
        way_open(&way, &pair);
        pair_connect(&pair);
        assert_int_equal(mm_h3_run(pair.client, 0, &pair.diags), 0);
        while (way_there(&way, 0) > 0)
            ;
        run_server(&pair, 50);
        way_back(&way, 0, false);
        mm_quic_counts(mm_h3_quic(pair.server), &counts);
        check_true("no more than came", way.from_server[0] <= way.to_server[0]);
        check_true("an answer, unless it is passed over", (way.from_server[0] > 0) == (answers[i] != MM_QUIC_IGNORE));
        check_number("nothing is kept", counts.connections + counts.handshakes, 0);
        way_close(&way);
        pair_end(&pair);
    }
}

/* A token is its address's own: who has seen one cannot send from elsewhere with it. */
static void whose_token_is_anothers(void **state)
{
    static enum mm_quic_welcome answer = MM_QUIC_RETRY;
    struct pair pair;
    struct way way;
    struct mm_quic_counts counts;
    (void)state;
    pair_init(&pair);
    pair.server_settings.quic.welcome = answer_as;
    pair.server_settings.quic.context = &answer;
    pair_start(&pair, false, false);
    way_open(&way, &pair);
    pair_connect(&pair);
    assert_int_equal(mm_h3_run(pair.client, 0, &pair.diags), 0);
    while (way_there(&way, 0) > 0)
        ;
    run_server(&pair, 20);
    way_back(&way, 0, true);
    assert_int_equal(mm_h3_run(pair.client, 20, &pair.diags), 0);
    while (way_there(&way, 1) > 0) /* with the token, from the other address */
        ;
    check_true("the client has answered the Retry", way.to_server[1] >= 1200);
    run_server(&pair, 50);
    way_back(&way, 1, false);
    mm_quic_counts(mm_h3_quic(pair.server), &counts);
    check_number("one Retry", counts.retries, 1);
    check_number("no connection", counts.accepted + counts.handshakes, 0);
    check_true("and a small answer", way.from_server[1] <= way.to_server[1]);
    way_close(&way);
    pair_end(&pair);
}

/* Somebody on the way sends the client's datagrams on from an address of his choice: what is there gets probes, not the file. */
static void who_is_named_in_the_midst(void **state)
{
    struct pair pair;
    struct way way;
    struct ask ask;
    unsigned number = 0;
    (void)state;
    pair_of_file(&pair, 8 * MIB);
    pair_start(&pair, false, false);
    way_open(&way, &pair);
    ask_for(&ask, &pair, pair_connect(&pair), "/file", NULL);
    for (uint64_t begun = milliseconds(); !ask.ends && milliseconds() - begun < 60000;) {
        assert_int_equal(mm_h3_run(pair.client, 1, &pair.diags), 0);
        bool astray = ask.got > MIB && ask.got < 6 * MIB; /* then each seventh datagram takes the other way */
        while (way_there(&way, astray && ++number % 7 == 0) > 0)
            ;
        assert_int_equal(mm_h3_run(pair.server, 0, &pair.diags), 0);
        way_back(&way, 0, true);
        way_back(&way, 1, false);
    }
    check_file("the file comes all the same", &ask, 8 * MIB);
    check_true("some datagrams came from elsewhere", way.to_server[1] > 0);
    check_true("which gets little", way.from_server[1] <= MORE_MAX * way.to_server[1]);
    check_number("one connection", pair.admitted, 1);
    way_close(&way);
    pair_end(&pair);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_never_answers),
        cmocka_unit_test(who_is_turned_away),
        cmocka_unit_test(whose_token_is_anothers),
        cmocka_unit_test(who_is_named_in_the_midst),
    };
    return cmocka_run_group_tests_name("spoofed", tests, NULL, NULL);
}
