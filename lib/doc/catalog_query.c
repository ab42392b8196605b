#include "doc/catalog_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "text/line.h"
#include "text/match.h"
#include "text/quantity.h"
#include "text/spdx.h"

enum what { WHAT_ANY, WHAT_TEXT, WHAT_LICENSE, WHAT_TIME, WHAT_HASH, WHAT_REASON, WHAT_NUMBER };
enum comparison { HAS, EQUAL, UNEQUAL, LESS, AT_MOST, MORE, AT_LEAST };

/* Numbers of an entry that are no facts of its shape. */
enum { NUMBER_PARAMETERS = MM_SHAPE_COUNT, NUMBER_BYTES, NUMBER_REVISION, NUMBER_ARTIFACTS };

struct mm_query_term {
    enum what what;
    int which; /* member or number */
    enum comparison comparison;
    bool opposite;
    char *value; /* in lower case */
    size_t length;
    uint64_t number;
};

/* The names that a pattern may begin with; `-` counts as `_`. */
static const struct {
    const char *name;
    enum what what;
    int which;
} keys[] = {
    {"any", WHAT_ANY, 0},
    {"id", WHAT_TEXT, MM_CATALOG_MODEL_ID},
    {"model_id", WHAT_TEXT, MM_CATALOG_MODEL_ID},
    {"name", WHAT_TEXT, MM_CATALOG_DISPLAY_NAME},
    {"display_name", WHAT_TEXT, MM_CATALOG_DISPLAY_NAME},
    {"tag", WHAT_TEXT, MM_CATALOG_TAGS},
    {"tags", WHAT_TEXT, MM_CATALOG_TAGS},
    {"license", WHAT_LICENSE, MM_CATALOG_LICENSE},
    {"arch", WHAT_TEXT, MM_CATALOG_ARCHITECTURE},
    {"architecture", WHAT_TEXT, MM_CATALOG_ARCHITECTURE},
    {"quant", WHAT_TEXT, MM_CATALOG_QUANTIZATION},
    {"quantization", WHAT_TEXT, MM_CATALOG_QUANTIZATION},
    {"lane", WHAT_TEXT, MM_CATALOG_SOURCE_LANE},
    {"source_lane", WHAT_TEXT, MM_CATALOG_SOURCE_LANE},
    {"source", WHAT_TEXT, MM_CATALOG_SOURCE_SUMMARY},
    {"source_summary", WHAT_TEXT, MM_CATALOG_SOURCE_SUMMARY},
    {"evidence", WHAT_TEXT, MM_CATALOG_EVIDENCE_STATUS},
    {"evidence_status", WHAT_TEXT, MM_CATALOG_EVIDENCE_STATUS},
    {"publisher", WHAT_TEXT, MM_CATALOG_PUBLISHER_ID},
    {"publisher_id", WHAT_TEXT, MM_CATALOG_PUBLISHER_ID},
    {"key", WHAT_TEXT, MM_CATALOG_KEY_ID},
    {"key_id", WHAT_TEXT, MM_CATALOG_KEY_ID},
    {"version", WHAT_TEXT, MM_CATALOG_VERSION},
    {"peer_hint", WHAT_TEXT, MM_CATALOG_PEER_HINT},
    {"created", WHAT_TIME, MM_CATALOG_CREATED},
    {"expires", WHAT_TIME, MM_CATALOG_EXPIRES},
    {"sha256", WHAT_HASH, 0},
    {"reason", WHAT_REASON, 0},
    {"parameters", WHAT_NUMBER, NUMBER_PARAMETERS},
    {"bytes", WHAT_NUMBER, NUMBER_BYTES},
    {"artifact_bytes", WHAT_NUMBER, NUMBER_BYTES},
    {"artifacts", WHAT_NUMBER, NUMBER_ARTIFACTS},
    {"revision", WHAT_NUMBER, NUMBER_REVISION},
    {"block_count", WHAT_NUMBER, MM_SHAPE_BLOCK_COUNT},
    {"context_length", WHAT_NUMBER, MM_SHAPE_CONTEXT_LENGTH},
    {"embedding_length", WHAT_NUMBER, MM_SHAPE_EMBEDDING_LENGTH},
    {"feed_forward_length", WHAT_NUMBER, MM_SHAPE_FEED_FORWARD_LENGTH},
    {"head_count", WHAT_NUMBER, MM_SHAPE_HEAD_COUNT},
    {"head_count_kv", WHAT_NUMBER, MM_SHAPE_HEAD_COUNT_KV},
    {"vocab_size", WHAT_NUMBER, MM_SHAPE_VOCAB_SIZE},
};

