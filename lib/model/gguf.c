/* GGUF, versions 2 and 3, little-endian (ggml's gguf.h; docs/formats/gguf.md): the file as a whole, its tensors, its data. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/gguf_parts.h"

/* Pairs of one file at most; real files have fewer than a hundred. Bounds memory as MM_TENSOR_COUNT_MAX does. */
#define PAIR_COUNT_MAX 1048576

#define PAIR_BYTES_MIN 14   /* key length, one byte of key, type, one byte of value */
#define TENSOR_BYTES_MIN 33 /* name length, one byte of name, rank, one dimension, dtype, offset */
#define DEFAULT_ALIGNMENT 32

/* ---- reading ---- */

/* The file ends too early: a finding, unless reading failed, which mm_source_finish reports. */
int mm_gguf_truncated(struct mm_gguf *g, const char *what)
{
    if (g->source->error)
        return -1;
    return mm_diag_offset(g->diags, MM_RULE_GGUF_TRUNCATED, mm_source_offset(g->source),
                          "expected %s, found the end of the file", what);
}

int mm_gguf_take(struct mm_gguf *g, void *out, size_t length, const char *what)
{
    if (!mm_source_read(g->source, out, length))
        return mm_gguf_truncated(g, what);
    mm_gguf_hash(g, out, length);
    return 0;
}

int mm_gguf_skip(struct mm_gguf *g, uint64_t length, const char *what)
{
    while (length > 0) {
        const unsigned char *bytes;
        size_t have = mm_source_some(g->source, &bytes);
        if (have == 0)
            return mm_gguf_truncated(g, what);
        if (have > length)
            have = (size_t)length;
        mm_gguf_hash(g, bytes, have);
        mm_source_advance(g->source, have);
        length -= have;
    }
    return 0;
}

int mm_gguf_number(struct mm_gguf *g, size_t size, uint64_t *value, const char *what)
{
    unsigned char bytes[8];
    if (mm_gguf_take(g, bytes, size, what) < 0)
        return -1;
    *value = mm_little_endian(bytes, size);
    return 0;
}

/* A length field that is bounded by the bytes that remain. */
int mm_gguf_length(struct mm_gguf *g, enum mm_rule rule, uint64_t *length, const char *what)
{
    uint64_t offset = mm_source_offset(g->source);
    if (mm_gguf_number(g, 8, length, what) < 0)
        return -1;
    uint64_t left = mm_source_left(g->source);
    if (*length > left)
        return mm_diag_offset(g->diags, rule, offset,
                              "expected %s of at most the %" PRIu64 " bytes that remain, found %" PRIu64, what, left,
                              *length);
    return 0;
}

/* ---- the preamble ---- */

static int check_magic(struct mm_gguf *g)
{
    unsigned char magic[4];
    char shown[MM_SHOWN];
    if (mm_gguf_take(g, magic, sizeof magic, "the magic GGUF") < 0)
        return -1;
    if (memcmp(magic, "GGUF", 4) == 0)
        return 0;
    if (memcmp(magic, "\0\0\0\0", 4) == 0)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ZEROS, 0,
                              "expected the magic GGUF, found zeros: the file was not written to its end");
    if (memcmp(magic, "FUGG", 4) == 0)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ENDIAN, 0, "expected a little-endian file, found the magic FUGG");
    return mm_diag_offset(g->diags, MM_RULE_GGUF_MAGIC, 0, "expected the magic GGUF, found '%s'",
                          mm_show(shown, magic, sizeof magic));
}

static int check_version(struct mm_gguf *g)
{
    uint64_t version;
    if (mm_gguf_number(g, 4, &version, "the version") < 0)
        return -1;
    if (version == 2 || version == 3)
        return 0;
    if (version != 0 && (version & 0xFFFF) == 0)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ENDIAN, 4,
                              "expected a little-endian file, found version 0x%08" PRIx64 ": the file is big-endian",
                              version);
    return mm_diag_offset(g->diags, MM_RULE_GGUF_VERSION, 4, "expected version 2 or 3, found %" PRIu64, version);
}

