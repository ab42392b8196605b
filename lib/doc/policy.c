#include "doc/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "doc/manifest_field.h"
#include "text/line.h"
#include "text/spdx.h"

const char *const mm_policy_keys[MM_POLICY_KEY_COUNT] = {
    [MM_POLICY_NAME] = "name",
    [MM_POLICY_PUBLISHER] = "publisher",
    [MM_POLICY_KEY] = "key",
    [MM_POLICY_SIGNATURE] = "signature",
    [MM_POLICY_COUNTERSIGNATURES] = "countersignatures",
    [MM_POLICY_COUNTERSIGNER] = "countersigner",
    [MM_POLICY_LICENSE] = "license",
    [MM_POLICY_FORMAT] = "format",
    [MM_POLICY_LANE] = "lane",
    [MM_POLICY_MAX_BYTES] = "max-bytes",
    [MM_POLICY_MAX_ARTIFACT_BYTES] = "max-artifact-bytes",
    [MM_POLICY_EVIDENCE] = "evidence",
    [MM_POLICY_MAX_AGE_DAYS] = "max-age-days",
};

void mm_policy_release(struct mm_policy *policy)
{
    free(policy->text);
    free(policy->lines);
    *policy = (struct mm_policy){0};
}

const struct mm_policy_line *mm_policy_find(const struct mm_policy *policy, enum mm_policy_key key, const char *value,
                                            size_t length)
{
    size_t low = policy->first[key], high = low + policy->counts[key];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *line = policy->lines[middle].value;
        int order = mm_bytes_compare(line, strlen(line), value, length);
        if (order == 0)
            return &policy->lines[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *mm_policy_name(const struct mm_policy *policy)
{
    return policy->lines[0].value;
}

size_t mm_policy_publisher_length(const struct mm_policy_line *countersigner)
{
    return strcspn(countersigner->value, " ");
}

/* ---- reading ---- */

struct reading {
    struct mm_policy *policy;
    struct mm_line line;
    const char *before; /* the value of the line before it, where that is of the same key */
    size_t before_length;
    uint64_t lines[MM_POLICY_KEY_COUNT]; /* where the first line of each key stands, 0: nowhere */
    uint64_t counts[MM_POLICY_KEY_COUNT];
    struct mm_diags *diags;
};

static bool is_many(enum mm_policy_key key)
{
    switch (key) {
    case MM_POLICY_PUBLISHER:
    case MM_POLICY_KEY:
    case MM_POLICY_COUNTERSIGNER:
    case MM_POLICY_LICENSE:
    case MM_POLICY_FORMAT:
    case MM_POLICY_LANE:
    case MM_POLICY_EVIDENCE: return true;
    default: return false;
    }
}

static bool is_number(enum mm_policy_key key)
{
    return key == MM_POLICY_COUNTERSIGNATURES || key == MM_POLICY_MAX_BYTES || key == MM_POLICY_MAX_ARTIFACT_BYTES ||
           key == MM_POLICY_MAX_AGE_DAYS;
}

/* The present line's value is wrong from byte AT on. */
static int wrong(struct reading *r, enum mm_rule rule, size_t at, const char *expected)
{
    char shown[MM_SHOWN];
    return mm_diag_line(r->diags, rule, r->line.number, mm_line_value_column(&r->line) + at, "expected %s, found '%s'",
                        expected, mm_show(shown, r->line.value + at, r->line.value_length - at));
}

/* A form that the manifest has too: bytes FROM to TO of the value are checked as FIELD's. */
static int check_as(struct reading *r, enum mm_field field, size_t from, size_t to)
{
    struct mm_value_fault fault = {0};
    if (mm_field_check(field, r->line.value + from, to - from, &fault))
        return 0;
    return wrong(r, fault.rule, from + fault.at, fault.expected);
}

/* A manifest may have no key; a policy names one, so that `none` is not what is expected. */
static int check_key_id(struct reading *r, size_t from)
{
    struct mm_value_fault fault = {0};
    size_t length = r->line.value_length - from;
    if (length != 16)
        return wrong(r, MM_RULE_VALUE_PATTERN, from, "16 upper-case hex digits");
    if (mm_field_check(MM_FIELD_KEY_ID, r->line.value + from, length, &fault))
        return 0;
    return wrong(r, fault.rule, from + fault.at, "16 upper-case hex digits");
}

static int check_countersigner(struct reading *r)
{
    const char *space = memchr(r->line.value, ' ', r->line.value_length);
    if (!space)
        return wrong(r, MM_RULE_VALUE_PATTERN, 0, "PUBLISHER-ID KEYID");
    size_t publisher = (size_t)(space - r->line.value);
    return check_as(r, MM_FIELD_PUBLISHER_ID, 0, publisher) < 0 ? -1 : check_key_id(r, publisher + 1);
}

static int check_license(struct reading *r)
{
    if (check_as(r, MM_FIELD_LICENSE, 0, r->line.value_length) < 0)
        return -1;
    return mm_spdx_is_one(r->line.value, r->line.value_length)
               ? 0
               : wrong(r, MM_RULE_VALUE_LICENSE, 0, "one licence, without AND, OR and parentheses");
}

/* The kind is checked as it stands in a manifest's line, with the rest of that. */
static int check_evidence(struct reading *r)
{
    static const char rest[] = " pass - -";
    char line[64 + sizeof rest];
    struct mm_value_fault fault = {0};
    size_t length = r->line.value_length;
    if (length > 64 || memchr(r->line.value, ' ', length))
        return wrong(r, MM_RULE_VALUE_WORD, 0, "infer-check, derived or x-NAME");
    memcpy(line, r->line.value, length);
    memcpy(line + length, rest, sizeof rest);
    return mm_field_check(MM_FIELD_EVIDENCE, line, length + sizeof rest - 1, &fault)
               ? 0
               : wrong(r, fault.rule, 0, fault.expected);
}

static int check_number(struct reading *r, enum mm_policy_key key, uint64_t *number)
{
    if (!mm_number(r->line.value, r->line.value_length, MM_NUMBER_MAX, number))
        return wrong(r, MM_RULE_VALUE_NUMBER, 0, "a decimal number, 0 to 2^63-1, without sign or leading zero");
    if (key == MM_POLICY_COUNTERSIGNATURES && *number == 0)
        return wrong(r, MM_RULE_VALUE_RANGE, 0, "a number from 1");
    return 0;
}

static int check_value(struct reading *r, enum mm_policy_key key, uint64_t *number)
{
    size_t length = r->line.value_length;
    switch (key) {
    case MM_POLICY_PUBLISHER: return check_as(r, MM_FIELD_PUBLISHER_ID, 0, length);
    case MM_POLICY_KEY: return check_key_id(r, 0);
    case MM_POLICY_SIGNATURE:
        return length == 8 && memcmp(r->line.value, "required", length) == 0
                   ? 0
                   : wrong(r, MM_RULE_VALUE_WORD, 0, "'required'");
    case MM_POLICY_COUNTERSIGNER: return check_countersigner(r);
    case MM_POLICY_LICENSE: return check_license(r);
    case MM_POLICY_FORMAT: return check_as(r, MM_FIELD_ARTIFACT_FORMAT, 0, length);
    case MM_POLICY_LANE: return check_as(r, MM_FIELD_SOURCE_LANE, 0, length);
    case MM_POLICY_EVIDENCE: return check_evidence(r);
    default: return is_number(key) ? check_number(r, key, number) : 0;
    }
}

static int key_of(const struct mm_line *line)
{
    for (int key = 0; key < MM_POLICY_KEY_COUNT; key++)
        if (mm_line_is(line, mm_policy_keys[key]))
            return key;
    return -1;
}

/* The present line's place among those before it, of which the last one has the key BEFORE (-1: there is none). */
static void check_place(struct reading *r, enum mm_policy_key key, int before)
{
    const char *name = mm_policy_keys[key];
    if ((int)key < before) {
        mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->line.number, 1, "expected '%s' above '%s'", name,
                     mm_policy_keys[before]);
    } else if (r->lines[key] && !is_many(key)) {
        mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->line.number, 1, "expected '%s' once, found it again", name);
    } else if ((int)key == before && r->before) {
        int order = mm_bytes_compare(r->before, r->before_length, r->line.value, r->line.value_length);
        if (order >= 0)
            mm_diag_line(r->diags, MM_RULE_POLICY_FORM, r->line.number, 1,
                         order ? "expected lines of '%s' sorted bytewise" : "expected lines of '%s' that differ", name);
    }
}

