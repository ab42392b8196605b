/* Bad ranges as they are read (chunks.md); doc/chunk_list.h writes them. */
#ifndef MM_DOC_BAD_RANGES_H
#define MM_DOC_BAD_RANGES_H

#include "doc/chunk_list.h"

/* A file of bad ranges at most, in bytes: more chunks than are worth naming. */
#define MM_BAD_RANGES_MAX (16 << 20)

/* A line, its path as it is written: bytes that are not printable are escaped there. */
struct mm_bad_line {
    struct mm_bad_range range;
    const char *path;
    size_t path_length;
    uint64_t number; /* of the line, from 1 */
};

/* Called for each line; -1 ends the reading. */
typedef int mm_bad_line_fn(void *context, const struct mm_bad_line *line);

/* Calls EACH with every line of TEXT. Returns 0, or -1 with CHUNK_RANGES for a line that is none, or where EACH returned -1. */
int mm_bad_ranges_read(const char *text, size_t length, mm_bad_line_fn *each, void *context, struct mm_diags *diags);

/* True if LINE names PATH as mm_bad_ranges_write does. */
bool mm_bad_line_names(const struct mm_bad_line *line, const char *path);

/* True if RANGE is a chunk of a file with these facts. */
bool mm_bad_range_fits(const struct mm_bad_range *range, const struct mm_chunk_facts *facts);

#endif
