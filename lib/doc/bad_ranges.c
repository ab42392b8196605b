#include "doc/bad_ranges.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

#define NUMBERS 3 /* index, offset, bytes */

static int not_a_line(const struct mm_bad_line *line, const char *at, const char *begin, const char *expected,
                      const char *end, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    return mm_diag_line(diags, MM_RULE_CHUNK_RANGES, line->number, (uint64_t)(at - begin) + 1,
                        "expected %s, found '%s'", expected, mm_show(shown, at, (size_t)(end - at)));
}

/* The line from BEGIN to END, its LF left out. */
static int read_line(struct mm_bad_line *line, const char *begin, const char *end, struct mm_diags *diags)
{
    uint64_t *const numbers[NUMBERS] = {&line->range.index, &line->range.offset, &line->range.bytes};
    const char *at = begin;
    for (int i = 0; i < NUMBERS; i++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (!tab || !mm_number(at, (size_t)(tab - at), MM_NUMBER_MAX, numbers[i]))
            return not_a_line(line, at, begin, "a number and a tab", tab ? tab : end, diags);
        at = tab + 1;
    }
    line->path = at;
    line->path_length = (size_t)(end - at);
    for (const char *c = at; c < end; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return not_a_line(line, c, begin, "a path without control characters", end, diags);
    return at < end ? 0 : not_a_line(line, at, begin, "a path", end, diags);
}

int mm_bad_ranges_read(const char *text, size_t length, mm_bad_line_fn *each, void *context, struct mm_diags *diags)
{
    struct mm_bad_line line = {.number = 1};
    const char *end = text + length;
    for (; text < end; line.number++) {
        const char *feed = memchr(text, '\n', (size_t)(end - text));
        if (!feed)
            return not_a_line(&line, text, text, "a line that ends in LF", end, diags);
        if (read_line(&line, text, feed, diags) < 0 || each(context, &line) < 0)
            return -1;
        text = feed + 1;
    }
    return 0;
}

/* Compared as it would be written, piece by piece: a comparison that needs no memory cannot fail. */
bool mm_bad_line_names(const struct mm_bad_line *line, const char *path)
{
    size_t at = 0, left = strlen(path);
    while (left > 0) {
        char piece[MM_UTF8_ESCAPED];
        size_t taken = mm_utf8_escape(piece, (const unsigned char *)path, left);
        const char *written = *path == '\\' ? "\\" : piece; /* as mm_buf_printable leaves it */
        size_t length = strlen(written);
        if (length > line->path_length - at || memcmp(line->path + at, written, length) != 0)
            return false;
        at += length;
        path += taken;
        left -= taken;
    }
    return at == line->path_length;
}

bool mm_bad_range_fits(const struct mm_bad_range *range, const struct mm_chunk_facts *facts)
{
    if (range->index >= facts->count || range->offset != range->index * facts->size)
        return false;
    return range->bytes == mm_chunk_bytes(facts, range->index);
}