static int add_line(struct reading *r, enum mm_policy_key key, uint64_t number)
{
    struct mm_policy *policy = r->policy;
    if (!mm_grow(&policy->lines, policy->count, &policy->capacity, sizeof *policy->lines))
        return mm_diag_memory(r->diags);
    if (policy->counts[key]++ == 0)
        policy->first[key] = policy->count;
    policy->lines[policy->count++] = (struct mm_policy_line){key, r->line.value, number, r->line.number};
    return 0;
}

/* The lines after the first. Ends of lines become NULs once what stands behind them was read. */
static int read_lines(struct reading *r, struct mm_lines *lines)
{
    int before = -1;
    char shown[MM_SHOWN];
    while (mm_lines_next(lines, &r->line, r->diags)) {
        uint64_t number = 0;
        int key = key_of(&r->line);
        if (r->line.key_length > 0 && key < 0)
            mm_diag_line(r->diags, MM_RULE_POLICY_FORM, r->line.number, 1, "expected a key of a policy, found '%s'",
                         mm_show(shown, r->line.key, r->line.key_length));
        if (key < 0)
            continue;
        check_place(r, key, before);
        if (!r->lines[key])
            r->lines[key] = r->line.number;
        r->counts[key]++;
        bool sound = r->line.sound && check_value(r, key, &number) == 0;
        if (sound && add_line(r, key, number) < 0)
            return -1;
        before = key > before ? key : before;
        r->before = r->line.sound && key == before ? r->line.value : NULL;
        r->before_length = r->line.value_length;
    }
    return 0;
}

