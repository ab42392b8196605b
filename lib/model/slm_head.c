/* .slm: all bytes before the data, read: header, hashes, tokenizer, table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/slm_parts.h"

static const char *const section_names[MM_SLM_SECTIONS] = {
    [MM_SLM_FACTS] = "facts", [MM_SLM_TOKENIZER] = "tokenizer", [MM_SLM_TABLE] = "table", [MM_SLM_DATA] = "data"};

/* The most that the largest numbers of everything come to: bounds what is read into memory. */
#define TOKENIZER_MAX                                                                                                  \
    (MM_SLM_TOKENIZER_HEADER + 8 * MM_TOKENIZER_SETTINGS_MAX + 8 * MM_TOKENIZER_MERGES_MAX +                           \
     7 * MM_TOKENIZER_PIECES_MAX + MM_TOKENIZER_TEXTS_MAX + MM_TOKENIZER_PRE_MAX)
#define ENTRY_LEAST (MM_SLM_ENTRY + 1) /* an entry and a name */
#define ENTRY_MOST (MM_SLM_ENTRY + MM_TENSOR_NAME_MAX)

static const unsigned char zeros[MM_HASH_BYTES];

/* A head being read, and what its header states. */
struct head {
    const unsigned char *bytes;
    size_t length;
    uint64_t file_size;
    struct mm_slm_span sections[MM_SLM_SECTIONS];
    uint64_t tensors;
    bool damaged[MM_SLM_DATA]; /* the section is not what the header's hash is of */
    bool wrong_header;         /* it was found to be wrong without its hash */
    struct mm_slm *slm;
    struct mm_slm_places places;
    struct mm_slm_sound *sound;
    struct mm_diags *diags;
};

static uint64_t get(const struct head *h, uint64_t offset, size_t size)
{
    return mm_little_endian(h->bytes + offset, size);
}

#define WRONG(h, rule, offset, ...) mm_diag_offset((h)->diags, MM_RULE_##rule, offset, __VA_ARGS__)

static int check_magic(struct head *h)
{
    char shown[MM_SHOWN];
    size_t length = h->length < sizeof mm_slm_magic ? h->length : sizeof mm_slm_magic;
    if (length == sizeof mm_slm_magic && memcmp(h->bytes, mm_slm_magic, length) == 0)
        return 0;
    if (length == sizeof mm_slm_magic && memcmp(h->bytes, mm_slm_magic, 4) == 0)
        return WRONG(
            h, SLM_MAGIC, 4,
            "expected bytes 4 to 7 of the magic, 0d 0a 1a 0a, found '%s': a transfer in text mode changes them",
            mm_show(shown, h->bytes + 4, 4));
    return WRONG(h, SLM_MAGIC, 0, "expected the magic of .slm, found '%s'", mm_show(shown, h->bytes, length));
}

static void check_zeros(struct head *h, uint64_t offset, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (h->bytes[offset + i] != 0) {
            WRONG(h, SLM_HEADER, offset + i, "expected zeros in the header, found byte 0x%02x", h->bytes[offset + i]);
            return;
        }
}

