#include "doc/chunk_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/inflate.h"
#include "text/line.h"

#define HEADER_LINES 6
#define LINE_BYTES (MM_HASH_HEX + 1)
#define HEADER_MAX 4096
#define BLOCK 65536

void mm_hashes_release(struct mm_hashes *hashes)
{
    free(hashes->items);
    *hashes = (struct mm_hashes){0};
}

void mm_hashes_add(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    struct mm_hashes *hashes = context;
    (void)index;
    if (hashes->failed || hashes->count >= MM_CHUNK_COUNT_MAX ||
        !mm_grow(&hashes->items, hashes->count, &hashes->capacity, MM_HASH_BYTES)) {
        hashes->failed = true;
        return;
    }
    memcpy(hashes->items[hashes->count++], hash, MM_HASH_BYTES);
}

void mm_chunk_list_release(struct mm_chunk_list *list)
{
    mm_hashes_release(&list->hashes);
}

bool mm_chunk_list_imply(struct mm_chunk_list *list, const struct mm_chunk_facts *facts)
{
    struct mm_merkle tree = {0};
    struct mm_diags ignored;
    unsigned char root[MM_HASH_BYTES] = {0};
    *list = (struct mm_chunk_list){.facts = *facts};
    list->facts.has_sha256 = true;
    if (facts->count > 1)
        return false;
    mm_diags_init(&ignored);
    bool ready = mm_merkle_init(&tree, &ignored) == 0;
    if (ready && facts->count == 1) {
        mm_hashes_add(&list->hashes, 0, facts->sha256);
        mm_merkle_add(&tree, facts->sha256);
    }
    if (ready)
        mm_merkle_root(&tree, root);
    mm_merkle_release(&tree);
    mm_diags_release(&ignored);
    return ready && !list->hashes.failed && memcmp(root, facts->root, MM_HASH_BYTES) == 0;
}

static int too_long(size_t limit, struct mm_diags *diags)
{
    return mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected a chunk list of at most %zu bytes, found more",
                        limit);
}

static int read_header(struct mm_chunk_list *list, struct mm_lines *lines, const char *text, size_t length,
                       struct mm_diags *diags)
{
    struct mm_chunk_facts *facts = &list->facts;
    if (mm_lines_begin(lines, text, length, MM_CHUNK_LIST_TYPE, diags) < 0 ||
        mm_lines_number(lines, "artifact-bytes", MM_NUMBER_MAX, &facts->bytes, diags) < 0 ||
        mm_lines_hash(lines, "artifact-sha256", facts->sha256, diags) < 0 ||
        mm_lines_number(lines, "chunk-size", MM_NUMBER_MAX, &facts->size, diags) < 0 ||
        mm_lines_number(lines, "chunk-count", MM_NUMBER_MAX, &facts->count, diags) < 0 ||
        mm_lines_hash(lines, "merkle-root", facts->root, diags) < 0)
        return -1;
    facts->has_sha256 = true;
    if (!mm_chunk_size_valid(facts->size))
        return mm_diag_line(diags, MM_RULE_CHUNK_LIST, 4, 13,
                            "expected a power of two from 65536 to 67108864, found %" PRIu64, facts->size);
    if (facts->count > MM_CHUNK_COUNT_MAX || facts->count != mm_chunk_count(facts->bytes, facts->size))
        return mm_diag_line(diags, MM_RULE_CHUNK_LIST, 5, 14, "expected %" PRIu64 " chunks, at most %d, found %" PRIu64,
                            mm_chunk_count(facts->bytes, facts->size), MM_CHUNK_COUNT_MAX, facts->count);
    return 0;
}

/* A list on its way in: the header's lines gather, then each line is a hash. The text is never held whole. */
struct reading {
    struct mm_chunk_list *list;
    struct mm_diags *diags;
    char header[HEADER_MAX];
    size_t used;    /* bytes of the header, or of the line that is coming */
    unsigned lines; /* complete lines of the header */
    uint64_t line;  /* of the next hash */
    char hash[LINE_BYTES];
};

