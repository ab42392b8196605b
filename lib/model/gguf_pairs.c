/* GGUF's key-value pairs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "model/gguf_parts.h"

#define SHOWN_STRING 65536 /* bytes of a string value that --metadata shows */
#define SHOWN_ELEMENTS 8   /* elements of an array likewise */

const struct mm_gguf_type_info mm_gguf_types[MM_GGUF_COUNT] = {
    {"u8", 1},   {"i8", 1},  {"u16", 2}, {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"str", 0}, {"arr", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};

/* ---- keys ---- */

/* The characters of a key: printable ASCII; a note outside [a-z0-9._-]. False where it is not a key at all. */
static bool check_key_characters(struct mm_gguf *g, uint64_t offset)
{
    char shown[MM_SHOWN];
    bool plain = true;
    for (size_t i = 0; i < g->key_length; i++) {
        char c = g->key[i];
        if (c < 0x21 || c > 0x7E) {
            mm_diag_offset(g->diags, MM_RULE_GGUF_KEY, offset, "expected a key of printable ASCII, found '%s'",
                           mm_show(shown, g->key, g->key_length));
            return false;
        }
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("._-", c));
    }
    if (!plain)
        mm_note_offset(g->diags, MM_RULE_GGUF_KEY_STYLE, offset, "expected a key of [a-z0-9._-], found '%s'",
                       mm_show(shown, g->key, g->key_length));
    return true;
}

static int check_key_new(struct mm_gguf *g, uint64_t offset)
{
    char shown[MM_SHOWN];
    switch (mm_name_set_add_text(&g->keys, g->sha, g->key, g->key_length)) {
    case MM_NAME_NEW: return 0;
    case MM_NAME_KNOWN:
        mm_diag_offset(g->diags, MM_RULE_GGUF_KEY_DUPLICATE, offset, "expected keys that differ, found '%s' twice",
                       mm_show(shown, g->key, g->key_length));
        return 0; /* the pair itself can be read */
    default: return mm_diag_memory(g->diags);
    }
}

/* The pairs that the two digests are taken over, from the key's length field to the value's end. */
static void begin_capture(struct mm_gguf *g)
{
    unsigned char length[8];
    struct mm_digest *digest = NULL;
    if (mm_gguf_key_begins(g, "tokenizer.chat_template")) {
        g->capture = g->template_sha;
        digest = &g->model->facts.chat_template;
    } else if (mm_gguf_key_begins(g, "tokenizer.")) {
        g->capture = g->tokenizer_sha;
        digest = &g->model->facts.tokenizer;
    }
    if (!digest)
        return;
    digest->known = true;
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(g->key_length >> 8 * i);
    mm_sha256_update(g->capture, length, sizeof length);
    mm_sha256_update(g->capture, g->key, g->key_length);
}

static int read_key(struct mm_gguf *g)
{
    uint64_t offset = mm_source_offset(g->source), length;
    if (mm_gguf_length(g, MM_RULE_GGUF_STRING, &length, "a key") < 0)
        return -1;
    if (length == 0 || length > MM_GGUF_KEY_MAX)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_KEY, offset, "expected a key of 1 to %d bytes, found %" PRIu64,
                              MM_GGUF_KEY_MAX, length);
    if (mm_gguf_take(g, g->key, (size_t)length, "a key") < 0)
        return -1;
    g->key[length] = '\0';
    g->key_length = (size_t)length;
    if (!check_key_characters(g, offset)) {
        /* a NUL inside must not make it look like another key */
        for (size_t i = 0; i < g->key_length; i++)
            if (!g->key[i])
                g->key[i] = '?';
        return 0;
    }
    if (check_key_new(g, offset) < 0)
        return -1;
    begin_capture(g);
    return 0;
}

/* ---- values ---- */

static bool is_signed(uint32_t type)
{
    return type == MM_GGUF_I8 || type == MM_GGUF_I16 || type == MM_GGUF_I32 || type == MM_GGUF_I64;
}

static void decode_number(struct mm_gguf_value *value, uint32_t type, uint64_t raw)
{
    value->is_number = type != MM_GGUF_F32 && type != MM_GGUF_F64 && type != MM_GGUF_BOOL;
    value->negative = is_signed(type) && (raw >> (8 * mm_gguf_types[type].size - 1)) & 1;
    value->number = raw;
}

