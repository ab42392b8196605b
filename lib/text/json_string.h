/* One JSON string (RFC 8259, section 7) that is the whole of a text: a value of a document's line. */
#ifndef MM_TEXT_JSON_STRING_H
#define MM_TEXT_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends to OUT what TEXT[0..LENGTH), quotes included, stands for: any spelling that JSON allows, in well-formed UTF-8, and no half
 * of a surrogate pair alone. Returns true, or false where TEXT is no such string, *AT being the offset of the byte that is not
 * as it has to be. Memory that lacks is remembered in OUT. */
bool mm_json_string_read(const char *text, size_t length, struct mm_buf *out, size_t *at);

#endif