static int take_hash(struct reading *r)
{
    unsigned char hash[MM_HASH_BYTES];
    char shown[MM_SHOWN];
    if (r->hash[MM_HASH_HEX] != '\n' || !mm_hex_hash(r->hash, MM_HASH_HEX, hash)) {
        const char *feed = memchr(r->hash, '\n', r->used);
        return mm_diag_line(r->diags, MM_RULE_VALUE_HASH, r->line, 1,
                            "expected 64 lower-case hex digits and LF, found '%s'",
                            mm_show(shown, r->hash, feed ? (size_t)(feed - r->hash) : r->used));
    }
    if (r->list->hashes.count == r->list->facts.count)
        return mm_diag_line(r->diags, MM_RULE_CHUNK_LIST, r->line, 1, "expected %" PRIu64 " chunk hashes, found more",
                            r->list->facts.count);
    mm_hashes_add(&r->list->hashes, 0, hash);
    r->line++;
    r->used = 0;
    return r->list->hashes.failed ? mm_diag_memory(r->diags) : 0;
}

static int take_header(struct reading *r)
{
    struct mm_lines lines;
    int result = read_header(r->list, &lines, r->header, r->used, r->diags);
    r->used = 0;
    r->line = HEADER_LINES + 1;
    return result;
}

/* Has the shape of mm_inflate_fn. */
static int take_text(void *context, const char *bytes, size_t length)
{
    struct reading *r = context;
    size_t i = 0;
    while (i < length && r->lines < HEADER_LINES) {
        if (r->used == HEADER_MAX)
            return take_header(r) < 0 ? -1 : too_long(HEADER_MAX, r->diags);
        r->header[r->used++] = bytes[i];
        if (bytes[i++] == '\n' && ++r->lines == HEADER_LINES && take_header(r) < 0)
            return -1;
    }
    while (i < length) {
        size_t part = LINE_BYTES - r->used < length - i ? LINE_BYTES - r->used : length - i;
        memcpy(r->hash + r->used, bytes + i, part);
        r->used += part;
        i += part;
        if (r->used == LINE_BYTES && take_hash(r) < 0)
            return -1;
    }
    return 0;
}

static int end_text(struct reading *r)
{
    if (r->lines < HEADER_LINES)
        return take_header(r); /* a header that ends early says where */
    if (r->used > 0) {
        memset(r->hash + r->used, 0, LINE_BYTES - r->used);
        return take_hash(r);
    }
    if (r->list->hashes.count < r->list->facts.count)
        return mm_diag_line(r->diags, MM_RULE_CHUNK_LIST, r->line, 1, "expected %" PRIu64 " chunk hashes, found %zu",
                            r->list->facts.count, r->list->hashes.count);
    return 0;
}

/* The root, and for no chunk or one the whole-file hash, follow from the hashes. */
static int check_hashes(const struct mm_chunk_list *list, struct mm_diags *diags)
{
    struct mm_merkle tree;
    unsigned char root[MM_HASH_BYTES];
    int result = mm_merkle_init(&tree, diags);
    for (size_t i = 0; result == 0 && i < list->hashes.count; i++)
        mm_merkle_add(&tree, list->hashes.items[i]);
    if (result == 0) {
        mm_merkle_root(&tree, root);
        if (memcmp(root, list->facts.root, MM_HASH_BYTES) != 0)
            result = mm_diag_line(diags, MM_RULE_CHUNK_LIST, HEADER_LINES, 14,
                                  "expected the Merkle root of the hashes below, found another");
        const unsigned char *whole = list->facts.count == 0   ? mm_sha256_empty
                                     : list->facts.count == 1 ? list->hashes.items[0]
                                                              : NULL;
        if (whole && memcmp(whole, list->facts.sha256, MM_HASH_BYTES) != 0)
            result = mm_diag_line(diags, MM_RULE_CHUNK_LIST, 3, 18,
                                  "expected the hash that one chunk or none leaves, found another");
    }
    mm_merkle_release(&tree);
    return result;
}

/* The rest of a compressed list, whose first bytes are in STORED: read whole, inflated through the reading. */
static int read_compressed(struct reading *r, int fd, size_t limit, struct mm_buf *stored, struct mm_sha256 *sha)
{
    int result = mm_file_read_all(fd, limit, stored, r->diags);
    if (result > 0)
        result = too_long(limit, r->diags);
    if (result == 0) {
        mm_sha256_update(sha, stored->data, stored->length);
        result = mm_inflate_gzip(stored->data, stored->length, limit, take_text, r, r->diags);
    }
    return result;
}

