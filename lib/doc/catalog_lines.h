/* The lines of a large document, catalog.jsonl for one, read as a stream: one line in memory. */
#ifndef MM_DOC_CATALOG_LINES_H
#define MM_DOC_CATALOG_LINES_H

#include "base/buf.h"
#include "base/source.h"
#include "hash/sha256.h"

#define MM_CATALOG_LINE_MAX 4194304 /* without its LF */

struct mm_catalog_lines {
    struct mm_source source;
    struct mm_sha256 *sha;
    struct mm_buf line;
    uint64_t number; /* of the present line, from 1 */
    uint64_t offset; /* of its first byte */
    enum mm_rule rule;
};

/* Begins to read the file FD where it stands. What no line may be is a finding of RULE. Returns 0, or -1 with a finding. Close LINES in
 * every case. */
int mm_catalog_lines_open(struct mm_catalog_lines *lines, int fd, enum mm_rule rule, struct mm_diags *diags);

/* The next line, into lines->line, without LF; at most PREFIX + MM_CATALOG_LINE_MAX bytes long. Returns 1; 0 at the end; -1 with a
 * finding. */
int mm_catalog_lines_next(struct mm_catalog_lines *lines, size_t prefix, struct mm_diags *diags);

/* Reads what is left. SHA256 (may be NULL) gets the hash of the whole file. Returns 0, or -1 with IO_READ or IO_CHANGED. */
int mm_catalog_lines_finish(struct mm_catalog_lines *lines, unsigned char *sha256, struct mm_diags *diags);
void mm_catalog_lines_close(struct mm_catalog_lines *lines);

#endif
