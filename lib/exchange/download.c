#include "exchange/download.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/have.h"
#include "exchange/judge.h"
#include "exchange/range.h"
#include "exchange/resource.h"

#define ORDER_ID(order) (2 * (order))
#define SPARES 4
#define SPARE_BYTES (4u << 20) /* of one: larger chunks do not stay in caches */

/* A request that is out: for the chunks of an order, or for a bitmap. Their ids are even and odd, so that they do not meet. */
struct asking {
    struct asking *next;
    uint64_t id;
    bool is_order;
    size_t peer, file;
    struct mm_reply_wanted wanted;
    bool begun;            /* its head was right */
    uint64_t first, count; /* an order's chunks */
    uint64_t taken;        /* chunks of it that were judged */
    unsigned char *bytes;  /* of the chunk at hand, or of the bitmap */
    size_t room, held;
};

struct mm_download {
    struct mm_landing *landing;
    const struct mm_carrier *carrier;
    struct mm_plan *plan;
    struct asking *askings;
    uint64_t last_have;
    struct mm_diags findings; /* until the next turn */
    bool failed;              /* this machine did */
    struct mm_judge *judge;   /* NULL: chunks are judged where they come */
    size_t judging;           /* chunks that it has */
    struct spare {
        unsigned char *bytes;
        size_t room;
    } spares[SPARES]; /* memory of chunks that were judged: the newest is in the processor's caches */
    size_t spare_count;
};

/* ---- making ---- */

struct mm_download *mm_download_new(struct mm_landing *landing, const struct mm_carrier *carrier,
                                    const struct mm_plan_options *options, uint64_t now, struct mm_diags *diags)
{
    struct mm_download *d = calloc(1, sizeof *d);
    struct mm_plan_file *files = calloc(landing->count + 1, sizeof *files);
    if (!d || !files) {
        free(d);
        free(files);
        mm_diag_memory(diags);
        return NULL;
    }
    for (size_t i = 0; i < landing->count; i++) {
        const struct mm_landing_file *item = &landing->items[i];
        files[i] = (struct mm_plan_file){item->claim.chunks.bytes, item->claim.chunks.size, item->claim.chunks.count,
                                         item->need};
    }
    mm_diags_init(&d->findings);
    d->findings.file = "";
    d->landing = landing;
    d->carrier = carrier;
    d->plan = mm_plan_new(files, landing->count, options, now, diags);
    free(files);
    if (d->plan)
        return d;
    mm_download_free(d);
    return NULL;
}

static void free_asking(struct asking *asking)
{
    free(asking->bytes);
    free(asking);
}

void mm_download_free(struct mm_download *d)
{
    if (!d)
        return;
    while (d->askings) {
        struct asking *asking = d->askings;
        d->askings = asking->next;
        free_asking(asking);
    }
    mm_judge_free(d->judge);
    while (d->spare_count > 0)
        free(d->spares[--d->spare_count].bytes);
    mm_plan_free(d->plan);
    mm_diags_release(&d->findings);
    free(d);
}

void mm_download_judge_behind(struct mm_download *d)
{
    if (!d->judge)
        d->judge = mm_judge_new(d->landing);
}

struct mm_plan *mm_download_plan(struct mm_download *d)
{
    return d->plan;
}

/* ---- requests ---- */

static struct asking *find(const struct mm_download *d, uint64_t id)
{
    struct asking *asking = d->askings;
    while (asking && asking->id != id)
        asking = asking->next;
    return asking;
}

static void forget(struct mm_download *d, struct asking *asking)
{
    struct asking **at = &d->askings;
    while (*at != asking)
        at = &(*at)->next;
    *at = asking->next;
    free_asking(asking);
}

static void forget_peer(struct mm_download *d, size_t peer)
{
    for (struct asking *asking = d->askings, *next; asking; asking = next) {
        next = asking->next;
        if (asking->peer == peer)
            forget(d, asking);
    }
}

static int note_peer(struct mm_download *d, size_t peer, enum mm_rule rule, const char *what)
{
    struct mm_plan_peer_facts facts;
    char id[MM_PEER_ID_TEXT];
    mm_plan_peer_facts(d->plan, peer, &facts);
    mm_note(&d->findings, rule, "peer %s: %s", mm_peer_id_write(id, facts.key), what);
    return 0;
}

