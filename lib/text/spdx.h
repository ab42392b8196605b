/* SPDX licence expressions (SPDX specification 2.3, annex D), in the one spelling that manifests allow. */
#ifndef MM_TEXT_SPDX_H
#define MM_TEXT_SPDX_H

#include <stddef.h>

/* Returns NULL if TEXT is an expression: operators in upper case with one space beside them, none inside parentheses;
 * licence ids are not looked up. Otherwise what was expected, and *AT is the offset where. */
const char *mm_spdx_check(const char *text, size_t length, size_t *at);

#endif
