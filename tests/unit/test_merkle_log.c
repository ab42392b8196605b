/* Leaves of any bytes, and consistency proofs, against RFC 6962, section 2.1, as it is written. */
#include "unit.h"

#include <openssl/sha.h>

#include "hash/merkle.h"

#define LEAVES 70

typedef unsigned char hash_t[MM_HASH_BYTES];

static char lines[LEAVES][24];
static hash_t leaves[LEAVES];
static struct mm_sha256 *sha;

static int set_up(void **state)
{
    (void)state;
    sha = mm_sha256_new();
    for (unsigned i = 0; i < LEAVES; i++) {
        unsigned char data[1 + sizeof lines[0]] = {0};
        snprintf(lines[i], sizeof lines[i], "line %.*u", (int)(i % 17),
                 i); /* of different lengths, the first ones equal */
        memcpy(data + 1, lines[i], strlen(lines[i]));
        SHA256(data, 1 + strlen(lines[i]), leaves[i]);
    }
    return sha ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mm_sha256_free(sha);
    return 0;
}

/* ---- the RFC's words ---- */

static size_t split_of(size_t count)
{
    size_t k = 1;
    while (2 * k < count)
        k *= 2;
    return k;
}

static void rfc_join(const hash_t left, const hash_t right, hash_t out)
{
    unsigned char bytes[65] = {1};
    memcpy(bytes + 1, left, 32);
    memcpy(bytes + 33, right, 32);
    SHA256(bytes, sizeof bytes, out);
}

static void rfc_root(const hash_t *from, size_t count, hash_t out)
{
    if (count == 0) {
        SHA256((const unsigned char *)"", 0, out);
    } else if (count == 1) {
        memcpy(out, from[0], sizeof(hash_t));
    } else {
        size_t k = split_of(count);
        hash_t left, right;
        rfc_root(from, k, left);
        rfc_root(from + k, count - k, right);
        rfc_join(left, right, out);
    }
}

/* SUBPROOF(m, D[n], b) */
static void rfc_subproof(const hash_t *from, size_t m, size_t n, bool b, struct mm_merkle_path *proof)
{
    if (m == n) {
        if (!b)
            rfc_root(from, n, proof->siblings[proof->length++]);
        return;
    }
    size_t k = split_of(n);
    if (m <= k) {
        rfc_subproof(from, m, k, b, proof);
        rfc_root(from + k, n - k, proof->siblings[proof->length++]);
    } else {
        rfc_subproof(from + k, m - k, n - k, false, proof);
        rfc_root(from, k, proof->siblings[proof->length++]);
    }
}

/* ---- the library's ---- */

static void lines_are_leaves(void **state)
{
    (void)state;
    for (size_t count = 0; count <= LEAVES; count++) {
        struct mm_merkle tree = {.tracked = count / 3, .sha = sha};
        hash_t expected, found, climbed;
        for (size_t i = 0; i < count; i++)
            mm_merkle_add_data(&tree, lines[i], strlen(lines[i]));
        mm_merkle_root(&tree, found);
        rfc_root(leaves, count, expected);
        assert_memory_equal(found, expected, sizeof found);
        if (count == 0)
            continue;
        assert_true(mm_merkle_path_leaf_root(sha, &tree.path, count / 3, count, leaves[count / 3], climbed));
        assert_memory_equal(found, climbed, sizeof found);
    }
}

static void an_empty_line_is_a_leaf(void **state)
{
    hash_t leaf, expected;
    (void)state;
    SHA256((const unsigned char *)"\0", 1, expected);
    mm_merkle_leaf_data(sha, "", 0, leaf);
    assert_memory_equal(leaf, expected, sizeof leaf);
}

/* A line that spells the data of an inner node is another leaf than that node. */
static void nodes_are_no_lines(void **state)
{
    unsigned char spelled[65] = {1};
    hash_t node, leaf;
    (void)state;
    memcpy(spelled + 1, leaves[0], 32);
    memcpy(spelled + 33, leaves[1], 32);
    rfc_join(leaves[0], leaves[1], node);
    mm_merkle_leaf_data(sha, spelled, sizeof spelled, leaf);
    assert_memory_not_equal(node, leaf, sizeof node);
}

static void proofs_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (size_t count = 1; count <= LEAVES; count++)
        for (size_t old = 1; old <= count; old++) {
            struct mm_merkle_path expected = {.length = 0}, found = {.length = 7};
            rfc_subproof(leaves, old, count, true, &expected);
            mm_merkle_consistency(sha, leaves, old, count, &found);
            if (found.length != expected.length ||
                memcmp(found.siblings, expected.siblings, expected.length * sizeof(hash_t)) != 0)
                fail_msg("from %zu to %zu", old, count);
        }
}