static const char expected_key[] =
    "a word, or any, id, name, tag, license, arch, quant, lane, source, evidence, publisher, key, version, peer_hint, "
    "created, expires, sha256, reason, parameters, bytes, artifacts, revision, block_count, context_length, "
    "embedding_length, feed_forward_length, head_count, head_count_kv or vocab_size, and a comparison "
    "(any:WORD for a word with : = < or >)";

/* ---- reading a pattern ---- */

void mm_catalog_query_release(struct mm_catalog_query *query)
{
    for (size_t i = 0; i < query->count; i++)
        free(query->terms[i].value);
    free(query->terms);
    *query = (struct mm_catalog_query){0};
}

static bool take(const char **at, const char *literal)
{
    size_t length = strlen(literal);
    if (strncmp(*at, literal, length) != 0)
        return false;
    *at += length;
    return true;
}

static bool take_comparison(const char **at, enum comparison *comparison)
{
    static const struct {
        const char *text;
        enum comparison comparison;
    } signs[] = {{":", HAS},  {"=", EQUAL},     {"!=", UNEQUAL}, {"<=", AT_MOST},
                 {"<", LESS}, {">=", AT_LEAST}, {">", MORE}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (take(at, signs[i].text)) {
            *comparison = signs[i].comparison;
            return true;
        }
    return false;
}

static bool find_key(const char *name, size_t length, struct mm_query_term *term)
{
    char key[32] = "";
    if (length >= sizeof key)
        return false;
    for (size_t i = 0; i < length; i++)
        key[i] = name[i] == '-' ? '_' : mm_match_lower(name[i]);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i].name) == 0) {
            term->what = keys[i].what;
            term->which = keys[i].which;
            return true;
        }
    return false;
}

/* A time, or the beginning of one down to whole days: YYYY, YYYY-MM, YYYY-MM-DD. */
static bool time_begins(const char *text, size_t length)
{
    char whole[] = "0001-01-01T00:00:00Z"; /* what is left out is the first of its kind */
    if (length != 4 && length != 7 && length != 10 && length != sizeof whole - 1)
        return false;
    memcpy(whole, text, length);
    return mm_time_valid(whole, sizeof whole - 1);
}

static const char *check_license(const char *value, size_t value_length)
{
    const char *part;
    size_t at = 0, length;
    while (mm_match_part(value, value_length, ',', &at, &part, &length))
        if (length == 0 || (!mm_match_is_glob(part, length) && !mm_spdx_is_one(part, length)))
            return "SPDX licence ids, with commas between them";
    return NULL;
}

/* What is wrong with the value for its key and comparison, or NULL. */
static const char *check_value(struct mm_query_term *term, const char *value)
{
    bool ordered = term->comparison >= LESS;
    if (term->length == 0)
        return "a value behind the comparison";
    if (term->length > MM_VALUE_MAX)
        return "a value of at most 1024 bytes";
    if (term->what == WHAT_NUMBER)
        return mm_quantity(term->which == NUMBER_BYTES        ? MM_QUANTITY_BYTES
                           : term->which == NUMBER_PARAMETERS ? MM_QUANTITY_PARAMETERS
                                                              : MM_QUANTITY_COUNT,
                           term->value, term->length, &term->number);
    if (term->what == WHAT_TIME)
        return time_begins(value, term->length) ? NULL : "a time: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ";
    if (ordered)
        return "one of : = != for this key";
    if (term->what == WHAT_HASH)
        return mm_hex_hash(value, term->length, NULL) ? NULL : "64 lower-case hex digits";
    if (term->what == WHAT_ANY && term->comparison != HAS)
        return "any:WORD";
    return term->what == WHAT_LICENSE && term->comparison == HAS ? check_license(value, term->length) : NULL;
}

static const char *take_value(struct mm_query_term *term, const char *value)
{
    term->length = strlen(value);
    term->value = malloc(term->length + 1);
    if (!term->value)
        return "more memory";
    for (size_t i = 0; i <= term->length; i++)
        term->value[i] = mm_match_lower(value[i]);
    return check_value(term, value);
}

