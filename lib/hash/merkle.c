#include "hash/merkle.h"

#include <string.h>

/* The prefixes that keep leaves and nodes apart (RFC 6962, section 2.1). */
enum { LEAF = 0x00, NODE = 0x01 };

void mm_merkle_leaf(struct mm_sha256 *sha, const unsigned char chunk_hash[static MM_HASH_BYTES],
                    unsigned char leaf[static MM_HASH_BYTES])
{
    unsigned char data[1 + MM_HASH_BYTES] = {LEAF};
    memcpy(data + 1, chunk_hash, MM_HASH_BYTES);
    mm_sha256_once(sha, data, sizeof data, leaf);
}

void mm_merkle_leaf_data(struct mm_sha256 *sha, const void *data, size_t length,
                         unsigned char leaf[static MM_HASH_BYTES])
{
    static const unsigned char prefix[1] = {LEAF};
    mm_sha256_update(sha, prefix, sizeof prefix);
    mm_sha256_once(sha, data, length, leaf);
}

/* OUT may be either child. */
static void join(struct mm_sha256 *sha, const unsigned char *left, const unsigned char *right, unsigned char *out)
{
    unsigned char data[1 + 2 * MM_HASH_BYTES] = {NODE};
    memcpy(data + 1, left, MM_HASH_BYTES);
    memcpy(data + 1 + MM_HASH_BYTES, right, MM_HASH_BYTES);
    mm_sha256_once(sha, data, sizeof data, out);
}

int mm_merkle_init(struct mm_merkle *tree, struct mm_diags *diags)
{
    *tree = (struct mm_merkle){.tracked = UINT64_MAX, .sha = mm_sha256_new()};
    return tree->sha ? 0 : mm_diag_memory(diags);
}

void mm_merkle_release(struct mm_merkle *tree)
{
    mm_sha256_free(tree->sha);
    tree->sha = NULL;
}

void mm_merkle_track(struct mm_merkle *tree, uint64_t index)
{
    tree->tracked = index;
}

static void collect(struct mm_merkle *tree, const unsigned char *sibling)
{
    memcpy(tree->path.siblings[tree->path.length++], sibling, MM_HASH_BYTES);
}

/* Joins the two topmost subtrees; where one holds the tracked leaf, the other is its next sibling. */
static void join_top(struct mm_merkle *tree)
{
    unsigned left = tree->height - 2, right = tree->height - 1;
    if (tree->tracked < tree->count) {
        if (tree->tracked_at == left)
            collect(tree, tree->stack[right]);
        else if (tree->tracked_at == right)
            collect(tree, tree->stack[left]);
        if (tree->tracked_at == right)
            tree->tracked_at = left;
    }
    join(tree->sha, tree->stack[left], tree->stack[right], tree->stack[left]);
    tree->height--;
}

/* A leaf lies on top of the stack. */
static void grow(struct mm_merkle *tree)
{
    if (tree->count == tree->tracked)
        tree->tracked_at = tree->height;
    tree->height++;
    tree->count++;
    for (uint64_t count = tree->count; !(count & 1); count >>= 1)
        join_top(tree);
}

void mm_merkle_add(struct mm_merkle *tree, const unsigned char chunk_hash[static MM_HASH_BYTES])
{
    mm_merkle_leaf(tree->sha, chunk_hash, tree->stack[tree->height]);
    grow(tree);
}

void mm_merkle_add_data(struct mm_merkle *tree, const void *data, size_t length)
{
    mm_merkle_leaf_data(tree->sha, data, length, tree->stack[tree->height]);
    grow(tree);
}

void mm_merkle_add_leaf(struct mm_merkle *tree, const unsigned char leaf[static MM_HASH_BYTES])
{
    memcpy(tree->stack[tree->height], leaf, MM_HASH_BYTES);
    grow(tree);
}

bool mm_merkle_resume(struct mm_merkle *tree, const struct mm_merkle_path *path, uint64_t count)
{
    unsigned subtrees = 0; /* one for each power of two in the number of leaves before the last */
    for (uint64_t before = count - 1; before; before &= before - 1)
        subtrees++;
    if (count == 0 || path->length != subtrees)
        return false;
    for (unsigned i = 0; i < subtrees; i++) /* siblings stand from the leaf up, subtrees the largest first */
        memcpy(tree->stack[i], path->siblings[subtrees - 1 - i], MM_HASH_BYTES);
    tree->height = subtrees;
    tree->count = count - 1;
    return true;
}

void mm_merkle_root(struct mm_merkle *tree, unsigned char root[static MM_HASH_BYTES])
{
    if (tree->count == 0) {
        memcpy(root, mm_sha256_empty, MM_HASH_BYTES);
        return;
    }
    while (tree->height > 1)
        join_top(tree);
    memcpy(root, tree->stack[0], MM_HASH_BYTES);
}

