#include "text/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

/* Names of open objects that are compared at once; the largest vocabularies have a sixteenth of that. */
#define NAMES_MAX 4194304

int mm_json_init(struct mm_json *json, struct mm_source *source, uint64_t limit, unsigned unique_depth,
                 struct mm_diags *diags)
{
    json->source = source;
    json->limit = limit;
    json->diags = diags;
    json->unique_depth = unique_depth;
    json->offset = 0;
    json->length = 0;
    json->depth = 0;
    json->cut = json->value_read = json->awaiting_value = json->failed = false;
    json->sha = mm_sha256_new();
    json->strings = NULL;
    json->names = (struct mm_name_set){0};
    return json->sha ? 0 : mm_diag_memory(diags);
}

void mm_json_release(struct mm_json *json)
{
    mm_sha256_free(json->sha);
    json->sha = NULL;
    mm_name_set_release(&json->names);
}

/* The next byte without taking it, or -1 at the end. */
static int peek(struct mm_json *json)
{
    struct mm_source *source = json->source;
    if (mm_source_offset(source) >= json->limit || mm_source_fill(source) == 0)
        return -1;
    return source->window[source->begin];
}

static void take(struct mm_json *json)
{
    json->source->begin++;
}

static enum mm_json_event fail(struct mm_json *json, enum mm_rule rule, const char *expected)
{
    struct mm_source *source = json->source;
    int byte = peek(json);
    char piece[MM_UTF8_ESCAPED];
    json->failed = true;
    if (byte < 0 && source->error)
        return MM_JSON_ERROR; /* mm_source_finish reports the failed read */
    uint64_t offset = mm_source_offset(source);
    if (byte < 0) {
        mm_diag_offset(json->diags, rule, offset, "expected %s, found the end", expected);
    } else {
        size_t have = source->end - source->begin;
        mm_utf8_escape(piece, source->window + source->begin, have < 4 ? have : 4);
        mm_diag_offset(json->diags, rule, offset, "expected %s, found '%s'", expected, piece);
    }
    return MM_JSON_ERROR;
}

static void skip_space(struct mm_json *json)
{
    for (int c = peek(json); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(json))
        take(json);
}

/* Keeps what fits: the text is a prefix of the whole, wherever windows end. */
static void keep(struct mm_json *json, const unsigned char *bytes, size_t size)
{
    size_t room = MM_JSON_TEXT - json->length;
    json->cut = size > room;
    if (json->cut)
        size = room;
    memcpy(json->text + json->length, bytes, size);
    json->length += size;
}

/* Adds decoded bytes to the kept text and, for a name, to its hash; of other strings to the one that a caller wants. */
static void decoded(struct mm_json *json, const unsigned char *bytes, size_t size, bool name)
{
    if (!json->cut)
        keep(json, bytes, size);
    if (name && json->depth <= json->unique_depth)
        mm_sha256_update(json->sha, bytes, size);
    if (!name && json->strings)
        mm_sha256_update(json->strings, bytes, size);
}

static bool hex4(struct mm_json *json, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(json);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)c - '0'
                         : c >= 'a' && c <= 'f' ? (uint32_t)c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)c - 'A' + 10
                                                : 16;
        if (digit == 16) {
            fail(json, MM_RULE_JSON_SYNTAX, "four hex digits");
            return false;
        }
        *value = *value << 4 | digit;
        take(json);
    }
    return true;
}

/* Behind \u: one unit, or two that make a surrogate pair (RFC 8259, section 7). Where the grammar alone counts, nobody
 * reads the text, and each half stands for U+FFFD. */
static bool unicode_escape(struct mm_json *json, uint32_t *code)
{
    uint32_t low;
    if (!hex4(json, code))
        return false;
    if (*code < 0xD800 || *code > 0xDFFF)
        return true;
    if (json->unique_depth == 0) {
        *code = 0xFFFD;
        return true;
    }
    bool paired = *code < 0xDC00 && peek(json) == '\\';
    if (paired) {
        take(json);
        paired = peek(json) == 'u';
    }
    if (!paired) {
        fail(json, MM_RULE_JSON_UTF8, "the second half of a surrogate pair");
        return false;
    }
    take(json);
    if (!hex4(json, &low))
        return false;
    if (low < 0xDC00 || low > 0xDFFF) {
        fail(json, MM_RULE_JSON_UTF8, "the second half of a surrogate pair before this");
        return false;
    }
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

static bool escape(struct mm_json *json, bool name)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    unsigned char bytes[4];
    int c = peek(json);
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (letter) {
        take(json);
        bytes[0] = (unsigned char)meanings[letter - letters];
        decoded(json, bytes, 1, name);
        return true;
    }
    uint32_t code;
    if (c != 'u') {
        fail(json, MM_RULE_JSON_SYNTAX, "an escape that JSON defines");
        return false;
    }
    take(json);
    if (!unicode_escape(json, &code))
        return false;
    decoded(json, bytes, mm_utf8_encode(bytes, code), name);
    return true;
}

