#include "base/bits.h"

#include <stdlib.h>
#include <string.h>

void mm_bits_release(struct mm_bits *bits)
{
    free(bits->bytes);
    *bits = (struct mm_bits){0};
}

bool mm_bits_add(struct mm_bits *bits, uint64_t number)
{
    size_t at = (size_t)(number / 8);
    if (mm_bits_has(bits, number))
        return true;
    if (at >= bits->size) {
        size_t wanted = at + at / 2 + 64;
        unsigned char *grown = realloc(bits->bytes, wanted);
        if (!grown)
            return false;
        memset(grown + bits->size, 0, wanted - bits->size);
        bits->bytes = grown;
        bits->size = wanted;
    }
    bits->bytes[at] |= (unsigned char)(1u << number % 8);
    bits->count++;
    return true;
}
