/* The stages between products beside the same in double, and the elementary functions beside libm; equal bits from every set. */
#include "../unit/unit.h"

#include <math.h>

#include "infer/kernels.h"
#include "stages_seen.h"

/* Of libm's, which is right to a unit in the last place. */
static void check_near(const char *what, double x, double found, double expected, double error)
{
    if (!(fabs(found - expected) <= error))
        fail_msg("%s of %.17g: expected %.17g, found %.17g", what, x, expected, found);
}

static void elementary_functions_are_near_those_of_libm(void **state)
{
    (void)state;
    for (int i = 1; i <= 20000; i++) {
        double x = i * 0.03 - 300, large = exp(i * 0.008 - 80), sine, cosine, angle = i * 53.0 + i * 1e-4;
        check_near("exponential", x, mm_exponential(x), exp(x), exp(x) * 1e-15 * (1 + fabs(x)));
        check_near("logarithm", large, mm_natural_logarithm(large), log(large), 1e-15 * fabs(log(large)) + 1e-16);
        mm_sine_cosine(angle, &sine, &cosine);
        check_near("sine", angle, sine, sin(angle), 1e-15 * (1 + angle));
        check_near("cosine", angle, cosine, cos(angle), 1e-15 * (1 + angle));
        mm_sine_cosine(i * 1e-3, &sine, &cosine);
        check_near("sine", i * 1e-3, sine, sin(i * 1e-3), 1e-15 * (1 + i * 1e-3));
        check_near("cosine", i * 1e-3, cosine, cos(i * 1e-3), 1e-15 * (1 + i * 1e-3));
    }
    check_true("one", mm_exponential(0) == 1 && mm_natural_logarithm(1) == 0);
    const double others[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        double sine, cosine;
        mm_sine_cosine(others[i], &sine, &cosine);
        check_true("no angle", isnan(sine) && isnan(cosine));
    }
}

static void a_gate_lets_through_what_it_should(void **state)
{
    static const size_t counts[] = {1, 15, 16, 17, 100};
    (void)state;
    for (size_t c = 0; c < COUNT_OF(counts); c++)
        for (int at = -120; at <= 120; at++) {
            float gate[101], up[101];
            for (size_t i = 0; i < counts[c]; i++) {
                gate[i] = (float)at + 0.01f * (float)i;
                up[i] = 1.5f;
            }
            gate[counts[c]] = up[counts[c]] = 77;
            mm_stages_portable.gate(gate, up, counts[c]);
            for (size_t i = 0; i < counts[c]; i++) {
                double x = (double)((float)at + 0.01f * (float)i), expected = x / (1 + exp(-x)) * 1.5;
                check_near("gate", x, (double)gate[i], expected, fabs(expected) * 5e-7 + 1e-34);
            }
            check_true("no more than asked for", gate[counts[c]] == 77);
        }
    float odd[] = {NAN, INFINITY, -INFINITY}, up[] = {1, 1, 1};
    mm_stages_portable.gate(odd, up, 3);
    check_true("what is no number stays none", isnan(odd[0]) && isinf(odd[1]) && !isfinite(odd[2]));
}

static void attention_is_a_weighed_mean(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(stages_shapes); s++) {
        struct mm_attention a;
        float *memory = stages_attention(&stages_shapes[s], s + 9, &a);
        assert_non_null(memory);
        mm_stages_portable.attend(&a);
        for (size_t h = 0; h < a.heads; h++) {
            double weights[256], sum = 0;
            for (size_t t = 0; t < a.positions; t++) {
                double score = 0;
                for (size_t i = 0; i < a.key_length; i++)
                    score +=
                        (double)a.queries[h * a.key_length + i] *
                        (double)a.keys[(t / MM_STAGE_LANES * a.key_length + i) * MM_STAGE_LANES + t % MM_STAGE_LANES];
                weights[t] = exp(score * (double)a.scale);
                sum += weights[t];
            }
            for (size_t i = 0; i < a.value_length; i++) {
                double mean = 0;
                for (size_t t = 0; t < a.positions; t++)
                    mean += weights[t] / sum * (double)a.values[t * a.value_stride + i];
                check_near("attention", (double)s, (double)a.out[h * a.value_length + i], mean, 2e-5);
            }
        }
        free(memory);
    }
}

static void a_score_that_is_no_number_is_not_lost(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++)
        for (int infinite = 0; infinite <= 1; infinite++) {
            const struct stages_shape shape = {1, 40, 8, 8};
            struct mm_attention a;
            float *memory = stages_attention(&shape, 3, &a);
            assert_non_null(memory);
            ((float *)a.keys)[at / MM_STAGE_LANES * MM_STAGE_LANES * 8 + at % MM_STAGE_LANES] =
                infinite ? copysignf(INFINITY, a.queries[0]) : NAN;
            mm_stages_portable.attend(&a);
            check_true("NaN", isnan(a.out[0]) && isnan(a.out[7]));
            free(memory);
        }
}

static void every_set_gives_the_same_bits(void **state)
{
    size_t count;
    const char *const *names = mm_kernels_names(&count);
    uint64_t expected = stages_hash(&mm_stages_portable);
    (void)state;
    check_true("a hash", expected != 0);
    for (size_t i = 0; i < count; i++)
        check_number(names[i], stages_hash(mm_stages_find(names[i])), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementary_functions_are_near_those_of_libm),
        cmocka_unit_test(a_gate_lets_through_what_it_should),
        cmocka_unit_test(attention_is_a_weighed_mean),
        cmocka_unit_test(a_score_that_is_no_number_is_not_lost),
        cmocka_unit_test(every_set_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
