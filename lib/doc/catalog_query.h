/* What is looked for in catalogs: patterns that an entry has to meet, all of them (docs/formats/catalog.md, Searching). */
#ifndef MM_DOC_CATALOG_QUERY_H
#define MM_DOC_CATALOG_QUERY_H

#include "doc/catalog_entry.h"
#include "doc/withdrawn.h"

struct mm_query_term; /* opaque */

/* A zeroed one has no pattern, so that everything meets it. */
struct mm_catalog_query {
    struct mm_query_term *terms;
    size_t count, capacity;
};

void mm_catalog_query_release(struct mm_catalog_query *query);

/* Adds PATTERN: a word, or KEY and a comparison, `!` before it for the opposite. Returns NULL; otherwise what was expected, or that memory is
 * exhausted, and QUERY is as it was. */
const char *mm_catalog_query_add(struct mm_catalog_query *query, const char *pattern);

/* True if ENTRY meets every pattern. What an entry does not say meets none, but for the opposite of one. */
bool mm_catalog_query_entry(const struct mm_catalog_query *query, const struct mm_catalog_entry *entry);

/* The same for a line of withdrawn.jsonl, which says model, publisher, revision (all meet), hash and reason alone. */
bool mm_catalog_query_withdrawal(const struct mm_catalog_query *query, const struct mm_withdrawal *withdrawal);

#endif