/* The request came to nothing. */
static void fail(struct mm_download *d, struct asking *asking, bool absent, uint64_t now)
{
    uint64_t id = asking->id;
    size_t peer = asking->peer, file = asking->file;
    bool is_order = asking->is_order;
    forget(d, asking);
    if (is_order)
        mm_plan_order_end(d->plan, id / 2, absent, now);
    else
        mm_plan_peer_has(d->plan, peer, file, NULL, 0, now);
}

/* Sends it; what the carrier does not take has failed. */
static void send_asking(struct mm_download *d, struct asking *asking, enum mm_resource resource, uint64_t now)
{
    char path[MM_RESOURCE_PATH], range[MM_RANGE_TEXT];
    const struct mm_chunk_facts *chunks = &d->landing->items[asking->file].claim.chunks;
    const struct mm_reply_wanted *wanted = &asking->wanted;
    mm_resource_write(path, resource, resource == MM_RESOURCE_HAVE ? chunks->root : chunks->sha256);
    asking->next = d->askings;
    d->askings = asking;
    const char *part = wanted->part ? mm_range_write(range, wanted->offset, wanted->length) : NULL;
    if (!d->carrier->get(d->carrier->context, asking->peer, asking->id, path, part, wanted->most))
        fail(d, asking, false, now);
}

static unsigned char *take_room(struct mm_download *d, size_t room)
{
    for (size_t i = d->spare_count; i-- > 0;)
        if (d->spares[i].room == room) {
            unsigned char *bytes = d->spares[i].bytes;
            d->spares[i] = d->spares[--d->spare_count];
            return bytes;
        }
    return malloc(room ? room : 1);
}

static void give_room(struct mm_download *d, unsigned char *bytes, size_t room)
{
    if (room > SPARE_BYTES) {
        free(bytes);
        return;
    }
    if (d->spare_count == SPARES) {
        free(d->spares[0].bytes);
        memmove(d->spares, d->spares + 1, (SPARES - 1) * sizeof *d->spares);
        d->spare_count--;
    }
    d->spares[d->spare_count++] = (struct spare){bytes, room};
}

static struct asking *new_asking(struct mm_download *d, const struct mm_plan_step *step, size_t room)
{
    struct asking *asking = calloc(1, sizeof *asking);
    unsigned char *bytes = take_room(d, room);
    if (!asking || !bytes) {
        free(asking);
        free(bytes);
        d->failed = true;
        mm_diag_memory(&d->findings);
        return NULL;
    }
    asking->peer = step->peer;
    asking->file = step->file;
    asking->bytes = bytes;
    asking->room = room;
    return asking;
}

static void ask_chunks(struct mm_download *d, const struct mm_plan_step *step, uint64_t now)
{
    const struct mm_chunk_facts *chunks = &d->landing->items[step->file].claim.chunks;
    uint64_t offset = step->first * chunks->size, last = step->first + step->count - 1;
    uint64_t length = last * chunks->size + mm_chunk_bytes(chunks, last) - offset;
    struct asking *asking = new_asking(d, step, (size_t)mm_chunk_bytes(chunks, step->first));
    if (!asking)
        return;
    asking->is_order = true;
    asking->id = ORDER_ID(step->order);
    asking->first = step->first;
    asking->count = step->count;
    asking->wanted = (struct mm_reply_wanted){length, true, offset, length, chunks->bytes};
    send_asking(d, asking, MM_RESOURCE_ARTIFACT, now);
}

static void ask_bitmap(struct mm_download *d, const struct mm_plan_step *step, uint64_t now)
{
    size_t size = mm_have_size(d->landing->items[step->file].claim.chunks.count);
    struct asking *asking = new_asking(d, step, size);
    if (!asking)
        return;
    asking->id = 2 * ++d->last_have - 1;
    asking->wanted = (struct mm_reply_wanted){.most = size};
    send_asking(d, asking, MM_RESOURCE_HAVE, now);
}

static void cancel(struct mm_download *d, const struct mm_plan_step *step)
{
    struct asking *asking = find(d, ORDER_ID(step->order));
    if (asking)
        forget(d, asking);
    d->carrier->cancel(d->carrier->context, step->peer, ORDER_ID(step->order));
}

/* ---- what became of chunks ---- */

