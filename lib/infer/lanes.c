#include "infer/lanes.h"

#include <string.h>

const struct mm_lanes *mm_lanes_find(const char *name)
{
#ifdef __x86_64__
    if (strcmp(name, mm_lanes_avx512.name) == 0)
        return &mm_lanes_avx512;
    if (strcmp(name, mm_lanes_avx2.name) == 0)
        return &mm_lanes_avx2;
#else
    (void)name;
#endif
    return &mm_lanes_portable;
}