/* Sizes decide where sections are; the offsets in the header only repeat it. */
static int check_sections(struct head *h)
{
    struct mm_slm_span placed[MM_SLM_SECTIONS];
    bool sound = true;
    for (int i = 0; i < MM_SLM_SECTIONS; i++) {
        uint64_t at = MM_SLM_AT_SECTIONS + 16 * (uint64_t)i;
        placed[i] = h->sections[i] = (struct mm_slm_span){get(h, at, 8), get(h, at + 8, 8)};
    }
    if (placed[MM_SLM_FACTS].size < 1 || placed[MM_SLM_FACTS].size > MM_SLM_FACTS_MAX)
        return WRONG(h, SLM_HEADER, MM_SLM_AT_SECTIONS + 8,
                     "expected 1 to %d bytes of facts in the header, found %" PRIu64, MM_SLM_FACTS_MAX,
                     placed[MM_SLM_FACTS].size);
    if (placed[MM_SLM_TOKENIZER].size > TOKENIZER_MAX)
        return WRONG(h, SLM_HEADER, MM_SLM_AT_SECTIONS + 16 * MM_SLM_TOKENIZER + 8,
                     "expected at most %d bytes of tokenizer in the header, found %" PRIu64, TOKENIZER_MAX,
                     placed[MM_SLM_TOKENIZER].size);
    int count = mm_slm_place_sections(placed);
    if (count < MM_SLM_SECTIONS)
        return WRONG(h, SLM_HEADER, MM_SLM_AT_SECTIONS + 16 * (uint64_t)count + 8,
                     "expected a %s section that ends below 2^63 in the header, found %" PRIu64 " bytes",
                     section_names[count], placed[count].size);
    for (int i = 0; i < MM_SLM_SECTIONS && sound; i++) {
        sound = placed[i].offset == h->sections[i].offset;
        if (!sound)
            WRONG(h, SLM_HEADER, MM_SLM_AT_SECTIONS + 16 * (uint64_t)i,
                  "expected offset %" PRIu64 " of the %s section in the header, found %" PRIu64, placed[i].offset,
                  section_names[i], h->sections[i].offset);
    }
    return sound ? 0 : -1;
}

static int check_sizes(struct head *h)
{
    uint64_t stated = get(h, MM_SLM_AT_FILE_SIZE, 8);
    uint64_t end = h->sections[MM_SLM_DATA].offset + h->sections[MM_SLM_DATA].size;
    uint64_t table = h->sections[MM_SLM_TABLE].size;
    h->tensors = get(h, MM_SLM_AT_TENSORS, 8);
    if (stated != end)
        return WRONG(h, SLM_HEADER, MM_SLM_AT_FILE_SIZE,
                     "expected the end of the data section, %" PRIu64
                     ", as the file's size in the header, found %" PRIu64,
                     end, stated);
    if (h->tensors < 1 || h->tensors > table / ENTRY_LEAST ||
        (h->tensors <= MM_TENSOR_COUNT_MAX && table > h->tensors * ENTRY_MOST))
        return WRONG(h, SLM_HEADER, MM_SLM_AT_TENSORS,
                     "expected a number of tensors in the header, from 1, that fits a table of %" PRIu64
                     " bytes, found %" PRIu64,
                     table, h->tensors);
    if (h->tensors > MM_TENSOR_COUNT_MAX)
        return WRONG(h, IO_LIMIT, MM_SLM_AT_TENSORS, "at most %d tensors of one file are read, found %" PRIu64,
                     MM_TENSOR_COUNT_MAX, h->tensors);
    if (stated != h->file_size)
        WRONG(h, SLM_HEADER, MM_SLM_AT_FILE_SIZE,
              "expected the file's size, %" PRIu64 ", in the header, found %" PRIu64, h->file_size, stated);
    return 0;
}

/* Returns 0 where the places of the sections can be relied on. */
static int read_header(struct head *h)
{
    if (check_magic(h) < 0)
        return -1;
    uint64_t version = h->length >= MM_SLM_AT_VERSION + 4 ? get(h, MM_SLM_AT_VERSION, 4) : 0;
    if (version != 0) /* whose header may be shorter */
        return WRONG(h, SLM_VERSION, MM_SLM_AT_VERSION, "expected version 0 in the header, found %" PRIu64, version);
    if (h->length < MM_SLM_HEADER)
        return WRONG(h, SLM_HEADER, h->length, "expected a header of %d bytes, found the end of the file",
                     MM_SLM_HEADER);
    check_zeros(h, MM_SLM_AT_RESERVED, MM_SLM_AT_FILE_SIZE - MM_SLM_AT_RESERVED);
    check_zeros(h, MM_SLM_AT_REST, MM_SLM_HEADER - MM_SLM_AT_REST);
    return check_sections(h) < 0 || check_sizes(h) < 0 ? -1 : 0;
}

