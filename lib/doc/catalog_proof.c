#include "doc/catalog_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "text/line.h"

static void add_hash(const char *key, const unsigned char *hash, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    mm_buf_printf(out, "%s: %s\n", key, hex);
}

static void add_path(const char *key, const struct mm_merkle_path *path, struct mm_buf *out)
{
    for (unsigned i = 0; i < path->length; i++)
        add_hash(key, path->siblings[i], out);
}

/* ---- documents that end in hashes ---- */

static bool comes(const struct mm_lines *lines, const char *key)
{
    size_t length = strlen(key);
    return (size_t)(lines->end - lines->at) > length && memcmp(lines->at, key, length) == 0 && lines->at[length] == ':';
}

static int read_path(struct mm_lines *lines, const char *key, struct mm_merkle_path *path, struct mm_diags *diags)
{
    path->length = 0;
    while (comes(lines, key)) {
        if (path->length == MM_MERKLE_HEIGHT)
            return mm_diag_line(diags, MM_RULE_CATALOG_PROOF, lines->number + 1, 1, "expected at most %d lines of '%s'",
                                MM_MERKLE_HEIGHT, key);
        if (mm_lines_hash(lines, key, path->siblings[path->length], diags) < 0)
            return -1;
        path->length++;
    }
    return 0;
}

static int read_end(struct mm_lines *lines, struct mm_diags *diags)
{
    if (lines->at == lines->end)
        return 0;
    return mm_diag_line(diags, MM_RULE_CATALOG_PROOF, lines->number + 1, 1, "expected the end here, found more");
}

static int begin(struct mm_lines *lines, const char *text, size_t length, const char *type, struct mm_diags *diags)
{
    if (length > MM_CATALOG_PROOF_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a proof of at most %d bytes, found more",
                       MM_CATALOG_PROOF_MAX);
    return mm_lines_begin(lines, text, length, type, diags);
}

/* ---- an entry under a head ---- */

void mm_entry_proof_release(struct mm_entry_proof *proof)
{
    mm_buf_release(&proof->line);
}

void mm_entry_proof_write(const struct mm_entry_proof *proof, struct mm_buf *out)
{
    mm_buf_str(out, MM_ENTRY_PROOF_TYPE " 0\n");
    add_hash("head-sha256", proof->head_sha256, out);
    add_hash("merkle-root", proof->root, out);
    mm_buf_printf(out, "entry-count: %" PRIu64 "\nentry-index: %" PRIu64 "\nentry: ", proof->count, proof->index);
    mm_buf_add(out, proof->line.data, proof->line.length);
    mm_buf_char(out, '\n');
    add_path("sibling", &proof->path, out);
}

/* `entry: LINE`, which is longer than values are elsewhere and has a grammar of its own. */
static int read_entry(struct mm_entry_proof *proof, struct mm_lines *lines, struct mm_diags *diags)
{
    static const char key[] = "entry: ";
    const char *feed = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    lines->number++;
    if (!feed || (size_t)(feed - lines->at) < sizeof key || memcmp(lines->at, key, sizeof key - 1) != 0)
        return mm_diag_line(diags, MM_RULE_TEXT_FIELD_ORDER, lines->number, 1,
                            "expected 'entry' and a line of a catalog here");
    const char *value = lines->at + sizeof key - 1;
    mm_buf_add(&proof->line, value, (size_t)(feed - value));
    lines->at = feed + 1;
    if (proof->line.failed)
        return mm_diag_memory(diags);
    return mm_catalog_entry_read(&proof->entry, proof->line.data, proof->line.length, lines->number, diags);
}

static int check_entry(const struct mm_entry_proof *proof, struct mm_diags *diags)
{
    unsigned char leaf[MM_HASH_BYTES], root[MM_HASH_BYTES];
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    mm_merkle_leaf_data(sha, proof->line.data, proof->line.length, leaf);
    bool leads = mm_merkle_path_leaf_root(sha, &proof->path, proof->index, proof->count, leaf, root) &&
                 memcmp(root, proof->root, sizeof root) == 0;
    mm_sha256_free(sha);
    return leads ? 0
                 : mm_diag(diags, MM_RULE_CATALOG_PROOF,
                           "expected a proof that leads from its entry to its root, found one that does not");
}

int mm_entry_proof_read(struct mm_entry_proof *proof, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *proof = (struct mm_entry_proof){0};
    if (begin(&lines, text, length, MM_ENTRY_PROOF_TYPE, diags) < 0 ||
        mm_lines_hash(&lines, "head-sha256", proof->head_sha256, diags) < 0 ||
        mm_lines_hash(&lines, "merkle-root", proof->root, diags) < 0 ||
        mm_lines_number(&lines, "entry-count", MM_NUMBER_MAX, &proof->count, diags) < 0 ||
        mm_lines_number(&lines, "entry-index", MM_NUMBER_MAX, &proof->index, diags) < 0 ||
        read_entry(proof, &lines, diags) < 0 || read_path(&lines, "sibling", &proof->path, diags) < 0 ||
        read_end(&lines, diags) < 0 || diags->errors > errors)
        return -1;
    return check_entry(proof, diags);
}

/* ---- a head that continues another ---- */

