#include "infer/unicode.h"

#include <stddef.h>

#define KIND_BITS 11

/* Where runs of characters of one kind begin: the code, then the kind in the lowest bits. */
static const uint32_t runs[] = {
#define RANGE(code, kind) (uint32_t)(code) << KIND_BITS | MM_CHARACTER_##kind,
#include "infer/unicode.def"
};

uint16_t mm_character_kind(uint32_t code)
{
    size_t low = 0, high = sizeof runs / sizeof *runs;
    if (code > 0x10ffff)
        return MM_CHARACTER_OTHER;
    while (high - low > 1) { /* the last run that does not begin behind CODE */
        size_t middle = low + (high - low) / 2;
        if (runs[middle] >> KIND_BITS <= code)
            low = middle;
        else
            high = middle;
    }
    return (uint16_t)(runs[low] & ((1u << KIND_BITS) - 1));
}
