#include "unit.h"

#include "base/checked.h"
#include "hash/chunk.h"

#define SIZE 65536

static void chunk_sizes_are_powers_of_two_in_range(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 64; shift++)
        assert_int_equal(mm_chunk_size_valid(UINT64_C(1) << shift), shift >= 16 && shift <= 26);
    assert_false(mm_chunk_size_valid(0));
    assert_false(mm_chunk_size_valid(65535));
    assert_false(mm_chunk_size_valid(65537));
    assert_false(mm_chunk_size_valid(98304));
    assert_false(mm_chunk_size_valid(67108865));
    assert_false(mm_chunk_size_valid(UINT64_MAX));
    assert_true(mm_chunk_size_valid(MM_CHUNK_SIZE_DEFAULT));
}

static void counts_are_rounded_up(void **state)
{
    static const struct {
        uint64_t bytes, size, count;
    } cases[] = {
        {0, SIZE, 0},
        {1, SIZE, 1},
        {SIZE - 1, SIZE, 1},
        {SIZE, SIZE, 1},
        {SIZE + 1, SIZE, 2},
        {10 * SIZE, SIZE, 10},
        {10 * SIZE + 1, SIZE, 11},
        {INT64_MAX, SIZE, UINT64_C(1) << 47},
        {INT64_MAX, 67108864, UINT64_C(1) << 37},
        {UINT64_MAX, SIZE, UINT64_C(1) << 48},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(mm_chunk_count(cases[i].bytes, cases[i].size), cases[i].count);
}

/* Chunk hashes as they come, compared with each chunk's own SHA-256. */
struct seen {
    const unsigned char *bytes;
    size_t length;
    uint64_t next;
    struct mm_sha256 *sha;
    struct mm_merkle tree;
};

static void see(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    struct seen *seen = context;
    unsigned char expected[MM_HASH_BYTES];
    size_t at = (size_t)index * SIZE;
    if (index != seen->next++ || at >= seen->length)
        fail_msg("chunk %" PRIu64 " out of order", index);
    mm_sha256_once(seen->sha, seen->bytes + at, seen->length - at < SIZE ? seen->length - at : SIZE, expected);
    if (memcmp(hash, expected, sizeof expected) != 0)
        fail_msg("hash of chunk %" PRIu64, index);
    mm_merkle_add(&seen->tree, hash);
}

/* Feeds PIECE bytes at a time. Bytes that last are shown from a window, WINDOW bytes long, which is overwritten once it was settled. */
static void feed(struct mm_chunker *chunker, const unsigned char *bytes, size_t length, size_t piece, size_t window)
{
    unsigned char *shown = window ? test_malloc(window) : NULL;
    for (size_t at = 0; at < length;) {
        size_t part = piece < length - at ? piece : length - at;
        if (window) {
            size_t room = window - at % window;
            part = part < room ? part : room;
            if (at % window == 0) {
                mm_chunker_settle(chunker, at);
                memset(shown, 0xa5, window);
            }
            memcpy(shown + at % window, bytes + at, part);
        }
        mm_chunker_update(chunker, window ? shown + at % window : bytes + at, part);
        at += part;
    }
    if (shown)
        mm_chunker_settle(chunker, length);
    test_free(shown);
}

static void check_chunks(const unsigned char *bytes, size_t length, size_t piece, size_t window,
                         struct mm_chunker_options options)
{
    struct seen seen = {.bytes = bytes, .length = length, .sha = mm_sha256_new()};
    unsigned char expected[MM_HASH_BYTES], root[MM_HASH_BYTES];
    struct mm_chunk_facts facts;
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_merkle_init(&seen.tree, &diags), 0);
    options.size = SIZE;
    options.lasting = window > 0;
    options.each = see;
    options.context = &seen;
    struct mm_chunker *chunker = mm_chunker_new(&options, &diags);
    assert_non_null(chunker);
    feed(chunker, bytes, length, piece, window);
    assert_int_equal(mm_chunker_finish(chunker, &facts, &diags), 0);
    assert_int_equal(facts.bytes, length);
    assert_int_equal(facts.size, SIZE);
    assert_int_equal(facts.count, (length + SIZE - 1) / SIZE);
    assert_int_equal(seen.next, facts.count);
    assert_int_equal(facts.has_sha256, options.whole);
    mm_sha256_once(seen.sha, bytes, length, expected);
    if (options.whole)
        assert_memory_equal(facts.sha256, expected, sizeof expected);
    mm_merkle_root(&seen.tree, root);
    assert_memory_equal(facts.root, root, sizeof root);
    mm_chunker_free(chunker);
    mm_merkle_release(&seen.tree);
    mm_sha256_free(seen.sha);
    mm_diags_release(&diags);
}

static unsigned char *make_bytes(size_t length)
{
    unsigned char *bytes = test_malloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    return bytes;
}