static void add_place(const char *which, const struct mm_log_place *place, struct mm_buf *out)
{
    char key[32];
    mm_buf_printf(out, "%s-sequence: %" PRIu64 "\n", which, place->sequence);
    snprintf(key, sizeof key, "%s-head-sha256", which);
    add_hash(key, place->head_sha256, out);
    snprintf(key, sizeof key, "%s-log-root", which);
    add_hash(key, place->root, out);
}

void mm_consistency_write(const struct mm_consistency *proof, struct mm_buf *out)
{
    mm_buf_str(out, MM_CONSISTENCY_TYPE " 0\n");
    add_place("old", &proof->before, out);
    add_place("new", &proof->after, out);
    add_path("old-sibling", &proof->before.path, out);
    add_path("new-sibling", &proof->after.path, out);
    add_path("node", &proof->nodes, out);
}

static int read_place(struct mm_lines *lines, const char *which, struct mm_log_place *place, struct mm_diags *diags)
{
    char key[32];
    snprintf(key, sizeof key, "%s-sequence", which);
    if (mm_lines_number(lines, key, MM_NUMBER_MAX, &place->sequence, diags) < 0)
        return -1;
    snprintf(key, sizeof key, "%s-head-sha256", which);
    if (mm_lines_hash(lines, key, place->head_sha256, diags) < 0)
        return -1;
    snprintf(key, sizeof key, "%s-log-root", which);
    return mm_lines_hash(lines, key, place->root, diags);
}

/* The head is the last leaf of its tree. */
static bool place_holds(struct mm_sha256 *sha, const struct mm_log_place *place)
{
    unsigned char root[MM_HASH_BYTES];
    return place->sequence > 0 &&
           mm_merkle_path_root(sha, &place->path, place->sequence - 1, place->sequence, place->head_sha256, root) &&
           memcmp(root, place->root, sizeof root) == 0;
}

static int check_consistency(const struct mm_consistency *proof, struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    const char *wrong = NULL;
    if (!place_holds(sha, &proof->before))
        wrong = "the old head to its log root";
    else if (!place_holds(sha, &proof->after))
        wrong = "the new head to its log root";
    else if (!mm_merkle_consistent(sha, &proof->nodes, proof->before.sequence, proof->after.sequence,
                                   proof->before.root, proof->after.root))
        wrong = "the old log root to the new one";
    mm_sha256_free(sha);
    return wrong ? mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected a proof that leads from %s, found one that does not",
                           wrong)
                 : 0;
}

int mm_consistency_read(struct mm_consistency *proof, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *proof = (struct mm_consistency){0};
    if (begin(&lines, text, length, MM_CONSISTENCY_TYPE, diags) < 0 ||
        read_place(&lines, "old", &proof->before, diags) < 0 || read_place(&lines, "new", &proof->after, diags) < 0 ||
        read_path(&lines, "old-sibling", &proof->before.path, diags) < 0 ||
        read_path(&lines, "new-sibling", &proof->after.path, diags) < 0 ||
        read_path(&lines, "node", &proof->nodes, diags) < 0 || read_end(&lines, diags) < 0 || diags->errors > errors)
        return -1;
    return check_consistency(proof, diags);
}

int mm_log_continue(const struct mm_log_place *before, const unsigned char (*heads)[MM_HASH_BYTES], uint64_t count,
                    unsigned char root[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct mm_merkle tree;
    int result = mm_merkle_init(&tree, diags);
    if (result == 0 && !mm_merkle_resume(&tree, &before->path, before->sequence))
        result = mm_diag(diags, MM_RULE_CATALOG_PROOF, "expected the audit path of a last leaf, found another");
    if (result == 0) {
        mm_merkle_add(&tree, before->head_sha256);
        for (uint64_t i = 0; i < count; i++)
            mm_merkle_add(&tree, heads[i]);
        mm_merkle_root(&tree, root);
    }
    mm_merkle_release(&tree);
    return result;
}

static int fill_place(struct mm_log_place *place, const unsigned char (*heads)[MM_HASH_BYTES], uint64_t count,
                      struct mm_diags *diags)
{
    struct mm_merkle tree;
    int result = mm_merkle_init(&tree, diags);
    if (result == 0) {
        mm_merkle_track(&tree, count - 1);
        for (uint64_t i = 0; i < count; i++)
            mm_merkle_add(&tree, heads[i]);
        mm_merkle_root(&tree, place->root);
        place->path = tree.path;
        place->sequence = count;
        memcpy(place->head_sha256, heads[count - 1], MM_HASH_BYTES);
    }
    mm_merkle_release(&tree);
    return result;
}

int mm_consistency_make(struct mm_consistency *proof, const unsigned char (*heads)[MM_HASH_BYTES], uint64_t old,
                        uint64_t count, struct mm_diags *diags)
{
    unsigned char(*leaves)[MM_HASH_BYTES] = mm_realloc_array(NULL, count, MM_HASH_BYTES);
    struct mm_sha256 *sha = mm_sha256_new();
    int result = leaves && sha ? 0 : mm_diag_memory(diags);
    *proof = (struct mm_consistency){0};
    if (result == 0)
        result = fill_place(&proof->before, heads, old, diags);
    if (result == 0)
        result = fill_place(&proof->after, heads, count, diags);
    for (uint64_t i = 0; result == 0 && i < count; i++)
        mm_merkle_leaf(sha, heads[i], leaves[i]);
    if (result == 0)
        mm_merkle_consistency(sha, leaves, old, count, &proof->nodes);
    free(leaves);
    mm_sha256_free(sha);
    return result;
}
