#include "doc/manifest_field.h"

#include <string.h>

#include "base/clock.h"
#include "hash/chunk.h"
#include "model/facts.h"
#include "text/path.h"
#include "text/route.h"
#include "text/spdx.h"

const struct mm_field_info mm_fields[MM_FIELD_COUNT] = {
#define MODEL(id, key, often, kind, min, max, words, meaning)                                                          \
    {key, sizeof key - 1, MM_OFTEN_##often, MM_KIND_##kind, min, max, words, meaning},
#define ARTIFACT MODEL
#include "doc/manifest_field.def"
};

int mm_field_of_from(enum mm_field first, const char *key, size_t length)
{
    int field = (int)first;
    for (int i = 0; length > 0 && i < MM_FIELD_COUNT; i++) {
        if (mm_fields[field].key_length == length && memcmp(mm_fields[field].key, key, length) == 0)
            return field;
        field = field + 1 < MM_FIELD_COUNT ? field + 1 : 0;
    }
    return -1;
}

int mm_field_of(const char *key, size_t length)
{
    return mm_field_of_from((enum mm_field)0, key, length);
}

/* A value being checked. */
struct value {
    const struct mm_field_info *field;
    const char *text;
    size_t length;
    struct mm_value_fault *fault;
};

static bool fail(struct value *v, enum mm_rule rule, size_t at, const char *expected)
{
    *v->fault = (struct mm_value_fault){rule, at, expected};
    return false;
}

enum { LOWER = 1, UPPER = 2, DIGIT = 4, LETTER_OR_DIGIT = LOWER | UPPER | DIGIT };

static bool in_class(char c, int classes, const char *others)
{
    return ((classes & LOWER) && c >= 'a' && c <= 'z') || ((classes & UPPER) && c >= 'A' && c <= 'Z') ||
           ((classes & DIGIT) && c >= '0' && c <= '9') || (c != '\0' && strchr(others, c));
}

/* Up to MAX characters of CLASSES and OTHERS, the first one of CLASSES alone. */
static bool check_form(struct value *v, size_t max, int classes, const char *others, const char *expected)
{
    for (size_t i = 0; i < v->length; i++)
        if (i >= max || !in_class(v->text[i], classes, i == 0 ? "" : others))
            return fail(v, MM_RULE_VALUE_PATTERN, i, expected);
    return v->length > 0 || fail(v, MM_RULE_VALUE_PATTERN, 0, expected);
}

static bool word_is(const struct value *v, const char *word)
{
    return v->length == strlen(word) && memcmp(v->text, word, v->length) == 0;
}

/* [a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?, no two of ._- in a row, not a reserved name. START is the part's place in the value. */
static bool check_id_part(struct value *v, size_t start, size_t length)
{
    static const char expected[] = "1 to 64 of a-z, 0-9 and single '.', '_', '-' between them";
    const char *part = v->text + start;
    for (size_t i = 0; i < length; i++) {
        bool edge = i == 0 || i + 1 == length || !in_class(part[i - 1], LOWER | DIGIT, "");
        if (i >= 64 || !in_class(part[i], LOWER | DIGIT, edge ? "" : "._-"))
            return fail(v, MM_RULE_VALUE_PATTERN, start + i, expected);
    }
    if (length == 0)
        return fail(v, MM_RULE_VALUE_PATTERN, start, expected);
    return !mm_path_reserved(part, length) ||
           fail(v, MM_RULE_VALUE_PATTERN, start, "a name that Windows does not reserve");
}

static bool check_model_id(struct value *v)
{
    const char *slash = memchr(v->text, '/', v->length);
    if (!slash)
        return fail(v, MM_RULE_VALUE_PATTERN, v->length, "PUBLISHER/NAME");
    size_t publisher = (size_t)(slash - v->text);
    return check_id_part(v, 0, publisher) && check_id_part(v, publisher + 1, v->length - publisher - 1);
}

static bool check_publisher(struct value *v)
{
    return check_id_part(v, 0, v->length);
}

static bool check_version(struct value *v)
{
    return check_form(v, 64, LETTER_OR_DIGIT, ".+-", "1 to 64 letters, digits and .+-, a letter or digit first");
}

static bool check_number(struct value *v)
{
    uint64_t number;
    if (!mm_number(v->text, v->length, MM_NUMBER_MAX, &number))
        return fail(v, MM_RULE_VALUE_NUMBER, 0, "a decimal number, 0 to 2^63-1, without sign or leading zero");
    return (number >= v->field->min && number <= v->field->max) ||
           fail(v, MM_RULE_VALUE_RANGE, 0, v->field->min ? "a number from 1" : "a number of at most 8,000,000");
}

static bool check_hash(struct value *v)
{
    return mm_hex_hash(v->text, v->length, NULL) || fail(v, MM_RULE_VALUE_HASH, 0, "64 lower-case hex digits");
}

static bool check_text(struct value *v)
{
    return v->length <= v->field->max || fail(v, MM_RULE_TEXT_VALUE_LENGTH, (size_t)v->field->max, "at most 120 bytes");
}

static bool check_tag(struct value *v)
{
    return check_form(v, 32, LOWER | DIGIT, ".-", "1 to 32 of a-z, 0-9, '.' and '-', a letter or digit first");
}

static bool check_key_id(struct value *v)
{
    bool hex = v->length == 16;
    for (size_t i = 0; hex && i < v->length; i++)
        hex = in_class(v->text[i], DIGIT, "ABCDEF");
    return hex || word_is(v, "none") || fail(v, MM_RULE_VALUE_PATTERN, 0, "16 upper-case hex digits or 'none'");
}

static bool check_word(struct value *v)
{
    const char *words = v->field->words;
    for (;;) {
        size_t size = strcspn(words, " ");
        if (size == v->length && memcmp(words, v->text, size) == 0)
            return true;
        if (!words[size])
            return fail(v, MM_RULE_VALUE_WORD, 0, v->field->words);
        words += size + 1;
    }
}

static bool check_time(struct value *v)
{
    return mm_time_valid(v->text, v->length) || fail(v, MM_RULE_VALUE_TIME, 0, "a real time as YYYY-MM-DDTHH:MM:SSZ");
}

static bool check_license(struct value *v)
{
    size_t at;
    const char *expected = mm_spdx_check(v->text, v->length, &at);
    return !expected || fail(v, MM_RULE_VALUE_LICENSE, at, expected);
}

static bool check_path(struct value *v)
{
    size_t at;
    const char *expected = mm_path_check(v->text, v->length, &at);
    return !expected || fail(v, MM_RULE_VALUE_PATH, at, expected);
}

/* A path or an https URL, standing at offset START of the value. */
static bool check_route_at(struct value *v, size_t start)
{
    size_t at, length = v->length - start;
    const char *text = v->text + start;
    const char *expected =
        mm_route_is_url(text, length) ? mm_route_check_url(text, length, &at) : mm_path_check(text, length, &at);
    return !expected || fail(v, MM_RULE_VALUE_ROUTE, start + at, expected);
}

static bool check_route(struct value *v)
{
    return check_route_at(v, 0);
}

static bool check_url(struct value *v)
{
    size_t at;
    const char *expected = mm_route_check_url(v->text, v->length, &at);
    return !expected || fail(v, MM_RULE_VALUE_ROUTE, at, expected);
}

static bool check_takedown(struct value *v)
{
    size_t at;
    if (word_is(v, "none") || mm_route_is_url(v->text, v->length))
        return word_is(v, "none") || check_url(v);
    const char *expected = mm_route_check_mail(v->text, v->length, &at);
    return !expected || fail(v, MM_RULE_VALUE_ROUTE, at, at ? expected : "mailto:LOCAL@HOST or https://HOST/PATH");
}

static bool check_chunk_list_route(struct value *v)
{
    char segment[MM_ROUTE_SEGMENT];
    if (!check_route_at(v, 0))
        return false;
    size_t length = mm_route_last_segment(v->text, v->length, segment);
    return mm_route_is_chunk_list(segment, length) ||
           fail(v, MM_RULE_VALUE_ROUTE, 0, "a route that ends in .chunks or .chunks.gz");
}

/* "-" or a hash, standing at offset START and LENGTH bytes long. */
static bool check_hash_or_dash(struct value *v, size_t start, size_t length)
{
    return (length == 1 && v->text[start] == '-') || mm_hex_hash(v->text + start, length, NULL) ||
           fail(v, MM_RULE_VALUE_HASH, start, "64 lower-case hex digits or '-'");
}

/* Length of the word at START, which ends at a space; 0 if there is no space behind it. */
static size_t word_length(const char *text, size_t length, size_t start)
{
    const char *space = memchr(text + start, ' ', length - start);
    return space ? (size_t)(space - text) - start : 0;
}

size_t mm_source_identity(const char *value, size_t length)
{
    return word_length(value, length, 0) + 1;
}

static bool check_source(struct value *v)
{
    size_t hash = word_length(v->text, v->length, 0);
    if (hash == 0)
        return fail(v, MM_RULE_VALUE_PATTERN, 0, "'SHA256 IDENTITY' or '- IDENTITY'");
    size_t identity = hash + 1;
    if (identity >= v->length || v->text[identity] == ' ')
        return fail(v, MM_RULE_VALUE_PATTERN, identity, "one space before IDENTITY");
    if (v->length - identity > 256)
        return fail(v, MM_RULE_TEXT_VALUE_LENGTH, identity + 256, "an IDENTITY of at most 256 bytes");
    return check_hash_or_dash(v, 0, hash);
}

static bool check_evidence_kind(struct value *v, size_t length)
{
    if ((length == 11 && memcmp(v->text, "infer-check", 11) == 0) ||
        (length == 7 && memcmp(v->text, "derived", 7) == 0))
        return true;
    bool own = length >= 3 && length <= 34 && memcmp(v->text, "x-", 2) == 0;
    for (size_t i = 2; own && i < length; i++)
        own = in_class(v->text[i], LOWER | DIGIT, "-");
    return own || fail(v, MM_RULE_VALUE_WORD, 0, "infer-check, derived or x-NAME as KIND");
}

static bool is_status(const char *text, size_t length)
{
    return length == 4 ? memcmp(text, "pass", 4) == 0 || memcmp(text, "fail", 4) == 0
                       : length == 7 && memcmp(text, "pending", 7) == 0;
}

size_t mm_evidence_route(const char *value, size_t length)
{
    size_t start = 0;
    for (int part = 0; part < 3; part++)
        start += word_length(value, length, start) + 1;
    return start;
}

static bool check_evidence(struct value *v)
{
    static const char form[] = "KIND STATUS SHA256 ROUTE";
    size_t kind = word_length(v->text, v->length, 0), status_at = kind + 1;
    size_t status = kind ? word_length(v->text, v->length, status_at) : 0, hash_at = status_at + status + 1;
    size_t hash = status ? word_length(v->text, v->length, hash_at) : 0, route_at = hash_at + hash + 1;
    if (hash == 0)
        return fail(v, MM_RULE_VALUE_PATTERN, 0, form);
    if (!check_evidence_kind(v, kind))
        return false;
    if (!is_status(v->text + status_at, status))
        return fail(v, MM_RULE_VALUE_WORD, status_at, "pass, fail or pending as STATUS");
    if (!check_hash_or_dash(v, hash_at, hash))
        return false;
    return (v->length - route_at == 1 && v->text[route_at] == '-') || check_route_at(v, route_at);
}

static bool check_architecture(struct value *v)
{
    for (size_t i = 0; i < v->length; i++)
        if (i >= MM_ARCHITECTURE_MAX || !in_class(v->text[i], LOWER | DIGIT, "._-"))
            return fail(v, MM_RULE_VALUE_PATTERN, i, "1 to 64 of a-z, 0-9, '.', '_' and '-'");
    return true;
}

static bool check_quantization(struct value *v)
{
    for (size_t i = 0; i < v->length; i++)
        if (i >= 32 || !in_class(v->text[i], LOWER | DIGIT, "_"))
            return fail(v, MM_RULE_VALUE_PATTERN, i, "1 to 32 of a-z, 0-9 and '_'");
    return true;
}

static bool check_shape(struct value *v)
{
    static const char expected[] = "block_count=N embedding_length=N feed_forward_length=N head_count=N "
                                   "head_count_kv=N vocab_size=N context_length=N";
    size_t at = 0;
    for (int i = 0; i < MM_SHAPE_COUNT; i++) {
        const char *name = mm_shape_names[i].manifest;
        size_t size = strlen(name), end = i + 1 < MM_SHAPE_COUNT ? at + word_length(v->text, v->length, at) : v->length;
        uint64_t number;
        if (end <= at + size + 1 || memcmp(v->text + at, name, size) != 0 || v->text[at + size] != '=')
            return fail(v, MM_RULE_VALUE_PATTERN, at, expected);
        if (!mm_number(v->text + at + size + 1, end - at - size - 1, MM_NUMBER_MAX, &number))
            return fail(v, MM_RULE_VALUE_NUMBER, at + size + 1,
                        "a decimal number, 0 to 2^63-1, without sign or leading zero");
        at = end + 1;
    }
    return true;
}

static bool check_chunk_size(struct value *v)
{
    uint64_t size;
    if (!mm_number(v->text, v->length, MM_NUMBER_MAX, &size))
        return fail(v, MM_RULE_VALUE_NUMBER, 0, "a decimal number without sign or leading zero");
    return mm_chunk_size_valid(size) || fail(v, MM_RULE_VALUE_RANGE, 0, "a power of two from 65536 to 67108864");
}

#define HASH_PATTERN "[0-9a-f]{64}"
#define ID_PATTERN "[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?"
#define NUMBER_PATTERN "(0|[1-9][0-9]*)"

static const struct {
    bool (*check)(struct value *);
    const char *pattern;
} kinds[MM_KIND_COUNT] = {
    [MM_KIND_MODEL_ID] = {check_model_id, "^" ID_PATTERN "/" ID_PATTERN "$"},
    [MM_KIND_VERSION] = {check_version, "^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$"},
    [MM_KIND_NUMBER] = {check_number, NULL},
    [MM_KIND_HASH] = {check_hash, "^" HASH_PATTERN "$"},
    [MM_KIND_TEXT] = {check_text, NULL},
    [MM_KIND_TAG] = {check_tag, "^[a-z0-9][a-z0-9.-]{0,31}$"},
    [MM_KIND_PUBLISHER] = {check_publisher, "^" ID_PATTERN "$"},
    [MM_KIND_KEY_ID] = {check_key_id, "^([0-9A-F]{16}|none)$"},
    [MM_KIND_WORD] = {check_word, NULL},
    [MM_KIND_TIME] = {check_time, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"},
    [MM_KIND_LICENSE] = {check_license, "^[0-9A-Za-z.:+() -]+$"},
    [MM_KIND_ROUTE] = {check_route, NULL},
    [MM_KIND_URL] = {check_url, "^https://"},
    [MM_KIND_TAKEDOWN] = {check_takedown, "^(https://|mailto:|none$)"},
    [MM_KIND_SOURCE] = {check_source, "^(" HASH_PATTERN "|-) [^ ]"},
    [MM_KIND_ARCHITECTURE] = {check_architecture, "^[a-z0-9._-]{1,64}$"},
    [MM_KIND_QUANTIZATION] = {check_quantization, "^[a-z0-9_]{1,32}$"},
    [MM_KIND_SHAPE] = {check_shape, "^block_count=" NUMBER_PATTERN " embedding_length=" NUMBER_PATTERN
                                    " feed_forward_length=" NUMBER_PATTERN " head_count=" NUMBER_PATTERN
                                    " head_count_kv=" NUMBER_PATTERN " vocab_size=" NUMBER_PATTERN
                                    " context_length=" NUMBER_PATTERN "$"},
    [MM_KIND_EVIDENCE] = {check_evidence,
                          "^(infer-check|derived|x-[a-z0-9-]{1,32}) (pass|fail|pending) (" HASH_PATTERN "|-) [^ ]"},
    [MM_KIND_PATH] = {check_path, "^[A-Za-z0-9_.][A-Za-z0-9 ._+()=,@~\\[\\]/-]*$"},
    [MM_KIND_CHUNK_SIZE] = {check_chunk_size, NULL},
    [MM_KIND_CHUNK_LIST_ROUTE] = {check_chunk_list_route, "\\.chunks(\\.gz)?/?$"},
};

bool mm_field_check(enum mm_field field, const char *text, size_t length, struct mm_value_fault *fault)
{
    struct value value = {&mm_fields[field], text, length, fault};
    return kinds[value.field->kind].check(&value);
}

const char *mm_kind_pattern(enum mm_kind kind)
{
    return kinds[kind].pattern;
}
