/* GGUF, versions 2 and 3, little-endian (ggml, docs/gguf.md; artifacts.md, section GGUF). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "hash/name_set.h"
#include "model/model.h"

/* Pairs of one file at most; real files have fewer than a hundred. Bounds memory as MM_TENSOR_COUNT_MAX does. */
#define PAIR_COUNT_MAX 1048576

#define KEY_MAX 65535
#define TOKEN_MAX 65535
#define PAIR_BYTES_MIN 14   /* key length, one byte of key, type, one byte of value */
#define TENSOR_BYTES_MIN 33 /* name length, one byte of name, rank, one dimension, dtype, offset */
#define DEFAULT_ALIGNMENT 32
#define SHOWN_STRING 65536 /* bytes of a string value that --metadata shows */
#define SHOWN_ELEMENTS 8   /* elements of an array likewise */

enum type {
    TYPE_U8,
    TYPE_I8,
    TYPE_U16,
    TYPE_I16,
    TYPE_U32,
    TYPE_I32,
    TYPE_F32,
    TYPE_BOOL,
    TYPE_STRING,
    TYPE_ARRAY,
    TYPE_U64,
    TYPE_I64,
    TYPE_F64,
    TYPE_COUNT
};

static const struct {
    const char *name;
    uint8_t size;
} types[TYPE_COUNT] = {
    {"u8", 1},   {"i8", 1},  {"u16", 2}, {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"str", 0}, {"arr", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};

/* A value as far as facts need it. */
struct value {
    uint32_t type;
    uint64_t offset; /* of the value */
    bool is_number, negative;
    uint64_t number;  /* of an integer */
    char text[80];    /* of a string: its first bytes */
    uint64_t length;  /* of a string in bytes, of an array in elements */
    uint32_t element; /* an array's type */
};

/* A pair that is a shape fact if its prefix turns out to be the architecture, which may come later. */
struct candidate {
    char prefix[MM_ARCHITECTURE_MAX + 1];
    enum mm_shape which;
    struct mm_fact fact;
    uint64_t offset;
    bool wrong_type;
};

/* What is known of tokenizer.ggml.*: counts and, a bit a token, which tokens are byte tokens. */
struct tokenizer {
    bool sentencepiece; /* tokenizer.ggml.model is "llama" */
    bool has_tokens, has_scores, has_types;
    uint64_t tokens, scores, types;
    uint64_t scores_offset, types_offset;
    unsigned char *spelled, *typed; /* the token is spelled <0xHH>; its type is 6, "byte" */
    size_t spelled_size, typed_size;
};

struct gguf {
    struct mm_source *source;
    struct mm_model *model;
    struct mm_diags *diags;
    struct mm_sha256 *sha; /* names */
    struct mm_sha256 *tokenizer_sha, *template_sha;
    struct mm_sha256 *capture; /* one of these two while its pair is read, or NULL */
    struct mm_name_set keys, names;
    struct candidate *candidates;
    size_t candidate_count, candidate_capacity;
    char architecture[MM_ARCHITECTURE_MAX + 1]; /* as stored, "" if none or longer */
    struct tokenizer tokenizer;
    uint64_t pair_count, tensor_count;
    uint64_t alignment;
    bool has_file_type;
    uint32_t file_type;
    uint64_t file_type_offset;
    uint64_t tensor_end; /* end of the tensors so far, in the data section */
    bool sizes_known;    /* every dtype so far was known */
    char key[KEY_MAX + 1];
    size_t key_length;
};

/* ---- reading ---- */

/* The file ends too early: a finding, unless reading failed, which mm_source_finish reports. */
static int truncated(struct gguf *g, const char *what)
{
    if (g->source->error)
        return -1;
    return mm_diag_offset(g->diags, MM_RULE_GGUF_TRUNCATED, mm_source_offset(g->source),
                          "expected %s, found the end of the file", what);
}

static int take(struct gguf *g, void *out, size_t length, const char *what)
{
    if (!mm_source_read(g->source, out, length))
        return truncated(g, what);
    if (g->capture)
        mm_sha256_update(g->capture, out, length);
    return 0;
}

static int skip(struct gguf *g, uint64_t length, const char *what)
{
    while (length > 0) {
        const unsigned char *bytes;
        size_t have = mm_source_some(g->source, &bytes);
        if (have == 0)
            return truncated(g, what);
        if (have > length)
            have = (size_t)length;
        if (g->capture)
            mm_sha256_update(g->capture, bytes, have);
        mm_source_advance(g->source, have);
        length -= have;
    }
    return 0;
}

static uint64_t little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static int take_number(struct gguf *g, size_t size, uint64_t *value, const char *what)
{
    unsigned char bytes[8];
    if (take(g, bytes, size, what) < 0)
        return -1;
    *value = little_endian(bytes, size);
    return 0;
}

/* A length field that is bounded by the bytes that remain. */
static int take_length(struct gguf *g, enum mm_rule rule, uint64_t *length, const char *what)
{
    uint64_t offset = mm_source_offset(g->source);
    if (take_number(g, 8, length, what) < 0)
        return -1;
    uint64_t left = mm_source_left(g->source);
    if (*length > left)
        return mm_diag_offset(g->diags, rule, offset,
                              "expected %s of at most the %" PRIu64 " bytes that remain, found %" PRIu64, what, left,
                              *length);
    return 0;
}

/* ---- the preamble ---- */

static int check_magic(struct gguf *g)
{
    unsigned char magic[4];
    char shown[MM_SHOWN];
    if (take(g, magic, sizeof magic, "the magic GGUF") < 0)
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

static int check_version(struct gguf *g)
{
    uint64_t version;
    if (take_number(g, 4, &version, "the version") < 0)
        return -1;
    if (version == 2 || version == 3)
        return 0;
    if (version != 0 && (version & 0xFFFF) == 0)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ENDIAN, 4,
                              "expected a little-endian file, found version 0x%08" PRIx64 ": the file is big-endian",
                              version);
    return mm_diag_offset(g->diags, MM_RULE_GGUF_VERSION, 4, "expected version 2 or 3, found %" PRIu64, version);
}

static int check_count(struct gguf *g, uint64_t offset, uint64_t count, uint64_t least, uint64_t most, const char *what)
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

static int read_preamble(struct gguf *g)
{
    if (check_magic(g) < 0 || check_version(g) < 0 ||
        take_number(g, 8, &g->tensor_count, "the number of tensors") < 0 ||
        take_number(g, 8, &g->pair_count, "the number of pairs") < 0)
        return -1;
    int tensors = check_count(g, 8, g->tensor_count, TENSOR_BYTES_MIN, MM_TENSOR_COUNT_MAX, "tensors");
    int pairs = check_count(g, 16, g->pair_count, PAIR_BYTES_MIN, PAIR_COUNT_MAX, "pairs");
    return tensors < 0 || pairs < 0 ? -1 : 0;
}

/* ---- keys ---- */

static bool key_is(const struct gguf *g, const char *key)
{
    return strcmp(g->key, key) == 0;
}

static bool key_begins(const struct gguf *g, const char *prefix)
{
    return strncmp(g->key, prefix, strlen(prefix)) == 0;
}

/* The characters of a key: printable ASCII; a note outside [a-z0-9._-]. False where it is not a key at all. */
static bool check_key_characters(struct gguf *g, uint64_t offset)
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

static int check_key_new(struct gguf *g, uint64_t offset)
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
static void begin_capture(struct gguf *g)
{
    unsigned char length[8];
    struct mm_digest *digest = NULL;
    if (key_begins(g, "tokenizer.chat_template")) {
        g->capture = g->template_sha;
        digest = &g->model->facts.chat_template;
    } else if (key_begins(g, "tokenizer.")) {
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

static int read_key(struct gguf *g)
{
    uint64_t offset = mm_source_offset(g->source), length;
    if (take_length(g, MM_RULE_GGUF_STRING, &length, "a key") < 0)
        return -1;
    if (length == 0 || length > KEY_MAX)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_KEY, offset, "expected a key of 1 to %d bytes, found %" PRIu64,
                              KEY_MAX, length);
    if (take(g, g->key, (size_t)length, "a key") < 0)
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
    return type == TYPE_I8 || type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64;
}

static void decode_number(struct value *value, uint32_t type, uint64_t raw)
{
    value->is_number = type != TYPE_F32 && type != TYPE_F64 && type != TYPE_BOOL;
    value->negative = is_signed(type) && (raw >> (8 * types[type].size - 1)) & 1;
    value->number = raw;
}

static void show_number(struct mm_buf *shown, uint32_t type, uint64_t raw)
{
    unsigned unused = 64 - 8 * types[type].size;
    float f32;
    double f64;
    uint32_t low = (uint32_t)raw;
    if (!shown)
        return;
    if (type == TYPE_F32) {
        memcpy(&f32, &low, sizeof f32);
        mm_buf_printf(shown, "%.9g", (double)f32);
    } else if (type == TYPE_F64) {
        memcpy(&f64, &raw, sizeof f64);
        mm_buf_printf(shown, "%.17g", f64);
    } else if (type == TYPE_BOOL) {
        mm_buf_str(shown, raw ? "true" : "false");
    } else if (is_signed(type)) {
        mm_buf_printf(shown, "%" PRId64, (int64_t)(raw << unused) >> unused);
    } else {
        mm_buf_printf(shown, "%" PRIu64, raw);
    }
}

static void check_bool(struct gguf *g, uint32_t type, uint64_t raw, uint64_t offset)
{
    if (type == TYPE_BOOL && raw > 1)
        mm_diag_offset(g->diags, MM_RULE_GGUF_BOOL, offset, "expected a bool of 0 or 1, found %" PRIu64, raw);
}

static int read_string(struct gguf *g, struct value *value, struct mm_buf *shown)
{
    if (take_length(g, MM_RULE_GGUF_STRING, &value->length, "a string") < 0)
        return -1;
    uint64_t left = value->length;
    size_t kept = 0;
    while (left > 0) {
        const unsigned char *bytes;
        size_t have = mm_source_some(g->source, &bytes);
        if (have == 0)
            return truncated(g, "a string's bytes");
        if (have > left)
            have = (size_t)left;
        size_t part = have < sizeof value->text - 1 - kept ? have : sizeof value->text - 1 - kept;
        memcpy(value->text + kept, bytes, part);
        kept += part;
        if (shown && shown->length < SHOWN_STRING)
            mm_buf_add(shown, bytes, have < SHOWN_STRING - shown->length ? have : SHOWN_STRING - shown->length);
        if (g->capture)
            mm_sha256_update(g->capture, bytes, have);
        mm_source_advance(g->source, have);
        left -= have;
    }
    value->text[kept] = '\0';
    if (shown && value->length > SHOWN_STRING)
        mm_buf_printf(shown, "... (%" PRIu64 " bytes)", value->length);
    return 0;
}

static bool set_bit(unsigned char **bits, size_t *size, uint64_t index)
{
    size_t at = (size_t)(index / 8);
    if (at >= *size) {
        size_t wanted = at + at / 2 + 64;
        unsigned char *grown = realloc(*bits, wanted);
        if (!grown)
            return false;
        memset(grown + *size, 0, wanted - *size);
        *bits = grown;
        *size = wanted;
    }
    (*bits)[at] |= (unsigned char)(1u << index % 8);
    return true;
}

static bool get_bit(const unsigned char *bits, size_t size, uint64_t index)
{
    return index / 8 < size && bits[index / 8] >> index % 8 & 1;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int check_token(struct gguf *g, const struct value *token, uint64_t index, uint64_t offset)
{
    if (token->length > TOKEN_MAX)
        mm_diag_offset(g->diags, MM_RULE_GGUF_TOKEN, offset, "expected tokens of at most %d bytes, found %" PRIu64,
                       TOKEN_MAX, token->length);
    const char *t = token->text;
    bool spelled = token->length == 6 && memcmp(t, "<0x", 3) == 0 && is_hex(t[3]) && is_hex(t[4]) && t[5] == '>';
    if (spelled && !set_bit(&g->tokenizer.spelled, &g->tokenizer.spelled_size, index))
        return mm_diag_memory(g->diags);
    return 0;
}

static void show_string(struct mm_buf *shown, const struct value *value)
{
    size_t kept = strlen(value->text);
    mm_buf_json(shown, value->text, value->length < kept ? (size_t)value->length : kept);
    if (value->length > kept)
        mm_buf_str(shown, "...");
}

static int read_element(struct gguf *g, const struct value *array, uint64_t index, bool tokens, bool token_types,
                        struct mm_buf *shown)
{
    uint64_t raw, offset = mm_source_offset(g->source);
    if (array->element == TYPE_STRING) {
        struct value string = {0};
        if (read_string(g, &string, NULL) < 0 || (tokens && check_token(g, &string, index, offset) < 0))
            return -1;
        if (shown)
            show_string(shown, &string);
        return 0;
    }
    if (take_number(g, types[array->element].size, &raw, "an array's elements") < 0)
        return -1;
    check_bool(g, array->element, raw, offset);
    show_number(shown, array->element, raw);
    if (token_types && raw == 6 && !set_bit(&g->tokenizer.typed, &g->tokenizer.typed_size, index))
        return mm_diag_memory(g->diags);
    return 0;
}

static int read_elements(struct gguf *g, const struct value *array, struct mm_buf *shown)
{
    bool tokens = key_is(g, "tokenizer.ggml.tokens"), token_types = key_is(g, "tokenizer.ggml.token_type");
    uint64_t index = 0;
    bool plain = array->element != TYPE_STRING && array->element != TYPE_BOOL && !token_types;
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
    return skip(g, (array->length - index) * types[array->element].size, "an array's elements");
}

static int read_array(struct gguf *g, struct value *value)
{
    uint64_t type, offset = mm_source_offset(g->source);
    char name[40];
    if (take_number(g, 4, &type, "an array's type") < 0)
        return -1;
    if (type == TYPE_ARRAY)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ARRAY, offset,
                              "expected an array that does not nest, found an array of arrays");
    if (type >= TYPE_COUNT)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_TYPE, offset, "expected a value type from 0 to %d, found %" PRIu64,
                              TYPE_COUNT - 1, type);
    offset = mm_source_offset(g->source);
    if (take_number(g, 8, &value->length, "an array's length") < 0)
        return -1;
    uint64_t least = type == TYPE_STRING ? 8 : types[type].size, left = mm_source_left(g->source);
    if (value->length > left / least)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_ARRAY, offset,
                              "expected an array that fits the %" PRIu64 " bytes that remain, found %" PRIu64
                              " elements",
                              left, value->length);
    value->element = (uint32_t)type;
    snprintf(name, sizeof name, "arr[%s,%" PRIu64 "]", types[type].name, value->length);
    return read_elements(g, value, mm_model_add_pair(g->model, g->key, g->key_length, name));
}