static int check_count(struct mm_gguf *g, uint64_t offset, uint64_t count, uint64_t least, uint64_t most,
                       const char *what)
{
    uint64_t left = mm_source_left(g->source);
    if (count > left / least)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_COUNT, offset,
                              "expected a number of %s that fits the %" PRIu64 " bytes that remain, found %" PRIu64,
                              what, left, count);
    if (count > most)
        return mm_diag_offset(g->diags, MM_RULE_IO_LIMIT, offset, "at most %" PRIu64 " %s are read, found %" PRIu64,
                              most, what, count);
    return 0;
}

static int read_preamble(struct mm_gguf *g)
{
    if (check_magic(g) < 0 || check_version(g) < 0 ||
        mm_gguf_number(g, 8, &g->tensor_count, "the number of tensors") < 0 ||
        mm_gguf_number(g, 8, &g->pair_count, "the number of pairs") < 0)
        return -1;
    int tensors = check_count(g, 8, g->tensor_count, TENSOR_BYTES_MIN, MM_TENSOR_COUNT_MAX, "tensors");
    int pairs = check_count(g, 16, g->pair_count, PAIR_BYTES_MIN, PAIR_COUNT_MAX, "pairs");
    return tensors < 0 || pairs < 0 ? -1 : 0;
}

/* ---- tensors ---- */

struct tensor {
    char name[MM_TENSOR_NAME_MAX + 1];
    size_t name_length; /* 0 where the name was refused */
    char dims[4 * 21];
    uint64_t elements, row;
    bool counted; /* elements is the product of the dimensions */
    uint64_t offset, offset_at;
    int dtype;
};

static int read_tensor_name(struct mm_gguf *g, struct tensor *tensor)
{
    uint64_t offset = mm_source_offset(g->source), length;
    char shown[MM_SHOWN];
    if (mm_gguf_length(g, MM_RULE_GGUF_STRING, &length, "a tensor name") < 0)
        return -1;
    if (length == 0 || length > MM_TENSOR_NAME_MAX) {
        mm_diag_offset(g->diags, MM_RULE_TENSOR_NAME, offset, "expected a tensor name of 1 to %d bytes, found %" PRIu64,
                       MM_TENSOR_NAME_MAX, length);
        return mm_gguf_skip(g, length, "a tensor name");
    }
    if (mm_gguf_take(g, tensor->name, (size_t)length, "a tensor name") < 0)
        return -1;
    if (!mm_tensor_name_check(tensor->name, (size_t)length, offset, g->diags))
        return 0;
    tensor->name_length = (size_t)length;
    switch (mm_name_set_add_text(&g->names, g->sha, tensor->name, tensor->name_length)) {
    case MM_NAME_NEW: return 0;
    case MM_NAME_KNOWN:
        mm_diag_offset(g->diags, MM_RULE_TENSOR_DUPLICATE, offset,
                       "expected tensor names that differ, found '%s' twice",
                       mm_show(shown, tensor->name, tensor->name_length));
        return 0;
    default: return mm_diag_memory(g->diags);
    }
}

static int read_dimensions(struct mm_gguf *g, struct tensor *tensor)
{
    uint64_t rank, offset = mm_source_offset(g->source);
    int used = 0;
    if (mm_gguf_number(g, 4, &rank, "a tensor's rank") < 0)
        return -1;
    if (rank < 1 || rank > 4)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_DIMENSIONS, offset,
                              "expected one to four dimensions, found %" PRIu64, rank);
    tensor->elements = 1;
    tensor->counted = true;
    for (uint64_t i = 0; i < rank; i++) {
        uint64_t dimension;
        offset = mm_source_offset(g->source);
        if (mm_gguf_number(g, 8, &dimension, "a dimension") < 0)
            return -1;
        if (dimension == 0) {
            mm_diag_offset(g->diags, MM_RULE_GGUF_DIMENSIONS, offset, "expected dimensions from 1, found 0");
            tensor->counted = false;
        }
        if (tensor->counted && !mm_mul(tensor->elements, dimension, &tensor->elements)) {
            mm_diag_offset(g->diags, MM_RULE_TENSOR_OVERFLOW, offset,
                           "expected fewer than 2^63 elements, found a dimension of %" PRIu64, dimension);
            tensor->counted = false;
        }
        if (i == 0)
            tensor->row = dimension;
        used +=
            snprintf(tensor->dims + used, sizeof tensor->dims - (size_t)used, "%s%" PRIu64, i ? "," : "", dimension);
    }
    return 0;
}

