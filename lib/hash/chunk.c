#include "hash/chunk.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/pool.h"

#define GROUP 16              /* chunks at most that are hashed side by side */
#define WINDOW_MIN (2u << 20) /* smaller ones cost more calls than they save memory */
#define WINDOW_MAX (16u << 20)
#define IN_HAND (32u << 20) /* of all windows */

/* Chunks that are hashed side by side, by whichever thread is free. */
struct group {
    const unsigned char *pieces[GROUP];
    unsigned char digests[GROUP][MM_HASH_BYTES];
    size_t count;
    uint64_t end; /* the offset behind the last */
};

/* There are three ways. As bytes come: a twin computes the whole file's hash and the chunks', or a single stream the chunks' alone. In groups, for
 * bytes that last: chunks are collected where they lie, and hashed side by side, while the caller's thread carries the
 * whole file's hash. */
struct mm_chunker {
    struct mm_chunker_options options;
    uint64_t bytes, filled; /* filled: of the chunk that has not ended yet */
    struct mm_merkle tree;
    struct mm_sha256_twin *twin;
    struct mm_sha256 *whole, *chunk;

    size_t group_size;          /* chunks of a full group; 0: as bytes come */
    const unsigned char *start; /* of the chunk that has not ended, NULL where it goes through `chunk` */
    struct group open;
    struct mm_pool *pool; /* made for the first full group */
    uint64_t hashed;      /* bytes up to which the chunks' hashes are known */
    struct mm_diags none; /* groups have no findings */
};

bool mm_chunk_size_valid(uint64_t size)
{
    return mm_power_of_two(size) && size >= MM_CHUNK_SIZE_MIN && size <= MM_CHUNK_SIZE_MAX;
}

uint64_t mm_chunk_count(uint64_t bytes, uint64_t size)
{
    return bytes / size + (bytes % size != 0);
}

/* ---- how ---- */

struct mm_hash_means mm_hash_means_share(struct mm_hash_means all, size_t files)
{
    struct mm_hash_means share = {.threads = 1, .files = all.threads, .path = all.path};
    if (files < share.files)
        share.files = (unsigned)files;
    return files > 1 ? share : all;
}

static unsigned threads_of(const struct mm_hash_means *means)
{
    return means->threads > 1 ? means->threads : 1;
}

/* Chunks in a group: more threads want smaller groups from the same bytes in hand. */
static size_t group_size(const struct mm_chunker_options *options)
{
    unsigned beside = threads_of(&options->means) * (options->means.files > 1 ? options->means.files : 1);
    size_t count = GROUP;
    while (count > 2 && count * beside > 2 * GROUP)
        count /= 2;
    while (count > 1 && count * options->size > WINDOW_MAX)
        count /= 2;
    return count > 1 ? count : 0;
}

/* Where a twin costs little more than the whole hash alone, that hash is what the time goes into, and nothing is won by threads; elsewhere a file
 * that fills groups is worth them. */
static bool in_groups(const struct mm_chunker_options *options)
{
    size_t group = group_size(options);
    bool small = options->expected > 0 && options->expected < 2 * group * options->size;
    bool as_twin =
        options->whole && (mm_sha256_path_twins(options->means.path) || threads_of(&options->means) < 2 || small);
    return options->lasting && group > 0 && !as_twin;
}

struct mm_source_shape mm_chunker_shape(const struct mm_chunker_options *options)
{
    unsigned threads = threads_of(&options->means);
    struct mm_source_shape shape = {.window = WINDOW_MIN, .count = 1, .ahead = threads > 1};
    if (in_groups(options))
        while (shape.window < group_size(options) * options->size)
            shape.window *= 2;
    if (threads > 1)
        shape.count = IN_HAND / shape.window < threads + 1 ? (unsigned)(IN_HAND / shape.window) : threads + 1;
    return shape;
}

/* Lanes that are asked for by name and know of nothing but pieces leave two streams to libcrypto. */
static const struct mm_sha256_path *twin_path(const struct mm_sha256_path *asked)
{
    return asked && !mm_sha256_path_twins(asked) ? mm_sha256_path_named("libcrypto") : asked;
}

