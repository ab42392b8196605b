#include "../unit/unit.h"

#include <math.h>

#include "infer/kernels.h"
#include "model/dtype.h"
#include "model/quantize.h"

/* Every dtype that can be multiplied, and where f16 scales stand in its blocks (-1: nowhere). */
static const struct { int ggml, scale, second; } dtypes[] = {
    {0, -1, -1}, {1, -1, -1}, {30, -1, -1}, {8, 0, -1}, {2, 0, -1}, {3, 0, 2}, {6, 0, -1}, {7, 0, 2}, {10, 80, 82}, {11, 108, -1},
    {12, 0, 2}, {13, 0, 2}, {14, 208, -1}, {20, 0, -1}, {23, 0, -1},
};
enum { DTYPES = COUNT_OF(dtypes), ROWS = 11, COLUMNS = 1280, BATCH = 35, PADDING = 3, STRIDE = ROWS + 2 };

static uint64_t seed = 88172645463325252u;

static uint32_t any(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

/* Between -1 and 1. */
static float any_value(void)
{
    return (float)(int32_t)any() * 0x1p-31f;
}

static void put16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)value, at[1] = (unsigned char)(value >> 8);
}

/* COUNT weights of DTYPES[WHICH] at AT: any bits, with scales of a size that models have. */
static void make_row(size_t which, size_t count, unsigned char *at)
{
    const struct mm_dtype *dtype = &mm_dtypes[mm_dtype_of_ggml((uint32_t)dtypes[which].ggml)];
    for (size_t i = 0; i < count; i += dtype->block, at += dtype->bytes) {
        for (unsigned j = 0; j < dtype->bytes; j++)
            at[j] = (unsigned char)any();
        if (dtypes[which].scale >= 0)
            put16(at + dtypes[which].scale, (any() & 0x83FF) | 0x2400);
        if (dtypes[which].second >= 0)
            put16(at + dtypes[which].second, (any() & 0x83FF) | 0x2800);
        float value = any_value();
        if (dtype->ggml == 0)
            memcpy(at, &value, sizeof value);
        else if (dtype->bytes == 2)
            put16(at, dtype->ggml == 1 ? mm_f32_to_f16(value) : mm_f32_to_bf16(value));
    }
}

struct product {
    struct mm_matrix matrix;
    unsigned char *bytes;
    float *vectors;
    size_t batch;
};

/* A matrix at an odd address, with PADDING bytes between rows, each in an allocation that ends where the last row does. */
static void make_product(struct product *p, size_t which, size_t rows, size_t columns, size_t batch)
{
    int dtype = mm_dtype_of_ggml((uint32_t)dtypes[which].ggml);
    size_t row = columns / mm_dtypes[dtype].block * mm_dtypes[dtype].bytes;
    p->bytes = malloc(1 + rows * (row + PADDING) - PADDING);
    p->vectors = malloc(batch * columns * sizeof(float));
    assert_true(p->bytes && p->vectors);
    p->batch = batch;
    p->matrix = (struct mm_matrix){.bytes = p->bytes + 1, .rows = rows, .columns = columns, .row_bytes = row + PADDING, .dtype = dtype};
    for (size_t r = 0; r < rows; r++)
        make_row(which, columns, p->bytes + 1 + r * (row + PADDING));
    for (size_t i = 0; i < batch * columns; i++)
        p->vectors[i] = any_value();
}

static void release_product(struct product *p)
{
    free(p->bytes);
    free(p->vectors);
}

/* What the header says, word by word. */
static float meaning(const float *w, const float *x, size_t count)
{
    float sums[16] = {0};
    for (size_t i = 0; i < count; i++) {
        volatile float rounded = w[i] * x[i];
        sums[i % 16] += rounded;
    }
    for (int apart = 8; apart > 0; apart /= 2)
        for (int i = 0; i < apart; i++)
            sums[i] += sums[i + apart];
    return sums[0];
}

static void expected_product(const struct product *p, float *out)
{
    static float row[COLUMNS];
    for (size_t r = 0; r < p->matrix.rows; r++) {
        mm_dequantize(p->matrix.dtype, p->matrix.bytes + r * p->matrix.row_bytes, p->matrix.columns, row);
        for (size_t b = 0; b < p->batch; b++)
            out[b * STRIDE + r] = meaning(row, p->vectors + b * p->matrix.columns, p->matrix.columns);
    }
}

