#include "unit.h"

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
    static const struct { uint64_t bytes, size, count; } cases[] = {
        {0, SIZE, 0}, {1, SIZE, 1}, {SIZE - 1, SIZE, 1}, {SIZE, SIZE, 1}, {SIZE + 1, SIZE, 2}, {10 * SIZE, SIZE, 10},
        {10 * SIZE + 1, SIZE, 11}, {INT64_MAX, SIZE, UINT64_C(1) << 47}, {INT64_MAX, 67108864, UINT64_C(1) << 37},
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

static void check_chunks(const unsigned char *bytes, size_t length, size_t piece, bool whole)
{
    struct seen seen = {.bytes = bytes, .length = length, .sha = mm_sha256_new()};
    unsigned char expected[MM_HASH_BYTES], root[MM_HASH_BYTES];
    struct mm_chunker chunker;
    struct mm_chunk_facts facts;
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_merkle_init(&seen.tree, &diags), 0);
    assert_int_equal(mm_chunker_init(&chunker, SIZE, whole, see, &seen, &diags), 0);
    for (size_t at = 0; at < length; at += piece)
        mm_chunker_update(&chunker, bytes + at, piece < length - at ? piece : length - at);
    assert_int_equal(mm_chunker_finish(&chunker, &facts, &diags), 0);
    assert_int_equal(facts.bytes, length);
    assert_int_equal(facts.size, SIZE);
    assert_int_equal(facts.count, (length + SIZE - 1) / SIZE);
    assert_int_equal(seen.next, facts.count);
    assert_int_equal(facts.has_sha256, whole);
    mm_sha256_once(seen.sha, bytes, length, expected);
    if (whole)
        assert_memory_equal(facts.sha256, expected, sizeof expected);
    mm_merkle_root(&seen.tree, root);
    assert_memory_equal(facts.root, root, sizeof root);
    mm_chunker_release(&chunker);
    mm_merkle_release(&seen.tree);
    mm_sha256_free(seen.sha);
    mm_diags_release(&diags);
}

static void odd_pieces_give_the_same_chunks(void **state)
{
    static const size_t lengths[] = {0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE - 1, 2 * SIZE, 2 * SIZE + 1, 5 * SIZE + 77};
    static const size_t pieces[] = {1009, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE, 10 * SIZE};
    unsigned char *bytes = test_malloc(6 * SIZE);
    (void)state;
    for (size_t i = 0; i < 6 * SIZE; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        for (size_t k = 0; k < COUNT_OF(pieces); k++)
            check_chunks(bytes, lengths[i], pieces[k], k & 1);
    check_chunks(bytes, SIZE + 1, 1, true);
    test_free(bytes);
}

static void an_empty_stream_has_no_chunk(void **state)
{
    struct mm_chunker chunker;
    struct mm_chunk_facts facts;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_chunker_init(&chunker, SIZE, true, NULL, NULL, &diags), 0);
    mm_chunker_update(&chunker, (const unsigned char *)"", 0);
    assert_int_equal(mm_chunker_finish(&chunker, &facts, &diags), 0);
    assert_int_equal(facts.count, 0);
    assert_memory_equal(facts.sha256, mm_sha256_empty, MM_HASH_BYTES);
    assert_memory_equal(facts.root, mm_sha256_empty, MM_HASH_BYTES);
    mm_chunker_release(&chunker);
    mm_chunker_release(&chunker);
    mm_diags_release(&diags);
}

static void too_many_chunks_are_a_limit(void **state)
{
    struct mm_chunker chunker;
    struct mm_chunk_facts facts;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_chunker_init(&chunker, SIZE, false, NULL, NULL, &diags), 0);
    chunker.tree.count = MM_CHUNK_COUNT_MAX; /* as if that many had come: an even count whose subtrees lie on the stack */
    chunker.tree.height = 0;
    for (uint64_t rest = MM_CHUNK_COUNT_MAX; rest; rest &= rest - 1)
        memset(chunker.tree.stack[chunker.tree.height++], 7, MM_HASH_BYTES);
    mm_chunker_update(&chunker, (const unsigned char *)"x", 1);
    assert_int_equal(mm_chunker_finish(&chunker, &facts, &diags), -1);
    assert_int_equal(facts.count, MM_CHUNK_COUNT_MAX + 1);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN);
    check_findings("limit", &diags, "chunk-limit");
    mm_chunker_release(&chunker);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_sizes_are_powers_of_two_in_range),
        cmocka_unit_test(counts_are_rounded_up),
        cmocka_unit_test(odd_pieces_give_the_same_chunks),
        cmocka_unit_test(an_empty_stream_has_no_chunk),
        cmocka_unit_test(too_many_chunks_are_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
