#include "exchange/limits.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define MICROSECOND UINT64_C(1000)
#define SECOND_OF_MICROSECONDS UINT64_C(1000000)

/* ---- buckets ---- */

void mm_bucket_begin(struct mm_bucket *bucket, uint64_t rate, uint64_t burst, uint64_t now)
{
    rate = rate < MM_BUCKET_RATE_MAX ? rate : MM_BUCKET_RATE_MAX;
    burst = burst < MM_BUCKET_RATE_MAX ? burst : MM_BUCKET_RATE_MAX;
    *bucket = (struct mm_bucket){rate, burst ? burst : 1, burst ? burst : 1, now};
}

/* What came in since, in whole units; the time of a broken one stays for the next call. A rate below 2^40 and less than 2^23 microseconds
 * stay below 2^63 as a product. */
static void fill(struct mm_bucket *bucket, uint64_t now)
{
    uint64_t lacking = bucket->burst - bucket->held;
    uint64_t passed = now > bucket->at ? (now - bucket->at) / MICROSECOND : 0;
    uint64_t seconds = passed / SECOND_OF_MICROSECONDS;
    if (seconds > lacking / bucket->rate) {
        bucket->held = bucket->burst;
        bucket->at = now;
        return;
    }
    uint64_t whole = seconds * bucket->rate, rest = passed % SECOND_OF_MICROSECONDS;
    uint64_t part = rest * bucket->rate / SECOND_OF_MICROSECONDS;
    if (whole + part == 0)
        return;
    bucket->held += whole + part < lacking ? whole + part : lacking;
    bucket->at += seconds * MM_SECOND + (part * SECOND_OF_MICROSECONDS + bucket->rate - 1) / bucket->rate * MICROSECOND;
    if (bucket->at > now)
        bucket->at = now;
}

uint64_t mm_bucket_take(struct mm_bucket *bucket, uint64_t want, uint64_t now)
{
    if (bucket->rate == 0)
        return want;
    fill(bucket, now);
    uint64_t taken = want < bucket->held ? want : bucket->held;
    bucket->held -= taken;
    return taken;
}

void mm_bucket_return(struct mm_bucket *bucket, uint64_t bytes)
{
    uint64_t room = bucket->burst - bucket->held;
    bucket->held += bytes < room ? bytes : room;
}

uint64_t mm_bucket_when(struct mm_bucket *bucket, uint64_t want, uint64_t now)
{
    if (bucket->rate == 0)
        return now;
    fill(bucket, now);
    if (want > bucket->burst)
        want = bucket->burst;
    if (want <= bucket->held)
        return now;
    uint64_t lacking = want - bucket->held, seconds = lacking / bucket->rate, rest = lacking % bucket->rate;
    return bucket->at + seconds * MM_SECOND +
           (rest * SECOND_OF_MICROSECONDS + bucket->rate - 1) / bucket->rate * MICROSECOND;
}

/* ---- addresses and peers ---- */

/* Whom something is counted for: a key, an IPv4 address, or an IPv6 network of 64 bits. */
struct party {
    unsigned char kind; /* 0: none of these, 4, 6, or 'k' */
    unsigned char bytes[MM_PEER_KEY_BYTES];
};

struct place {
    struct party party;
    unsigned connections;
};

struct consumer {
    struct party party;
    uint64_t bytes, since;
};

struct mm_limits {
    struct mm_limits_options options;
    struct mm_bucket upload, handshakes;
    struct place *places; /* of connections that there are */
    size_t place_count, place_capacity;
    unsigned connections;
    struct consumer *consumers;
    size_t consumer_count, consumer_capacity;
};