static bool begin(struct mm_chunker *chunker)
{
    const struct mm_chunker_options *options = &chunker->options;
    chunker->group_size = in_groups(options) ? group_size(options) : 0;
    if (options->whole && chunker->group_size == 0)
        return (chunker->twin = mm_sha256_twin_new(twin_path(options->means.path))) != NULL;
    chunker->chunk = mm_sha256_new();
    chunker->whole = options->whole ? mm_sha256_new() : NULL;
    return chunker->chunk && (chunker->whole || !options->whole);
}

struct mm_chunker *mm_chunker_new(const struct mm_chunker_options *options, struct mm_diags *diags)
{
    struct mm_chunker *chunker = calloc(1, sizeof *chunker);
    if (!chunker) {
        mm_diag_memory(diags);
        return NULL;
    }
    chunker->options = *options;
    mm_diags_init(&chunker->none);
    if (mm_merkle_init(&chunker->tree, diags) < 0) {
        mm_chunker_free(chunker);
        return NULL;
    }
    if (!begin(chunker)) {
        mm_diag_memory(diags);
        mm_chunker_free(chunker);
        return NULL;
    }
    return chunker;
}

void mm_chunker_free(struct mm_chunker *chunker)
{
    if (!chunker)
        return;
    mm_pool_free(chunker->pool);
    mm_sha256_twin_free(chunker->twin);
    mm_sha256_free(chunker->whole);
    mm_sha256_free(chunker->chunk);
    mm_merkle_release(&chunker->tree);
    mm_diags_release(&chunker->none);
    free(chunker);
}

void mm_chunker_track(struct mm_chunker *chunker, uint64_t index)
{
    mm_merkle_track(&chunker->tree, index);
}

const struct mm_merkle_path *mm_chunker_path(const struct mm_chunker *chunker)
{
    return &chunker->tree.path;
}

/* The next chunk in order. */
static void add_chunk(struct mm_chunker *chunker, const unsigned char hash[static MM_HASH_BYTES])
{
    if (chunker->options.each)
        chunker->options.each(chunker->options.context, chunker->tree.count, hash);
    mm_merkle_add(&chunker->tree, hash);
}

/* ---- groups ---- */

static int hash_group(const void *context, void *slot, struct mm_diags *diags)
{
    const struct mm_chunker *chunker = context;
    struct group *group = slot;
    (void)diags;
    mm_sha256_pieces(chunker->options.means.path, group->pieces, group->count, (size_t)chunker->options.size,
                     group->digests);
    return 0;
}

static int take_group(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct mm_chunker *chunker = context;
    const struct group *group = slot;
    (void)diags;
    for (size_t i = 0; i < group->count; i++)
        add_chunk(chunker, group->digests[i]);
    chunker->hashed = group->end;
    return result;
}

static const struct mm_pool_kind groups = {sizeof(struct group), hash_group, take_group, NULL, 1};

/* The chunks that are collected go to the threads, or are hashed here where there are none. */
static void give_group(struct mm_chunker *chunker)
{
    struct group *open = &chunker->open, *slot = NULL;
    if (open->count == 0)
        return;
    if (!chunker->pool && open->count == chunker->group_size && threads_of(&chunker->options.means) > 1) {
        chunker->pool = mm_pool_new(&groups, chunker, chunker->options.means.threads, &chunker->none);
        mm_pool_spread(chunker->pool);
    }
    if (chunker->pool)
        slot = mm_pool_slot(chunker->pool, &chunker->none);
    if (slot) {
        *slot = *open;
        mm_pool_give(chunker->pool);
    } else {
        hash_group(chunker, open, &chunker->none);
        take_group(chunker, open, 0, &chunker->none);
    }
    open->count = 0;
}

/* Waits for the groups that begin below OFFSET. */
static void take_groups(struct mm_chunker *chunker, uint64_t offset)
{
    while (chunker->pool && chunker->hashed < offset && mm_pool_take(chunker->pool, &chunker->none))
        continue;
}

/* The chunk that has not ended lies in two places, or will: what is there goes through the stream. */
static void stream_open(struct mm_chunker *chunker)
{
    if (chunker->start)
        mm_sha256_update(chunker->chunk, chunker->start, (size_t)chunker->filled);
    chunker->start = NULL;
}

void mm_chunker_settle(void *context, uint64_t offset)
{
    struct mm_chunker *chunker = context;
    if (chunker->group_size == 0)
        return;
    uint64_t begun = chunker->bytes - chunker->filled; /* where the chunk that has not ended begins */
    if (chunker->filled > 0 && begun < offset)
        stream_open(chunker);
    if (chunker->open.count > 0 && begun - chunker->open.count * chunker->options.size < offset)
        give_group(chunker);
    take_groups(chunker, offset < begun ? offset : begun);
}

