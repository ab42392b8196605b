#include "infer/stages.h"

#include <string.h>

const struct mm_stages *mm_stages_find(const char *name)
{
#ifdef __x86_64__
    if (strcmp(name, mm_stages_avx512.name) == 0)
        return &mm_stages_avx512;
    if (strcmp(name, mm_stages_avx2.name) == 0)
        return &mm_stages_avx2;
#else
    (void)name;
#endif
    return &mm_stages_portable;
}