static void odd_pieces_give_the_same_chunks(void **state)
{
    static const size_t lengths[] = {
        0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE - 1, 2 * SIZE, 2 * SIZE + 1, 5 * SIZE + 77};
    static const size_t pieces[] = {1009, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE, 10 * SIZE};
    unsigned char *bytes = make_bytes(6 * SIZE);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        for (size_t k = 0; k < COUNT_OF(pieces); k++)
            check_chunks(bytes, lengths[i], pieces[k], 0, (struct mm_chunker_options){.whole = k & 1});
    check_chunks(bytes, SIZE + 1, 1, 0, (struct mm_chunker_options){.whole = true});
    test_free(bytes);
}

/* With and without the whole hash, for any number of threads, each path, windows that hold less than a chunk, and odd ones. */
static void bytes_that_last_give_the_same_chunks(void **state)
{
    static const size_t lengths[] = {0, 1, SIZE, 16 * SIZE, 16 * SIZE + 1, 37 * SIZE + 5, 64 * SIZE};
    static const struct {
        size_t window, piece;
    } ways[] = {
        {16 * SIZE, 16 * SIZE}, {4 * SIZE, SIZE / 4}, {SIZE / 2, SIZE / 2}, {2 * SIZE + 64, 1 << 20}, {64 * SIZE, 5003},
    };
    unsigned char *bytes = make_bytes(64 * SIZE);
    (void)state;
    for (unsigned threads = 0; threads < 6; threads += threads ? 2 : 1)
        for (size_t i = 0; i < COUNT_OF(lengths); i++)
            for (size_t k = 0; k < COUNT_OF(ways); k++)
                for (int whole = 0; whole < 2; whole++)
                    check_chunks(bytes, lengths[i], ways[k].piece, ways[k].window,
                                 (struct mm_chunker_options){.whole = whole, .means = {.threads = threads}});
    const struct mm_sha256_path *path;
    for (size_t i = 0; (path = mm_sha256_path_at(i)); i++)
        for (int whole = 0; whole < 2 && mm_sha256_path_runs(path); whole++)
            check_chunks(bytes, 37 * SIZE + 5, 16 * SIZE, 16 * SIZE,
                         (struct mm_chunker_options){.whole = whole, .means = {.threads = 2, .path = path}});
    test_free(bytes);
}

static void shapes_keep_to_their_memory(void **state)
{
    (void)state;
    for (unsigned shift = 16; shift <= 26; shift++)
        for (unsigned threads = 0; threads <= 16; threads++)
            for (int whole = 0; whole < 2; whole++) {
                const struct mm_chunker_options options = {
                    .size = UINT64_C(1) << shift, .whole = whole, .lasting = true, .means = {.threads = threads}};
                struct mm_source_shape shape = mm_chunker_shape(&options);
                assert_true(mm_power_of_two(shape.window) && shape.window >= MM_SOURCE_WINDOW && shape.count >= 1);
                assert_true(shape.window * shape.count <= 32u << 20);
                assert_int_equal(shape.ahead, threads > 1);
            }
}

static void an_empty_stream_has_no_chunk(void **state)
{
    struct mm_chunk_facts facts;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    struct mm_chunker *chunker = mm_chunker_new(&(struct mm_chunker_options){.size = SIZE, .whole = true}, &diags);
    assert_non_null(chunker);
    mm_chunker_update(chunker, (const unsigned char *)"", 0);
    assert_int_equal(mm_chunker_finish(chunker, &facts, &diags), 0);
    assert_int_equal(facts.count, 0);
    assert_memory_equal(facts.sha256, mm_sha256_empty, MM_HASH_BYTES);
    assert_memory_equal(facts.root, mm_sha256_empty, MM_HASH_BYTES);
    mm_chunker_free(chunker);
    mm_chunker_free(NULL);
    mm_diags_release(&diags);
}

/* Chunks of 64 bytes, which no caller asks for, reach the limit sooner. */
static void too_many_chunks_are_a_limit(void **state)
{
    static const unsigned char bytes[64 * 1000];
    struct mm_chunk_facts facts;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    struct mm_chunker *chunker = mm_chunker_new(&(struct mm_chunker_options){.size = 64}, &diags);
    assert_non_null(chunker);
    for (int i = 0; i < MM_CHUNK_COUNT_MAX / 1000; i++)
        mm_chunker_update(chunker, bytes, sizeof bytes);
    mm_chunker_update(chunker, bytes, 1);
    assert_int_equal(mm_chunker_finish(chunker, &facts, &diags), -1);
    assert_int_equal(facts.count, MM_CHUNK_COUNT_MAX + 1);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN);
    check_findings("limit", &diags, "chunk-limit");
    mm_chunker_free(chunker);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_sizes_are_powers_of_two_in_range),
        cmocka_unit_test(counts_are_rounded_up),
        cmocka_unit_test(odd_pieces_give_the_same_chunks),
        cmocka_unit_test(bytes_that_last_give_the_same_chunks),
        cmocka_unit_test(shapes_keep_to_their_memory),
        cmocka_unit_test(an_empty_stream_has_no_chunk),
        cmocka_unit_test(too_many_chunks_are_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
