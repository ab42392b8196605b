#include "unit.h"

#include "model/dtype.h"
#include "model/quantize.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* f32 bits, the f16 they round to, and that f16 as f32 */
static const struct { const char *what; uint32_t value; uint16_t half; uint32_t back; } halves[] = {
    {"0", 0, 0, 0}, {"-0", 0x80000000, 0x8000, 0x80000000}, {"1", 0x3F800000, 0x3C00, 0x3F800000}, {"-2", 0xC0000000, 0xC000, 0xC0000000},
    {"largest half", 0x477FE000, 0x7BFF, 0x477FE000}, {"just below the tie above it", 0x477FEFFF, 0x7BFF, 0x477FE000},
    {"tie above the largest half", 0x477FF000, 0x7C00, 0x7F800000}, {"2^16", 0x47800000, 0x7C00, 0x7F800000}, {"largest f32", 0x7F7FFFFF, 0x7C00, 0x7F800000},
    {"infinity", 0x7F800000, 0x7C00, 0x7F800000}, {"-infinity", 0xFF800000, 0xFC00, 0xFF800000},
    {"smallest normal half", 0x38800000, 0x0400, 0x38800000}, {"just below it: rounds up to it", 0x387FFFFF, 0x0400, 0x38800000},
    {"largest subnormal", 0x387FC000, 0x03FF, 0x387FC000}, {"tie between it and the smallest normal", 0x387FE000, 0x0400, 0x38800000},
    {"smallest subnormal", 0x33800000, 0x0001, 0x33800000}, {"half of it: tie to even", 0x33000000, 0, 0}, {"above half of it", 0x33000001, 0x0001, 0x33800000},
    {"-half of it", 0xB3000000, 0x8000, 0x80000000}, {"one and a half of it: tie to even", 0x33C00000, 0x0002, 0x34000000}, {"f32 subnormal", 0x00000001, 0, 0},
    {"tie to even, down", 0x3F801000, 0x3C00, 0x3F800000}, {"tie to even, up", 0x3F803000, 0x3C02, 0x3F804000}, {"above the tie", 0x3F801001, 0x3C01, 0x3F802000},
    {"carry into the exponent", 0x3FFFFFFF, 0x4000, 0x40000000}, {"a third", 0x3EAAAAAB, 0x3555, 0x3EAAA000},
};

static void halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(halves); i++) {
        check_number(halves[i].what, mm_f32_to_f16(float_of(halves[i].value)), halves[i].half);
        check_number(halves[i].what, bits_of(mm_f16_to_f32(halves[i].half)), halves[i].back);
    }
    check_true("NaN stays NaN", (mm_f32_to_f16(float_of(0x7F800001)) & 0x7FFF) > 0x7C00);
    check_true("NaN keeps its sign", mm_f32_to_f16(float_of(0xFFC00000)) >> 15 == 1);
    check_true("NaN of f16", (bits_of(mm_f16_to_f32(0x7C01)) & 0x7FFFFFFF) > 0x7F800000);
}

static void every_half_survives(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 65536; half++) {
        uint16_t again = mm_f32_to_f16(mm_f16_to_f32((uint16_t)half));
        bool nan = (half & 0x7C00) == 0x7C00 && (half & 0x3FF);
        check_number("f16", again, nan ? half | 0x200 : half);
        again = mm_f32_to_bf16(mm_bf16_to_f32((uint16_t)half));
        nan = (half & 0x7F80) == 0x7F80 && (half & 0x7F);
        check_number("bf16", again, nan ? half | 0x40 : half);
    }
}

/* The rounded half is one of the two neighbours, and the nearer one. */
static void halves_are_the_nearest(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        float value = float_of((uint32_t)(0x33000000 + seed % (0x477FE000 - 0x33000000)));
        uint16_t half = mm_f32_to_f16(value);
        double off = (double)mm_f16_to_f32(half) - (double)value;
        double up = (double)mm_f16_to_f32((uint16_t)(half + 1)) - (double)value, down = half ? (double)mm_f16_to_f32((uint16_t)(half - 1)) - (double)value : -1e9;
        off = off < 0 ? -off : off, up = up < 0 ? -up : up, down = down < 0 ? -down : down;
        assert_true(off <= up && off <= down && (half % 2 == 0 || (off < up && off < down)));
    }
}