uint64_t mm_slm_head_size(const unsigned char *header)
{
    struct mm_diags ignored;
    struct head h = {.bytes = header, .length = MM_SLM_HEADER, .diags = &ignored};
    mm_diags_init(&ignored);
    h.file_size = get(&h, MM_SLM_AT_FILE_SIZE, 8);
    bool sound = read_header(&h) == 0;
    mm_diags_release(&ignored);
    return sound ? h.sections[MM_SLM_DATA].offset : 0;
}

/* The file ends within a section: a finding that names it. */
static int cut(struct head *h)
{
    for (int i = 0; i < MM_SLM_DATA; i++) {
        uint64_t next = h->sections[i + 1].offset;
        if (h->length < next)
            return WRONG(h, SLM_SECTION, h->length,
                         "expected the %s section up to %" PRIu64 ", padding included, found the end of the file",
                         section_names[i], next);
    }
    return 0;
}

/* ---- hashes ---- */

static void head_digest(struct head *h, struct mm_sha256 *sha, const unsigned char *header,
                        unsigned char digest[static MM_HASH_BYTES])
{
    mm_sha256_update(sha, header, MM_SLM_AT_HEAD_SHA256);
    mm_sha256_update(sha, zeros, MM_HASH_BYTES);
    mm_sha256_update(sha, header + MM_SLM_AT_REST, MM_SLM_HEADER - MM_SLM_AT_REST);
    mm_sha256_update(sha, h->bytes + MM_SLM_HEADER, (size_t)h->sections[MM_SLM_DATA].offset - MM_SLM_HEADER);
    mm_sha256_take(sha, digest);
}

static bool head_holds(struct head *h, struct mm_sha256 *sha, const unsigned char *header)
{
    unsigned char digest[MM_HASH_BYTES];
    head_digest(h, sha, header, digest);
    return memcmp(digest, h->bytes + MM_SLM_AT_HEAD_SHA256, sizeof digest) == 0;
}

/* Zeros between the sections; a run that is not is a finding. */
static void check_padding(struct head *h)
{
    for (int i = 0; i < MM_SLM_DATA; i++) {
        bool in_zeros = true;
        for (uint64_t at = h->sections[i].offset + h->sections[i].size; at < h->sections[i + 1].offset; at++) {
            if (h->bytes[at] && in_zeros)
                WRONG(h, DATA_PADDING, at, "expected zeros as padding, found byte 0x%02x", h->bytes[at]);
            in_zeros = !h->bytes[at];
        }
    }
}

/* The size that section WHICH has if all zeros behind it are padding. */
static uint64_t size_without_zeros(const struct head *h, int which)
{
    uint64_t end = h->sections[which + 1].offset;
    while (end > h->sections[which].offset && h->bytes[end - 1] == 0)
        end--;
    return end - h->sections[which].offset;
}

/* Section WHICH has not the SHA-256 that HEADER states. True if it is the header that was changed, with a finding: its hash or
 * its size, the bytes being what the hash over the whole head, or the section's own, is of. */
static bool blame_header(struct head *h, struct mm_sha256 *sha, int which, bool hashes_changed)
{
    unsigned char digest[MM_HASH_BYTES];
    uint64_t hash_at = MM_SLM_AT_SHA256 + MM_HASH_BYTES * (uint64_t)which, size = size_without_zeros(h, which);
    if (hashes_changed) {
        WRONG(h, SLM_HEADER, hash_at,
              "expected the SHA-256 of the %s section in the header, found another: the header was changed",
              section_names[which]);
        return true;
    }
    mm_sha256_once(sha, h->bytes + h->sections[which].offset, (size_t)size, digest);
    if (memcmp(digest, h->bytes + hash_at, sizeof digest) != 0)
        return false;
    WRONG(h, SLM_HEADER, MM_SLM_AT_SECTIONS + 16 * (uint64_t)which + 8,
          "expected the size of the %s section, %" PRIu64 ", in the header, found %" PRIu64, section_names[which], size,
          h->sections[which].size);
    return true;
}

