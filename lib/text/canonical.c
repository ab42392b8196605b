#include "text/canonical.h"

#include <string.h>

#include "base/number.h"

int mm_canonical_fails(const struct mm_canonical *json, const char *at, const char *expected)
{
    char shown[MM_SHOWN];
    size_t left = (size_t)(json->end - at);
    return mm_diag_line(json->diags, json->rule, json->line, (uint64_t)(at - json->start) + 1,
                        "expected %s, found '%s'", expected, mm_show(shown, at, left < 64 ? left : 64));
}

bool mm_canonical_take(struct mm_canonical *json, const char *literal)
{
    size_t length = strlen(literal);
    if ((size_t)(json->end - json->at) < length || memcmp(json->at, literal, length) != 0)
        return false;
    json->at += length;
    return true;
}

int mm_canonical_expect(struct mm_canonical *json, const char *literal)
{
    return mm_canonical_take(json, literal) ? 0 : mm_canonical_fails(json, json->at, literal);
}

bool mm_canonical_member(struct mm_canonical *json, const char *name, bool *first)
{
    const char *before = json->at;
    if ((*first || mm_canonical_take(json, ",")) && mm_canonical_take(json, "\"") && mm_canonical_take(json, name) &&
        mm_canonical_take(json, "\":")) {
        *first = false;
        return true;
    }
    json->at = before;
    return false;
}

int mm_canonical_text(struct mm_canonical *json, struct mm_canonical_text *text)
{
    if (!mm_canonical_take(json, "\""))
        return mm_canonical_fails(json, json->at, "a string");
    text->at = json->at;
    while (json->at < json->end && *json->at != '"') {
        unsigned char byte = (unsigned char)*json->at;
        if (byte < 0x20)
            return mm_canonical_fails(json, json->at, "a string without control characters");
        if (byte == '\\' && (json->end - json->at < 2 || (json->at[1] != '"' && json->at[1] != '\\')))
            return mm_canonical_fails(json, json->at, "no escapes but those of quotes and backslashes");
        json->at += byte == '\\' ? 2 : 1;
    }
    text->length = (size_t)(json->at - text->at);
    return mm_canonical_take(json, "\"") ? 0 : mm_canonical_fails(json, json->at, "the end of a string");
}

int mm_canonical_number(struct mm_canonical *json, uint64_t *number)
{
    const char *start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    if (mm_number(start, (size_t)(json->at - start), MM_CANONICAL_MAX, number))
        return 0;
    return mm_canonical_fails(json, start, "a whole number up to 9007199254740991");
}

int mm_canonical_list(struct mm_canonical *json, struct mm_canonical_text *list)
{
    struct mm_canonical_text item;
    if (mm_canonical_expect(json, "[") < 0)
        return -1;
    list->at = json->at;
    do
        if (mm_canonical_text(json, &item) < 0)
            return -1;
    while (mm_canonical_take(json, ","));
    list->length = (size_t)(json->at - list->at);
    return mm_canonical_expect(json, "]");
}

bool mm_canonical_next(struct mm_canonical_text *list, struct mm_canonical_text *item)
{
    const char *end = list->at + list->length;
    if (list->length == 0)
        return false;
    const char *at = *list->at == ',' ? list->at + 2 : list->at + 1; /* behind the quote */
    item->at = at;
    while (*at != '"')
        at += *at == '\\' ? 2 : 1;
    item->length = (size_t)(at - item->at);
    *list = (struct mm_canonical_text){at + 1, (size_t)(end - at) - 1};
    return true;
}

bool mm_canonical_decode(const struct mm_canonical_text *text, char *out, size_t size, size_t *length)
{
    *length = 0;
    if (text->length < size && !memchr(text->at, '\\', text->length)) { /* nearly always */
        memcpy(out, text->at, text->length);
        out[text->length] = '\0';
        *length = text->length;
        return true;
    }
    for (size_t i = 0; i < text->length; i++) {
        if (text->at[i] == '\\')
            i++;
        if (*length + 1 >= size)
            return false;
        out[(*length)++] = text->at[i];
    }
    out[*length] = '\0';
    return true;
}

void mm_canonical_add(struct mm_buf *out, const void *bytes, size_t length)
{
    const char *from = bytes, *end = from + length;
    mm_buf_char(out, '"');
    for (const char *at = from; at < end; at++)
        if (*at == '"' || *at == '\\') {
            mm_buf_add(out, from, (size_t)(at - from));
            mm_buf_char(out, '\\');
            from = at;
        }
    mm_buf_add(out, from, (size_t)(end - from));
    mm_buf_char(out, '"');
}
