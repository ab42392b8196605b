/* safetensors (the reference's README and its Rust crate; artifacts.md, section safetensors). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/model.h"
#include "text/json.h"

#define HEADER_MAX 100000000
#define LENGTH_FIELD 8

struct safetensors {
    struct mm_source *source;
    struct mm_model *model;
    struct mm_diags *diags;
    struct mm_json json;
    struct mm_sha256 *strings; /* of metadata */
    uint64_t header_end;       /* offset in the file of the first data byte */
};

/* One tensor's entry while it is read. */
struct entry {
    char name[MM_TENSOR_NAME_MAX + 1];
    size_t name_length;
    uint64_t offset; /* of the name in the file */
    bool has_dtype, has_shape, has_offsets;
    bool usable; /* no finding so far */
    int dtype;
    struct mm_buf dims;
    uint64_t elements, begin, end;
};

/* ---- members of an entry ---- */

static bool wrong(struct safetensors *s, struct entry *e, enum mm_rule rule, const char *expected)
{
    char shown[MM_SHOWN], found[MM_SHOWN];
    mm_diag_offset(s->diags, rule, s->json.offset, "expected %s for tensor '%s', found '%s'", expected,
                   mm_show(shown, e->name, e->name_length), mm_show(found, s->json.text, s->json.length));
    e->usable = false;
    return true;
}

/* The present value is not of the kind EXPECTED: a finding, and the value is passed over. */
static bool not_a(struct safetensors *s, struct entry *e, enum mm_json_event event, const char *expected)
{
    char shown[MM_SHOWN];
    if (event == MM_JSON_ERROR)
        return false;
    mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_ENTRY, s->json.offset, "expected %s for tensor '%s'", expected,
                   mm_show(shown, e->name, e->name_length));
    e->usable = false;
    return mm_json_skip(&s->json, event);
}

static bool read_dtype(struct safetensors *s, struct entry *e)
{
    enum mm_json_event event = mm_json_next(&s->json);
    if (event != MM_JSON_STRING)
        return not_a(s, e, event, "a dtype in quotes");
    e->dtype = !s->json.cut && strlen(s->json.text) == s->json.length ? mm_dtype_of_safetensors(s->json.text) : -1;
    return e->dtype >= 0 || wrong(s, e, MM_RULE_TENSOR_DTYPE, "a dtype of the reference");
}

/* A plain decimal integer below 2^63. */
static bool take_integer(struct safetensors *s, struct entry *e, uint64_t *value)
{
    if (mm_number(s->json.text, s->json.length, MM_NUMBER_MAX, value))
        return true;
    wrong(s, e, MM_RULE_SAFETENSORS_NUMBER, "a plain integer from 0 to 2^63-1");
    return false;
}

static bool read_shape(struct safetensors *s, struct entry *e)
{
    enum mm_json_event event = mm_json_next(&s->json);
    if (event != MM_JSON_ARRAY)
        return not_a(s, e, event, "a shape in brackets");
    bool overflow = false;
    mm_buf_clear(&e->dims);
    e->elements = 1;
    while ((event = mm_json_next(&s->json)) != MM_JSON_ARRAY_END) {
        uint64_t dimension;
        if (event != MM_JSON_NUMBER) {
            if (!not_a(s, e, event, "numbers as dimensions"))
                return false;
        } else if (take_integer(s, e, &dimension)) {
            mm_buf_printf(&e->dims, "%s%" PRIu64, e->dims.length ? "," : "", dimension);
            if (!overflow && !mm_mul(e->elements, dimension, &e->elements)) {
                wrong(s, e, MM_RULE_TENSOR_OVERFLOW, "fewer than 2^63 elements");
                overflow = true;
            }
        }
    }
    return true;
}