/* Finds the sections that are not what the header says. Returns -1 where the header was changed: what it says of sound
 * sections, the number of tensors for one, is not to be relied on. */
static int check_hashes(struct head *h, struct mm_sha256 *sha)
{
    unsigned char header[MM_SLM_HEADER];
    uint64_t errors = h->diags->errors;
    bool any = false, blamed = false, holds = head_holds(h, sha, h->bytes);
    memcpy(header, h->bytes, sizeof header);
    for (int i = 0; i < MM_SLM_DATA; i++) {
        unsigned char *hash = header + MM_SLM_AT_SHA256 + MM_HASH_BYTES * i;
        mm_sha256_once(sha, h->bytes + h->sections[i].offset, (size_t)h->sections[i].size, hash);
        h->damaged[i] = memcmp(hash, h->bytes + (hash - header), MM_HASH_BYTES) != 0;
        any = any || h->damaged[i];
    }
    memcpy(h->sound->tokenizer_sha256, header + MM_SLM_AT_SHA256 + MM_HASH_BYTES * MM_SLM_TOKENIZER, MM_HASH_BYTES);
    bool hashes_changed = any && !holds && head_holds(h, sha, header);
    for (int i = 0; i < MM_SLM_DATA; i++) {
        bool own = h->damaged[i] && !holds && blame_header(h, sha, i, hashes_changed);
        blamed = blamed || own;
        if (h->damaged[i] && !own)
            WRONG(h, SLM_SECTION, h->sections[i].offset,
                  "expected the %s section that the header's SHA-256 is of, found another", section_names[i]);
    }
    if (!blamed)
        check_padding(h);
    if (!holds && h->diags->errors == errors) {
        blamed = true;
        if (!h->wrong_header)
            WRONG(h, SLM_HEADER, MM_SLM_AT_HEAD_SHA256,
                  "expected the SHA-256 of all bytes before the data in the header, found another: the header was "
                  "changed");
    }
    return blamed ? -1 : 0;
}

/* ---- tokenizer ---- */

/* What stands before the settings. */
struct tokenizer_counts {
    uint32_t flags, pieces, merges, settings, pre;
    uint64_t texts;
};

static int read_counts(struct head *h, struct tokenizer_counts *counts)
{
    const struct mm_slm_span *span = &h->sections[MM_SLM_TOKENIZER];
    uint64_t at = span->offset, size = MM_SLM_TOKENIZER_HEADER;
    if (span->size < size)
        return WRONG(h, SLM_TOKENIZER, at, "expected a tokenizer section from %d bytes, found %" PRIu64,
                     MM_SLM_TOKENIZER_HEADER, span->size);
    h->slm->tokenizer.kind = (uint32_t)get(h, at, 4);
    *counts = (struct tokenizer_counts){
        .flags = (uint32_t)get(h, at + 4, 4),
        .pieces = (uint32_t)get(h, at + 8, 4),
        .merges = (uint32_t)get(h, at + 12, 4),
        .settings = (uint32_t)get(h, at + 16, 4),
        .pre = (uint32_t)get(h, at + 20, 4),
        .texts = get(h, at + 24, 8),
    };
    const struct {
        uint64_t at, least, most, found;
        const char *what;
    } limits[] = {
        {4, 0, MM_SLM_FLAG_SCORES | MM_SLM_FLAG_TYPES, counts->flags, "as flags"},
        {8, 1, MM_TOKENIZER_PIECES_MAX, counts->pieces, "pieces"},
        {12, 0, MM_TOKENIZER_MERGES_MAX, counts->merges, "merges"},
        {16, 0, MM_TOKENIZER_SETTINGS_MAX, counts->settings, "settings"},
        {20, 0, MM_TOKENIZER_PRE_MAX, counts->pre, "bytes of the pre-tokenizer's name"},
        {24, 0, MM_TOKENIZER_TEXTS_MAX, counts->texts, "bytes of pieces"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].found < limits[i].least || limits[i].found > limits[i].most)
            return WRONG(h, SLM_TOKENIZER, at + limits[i].at, "expected %" PRIu64 " to %" PRIu64 " %s, found %" PRIu64,
                         limits[i].least, limits[i].most, limits[i].what, limits[i].found);
    size += 8 * (uint64_t)counts->settings + 8 * (uint64_t)counts->merges + counts->texts + counts->pre +
            (uint64_t)counts->pieces *
                (2 + (counts->flags & MM_SLM_FLAG_SCORES ? 4 : 0) + (counts->flags & MM_SLM_FLAG_TYPES ? 1 : 0));
    if (size != span->size)
        return WRONG(h, SLM_TOKENIZER, at,
                     "expected a tokenizer section of %" PRIu64 " bytes as its numbers say, found %" PRIu64, size,
                     span->size);
    return 0;
}

