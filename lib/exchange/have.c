#include "exchange/have.h"

#include <string.h>

/* The bits of the last byte that COUNT chunks have. */
static unsigned char last_bits(uint64_t count)
{
    return (unsigned char)(count % 8 ? 0xff00u >> count % 8 : 0xff);
}

void mm_have_fill(unsigned char *have, uint64_t count)
{
    size_t size = mm_have_size(count);
    memset(have, 0xff, size);
    if (size)
        have[size - 1] = last_bits(count);
}

bool mm_have_is_sound(const unsigned char *have, size_t length, uint64_t count)
{
    return length == mm_have_size(count) && (length == 0 || !(have[length - 1] & ~last_bits(count)));
}

uint64_t mm_have_count(const unsigned char *have, uint64_t count)
{
    uint64_t found = 0;
    for (size_t i = 0; i < mm_have_size(count); i++)
        found += (unsigned)__builtin_popcount(have[i]);
    return found;
}

bool mm_have_all(const unsigned char *have, uint64_t first, uint64_t last)
{
    for (uint64_t chunk = first; chunk <= last; chunk++)
        if (!mm_have_has(have, chunk))
            return false;
    return true;
}

uint64_t mm_have_next(const unsigned char *have, uint64_t from, uint64_t count)
{
    while (from < count && !mm_have_has(have, from)) {
        bool skip = from % 8 == 0 && have[from / 8] == 0;
        from += skip ? 8 : 1;
    }
    return from < count ? from : count;
}
