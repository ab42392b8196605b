#include "text/json_tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/number.h"

void mm_json_tree_release(struct mm_json_tree *tree)
{
    free(tree->values);
    mm_buf_release(&tree->texts);
    *tree = (struct mm_json_tree){0};
}

static int add_text(struct mm_json_tree *tree, const char *text, size_t length, uint32_t *at, struct mm_diags *diags)
{
    if (length >= MM_JSON_TREE_TEXT || tree->texts.length >= MM_JSON_TREE_TEXT - length)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %u bytes of names and strings", MM_JSON_TREE_TEXT);
    *at = (uint32_t)tree->texts.length;
    mm_buf_add(&tree->texts, text, length);
    mm_buf_char(&tree->texts, '\0');
    return tree->texts.failed ? mm_diag_memory(diags) : 0;
}

/* Appends a value with the scanner's present text; its name stands at NAME. Returns its index, or -1. */
static int add_value(struct mm_json_tree *tree, const struct mm_json *json, enum mm_json_event kind, uint32_t name,
                     uint32_t name_length)
{
    bool text = kind == MM_JSON_STRING || kind == MM_JSON_NUMBER;
    struct mm_json_value value = {.kind = kind,
                                  .cut = text && json->cut,
                                  .first = MM_JSON_NOWHERE,
                                  .next = MM_JSON_NOWHERE,
                                  .name = name,
                                  .name_length = name_length,
                                  .length = text ? (uint32_t)json->length : 0,
                                  .offset = json->offset};
    if (tree->count >= MM_JSON_TREE_VALUES)
        return mm_diag_offset(json->diags, MM_RULE_IO_LIMIT, json->offset, "expected at most %d values",
                              MM_JSON_TREE_VALUES);
    if (!mm_grow(&tree->values, tree->count, &tree->capacity, sizeof *tree->values))
        return mm_diag_memory(json->diags);
    if (add_text(tree, text ? json->text : "", value.length, &value.text, json->diags) < 0)
        return -1;
    tree->values[tree->count] = value;
    return (int)tree->count++;
}

int mm_json_tree_take(struct mm_json_tree *tree, struct mm_json *json, enum mm_json_event event)
{
    uint32_t parents[MM_JSON_DEPTH] = {0}, last[MM_JSON_DEPTH] = {0}; /* containers open, and the last child of each */
    size_t open = 0;
    int top = -1;
    do {
        uint32_t name = 0, name_length = 0;
        if (event == MM_JSON_OBJECT_END || event == MM_JSON_ARRAY_END) {
            open--;
            if (open)
                event = mm_json_next(json);
            continue;
        }
        if (event == MM_JSON_KEY) {
            name_length = (uint32_t)json->length;
            if (add_text(tree, json->text, json->length, &name, json->diags) < 0)
                return -1;
            event = mm_json_next(json);
        } else if (add_text(tree, "", 0, &name, json->diags) < 0) {
            return -1;
        }
        int at = event == MM_JSON_ERROR || event == MM_JSON_END ? -1 : add_value(tree, json, event, name, name_length);
        if (at < 0)
            return -1;
        if (top < 0)
            top = at;
        if (open) {
            uint32_t before = last[open - 1];
            *(before == MM_JSON_NOWHERE ? &tree->values[parents[open - 1]].first : &tree->values[before].next) =
                (uint32_t)at;
            last[open - 1] = (uint32_t)at;
        }
        if (event == MM_JSON_OBJECT || event == MM_JSON_ARRAY) {
            parents[open] = (uint32_t)at;
            last[open++] = MM_JSON_NOWHERE;
        }
        if (open)
            event = mm_json_next(json);
    } while (open);
    return top;
}

/* From SOURCE, opened or not according to OPENED; it is released. */
static int read_source(struct mm_json_tree *tree, struct mm_source *source, bool opened, struct mm_diags *diags)
{
    struct mm_json json;
    if (!opened) {
        mm_source_release(source);
        return -1;
    }
    int result = mm_json_init(&json, source, MM_JSON_FILE_MAX, MM_JSON_DEPTH, diags);
    if (result == 0 && (mm_json_tree_take(tree, &json, mm_json_next(&json)) < 0 || mm_json_next(&json) != MM_JSON_END))
        result = -1;
    if (result == 0 || source->error)
        result = mm_source_finish(source, diags);
    mm_json_release(&json);
    mm_source_release(source);
    return result;
}

int mm_json_tree_read(struct mm_json_tree *tree, int fd, struct mm_diags *diags)
{
    struct mm_source source;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return mm_diag(diags, MM_RULE_IO_READ, "cannot go back to the first byte");
    bool opened = mm_source_open(&source, fd, diags) == 0;
    return read_source(tree, &source, opened, diags);
}

