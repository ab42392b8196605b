/* What the files that make pages share: values as text of HTML. */
#ifndef MM_DOC_CATALOG_PAGE_PARTS_H
#define MM_DOC_CATALOG_PAGE_PARTS_H

#include "doc/catalog_page.h"

#define MM_PAGE_UP "../../../" /* from the page of a model to the catalog's folder */

/* Bytes as text, between tags or in an attribute with quotes. */
void mm_page_text(struct mm_buf *out, const char *text, size_t length);

/* The same for what a line of JSON says. */
void mm_page_value(struct mm_buf *out, const struct mm_canonical_text *value);

/* The same, kept from turning the direction of what stands beside it. */
void mm_page_isolated(struct mm_buf *out, const struct mm_canonical_text *value);

/* NUMBER with a comma before each three digits. */
void mm_page_exact(struct mm_buf *out, uint64_t number);

/* NUMBER with three digits and the sign of its size (k, M, G ...) before UNIT, and exactly for those who ask. */
void mm_page_number(struct mm_buf *out, uint64_t number, const char *unit);

/* A time, LENGTH bytes of it. */
void mm_page_time(struct mm_buf *out, const char *time, size_t length);

/* A link to a route that a browser may follow, https or mailto; the text of any other. */
void mm_page_route(struct mm_buf *out, const struct mm_canonical_text *route);

/* A word of a shell command, quoted where it has to be. */
void mm_page_word(struct mm_buf *out, const char *word, size_t length);

/* What stands before the body's content, and behind it. TITLE is text of HTML already. HEAD, NULL for none, is the one whose page it is. */
void mm_page_begin(const struct mm_page_frames *frames, enum mm_page_kind kind, const struct mm_catalog_head *head,
                   const struct mm_buf *title, struct mm_buf *out);
void mm_page_end(const struct mm_page_frames *frames, enum mm_page_kind kind, struct mm_buf *out);

#endif
