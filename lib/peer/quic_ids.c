#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "peer/quic_parts.h"

#define FIRST_BUCKETS 64

bool mm_quic_ids_init(struct mm_quic_ids *ids)
{
    *ids = (struct mm_quic_ids){.bucket_count = FIRST_BUCKETS};
    ids->buckets = calloc(FIRST_BUCKETS, sizeof(struct mm_quic_id *));
    return ids->buckets && mm_random(ids->key, sizeof ids->key) == 0;
}

void mm_quic_ids_release(struct mm_quic_ids *ids)
{
    free(ids->buckets);
    ids->buckets = NULL;
}

static struct mm_quic_id **bucket_of(const struct mm_quic_ids *ids, const unsigned char *bytes, size_t length)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash(hash, bytes, length, ids->key);
    memcpy(&number, hash, sizeof number);
    return &ids->buckets[number & (ids->bucket_count - 1)];
}

static bool is(const struct mm_quic_id *id, const unsigned char *bytes, size_t length)
{
    return id->bytes.datalen == length && memcmp(id->bytes.data, bytes, length) == 0;
}

struct mm_quic_connection *mm_quic_ids_find(const struct mm_quic_ids *ids, const unsigned char *bytes, size_t length)
{
    for (struct mm_quic_id *id = *bucket_of(ids, bytes, length); id; id = id->in_bucket)
        if (is(id, bytes, length))
            return id->connection;
    return NULL;
}

/* Twice the buckets; without memory for that the old ones do. */
static void widen(struct mm_quic_ids *ids)
{
    struct mm_quic_id **old = ids->buckets;
    size_t old_count = ids->bucket_count;
    struct mm_quic_id **wide = calloc(old_count * 2, sizeof(struct mm_quic_id *));
    if (!wide)
        return;
    ids->buckets = wide;
    ids->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        for (struct mm_quic_id *id = old[i], *next; id; id = next) {
            struct mm_quic_id **bucket = bucket_of(ids, id->bytes.data, id->bytes.datalen);
            next = id->in_bucket;
            id->in_bucket = *bucket;
            *bucket = id;
        }
    }
    free(old);
}

bool mm_quic_ids_add(struct mm_quic_ids *ids, const ngtcp2_cid *bytes, struct mm_quic_connection *connection)
{
    struct mm_quic_connection *known = mm_quic_ids_find(ids, bytes->data, bytes->datalen);
    if (known)
        return known == connection;
    struct mm_quic_id *id = malloc(sizeof *id);
    if (!id)
        return false;
    if (ids->count >= ids->bucket_count)
        widen(ids);
    struct mm_quic_id **bucket = bucket_of(ids, bytes->data, bytes->datalen);
    *id = (struct mm_quic_id){*bytes, connection, *bucket, connection->ids};
    *bucket = id;
    connection->ids = id;
    ids->count++;
    return true;
}

static void unlink_from_bucket(struct mm_quic_ids *ids, struct mm_quic_id *gone)
{
    struct mm_quic_id **at = bucket_of(ids, gone->bytes.data, gone->bytes.datalen);
    while (*at != gone)
        at = &(*at)->in_bucket;
    *at = gone->in_bucket;
    ids->count--;
}

void mm_quic_ids_remove(struct mm_quic_ids *ids, const ngtcp2_cid *bytes, struct mm_quic_connection *connection)
{
    for (struct mm_quic_id **at = &connection->ids; *at; at = &(*at)->of_connection) {
        struct mm_quic_id *id = *at;
        if (!is(id, bytes->data, bytes->datalen))
            continue;
        *at = id->of_connection;
        unlink_from_bucket(ids, id);
        free(id);
        return;
    }
}

void mm_quic_ids_remove_all(struct mm_quic_ids *ids, struct mm_quic_connection *connection)
{
    while (connection->ids) {
        struct mm_quic_id *id = connection->ids;
        connection->ids = id->of_connection;
        unlink_from_bucket(ids, id);
        free(id);
    }
}