static int read_value(struct gguf *g, struct value *value)
{
    uint64_t type, raw, offset = mm_source_offset(g->source);
    if (take_number(g, 4, &type, "a value's type") < 0)
        return -1;
    if (type >= TYPE_COUNT)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_TYPE, offset, "expected a value type from 0 to %d, found %" PRIu64,
                              TYPE_COUNT - 1, type);
    value->type = (uint32_t)type;
    value->offset = mm_source_offset(g->source);
    if (type == TYPE_ARRAY)
        return read_array(g, value);
    if (type == TYPE_STRING)
        return read_string(g, value, mm_model_add_pair(g->model, g->key, g->key_length, types[type].name));
    if (take_number(g, types[type].size, &raw, "a value") < 0)
        return -1;
    check_bool(g, value->type, raw, value->offset);
    decode_number(value, value->type, raw);
    show_number(mm_model_add_pair(g->model, g->key, g->key_length, types[type].name), value->type, raw);
    return 0;
}

/* ---- facts ---- */

static int wrong_fact(struct gguf *g, const struct value *value, const char *expected)
{
    char shown[MM_SHOWN];
    mm_diag_offset(g->diags, MM_RULE_GGUF_FACT, value->offset, "expected %s for %s, found %s", expected,
                   mm_show(shown, g->key, g->key_length), types[value->type].name);
    return 0; /* the header can be read on */
}

