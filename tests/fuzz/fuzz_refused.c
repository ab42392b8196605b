/* What tells archives and pickles: the answer does not depend on the pieces in which a file comes. */
#include <string.h>

#include "model/refused.h"
#include "source.h"

static bool ends_as_zip(const uint8_t *data, size_t size, size_t piece)
{
    struct mm_refused_tail *tail = malloc(sizeof *tail);
    must(tail);
    tail->length = 0;
    for (size_t at = 0; at < size; at += piece)
        mm_refused_tail_add(tail, data + at, size - at < piece ? size - at : piece);
    bool zip = mm_refused_tail_is_zip(tail);
    free(tail);
    return zip;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t head = size < MM_REFUSED_HEAD ? size : MM_REFUSED_HEAD;
    const char *part = mm_refused_head(data, head, false), *whole = mm_refused_head(data, head, head == size);
    must(!part || part[0] == 'a' || part[0] == 'g');
    must(!whole || whole[0] == 'a' || whole[0] == 'g');
    bool zip = ends_as_zip(data, size, size ? size : 1);
    must(ends_as_zip(data, size, 4096) == zip);
    must(ends_as_zip(data, size, 65557 + 1) == zip);
    if (size < 1024)
        must(ends_as_zip(data, size, 1) == zip);
    return 0;
}
