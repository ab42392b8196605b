/* heads/N.changes: how the lines of a catalog differ from those of the head before, so that whoever has an old head sees what became of
 * its entries (docs/formats/catalog.md). Read as a stream. */
#ifndef MM_DOC_CATALOG_CHANGES_H
#define MM_DOC_CATALOG_CHANGES_H

#include "doc/catalog_entry.h"
#include "doc/catalog_lines.h"

#define MM_CATALOG_CHANGES_TYPE "minimodel-catalog-changes"
#define MM_CATALOG_CHANGES_MAX (128u * 1024 * 1024)

enum mm_catalog_change_kind {
    MM_CHANGE_REMOVED,   /* an entry of the old catalog that is not in the new one */
    MM_CHANGE_ADDED,     /* the name of one that is in the new catalog alone */
    MM_CHANGE_WITHDRAWN, /* the name of a line that is new in withdrawn.jsonl */
    MM_CHANGE_COUNT
};

struct mm_catalog_change {
    enum mm_catalog_change_kind kind;
    char model_id[MM_MODEL_ID_MAX + 1];
    uint64_t revision; /* 0 for `*` of a withdrawal */
    const char *line;  /* what was removed; until the next change is read */
    size_t length;
};

struct mm_catalog_changes {
    struct mm_catalog_lines lines;
    uint64_t sequence, total; /* total: bytes of lines read */
    struct mm_catalog_change last;
    bool any;
};

/* Reads the beginning of the document FD. Returns 0, or -1 with findings. Close CHANGES in every case. */
int mm_catalog_changes_open(struct mm_catalog_changes *changes, int fd, struct mm_diags *diags);

/* The next change: kinds in their order, each sorted by name, no name twice. Returns 1; 0 at the end of an unchanged file; -1 with a
 * finding (CATALOG_HISTORY, CATALOG_ENTRY, IO_LIMIT and reading's). */
int mm_catalog_changes_next(struct mm_catalog_changes *changes, struct mm_catalog_change *change,
                            struct mm_diags *diags);
void mm_catalog_changes_close(struct mm_catalog_changes *changes);

/* Append the beginning, and one change. */
void mm_catalog_changes_write(uint64_t sequence, struct mm_buf *out);
void mm_catalog_change_write(const struct mm_catalog_change *change, struct mm_buf *out);

#endif