/* ---- the stream ---- */

static void end_streamed(struct mm_chunker *chunker)
{
    unsigned char hash[MM_HASH_BYTES];
    give_group(chunker);
    take_groups(chunker, UINT64_MAX);
    mm_sha256_take(chunker->chunk, hash);
    add_chunk(chunker, hash);
    chunker->hashed += chunker->filled;
}

static void end_collected(struct mm_chunker *chunker, uint64_t end)
{
    struct group *open = &chunker->open;
    open->pieces[open->count++] = chunker->start;
    open->end = end;
    if (open->count == chunker->group_size)
        give_group(chunker);
}

/* Collects chunks where they lie. */
static void collect(struct mm_chunker *chunker, const unsigned char *bytes, size_t length)
{
    uint64_t at = chunker->bytes;
    while (length > 0) {
        uint64_t room = chunker->options.size - chunker->filled;
        size_t part = length < room ? length : (size_t)room;
        if (chunker->filled == 0)
            chunker->start = bytes;
        else if (chunker->start && chunker->start + chunker->filled != bytes)
            stream_open(chunker);
        if (!chunker->start)
            mm_sha256_update(chunker->chunk, bytes, part);
        chunker->filled += part;
        at += part;
        bytes += part;
        length -= part;
        if (chunker->filled < chunker->options.size)
            continue;
        if (chunker->start)
            end_collected(chunker, at);
        else
            end_streamed(chunker);
        chunker->filled = 0;
    }
}

static void end_chunk(struct mm_chunker *chunker)
{
    unsigned char hash[MM_HASH_BYTES];
    if (chunker->twin)
        mm_sha256_twin_take_piece(chunker->twin, hash);
    else
        mm_sha256_take(chunker->chunk, hash);
    add_chunk(chunker, hash);
    chunker->filled = 0;
}

/* Hashes bytes as they come. */
static void stream(struct mm_chunker *chunker, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        uint64_t room = chunker->options.size - chunker->filled;
        size_t part = length < room ? length : (size_t)room;
        if (chunker->twin)
            mm_sha256_twin_update(chunker->twin, bytes, part);
        else
            mm_sha256_update(chunker->chunk, bytes, part);
        chunker->filled += part;
        bytes += part;
        length -= part;
        if (chunker->filled == chunker->options.size)
            end_chunk(chunker);
    }
}

void mm_chunker_update(void *context, const unsigned char *bytes, size_t length)
{
    struct mm_chunker *chunker = context;
    if (chunker->group_size == 0) {
        stream(chunker, bytes, length);
    } else {
        collect(chunker, bytes, length); /* first, so that the other threads have work meanwhile */
        if (chunker->whole)
            mm_sha256_update(chunker->whole, bytes, length);
    }
    chunker->bytes += length;
}

/* The last chunk, which is short or absent. */
static void end_last(struct mm_chunker *chunker)
{
    if (chunker->group_size > 0) {
        give_group(chunker);
        take_groups(chunker, UINT64_MAX);
        if (chunker->filled > 0)
            stream_open(chunker);
    }
    if (chunker->filled > 0)
        end_chunk(chunker);
}

int mm_chunker_finish(struct mm_chunker *chunker, struct mm_chunk_facts *facts, struct mm_diags *diags)
{
    end_last(chunker);
    *facts = (struct mm_chunk_facts){.bytes = chunker->bytes,
                                     .size = chunker->options.size,
                                     .count = chunker->tree.count,
                                     .has_sha256 = chunker->options.whole};
    if (chunker->twin)
        mm_sha256_twin_take_whole(chunker->twin, facts->sha256);
    else if (chunker->whole)
        mm_sha256_take(chunker->whole, facts->sha256);
    mm_merkle_root(&chunker->tree, facts->root);
    if (facts->count > MM_CHUNK_COUNT_MAX)
        return mm_diag(diags, MM_RULE_CHUNK_LIMIT,
                       "expected at most %d chunks, found %" PRIu64 " of %" PRIu64 " bytes; take a larger chunk size",
                       MM_CHUNK_COUNT_MAX, facts->count, facts->size);
    return 0;
}