/* Each proof holds for its own two trees and for no other two. */
static void proofs_prove_one_pair(void **state)
{
    (void)state;
    for (size_t count = 1; count <= LEAVES; count++)
        for (size_t old = 1; old <= count; old++) {
            struct mm_merkle_path proof;
            hash_t first, second;
            rfc_root(leaves, old, first);
            rfc_root(leaves, count, second);
            mm_merkle_consistency(sha, leaves, old, count, &proof);
            if (!mm_merkle_consistent(sha, &proof, old, count, first, second))
                fail_msg("from %zu to %zu", old, count);
            assert_false(mm_merkle_consistent(sha, &proof, 0, count, first, second));
            assert_false(mm_merkle_consistent(sha, &proof, count + 1, count, first, second));
            if (old < count) {
                assert_false(mm_merkle_consistent(sha, &proof, old, count, second, first));
                assert_false(mm_merkle_consistent(sha, &proof, old, count, first, first));
                assert_false(mm_merkle_consistent(sha, &proof, old, count, second, second));
                assert_false(mm_merkle_consistent(sha, &proof, count, count, first, second));
            }
        }
}

static void altered_proofs_prove_nothing(void **state)
{
    (void)state;
    for (size_t count = 2; count <= 33; count++)
        for (size_t old = 1; old < count; old++) {
            struct mm_merkle_path proof;
            hash_t first, second;
            rfc_root(leaves, old, first);
            rfc_root(leaves, count, second);
            mm_merkle_consistency(sha, leaves, old, count, &proof);
            for (unsigned i = 0; i < proof.length; i++) {
                proof.siblings[i][i % 32] ^= 1;
                assert_false(mm_merkle_consistent(sha, &proof, old, count, first, second));
                proof.siblings[i][i % 32] ^= 1;
            }
            proof.length++;
            assert_false(mm_merkle_consistent(sha, &proof, old, count, first, second));
            proof.length -= 2;
            assert_false(mm_merkle_consistent(sha, &proof, old, count, first, second));
            proof.length = 0;
            assert_false(mm_merkle_consistent(sha, &proof, old, count, first, second));
        }
}

/* A tree whose old part was rewritten has another old root, whatever proof is made for it. */
static void a_rewritten_past_is_not_consistent(void **state)
{
    (void)state;
    for (size_t count = 2; count <= 33; count++)
        for (size_t old = 1; old < count; old++) {
            hash_t first, second, forged[33];
            struct mm_merkle_path proof;
            memcpy(forged, leaves, sizeof forged);
            forged[old / 2][0] ^= 1;
            rfc_root(leaves, old, first);
            rfc_root(forged, count, second);
            mm_merkle_consistency(sha, forged, old, count, &proof);
            assert_false(mm_merkle_consistent(sha, &proof, old, count, first, second));
        }
}

static void the_largest_counts_do_not_overflow(void **state)
{
    struct mm_merkle_path proof = {.length = MM_MERKLE_HEIGHT};
    hash_t root = {0};
    (void)state;
    assert_false(mm_merkle_consistent(sha, &proof, UINT64_MAX - 1, UINT64_MAX, root, root));
    assert_false(mm_merkle_consistent(sha, &proof, UINT64_C(1) << 63, UINT64_MAX, root, root));
    assert_false(mm_merkle_consistent(sha, &proof, 1, UINT64_MAX, root, root));
}

/* The audit path of the last leaf is all that is needed to go on from there. */
static void a_tree_is_resumed(void **state)
{
    (void)state;
    for (uint64_t old = 1; old <= LEAVES; old++) {
        struct mm_merkle before;
        hash_t root, expected;
        assert_int_equal(mm_merkle_init(&before, NULL), 0);
        mm_merkle_track(&before, old - 1);
        for (uint64_t i = 0; i < old; i++)
            mm_merkle_add_leaf(&before, leaves[i]);
        mm_merkle_root(&before, root);
        for (uint64_t count = old; count <= LEAVES; count++) {
            struct mm_merkle tree;
            assert_int_equal(mm_merkle_init(&tree, NULL), 0);
            assert_true(mm_merkle_resume(&tree, &before.path, old));
            for (uint64_t i = old - 1; i < count; i++)
                mm_merkle_add_leaf(&tree, leaves[i]);
            mm_merkle_root(&tree, root);
            rfc_root((const hash_t *)leaves, count, expected);
            assert_memory_equal(root, expected, sizeof root);
            mm_merkle_release(&tree);
        }
        for (uint64_t other = 0; other <= LEAVES; other++) { /* as many siblings as that many leaves have, or none */
            struct mm_merkle tree;
            assert_int_equal(mm_merkle_init(&tree, NULL), 0);
            assert_int_equal(mm_merkle_resume(&tree, &before.path, other),
                             other > 0 && __builtin_popcountll(other - 1) == __builtin_popcountll(old - 1));
            mm_merkle_release(&tree);
        }
        mm_merkle_release(&before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_leaves),
        cmocka_unit_test(an_empty_line_is_a_leaf),
        cmocka_unit_test(nodes_are_no_lines),
        cmocka_unit_test(proofs_are_those_of_the_rfc),
        cmocka_unit_test(proofs_prove_one_pair),
        cmocka_unit_test(altered_proofs_prove_nothing),
        cmocka_unit_test(a_rewritten_past_is_not_consistent),
        cmocka_unit_test(the_largest_counts_do_not_overflow),
        cmocka_unit_test(a_tree_is_resumed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
