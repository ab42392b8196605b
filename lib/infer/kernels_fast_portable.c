/* Fast kernels where there are no instructions for them: what activations rounded to 8 bits mean, multiplied exactly. No faster, but nearly the
 * same results as those of the others. */
#include "infer/kernels_parts.h"
#include "infer/kernels_round.h"
#include "model/dequantize_blocks.h"
#include "model/dtype.h"

static void round_all(const float *values, size_t count, size_t columns, unsigned char *out)
{
    size_t each = mm_rounded_bytes(columns);
    for (size_t v = 0; v < count; v++) {
        const float *x = values + v * columns;
        float *rounded = (void *)(out + v * each);
        for (size_t i = 0; i + MM_ROUNDED_BLOCK <= columns; i += MM_ROUNDED_BLOCK) {
            int8_t quants[MM_ROUNDED_BLOCK];
            float scale = mm_round_block(x + i, quants);
            for (int k = 0; k < MM_ROUNDED_BLOCK; k++)
                rounded[i + (size_t)k] = (float)quants[k] * scale;
        }
    }
}

static void multiply(const struct mm_matrix *m, uint64_t first, uint64_t count, const struct mm_activations *a,
                     float *out, size_t stride)
{
    struct mm_activations rounded = *a;
    if (mm_dtypes[m->dtype].block > 1)
        rounded.values = a->rounded;
    mm_kernels_portable.multiply(m, first, count, &rounded, out, stride);
}

static float dot(const float *a, const float *b, size_t count)
{
    return mm_kernels_portable.dot(a, b, count);
}

static void add(float *out, const float *x, float factor, size_t count)
{
    mm_kernels_portable.add(out, x, factor, count);
}

const struct mm_kernels mm_kernels_portable_fast = {
    .name = "portable",
    .fast = true,
    .multiply = multiply,
    .dot = dot,
    .add = add,
    .round = round_all,
};