/* What became of a chunk: RESULT is that of mm_landing_put. */
static void conclude(struct mm_download *d, const struct mm_judged *chunk, uint64_t now)
{
    if (chunk->result < 0) {
        d->failed = true;
        return;
    }
    if (chunk->result > 0) {
        char what[120];
        snprintf(what, sizeof what, "chunk %" PRIu64 " of file %zu is not the one that was asked for; not asked again",
                 chunk->chunk, chunk->item + 1);
        note_peer(d, chunk->peer, MM_RULE_PEER_WRONG, what);
        mm_plan_peer_drop(d->plan, chunk->peer, MM_PEER_WRONG); /* its order may be over meanwhile */
        return;
    }
    if (chunk->needed)
        mm_landing_note(d->landing, chunk->item, chunk->chunk, chunk->length);
    mm_plan_order_took(d->plan, chunk->order, true, now);
}

/* Takes what the judge has done: the oldest, if WAITING, and all that are ready. */
static void conclude_judged(struct mm_download *d, bool waiting, uint64_t now)
{
    struct mm_judged chunk;
    while (d->judging > 0 && mm_judge_take(d->judge, waiting, &chunk, &d->findings)) {
        waiting = false;
        d->judging--;
        conclude(d, &chunk, now);
        give_room(d, chunk.bytes, chunk.length);
    }
}

void mm_download_settle(struct mm_download *d, uint64_t now)
{
    while (d->judging > 0)
        conclude_judged(d, true, now);
}

/* ---- turns ---- */

static void part_from(struct mm_download *d, size_t peer)
{
    struct mm_plan_peer_facts facts;
    mm_plan_peer_facts(d->plan, peer, &facts);
    if (facts.fate == MM_PEER_SLOW)
        note_peer(d, peer, MM_RULE_PEER_SLOW, "too slow, and given up");
    else if (facts.fate == MM_PEER_BROKEN)
        note_peer(d, peer, MM_RULE_PEER_ANSWER, "failed too often, and given up");
    forget_peer(d, peer);
    d->carrier->close(d->carrier->context, peer);
}

static void carry_out(struct mm_download *d, uint64_t now)
{
    struct mm_plan_step step;
    mm_plan_next(d->plan, now, &step);
    while (!d->failed && step.action != MM_PLAN_REST) {
        switch (step.action) {
        case MM_PLAN_DIAL: d->carrier->dial(d->carrier->context, step.peer); break;
        case MM_PLAN_HAVE: ask_bitmap(d, &step, now); break;
        case MM_PLAN_ORDER: ask_chunks(d, &step, now); break;
        case MM_PLAN_CANCEL: cancel(d, &step); break;
        default: part_from(d, step.peer);
        }
        mm_plan_next(d->plan, now, &step);
    }
}

int mm_download_turn(struct mm_download *d, uint64_t now, struct mm_diags *diags)
{
    do {
        conclude_judged(d, !d->askings, now);
        carry_out(d, now);
    } while (!d->failed && !d->askings && d->judging > 0); /* nothing else can come */
    mm_diags_move(diags, &d->findings);
    return d->failed ? -1 : 0;
}

/* ---- what the carrier tells ---- */

void mm_download_ready(struct mm_download *d, size_t peer, uint64_t now)
{
    mm_plan_peer_ready(d->plan, peer, now);
}

void mm_download_away(struct mm_download *d, size_t peer, uint64_t now)
{
    mm_download_settle(d, now);
    forget_peer(d, peer);
    mm_plan_peer_away(d->plan, peer, now);
}

bool mm_download_head(struct mm_download *d, uint64_t id, int status, const struct mm_reply_header *headers,
                      size_t count, uint64_t now)
{
    struct asking *asking = find(d, id);
    const char *why;
    if (!asking)
        return false;
    enum mm_reply reply = mm_reply_judge(&asking->wanted, status, headers, count, &why);
    if (reply == MM_REPLY_BODY) {
        asking->begun = true;
        return true;
    }
    if (reply == MM_REPLY_REFUSED) {
        char what[120];
        snprintf(what, sizeof what, "expected %s, found status %d, and given up", why, status);
        note_peer(d, asking->peer, MM_RULE_PEER_ANSWER, what);
        mm_plan_peer_drop(d->plan, asking->peer, MM_PEER_GONE);
        return false;
    }
    fail(d, asking, reply == MM_REPLY_ABSENT, now);
    return false;
}