/* A character of two bytes or more, which may straddle two windows. */
static bool wide_character(struct mm_json *json, int lead, bool name)
{
    unsigned char bytes[4] = {(unsigned char)lead};
    size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    uint32_t code;
    uint64_t offset = mm_source_offset(json->source);
    take(json);
    for (size_t i = 1; i < size; i++) {
        int c = peek(json);
        if (c < 0x80)
            break; /* decoding fails on the zero that stands here */
        bytes[i] = (unsigned char)c;
        take(json);
    }
    if (mm_utf8_decode(bytes, size, &code) != size) {
        if (!json->source->error)
            mm_diag_offset(json->diags, MM_RULE_JSON_UTF8, offset, "expected well-formed UTF-8, found byte 0x%02x",
                           (unsigned)lead);
        json->failed = true;
        return false;
    }
    decoded(json, bytes, size, name);
    return true;
}

/* The plain ASCII bytes at hand that need no look of their own. */
static void plain_run(struct mm_json *json, bool name)
{
    struct mm_source *source = json->source;
    uint64_t room = json->limit - mm_source_offset(source);
    const unsigned char *start = source->window + source->begin, *at = start;
    const unsigned char *end = source->window + source->end;
    if ((uint64_t)(end - start) > room)
        end = start + room;
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    decoded(json, start, (size_t)(at - start), name);
    source->begin += (size_t)(at - start);
}

/* Behind the opening quote. */
static bool string(struct mm_json *json, bool name)
{
    json->length = 0;
    json->cut = false;
    for (;;) {
        int c = peek(json);
        if (c < 0x20) {
            fail(json, MM_RULE_JSON_SYNTAX, c < 0 ? "the end of a string" : "no bare control character");
            return false;
        }
        if (c == '"') {
            take(json);
            json->text[json->length] = '\0';
            return true;
        }
        if (c == '\\') {
            take(json);
            if (!escape(json, name))
                return false;
        } else if (c >= 0x80) {
            if (!wide_character(json, c, name))
                return false;
        } else {
            plain_run(json, name);
        }
    }
}

static void keep_byte(struct mm_json *json)
{
    unsigned char byte = json->source->window[json->source->begin];
    if (!json->cut)
        keep(json, &byte, 1);
    take(json);
}

static bool digits(struct mm_json *json)
{
    int c = peek(json);
    if (c < '0' || c > '9') {
        fail(json, MM_RULE_JSON_SYNTAX, "a digit");
        return false;
    }
    for (; c >= '0' && c <= '9'; c = peek(json))
        keep_byte(json);
    return true;
}

static enum mm_json_event number(struct mm_json *json)
{
    json->length = 0;
    json->cut = false;
    if (peek(json) == '-')
        keep_byte(json);
    if (peek(json) == '0')
        keep_byte(json);
    else if (!digits(json))
        return MM_JSON_ERROR;
    if (peek(json) == '.') {
        keep_byte(json);
        if (!digits(json))
            return MM_JSON_ERROR;
    }
    if (peek(json) == 'e' || peek(json) == 'E') {
        keep_byte(json);
        if (peek(json) == '+' || peek(json) == '-')
            keep_byte(json);
        if (!digits(json))
            return MM_JSON_ERROR;
    }
    json->text[json->length] = '\0';
    return MM_JSON_NUMBER;
}

static enum mm_json_event word(struct mm_json *json, const char *text, enum mm_json_event event)
{
    for (; *text; text++) {
        if (peek(json) != *text)
            return fail(json, MM_RULE_JSON_SYNTAX, "a value");
        take(json);
    }
    return event;
}

