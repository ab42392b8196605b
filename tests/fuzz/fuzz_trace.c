/* A trace of layers: a sound document is written again byte by byte, and departs from itself nowhere. */
#include <string.h>

#include "doc/trace.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_trace trace;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int result = mm_trace_read(&trace, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        mm_trace_write(&trace, &text);
        must(!text.failed && text.length == size && memcmp(text.data, data, size) == 0);
        must(mm_trace_compare(&trace, &trace, &diags) == 0);
    }
    mm_buf_release(&text);
    mm_trace_release(&trace);
    mm_diags_release(&diags);
    return 0;
}