static bool read_offsets(struct safetensors *s, struct entry *e)
{
    enum mm_json_event event = mm_json_next(&s->json);
    if (event != MM_JSON_ARRAY)
        return not_a(s, e, event, "data_offsets in brackets");
    uint64_t at = s->json.offset, count = 0;
    while ((event = mm_json_next(&s->json)) != MM_JSON_ARRAY_END) {
        uint64_t ignored;
        if (event != MM_JSON_NUMBER) {
            if (!not_a(s, e, event, "numbers as data_offsets"))
                return false;
        } else {
            take_integer(s, e, count == 0 ? &e->begin : count == 1 ? &e->end : &ignored);
        }
        count++;
    }
    if (count != 2 || e->begin > e->end) {
        mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_ENTRY, at,
                       "expected data_offsets of a begin and an end not before it");
        e->usable = false;
    }
    return true;
}

static bool read_member(struct safetensors *s, struct entry *e)
{
    static const struct {
        const char *name;
        bool (*read)(struct safetensors *, struct entry *);
        size_t seen;
    } members[] = {
        {"dtype", read_dtype, offsetof(struct entry, has_dtype)},
        {"shape", read_shape, offsetof(struct entry, has_shape)},
        {"data_offsets", read_offsets, offsetof(struct entry, has_offsets)},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!s->json.cut && strcmp(s->json.text, members[i].name) == 0 && strlen(s->json.text) == s->json.length) {
            *((bool *)((char *)e + members[i].seen)) = true;
            return members[i].read(s, e);
        }
    wrong(s, e, MM_RULE_SAFETENSORS_ENTRY, "dtype, shape and data_offsets alone");
    return mm_json_skip(&s->json, mm_json_next(&s->json));
}

/* ---- entries ---- */

static void check_size(struct safetensors *s, struct entry *e)
{
    const struct mm_dtype *dtype = &mm_dtypes[e->dtype];
    char shown[MM_SHOWN];
    uint64_t bytes;
    mm_show(shown, e->name, e->name_length);
    if (e->elements % dtype->block != 0) {
        mm_diag_offset(s->diags, MM_RULE_TENSOR_BLOCK, e->offset,
                       "expected whole bytes for tensor '%s', found %" PRIu64 " elements of %s", shown, e->elements,
                       dtype->name);
        e->usable = false;
    } else if (!mm_mul(e->elements / dtype->block, dtype->bytes, &bytes)) {
        mm_diag_offset(s->diags, MM_RULE_TENSOR_OVERFLOW, e->offset, "expected fewer than 2^63 bytes for tensor '%s'",
                       shown);
        e->usable = false;
    } else if (bytes != e->end - e->begin) {
        mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_SIZE, e->offset,
                       "expected %" PRIu64 " bytes for tensor '%s', found data_offsets of %" PRIu64, bytes, shown,
                       e->end - e->begin);
        e->usable = false;
    }
}

static int add_entry(struct safetensors *s, struct entry *e)
{
    struct mm_facts *facts = &s->model->facts;
    facts->dtypes[e->dtype].tensors++;
    facts->dtypes[e->dtype].bytes += e->end - e->begin; /* ends lie inside the file once the layout is checked */
    if (!mm_add(facts->parameters, e->elements, &facts->parameters)) {
        facts->parameters = 0;
        return mm_diag_offset(s->diags, MM_RULE_TENSOR_OVERFLOW, e->offset,
                              "expected fewer than 2^63 elements in all tensors");
    }
    const char *dims = mm_buf_text(&e->dims);
    if (!dims)
        return mm_diag_memory(s->diags);
    return mm_tensors_add(&s->model->tensors, e->name, e->name_length, dims, e->dtype, e->begin, e->end - e->begin,
                          s->diags);
}

