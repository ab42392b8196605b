#include "doc/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "text/line.h"

#define NORMS_APART 1e-3f /* of two devices, relative to the larger one */
#define LINE_BYTES 160    /* a line has fewer: its position, name, hash and norm */

void mm_trace_release(struct mm_trace *trace)
{
    free(trace->cases);
    free(trace->lines);
    *trace = (struct mm_trace){0};
}

static bool has_room(const struct mm_trace *trace)
{
    return (trace->line_count + trace->case_count + 4) < MM_TRACE_MAX / LINE_BYTES;
}

static int no_room(struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_IO_LIMIT, "a trace has at most %d lines; fewer prompts or tokens need fewer",
                   MM_TRACE_MAX / LINE_BYTES);
}

int mm_trace_add_case(struct mm_trace *trace, const char *name, size_t length, struct mm_diags *diags)
{
    if (!has_room(trace))
        return no_room(diags);
    if (!mm_grow(&trace->cases, trace->case_count, &trace->case_capacity, sizeof *trace->cases))
        return mm_diag_memory(diags);
    char *copy = trace->cases[trace->case_count++];
    memset(copy, 0, MM_EVIDENCE_NAME + 1);
    memcpy(copy, name, length < MM_EVIDENCE_NAME ? length : MM_EVIDENCE_NAME);
    return 0;
}

int mm_trace_add_line(struct mm_trace *trace, const struct mm_trace_line *line, struct mm_diags *diags)
{
    if (!has_room(trace))
        return no_room(diags);
    if (!mm_grow(&trace->lines, trace->line_count, &trace->line_capacity, sizeof *trace->lines))
        return mm_diag_memory(diags);
    trace->lines[trace->line_count] = *line;
    trace->lines[trace->line_count++].which = (uint32_t)(trace->case_count - 1);
    return 0;
}

static int in_order(const void *a, const void *b)
{
    const struct mm_trace_line *x = a, *y = b;
    if (x->which != y->which)
        return x->which < y->which ? -1 : 1;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (x->layer > y->layer) - (x->layer < y->layer);
}

void mm_trace_sort(struct mm_trace *trace)
{
    if (trace->line_count > 1)
        qsort(trace->lines, trace->line_count, sizeof *trace->lines, in_order);
}

void mm_trace_write(const struct mm_trace *trace, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1], norm[MM_REAL_TEXT];
    size_t at = 0;
    mm_hex(hex, trace->artifact_sha256, MM_HASH_BYTES);
    mm_buf_printf(out, MM_TRACE_TYPE " 0\nartifact-sha256: %s\ndevice: %s\n", hex, trace->device);
    for (size_t i = 0; i < trace->case_count; i++) {
        mm_buf_printf(out, "case: %s\n", trace->cases[i]);
        for (; at < trace->line_count && trace->lines[at].which == i; at++) {
            const struct mm_trace_line *line = &trace->lines[at];
            mm_hex(hex, line->sha256, MM_HASH_BYTES);
            mm_buf_printf(out, "layer: %" PRIu32 " %s %s %s\n", line->position, line->name, hex,
                          mm_real_write(norm, line->norm));
        }
    }
}

/* ---- reading ---- */

static int wrong(const struct mm_line *line, size_t at, const char *expected, struct mm_diags *diags)
{
    return mm_line_refuse(line, MM_RULE_EVIDENCE_FORM, at, expected, diags);
}

/* `POSITION NAME HASH NORM` */
static int read_layer(struct mm_trace *trace, const struct mm_line *line, struct mm_diags *diags)
{
    static const char form[] = "POSITION NAME SHA256 NORM";
    const char *words[4];
    size_t lengths[4], at = 0;
    struct mm_trace_line found = {0};
    uint64_t position;
    for (int i = 0; i < 4; i++, at++) {
        const char *start = line->value + at,
                   *space = at <= line->value_length ? memchr(start, ' ', line->value_length - at) : NULL;
        if (at > line->value_length || !space != (i == 3))
            return wrong(line, 0, form, diags);
        words[i] = start;
        lengths[i] = space ? (size_t)(space - start) : line->value_length - at;
        at += lengths[i];
    }
    if (!mm_number(words[0], lengths[0], UINT32_MAX, &position) || lengths[1] == 0 || lengths[1] > MM_TRACE_NAME ||
        !mm_hex_hash(words[2], lengths[2], found.sha256) || !mm_real_read(words[3], lengths[3], &found.norm) ||
        found.norm < 0)
        return wrong(line, 0, form, diags);
    found.position = (uint32_t)position;
    memcpy(found.name, words[1], lengths[1]);
    return mm_trace_add_line(trace, &found, diags);
}

