/* SPDX licence expressions (SPDX specification 2.3, annex D), in the one spelling that manifests allow. */
#ifndef MM_TEXT_SPDX_H
#define MM_TEXT_SPDX_H

#include <stdbool.h>
#include <stddef.h>

/* Returns NULL if TEXT is an expression: operators in upper case with one space beside them, none inside parentheses;
 * licence ids are not looked up. Otherwise what was expected, and *AT is the offset where. */
const char *mm_spdx_check(const char *text, size_t length, size_t *at);

/* True if TEXT is an expression without AND, OR and parentheses: a licence id, perhaps with + and an exception. */
bool mm_spdx_is_one(const char *text, size_t length);

/* Tells whether the licence TEXT, which mm_spdx_is_one, is allowed. */
typedef bool mm_spdx_allowed_fn(void *context, const char *text, size_t length);

/* True if TEXT is an expression that can be met with allowed licences alone: one side of an OR, both sides of an AND, which binds
 * closer. More than MM_SPDX_DEPTH open parentheses are met by nothing. */
#define MM_SPDX_DEPTH 1024
bool mm_spdx_met(const char *text, size_t length, mm_spdx_allowed_fn *allowed, void *context);

#endif