/* A plain list, block by block. Its hash is taken to the end even where its text is wrong. */
static int read_plain(struct reading *r, int fd, size_t limit, struct mm_buf *block, struct mm_sha256 *sha)
{
    size_t total = block->length;
    int result = 0;
    while (block->length > 0 && total <= limit) {
        mm_sha256_update(sha, block->data, block->length);
        if (result == 0)
            result = take_text(r, block->data, block->length);
        mm_buf_clear(block);
        if (mm_file_read_all(fd, BLOCK - 1, block, r->diags) < 0)
            return -1;
        total += block->length;
    }
    return total > limit ? too_long(limit, r->diags) : result;
}

static int read_stored(struct reading *r, int fd, size_t limit, struct mm_sha256 *sha)
{
    struct mm_buf stored = {0};
    int result = mm_file_read_all(fd, 1, &stored, r->diags);
    if (result >= 0 && stored.length >= 2 && memcmp(stored.data, "\x1f\x8b", 2) == 0)
        result = read_compressed(r, fd, limit, &stored, sha);
    else if (result >= 0)
        result = read_plain(r, fd, limit, &stored, sha);
    mm_buf_release(&stored);
    mm_sha256_take(sha, r->list->file_sha256);
    return result == 0 ? end_text(r) : result;
}

int mm_chunk_list_read(struct mm_chunk_list *list, int fd, uint64_t count, struct mm_diags *diags)
{
    struct reading reading = {.list = list, .diags = diags};
    uint64_t errors = diags->errors;
    *list = (struct mm_chunk_list){0};
    struct mm_sha256 *sha = mm_sha256_new();
    int result = sha ? read_stored(&reading, fd, (size_t)count * LINE_BYTES + HEADER_MAX, sha) : mm_diag_memory(diags);
    if (result == 0)
        result = check_hashes(list, diags);
    mm_sha256_free(sha);
    return diags->errors > errors ? -1 : result;
}

int mm_chunk_list_read_text(struct mm_chunk_list *list, const char *text, size_t length, uint64_t count,
                            struct mm_diags *diags)
{
    struct reading reading = {.list = list, .diags = diags};
    *list = (struct mm_chunk_list){0};
    if (length > (size_t)count * LINE_BYTES + HEADER_MAX)
        return too_long((size_t)count * LINE_BYTES + HEADER_MAX, diags);
    return take_text(&reading, text, length) < 0 || end_text(&reading) < 0 ? -1 : check_hashes(list, diags);
}

void mm_chunk_list_write(const struct mm_chunk_facts *facts, const struct mm_hashes *hashes, struct mm_buf *out)
{
    char sha256[MM_HASH_HEX + 1], root[MM_HASH_HEX + 1];
    mm_hex(sha256, facts->sha256, MM_HASH_BYTES);
    mm_hex(root, facts->root, MM_HASH_BYTES);
    mm_buf_printf(out,
                  MM_CHUNK_LIST_TYPE " 0\nartifact-bytes: %" PRIu64 "\nartifact-sha256: %s\nchunk-size: %" PRIu64
                                     "\nchunk-count: %" PRIu64 "\nmerkle-root: %s\n",
                  facts->bytes, sha256, facts->size, facts->count, root);
    for (size_t i = 0; i < hashes->count; i++) {
        char line[LINE_BYTES + 1];
        mm_hex(line, hashes->items[i], MM_HASH_BYTES);
        line[MM_HASH_HEX] = '\n';
        mm_buf_add(out, line, LINE_BYTES);
    }
}

static void add_bad(struct mm_chunk_compare *compare, uint64_t index)
{
    const struct mm_chunk_facts *facts = &compare->list->facts;
    if (compare->failed || !mm_grow(&compare->bad, compare->bad_count, &compare->bad_capacity, sizeof *compare->bad)) {
        compare->failed = true;
        return;
    }
    compare->bad[compare->bad_count++] =
        (struct mm_bad_range){index, index * facts->size, mm_chunk_bytes(facts, index)};
}

void mm_chunk_compare_add(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    struct mm_chunk_compare *compare = context;
    compare->seen = index + 1;
    if (index < compare->list->hashes.count && memcmp(hash, compare->list->hashes.items[index], MM_HASH_BYTES) != 0)
        add_bad(compare, index);
}

int mm_chunk_compare_finish(struct mm_chunk_compare *compare, struct mm_diags *diags)
{
    for (uint64_t index = compare->seen; index < compare->list->facts.count; index++)
        add_bad(compare, index);
    return compare->failed ? mm_diag_memory(diags) : 0;
}