static bool whole(const struct value *value)
{
    return value->is_number && !value->negative && value->number <= MM_SIZE_LIMIT;
}

static void set_alignment(struct gguf *g, const struct value *value)
{
    if (value->type == TYPE_U32 && mm_power_of_two(value->number) && value->number >= 8 && value->number <= 65536) {
        g->alignment = value->number;
        return;
    }
    if (value->type == TYPE_U32)
        mm_diag_offset(g->diags, MM_RULE_GGUF_ALIGNMENT, value->offset,
                       "expected a power of two from 8 to 65536, found %" PRIu64, value->number);
    else
        mm_diag_offset(g->diags, MM_RULE_GGUF_ALIGNMENT, value->offset, "expected a u32, found %s",
                       types[value->type].name);
}

static int note_candidate(struct gguf *g, const struct value *value)
{
    for (int which = 0; which < MM_SHAPE_COUNT; which++) {
        const char *suffix = mm_shape_names[which].gguf;
        size_t size = strlen(suffix);
        if (g->key_length < size + 2 || g->key_length - size - 1 > MM_ARCHITECTURE_MAX ||
            g->key[g->key_length - size - 1] != '.' || strcmp(g->key + g->key_length - size, suffix) != 0)
            continue;
        if (!mm_grow(&g->candidates, g->candidate_count, &g->candidate_capacity, sizeof *g->candidates))
            return mm_diag_memory(g->diags);
        struct candidate *candidate = &g->candidates[g->candidate_count++];
        *candidate = (struct candidate){.which = which, .offset = value->offset};
        memcpy(candidate->prefix, g->key, g->key_length - size - 1);
        candidate->fact.state = value->type == TYPE_ARRAY ? MM_FACT_ARRAY : MM_FACT_VALUE;
        candidate->fact.value = value->number;
        candidate->wrong_type = value->type != TYPE_ARRAY && !whole(value);
    }
    return 0;
}