static void show_number(struct mm_buf *shown, uint32_t type, uint64_t raw)
{
    unsigned unused = 64 - 8 * mm_gguf_types[type].size;
    float f32;
    double f64;
    uint32_t low = (uint32_t)raw;
    if (!shown)
        return;
    if (type == MM_GGUF_F32) {
        memcpy(&f32, &low, sizeof f32);
        mm_buf_printf(shown, "%.9g", (double)f32);
    } else if (type == MM_GGUF_F64) {
        memcpy(&f64, &raw, sizeof f64);
        mm_buf_printf(shown, "%.17g", f64);
    } else if (type == MM_GGUF_BOOL) {
        mm_buf_str(shown, raw ? "true" : "false");
    } else if (is_signed(type)) {
        mm_buf_printf(shown, "%" PRId64, (int64_t)(raw << unused) >> unused);
    } else {
        mm_buf_printf(shown, "%" PRIu64, raw);
    }
}

static void check_bool(struct mm_gguf *g, uint32_t type, uint64_t raw, uint64_t offset)
{
    if (type == MM_GGUF_BOOL && raw > 1)
        mm_diag_offset(g->diags, MM_RULE_GGUF_BOOL, offset, "expected a bool of 0 or 1, found %" PRIu64, raw);
}

static int read_string(struct mm_gguf *g, struct mm_gguf_value *value, struct mm_buf *shown)
{
    if (mm_gguf_length(g, MM_RULE_GGUF_STRING, &value->length, "a string") < 0)
        return -1;
    uint64_t left = value->length;
    size_t kept = 0;
    while (left > 0) {
        const unsigned char *bytes;
        size_t have = mm_source_some(g->source, &bytes);
        if (have == 0)
            return mm_gguf_truncated(g, "a string's bytes");
        if (have > left)
            have = (size_t)left;
        size_t part = have < sizeof value->text - 1 - kept ? have : sizeof value->text - 1 - kept;
        memcpy(value->text + kept, bytes, part);
        kept += part;
        if (shown && shown->length < SHOWN_STRING)
            mm_buf_add(shown, bytes, have < SHOWN_STRING - shown->length ? have : SHOWN_STRING - shown->length);
        mm_gguf_hash(g, bytes, have);
        mm_source_advance(g->source, have);
        left -= have;
    }
    value->text[kept] = '\0';
    if (shown && value->length > SHOWN_STRING)
        mm_buf_printf(shown, "... (%" PRIu64 " bytes)", value->length);
    return 0;
}

static void show_string(struct mm_buf *shown, const struct mm_gguf_value *value)
{
    size_t kept = strlen(value->text);
    mm_buf_json(shown, value->text, value->length < kept ? (size_t)value->length : kept);
    if (value->length > kept)
        mm_buf_str(shown, "...");
}

static int read_element(struct mm_gguf *g, const struct mm_gguf_value *array, uint64_t index, bool tokens,
                        bool token_types, struct mm_buf *shown)
{
    uint64_t raw, offset = mm_source_offset(g->source);
    if (array->element == MM_GGUF_STRING) {
        struct mm_gguf_value string = {0};
        if (read_string(g, &string, NULL) < 0 || (tokens && mm_gguf_note_token(g, &string, index, offset) < 0))
            return -1;
        if (shown)
            show_string(shown, &string);
        return 0;
    }
    if (mm_gguf_number(g, mm_gguf_types[array->element].size, &raw, "an array's elements") < 0)
        return -1;
    check_bool(g, array->element, raw, offset);
    show_number(shown, array->element, raw);
    return token_types && raw == 6 ? mm_gguf_note_byte_type(g, index) : 0;
}

static int read_elements(struct mm_gguf *g, const struct mm_gguf_value *array, struct mm_buf *shown)
{
    bool tokens = mm_gguf_key_is(g, "tokenizer.ggml.tokens"),
         token_types = mm_gguf_key_is(g, "tokenizer.ggml.token_type");
    uint64_t index = 0;
    bool plain = array->element != MM_GGUF_STRING && array->element != MM_GGUF_BOOL && !token_types;
    uint64_t looked_at = plain ? (shown ? SHOWN_ELEMENTS : 0) : array->length;
    if (shown)
        mm_buf_char(shown, '[');
    for (; index < array->length && index < looked_at; index++) {
        struct mm_buf *show = index < SHOWN_ELEMENTS ? shown : NULL;
        if (show && index > 0)
            mm_buf_str(show, ", ");
        if (read_element(g, array, index, tokens, token_types, show) < 0)
            return -1;
    }
    if (shown)
        mm_buf_str(shown, array->length > SHOWN_ELEMENTS ? ", ...]" : "]");
    return mm_gguf_skip(g, (array->length - index) * mm_gguf_types[array->element].size, "an array's elements");
}