/* The pieces, whose scores begin at AT, if there are any; returns where they end, or 0. */
static uint64_t read_pieces(struct head *h, const struct tokenizer_counts *counts, uint64_t at)
{
    struct mm_tokenizer *t = &h->slm->tokenizer;
    uint64_t scores = at, lengths = at + (t->has_scores ? 4 : 0) * (uint64_t)counts->pieces;
    uint64_t types = lengths + 2 * (uint64_t)counts->pieces;
    uint64_t text = types + (t->has_types ? counts->pieces : 0), end = text + counts->texts;
    for (uint32_t i = 0; i < counts->pieces; i++) {
        uint32_t bits = t->has_scores ? (uint32_t)get(h, scores + 4 * (uint64_t)i, 4) : 0;
        uint8_t type = t->has_types ? h->bytes[types + i] : MM_PIECE_NORMAL;
        size_t length = (size_t)get(h, lengths + 2 * (uint64_t)i, 2);
        float score;
        memcpy(&score, &bits, sizeof score);
        if (length > end - text) {
            WRONG(h, SLM_TOKENIZER, lengths + 2 * (uint64_t)i,
                  "expected pieces of %" PRIu64 " bytes in all, found more in piece %" PRIu32, counts->texts, i);
            return 0;
        }
        if (mm_tokenizer_add_piece(t, h->bytes + text, length, score, type, h->diags) < 0)
            return 0;
        text += length;
    }
    if (text == end)
        return end;
    WRONG(h, SLM_TOKENIZER, h->sections[MM_SLM_TOKENIZER].offset + 24,
          "expected the sum of the pieces' lengths, %" PRIu64 ", found %" PRIu64, counts->texts - (end - text),
          counts->texts);
    return 0;
}

static int read_tokenizer(struct head *h)
{
    struct mm_tokenizer *t = &h->slm->tokenizer;
    struct tokenizer_counts counts = {0};
    uint64_t start = h->sections[MM_SLM_TOKENIZER].offset, at = start + MM_SLM_TOKENIZER_HEADER;
    if (read_counts(h, &counts) < 0)
        return -1;
    t->has_scores = counts.flags & MM_SLM_FLAG_SCORES;
    t->has_types = counts.flags & MM_SLM_FLAG_TYPES;
    for (uint32_t i = 0; i < counts.settings; i++, at += 8)
        t->settings[t->setting_count++] = (struct mm_setting){(uint32_t)get(h, at, 4), (uint32_t)get(h, at + 4, 4)};
    for (uint32_t i = 0; i < counts.merges; i++, at += 8)
        if (mm_tokenizer_add_merge(t, (uint32_t)get(h, at, 4), (uint32_t)get(h, at + 4, 4), h->diags) < 0)
            return -1;
    at = read_pieces(h, &counts, at);
    if (at == 0)
        return -1;
    memcpy(t->pre, h->bytes + at, counts.pre);
    t->pre[counts.pre] = '\0';
    if (strlen(t->pre) != counts.pre)
        return WRONG(h, SLM_TOKENIZER, at, "expected a pre-tokenizer's name of a-z, 0-9, '.', '_' and '-', found NUL");
    return mm_tokenizer_check(t, start, h->diags);
}