static int note_split(struct gguf *g, const struct value *value, uint64_t *fact)
{
    if (!whole(value))
        return wrong_fact(g, value, "a whole number");
    *fact = value->number;
    g->model->facts.split = true;
    return 0;
}

static bool array_of(const struct value *value, uint32_t element)
{
    return value->type == TYPE_ARRAY && value->element == element;
}

static int wrong_tokenizer(struct gguf *g, const struct value *value, const char *expected)
{
    char shown[MM_SHOWN];
    uint32_t type = value->type == TYPE_ARRAY ? value->element : value->type;
    mm_diag_offset(g->diags, MM_RULE_GGUF_TOKENIZER, value->offset, "expected %s for %s, found %s%s", expected,
                   mm_show(shown, g->key, g->key_length), value->type == TYPE_ARRAY ? "an array of " : "",
                   types[type].name);
    return 0;
}

static int note_tokenizer(struct gguf *g, const struct value *value)
{
    struct tokenizer *t = &g->tokenizer;
    if (key_is(g, "tokenizer.ggml.model")) {
        t->sentencepiece = value->type == TYPE_STRING && strcmp(value->text, "llama") == 0;
        return value->type == TYPE_STRING ? 0 : wrong_tokenizer(g, value, "a string");
    }
    if (key_is(g, "tokenizer.ggml.tokens")) {
        t->has_tokens = true;
        t->tokens = value->length;
        return array_of(value, TYPE_STRING) ? 0 : wrong_tokenizer(g, value, "an array of str");
    }
    if (key_is(g, "tokenizer.ggml.scores")) {
        t->has_scores = true;
        t->scores = value->length;
        t->scores_offset = value->offset;
        return array_of(value, TYPE_F32) ? 0 : wrong_tokenizer(g, value, "an array of f32");
    }
    if (key_is(g, "tokenizer.ggml.token_type")) {
        t->has_types = true;
        t->types = value->length;
        t->types_offset = value->offset;
        return array_of(value, TYPE_I32) ? 0 : wrong_tokenizer(g, value, "an array of i32");
    }
    if (key_is(g, "tokenizer.ggml.merges"))
        return array_of(value, TYPE_STRING) ? 0 : wrong_tokenizer(g, value, "an array of str");
    return 0;
}

