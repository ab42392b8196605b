/* What tells archives and pickles: the answer does not depend on the pieces in which a file comes. */
#include <string.h>

#include "model/pickle.h"
#include "model/refused.h"
#include "source.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool ends_as_zip(const uint8_t *data, size_t size, size_t piece)
{
    struct mm_refused_tail *tail = calloc(1, sizeof *tail);
    must(tail);
    for (size_t at = 0; at < size; at += piece)
        mm_refused_tail_add(tail, data + at, least(size - at, piece));
    bool zip = mm_refused_tail_is_zip(tail);
    free(tail);
    return zip;
}

static bool is_pickle(const uint8_t *data, size_t size, size_t piece)
{
    struct mm_pickle pickle = {0};
    for (size_t at = 0; at < size; at += piece)
        mm_pickle_feed(&pickle, data + at, least(size - at, piece));
    return mm_pickle_found(&pickle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 7, 4096, MM_REFUSED_TAIL + 1};
    size_t whole = size ? size : 1;
    const char *head = mm_refused_head(data, least(size, MM_REFUSED_HEAD));
    must(!head || head[0] == 'a' || head[0] == 'g'); /* "a zip archive", "gzip data" */
    bool zip = ends_as_zip(data, size, whole), pickle = is_pickle(data, size, whole);
    for (size_t i = size < 1024 ? 0 : 1; i < sizeof pieces / sizeof *pieces; i++) {
        must(ends_as_zip(data, size, pieces[i]) == zip);
        must(is_pickle(data, size, pieces[i]) == pickle);
    }
    return 0;
}
