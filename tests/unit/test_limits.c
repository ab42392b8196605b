#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "exchange/limits.h"

#define START (7 * MM_DAY)

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&storage;
    struct sockaddr_in *four = (struct sockaddr_in *)&storage;
    if (strchr(text, ':')) {
        six->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
    } else {
        four->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
    }
    return storage;
}

static enum mm_grant connect_from(struct mm_limits *limits, const char *text, uint64_t now)
{
    struct sockaddr_storage from = address(text);
    enum mm_grant welcome = mm_limits_welcome(limits, (struct sockaddr *)&from, now);
    return welcome == MM_GRANTED ? mm_limits_connect(limits, (struct sockaddr *)&from) : welcome;
}

static void disconnect_from(struct mm_limits *limits, const char *text)
{
    struct sockaddr_storage from = address(text);
    mm_limits_disconnect(limits, (struct sockaddr *)&from);
}

static struct mm_limits *new_limits(struct mm_limits_options options)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    struct mm_limits *limits = mm_limits_new(&options, START, &diags);
    assert_non_null(limits);
    mm_diags_release(&diags);
    return limits;
}

static void a_bucket_grants_what_came_in(void **state)
{
    struct mm_bucket bucket;
    (void)state;
    mm_bucket_begin(&bucket, 1000, 500, START);
    assert_int_equal(mm_bucket_take(&bucket, 200, START), 200);
    assert_int_equal(mm_bucket_take(&bucket, 1000, START), 300);
    assert_int_equal(mm_bucket_take(&bucket, 1, START), 0);
    mm_bucket_return(&bucket, 7); /* what was not used */
    assert_int_equal(mm_bucket_take(&bucket, 1000, START), 7);
    assert_int_equal(mm_bucket_when(&bucket, 100, START), START + MM_SECOND / 10);
    assert_int_equal(mm_bucket_take(&bucket, 1000, START + MM_SECOND / 10), 100);
    assert_int_equal(mm_bucket_take(&bucket, 1000, START + MM_SECOND / 10), 0);
    assert_int_equal(mm_bucket_take(&bucket, 1000, START), 0); /* a clock that went back gives nothing */
    assert_int_equal(mm_bucket_take(&bucket, 10000, START + MM_DAY), 500);
    assert_int_equal(mm_bucket_when(&bucket, 10000, START + MM_DAY), START + MM_DAY + MM_SECOND / 2);
}

/* However often it is asked, no more is granted than the rate, and no less. */
static void a_bucket_keeps_its_rate(void **state)
{
    static const uint64_t rates[] = {1, 3, 999, 65537, 1000000007, MM_BUCKET_RATE_MAX, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct mm_bucket bucket;
        uint64_t now = START, granted = 0, seed = 11, rate = rates[i] < MM_BUCKET_RATE_MAX ? rates[i] : MM_BUCKET_RATE_MAX;
        mm_bucket_begin(&bucket, rates[i], rates[i], START);
        granted += mm_bucket_take(&bucket, UINT64_MAX, now);
        assert_int_equal(granted, rate);
        while (now < START + 20 * MM_SECOND) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            now += seed >> 40; /* up to 17 ms */
            granted += mm_bucket_take(&bucket, UINT64_MAX, now);
        }
        uint64_t most = rate + rate * ((now - START) / MM_SECOND + 1);
        assert_true(granted <= most);
        assert_true(granted >= rate * 20); /* the first second's worth was there */
    }
}

static void a_bucket_tells_when(void **state)
{
    (void)state;
    for (uint64_t rate = 1; rate < 5000000; rate = rate * 7 + 1) {
        struct mm_bucket bucket;
        mm_bucket_begin(&bucket, rate, 3 * rate, START);
        mm_bucket_take(&bucket, 3 * rate, START);
        uint64_t when = mm_bucket_when(&bucket, 2 * rate, START);
        assert_true(when > START);
        assert_int_equal(mm_bucket_take(&bucket, 2 * rate, when), 2 * rate);
    }
    struct mm_bucket open;
    mm_bucket_begin(&open, 0, 0, START);
    assert_int_equal(mm_bucket_take(&open, UINT64_MAX, START), UINT64_MAX);
    assert_int_equal(mm_bucket_when(&open, UINT64_MAX, START), START);
}

static void connections_are_counted(void **state)
{
    struct mm_limits *limits = new_limits((struct mm_limits_options){.connections = 4, .connections_an_address = 2});
    (void)state;
    assert_int_equal(connect_from(limits, "192.0.2.1", START), MM_GRANTED);
    assert_int_equal(connect_from(limits, "192.0.2.1", START), MM_GRANTED);
    assert_int_equal(connect_from(limits, "192.0.2.1", START), MM_GRANT_TOO_MANY_HERE);
    assert_int_equal(connect_from(limits, "::ffff:192.0.2.1", START), MM_GRANT_TOO_MANY_HERE);
    assert_int_equal(connect_from(limits, "2001:db8:1:2::1", START), MM_GRANTED);
    assert_int_equal(connect_from(limits, "2001:db8:1:2:ffff::9", START), MM_GRANTED);
    assert_int_equal(connect_from(limits, "2001:db8:1:2::3", START), MM_GRANT_TOO_MANY);
    disconnect_from(limits, "192.0.2.1");
    assert_int_equal(connect_from(limits, "2001:db8:1:2::3", START), MM_GRANT_TOO_MANY_HERE); /* one network of 64 bits */
    assert_int_equal(connect_from(limits, "2001:db8:1:3::3", START), MM_GRANTED);
    assert_int_equal(connect_from(limits, "192.0.2.2", START), MM_GRANT_TOO_MANY);
    disconnect_from(limits, "198.51.100.7"); /* one that was never granted */
    assert_int_equal(connect_from(limits, "192.0.2.2", START), MM_GRANT_TOO_MANY);
    mm_limits_free(limits);
}