void mm_chunk_compare_release(struct mm_chunk_compare *compare)
{
    free(compare->bad);
    compare->bad = NULL;
    compare->bad_count = compare->bad_capacity = 0;
}

void mm_bad_ranges_write(const struct mm_chunk_compare *compare, const char *path, struct mm_buf *out)
{
    for (size_t i = 0; i < compare->bad_count; i++) {
        mm_buf_printf(out, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t", compare->bad[i].index, compare->bad[i].offset,
                      compare->bad[i].bytes);
        mm_buf_printable(out, path, strlen(path));
        mm_buf_char(out, '\n');
    }
}

bool mm_bad_ranges_begin(const char *text, size_t length)
{
    uint64_t number;
    const char *end = text + length;
    for (int i = 0; length > 0 && i < 3; i++) {
        const char *tab = memchr(text, '\t', (size_t)(end - text));
        if (!tab || !mm_number(text, (size_t)(tab - text), MM_NUMBER_MAX, &number))
            return false;
        text = tab + 1;
    }
    return length == 0 || (text < end && memchr(text, '\n', (size_t)(end - text)));
}

void mm_proof_write(const struct mm_proof *proof, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, proof->root, MM_HASH_BYTES);
    mm_buf_printf(out, MM_PROOF_TYPE " 0\nmerkle-root: %s\nchunk-count: %" PRIu64 "\nchunk-index: %" PRIu64 "\n", hex,
                  proof->count, proof->index);
    mm_hex(hex, proof->chunk, MM_HASH_BYTES);
    mm_buf_printf(out, "chunk-sha256: %s\n", hex);
    for (unsigned i = 0; i < proof->path.length; i++) {
        mm_hex(hex, proof->path.siblings[i], MM_HASH_BYTES);
        mm_buf_printf(out, "sibling: %s\n", hex);
    }
}

static int read_siblings(struct mm_proof *proof, struct mm_lines *lines, struct mm_diags *diags)
{
    while (lines->at < lines->end) {
        if (proof->path.length == MM_MERKLE_HEIGHT)
            return mm_diag_line(diags, MM_RULE_CHUNK_PROOF, lines->number + 1, 1,
                                "expected at most %d siblings, found more", MM_MERKLE_HEIGHT);
        if (mm_lines_hash(lines, "sibling", proof->path.siblings[proof->path.length], diags) < 0)
            return -1;
        proof->path.length++;
    }
    return 0;
}

static int check_proof(const struct mm_proof *proof, struct mm_diags *diags)
{
    unsigned char root[MM_HASH_BYTES];
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    bool fits = mm_merkle_path_root(sha, &proof->path, proof->index, proof->count, proof->chunk, root);
    mm_sha256_free(sha);
    if (!fits)
        return mm_diag_line(diags, MM_RULE_CHUNK_PROOF, 6, 1,
                            "expected the siblings of chunk %" PRIu64 " of %" PRIu64 ", found %u", proof->index,
                            proof->count, proof->path.length);
    if (memcmp(root, proof->root, MM_HASH_BYTES) != 0)
        return mm_diag_line(diags, MM_RULE_CHUNK_PROOF, 2, 14,
                            "expected the root that the siblings lead to, found another");
    return 0;
}

int mm_proof_read(struct mm_proof *proof, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *proof = (struct mm_proof){0};
    if (mm_lines_begin(&lines, text, length, MM_PROOF_TYPE, diags) < 0 ||
        mm_lines_hash(&lines, "merkle-root", proof->root, diags) < 0 ||
        mm_lines_number(&lines, "chunk-count", MM_CHUNK_COUNT_MAX, &proof->count, diags) < 0 ||
        mm_lines_number(&lines, "chunk-index", MM_NUMBER_MAX, &proof->index, diags) < 0 ||
        mm_lines_hash(&lines, "chunk-sha256", proof->chunk, diags) < 0)
        return -1;
    if (proof->index >= proof->count)
        return mm_diag_line(diags, MM_RULE_CHUNK_INDEX, 4, 14, "expected an index below %" PRIu64 ", found %" PRIu64,
                            proof->count, proof->index);
    if (read_siblings(proof, &lines, diags) < 0 || check_proof(proof, diags) < 0)
        return -1;
    return diags->errors > errors ? -1 : 0; /* faults of the first line count too */
}