static int note_fact(struct gguf *g, const struct value *value)
{
    struct mm_facts *facts = &g->model->facts;
    if (key_is(g, "general.architecture")) {
        if (value->type != TYPE_STRING)
            return wrong_fact(g, value, "a string");
        size_t length = value->length < sizeof value->text ? (size_t)value->length : sizeof value->text - 1;
        mm_facts_set_architecture(facts, value->text, length);
        if (length <= MM_ARCHITECTURE_MAX && !memchr(value->text, '\0', length))
            memcpy(g->architecture, value->text, length + 1);
    } else if (key_is(g, "general.type")) {
        facts->adapter = value->type == TYPE_STRING && strcmp(value->text, "adapter") == 0;
    } else if (key_is(g, "general.alignment")) {
        set_alignment(g, value);
    } else if (key_is(g, "general.file_type")) {
        if (!whole(value) || value->number > UINT32_MAX)
            return wrong_fact(g, value, "a u32");
        g->has_file_type = true;
        g->file_type = (uint32_t)value->number;
        g->file_type_offset = value->offset;
    } else if (key_is(g, "split.no")) {
        return note_split(g, value, &facts->split_no);
    } else if (key_is(g, "split.count")) {
        return note_split(g, value, &facts->split_count);
    } else if (key_is(g, "split.tensors.count")) {
        return note_split(g, value, &facts->split_tensors);
    } else if (key_begins(g, "tokenizer.ggml.")) {
        return note_tokenizer(g, value);
    } else if (key_begins(g, "tokenizer.chat_template")) {
        mm_note_offset(g->diags, MM_RULE_GGUF_TEMPLATE, value->offset,
                       "holds a chat template, which is code: hashed, not run");
    }
    return note_candidate(g, value);
}