/* ---- rules across lines ---- */

/* One signature stands for one countersigner: two of one id could not be told apart by their files. */
static void check_countersigner_ids(const struct mm_policy *policy, struct mm_diags *diags)
{
    size_t first = policy->first[MM_POLICY_COUNTERSIGNER], count = policy->counts[MM_POLICY_COUNTERSIGNER];
    if (count > MM_POLICY_COUNTERSIGNERS) {
        mm_diag_line(diags, MM_RULE_POLICY_FORM, policy->lines[first].line, 1,
                     "expected at most %d countersigners, found %zu", MM_POLICY_COUNTERSIGNERS, count);
        return;
    }
    for (size_t i = first; i < first + count; i++)
        for (size_t k = first; k < i; k++) {
            const struct mm_policy_line *a = &policy->lines[k], *b = &policy->lines[i];
            const char *id = b->value + mm_policy_publisher_length(b);
            bool other = a->key == b->key && b->key == MM_POLICY_COUNTERSIGNER && strcmp(a->value, b->value) != 0;
            if (other && strcmp(a->value + mm_policy_publisher_length(a), id) == 0)
                mm_diag_line(diags, MM_RULE_POLICY_FORM, b->line, 1,
                             "expected countersigners whose key ids differ, found%s again", id);
        }
}

static void check_countersignatures(const struct reading *r)
{
    const uint64_t *lines = r->lines;
    uint64_t asked = lines[MM_POLICY_COUNTERSIGNATURES], named = lines[MM_POLICY_COUNTERSIGNER];
    if (!asked != !named) {
        mm_diag_line(r->diags, MM_RULE_POLICY_FORM, asked ? asked : named, 1,
                     asked ? "expected countersigners below 'countersignatures', found none"
                           : "expected 'countersignatures' above the countersigners, found none");
        return;
    }
    const struct mm_policy *policy = r->policy;
    size_t stated = policy->counts[MM_POLICY_COUNTERSIGNATURES], first = policy->first[MM_POLICY_COUNTERSIGNATURES];
    uint64_t number = stated ? policy->lines[first].number : 0;
    if (number > r->counts[MM_POLICY_COUNTERSIGNER])
        mm_diag_line(r->diags, MM_RULE_POLICY_FORM, asked, strlen("countersignatures: ") + 1,
                     "expected at most the number of countersigners, %" PRIu64 ", found %" PRIu64,
                     r->counts[MM_POLICY_COUNTERSIGNER], number);
    check_countersigner_ids(policy, r->diags);
}

/* LAST is the number of the last line. */
static void check_whole(const struct reading *r, uint64_t last)
{
    bool rules = false;
    for (int key = MM_POLICY_NAME + 1; key < MM_POLICY_KEY_COUNT; key++)
        rules = rules || r->lines[key];
    if (!r->lines[MM_POLICY_NAME])
        mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, 2, 1, "expected 'name' here, found none");
    if (!rules)
        mm_diag_line(r->diags, MM_RULE_POLICY_FORM, last + 1, 1, "expected a rule, found none");
    check_countersignatures(r);
}

static int read_text(struct mm_policy *policy, size_t length, struct mm_diags *diags)
{
    struct reading r = {.policy = policy, .diags = diags};
    struct mm_lines lines;
    if (mm_lines_begin(&lines, policy->text, length, MM_POLICY_TYPE, diags) < 0 || read_lines(&r, &lines) < 0)
        return -1;
    for (size_t i = 0; i < length; i++)
        if (policy->text[i] == '\n')
            policy->text[i] = '\0';
    check_whole(&r, lines.number);
    return 0;
}

int mm_policy_read(struct mm_policy *policy, int fd, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    uint64_t errors = diags->errors;
    *policy = (struct mm_policy){0};
    int result = mm_file_read_all(fd, MM_POLICY_MAX, &text, diags);
    if (result > 0)
        result = mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected at most %d bytes, found more", MM_POLICY_MAX);
    if (result == 0 && text.failed)
        result = mm_diag_memory(diags);
    policy->text = text.data ? text.data : calloc(1, 1);
    if (result == 0 && !policy->text)
        result = mm_diag_memory(diags);
    if (result == 0)
        result = read_text(policy, text.length, diags);
    return result < 0 || diags->errors > errors ? -1 : 0;
}
