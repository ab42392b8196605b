#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

void *mm_realloc_array(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return realloc(old, bytes ? bytes : 1);
}

bool mm_grow(void *items_pointer, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity < 16 ? 16 : *capacity + *capacity / 2;
    void *items;
    memcpy(&items, items_pointer, sizeof items);
    items = mm_realloc_array(items, wanted, size);
    if (!items)
        return false;
    memcpy(items_pointer, &items, sizeof items);
    *capacity = wanted;
    return true;
}