int mm_json_tree_read_text(struct mm_json_tree *tree, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_source source;
    struct mm_text whole = {text, length};
    struct mm_origin origin = mm_text_origin(&whole);
    bool opened = mm_source_open_origin(&source, &origin, diags) == 0;
    return read_source(tree, &source, opened, diags);
}

const struct mm_json_value *mm_json_first(const struct mm_json_tree *tree, const struct mm_json_value *value)
{
    return value && value->first != MM_JSON_NOWHERE ? &tree->values[value->first] : NULL;
}

const struct mm_json_value *mm_json_following(const struct mm_json_tree *tree, const struct mm_json_value *value)
{
    return value->next != MM_JSON_NOWHERE ? &tree->values[value->next] : NULL;
}

bool mm_json_named(const struct mm_json_tree *tree, const struct mm_json_value *value, const char *name)
{
    return value->name_length == strlen(name) && memcmp(mm_json_name(tree, value), name, value->name_length) == 0;
}

const struct mm_json_value *mm_json_member(const struct mm_json_tree *tree, const struct mm_json_value *object,
                                           const char *name)
{
    if (!mm_json_kind(object, MM_JSON_OBJECT))
        return NULL;
    for (const struct mm_json_value *v = mm_json_first(tree, object); v; v = mm_json_following(tree, v))
        if (mm_json_named(tree, v, name))
            return v;
    return NULL;
}

bool mm_json_is(const struct mm_json_tree *tree, const struct mm_json_value *value, const char *text)
{
    return mm_json_kind(value, MM_JSON_STRING) && !value->cut && value->length == strlen(text) &&
           memcmp(mm_json_text(tree, value), text, value->length) == 0;
}

bool mm_json_whole(const struct mm_json_tree *tree, const struct mm_json_value *value, uint64_t max, uint64_t *number)
{
    return mm_json_kind(value, MM_JSON_NUMBER) && mm_number(mm_json_text(tree, value), value->length, max, number);
}

const char *mm_json_shown(const struct mm_json_tree *tree, const struct mm_json_value *value, char out[static MM_SHOWN])
{
    char text[MM_SHOWN];
    if (!value)
        return strcpy(out, "nothing");
    switch (value->kind) {
    case MM_JSON_STRING:
        mm_show(text, mm_json_text(tree, value), value->length < 64 ? value->length : 64);
        snprintf(out, MM_SHOWN, "\"%.*s\"%s", MM_SHOWN - 8, text, value->length < 64 ? "" : "...");
        return out;
    case MM_JSON_NUMBER: return mm_show(out, mm_json_text(tree, value), value->length);
    case MM_JSON_TRUE: return strcpy(out, "true");
    case MM_JSON_FALSE: return strcpy(out, "false");
    case MM_JSON_NULL: return strcpy(out, "null");
    case MM_JSON_OBJECT: return strcpy(out, "an object");
    default: return strcpy(out, "an array");
    }
}

/* A number's digits without their point, as strtod reads them in every locale: "31400e-4". */
#define REAL_DIGITS 64

/* Splits TEXT, a JSON number, into digits and a power of ten. False where either is longer than numbers that people write. */
static bool split_real(const char *text, size_t length, char digits[static REAL_DIGITS], int *exponent)
{
    size_t at = 0, count = 0, behind = 0;
    bool point = false;
    uint64_t written = 0;
    for (; at < length && text[at] != 'e' && text[at] != 'E'; at++) {
        if (text[at] == '.') {
            point = true;
            continue;
        }
        if (count + 1 == REAL_DIGITS)
            return false;
        digits[count++] = text[at];
        behind += point;
    }
    digits[count] = '\0';
    if (at == length) {
        *exponent = -(int)behind;
        return true;
    }
    bool negative = ++at < length && text[at] == '-';
    if (at < length && (text[at] == '-' || text[at] == '+'))
        at++;
    while (at + 1 < length && text[at] == '0')
        at++;
    if (!mm_number(text + at, length - at, 9999, &written))
        return false;
    *exponent = (negative ? -(int)written : (int)written) - (int)behind;
    return true;
}

bool mm_json_real(const char *text, size_t length, float *value)
{
    char digits[REAL_DIGITS], whole[REAL_DIGITS + 16];
    int exponent;
    if (!split_real(text, length, digits, &exponent))
        return false;
    snprintf(whole, sizeof whole, "%se%d", digits, exponent);
    /* by way of a double, as programs do that hold JSON numbers in one */
    double real = strtod(whole, NULL);
    *value = (float)real;
    return isfinite(*value);
}
