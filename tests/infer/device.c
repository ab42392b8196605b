/* What a device makes of weights: products of every dtype with unit vectors, which have to be the weights bit for bit, and with others, which have to be near the sum in
 * double.
 *
 *   device NAME     says ok or not ok for each dtype; exit 77 where the device is not there */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/gpu_parts.h"
#include "model/quantize.h"

enum {
    ROWS = 7,
    BEHIND = 3,
    COLUMNS = 512,
    PLAIN_COLUMNS = 37,
    VECTORS = COLUMNS,
    LANES = 32,
    MANY = 8,
    LOOKED = 1024
};

static const char *const dtypes[] = {"f32",    "f16",    "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1",
                                     "iq4_nl", "iq4_xs", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"};

static uint64_t seed = 88172645463325252u;

static uint32_t any(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

/* Random blocks of DTYPE, again until every weight is a number of a size that models have. */
static void make_rows(int dtype, size_t count, unsigned char *bytes, float *weights)
{
    const struct mm_dtype *info = &mm_dtypes[dtype];
    for (size_t at = 0; at < count; at += info->block, bytes += info->bytes) {
        bool good;
        do {
            good = true;
            for (unsigned i = 0; i < info->bytes; i++)
                bytes[i] = (unsigned char)any();
            mm_dequantize(dtype, bytes, info->block, weights + at);
            for (unsigned i = 0; i < info->block; i++)
                good = good && isfinite(weights[at + i]) && fabsf(weights[at + i]) < 1e4f &&
                       (weights[at + i] == 0 || fabsf(weights[at + i]) > 1e-30f);
        } while (!good);
    }
}

struct product {
    struct mm_gpu *gpu;
    struct mm_diags *diags;
    union mm_gpu_memory rows, x, out;
    union mm_gpu_memory rows_behind, out_behind; /* of the BEHIND last rows, on their own */
    int dtype;
    uint32_t columns;
};

/* OUT = the rows times BATCH vectors at X. */
static bool multiply(const struct product *p, const float *x, uint32_t batch, float *out)
{
    const struct mm_gpu_dialect *dialect = p->gpu->dialect;
    const struct mm_dtype *info = &mm_dtypes[p->dtype];
    char name[64];
    uint64_t row_bytes = p->columns / info->block * info->bytes;
    uint32_t rows = ROWS, first = ROWS - BEHIND, none = 0, last = BEHIND, flags = 0,
             rows_a_group = p->gpu->items / LANES;
    snprintf(name, sizeof name, batch == 1 ? "multiply_%s" : "multiply_many_%s", info->name);
    void *kernel = dialect->kernel(p->gpu, name, p->diags);
    const struct mm_gpu_argument many[] = {
        {&p->rows, sizeof p->rows}, {&row_bytes, sizeof row_bytes}, {&p->columns, sizeof p->columns},
        {&rows, sizeof rows},       {&p->x, sizeof p->x},           {&batch, sizeof batch},
        {&p->out, sizeof p->out},   {&p->rows, sizeof p->rows},     {&flags, sizeof flags}};
    /* three matrices of which one has all rows but three, the second none, and the third those */
    union mm_gpu_memory rest = p->rows_behind;
    const struct mm_gpu_argument one[] = {{&p->rows, sizeof p->rows},
                                          {&p->rows, sizeof p->rows},
                                          {&rest, sizeof rest},
                                          {&row_bytes, sizeof row_bytes},
                                          {&p->columns, sizeof p->columns},
                                          {&first, sizeof first},
                                          {&none, sizeof none},
                                          {&last, sizeof last},
                                          {&p->x, sizeof p->x},
                                          {&p->out, sizeof p->out},
                                          {&p->out, sizeof p->out},
                                          {&p->out_behind, sizeof p->out_behind},
                                          {&p->rows, sizeof p->rows},
                                          {&p->rows, sizeof p->rows},
                                          {&p->rows, sizeof p->rows},
                                          {&flags, sizeof flags}};
    return kernel && dialect->write(p->gpu, p->x, 0, x, (size_t)batch * p->columns * sizeof *x, p->diags) == 0 &&
           dialect->launch(p->gpu, kernel, (ROWS + rows_a_group - 1) / rows_a_group, (batch + MANY - 1) / MANY,
                           batch == 1 ? one : many, batch == 1 ? 16 : 9, p->diags) == 0 &&
           dialect->read(p->gpu, p->out, 0, out, (size_t)batch * ROWS * sizeof *out, p->diags) == 0 &&
           (batch > 1 || dialect->read(p->gpu, p->out_behind, 0, out + first, last * sizeof *out, p->diags) == 0);
}

/* Unit vectors, all at once. */
static bool gives_weights(const struct product *p, const float *weights, float *x, float *out)
{
    memset(x, 0, (size_t)p->columns * p->columns * sizeof *x);
    for (uint32_t i = 0; i < p->columns; i++)
        x[(size_t)i * p->columns + i] = 1;
    if (!multiply(p, x, p->columns, out))
        return false;
    for (uint32_t i = 0; i < p->columns; i++)
        for (uint32_t row = 0; row < ROWS; row++)
            if (out[i * ROWS + row] != weights[row * p->columns + i]) {
                printf("# row %" PRIu32 ", column %" PRIu32 ": expected %a, found %a\n", row, i,
                       (double)weights[row * p->columns + i], (double)out[i * ROWS + row]);
                return false;
            }
    return true;
}

/* One vector, and the same among others. */
static bool gives_sums(const struct product *p, const float *weights, float *x, float *out)
{
    const uint32_t batch = MANY + 3;
    for (size_t i = 0; i < (size_t)batch * p->columns; i++)
        x[i] = (float)(int32_t)any() * 0x1p-31f;
    if (!multiply(p, x, batch, out + ROWS) || !multiply(p, x, 1, out))
        return false;
    for (uint32_t row = 0; row < ROWS; row++) {
        double sum = 0, size = 0;
        for (uint32_t i = 0; i < p->columns; i++) {
            sum += (double)weights[row * p->columns + i] * (double)x[i];
            size += fabs((double)weights[row * p->columns + i] * (double)x[i]);
        }
        if (!(fabs(sum - (double)out[row]) <= 1e-5 * size) || out[row] != out[ROWS + row]) {
            printf("# row %" PRIu32 ": expected %.9g, found %.9g alone and %.9g among others\n", row, sum,
                   (double)out[row], (double)out[ROWS + row]);
            return false;
        }
    }
    return true;
}

/* Rows BEHIND the first ones, each gated by the row that stands as far behind the first: against what products said of these, so near that no sum can have been another. */
static bool gates(const struct product *p, const float *x, const float *products, float *out)
{
    const struct mm_gpu_dialect *dialect = p->gpu->dialect;
    const struct mm_dtype *info = &mm_dtypes[p->dtype];
    char name[64];
    uint64_t row_bytes = p->columns / info->block * info->bytes;
    uint32_t rows = BEHIND, flags = 0, rows_a_group = p->gpu->items / LANES;
    snprintf(name, sizeof name, "multiply_gated_%s", info->name);
    void *kernel = dialect->kernel(p->gpu, name, p->diags);
    const struct mm_gpu_argument arguments[] = {
        {&p->rows, sizeof p->rows},     {&p->rows_behind, sizeof p->rows_behind},
        {&row_bytes, sizeof row_bytes}, {&p->columns, sizeof p->columns},
        {&rows, sizeof rows},           {&p->x, sizeof p->x},
        {&p->out, sizeof p->out},       {&p->rows, sizeof p->rows},
        {&p->rows, sizeof p->rows},     {&flags, sizeof flags}};
    if (!kernel || dialect->write(p->gpu, p->x, 0, x, p->columns * sizeof *x, p->diags) < 0 ||
        dialect->launch(p->gpu, kernel, (rows + rows_a_group - 1) / rows_a_group, 1, arguments, 10, p->diags) < 0 ||
        dialect->read(p->gpu, p->out, 0, out, BEHIND * sizeof *out, p->diags) < 0)
        return false;
    for (uint32_t row = 0; row < BEHIND; row++) {
        double gate = (double)products[row], expected = gate / (1 + exp(-gate)) * (double)products[ROWS - BEHIND + row];
        if (!(fabs(expected - (double)out[row]) <= 1e-6 * fabs(expected) + 1e-30)) {
            printf("# gated row %" PRIu32 ": expected %.9g, found %.9g\n", row, expected, (double)out[row]);
            return false;
        }
    }
    return true;
}

static bool check_dtype(struct mm_gpu *gpu, int dtype, uint32_t columns, struct mm_diags *diags)
{
    const struct mm_dtype *info = &mm_dtypes[dtype];
    struct product p = {.gpu = gpu, .diags = diags, .dtype = dtype, .columns = columns};
    size_t bytes = (size_t)ROWS * columns / info->block * info->bytes, vectors = (size_t)columns * columns;
    vectors = vectors < (size_t)(MANY + 3) * columns ? (size_t)(MANY + 3) * columns : vectors;
    unsigned char *rows = malloc(bytes);
    float *weights = malloc((size_t)ROWS * columns * sizeof *weights), *x = malloc(vectors * sizeof *x);
    float *out = malloc((size_t)ROWS * (columns + MANY + 4) * sizeof *out);
    bool good = rows && weights && x && out;
    if (good)
        make_rows(dtype, (size_t)ROWS * columns, rows, weights);
    good = good && gpu->dialect->allocate(gpu, bytes, &p.rows, diags) == 0 &&
           gpu->dialect->allocate(gpu, bytes / ROWS * BEHIND, &p.rows_behind, diags) == 0 &&
           gpu->dialect->allocate(gpu, BEHIND * sizeof *out, &p.out_behind, diags) == 0 &&
           gpu->dialect->allocate(gpu, vectors * sizeof *x, &p.x, diags) == 0 &&
           gpu->dialect->allocate(gpu, (size_t)ROWS * (columns + MANY + 4) * sizeof *out, &p.out, diags) == 0 &&
           gpu->dialect->write(gpu, p.rows, 0, rows, bytes, diags) == 0 &&
           gpu->dialect->write(gpu, p.rows_behind, 0, rows + bytes / ROWS * (ROWS - BEHIND), bytes / ROWS * BEHIND,
                               diags) == 0 &&
           gives_weights(&p, weights, x, out) && gives_sums(&p, weights, x, out) && gates(&p, x, out, out + ROWS);
    gpu->dialect->release(gpu, p.rows);
    gpu->dialect->release(gpu, p.rows_behind);
    gpu->dialect->release(gpu, p.out_behind);
    gpu->dialect->release(gpu, p.x);
    gpu->dialect->release(gpu, p.out);
    free(rows);
    free(weights);
    free(x);
    free(out);
    return good;
}

/* Three positions of more values than a group looks at, the last of the second one infinite: that has to be noted, and nothing where it is a number. */
static bool notes(struct mm_gpu *gpu, float last, uint32_t expected, struct mm_diags *diags)
{
    enum { POSITIONS = 3, VALUES = 4 * LOOKED + 5, LAYER = 7, FIRST = 2 };
    uint32_t count = VALUES, first = FIRST, layer = LAYER, wrong = UINT32_MAX;
    union mm_gpu_memory values = {0}, word = {0};
    float *x = calloc((size_t)POSITIONS * VALUES, sizeof *x);
    const struct mm_gpu_argument arguments[] = {{&values, sizeof values},
                                                {&count, sizeof count},
                                                {&first, sizeof first},
                                                {&layer, sizeof layer},
                                                {&word, sizeof word}};
    void *kernel = gpu->dialect->kernel(gpu, "look_at", diags);
    if (x)
        x[2 * VALUES - 1] = last;
    bool good =
        x && kernel && gpu->dialect->allocate(gpu, (uint64_t)POSITIONS * VALUES * sizeof *x, &values, diags) == 0 &&
        gpu->dialect->allocate(gpu, sizeof wrong, &word, diags) == 0 &&
        gpu->dialect->write(gpu, values, 0, x, (size_t)POSITIONS * VALUES * sizeof *x, diags) == 0 &&
        gpu->dialect->write(gpu, word, 0, &wrong, sizeof wrong, diags) == 0 &&
        gpu->dialect->launch(gpu, kernel, (VALUES + LOOKED - 1) / LOOKED, POSITIONS, arguments, 5, diags) == 0 &&
        gpu->dialect->read(gpu, word, 0, &wrong, sizeof wrong, diags) == 0;
    gpu->dialect->release(gpu, values);
    gpu->dialect->release(gpu, word);
    free(x);
    if (good && wrong == expected)
        return true;
    printf("not ok: what is not finite: expected %" PRIx32 ", found %" PRIx32 "\n", expected, wrong);
    return false;
}

static int dtype_named(const char *name)
{
    for (int i = 0; i < MM_DTYPE_COUNT; i++)
        if (strcmp(mm_dtypes[i].name, name) == 0)
            return i;
    return -1;
}

int main(int argc, char **argv)
{
    struct mm_diags diags;
    bool all = true;
    mm_diags_init(&diags);
    struct mm_gpu *gpu = argc == 2 ? mm_gpu_open(argv[1], -1, &diags) : NULL;
    for (size_t i = 0; gpu && i < sizeof dtypes / sizeof *dtypes; i++) {
        int dtype = dtype_named(dtypes[i]);
        bool good = check_dtype(gpu, dtype, COLUMNS, &diags) &&
                    (mm_dtypes[dtype].block > 1 || check_dtype(gpu, dtype, PLAIN_COLUMNS, &diags));
        printf("%s: %s on %s\n", good ? "ok" : "not ok", dtypes[i], mm_gpu_device(gpu)->what);
        all = all && good;
    }
    if (gpu)
        all = notes(gpu, INFINITY, 7 << 8 | 3, &diags) && notes(gpu, 1, UINT32_MAX, &diags) && all;
    for (size_t i = 0; i < diags.count; i++)
        fprintf(stderr, "%s\n", diags.items[i].text);
    mm_diags_release(&diags);
    mm_gpu_close(gpu);
    return !gpu ? 77 : all ? 0 : 1;
}