static bool read_entry(struct safetensors *s, struct entry *e)
{
    char shown[MM_SHOWN];
    struct mm_buf dims = e->dims; /* kept for its memory */
    *e = (struct entry){.offset = s->json.offset, .dims = dims};
    e->usable = !s->json.cut && mm_tensor_name_check(s->json.text, s->json.length, s->json.offset, s->diags);
    if (s->json.cut)
        mm_diag_offset(s->diags, MM_RULE_TENSOR_NAME, s->json.offset,
                       "expected a tensor name of 1 to %d bytes, found more", MM_TENSOR_NAME_MAX);
    e->name_length = s->json.length < MM_TENSOR_NAME_MAX ? s->json.length : MM_TENSOR_NAME_MAX;
    memcpy(e->name, s->json.text, e->name_length);
    enum mm_json_event event = mm_json_next(&s->json);
    if (event != MM_JSON_OBJECT)
        return not_a(s, e, event, "an object");
    while ((event = mm_json_next(&s->json)) == MM_JSON_KEY)
        if (!read_member(s, e))
            return false;
    if (event == MM_JSON_ERROR)
        return false;
    if (!e->has_dtype || !e->has_shape || !e->has_offsets) {
        mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_ENTRY, e->offset,
                       "expected dtype, shape and data_offsets for tensor '%s', found not all of them",
                       mm_show(shown, e->name, e->name_length));
        return true;
    }
    if (e->usable)
        check_size(s, e);
    return !e->usable || add_entry(s, e) == 0;
}

/* The value of the key that was read. */
static bool read_metadatum(struct safetensors *s)
{
    char key[MM_SHOWN];
    struct mm_buf *value = mm_model_add_pair(s->model, s->json.text, s->json.length, "str");
    mm_show(key, s->json.text, s->json.length);
    s->json.strings = value ? s->strings : NULL;
    enum mm_json_event event = mm_json_next(&s->json);
    s->json.strings = NULL;
    if (event == MM_JSON_ERROR)
        return false;
    if (value) {
        struct mm_pair *pair = &s->model->pairs[s->model->pair_count - 1];
        pair->cut = event == MM_JSON_STRING && s->json.cut;
        mm_sha256_take(s->strings, pair->sha256);
        if (event == MM_JSON_STRING)
            mm_buf_add(value, s->json.text, s->json.length);
        if (pair->cut)
            mm_buf_str(value, "...");
    }
    if (event != MM_JSON_STRING)
        mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_METADATA, s->json.offset, "expected a string as metadata '%s'",
                       key);
    return mm_json_skip(&s->json, event);
}

static bool read_metadata(struct safetensors *s)
{
    enum mm_json_event event = mm_json_next(&s->json);
    if (event != MM_JSON_OBJECT) {
        if (event == MM_JSON_ERROR)
            return false;
        mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_METADATA, s->json.offset, "expected an object as __metadata__");
        return mm_json_skip(&s->json, event);
    }
    while ((event = mm_json_next(&s->json)) == MM_JSON_KEY)
        if (!read_metadatum(s))
            return false;
    return event != MM_JSON_ERROR;
}

/* ---- the file ---- */

static int truncated(struct safetensors *s, const char *what)
{
    if (s->source->error)
        return -1;
    return mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_LENGTH, mm_source_offset(s->source),
                          "expected %s, found the end of the file", what);
}

static int read_length(struct safetensors *s)
{
    unsigned char bytes[LENGTH_FIELD];
    uint64_t length, left;
    if (!mm_source_read(s->source, bytes, sizeof bytes))
        return truncated(s, "the header's length");
    length = mm_little_endian(bytes, sizeof bytes);
    left = mm_source_left(s->source);
    if (length > HEADER_MAX || length > left || length == 0)
        return mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_LENGTH, 0,
                              "expected a header of 1 to %d bytes inside the file, found %" PRIu64, HEADER_MAX, length);
    s->header_end = LENGTH_FIELD + length;
    s->model->data_offset = s->header_end;
    return 0;
}

static int read_header(struct safetensors *s)
{
    struct entry entry = {0};
    enum mm_json_event event;
    if (mm_source_fill(s->source) == 0)
        return truncated(s, "the header");
    if (s->source->window[s->source->begin] != '{')
        return mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_START, LENGTH_FIELD, "expected '{', found byte 0x%02x",
                              s->source->window[s->source->begin]);
    mm_json_next(&s->json); /* the object, as that '{' says */
    bool sound = true;
    while (sound && (event = mm_json_next(&s->json)) != MM_JSON_OBJECT_END) {
        if (event == MM_JSON_ERROR)
            sound = false;
        else if (s->json.length == 12 && memcmp(s->json.text, "__metadata__", 12) == 0)
            sound = read_metadata(s);
        else
            sound = read_entry(s, &entry);
    }
    mm_buf_release(&entry.dims);
    return sound ? 0 : -1;
}