static int read_pairs(struct gguf *g)
{
    for (uint64_t i = 0; i < g->pair_count; i++) {
        struct value value = {0};
        g->capture = NULL;
        if (read_key(g) < 0 || read_value(g, &value) < 0)
            return -1;
        g->capture = NULL;
        if (note_fact(g, &value) < 0)
            return -1;
    }
    return 0;
}

static void settle_shape(struct gguf *g)
{
    struct mm_facts *facts = &g->model->facts;
    for (size_t i = 0; i < g->candidate_count; i++) {
        const struct candidate *candidate = &g->candidates[i];
        if (strcmp(candidate->prefix, g->architecture) != 0)
            continue;
        if (candidate->wrong_type)
            mm_diag_offset(g->diags, MM_RULE_GGUF_FACT, candidate->offset,
                           "expected a whole number below 2^63 for %s.%s", candidate->prefix,
                           mm_shape_names[candidate->which].gguf);
        else
            facts->shape[candidate->which] = candidate->fact;
    }
}

static void check_byte_tokens(struct gguf *g)
{
    const struct tokenizer *t = &g->tokenizer;
    if (!t->sentencepiece || !t->has_tokens || !t->has_types)
        return;
    for (uint64_t i = 0; i < t->types && i < (uint64_t)t->typed_size * 8; i++)
        if (get_bit(t->typed, t->typed_size, i) && !get_bit(t->spelled, t->spelled_size, i))
            mm_diag_offset(g->diags, MM_RULE_GGUF_TOKEN, t->types_offset + 12 + 4 * i,
                           "expected byte token %" PRIu64 " to be spelled <0xHH>", i);
}