static int read_array(struct mm_gguf *g, struct mm_gguf_value *value)
{
    uint64_t type, offset = mm_source_offset(g->source);
    char name[40];
    if (mm_gguf_number(g, 4, &type, "an array's type") < 0)
        return -1;
    if (type == MM_GGUF_ARRAY)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ARRAY, offset,
                              "expected an array that does not nest, found an array of arrays");
    if (type >= MM_GGUF_COUNT)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_TYPE, offset, "expected a value type from 0 to %d, found %" PRIu64,
                              MM_GGUF_COUNT - 1, type);
    offset = mm_source_offset(g->source);
    if (mm_gguf_number(g, 8, &value->length, "an array's length") < 0)
        return -1;
    uint64_t least = type == MM_GGUF_STRING ? 8 : mm_gguf_types[type].size, left = mm_source_left(g->source);
    if (value->length > left / least)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ARRAY, offset,
                              "expected an array that fits the %" PRIu64 " bytes that remain, found %" PRIu64
                              " elements",
                              left, value->length);
    value->element = (uint32_t)type;
    snprintf(name, sizeof name, "arr[%s,%" PRIu64 "]", mm_gguf_types[type].name, value->length);
    return read_elements(g, value, mm_model_add_pair(g->model, g->key, g->key_length, name));
}

static int read_value(struct mm_gguf *g, struct mm_gguf_value *value)
{
    uint64_t type, raw, offset = mm_source_offset(g->source);
    if (mm_gguf_number(g, 4, &type, "a value's type") < 0)
        return -1;
    if (type >= MM_GGUF_COUNT)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_TYPE, offset, "expected a value type from 0 to %d, found %" PRIu64,
                              MM_GGUF_COUNT - 1, type);
    value->type = (uint32_t)type;
    value->offset = mm_source_offset(g->source);
    if (type == MM_GGUF_ARRAY)
        return read_array(g, value);
    if (type == MM_GGUF_STRING)
        return read_string(g, value, mm_model_add_pair(g->model, g->key, g->key_length, mm_gguf_types[type].name));
    if (mm_gguf_number(g, mm_gguf_types[type].size, &raw, "a value") < 0)
        return -1;
    check_bool(g, value->type, raw, value->offset);
    decode_number(value, value->type, raw);
    show_number(mm_model_add_pair(g->model, g->key, g->key_length, mm_gguf_types[type].name), value->type, raw);
    return 0;
}

/* The value behind a key, and the digest of one that is kept but too long to be kept whole. */
static int read_kept(struct mm_gguf *g, struct mm_gguf_value *value)
{
    struct mm_model *model = g->model;
    unsigned char digest[MM_HASH_BYTES];
    size_t before = model->pair_count;
    g->keeping = model->keep_pairs;
    int result = read_value(g, value);
    if (g->keeping)
        mm_sha256_take(g->value_sha, digest);
    if (result == 0 && model->pair_count > before) {
        struct mm_pair *pair = &model->pairs[before];
        pair->cut = value->type == MM_GGUF_ARRAY ? value->element == MM_GGUF_STRING || value->length > SHOWN_ELEMENTS
                                                 : value->type == MM_GGUF_STRING && value->length > SHOWN_STRING;
        memcpy(pair->sha256, digest, sizeof digest);
    }
    g->keeping = false;
    return result;
}

int mm_gguf_read_pairs(struct mm_gguf *g)
{
    for (uint64_t i = 0; i < g->pair_count; i++) {
        struct mm_gguf_value value = {0};
        g->capture = NULL;
        if (read_key(g) < 0 || read_kept(g, &value) < 0)
            return -1;
        g->capture = NULL;
        if (mm_gguf_note_fact(g, &value) < 0)
            return -1;
    }
    return 0;
}