static int read_dtype(struct mm_gguf *g, struct tensor *tensor)
{
    uint64_t number, offset = mm_source_offset(g->source);
    if (mm_gguf_number(g, 4, &number, "a tensor's dtype") < 0)
        return -1;
    tensor->dtype = mm_dtype_of_ggml((uint32_t)number);
    if (tensor->dtype < 0) {
        mm_diag_offset(g->diags, MM_RULE_TENSOR_DTYPE, offset,
                       "expected a dtype number that GGML defines, found %" PRIu64, number);
    } else if (tensor->counted && tensor->row % mm_dtypes[tensor->dtype].block != 0) {
        mm_diag_offset(g->diags, MM_RULE_TENSOR_BLOCK, offset,
                       "expected rows of whole blocks of %u for %s, found %" PRIu64 " elements",
                       mm_dtypes[tensor->dtype].block, mm_dtypes[tensor->dtype].name, tensor->row);
        tensor->counted = false;
    }
    return 0;
}

/* Places the tensor behind the ones before; a wrong offset is believed afterwards, so that one lie is one finding. */
static int place(struct mm_gguf *g, const struct tensor *tensor)
{
    const struct mm_dtype *dtype = tensor->dtype >= 0 ? &mm_dtypes[tensor->dtype] : NULL;
    uint64_t expected, bytes, end;
    if (!dtype || !tensor->counted) {
        g->sizes_known = false;
        return 0;
    }
    if (!mm_mul(tensor->elements / dtype->block, dtype->bytes, &bytes) || !mm_add(tensor->offset, bytes, &end) ||
        !mm_align(g->tensor_end, g->alignment, &expected)) {
        mm_diag_offset(g->diags, MM_RULE_TENSOR_OVERFLOW, tensor->offset_at,
                       "expected a tensor that ends below 2^63, found offset %" PRIu64, tensor->offset);
        g->sizes_known = false;
        return 0;
    }
    if (g->sizes_known && tensor->offset != expected)
        mm_diag_offset(g->diags, MM_RULE_TENSOR_OFFSET, tensor->offset_at,
                       "expected offset %" PRIu64 ", where the tensor before ends, found %" PRIu64, expected,
                       tensor->offset);
    g->tensor_end = end;
    g->model->facts.dtypes[tensor->dtype].bytes += bytes;
    g->model->facts.dtypes[tensor->dtype].tensors++;
    if (!mm_add(g->model->facts.parameters, tensor->elements, &g->model->facts.parameters)) {
        g->model->facts.parameters = 0;
        return mm_diag_offset(g->diags, MM_RULE_TENSOR_OVERFLOW, tensor->offset_at,
                              "expected fewer than 2^63 elements in all tensors");
    }
    return tensor->name_length == 0 ? 0
                                    : mm_tensors_add(&g->model->tensors, tensor->name, tensor->name_length,
                                                     tensor->dims, tensor->dtype, tensor->offset, bytes, g->diags);
}

static int read_tensors(struct mm_gguf *g)
{
    for (uint64_t i = 0; i < g->tensor_count; i++) {
        struct tensor tensor = {0};
        if (read_tensor_name(g, &tensor) < 0 || read_dimensions(g, &tensor) < 0 || read_dtype(g, &tensor) < 0)
            return -1;
        tensor.offset_at = mm_source_offset(g->source);
        if (mm_gguf_number(g, 8, &tensor.offset, "a tensor's offset") < 0 || place(g, &tensor) < 0)
            return -1;
    }
    return 0;
}

/* ---- data ---- */

