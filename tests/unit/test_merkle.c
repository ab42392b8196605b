#include "unit.h"

#include <openssl/sha.h>

#include "hash/merkle.h"

#define MAX_LEAVES 1025

typedef unsigned char hash_t[MM_HASH_BYTES];

static hash_t data[MAX_LEAVES + 1];
static struct mm_sha256 *sha;

static int set_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(data); i++)
        SHA256((const unsigned char *)&i, sizeof i, data[i]);
    sha = mm_sha256_new();
    return sha ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mm_sha256_free(sha);
    return 0;
}

/* ---- RFC 6962, section 2.1, as it is written ---- */

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

/* MTH(D[n]) */
static void rfc_root(const hash_t *leaves, size_t count, hash_t out)
{
    if (count == 0) {
        SHA256((const unsigned char *)"", 0, out);
    } else if (count == 1) {
        unsigned char bytes[33] = {0};
        memcpy(bytes + 1, leaves[0], 32);
        SHA256(bytes, sizeof bytes, out);
    } else {
        size_t k = split_of(count);
        hash_t left, right;
        rfc_root(leaves, k, left);
        rfc_root(leaves + k, count - k, right);
        rfc_join(left, right, out);
    }
}

/* PATH(m, D[n]) */
static void rfc_path(const hash_t *leaves, size_t count, size_t m, struct mm_merkle_path *path)
{
    if (count == 1)
        return;
    size_t k = split_of(count);
    if (m < k) {
        rfc_path(leaves, k, m, path);
        rfc_root(leaves + k, count - k, path->siblings[path->length]);
    } else {
        rfc_path(leaves + k, count - k, m - k, path);
        rfc_root(leaves, k, path->siblings[path->length]);
    }
    path->length++;
}

/* ---- the library's ---- */

static void grow(const hash_t *leaves, size_t count, uint64_t tracked, struct mm_merkle *tree, hash_t root)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_merkle_init(tree, &diags), 0);
    mm_merkle_track(tree, tracked);
    for (size_t i = 0; i < count; i++)
        mm_merkle_add(tree, leaves[i]);
    assert_int_equal(tree->count, count);
    mm_merkle_root(tree, root);
    mm_merkle_release(tree);
    mm_diags_release(&diags);
}

static void root_of(const hash_t *leaves, size_t count, hash_t root)
{
    struct mm_merkle tree;
    grow(leaves, count, UINT64_MAX, &tree, root);
    assert_int_equal(tree.path.length, 0);
}

static const size_t large[] = {127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025};

static void check_root(size_t count)
{
    hash_t expected, found;
    rfc_root(data, count, expected);
    root_of(data, count, found);
    if (memcmp(expected, found, sizeof found) != 0)
        fail_msg("root of %zu leaves", count);
}

static void roots_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 70; count++)
        check_root(count);
    for (size_t i = 0; i < COUNT_OF(large); i++)
        check_root(large[i]);
}

/* Vectors computed with python3's hashlib, so that both implementations here cannot be wrong together. */
static void roots_of_a_few_leaves_are_known(void **state)
{
    static const char *const expected[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9", "28fb81e496897e0ce886f08602392e9239b65c659041e5202163e58ad898f444", "ba8d94b7fbcecae7b81c4c80574fe24734a6917bf9c1ecd66ff3e0c34ead4620",
    };
    hash_t leaves[3], root;
    char hex[MM_HASH_HEX + 1];
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        memset(leaves[i], (int)i, sizeof leaves[i]);
    for (size_t count = 0; count <= 3; count++) {
        root_of(leaves, count, root);
        mm_hex(hex, root, MM_HASH_BYTES);
        assert_string_equal(hex, expected[count]);
    }
}

static void check_path(size_t count, size_t index)
{
    struct mm_merkle tree;
    struct mm_merkle_path expected = {.length = 0};
    hash_t root, found;
    grow(data, count, index, &tree, root);
    rfc_path(data, count, index, &expected);
    if (tree.path.length != expected.length || memcmp(tree.path.siblings, expected.siblings, expected.length * sizeof(hash_t)) != 0)
        fail_msg("path of %zu in %zu", index, count);
    if (!mm_merkle_path_root(sha, &tree.path, index, count, data[index], found) || memcmp(root, found, sizeof root) != 0)
        fail_msg("path of %zu in %zu does not lead to the root", index, count);
}

static void paths_of_every_leaf_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 70; count++)
        for (size_t index = 0; index < count; index++)
            check_path(count, index);
    for (size_t i = 0; i < COUNT_OF(large); i++) {
        const size_t some[] = {0, 1, large[i] / 2 - 1, large[i] / 2, large[i] / 2 + 1, large[i] - 2, large[i] - 1};
        for (size_t k = 0; k < COUNT_OF(some); k++)
            check_path(large[i], some[k]);
    }
}

static bool leads(const struct mm_merkle_path *path, uint64_t index, uint64_t count, const hash_t chunk, const hash_t root)
{
    hash_t found;
    return mm_merkle_path_root(sha, path, index, count, chunk, found) && memcmp(found, root, sizeof found) == 0;
}

static void altered_siblings_do_not_lead_to_the_root(void **state)
{
    static const size_t counts[] = {2, 3, 5, 7, 8, 13, 31, 33};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        for (size_t index = 0; index < counts[i]; index++) {
            struct mm_merkle tree;
            hash_t root;
            grow(data, counts[i], index, &tree, root);
            for (unsigned k = 0; k < tree.path.length; k++) {
                tree.path.siblings[k][k % 32] ^= 1;
                assert_false(leads(&tree.path, index, counts[i], data[index], root));
                tree.path.siblings[k][k % 32] ^= 1;
            }
            assert_true(leads(&tree.path, index, counts[i], data[index], root));
        }
}

