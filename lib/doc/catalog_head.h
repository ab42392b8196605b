/* The head of a catalog: which entries and withdrawals it has, and which head was before (docs/formats/catalog.md). Whoever has the head
 * and its signature can check all the rest. */
#ifndef MM_DOC_CATALOG_HEAD_H
#define MM_DOC_CATALOG_HEAD_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"
#include "text/line.h"

#define MM_CATALOG_TYPE "minimodel-catalog"
#define MM_CATALOG_HEAD_MAX 16384
#define MM_CATALOG_NAME_MAX 64 /* bytes of a catalog-id or publisher-id */

struct mm_catalog_head {
    char catalog_id[MM_CATALOG_NAME_MAX + 1], publisher_id[MM_CATALOG_NAME_MAX + 1];
    uint64_t sequence;
    char created[MM_TIME_SIZE], expires[MM_TIME_SIZE];
    uint64_t entry_count;
    unsigned char entries_sha256[MM_HASH_BYTES], merkle_root[MM_HASH_BYTES];
    uint64_t withdrawn_count;
    unsigned char withdrawn_sha256[MM_HASH_BYTES];
    bool has_previous; /* from the second head on */
    unsigned char previous_sha256[MM_HASH_BYTES];
    unsigned char sha256[MM_HASH_BYTES]; /* of the text itself */
};

/* Appends the head's text; sha256 gets its hash. Returns 0, or -1 with IO_MEMORY. */
int mm_catalog_head_write(struct mm_catalog_head *head, struct mm_buf *out, struct mm_diags *diags);

/* Reads TEXT. Returns 0, or -1 with CATALOG_HEAD, VALUE_NUMBER, VALUE_HASH or text rules. */
int mm_catalog_head_read(struct mm_catalog_head *head, const char *text, size_t length, struct mm_diags *diags);

/* Appends the trusted comment of a signature over it: `catalog:CATALOG-ID sequence:N sha256:HEX`. */
void mm_catalog_head_comment(const struct mm_catalog_head *head, struct mm_buf *out);

/* HEAD follows BEFORE: of the same catalog and publisher, the next sequence, and it names BEFORE by its hash; not created earlier. Returns
 * 0, or -1 with CATALOG_HISTORY. */
int mm_catalog_head_follows(const struct mm_catalog_head *head, const struct mm_catalog_head *before,
                            struct mm_diags *diags);

/* True if NAME can be a catalog-id or a publisher-id of a head. */
bool mm_catalog_name_valid(const char *name, size_t length);

/* Takes the next line, which is KEY with such a name, into the zeroed OUT. Returns 0, or -1 with RULE or text rules. */
int mm_catalog_name_read(struct mm_lines *lines, const char *key, char out[static MM_CATALOG_NAME_MAX + 1],
                         enum mm_rule rule, struct mm_diags *diags);

#endif
