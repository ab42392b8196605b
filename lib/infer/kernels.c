/* Which set of kernels is taken, and what is the same for all of them. */
#include "infer/kernels.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "infer/kernels_parts.h"
#include "model/quantize.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Exact ones and fast ones, the best first; each asks for more of the processor than those behind it. */
static const struct mm_kernels *const sets[] = {
#ifdef __x86_64__
    &mm_kernels_avx512,   &mm_kernels_avx2,          &mm_kernels_avx512_fast, &mm_kernels_avx2_fast,
#elif defined MM_HAS_NEON
    &mm_kernels_neon,
    &mm_kernels_neon_fast,
#endif
    &mm_kernels_portable, &mm_kernels_portable_fast,
};
static const char *const names[] = {
#ifdef __x86_64__
    "avx512",
    "avx2",
#elif defined MM_HAS_NEON
    "neon",
#endif
    "portable",
};

bool mm_kernels_know(int dtype)
{
    return mm_dequantize_knows(dtype);
}

static bool is_here(const struct mm_kernels *kernels)
{
    return (kernels->needs & ~mm_cpu_features()) == 0;
}

const char *const *mm_kernels_names(size_t *count)
{
    size_t first = 0;
    while (first + 1 < COUNT_OF(names) && !mm_kernels_find(names[first], false))
        first++;
    *count = COUNT_OF(names) - first;
    return names + first;
}

const struct mm_kernels *mm_kernels_find(const char *name, bool fast)
{
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        if (sets[i]->fast == fast && (!name || strcmp(sets[i]->name, name) == 0) && is_here(sets[i]))
            return sets[i];
    return NULL;
}

const char *mm_kernels_name(const struct mm_kernels *kernels)
{
    return kernels->name;
}

size_t mm_rounded_bytes(size_t columns)
{
    return columns * sizeof(float); /* as much as the widest form takes: the portable one */
}

int mm_activations_set(struct mm_activations *activations, const struct mm_kernels *kernels, const float *values,
                       size_t batch, size_t columns)
{
    activations->values = values;
    activations->batch = batch;
    activations->columns = columns;
    if (!kernels->round)
        return 0;
    uint64_t bytes;
    if (!mm_mul(batch, mm_rounded_bytes(columns), &bytes))
        return -1;
    if (bytes > activations->rounded_bytes) {
        void *more = realloc(activations->rounded, bytes);
        if (!more)
            return -1;
        activations->rounded = more;
        activations->rounded_bytes = bytes;
    }
    kernels->round(values, batch, columns, activations->rounded);
    return 0;
}

void mm_activations_release(struct mm_activations *activations)
{
    free(activations->rounded);
    *activations = (struct mm_activations){0};
}

void mm_kernels_multiply(const struct mm_kernels *kernels, const struct mm_matrix *matrix, uint64_t first,
                         uint64_t count, const struct mm_activations *activations, float *out, size_t stride)
{
    kernels->multiply(matrix, first, count, activations, out, stride);
}

float mm_kernels_dot(const struct mm_kernels *kernels, const float *a, const float *b, size_t count)
{
    return kernels->dot(a, b, count);
}

void mm_kernels_add(const struct mm_kernels *kernels, float *out, const float *x, float factor, size_t count)
{
    kernels->add(out, x, factor, count);
}