static int read_case(struct mm_trace *trace, const struct mm_line *line, struct mm_diags *diags)
{
    if (!mm_evidence_name_sound(line->value, line->value_length))
        return wrong(line, 0, "a case's name of 1 to 64 of a-z, 0-9, '.', '_' and '-'", diags);
    return mm_trace_add_case(trace, line->value, line->value_length, diags);
}

static int read_body(struct mm_trace *trace, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_line line;
    char shown[MM_SHOWN];
    uint64_t errors = diags->errors;
    while (mm_lines_next(lines, &line, diags)) {
        if (diags->errors > errors)
            return -1;
        bool is_case = mm_line_is(&line, "case"), is_layer = mm_line_is(&line, "layer") && trace->case_count > 0;
        if (!is_case && !is_layer)
            return mm_diag_line(diags, MM_RULE_TEXT_FIELD_ORDER, line.number, 1, "expected '%s' here, found '%s'",
                                trace->case_count ? "layer' or 'case" : "case",
                                mm_show(shown, line.key, line.key_length));
        if ((is_case ? read_case : read_layer)(trace, &line, diags) < 0)
            return -1;
    }
    return 0;
}

int mm_trace_read(struct mm_trace *trace, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    struct mm_line line;
    *trace = (struct mm_trace){0};
    if (length > MM_TRACE_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a trace of at most %d bytes, found more", MM_TRACE_MAX);
    if (mm_lines_begin(&lines, text, length, MM_TRACE_TYPE, diags) < 0 ||
        mm_lines_hash(&lines, "artifact-sha256", trace->artifact_sha256, diags) < 0 ||
        mm_lines_field(&lines, "device", &line, diags) < 0)
        return -1;
    if (line.value_length > MM_EVIDENCE_DEVICE)
        return wrong(&line, MM_EVIDENCE_DEVICE, "a device of at most 200 bytes", diags);
    memcpy(trace->device, line.value, line.value_length);
    return read_body(trace, &lines, diags);
}

/* ---- comparing ---- */

/* The instruction set and the number of threads change nothing: a device is its kind. */
static bool same_kind(const char *a, const char *b)
{
    size_t length = strcspn(a, " ");
    return strcspn(b, " ") == length && memcmp(a, b, length) == 0;
}

static bool departs(const struct mm_trace_line *a, const struct mm_trace_line *b, bool exact)
{
    if (exact)
        return memcmp(a->sha256, b->sha256, MM_HASH_BYTES) != 0;
    float larger = a->norm > b->norm ? a->norm : b->norm, smaller = a->norm > b->norm ? b->norm : a->norm;
    return larger - smaller > NORMS_APART * larger;
}

int mm_trace_compare(const struct mm_trace *expected, const struct mm_trace *found, struct mm_diags *diags)
{
    bool exact = same_kind(expected->device, found->device);
    size_t count = expected->line_count < found->line_count ? expected->line_count : found->line_count;
    for (size_t i = 0; i < count; i++) {
        const struct mm_trace_line *a = &expected->lines[i], *b = &found->lines[i];
        const char *name = found->cases[b->which];
        char shown[MM_SHOWN], x[MM_REAL_TEXT], y[MM_REAL_TEXT];
        if (strcmp(expected->cases[a->which], name) != 0 || a->position != b->position || strcmp(a->name, b->name) != 0)
            return mm_diag(diags, MM_RULE_INFER_TRACE,
                           "expected a trace of the same cases and layers, found %s of case %s at position %" PRIu32
                           " where %s of case %s at %" PRIu32 " was",
                           b->name, name, b->position, mm_show(shown, a->name, strlen(a->name)),
                           expected->cases[a->which], a->position);
        if (departs(a, b, exact))
            return mm_diag(diags, MM_RULE_INFER_TRACE,
                           "case %s, position %" PRIu32
                           ": %s is the first layer that departs: expected the norm %s%s, found %s",
                           name, b->position, b->name, mm_real_write(x, a->norm), exact ? " and its hash" : "",
                           mm_real_write(y, b->norm));
    }
    if (expected->line_count != found->line_count)
        return mm_diag(diags, MM_RULE_INFER_TRACE, "expected a trace of %zu lines, found %zu", expected->line_count,
                       found->line_count);
    return 0;
}
