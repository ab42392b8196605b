#include "doc/catalog_lines.h"

#include <string.h>

static void take(void *sha, const unsigned char *bytes, size_t length)
{
    mm_sha256_update(sha, bytes, length);
}

int mm_catalog_lines_open(struct mm_catalog_lines *lines, int fd, enum mm_rule rule, struct mm_diags *diags)
{
    *lines = (struct mm_catalog_lines){.rule = rule, .sha = mm_sha256_new()};
    if (!lines->sha)
        return mm_diag_memory(diags);
    if (mm_source_open(&lines->source, fd, diags) < 0)
        return -1;
    lines->source.sink = take;
    lines->source.sink_context = lines->sha;
    return 0;
}

int mm_catalog_lines_next(struct mm_catalog_lines *lines, size_t prefix, struct mm_diags *diags)
{
    const unsigned char *bytes;
    size_t some;
    mm_buf_clear(&lines->line);
    lines->offset = mm_source_offset(&lines->source);
    while ((some = mm_source_some(&lines->source, &bytes)) > 0) {
        const unsigned char *feed = memchr(bytes, '\n', some);
        size_t part = feed ? (size_t)(feed - bytes) : some;
        if (lines->line.length == 0)
            lines->number++;
        if (part > prefix + MM_CATALOG_LINE_MAX - lines->line.length)
            return mm_diag_line(diags, lines->rule, lines->number, 1,
                                "expected a line of at most %zu bytes, found more", prefix + MM_CATALOG_LINE_MAX);
        mm_buf_add(&lines->line, bytes, part);
        if (lines->line.failed)
            return mm_diag_memory(diags);
        mm_source_advance(&lines->source, feed ? part + 1 : part);
        if (feed)
            return 1;
    }
    if (lines->source.error)
        return mm_source_finish(&lines->source, diags);
    if (lines->line.length > 0)
        return mm_diag_line(diags, lines->rule, lines->number, lines->line.length + 1,
                            "expected LF at the end of the last line, found the end of the file");
    return 0;
}

int mm_catalog_lines_finish(struct mm_catalog_lines *lines, unsigned char *sha256, struct mm_diags *diags)
{
    if (mm_source_finish(&lines->source, diags) < 0)
        return -1;
    if (sha256)
        mm_sha256_take(lines->sha, sha256);
    return 0;
}

void mm_catalog_lines_close(struct mm_catalog_lines *lines)
{
    mm_source_release(&lines->source);
    mm_sha256_free(lines->sha);
    mm_buf_release(&lines->line);
    *lines = (struct mm_catalog_lines){0};
}