static enum mm_json_event open_container(struct mm_json *json, bool object)
{
    if (json->depth == MM_JSON_DEPTH)
        return fail(json, MM_RULE_JSON_DEPTH, "at most 64 levels");
    json->object[json->depth++] = object;
    json->value_read = false;
    take(json);
    return object ? MM_JSON_OBJECT : MM_JSON_ARRAY;
}

static enum mm_json_event close_container(struct mm_json *json)
{
    bool object = json->object[json->depth - 1];
    json->offset = mm_source_offset(json->source);
    if (object)
        mm_name_set_leave(&json->names, json->depth);
    json->depth--;
    json->value_read = true;
    take(json);
    return object ? MM_JSON_OBJECT_END : MM_JSON_ARRAY_END;
}

static enum mm_json_event value(struct mm_json *json)
{
    int c = peek(json);
    json->offset = mm_source_offset(json->source);
    if (c == '{' || c == '[')
        return open_container(json, c == '{');
    json->value_read = true;
    switch (c) {
    case '"': take(json); return string(json, false) ? MM_JSON_STRING : MM_JSON_ERROR;
    case 't': return word(json, "true", MM_JSON_TRUE);
    case 'f': return word(json, "false", MM_JSON_FALSE);
    case 'n': return word(json, "null", MM_JSON_NULL);
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return number(json);
        return fail(json, MM_RULE_JSON_SYNTAX, "a value");
    }
}

static bool remember_name(struct mm_json *json)
{
    unsigned char digest[MM_HASH_BYTES];
    char shown[MM_SHOWN];
    mm_sha256_take(json->sha, digest);
    if (json->depth > json->unique_depth)
        return true;
    if (json->names.count >= NAMES_MAX) {
        mm_diag_offset(json->diags, MM_RULE_IO_LIMIT, json->offset, "at most %d names are compared at once", NAMES_MAX);
        return false;
    }
    switch (mm_name_set_add(&json->names, digest, json->depth)) {
    case MM_NAME_NEW: return true;
    case MM_NAME_KNOWN:
        mm_diag_offset(json->diags, MM_RULE_JSON_DUPLICATE, json->offset,
                       "expected names that differ, found '%s' twice", mm_show(shown, json->text, json->length));
        return false;
    default: mm_diag_memory(json->diags); return false;
    }
}

/* A member's name and its colon. */
static enum mm_json_event key(struct mm_json *json)
{
    json->offset = mm_source_offset(json->source);
    if (peek(json) != '"')
        return fail(json, MM_RULE_JSON_SYNTAX, "a name in quotes");
    take(json);
    if (!string(json, true))
        return MM_JSON_ERROR;
    if (!remember_name(json)) {
        json->failed = true;
        return MM_JSON_ERROR;
    }
    skip_space(json);
    if (peek(json) != ':')
        return fail(json, MM_RULE_JSON_SYNTAX, "':'");
    take(json);
    return MM_JSON_KEY;
}

/* Inside an object or array, where a member or element or the end comes next. */
static enum mm_json_event in_container(struct mm_json *json, bool first)
{
    bool object = json->object[json->depth - 1];
    int close = object ? '}' : ']', c = peek(json);
    if (c == close)
        return close_container(json);
    if (!first) {
        if (c != ',')
            return fail(json, MM_RULE_JSON_SYNTAX, object ? "',' or '}'" : "',' or ']'");
        take(json);
        skip_space(json);
    }
    return object ? key(json) : value(json);
}

enum mm_json_event mm_json_next(struct mm_json *json)
{
    if (json->failed)
        return MM_JSON_ERROR;
    skip_space(json);
    if (json->value_read && json->depth == 0)
        return peek(json) < 0 && !json->source->error ? MM_JSON_END
                                                      : fail(json, MM_RULE_JSON_SYNTAX, "the end of the text");
    if (json->depth == 0 || json->awaiting_value) {
        json->awaiting_value = false;
        return value(json);
    }
    enum mm_json_event event = in_container(json, !json->value_read);
    json->awaiting_value = event == MM_JSON_KEY;
    return event;
}

bool mm_json_skip(struct mm_json *json, enum mm_json_event event)
{
    if (event == MM_JSON_OBJECT || event == MM_JSON_ARRAY) {
        unsigned depth = json->depth;
        while (event != MM_JSON_ERROR && json->depth >= depth)
            event = mm_json_next(json);
    }
    return event != MM_JSON_ERROR;
}