static struct party party_of_address(const struct sockaddr *from)
{
    struct party party = {0};
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (from && from->sa_family == AF_INET) {
        party.kind = 4;
        memcpy(party.bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    } else if (from && from->sa_family == AF_INET6) {
        const unsigned char *address = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr.s6_addr;
        bool is_ipv4 = memcmp(address, mapped, sizeof mapped) == 0;
        party.kind = is_ipv4 ? 4 : 6;
        memcpy(party.bytes, is_ipv4 ? address + sizeof mapped : address, is_ipv4 ? 4 : 8);
    }
    return party;
}

static struct party party_of(const unsigned char *key, const struct sockaddr *from)
{
    struct party party = {.kind = 'k'};
    if (!key)
        return party_of_address(from);
    memcpy(party.bytes, key, MM_PEER_KEY_BYTES);
    return party;
}

static bool is_party(const struct party *a, const struct party *b)
{
    return a->kind == b->kind && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- connections ---- */

struct mm_limits *mm_limits_new(const struct mm_limits_options *options, uint64_t now, struct mm_diags *diags)
{
    struct mm_limits *limits = calloc(1, sizeof *limits);
    if (!limits) {
        mm_diag_memory(diags);
        return NULL;
    }
    limits->options = *options;
    /* a quarter of a second's worth, but never less than one large packet train */
    uint64_t burst = options->upload_rate / 4 < 65536 ? 65536 : options->upload_rate / 4;
    mm_bucket_begin(&limits->upload, options->upload_rate, burst, now);
    mm_bucket_begin(&limits->handshakes, options->handshakes, 2 * (uint64_t)options->handshakes, now);
    return limits;
}

void mm_limits_free(struct mm_limits *limits)
{
    if (!limits)
        return;
    free(limits->places);
    free(limits->consumers);
    free(limits);
}

static struct place *find_place(struct mm_limits *limits, const struct party *party)
{
    for (size_t i = 0; i < limits->place_count; i++)
        if (is_party(&limits->places[i].party, party))
            return &limits->places[i];
    return NULL;
}

static enum mm_grant is_room(const struct mm_limits *limits, const struct place *place)
{
    const struct mm_limits_options *options = &limits->options;
    if (options->connections && limits->connections >= options->connections)
        return MM_GRANT_TOO_MANY;
    bool full = place && options->connections_an_address && place->connections >= options->connections_an_address;
    return full ? MM_GRANT_TOO_MANY_HERE : MM_GRANTED;
}

enum mm_grant mm_limits_welcome(struct mm_limits *limits, const struct sockaddr *from, uint64_t now)
{
    struct party party = party_of_address(from);
    enum mm_grant grant = is_room(limits, find_place(limits, &party));
    if (grant == MM_GRANTED && mm_bucket_take(&limits->handshakes, 1, now) == 0)
        grant = MM_GRANT_TOO_FAST;
    return grant;
}

enum mm_grant mm_limits_connect(struct mm_limits *limits, const struct sockaddr *from)
{
    struct party party = party_of_address(from);
    struct place *place = find_place(limits, &party);
    enum mm_grant grant = is_room(limits, place);
    if (grant == MM_GRANTED && !place) {
        if (!mm_grow(&limits->places, limits->place_count, &limits->place_capacity, sizeof *limits->places))
            return MM_GRANT_TOO_MANY;
        place = &limits->places[limits->place_count++];
        *place = (struct place){.party = party};
    }
    if (grant == MM_GRANTED) {
        place->connections++;
        limits->connections++;
    }
    return grant;
}

void mm_limits_disconnect(struct mm_limits *limits, const struct sockaddr *from)
{
    struct party party = party_of_address(from);
    struct place *place = find_place(limits, &party);
    if (!place)
        return;
    limits->connections--;
    if (--place->connections == 0)
        *place = limits->places[--limits->place_count];
}

bool mm_limits_are_tight(struct mm_limits *limits, uint64_t now)
{
    const struct mm_limits_options *options = &limits->options;
    bool full = options->connections && limits->connections >= options->connections / 2;
    return full || (options->handshakes && mm_bucket_when(&limits->handshakes, options->handshakes, now) > now);
}

/* ---- bytes a day ---- */

static struct consumer *find_consumer(struct mm_limits *limits, const struct party *party)
{
    for (size_t i = 0; i < limits->consumer_count; i++)
        if (is_party(&limits->consumers[i].party, party))
            return &limits->consumers[i];
    return NULL;
}

static bool is_over(const struct consumer *consumer, uint64_t now)
{
    return now - consumer->since >= MM_DAY;
}

uint64_t mm_limits_left(struct mm_limits *limits, const unsigned char *key, const struct sockaddr *from, uint64_t now)
{
    uint64_t most = limits->options.bytes_a_day;
    struct party party = party_of(key, from);
    const struct consumer *consumer = most ? find_consumer(limits, &party) : NULL;
    if (!most)
        return UINT64_MAX;
    if (!consumer || is_over(consumer, now))
        return most;
    return consumer->bytes < most ? most - consumer->bytes : 0;
}

/* A place for a newcomer: of a full table that of whose day is over, or of who had least. */
static struct consumer *new_consumer(struct mm_limits *limits, uint64_t now)
{
    struct consumer *least = limits->consumers;
    if (limits->consumer_count < MM_LIMITS_PEERS &&
        mm_grow(&limits->consumers, limits->consumer_count, &limits->consumer_capacity, sizeof *limits->consumers))
        return &limits->consumers[limits->consumer_count++];
    for (size_t i = 0; i < limits->consumer_count; i++) {
        if (is_over(&limits->consumers[i], now))
            return &limits->consumers[i];
        if (limits->consumers[i].bytes < least->bytes)
            least = &limits->consumers[i];
    }
    return limits->consumer_count ? least : NULL;
}

void mm_limits_count(struct mm_limits *limits, const unsigned char *key, const struct sockaddr *from, uint64_t bytes,
                     uint64_t now)
{
    struct party party = party_of(key, from);
    if (!limits->options.bytes_a_day)
        return;
    struct consumer *known = find_consumer(limits, &party), *consumer = known ? known : new_consumer(limits, now);
    if (!consumer)
        return;
    if (!known || is_over(known, now))
        *consumer = (struct consumer){.party = party, .since = now};
    if (!mm_add(consumer->bytes, bytes, &consumer->bytes))
        consumer->bytes = MM_SIZE_LIMIT;
}

struct mm_bucket *mm_limits_upload(struct mm_limits *limits)
{
    return &limits->upload;
}