/* ---- table ---- */

/* The table while it is read. */
struct table {
    uint64_t names;     /* offset of the first name in the file */
    uint64_t name;      /* offset of the present one in the names */
    uint64_t names_end; /* of all, in the names */
    uint64_t end, next; /* of the tensors so far, and where the next one begins, in the data section */
    uint64_t believed;  /* where the next one begins if the present entry's offset is no lie */
    uint64_t elements;  /* of all tensors so far */
};

/* The bytes of the present entry's name, or NULL where they cannot be known. */
static const char *find_name(struct head *h, const struct table *table, uint64_t entry, size_t *size)
{
    uint64_t offset = get(h, entry + MM_SLM_ENTRY_NAME, 4), length = get(h, entry + MM_SLM_ENTRY_NAME_LENGTH, 4);
    uint64_t left = table->names_end - table->name;
    *size = (size_t)length;
    if (offset != table->name)
        WRONG(h, SLM_TABLE, entry + MM_SLM_ENTRY_NAME,
              "expected a name at %" PRIu64 ", where the one before ends, found %" PRIu64, table->name, offset);
    else if (length < 1 || length > MM_TENSOR_NAME_MAX)
        WRONG(h, TENSOR_NAME, entry + MM_SLM_ENTRY_NAME_LENGTH,
              "expected a tensor name of 1 to %d bytes, found %" PRIu64, MM_TENSOR_NAME_MAX, length);
    else if (length > left)
        WRONG(h, SLM_TABLE, entry + MM_SLM_ENTRY_NAME_LENGTH,
              "expected a name within the table, found one of %" PRIu64 " bytes where %" PRIu64 " remain", length,
              left);
    else
        return (const char *)h->bytes + table->names + table->name;
    return NULL;
}

/* Adds the tensor with the present entry's name; NULL where there is none to rely on. */
static struct mm_slm_tensor *read_name(struct head *h, struct table *table, uint64_t entry)
{
    char shown[MM_SHOWN], before[MM_SHOWN];
    size_t length;
    uint64_t place = table->names + table->name;
    const char *name = find_name(h, table, entry, &length);
    if (!name || !mm_tensor_name_check(name, length, place, h->diags))
        return NULL;
    struct mm_slm_tensor *tensor = mm_slm_add_tensor(h->slm, name, length, h->diags);
    if (!tensor)
        return NULL;
    const struct mm_slm_tensor *previous = h->slm->tensor_count > 1 ? tensor - 1 : NULL;
    int order = previous ? strcmp(previous->name, tensor->name) : -1;
    if (order == 0)
        WRONG(h, TENSOR_DUPLICATE, place, "expected tensor names that differ, found '%s' twice",
              mm_show(shown, name, length));
    else if (order > 0)
        WRONG(h, SLM_TABLE, place, "expected tensors sorted by name, found '%s' behind '%s'",
              mm_show(shown, name, length), mm_show(before, previous->name, strlen(previous->name)));
    table->name += length;
    return tensor;
}

static int read_dimensions(struct head *h, uint64_t entry, struct mm_slm_tensor *tensor)
{
    uint64_t rank = get(h, entry + MM_SLM_ENTRY_RANK, 4);
    if (rank < 1 || rank > 4)
        return WRONG(h, SLM_TABLE, entry + MM_SLM_ENTRY_RANK, "expected one to four dimensions, found %" PRIu64, rank);
    tensor->rank = (unsigned)rank;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t at = entry + MM_SLM_ENTRY_DIMS + 8 * i;
        tensor->dims[i] = get(h, at, 8);
        if (i < rank && tensor->dims[i] == 0)
            return WRONG(h, SLM_TABLE, at, "expected dimensions from 1, found 0");
        if (i >= rank && tensor->dims[i] != 0)
            return WRONG(h, SLM_TABLE, at, "expected 0 as a dimension that is not used, found %" PRIu64,
                         tensor->dims[i]);
    }
    return 0;
}