/* Behind the object only spaces; JSON's other white space is not padding. */
static int read_padding(struct safetensors *s)
{
    while (mm_source_offset(s->source) < s->header_end) {
        if (mm_source_fill(s->source) == 0)
            return truncated(s, "the header's padding");
        unsigned char byte = s->source->window[s->source->begin];
        if (byte != ' ')
            return mm_diag_offset(s->diags, MM_RULE_SAFETENSORS_PADDING, mm_source_offset(s->source),
                                  "expected spaces after the header's object, found byte 0x%02x", byte);
        mm_source_advance(s->source, 1);
    }
    return 0;
}

/* Contiguous from 0, in the order of their offsets. Tensors without bytes may share an offset with one that has some. */
static int check_layout(struct safetensors *s, uint64_t *end)
{
    const struct mm_tensors *tensors = &s->model->tensors;
    char shown[MM_SHOWN];
    uint64_t begin = 0; /* of the last tensor that has bytes */
    int result = 0;
    *end = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const struct mm_tensor *tensor = &tensors->items[i];
        bool empty_beside = tensor->bytes == 0 && tensor->offset == begin;
        if (tensor->offset != *end && !empty_beside) {
            const char *name = mm_tensor_name(tensors, i);
            result = mm_diag_offset(s->diags, MM_RULE_TENSOR_OFFSET, s->header_end + tensor->offset,
                                    "expected tensor '%s' at data offset %" PRIu64
                                    ", where the one before ends, found %" PRIu64,
                                    mm_show(shown, name, strlen(name)), *end, tensor->offset);
        }
        if (tensor->bytes > 0)
            begin = tensor->offset;
        if (!empty_beside)
            *end = tensor->offset + tensor->bytes;
    }
    return result;
}

static int check_data(struct safetensors *s, uint64_t end)
{
    uint64_t start = mm_source_offset(s->source);
    if (!mm_source_skip(s->source, end)) {
        if (s->source->error)
            return -1;
        uint64_t found = mm_source_offset(s->source) - start;
        return mm_diag_offset(s->diags, MM_RULE_TENSOR_BOUNDS, mm_source_offset(s->source),
                              "expected %" PRIu64 " bytes of tensors, found %" PRIu64, end, found);
    }
    if (mm_source_fill(s->source) > 0)
        return mm_diag_offset(s->diags, MM_RULE_DATA_SURPLUS, mm_source_offset(s->source),
                              "expected the end of the file after the last tensor, found more bytes");
    return 0;
}

static int read_file(struct safetensors *s)
{
    uint64_t errors = s->diags->errors, end;
    if (read_length(s) < 0 || mm_json_init(&s->json, s->source, s->header_end, MM_JSON_DEPTH, s->diags) < 0 ||
        read_header(s) < 0 || read_padding(s) < 0 || s->diags->errors > errors)
        return -1;
    mm_tensors_sort(&s->model->tensors);
    if (check_layout(s, &end) < 0 || check_data(s, end) < 0)
        return -1;
    if (s->model->tensors.count == 0)
        return 0;
    s->model->facts.layout.known = true;
    return mm_tensors_layout(&s->model->tensors, s->model->facts.layout.bytes, s->diags);
}

int mm_safetensors_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags)
{
    struct safetensors *s = calloc(1, sizeof *s);
    if (!s)
        return mm_diag_memory(diags);
    *s = (struct safetensors){.source = source, .model = model, .diags = diags, .strings = mm_sha256_new()};
    model->format = MM_FORMAT_SAFETENSORS;
    model->facts.has_tensors = true;
    int result = s->strings ? read_file(s) : mm_diag_memory(diags);
    mm_json_release(&s->json);
    mm_sha256_free(s->strings);
    free(s);
    return result;
}