static const char *read_term(struct mm_query_term *term, const char *pattern)
{
    static const char key[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *at = pattern;
    term->opposite = take(&at, "!");
    if (!*at || (term->opposite && *at == '!'))
        return term->opposite ? "a pattern behind one !" : "a pattern";
    size_t length = strspn(at, key);
    const char *value = at + length;
    if (length > 0 && take_comparison(&value, &term->comparison))
        return find_key(at, length, term) ? take_value(term, value) : expected_key;
    if (strpbrk(at, ":=<>"))
        return expected_key;
    return take_value(term, at); /* HAS and WHAT_ANY are zero */
}

const char *mm_catalog_query_add(struct mm_catalog_query *query, const char *pattern)
{
    struct mm_query_term term = {0};
    const char *expected = read_term(&term, pattern);
    if (!expected && !mm_grow(&query->terms, query->count, &query->capacity, sizeof *query->terms))
        expected = "more memory";
    if (expected)
        free(term.value);
    else
        query->terms[query->count++] = term;
    return expected;
}

/* ---- does an entry meet it? ---- */

/* A value of WHAT_TEXT; behind `:` one of several suffices. */
static bool value_meets(const struct mm_query_term *term, const char *text, size_t length)
{
    const char *part;
    size_t at = 0, part_length;
    if (term->comparison != HAS)
        return length == term->length && mm_match_same(text, term->value, length);
    if (term->what == WHAT_ANY)
        return mm_match_has(text, length, term->value, term->length);
    while (mm_match_part(term->value, term->length, ',', &at, &part, &part_length))
        if (part_length > 0 && mm_match_has(text, length, part, part_length))
            return true;
    return false;
}

/* The same for text as it stands in a line, perhaps with escapes. */
static bool text_meets(const struct mm_query_term *term, const struct mm_canonical_text *text)
{
    char plain[MM_VALUE_MAX + 1];
    size_t length;
    if (!memchr(text->at, '\\', text->length))
        return value_meets(term, text->at, text->length);
    return mm_canonical_decode(text, plain, sizeof plain, &length) && value_meets(term, plain, length);
}

static bool is_list(int member)
{
    return member == MM_CATALOG_TAGS || member == MM_CATALOG_SOURCE_SUMMARY || member == MM_CATALOG_EVIDENCE_STATUS;
}

static bool member_meets(const struct mm_query_term *term, int member, const struct mm_catalog_entry *entry)
{
    struct mm_canonical_text rest = entry->texts[member], item;
    if (!rest.at)
        return false;
    if (!is_list(member))
        return text_meets(term, &rest);
    while (mm_canonical_next(&rest, &item))
        if (text_meets(term, &item))
            return true;
    return false;
}

static bool any_meets(const struct mm_query_term *term, const struct mm_catalog_entry *entry)
{
    static const enum mm_catalog_member searched[] = {
        MM_CATALOG_MODEL_ID,     MM_CATALOG_DISPLAY_NAME, MM_CATALOG_TAGS,          MM_CATALOG_LICENSE,
        MM_CATALOG_ARCHITECTURE, MM_CATALOG_QUANTIZATION, MM_CATALOG_SOURCE_SUMMARY}; /* the publisher is in the id */
    for (size_t i = 0; i < sizeof searched / sizeof *searched; i++)
        if (member_meets(term, searched[i], entry))
            return true;
    return false;
}

static bool license_allowed(void *context, const char *text, size_t length)
{
    const struct mm_query_term *term = context;
    const char *part;
    size_t at = 0, part_length;
    while (mm_match_part(term->value, term->length, ',', &at, &part, &part_length))
        if (mm_match_is_glob(part, part_length) ? mm_match_glob(text, length, part, part_length)
                                                : part_length == length && mm_match_same(text, part, length))
            return true;
    return false;
}

/* An expression is met where it can be kept to with the licences of the pattern alone. */
static bool license_meets(const struct mm_query_term *term, const struct mm_catalog_entry *entry)
{
    const struct mm_canonical_text *license = &entry->texts[MM_CATALOG_LICENSE]; /* has no escapes */
    if (!license->at || term->comparison != HAS)
        return license->at && value_meets(term, license->at, license->length);
    return mm_spdx_met(license->at, license->length, license_allowed, (void *)term);
}

static bool number_of(const struct mm_catalog_entry *entry, int which, uint64_t *number)
{
    switch (which) {
    case NUMBER_PARAMETERS: *number = entry->parameters; return entry->has_parameters;
    case NUMBER_BYTES: *number = entry->artifact_bytes; return true;
    case NUMBER_REVISION: *number = entry->revision; return true;
    case NUMBER_ARTIFACTS: *number = entry->artifact_count; return true;
    default: *number = entry->shape[which]; return entry->has_shape;
    }
}

/* ORDER is below, at or above 0 as what was found is to what is asked for. */
static bool order_meets(enum comparison comparison, int order)
{
    switch (comparison) {
    case LESS: return order < 0;
    case AT_MOST: return order <= 0;
    case MORE: return order > 0;
    case AT_LEAST: return order >= 0;
    case UNEQUAL: return order != 0;
    default: return order == 0;
    }
}

static bool number_meets(const struct mm_query_term *term, uint64_t number)
{
    return order_meets(term->comparison, (number > term->number) - (number < term->number));
}

/* Times are compared as far as the pattern goes: 2026 is all of that year. */
static bool time_meets(const struct mm_query_term *term, const struct mm_catalog_entry *entry)
{
    const struct mm_canonical_text *time = &entry->texts[term->which];
    char wanted[MM_TIME_SIZE];
    if (!time->at || time->length < term->length || term->length >= sizeof wanted)
        return false;
    for (size_t i = 0; i < term->length; i++) /* T and Z */
        wanted[i] = term->value[i] >= 'a' ? (char)(term->value[i] - 'a' + 'A') : term->value[i];
    return order_meets(term->comparison, memcmp(time->at, wanted, term->length));
}

/* True if what stands before AT, the value of a member, says that it is a hash. A file can be called like the hash of another. */
static bool is_hash_member(const struct mm_canonical_text *artifacts, const char *at)
{
    static const char *const ends[] = {"\"sha256\":", "_sha256\":", "\"merkle_root\":"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t length = strlen(ends[i]);
        if ((size_t)(at - artifacts->at) >= length && memcmp(at - length, ends[i], length) == 0)
            return true;
    }
    return false;
}

/* The hash of the manifest, or any that an artifact has: file, tree, tokenizer, template, layout. */
static bool hash_found(const struct mm_query_term *term, const struct mm_catalog_entry *entry)
{
    const struct mm_canonical_text *manifest = &entry->texts[MM_CATALOG_MANIFEST_SHA256],
                                   *artifacts = &entry->texts[MM_CATALOG_ARTIFACTS];
    char quoted[MM_HASH_HEX + 3];
    snprintf(quoted, sizeof quoted, "\"%s\"", term->value);
    if (memcmp(manifest->at, term->value, term->length) == 0)
        return true;
    const char *end = artifacts->at + artifacts->length, *at = artifacts->at;
    while ((at = memmem(at, (size_t)(end - at), quoted, sizeof quoted - 1)) && !is_hash_member(artifacts, at))
        at++;
    return at != NULL;
}

static bool term_meets(const struct mm_query_term *term, const struct mm_catalog_entry *entry)
{
    bool unequal = term->comparison == UNEQUAL;
    uint64_t number;
    switch (term->what) {
    case WHAT_ANY: return any_meets(term, entry);
    case WHAT_TEXT: return entry->texts[term->which].at && member_meets(term, term->which, entry) != unequal;
    case WHAT_LICENSE: return license_meets(term, entry) != unequal;
    case WHAT_TIME: return time_meets(term, entry);
    case WHAT_HASH: return hash_found(term, entry) != unequal;
    case WHAT_REASON: return false;
    default: return number_of(entry, term->which, &number) && number_meets(term, number);
    }
}

bool mm_catalog_query_entry(const struct mm_catalog_query *query, const struct mm_catalog_entry *entry)
{
    for (size_t i = 0; i < query->count; i++)
        if (term_meets(&query->terms[i], entry) == query->terms[i].opposite)
            return false;
    return true;
}

/* ---- does a withdrawal? ---- */

static bool hash_withdrawn(const struct mm_query_term *term, const struct mm_withdrawal *withdrawal)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, withdrawal->manifest_sha256, MM_HASH_BYTES);
    return withdrawal->revision != 0 && memcmp(hex, term->value, MM_HASH_HEX) == 0;
}