/* A path proves one place. Where count is changed but the way up is the same turns, only the root can tell; an index
 * that is changed never leads to the root. */
static void other_places_do_not_lead_to_the_root(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 20; count++)
        for (size_t index = 0; index < count; index++) {
            struct mm_merkle tree;
            hash_t root;
            grow(data, count, index, &tree, root);
            for (uint64_t other = 0; other < count + 3; other++)
                if (leads(&tree.path, other, count, data[index], root) != (other == index))
                    fail_msg("leaf %zu of %zu as %" PRIu64, index, count, other);
            assert_false(leads(&tree.path, UINT64_MAX, count, data[index], root));
            assert_false(leads(&tree.path, index, 0, data[index], root));
            assert_false(leads(&tree.path, index, count, data[MAX_LEAVES], root));
        }
}

static void paths_have_the_length_that_place_and_count_ask_for(void **state)
{
    hash_t found;
    (void)state;
    for (size_t count = 1; count <= 70; count++)
        for (size_t index = 0; index < count; index++) {
            struct mm_merkle_path path = {.length = 0};
            rfc_path(data, count, index, &path);
            unsigned length = path.length;
            for (path.length = 0; path.length <= 10; path.length++)
                if (mm_merkle_path_root(sha, &path, index, count, data[index], found) != (path.length == length))
                    fail_msg("%u siblings for %zu of %zu", path.length, index, count);
        }
}

static void the_largest_trees_do_not_overflow(void **state)
{
    struct mm_merkle_path path = {.length = MM_MERKLE_HEIGHT};
    hash_t found;
    (void)state;
    assert_true(mm_merkle_path_root(sha, &path, 0, UINT64_MAX, data[0], found));
    assert_true(mm_merkle_path_root(sha, &path, (UINT64_C(1) << 63) - 1, UINT64_MAX, data[0], found));
    path.length = MM_MERKLE_HEIGHT - 1;
    assert_false(mm_merkle_path_root(sha, &path, 0, UINT64_MAX, data[0], found));
    assert_false(mm_merkle_path_root(sha, &path, UINT64_MAX, UINT64_MAX, data[0], found));
    path.length = 1;
    assert_true(mm_merkle_path_root(sha, &path, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, data[0], found));
}

static void a_leaf_of_one_is_the_root(void **state)
{
    hash_t leaf, root;
    (void)state;
    mm_merkle_leaf(sha, data[5], leaf);
    root_of(data + 5, 1, root);
    assert_memory_equal(leaf, root, sizeof leaf);
    assert_memory_not_equal(leaf, data[5], sizeof leaf);
}

/* An inner node passed off as a chunk hash: the prefixes keep the roots apart. */
static void nodes_are_no_leaves(void **state)
{
    hash_t halves[2], whole, forged, swapped;
    (void)state;
    root_of(data, 4, whole);
    root_of(data, 2, halves[0]);
    root_of(data + 2, 2, halves[1]);
    root_of(halves, 2, forged);
    assert_memory_not_equal(whole, forged, sizeof whole);
    rfc_join(halves[0], halves[1], forged);
    assert_memory_equal(whole, forged, sizeof whole);
    rfc_join(halves[1], halves[0], swapped);
    assert_memory_not_equal(whole, swapped, sizeof whole);
}

/* CVE-2012-2459: trees that repeat the last leaf give two lists one root. */
static void a_repeated_last_leaf_changes_the_root(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 70; count++) {
        hash_t leaves[71], root, longer;
        memcpy(leaves, data, sizeof leaves);
        memcpy(leaves[count], data[count - 1], sizeof(hash_t));
        root_of(data, count, root);
        root_of(leaves, count + 1, longer);
        if (memcmp(root, longer, sizeof root) == 0)
            fail_msg("%zu leaves", count);
    }
    hash_t six[8], eight[8], root, longer;
    memcpy(six, data, sizeof six);
    memcpy(eight, data, sizeof eight);
    memcpy(eight[6], data[4], 2 * sizeof(hash_t));
    root_of(six, 6, root);
    root_of(eight, 8, longer);
    assert_memory_not_equal(root, longer, sizeof root);
}

static void any_leaf_order_and_count_change_the_root(void **state)
{
    (void)state;
    for (size_t count = 2; count <= 33; count++) {
        hash_t leaves[33], root, other;
        memcpy(leaves, data, sizeof leaves);
        root_of(leaves, count, root);
        for (size_t i = 0; i < count; i++) {
            leaves[i][31] ^= 0x80;
            root_of(leaves, count, other);
            assert_memory_not_equal(root, other, sizeof root);
            leaves[i][31] ^= 0x80;
        }
        memcpy(leaves[0], data[count - 1], sizeof(hash_t));
        memcpy(leaves[count - 1], data[0], sizeof(hash_t));
        root_of(leaves, count, other);
        assert_memory_not_equal(root, other, sizeof root);
        root_of(data, count - 1, other);
        assert_memory_not_equal(root, other, sizeof root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_rfc),
        cmocka_unit_test(roots_of_a_few_leaves_are_known),
        cmocka_unit_test(paths_of_every_leaf_are_those_of_the_rfc),
        cmocka_unit_test(altered_siblings_do_not_lead_to_the_root),
        cmocka_unit_test(other_places_do_not_lead_to_the_root),
        cmocka_unit_test(paths_have_the_length_that_place_and_count_ask_for),
        cmocka_unit_test(the_largest_trees_do_not_overflow),
        cmocka_unit_test(a_leaf_of_one_is_the_root),
        cmocka_unit_test(nodes_are_no_leaves),
        cmocka_unit_test(a_repeated_last_leaf_changes_the_root),
        cmocka_unit_test(any_leaf_order_and_count_change_the_root),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
