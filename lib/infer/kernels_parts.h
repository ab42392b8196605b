/* What a set of kernels is made of; private to lib/infer/kernels*.c. */
#ifndef MM_INFER_KERNELS_PARTS_H
#define MM_INFER_KERNELS_PARTS_H

#include "base/processor.h"
#include "infer/kernels.h"

/* Of a vector of COLUMNS elements that was rounded for the fast kernels. */
size_t mm_rounded_bytes(size_t columns);

typedef void mm_multiply_fn(const struct mm_matrix *matrix, uint64_t first, uint64_t count,
                            const struct mm_activations *activations, float *out, size_t stride);

struct mm_kernels {
    const char *name;
    bool fast;
    unsigned needs;           /* MM_CPU_… */
    mm_multiply_fn *multiply; /* of rows that are there, in columns that are those of the activations */
    float (*dot)(const float *a, const float *b, size_t count);
    void (*add)(float *out, const float *x, float factor, size_t count);
    /* Fast sets: rounds COUNT vectors of COLUMNS elements into OUT, mm_rounded_bytes(COLUMNS) each; NULL: activations stay as they are. */
    void (*round)(const float *values, size_t count, size_t columns, unsigned char *out);
};

extern const struct mm_kernels mm_kernels_portable, mm_kernels_portable_fast;
#ifdef __x86_64__
extern const struct mm_kernels mm_kernels_avx2, mm_kernels_avx512, mm_kernels_avx2_fast, mm_kernels_avx512_fast;
#endif
#if defined __aarch64__ && defined __ARM_NEON && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MM_HAS_NEON
extern const struct mm_kernels mm_kernels_neon, mm_kernels_neon_fast;
#endif

#endif
