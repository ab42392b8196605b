/* What minisign's files have in common: an untrusted comment, and base64 of so many bytes. */
#ifndef MM_TRUST_TWO_LINES_H
#define MM_TRUST_TWO_LINES_H

#include <stddef.h>

#include "base/diag.h"

#define MM_UNTRUSTED_COMMENT "untrusted comment: "
#define MM_TRUSTED_COMMENT "trusted comment: "

/* The second line without its LF, which may lack at the end, and what follows; all point into the text. */
struct mm_two_lines {
    const char *value, *rest;
    size_t value_length, rest_length;
};

/* Returns 0, or -1 with RULE where the first line is no untrusted comment. Nobody signed it and nobody is shown it: its bytes may be any but NUL
 * and CR. */
int mm_two_lines_read(struct mm_two_lines *lines, const char *text, size_t length, enum mm_rule rule,
                      struct mm_diags *diags);

/* Decodes exactly SIZE bytes: padded, no space, unused bits zero. Returns 0 or -1. */
int mm_base64_exact(const char *text, size_t length, unsigned char *out, size_t size);

#endif