static bool withdrawal_meets(const struct mm_query_term *term, const struct mm_withdrawal *withdrawal)
{
    const char *id = withdrawal->model_id, *reason = withdrawal->reason;
    bool unequal = term->comparison == UNEQUAL;
    switch (term->what) {
    case WHAT_ANY: return value_meets(term, id, strlen(id)) || value_meets(term, reason, strlen(reason));
    case WHAT_REASON: return value_meets(term, reason, strlen(reason)) != unequal;
    case WHAT_TEXT:
        if (term->which != MM_CATALOG_MODEL_ID && term->which != MM_CATALOG_PUBLISHER_ID)
            return false;
        return value_meets(term, id, term->which == MM_CATALOG_MODEL_ID ? strlen(id) : strcspn(id, "/")) != unequal;
    case WHAT_HASH: return withdrawal->revision != 0 && hash_withdrawn(term, withdrawal) != unequal;
    case WHAT_NUMBER:
        return term->which == NUMBER_REVISION &&
               (withdrawal->revision == 0 || number_meets(term, withdrawal->revision));
    default: return false;
    }
}

bool mm_catalog_query_withdrawal(const struct mm_catalog_query *query, const struct mm_withdrawal *withdrawal)
{
    for (size_t i = 0; i < query->count; i++)
        if (withdrawal_meets(&query->terms[i], withdrawal) == query->terms[i].opposite)
            return false;
    return true;
}