static void handshakes_have_a_rate(void **state)
{
    struct mm_limits *limits = new_limits((struct mm_limits_options){.handshakes = 5});
    unsigned granted = 0;
    (void)state;
    assert_false(mm_limits_are_tight(limits, START));
    for (int i = 0; i < 100; i++)
        granted += connect_from(limits, "192.0.2.1", START) == MM_GRANTED;
    assert_int_equal(granted, 10);
    assert_int_equal(connect_from(limits, "192.0.2.2", START), MM_GRANT_TOO_FAST);
    assert_true(mm_limits_are_tight(limits, START));
    for (int i = 0; i < 100; i++)
        granted += connect_from(limits, "192.0.2.1", START + MM_SECOND) == MM_GRANTED;
    assert_int_equal(granted, 15);
    assert_false(mm_limits_are_tight(limits, START + 10 * MM_SECOND));
    mm_limits_free(limits);
    limits = new_limits((struct mm_limits_options){.connections = 4});
    connect_from(limits, "192.0.2.1", START);
    assert_false(mm_limits_are_tight(limits, START));
    connect_from(limits, "192.0.2.1", START);
    assert_true(mm_limits_are_tight(limits, START));
    mm_limits_free(limits);
}

static void bytes_a_day_are_counted_by_key_or_address(void **state)
{
    struct mm_limits *limits = new_limits((struct mm_limits_options){.bytes_a_day = 1000});
    struct sockaddr_storage here = address("192.0.2.1"), there = address("2001:db8::1"), near = address("2001:db8::2");
    const struct sockaddr *a = (struct sockaddr *)&here, *b = (struct sockaddr *)&there, *c = (struct sockaddr *)&near;
    unsigned char key[MM_PEER_KEY_BYTES] = {1}, other[MM_PEER_KEY_BYTES] = {2};
    (void)state;
    assert_int_equal(mm_limits_left(limits, NULL, a, START), 1000);
    mm_limits_count(limits, NULL, a, 300, START);
    assert_int_equal(mm_limits_left(limits, NULL, a, START), 700);
    assert_int_equal(mm_limits_left(limits, key, a, START), 1000);
    mm_limits_count(limits, key, a, 5000, START);
    assert_int_equal(mm_limits_left(limits, key, b, START), 0); /* the key counts, wherever it is */
    assert_int_equal(mm_limits_left(limits, other, a, START), 1000);
    mm_limits_count(limits, NULL, b, 400, START);
    assert_int_equal(mm_limits_left(limits, NULL, c, START), 600);
    assert_int_equal(mm_limits_left(limits, key, a, START + MM_DAY - 1), 0);
    assert_int_equal(mm_limits_left(limits, key, a, START + MM_DAY), 1000);
    mm_limits_count(limits, key, a, 1, START + MM_DAY);
    assert_int_equal(mm_limits_left(limits, key, a, START + MM_DAY), 999);
    mm_limits_count(limits, key, a, UINT64_MAX, START + MM_DAY);
    mm_limits_count(limits, key, a, UINT64_MAX, START + MM_DAY);
    assert_int_equal(mm_limits_left(limits, key, a, START + MM_DAY), 0);
    mm_limits_free(limits);
}

/* A crowd of newcomers does not make it forget who had much. */
static void the_greedy_are_not_forgotten(void **state)
{
    struct mm_limits *limits = new_limits((struct mm_limits_options){.bytes_a_day = 1000});
    unsigned char key[MM_PEER_KEY_BYTES] = {0xff};
    (void)state;
    mm_limits_count(limits, key, NULL, 1000, START);
    for (unsigned i = 0; i < 2 * MM_LIMITS_PEERS; i++) {
        unsigned char crowd[MM_PEER_KEY_BYTES] = {(unsigned char)i, (unsigned char)(i >> 8), 1};
        mm_limits_count(limits, crowd, NULL, 1, START);
    }
    assert_int_equal(mm_limits_left(limits, key, NULL, START), 0);
    mm_limits_free(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_grants_what_came_in),
        cmocka_unit_test(a_bucket_keeps_its_rate),
        cmocka_unit_test(a_bucket_tells_when),
        cmocka_unit_test(connections_are_counted),
        cmocka_unit_test(handshakes_have_a_rate),
        cmocka_unit_test(bytes_a_day_are_counted_by_key_or_address),
        cmocka_unit_test(the_greedy_are_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
