/* Bad ranges: what is read and written again is the same, byte by byte. */
#include <inttypes.h>
#include <string.h>

#include "doc/bad_ranges.h"
#include "source.h"

static int write_again(void *context, const struct mm_bad_line *line)
{
    static const struct mm_chunk_facts facts = {.bytes = 200001, .size = 65536, .count = 4};
    struct mm_buf *text = context;
    must(line->path_length > 0);
    if (mm_bad_range_fits(&line->range, &facts))
        must(line->range.index < 4 && line->range.offset + line->range.bytes <= facts.bytes && line->range.bytes > 0);
    mm_buf_printf(text, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t", line->range.index, line->range.offset,
                  line->range.bytes);
    mm_buf_add(text, line->path, line->path_length);
    mm_buf_char(text, '\n');
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int result = mm_bad_ranges_read((const char *)data, size, write_again, &text, &diags);
    must((result == 0) == (diags.errors == 0));
    must(text.length <= size && (text.length == 0 || memcmp(text.data, data, text.length) == 0));
    if (result == 0) {
        must(text.length == size);
        must(mm_bad_ranges_begin((const char *)data, size));
    }
    mm_buf_release(&text);
    mm_diags_release(&diags);
    return 0;
}
