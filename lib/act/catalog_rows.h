/* The entries of a catalog in memory, without their lines: those are read where they stand when they are needed. */
#ifndef MM_ACT_CATALOG_ROWS_H
#define MM_ACT_CATALOG_ROWS_H

#include "doc/catalog_read.h"

struct mm_catalog_row {
    char *model_id;
    uint64_t revision;
    uint64_t at;                 /* of the line in its file */
    uint32_t length;             /* of the line */
    uint32_t listed;             /* bytes of the model's row in a build's lists, where its page is of this row alone */
    uint64_t listed_at;          /* where they begin there */
    bool merged;                 /* it comes from another catalog, and may come from a third one too */
    bool spooled;                /* the line is one of a build's spool, not of catalog.jsonl */
    bool beneath, has_signature; /* its manifest stands beneath the catalog; a signature belongs to it */
    bool gone;                   /* withdrawn by a build */
    bool alone;                  /* a check found its model's folder to hold what belongs to this row, and no more */
    bool has_leaf;
    unsigned char manifest_sha256[MM_HASH_BYTES];
    unsigned char leaf[MM_HASH_BYTES]; /* of the tree over the lines */
};

/* Sorted once they were read or sorted. A zeroed one is empty. */
struct mm_catalog_rows {
    struct mm_catalog_row *rows;
    size_t count, capacity;
};

void mm_catalog_rows_release(struct mm_catalog_rows *rows);

/* Adds a copy of ROW behind the others. Returns 0, or -1 with IO_MEMORY. */
int mm_catalog_rows_add(struct mm_catalog_rows *rows, const struct mm_catalog_row *row, struct mm_diags *diags);

/* The same for a line that was read. */
int mm_catalog_rows_add_entry(struct mm_catalog_rows *rows, const struct mm_catalog_entry *entry,
                              const struct mm_catalog_line *line, struct mm_diags *diags);
void mm_catalog_rows_sort(struct mm_catalog_rows *rows);

/* The row of this name in sorted ROWS, or NULL. */
struct mm_catalog_row *mm_catalog_rows_find(const struct mm_catalog_rows *rows, const char *model_id,
                                            uint64_t revision);

/* Where the rows of MODEL_ID begin in sorted ROWS, or would. */
size_t mm_catalog_rows_first(const struct mm_catalog_rows *rows, const char *model_id);

/* True if sorted ROWS have some of MODEL_ID. */
bool mm_catalog_rows_have(const struct mm_catalog_rows *rows, const char *model_id);

#endif