bool mm_merkle_path_leaf_root(struct mm_sha256 *sha, const struct mm_merkle_path *path, uint64_t index, uint64_t count,
                              const unsigned char leaf[static MM_HASH_BYTES], unsigned char root[static MM_HASH_BYTES])
{
    if (index >= count)
        return false;
    uint64_t at = index, last = count - 1;
    memcpy(root, leaf, MM_HASH_BYTES);
    for (unsigned i = 0; i < path->length; i++) {
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            join(sha, path->siblings[i], root, root);
            while (!(at & 1) && at != 0) { /* levels at which this subtree has no right sibling */
                at >>= 1;
                last >>= 1;
            }
        } else {
            join(sha, root, path->siblings[i], root);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0;
}

bool mm_merkle_path_root(struct mm_sha256 *sha, const struct mm_merkle_path *path, uint64_t index, uint64_t count,
                         const unsigned char chunk_hash[static MM_HASH_BYTES], unsigned char root[static MM_HASH_BYTES])
{
    unsigned char leaf[MM_HASH_BYTES];
    mm_merkle_leaf(sha, chunk_hash, leaf);
    return mm_merkle_path_leaf_root(sha, path, index, count, leaf, root);
}

/* ---- from an older tree to a later one ---- */

static void add_range_root(struct mm_sha256 *sha, const unsigned char (*leaves)[MM_HASH_BYTES], uint64_t count,
                           struct mm_merkle_path *proof)
{
    struct mm_merkle tree = {.tracked = UINT64_MAX, .sha = sha};
    for (uint64_t i = 0; i < count; i++)
        mm_merkle_add_leaf(&tree, leaves[i]);
    mm_merkle_root(&tree, proof->siblings[proof->length++]);
}

/* The largest power of two below COUNT, which is above 1. */
static uint64_t split_of(uint64_t count)
{
    uint64_t split = 1;
    while (split < count - split)
        split <<= 1;
    return split;
}

void mm_merkle_consistency(struct mm_sha256 *sha, const unsigned char (*leaves)[MM_HASH_BYTES], uint64_t old,
                           uint64_t count, struct mm_merkle_path *proof)
{
    bool whole = true; /* the subtree in hand is the old tree, whose root the verifier has */
    proof->length = 0;
    while (old < count) {
        uint64_t split = split_of(count);
        if (old <= split) {
            add_range_root(sha, leaves + split, count - split, proof);
            count = split;
        } else {
            add_range_root(sha, leaves, split, proof);
            leaves += split;
            old -= split;
            count -= split;
            whole = false;
        }
    }
    if (!whole)
        add_range_root(sha, leaves, count, proof);
    for (unsigned i = 0; i < proof->length / 2; i++) { /* found from the top down, told from the leaves up */
        unsigned char kept[MM_HASH_BYTES], *other = proof->siblings[proof->length - 1 - i];
        memcpy(kept, proof->siblings[i], MM_HASH_BYTES);
        memcpy(proof->siblings[i], other, MM_HASH_BYTES);
        memcpy(other, kept, MM_HASH_BYTES);
    }
}

/* Both roots on the way up; AT and LAST are the places of the last old and the last new leaf. */
static bool climb(struct mm_sha256 *sha, const struct mm_merkle_path *proof, unsigned from, uint64_t at, uint64_t last,
                  unsigned char *old_root, unsigned char *root)
{
    for (unsigned i = from; i < proof->length; i++) {
        if (last == 0)
            return false;
        if ((at & 1) || at == last) {
            join(sha, proof->siblings[i], old_root, old_root);
            join(sha, proof->siblings[i], root, root);
            while (!(at & 1) && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            join(sha, root, proof->siblings[i], root);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0;
}

bool mm_merkle_consistent(struct mm_sha256 *sha, const struct mm_merkle_path *proof, uint64_t old, uint64_t count,
                          const unsigned char old_root[static MM_HASH_BYTES],
                          const unsigned char root[static MM_HASH_BYTES])
{
    unsigned char climbed_old[MM_HASH_BYTES], climbed[MM_HASH_BYTES];
    if (old == 0 || old > count)
        return false;
    if (old == count)
        return proof->length == 0 && memcmp(old_root, root, MM_HASH_BYTES) == 0;
    bool power = !(old & (old - 1)); /* then the old tree is a subtree of the new one */
    if (proof->length == 0)
        return false;
    uint64_t at = old - 1, last = count - 1;
    for (; at & 1; at >>= 1)
        last >>= 1;
    memcpy(climbed, power ? old_root : proof->siblings[0], MM_HASH_BYTES);
    memcpy(climbed_old, climbed, MM_HASH_BYTES);
    return climb(sha, proof, power ? 0 : 1, at, last, climbed_old, climbed) &&
           memcmp(climbed_old, old_root, MM_HASH_BYTES) == 0 && memcmp(climbed, root, MM_HASH_BYTES) == 0;
}