/* The dtype, and the size that it gives into *BYTES; -1 where they do not hold together. A dtype that is not known is taken at
 * its word. */
static int read_size(struct head *h, struct table *table, uint64_t entry, struct mm_slm_tensor *tensor, uint64_t *bytes)
{
    char shown[MM_SHOWN];
    uint64_t elements, number = get(h, entry + MM_SLM_ENTRY_DTYPE, 4);
    mm_show(shown, tensor->name, strlen(tensor->name));
    tensor->dtype = mm_dtype_of_ggml((uint32_t)number);
    if (!mm_slm_dtype(tensor->dtype)) {
        h->sound->table = false;
        WRONG(h, TENSOR_DTYPE, entry + MM_SLM_ENTRY_DTYPE,
              "expected dtype 0 (f32), 1 (f16), 30 (bf16), 8 (q8_0) or 2 (q4_0) for tensor '%s', found %" PRIu64, shown,
              number);
        return 0;
    }
    if (!mm_slm_tensor_size(tensor, entry + MM_SLM_ENTRY_DIMS, &elements, bytes, h->diags))
        return -1;
    if (!mm_add(table->elements, elements, &table->elements))
        return WRONG(h, TENSOR_OVERFLOW, entry + MM_SLM_ENTRY_DIMS,
                     "expected fewer than 2^63 elements in all tensors, found more");
    if (*bytes != tensor->bytes)
        return WRONG(h, SLM_TABLE, entry + MM_SLM_ENTRY_SIZE,
                     "expected a size of %" PRIu64 " for tensor '%s', as dtype and dimensions say, found %" PRIu64,
                     *bytes, shown, tensor->bytes);
    return 0;
}

/* Where the next tensor begins if this one is OFFSET and BYTES; false above 2^63. */
static bool next_place(uint64_t offset, uint64_t bytes, uint64_t *end, uint64_t *next)
{
    return mm_add(offset, bytes, end) && mm_align(*end, MM_SLM_ALIGNMENT, next);
}

/* A wrong offset may be one lie, or a gap that moves all later tensors: those may follow from either, so that each is one
 * finding. */
static int read_place(struct head *h, struct table *table, uint64_t entry, const struct mm_slm_tensor *tensor,
                      uint64_t bytes)
{
    uint64_t expected = table->next, believed = table->believed, end;
    if (!next_place(expected, bytes, &table->end, &table->next))
        return WRONG(h, TENSOR_OVERFLOW, entry + MM_SLM_ENTRY_SIZE,
                     "expected a tensor that ends below 2^63, found a size of %" PRIu64, bytes);
    if (!next_place(tensor->offset, tensor->bytes, &end, &table->believed))
        table->believed = table->next;
    if (tensor->offset == expected)
        return 0;
    if (tensor->offset != believed)
        WRONG(h, TENSOR_OFFSET, entry + MM_SLM_ENTRY_OFFSET,
              "expected offset %" PRIu64 ", where the tensor before ends, found %" PRIu64, expected, tensor->offset);
    return -1;
}