/* False once it sent something wrong. */
static bool is_kept(struct mm_download *d, size_t peer)
{
    struct mm_plan_peer_facts facts;
    mm_plan_peer_facts(d->plan, peer, &facts);
    return facts.fate == MM_PEER_KEPT;
}

/* A chunk is whole. Returns false where nothing more of the request is wanted. */
static bool judge_chunk(struct mm_download *d, struct asking *asking, uint64_t now)
{
    struct mm_judged chunk = {.item = asking->file,
                              .chunk = asking->first + asking->taken,
                              .bytes = asking->bytes,
                              .length = asking->held,
                              .order = asking->id / 2,
                              .peer = asking->peer};
    chunk.needed = mm_have_has(d->landing->items[chunk.item].need, chunk.chunk);
    asking->taken++;
    asking->held = 0;
    bool last = asking->taken == asking->count;
    if (d->judge) {
        if (d->judging == MM_JUDGE_CHUNKS)
            conclude_judged(d, true, now);
        mm_judge_give(d->judge, &chunk);
        d->judging++;
        asking->bytes = last ? NULL : take_room(d, asking->room);
        conclude_judged(d, false, now);
        if (!last && !asking->bytes) {
            d->failed = true;
            mm_diag_memory(&d->findings);
        }
        return !d->failed && is_kept(d, asking->peer);
    }
    if (chunk.needed) {
        unsigned char hash[MM_HASH_BYTES];
        mm_sha256_once(d->landing->sha, chunk.bytes, chunk.length, hash);
        chunk.result =
            mm_landing_put(d->landing, chunk.item, chunk.chunk, chunk.bytes, chunk.length, hash, &d->findings);
    }
    if (last) { /* its end may take its time */
        give_room(d, asking->bytes, asking->room);
        asking->bytes = NULL;
    }
    conclude(d, &chunk, now);
    return chunk.result == 0;
}

static bool take_chunks(struct mm_download *d, struct asking *asking, const unsigned char *bytes, size_t length,
                        uint64_t now)
{
    const struct mm_chunk_facts *chunks = &d->landing->items[asking->file].claim.chunks;
    mm_plan_order_bytes(d->plan, asking->id / 2, length, now);
    while (length > 0) {
        uint64_t chunk = asking->first + asking->taken;
        size_t left = (size_t)mm_chunk_bytes(chunks, chunk) - asking->held, some = length < left ? length : left;
        memcpy(asking->bytes + asking->held, bytes, some);
        asking->held += some;
        bytes += some;
        length -= some;
        if (some == left && !judge_chunk(d, asking, now))
            return false;
    }
    return true;
}

bool mm_download_body(struct mm_download *d, uint64_t id, const unsigned char *bytes, size_t length, uint64_t now)
{
    struct asking *asking = find(d, id);
    uint64_t left;
    if (!asking || !asking->begun || d->failed)
        return false;
    left = asking->is_order ? asking->wanted.length : asking->wanted.most;
    uint64_t had = asking->is_order ? asking->taken * d->landing->items[asking->file].claim.chunks.size + asking->held
                                    : asking->held;
    if (length > left - (had < left ? had : left)) {
        note_peer(d, asking->peer, MM_RULE_PEER_ANSWER, "expected no more bytes than asked for, and given up");
        mm_plan_peer_drop(d->plan, asking->peer, MM_PEER_GONE);
        return false;
    }
    if (asking->is_order)
        return take_chunks(d, asking, bytes, length, now);
    memcpy(asking->bytes + asking->held, bytes, length);
    asking->held += length;
    return true;
}

void mm_download_end(struct mm_download *d, uint64_t id, bool complete, uint64_t now)
{
    struct asking *asking = find(d, id);
    if (!asking)
        return;
    if (asking->is_order && asking->taken == asking->count) {
        forget(d, asking); /* it brought all of it, whatever becomes of that */
        return;
    }
    if (asking->is_order || !complete || !asking->begun) {
        mm_download_settle(d, now);
        fail(d, asking, false, now);
        return;
    }
    mm_plan_peer_has(d->plan, asking->peer, asking->file, asking->bytes, asking->held, now);
    forget(d, asking);
}
