/* Canonical JSON (RFC 8785) as the lines of a catalog have it: members in one order, strings that hold no control character, whole
 * numbers that every reader holds exactly. Each value has one spelling, so what was read would be written with the same bytes.
 * A line in memory; nothing is copied. */
#ifndef MM_TEXT_CANONICAL_H
#define MM_TEXT_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

/* 2^53-1: above it, RFC 8785 has numbers that are not the ones that were meant. */
#define MM_CANONICAL_MAX UINT64_C(9007199254740991)

struct mm_canonical {
    const char *start, *at, *end;
    uint64_t line; /* for findings */
    enum mm_rule rule;
    struct mm_diags *diags;
};

/* A part of the line as it stands there; AT is NULL for none. Of a string what is between the quotes, of a list what is between the
 * brackets. */
struct mm_canonical_text {
    const char *at;
    size_t length;
};

/* The finding that EXPECTED was expected at AT. Returns -1. */
int mm_canonical_fails(const struct mm_canonical *json, const char *at, const char *expected);

/* Takes LITERAL if it stands here. */
bool mm_canonical_take(struct mm_canonical *json, const char *literal);

/* The same, and a finding where it does not. Returns 0 or -1, as the others below. */
int mm_canonical_expect(struct mm_canonical *json, const char *literal);

/* Takes `"NAME":` of the next member, the comma before it unless it is the FIRST one, which it then no longer is. */
bool mm_canonical_member(struct mm_canonical *json, const char *name, bool *first);

int mm_canonical_text(struct mm_canonical *json, struct mm_canonical_text *text);
int mm_canonical_number(struct mm_canonical *json, uint64_t *number);

/* A list of at least one string. */
int mm_canonical_list(struct mm_canonical *json, struct mm_canonical_text *list);

/* The next string of a list that was read; false at its end. LIST is moved on. */
bool mm_canonical_next(struct mm_canonical_text *list, struct mm_canonical_text *item);

/* What TEXT says, NUL-terminated, and its length; false where it is longer than SIZE - 1 bytes. */
bool mm_canonical_decode(const struct mm_canonical_text *text, char *out, size_t size, size_t *length);

/* Appends a string in its quotes. Its bytes are well-formed UTF-8. */
void mm_canonical_add(struct mm_buf *out, const void *bytes, size_t length);

#endif
