/* The kernels of inference on another processor than the one that builds: every set that is here beside the portable one, bit for bit where it is exact, nearly
 * where it is fast. One line for each set; ends with 1 where something differs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/kernels.h"
#include "model/dtype.h"
#include "model/quantize.h"

enum { ROWS = 7, COLUMNS = 1024, BATCH = 3 };

static const struct {
    const char *name;
    int scale, second; /* where f16 scales stand in a block; -1: nowhere */
} dtypes[] = {
    {"f32", -1, -1}, {"f16", -1, -1}, {"bf16", -1, -1}, {"q8_0", 0, -1}, {"q4_0", 0, -1}, {"q4_1", 0, 2}, {"q5_0", 0, -1}, {"q5_1", 0, 2},
    {"q2_k", 80, 82}, {"q3_k", 108, -1}, {"q4_k", 0, 2}, {"q5_k", 0, 2}, {"q6_k", 208, -1}, {"iq4_nl", 0, -1}, {"iq4_xs", 0, -1},
};

static unsigned char bytes[ROWS * COLUMNS * 4 + 1];
static float values[BATCH * COLUMNS], expected[BATCH * ROWS], found[BATCH * ROWS];

static uint32_t any(void)
{
    static uint64_t seed = 88172645463325252u;
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static void put_scale(unsigned char *at, int offset)
{
    unsigned half = (any() & 0x83FF) | 0x2400;
    if (offset >= 0)
        at[offset] = (unsigned char)half, at[offset + 1] = (unsigned char)(half >> 8);
}

static void fill(const struct mm_dtype *dtype, size_t which, size_t columns)
{
    unsigned char *at = bytes + 1;
    for (size_t i = 0; i < ROWS * columns; i += dtype->block, at += dtype->bytes) {
        float value = (float)(int32_t)any() * 0x1p-31f;
        for (unsigned k = 0; k < dtype->bytes; k++)
            at[k] = (unsigned char)any();
        put_scale(at, dtypes[which].scale);
        put_scale(at, dtypes[which].second);
        if (dtype->block == 1)
            mm_quantize((int)(dtype - mm_dtypes), &value, 1, at);
    }
    for (size_t i = 0; i < BATCH * columns; i++)
        values[i] = (float)(int32_t)any() * 0x1p-31f;
}

static bool multiply(const char *name, bool fast, const struct mm_matrix *matrix, size_t batch, float *out)
{
    const struct mm_kernels *kernels = mm_kernels_find(name, fast);
    struct mm_activations activations = {0};
    bool done = kernels && mm_activations_set(&activations, kernels, values, batch, matrix->columns) == 0;
    if (done)
        mm_kernels_multiply(kernels, matrix, 0, ROWS, &activations, out, ROWS);
    mm_activations_release(&activations);
    return done;
}

static bool agrees(bool fast, size_t columns, size_t count)
{
    if (!fast)
        return memcmp(found, expected, count * sizeof *found) == 0;
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(found[i] - expected[i]) <= 1e-3f * sqrtf((float)columns)))
            return false;
    return true;
}

/* How many products of the set NAME are not the portable one's. */
static unsigned differing(const char *name, bool fast)
{
    static const size_t all_columns[] = {1, 16, 31, 32, 96, 250, 256, 512, COLUMNS};
    unsigned wrong = 0;
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
        for (size_t c = 0; c < sizeof all_columns / sizeof *all_columns; c++)
            for (size_t batch = 1; batch <= BATCH; batch += 2) {
                int dtype = 0;
                while (strcmp(mm_dtypes[dtype].name, dtypes[d].name) != 0)
                    dtype++;
                const struct mm_dtype *of = &mm_dtypes[dtype];
                if (all_columns[c] % of->block)
                    continue;
                fill(of, d, all_columns[c]);
                struct mm_matrix matrix = {bytes + 1, ROWS, all_columns[c], all_columns[c] / of->block * of->bytes, dtype};
                if (!multiply("portable", fast, &matrix, batch, expected) || !multiply(name, fast, &matrix, batch, found) ||
                    !agrees(fast, all_columns[c], batch * ROWS)) {
                    printf("# %s, %zu columns, %zu vectors\n", of->name, all_columns[c], batch);
                    wrong++;
                }
            }
    return wrong;
}

int main(void)
{
    size_t count;
    const char *const *names = mm_kernels_names(&count);
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++)
        for (int fast = 0; fast < 2; fast++) {
            unsigned differ = differing(names[i], fast);
            printf("%s products by %s, %s\n", differ ? "not ok" : "ok", names[i], fast ? "fast" : "exact");
            wrong += differ;
        }
    return wrong != 0;
}
