/* Products of weight matrices, as they are stored, with vectors of f32: the arithmetic of inference on the CPU.
 *
 * The exact kernels compute with what the weights mean (mm_dequantize, in f32) and with activations in f32, and add in one order that is
 * the same for every instruction set, any number of threads, and any batch: sixteen running sums, sum L over the columns
 * 16 i + L in their order, each product rounded before it is added; the sixteen are then added in pairs that lie half the rest apart (0 with 8, 1 with
 * 9, …; then 0 with 4, …). So equal input gives equal bits on every processor; what is no number
 * is none everywhere, with bits of its own. The fast ones round activations to 8 bits, in blocks of 32, where weights come in blocks, and decide nothing;
 * other weights they multiply exactly. */
#ifndef MM_INFER_KERNELS_H
#define MM_INFER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of weights in place. */
struct mm_matrix {
    const unsigned char *bytes; /* of row 0, NULL: there is no such matrix. No alignment is asked for */
    uint64_t rows, columns;     /* columns: whole blocks of the dtype */
    uint64_t row_bytes;
    int dtype; /* index into mm_dtypes */
};

/* Vectors that matrices are multiplied with, BATCH of COLUMNS elements each, one after the other. */
struct mm_activations {
    const float *values; /* borrowed */
    size_t batch, columns;
    void *rounded; /* for the fast kernels alone: values in 8 bits, and their scales; owned */
    size_t rounded_bytes;
};

struct mm_kernels; /* one set for an instruction set, exact or fast; constant */

/* True for the dtypes whose rows can be multiplied: those that mm_dequantize knows. */
bool mm_kernels_know(int dtype);

/* The names of the sets that this processor has, the best first: "avx512", "avx2", "neon", "portable". COUNT gets how many. */
const char *const *mm_kernels_names(size_t *count);

/* The set NAME (NULL: the best one), exact or fast; NULL where this processor lacks it: a fast one may ask for more than the exact one of its name (VNNI for
 * avx512, dot products of bytes for neon). */
const struct mm_kernels *mm_kernels_find(const char *name, bool fast);
const char *mm_kernels_name(const struct mm_kernels *kernels);

/* Borrows VALUES (BATCH × COLUMNS) for products with KERNELS. A zeroed struct is empty and may be used again and again. Returns 0, or -1 where
 * memory is lacking. */
int mm_activations_set(struct mm_activations *activations, const struct mm_kernels *kernels, const float *values,
                       size_t batch, size_t columns);
void mm_activations_release(struct mm_activations *activations);

/* OUT[b × STRIDE + r] = row r of MATRIX, whose dtype is known (mm_kernels_know) and which has the columns of the activations, times vector b, for rows r from
 * FIRST on, COUNT of them, and each b of the batch. Rows that different threads compute do not overlap. Never fails; infinities and NaN go through. */
void mm_kernels_multiply(const struct mm_kernels *kernels, const struct mm_matrix *matrix, uint64_t first,
                         uint64_t count, const struct mm_activations *activations, float *out, size_t stride);

/* The sum of A[i] × B[i], in the same order (exact) for every set. */
float mm_kernels_dot(const struct mm_kernels *kernels, const float *a, const float *b, size_t count);

/* OUT[i] += FACTOR × X[i], each product rounded before it is added. */
void mm_kernels_add(const struct mm_kernels *kernels, float *out, const float *x, float factor, size_t count);

#endif
