/* What each layer of a model left, position by position: a hash and a norm, so that two runs can be laid side by side (docs/formats/evidence.md,
 * Traces). */
#ifndef MM_DOC_TRACE_H
#define MM_DOC_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/number.h"
#include "doc/evidence.h"

#define MM_TRACE_TYPE "minimodel-trace"
#define MM_TRACE_MAX 16777216 /* bytes of one document */
#define MM_TRACE_NAME 31      /* bytes of a layer's name */

struct mm_trace_line {
    uint32_t which; /* case */
    uint32_t position;
    int32_t layer; /* order of a position's lines; not in the document, where they stand in it */
    char name[MM_TRACE_NAME + 1];
    unsigned char sha256[MM_HASH_BYTES]; /* of the values, little-endian f32 */
    float norm;                          /* the root of the sum of their squares */
};

/* A zeroed one is empty. */
struct mm_trace {
    unsigned char artifact_sha256[MM_HASH_BYTES];
    char device[MM_EVIDENCE_DEVICE + 1];
    char (*cases)[MM_EVIDENCE_NAME + 1];
    size_t case_count, case_capacity;
    struct mm_trace_line *lines; /* by case and position */
    size_t line_count, line_capacity;
};

void mm_trace_release(struct mm_trace *trace);

/* Each adds one thing; a line is of the last case. Return 0, or -1 with IO_MEMORY, or with IO_LIMIT where the document would be longer than
 * MM_TRACE_MAX. */
int mm_trace_add_case(struct mm_trace *trace, const char *name, size_t length, struct mm_diags *diags);
int mm_trace_add_line(struct mm_trace *trace, const struct mm_trace_line *line, struct mm_diags *diags);

/* Puts the lines of each case in the order of positions, and those of a position in that of layers: an engine may compute a layer for many positions
 * before the next layer. */
void mm_trace_sort(struct mm_trace *trace);

void mm_trace_write(const struct mm_trace *trace, struct mm_buf *out);

/* Reads TEXT. What is not as the page has it is a finding (text rules, VALUE_HASH, VALUE_NUMBER, EVIDENCE_FORM). Returns 0, or -1; release TRACE in
 * every case. */
int mm_trace_read(struct mm_trace *trace, const char *text, size_t length, struct mm_diags *diags);

/* Lays FOUND beside EXPECTED, case by case and line by line, and names the first layer that departs (INFER_TRACE): by its hash where both are of
 * one device, else by a norm that differs by more than a thousandth. Returns 0, or -1. */
int mm_trace_compare(const struct mm_trace *expected, const struct mm_trace *found, struct mm_diags *diags);

#endif