/* Every entry, however wrong the ones before; only a lost name ends the reading. */
static void read_table(struct head *h)
{
    const struct mm_slm_span *span = &h->sections[MM_SLM_TABLE];
    uint64_t entries = h->tensors * MM_SLM_ENTRY, errors = h->diags->errors;
    struct table table = {.names = span->offset + entries, .names_end = span->size - entries};
    h->sound->layout = h->sound->table = true;
    for (uint64_t i = 0; i < h->tensors; i++) {
        uint64_t entry = span->offset + i * MM_SLM_ENTRY;
        struct mm_slm_tensor *tensor = read_name(h, &table, entry);
        if (!tensor) {
            h->sound->layout = false;
            break;
        }
        memcpy(tensor->sha256, h->bytes + entry + MM_SLM_ENTRY_SHA256, MM_HASH_BYTES);
        tensor->offset = get(h, entry + MM_SLM_ENTRY_OFFSET, 8);
        tensor->bytes = get(h, entry + MM_SLM_ENTRY_SIZE, 8);
        uint64_t bytes = tensor->bytes;
        bool sized = read_dimensions(h, entry, tensor) == 0 && read_size(h, &table, entry, tensor, &bytes) == 0;
        bool placed = read_place(h, &table, entry, tensor, bytes) == 0;
        h->sound->layout = h->sound->layout && sized && placed;
    }
    if (h->sound->layout && table.name != table.names_end)
        WRONG(h, SLM_TABLE, table.names + table.name, "expected the end of the table behind the last name, found more");
    if (h->sound->layout && table.end != h->slm->data_size) {
        h->sound->layout = false;
        WRONG(h, SLM_HEADER, MM_SLM_AT_SECTIONS + 16 * MM_SLM_DATA + 8,
              "expected the end of the last tensor, %" PRIu64
              ", as the data section's size in the header, found %" PRIu64,
              table.end, h->slm->data_size);
    }
    h->sound->table = h->sound->table && h->sound->layout && h->diags->errors == errors;
}

/* ---- all of it ---- */

static void read_parts(struct head *h)
{
    char quantization[MM_SLM_WORD_MAX + 1] = "";
    const struct mm_slm_span *facts = &h->sections[MM_SLM_FACTS];
    h->places.tokenizer = h->sections[MM_SLM_TOKENIZER].offset;
    h->places.table = h->sections[MM_SLM_TABLE].offset;
    if (!h->damaged[MM_SLM_FACTS])
        h->sound->facts = mm_slm_read_facts(h->slm, (const char *)h->bytes + facts->offset, (size_t)facts->size,
                                            facts->offset, &h->places, quantization, h->diags) == 0;
    if (!h->damaged[MM_SLM_TOKENIZER])
        h->sound->tokenizer = read_tokenizer(h) == 0;
    if (!h->damaged[MM_SLM_TABLE])
        read_table(h);
    if (h->sound->facts && h->sound->tokenizer)
        mm_slm_check_vocabulary(h->slm, &h->places, h->diags);
    if (h->sound->facts && h->sound->table)
        mm_slm_check_tensors(h->slm, &h->places, h->diags);
    const char *real = h->sound->table ? mm_slm_quantization(h->slm) : quantization;
    if (h->sound->facts && strcmp(real, quantization) != 0)
        WRONG(h, SLM_FACTS, h->places.facts[MM_SLM_FACT_QUANTIZATION],
              "expected %s as quantization, which most bytes of the tensors have, found '%s'", real, quantization);
}

int mm_slm_read_sections(struct mm_slm *slm, const unsigned char *head, size_t length, uint64_t file_size,
                         struct mm_slm_sound *sound, struct mm_diags *diags)
{
    struct head h = {
        .bytes = head, .length = length, .file_size = file_size, .slm = slm, .sound = sound, .diags = diags};
    uint64_t errors = diags->errors;
    *slm = (struct mm_slm){0};
    *sound = (struct mm_slm_sound){0};
    if (read_header(&h) < 0 || cut(&h) < 0)
        return -1;
    slm->data_offset = h.sections[MM_SLM_DATA].offset;
    slm->data_size = h.sections[MM_SLM_DATA].size;
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    h.wrong_header = diags->errors > errors;
    if (check_hashes(&h, sha) == 0)
        read_parts(&h);
    mm_sha256_free(sha);
    return diags->errors > errors ? -1 : 0;
}

int mm_slm_read_head(struct mm_slm *slm, const void *head, size_t length, uint64_t file_size, struct mm_diags *diags)
{
    struct mm_slm_sound sound;
    return mm_slm_read_sections(slm, head, length, file_size, &sound, diags);
}