static int data_ends(struct mm_gguf *g, size_t tensor)
{
    if (g->source->error)
        return -1;
    char shown[MM_SHOWN];
    const char *name = mm_tensor_name(&g->model->tensors, tensor);
    size_t rest = g->model->tensors.count - tensor - 1;
    return mm_diag_offset(g->diags, MM_RULE_TENSOR_BOUNDS, mm_source_offset(g->source),
                          "expected tensor '%s' inside the file, found the end of the file%s",
                          mm_show(shown, name, strlen(name)), rest ? "; later tensors lie behind it too" : "");
}

/* Walks the data section of a sound header: tensors are passed over, padding is looked at. */
static int read_data(struct mm_gguf *g)
{
    const struct mm_tensors *tensors = &g->model->tensors;
    uint64_t header_end = mm_source_offset(g->source), at = 0, aligned;
    if (!mm_align(header_end, g->alignment, &aligned))
        return mm_diag_offset(g->diags, MM_RULE_TENSOR_OVERFLOW, header_end,
                              "expected a data section that begins below 2^63");
    uint64_t padding = aligned - header_end;
    g->model->data_offset = aligned;
    for (size_t i = 0; i < tensors->count; i++) {
        if (!mm_tensors_padding(g->source, padding + tensors->items[i].offset - at, g->diags) ||
            !mm_source_skip(g->source, tensors->items[i].bytes))
            return data_ends(g, i);
        padding = 0;
        at = tensors->items[i].offset + tensors->items[i].bytes;
    }
    if (tensors->count > 0)
        padding = mm_align(at, g->alignment, &aligned) ? aligned - at : 0;
    if (padding == 0 || mm_source_fill(g->source) == 0)
        return 0;
    if (!mm_tensors_padding(g->source, padding, g->diags) && !g->source->error)
        return mm_diag_offset(g->diags, MM_RULE_DATA_PADDING, mm_source_offset(g->source),
                              "expected %" PRIu64 " zeros up to the alignment or none, found fewer", padding);
    return 0;
}

static void check_end(struct mm_gguf *g)
{
    if (mm_source_fill(g->source) > 0)
        mm_diag_offset(g->diags, MM_RULE_DATA_SURPLUS, mm_source_offset(g->source),
                       "expected the end of the file, found more bytes");
}

static int read_file(struct mm_gguf *g)
{
    uint64_t errors = g->diags->errors;
    if (read_preamble(g) < 0 || mm_gguf_read_pairs(g) < 0)
        return -1;
    mm_gguf_settle_facts(g);
    if (read_tensors(g) < 0 || g->diags->errors > errors || read_data(g) < 0)
        return -1;
    check_end(g);
    mm_gguf_note_file_type(g);
    if (g->model->tensors.count > 0) {
        g->model->facts.layout.known = true;
        if (mm_tensors_layout(&g->model->tensors, g->model->facts.layout.bytes, g->diags) < 0)
            return -1;
    }
    return g->diags->errors > errors ? -1 : 0;
}

int mm_gguf_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags)
{
    struct mm_gguf *g = calloc(1, sizeof *g);
    int result = -1;
    if (!g)
        return mm_diag_memory(diags);
    *g = (struct mm_gguf){
        .source = source, .model = model, .diags = diags, .alignment = DEFAULT_ALIGNMENT, .sizes_known = true};
    g->sha = mm_sha256_new();
    g->tokenizer_sha = mm_sha256_new();
    g->template_sha = mm_sha256_new();
    g->value_sha = mm_sha256_new();
    model->format = MM_FORMAT_GGUF;
    model->facts.has_tensors = true;
    if (g->sha && g->tokenizer_sha && g->template_sha && g->value_sha)
        result = read_file(g);
    else
        mm_diag_memory(diags);
    mm_sha256_free(g->sha);
    mm_sha256_free(g->tokenizer_sha);
    mm_sha256_free(g->template_sha);
    mm_sha256_free(g->value_sha);
    mm_name_set_release(&g->keys);
    mm_name_set_release(&g->names);
    free(g->candidates);
    mm_bits_release(&g->tokenizer.spelled);
    mm_bits_release(&g->tokenizer.typed);
    free(g);
    return result;
}
