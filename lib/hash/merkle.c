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

void mm_merkle_add(struct mm_merkle *tree, const unsigned char chunk_hash[static MM_HASH_BYTES])
{
    mm_merkle_leaf(tree->sha, chunk_hash, tree->stack[tree->height]);
    if (tree->count == tree->tracked)
        tree->tracked_at = tree->height;
    tree->height++;
    tree->count++;
    for (uint64_t count = tree->count; !(count & 1); count >>= 1)
        join_top(tree);
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

bool mm_merkle_path_root(struct mm_sha256 *sha, const struct mm_merkle_path *path, uint64_t index, uint64_t count,
                         const unsigned char chunk_hash[static MM_HASH_BYTES], unsigned char root[static MM_HASH_BYTES])
{
    if (index >= count)
        return false;
    uint64_t at = index, last = count - 1;
    mm_merkle_leaf(sha, chunk_hash, root);
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
