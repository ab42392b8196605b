#include "trust/oms_json.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/number.h"

static int wrong(struct mm_oms_json *j, enum mm_json_event event, const char *what, const char *kind)
{
    return event == MM_JSON_ERROR ? -1
                                  : mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                                                   "expected %s in %s, found something else", kind, what);
}

int mm_oms_json_object(struct mm_oms_json *j, enum mm_json_event event, const char *what, mm_oms_json_fn *each,
                       void *context)
{
    if (event != MM_JSON_OBJECT)
        return wrong(j, event, what, "an object");
    while ((event = mm_json_next(&j->json)) == MM_JSON_KEY) {
        bool known = !j->json.cut && j->json.length < sizeof j->name && !memchr(j->json.text, '\0', j->json.length);
        memcpy(j->name, known ? j->json.text : "", known ? j->json.length + 1 : 1);
        event = mm_json_next(&j->json);
        if (event == MM_JSON_ERROR || each(context, j, event) < 0)
            return -1;
    }
    return event == MM_JSON_OBJECT_END ? 0 : -1;
}

int mm_oms_json_array(struct mm_oms_json *j, enum mm_json_event event, const char *what, mm_oms_json_fn *each,
                      void *context)
{
    if (event != MM_JSON_ARRAY)
        return wrong(j, event, what, "a list");
    while ((event = mm_json_next(&j->json)) != MM_JSON_ARRAY_END)
        if (event == MM_JSON_ERROR || each(context, j, event) < 0)
            return -1;
    return 0;
}

int mm_oms_json_string(struct mm_oms_json *j, enum mm_json_event event, const char *what)
{
    bool sound =
        event == MM_JSON_STRING && j->json.length && !j->json.cut && !memchr(j->json.text, '\0', j->json.length);
    return sound ? 0 : wrong(j, event, what, "a string of ordinary length");
}

int mm_oms_json_exactly(struct mm_oms_json *j, enum mm_json_event event, const char *what, const char *value)
{
    char shown[MM_SHOWN];
    if (mm_oms_json_string(j, event, what) < 0)
        return -1;
    if (strcmp(j->json.text, value) == 0)
        return 0;
    return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset, "expected %s '%s', found '%s'", what, value,
                          mm_show(shown, j->json.text, j->json.length));
}

/* The value of a JSON number's TEXT, where it is a whole one that 63 bits hold. The scanner found its form sound. */
static bool whole(const char *text, uint64_t *value)
{
    const char *end = text + strcspn(text, "eE"), *power = end + strcspn(end, "0123456789");
    int64_t exponent = 0;
    uint64_t number;
    power += strspn(power, "0");
    if (*power && !mm_number(power, strlen(power), MM_JSON_TEXT, &number))
        return false;
    if (*power)
        exponent = end[1] == '-' ? -(int64_t)number : (int64_t)number;
    *value = 0;
    for (const char *at = text, *point = NULL; at < end; at++) {
        if (*at == '.')
            point = at;
        else if (*at == '-' || !mm_mul(*value, 10, value) || !mm_add(*value, (uint64_t)(*at - '0'), value))
            return false;
        exponent -= point && at > point;
    }
    for (; exponent < 0 && *value % 10 == 0 && *value; exponent++)
        *value /= 10;
    for (; exponent > 0 && *value; exponent--)
        if (!mm_mul(*value, 10, value))
            return false;
    return exponent == 0 || *value == 0;
}

int mm_oms_json_whole(struct mm_oms_json *j, enum mm_json_event event, const char *what, uint64_t max, uint64_t *value)
{
    if (event == MM_JSON_NUMBER && !j->json.cut && whole(j->json.text, value) && *value > 0 && *value <= max)
        return 0;
    return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                          "expected %s to be a whole number of 1 to %" PRIu64 ", found something else", what, max);
}

/* The string's bytes between its quotes, which the scanner found sound; a slash may be written with a backslash. False where one is not
 * ASCII, which libsodium takes for a slash. */
static bool raw_string(struct mm_oms_json *j, struct mm_buf *out)
{
    unsigned char all = 0;
    for (const char *at = j->text + j->json.offset + 1; *at != '"'; at++) {
        if (at[0] == '\\' && at[1] == '/')
            at++;
        all |= (unsigned char)*at;
        mm_buf_char(out, *at);
    }
    return all < 0x80;
}

int mm_oms_json_base64(struct mm_oms_json *j, enum mm_json_event event, const char *what, struct mm_buf *out)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    struct mm_buf raw = {0};
    size_t got = 0;
    bool decoded = false;
    int result = event == MM_JSON_STRING ? 0 : wrong(j, event, what, "a string");
    mm_buf_clear(out);
    if (result == 0 && !raw_string(j, &raw))
        result = wrong(j, event, what, "base64");
    if (result == 0 && raw.length)
        mm_buf_add(out, raw.data, raw.length); /* room for what is shorter */
    if (result == 0 && (raw.failed || out->failed))
        result = mm_diag_memory(j->diags);
    for (int i = 0; result == 0 && !decoded && i < 2; i++)
        decoded = raw.length && sodium_base642bin((unsigned char *)out->data, out->length, raw.data, raw.length, NULL,
                                                  &got, NULL, variants[i]) == 0;
    if (result == 0 && !decoded)
        result = wrong(j, event, what, "base64");
    if (result == 0) {
        out->length = got;
        out->data[got] = '\0';
    }
    mm_buf_release(&raw);
    return result;
}

int mm_oms_json_pass(struct mm_oms_json *j, enum mm_json_event event)
{
    return mm_json_skip(&j->json, event) ? 0 : -1;
}

int mm_oms_json_unknown(struct mm_oms_json *j, const char *what)
{
    char shown[MM_SHOWN];
    return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                          "expected %s with known members alone, found '%s'", what,
                          mm_show(shown, j->name, strlen(j->name)));
}

/* The object that the whole text has to be. */
static int read_whole(struct mm_oms_json *j, mm_oms_json_fn *each, void *context)
{
    if (mm_oms_json_object(j, mm_json_next(&j->json), "the text", each, context) < 0)
        return -1;
    return mm_json_next(&j->json) == MM_JSON_END ? 0 : -1;
}

int mm_oms_json_read(const char *text, size_t length, mm_oms_json_fn *each, void *context, struct mm_diags *diags)
{
    struct mm_oms_json *j = malloc(sizeof *j); /* holds one string's buffer */
    struct mm_text whole = {text, length};
    struct mm_origin origin = mm_text_origin(&whole);
    if (!j)
        return mm_diag_memory(diags);
    *j = (struct mm_oms_json){.text = text, .diags = diags};
    int result = mm_source_open_origin(&j->source, &origin, diags);
    if (result == 0)
        result = mm_json_init(&j->json, &j->source, length, MM_JSON_DEPTH, diags);
    if (result == 0)
        result = read_whole(j, each, context);
    mm_json_release(&j->json);
    mm_source_release(&j->source);
    free(j);
    return result;
}

int mm_oms_json_check_seen(unsigned seen, const struct mm_oms_needed *needed, size_t count, const char *what,
                           struct mm_diags *diags)
{
    for (size_t i = 0; i < count; i++)
        if (!(seen & needed[i].bit))
            return mm_diag(diags, MM_RULE_OMS_FORM, "expected a %s with a %s, found none", what, needed[i].name);
    return 0;
}