static void bf16_rounds_to_nearest_even(void **state)
{
    static const struct { uint32_t value; uint16_t rounded; } cases[] = {
        {0, 0}, {0x80000000, 0x8000}, {0x3F808000, 0x3F80}, {0x3F818000, 0x3F82}, {0x3F808001, 0x3F81}, {0x3FFFFFFF, 0x4000}, {0x7F7FFFFF, 0x7F80}, {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80},
        {0x7F800001, 0x7FC0}, {0x00000001, 0}, {0x00008000, 0}, {0x00008001, 1}, {0x00018000, 2},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_number("bf16", mm_f32_to_bf16(float_of(cases[i].value)), cases[i].rounded);
}

/* ---- blocks ---- */

#define Q8_0 8
#define Q4_0 2

static void check_bytes(const char *what, const unsigned char *found, const unsigned char *expected, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (found[i] != expected[i])
            fail_msg("%s: expected 0x%02x at %zu, found 0x%02x", what, expected[i], i, found[i]);
}

static void q8_0_rounds_half_away_from_zero(void **state)
{
    /* the largest is 127, so d is 1 and quants are the values rounded */
    float x[32] = {127, -127, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, -2.5f, 0.49999997f, -0.49999997f, 126.5f, -126.49f, -0.0f, 63.5f};
    const unsigned char expected[34] = {0x00, 0x3C, 127, 0x81, 1, 0xFF, 2, 0xFE, 3, 0xFD, 0, 0, 127, 0x82, 0, 64};
    unsigned char out[34];
    float back[32];
    (void)state;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 32, out));
    check_bytes("q8_0", out, expected, sizeof out);
    mm_dequantize(mm_dtype_of_ggml(Q8_0), out, 32, back);
    assert_true(back[0] == 127 && back[1] == -127 && back[6] == 3 && back[7] == -3 && back[11] == -126);
}

static void q8_0_uses_the_scale_before_it_is_rounded(void **state)
{
    float x[32] = {1.0f}, back[32];
    unsigned char out[34];
    (void)state;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 32, out));
    check_number("d", (uint64_t)(out[0] | out[1] << 8), mm_f32_to_f16(1.0f / 127));
    check_number("quant", out[2], 127);
    mm_dequantize(mm_dtype_of_ggml(Q8_0), out, 32, back);
    assert_true(back[0] == 127 * mm_f16_to_f32(mm_f32_to_f16(1.0f / 127)) && back[0] != 1.0f);
}

static void q4_0_scales_by_the_extreme(void **state)
{
    /* the extreme is 8, d is -1: the other end, -8, has no quant of its own and takes 15 */
    float x[32] = {8, -8, -7, 7, 0, -0.5f, 0.5f, -0.51f, 0.51f};
    unsigned char out[18];
    static const unsigned quants[] = {0, 15, 15, 1, 8, 9, 8, 9, 7};
    (void)state;
    x[16] = 8, x[17] = 4, x[31] = -3;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q4_0), x, 32, out));
    check_number("d", (uint64_t)(out[0] | out[1] << 8), 0xBC00);
    for (size_t i = 0; i < COUNT_OF(quants); i++)
        check_number("low half", out[2 + i] & 15u, quants[i]);
    check_number("element 16", out[2] >> 4, 0);
    check_number("element 17", out[3] >> 4, 4);
    check_number("element 31", out[17] >> 4, 11);
    float back[32];
    mm_dequantize(mm_dtype_of_ggml(Q4_0), out, 32, back);
    assert_true(back[0] == 8 && back[1] == -7 && back[16] == 8 && back[17] == 4 && back[31] == -3);
}

/* Of two values of the same magnitude the first one is the extreme. */
static void q4_0_takes_the_first_extreme(void **state)
{
    float x[32] = {1, -4, 4};
    unsigned char out[18];
    (void)state;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q4_0), x, 32, out));
    check_number("d", (uint64_t)(out[0] | out[1] << 8), mm_f32_to_f16(0.5f));
}

static void zeros_have_their_bytes(void **state)
{
    static const unsigned char none[34] = {0};
    const float minus = -0.0f;
    float x[32] = {0};
    unsigned char out[34];
    (void)state;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 32, out));
    check_bytes("q8_0 of zeros", out, none, 34);
    for (int i = 0; i < 32; i++)
        x[i] = minus;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q4_0), x, 32, out));
    check_number("q4_0 of zeros: d is -0, as 0 / -8", (uint64_t)(out[0] | out[1] << 8), 0x8000);
    for (int i = 0; i < 16; i++)
        check_number("q4_0 of zeros", out[2 + i], 0x88);
}