static void settle_tokenizer(struct gguf *g)
{
    const struct tokenizer *t = &g->tokenizer;
    struct mm_facts *facts = &g->model->facts;
    facts->token_count = t->tokens;
    if (t->has_scores && t->scores != t->tokens)
        mm_diag_offset(g->diags, MM_RULE_GGUF_TOKENIZER, t->scores_offset,
                       "expected a score for each of %" PRIu64 " tokens, found %" PRIu64, t->tokens, t->scores);
    if (t->has_types && t->types != t->tokens)
        mm_diag_offset(g->diags, MM_RULE_GGUF_TOKENIZER, t->types_offset,
                       "expected a type for each of %" PRIu64 " tokens, found %" PRIu64, t->tokens, t->types);
    check_byte_tokens(g);
    mm_sha256_take(g->tokenizer_sha, facts->tokenizer.bytes);
    mm_sha256_take(g->template_sha, facts->chat_template.bytes);
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

static int read_tensor_name(struct gguf *g, struct tensor *tensor)
{
    uint64_t offset = mm_source_offset(g->source), length;
    char shown[MM_SHOWN];
    if (take_length(g, MM_RULE_GGUF_STRING, &length, "a tensor name") < 0)
        return -1;
    if (length == 0 || length > MM_TENSOR_NAME_MAX) {
        mm_diag_offset(g->diags, MM_RULE_TENSOR_NAME, offset, "expected a tensor name of 1 to %d bytes, found %" PRIu64,
                       MM_TENSOR_NAME_MAX, length);
        return skip(g, length, "a tensor name");
    }
    if (take(g, tensor->name, (size_t)length, "a tensor name") < 0)
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

static int read_dimensions(struct gguf *g, struct tensor *tensor)
{
    uint64_t rank, offset = mm_source_offset(g->source);
    int used = 0;
    if (take_number(g, 4, &rank, "a tensor's rank") < 0)
        return -1;
    if (rank < 1 || rank > 4)
        return mm_diag_offset(g->diags, MM_RULE_GGUF_DIMENSIONS, offset,
                              "expected one to four dimensions, found %" PRIu64, rank);
    tensor->elements = 1;
    tensor->counted = true;
    for (uint64_t i = 0; i < rank; i++) {
        uint64_t dimension;
        offset = mm_source_offset(g->source);
        if (take_number(g, 8, &dimension, "a dimension") < 0)
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

static int read_dtype(struct gguf *g, struct tensor *tensor)
{
    uint64_t number, offset = mm_source_offset(g->source);
    if (take_number(g, 4, &number, "a tensor's dtype") < 0)
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
static int place(struct gguf *g, const struct tensor *tensor)
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

static int read_tensors(struct gguf *g)
{
    for (uint64_t i = 0; i < g->tensor_count; i++) {
        struct tensor tensor = {0};
        if (read_tensor_name(g, &tensor) < 0 || read_dimensions(g, &tensor) < 0 || read_dtype(g, &tensor) < 0)
            return -1;
        tensor.offset_at = mm_source_offset(g->source);
        if (take_number(g, 8, &tensor.offset, "a tensor's offset") < 0 || place(g, &tensor) < 0)
            return -1;
    }
    return 0;
}

/* ---- data ---- */

static int data_ends(struct gguf *g, size_t tensor)
{
    if (g->source->error)
        return -1;
    size_t rest = g->model->tensors.count - tensor - 1;
    return mm_diag_offset(g->diags, MM_RULE_TENSOR_BOUNDS, mm_source_offset(g->source),
                          "expected tensor '%s' inside the file, found the end of the file%s",
                          mm_tensor_name(&g->model->tensors, tensor), rest ? "; later tensors lie behind it too" : "");
}

/* Walks the data section of a sound header: tensors are passed over, padding is looked at. */
static int read_data(struct gguf *g)
{
    const struct mm_tensors *tensors = &g->model->tensors;
    uint64_t header_end = mm_source_offset(g->source), at = 0, aligned;
    if (!mm_align(header_end, g->alignment, &aligned))
        return mm_diag_offset(g->diags, MM_RULE_TENSOR_OVERFLOW, header_end,
                              "expected a data section that begins below 2^63");
    uint64_t padding = aligned - header_end;
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

static void check_end(struct gguf *g)
{
    if (mm_source_fill(g->source) > 0)
        mm_diag_offset(g->diags, MM_RULE_DATA_SURPLUS, mm_source_offset(g->source),
                       "expected the end of the file, found more bytes");
}

static void note_file_type(struct gguf *g)
{
    const struct mm_facts *facts = &g->model->facts;
    int said = g->has_file_type ? mm_dtype_of_file_type(g->file_type) : -1;
    const char *found = mm_facts_quantization(facts->dtypes);
    if (said >= 0 && g->model->tensors.count > 0 && strcmp(mm_dtypes[said].name, found) != 0)
        mm_note_offset(g->diags, MM_RULE_GGUF_FILE_TYPE, g->file_type_offset,
                       "general.file_type says %s, most bytes are %s", mm_dtypes[said].name, found);
}

static int read_file(struct gguf *g)
{
    uint64_t errors = g->diags->errors;
    if (read_preamble(g) < 0 || read_pairs(g) < 0)
        return -1;
    settle_shape(g);
    settle_tokenizer(g);
    if (read_tensors(g) < 0 || g->diags->errors > errors || read_data(g) < 0)
        return -1;
    check_end(g);
    note_file_type(g);
    if (g->model->tensors.count > 0) {
        g->model->facts.layout.known = true;
        if (mm_tensors_layout(&g->model->tensors, g->model->facts.layout.bytes, g->diags) < 0)
            return -1;
    }
    return g->diags->errors > errors ? -1 : 0;
}

int mm_gguf_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags)
{
    struct gguf *g = calloc(1, sizeof *g);
    int result = -1;
    if (!g)
        return mm_diag_memory(diags);
    *g = (struct gguf){
        .source = source, .model = model, .diags = diags, .alignment = DEFAULT_ALIGNMENT, .sizes_known = true};
    g->sha = mm_sha256_new();
    g->tokenizer_sha = mm_sha256_new();
    g->template_sha = mm_sha256_new();
    model->format = MM_FORMAT_GGUF;
    model->facts.has_tensors = true;
    if (g->sha && g->tokenizer_sha && g->template_sha)
        result = read_file(g);
    else
        mm_diag_memory(diags);
    mm_sha256_free(g->sha);
    mm_sha256_free(g->tokenizer_sha);
    mm_sha256_free(g->template_sha);
    mm_name_set_release(&g->keys);
    mm_name_set_release(&g->names);
    free(g->candidates);
    free(g->tokenizer.spelled);
    free(g->tokenizer.typed);
    free(g);
    return result;
}