/* Equal bits, or both no number: which one it is nobody says. */
static bool same_value(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

/* Each set that is here gives EXPECTED for rows FIRST to FIRST + COUNT - 1, and leaves the others alone. */
static void check_sets(const struct product *p, const float *expected, size_t first, size_t count)
{
    size_t sets;
    const char *const *names = mm_kernels_names(&sets);
    for (size_t s = 0; s < sets; s++) {
        static float out[BATCH * STRIDE];
        const struct mm_kernels *kernels = mm_kernels_find(names[s], false);
        struct mm_activations activations = {0};
        for (size_t i = 0; i < p->batch * STRIDE; i++)
            out[i] = -12345;
        assert_non_null(kernels);
        assert_int_equal(mm_activations_set(&activations, kernels, p->vectors, p->batch, p->matrix.columns), 0);
        mm_kernels_multiply(kernels, &p->matrix, first, count, &activations, out, STRIDE);
        mm_activations_release(&activations);
        for (size_t i = 0; i < p->batch * STRIDE; i++) {
            size_t r = i % STRIDE;
            float wanted = r >= first && r < first + count ? expected[i] : -12345;
            if (!same_value(out[i], wanted))
                fail_msg("%s, %s, %zu x %zu x %zu, row %zu of vector %zu: expected %a, found %a", names[s], mm_dtypes[p->matrix.dtype].name,
                         (size_t)p->matrix.rows, (size_t)p->matrix.columns, p->batch, r, i / STRIDE, (double)wanted, (double)out[i]);
        }
    }
}

static const size_t all_columns[] = {1, 2, 15, 16, 17, 31, 32, 33, 64, 96, 172, 255, 256, 257, 288, 512, 544, 1031, COLUMNS};
static const size_t batches[] = {1, 2, 3, 4, 5, 32, 33, BATCH};

static void sets_agree_with_the_meaning(void **state)
{
    static float expected[BATCH * STRIDE];
    size_t products = 0;
    (void)state;
    for (size_t d = 0; d < DTYPES; d++)
        for (size_t c = 0; c < COUNT_OF(all_columns); c++)
            for (size_t b = 0; b < COUNT_OF(batches); b++) {
                struct product p;
                size_t rows = 1 + any() % ROWS;
                if (all_columns[c] % mm_dtypes[mm_dtype_of_ggml((uint32_t)dtypes[d].ggml)].block)
                    continue;
                make_product(&p, d, rows, all_columns[c], batches[b]);
                expected_product(&p, expected);
                check_sets(&p, expected, 0, rows);
                size_t first = any() % rows;
                check_sets(&p, expected, first, 1 + any() % (rows - first));
                check_sets(&p, expected, first, 0);
                release_product(&p);
                products++;
            }
    check_number("products", products, 8 * (3 * 19 + 6 * 8 + 6 * 3));
}

/* Scales and activations that are no numbers, infinite, subnormal, or of any sign of zero. */
static void sets_agree_on_edges(void **state)
{
    static const unsigned scales[] = {0x7C00, 0xFC00, 0x7E00, 0x0001, 0x8001, 0x0000, 0x8000, 0x7BFF, 0x0400};
    static const float values[] = {INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-126f, 0.0f, -0.0f, 3e38f, -3e38f};
    static float expected[BATCH * STRIDE];
    (void)state;
    for (size_t d = 0; d < DTYPES; d++)
        for (size_t k = 0; k < 4 * COUNT_OF(scales); k++) {
            struct product p;
            size_t scale = k % COUNT_OF(scales), many = k / COUNT_OF(scales);
            make_product(&p, d, 6, 768, many % 2 ? 3 : 1);
            for (size_t r = 0; r < 6; r++) {
                unsigned char *row = p.bytes + 1 + r * p.matrix.row_bytes;
                if (dtypes[d].scale >= 0)
                    put16(row + dtypes[d].scale, scales[scale]);
                else if (dtypes[d].ggml == 1)
                    put16(row + 2 * (any() % 768), scales[scale]);
                if (dtypes[d].second >= 0 && r % 2)
                    put16(row + dtypes[d].second, scales[any() % COUNT_OF(scales)]);
            }
            if (many > 1)
                p.vectors[any() % (768 * p.batch)] = values[scale];
            expected_product(&p, expected);
            check_sets(&p, expected, 0, 6);
            release_product(&p);
        }
}

/* ---- fast sets ---- */

/* VALUES in blocks of 32 as multiples of the largest magnitude / 127; EITHER gets that step for those that lie halfway between two, as far as
 * f32 can tell, and 0 for the others. */
static void round_to_bytes(const float *values, size_t count, double *out, double *either)
{
    for (size_t i = 0; i < count; i += 32) {
        double most = 0;
        for (size_t k = i; k < i + 32; k++)
            most = fabs((double)values[k]) > most ? fabs((double)values[k]) : most;
        for (size_t k = i; k < i + 32; k++) {
            double steps = most > 0 ? (double)values[k] * 127 / most : 0;
            out[k] = nearbyint(steps) * most / 127;
            either[k] = fabs(fabs(steps - nearbyint(steps)) - 0.5) < 1e-4 ? most / 127 : 0;
        }
    }
}

/* Each fast set gives what rounded activations give, but for roundings of f32; where a value lies halfway between two bytes it may
 * go either way. */
static void check_fast_sets(const struct product *p)
{
    static float row[COLUMNS], out[BATCH * STRIDE];
    static double rounded[COLUMNS], either[COLUMNS];
    size_t sets;
    const char *const *names = mm_kernels_names(&sets);
    for (size_t s = 0; s < sets; s++) {
        const struct mm_kernels *kernels = mm_kernels_find(names[s], true);
        struct mm_activations activations = {0};
        if (!kernels)
            continue;
        for (size_t i = 0; i < p->batch * STRIDE; i++)
            out[i] = -12345;
        assert_int_equal(mm_activations_set(&activations, kernels, p->vectors, p->batch, p->matrix.columns), 0);
        mm_kernels_multiply(kernels, &p->matrix, 0, p->matrix.rows, &activations, out, STRIDE);
        mm_activations_release(&activations);
        for (size_t b = 0; b < p->batch; b++) {
            const float *x = p->vectors + b * p->matrix.columns;
            round_to_bytes(x, p->matrix.columns, rounded, either);
            for (size_t r = 0; r < p->matrix.rows; r++) {
                double sum = 0, size = 0, slack = 1e-30;
                mm_dequantize(p->matrix.dtype, p->matrix.bytes + r * p->matrix.row_bytes, p->matrix.columns, row);
                for (size_t i = 0; i < p->matrix.columns; i++)
                    sum += (double)row[i] * rounded[i], size += fabs((double)row[i] * rounded[i]), slack += fabs((double)row[i] * either[i]);
                if (!(fabs((double)out[b * STRIDE + r] - sum) <= 2e-5 * size + slack))
                    fail_msg("fast %s, %s, %zu columns, row %zu of vector %zu: expected %.9g, found %.9g (%.3g)", names[s],
                             mm_dtypes[p->matrix.dtype].name, (size_t)p->matrix.columns, r, b, sum, (double)out[b * STRIDE + r], size);
            }
        }
        for (size_t i = 0; i < p->batch * STRIDE; i++)
            check_true("nothing else is written", i % STRIDE < p->matrix.rows || out[i] == -12345);
    }
}

static void fast_sets_round_activations_alone(void **state)
{
    (void)state;
    for (size_t d = 0; d < DTYPES; d++) {
        const struct mm_dtype *dtype = &mm_dtypes[mm_dtype_of_ggml((uint32_t)dtypes[d].ggml)];
        for (size_t c = 0; c < COUNT_OF(all_columns); c++)
            for (size_t b = 0; b < 3; b++) {
                struct product p;
                if (dtype->block == 1 || all_columns[c] % dtype->block)
                    continue;
                make_product(&p, d, 1 + any() % ROWS, all_columns[c], batches[b]);
                if (c % 2)
                    memset(p.vectors, 0, 32 * sizeof *p.vectors);
                check_fast_sets(&p);
                release_product(&p);
            }
    }
}

/* Weights that are not in blocks are no reason to round anything. */
static void fast_sets_are_exact_where_nothing_is_in_blocks(void **state)
{
    static float expected[BATCH * STRIDE], out[BATCH * STRIDE];
    size_t sets;
    const char *const *names = mm_kernels_names(&sets);
    (void)state;
    for (size_t d = 0; d < 3; d++)
        for (size_t c = 0; c < COUNT_OF(all_columns); c++)
            for (size_t s = 0; s < sets; s++) {
                const struct mm_kernels *kernels = mm_kernels_find(names[s], true);
                struct mm_activations activations = {0};
                struct product p;
                if (!kernels)
                    continue;
                make_product(&p, d, ROWS, all_columns[c], 3);
                expected_product(&p, expected);
                assert_int_equal(mm_activations_set(&activations, kernels, p.vectors, p.batch, p.matrix.columns), 0);
                mm_kernels_multiply(kernels, &p.matrix, 0, ROWS, &activations, out, STRIDE);
                for (size_t b = 0; b < p.batch; b++)
                    assert_memory_equal(out + b * STRIDE, expected + b * STRIDE, ROWS * sizeof *out);
                mm_activations_release(&activations);
                release_product(&p);
            }
}

/* What is no number stays none, and nothing else happens; what is too small to tell is zero. */
static void fast_sets_keep_what_is_not_finite(void **state)
{
    static const float values[] = {INFINITY, -INFINITY, NAN};
    size_t sets;
    const char *const *names = mm_kernels_names(&sets);
    (void)state;
    for (size_t s = 0; s < sets; s++)
        for (size_t d = 3; d < DTYPES; d++)
            for (size_t k = 0; k < COUNT_OF(values) + 1; k++) {
                const struct mm_kernels *kernels = mm_kernels_find(names[s], true);
                struct mm_activations activations = {0};
                struct product p;
                float out[ROWS];
                if (!kernels)
                    continue;
                make_product(&p, d, ROWS, 512, 1);
                if (k < COUNT_OF(values))
                    p.vectors[any() % 512] = values[k];
                else
                    for (size_t i = 0; i < 512; i++)
                        p.vectors[i] = 0x1p-149f;
                assert_int_equal(mm_activations_set(&activations, kernels, p.vectors, 1, 512), 0);
                mm_kernels_multiply(kernels, &p.matrix, 0, ROWS, &activations, out, STRIDE);
                for (size_t r = 0; r < ROWS; r++)
                    check_true(names[s], k < COUNT_OF(values) ? !isfinite(out[r]) : out[r] == 0);
                mm_activations_release(&activations);
                release_product(&p);
            }
}

static void dots_and_sums_agree(void **state)
{
    size_t sets;
    const char *const *names = mm_kernels_names(&sets);
    (void)state;
    for (size_t count = 0; count < 150; count++) {
        float a[150], b[150], expected[150];
        for (size_t i = 0; i < 150; i++)
            a[i] = any_value(), b[i] = any_value();
        float factor = any_value();
        for (size_t i = 0; i < 150; i++) {
            volatile float rounded = b[i] * factor;
            expected[i] = i < count ? a[i] + rounded : a[i];
        }
        for (size_t s = 0; s < sets; s++) {
            const struct mm_kernels *kernels = mm_kernels_find(names[s], false);
            float out[150];
            check_true(names[s], same_value(mm_kernels_dot(kernels, a, b, count), meaning(a, b, count)));
            memcpy(out, a, sizeof out);
            mm_kernels_add(kernels, out, b, factor, count);
            assert_memory_equal(out, expected, sizeof out);
        }
    }
}

static void sets_have_names(void **state)
{
    size_t count;
    const char *const *names = mm_kernels_names(&count);
    (void)state;
    assert_true(count >= 1);
    check_text("the last one", names[count - 1], "portable");
    for (size_t i = 0; i < count; i++) {
        const struct mm_kernels *kernels = mm_kernels_find(names[i], false);
        assert_non_null(kernels);
        check_text("its name", mm_kernels_name(kernels), names[i]);
    }
    check_text("the best", mm_kernels_name(mm_kernels_find(NULL, false)), names[0]);
    assert_non_null(mm_kernels_find("portable", true));
    assert_non_null(mm_kernels_find(NULL, true));
    assert_null(mm_kernels_find("abacus", false));
    assert_null(mm_kernels_find("", false));
}

static void what_is_known_is_what_dequantizes(void **state)
{
    size_t known = 0;
    (void)state;
    for (int i = 0; i < MM_DTYPE_COUNT; i++)
        known += mm_kernels_know(i);
    assert_int_equal(known, DTYPES);
    for (size_t d = 0; d < DTYPES; d++)
        assert_true(mm_kernels_know(mm_dtype_of_ggml((uint32_t)dtypes[d].ggml)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_agree_with_the_meaning),
        cmocka_unit_test(sets_agree_on_edges),
        cmocka_unit_test(fast_sets_round_activations_alone),
        cmocka_unit_test(fast_sets_are_exact_where_nothing_is_in_blocks),
        cmocka_unit_test(fast_sets_keep_what_is_not_finite),
        cmocka_unit_test(dots_and_sums_agree),
        cmocka_unit_test(sets_have_names),
        cmocka_unit_test(what_is_known_is_what_dequantizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