/* 1 / d overflows where values are tiny; d is 0 as f16, and quants are then those of 0. */
static void tiny_values_become_zeros(void **state)
{
    float x[32] = {1e-40f, -1e-39f, float_of(1)};
    unsigned char out[34];
    (void)state;
    assert_true(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 32, out));
    for (int i = 0; i < 34; i++)
        check_number("q8_0", out[i], 0);
    assert_true(mm_quantize(mm_dtype_of_ggml(Q4_0), x, 32, out));
    check_number("q4_0", out[2], 0x88);
}

static void blocks_refuse_what_they_cannot_hold(void **state)
{
    static const struct { float value; bool q8_0, q4_0; } cases[] = {
        {1e30f, false, false}, {127 * 65504.0f, true, false}, {127 * 65520.0f, false, false}, {8 * 65504.0f, true, true}, {8 * 65520.0f, true, false}, {-8 * 65520.0f, true, false},
    };
    unsigned char out[34];
    (void)state;
    for (int place = 0; place < 32; place++)
        for (int kind = 0; kind < 3; kind++) {
            float x[32] = {1, 2, 3};
            x[place] = float_of(kind == 0 ? 0x7F800000 : kind == 1 ? 0xFF800000 : 0x7FC00000);
            assert_false(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 32, out));
            assert_false(mm_quantize(mm_dtype_of_ggml(Q4_0), x, 32, out));
        }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        float x[32] = {1, cases[i].value};
        assert_int_equal(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 32, out), cases[i].q8_0);
        assert_int_equal(mm_quantize(mm_dtype_of_ggml(Q4_0), x, 32, out), cases[i].q4_0);
    }
}

static void a_block_that_fails_fails_the_row(void **state)
{
    float x[96] = {0};
    unsigned char out[102];
    (void)state;
    x[95] = float_of(0x7F800000);
    assert_false(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 96, out));
    assert_true(mm_quantize(mm_dtype_of_ggml(Q8_0), x, 64, out));
}

static void plain_dtypes_keep_every_value(void **state)
{
    static const uint32_t bits[] = {0, 0x80000000, 0x7F800000, 0x7FC00001, 1, 0x3F800001, 0xC2F6E979, 0x00800000};
    float x[COUNT_OF(bits)], back[COUNT_OF(bits)];
    unsigned char out[4 * COUNT_OF(bits)];
    (void)state;
    memcpy(x, bits, sizeof x);
    assert_true(mm_quantize(mm_dtype_of_ggml(0), x, COUNT_OF(bits), out));
    assert_memory_equal(out, bits, sizeof bits);
    mm_dequantize(mm_dtype_of_ggml(0), out, COUNT_OF(bits), back);
    assert_memory_equal(back, bits, sizeof bits);
    assert_true(mm_quantize(mm_dtype_of_ggml(30), x, COUNT_OF(bits), out));
    check_number("bf16", (uint64_t)(out[12] | out[13] << 8), 0xC2F7);
    assert_true(mm_quantize(mm_dtype_of_ggml(1), x, COUNT_OF(bits), out));
    mm_dequantize(mm_dtype_of_ggml(1), out, COUNT_OF(bits), back);
    check_number("f16", bits_of(back[5]), 0x3F800000);
}

static void five_dtypes_are_known(void **state)
{
    int known = 0;
    (void)state;
    for (int i = 0; i < MM_DTYPE_COUNT; i++)
        known += mm_quantize_knows(i);
    assert_int_equal(known, 5);
    assert_true(mm_quantize_knows(mm_dtype_of_ggml(0)) && mm_quantize_knows(mm_dtype_of_ggml(30)) && !mm_quantize_knows(mm_dtype_of_ggml(12)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(every_half_survives),
        cmocka_unit_test(halves_are_the_nearest),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(q8_0_rounds_half_away_from_zero),
        cmocka_unit_test(q8_0_uses_the_scale_before_it_is_rounded),
        cmocka_unit_test(q4_0_scales_by_the_extreme),
        cmocka_unit_test(q4_0_takes_the_first_extreme),
        cmocka_unit_test(zeros_have_their_bytes),
        cmocka_unit_test(tiny_values_become_zeros),
        cmocka_unit_test(blocks_refuse_what_they_cannot_hold),
        cmocka_unit_test(a_block_that_fails_fails_the_row),
        cmocka_unit_test(plain_dtypes_keep_every_value),
        cmocka_unit_test(five_dtypes_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
