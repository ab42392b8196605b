#include "unit.h"

#include <math.h>

#include "model/dtype.h"
#include "model/quantize.h"

enum { BLOCKS = 64, BYTES_MOST = 292 };

/* The dtypes of blocks: where their f16 scales stand (-1: no second one), and the FNV-1a hash of the f32 that 64 blocks of made bytes mean. The PyPI
 * package gguf gives the same values for these bytes. */
static const struct { int ggml, scale, second; uint64_t hash; } dtypes[] = {
    {8, 0, -1, 0x6315757eab0b9fac},
    {2, 0, -1, 0xa96b4fc8e8272519},
    {3, 0, 2, 0xb97034e950bdd0e2},
    {6, 0, -1, 0x306fad8c8b819f13},
    {7, 0, 2, 0x7972c1e5114b5ac2},
    {10, 80, 82, 0xdc370a8f4e73233f},
    {11, 108, -1, 0xb64e0dac766ee1ce},
    {12, 0, 2, 0xf061765c9268ed40},
    {13, 0, 2, 0x64c796391894cfec},
    {14, 208, -1, 0x64fdd85f0377a71a},
    {20, 0, -1, 0x954a7004c5e5bb0e},
    {23, 0, -1, 0x862baf0804eb5e22},
};

static void put_scale(unsigned char *block, int at, uint16_t half)
{
    if (at >= 0)
        block[at] = (unsigned char)half, block[at + 1] = (unsigned char)(half >> 8);
}

/* Blocks of any bytes, whose scales are finite. */
static void make_blocks(const struct mm_dtype *dtype, int scale, int second, unsigned char *out)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < BLOCKS; i++) {
        unsigned char *block = out + i * dtype->bytes;
        for (size_t j = 0; j < dtype->bytes; j++) {
            state = state * 1664525 + 1013904223;
            block[j] = (unsigned char)(state >> 24);
        }
        put_scale(block, scale, (uint16_t)(state >> 16 & 0xBFFF));
        put_scale(block, second, (uint16_t)(state >> 8 & 0xBFFF));
    }
}

static void blocks_mean_what_others_say(void **state)
{
    static unsigned char bytes[BLOCKS * BYTES_MOST];
    static float values[BLOCKS * 256];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dtypes); i++) {
        int dtype = mm_dtype_of_ggml((uint32_t)dtypes[i].ggml);
        size_t count = (size_t)BLOCKS * mm_dtypes[dtype].block;
        make_blocks(&mm_dtypes[dtype], dtypes[i].scale, dtypes[i].second, bytes);
        mm_dequantize(dtype, bytes, count, values);
        uint64_t hash = 0xcbf29ce484222325u;
        for (size_t j = 0; j < count; j++) {
            uint32_t bits;
            memcpy(&bits, values + j, sizeof bits);
            for (int k = 0; k < 32; k += 8)
                hash = (hash ^ (bits >> k & 255)) * 0x100000001b3u;
        }
        check_number(mm_dtypes[dtype].name, hash, dtypes[i].hash);
    }
}

/* One block of DTYPE, all bytes 0 but the scale (1) at SCALE and the bytes of CHANGES; element INDEX of it is VALUE. */
static const struct {
    const char *what;
    int ggml, scale;
    struct { int at, byte; } changes[3];
    int index;
    float value;
} elements[] = {
    {"q8_0 has signs", 8, 0, {{2, 0x80}}, 0, -128},
    {"q4_0 is in the middle at 8", 2, 0, {{2, 0x08}}, 0, 0},
    {"q4_0: high nibbles are the second half", 2, 0, {{3, 0xF0}}, 17, 7},
    {"q4_1 adds its minimum", 3, 0, {{3, 0x40}, {5, 0x30}}, 17, 5},
    {"q5_0: the fifth bit", 6, 0, {{2, 0x01}}, 0, 0},
    {"q5_0: the fifth bit of the last element", 6, 0, {{5, 0x80}, {21, 0xF0}}, 31, 15},
    {"q5_1: the fifth bit", 7, 0, {{6, 0x02}, {20, 0x05}}, 17, 16},
    {"q2_k: the scale of the second 16", 10, 80, {{1, 0x03}, {32, 0x02}}, 16, 6},
    {"q2_k: bits 6 and 7 are the fourth 32", 10, 80, {{6, 0x05}, {16, 0xC0}}, 96, 15},
    {"q2_k: the second half", 10, 80, {{8, 0x01}, {48, 0x01}}, 128, 1},
    {"q3_k: nothing is -32 times -4", 11, 108, {{0, 0}}, 0, 128},
    {"q3_k: a third bit that is set takes nothing off", 11, 108, {{0, 1}, {32, 1}}, 0, -32},
    {"q3_k: upper bits of the last scale", 11, 108, {{107, 0xC0}}, 255, -64},
    {"q3_k: lower bits of the last scale", 11, 108, {{103, 0xF0}}, 255, 68},
    {"q4_k: a scale of the second four", 12, 0, {{12, 0x0F}, {4, 0xC0}, {80, 0x01}}, 128, 63},
    {"q4_k: high nibbles are the second 32", 12, 0, {{5, 0x02}, {16, 0xF0}}, 32, 30},
    {"q5_k: the fifth bit of the fourth 32", 13, 0, {{7, 0x01}, {16, 0x08}}, 96, 16},
    {"q6_k: signed scales", 14, 208, {{192, 0xFF}}, 0, 32},
    {"q6_k: upper bits of the fourth 32", 14, 208, {{198, 0x01}, {128, 0xC0}}, 96, 16},
    {"iq4_nl has a table", 20, 0, {{2, 0xF0}}, 16, 113},
    {"iq4_nl begins at -127", 20, 0, {{2, 0}}, 0, -127},
    {"iq4_xs: nothing is -32 times -127", 23, 0, {{2, 0}}, 0, 4064},
    {"iq4_xs: the last scale", 23, 0, {{3, 0x80}, {7, 0x20}}, 255, -254},
};

static void elements_stand_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(elements); i++) {
        unsigned char block[BYTES_MOST] = {0};
        float values[256];
        int dtype = mm_dtype_of_ggml((uint32_t)elements[i].ggml);
        put_scale(block, elements[i].scale, 0x3C00);
        for (size_t j = 0; j < COUNT_OF(elements[i].changes); j++)
            if (elements[i].changes[j].byte)
                block[elements[i].changes[j].at] = (unsigned char)elements[i].changes[j].byte;
        mm_dequantize(dtype, block, mm_dtypes[dtype].block, values);
        if (values[elements[i].index] != elements[i].value)
            fail_msg("%s: expected %g, found %g", elements[i].what, (double)elements[i].value, (double)values[elements[i].index]);
    }
}

/* Infinite scales and such that are no number go where arithmetic takes them; nothing else happens. */
static void scales_may_be_anything(void **state)
{
    static const uint16_t halves[] = {0x7C00, 0xFC00, 0x7E00, 0x7C01, 0x0001, 0x8000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dtypes); i++)
        for (size_t j = 0; j < COUNT_OF(halves); j++) {
            unsigned char block[BYTES_MOST];
            float values[256];
            int dtype = mm_dtype_of_ggml((uint32_t)dtypes[i].ggml);
            memset(block, 0x5A, sizeof block);
            put_scale(block, dtypes[i].scale, halves[j]);
            put_scale(block, dtypes[i].second, halves[j]);
            mm_dequantize(dtype, block, mm_dtypes[dtype].block, values);
            for (unsigned k = 0; k < mm_dtypes[dtype].block; k++)
                check_true(mm_dtypes[dtype].name, j < 4 ? !isfinite(values[k]) : isfinite(values[k]));
        }
}

static void fifteen_dtypes_are_known(void **state)
{
    int known = 0;
    (void)state;
    for (int i = 0; i < MM_DTYPE_COUNT; i++) {
        known += mm_dequantize_knows(i);
        check_true("what can be made can be read", mm_dequantize_knows(i) || !mm_quantize_knows(i));
    }
    assert_int_equal(known, 15);
    for (size_t i = 0; i < COUNT_OF(dtypes); i++)
        assert_true(mm_dequantize_knows(mm_dtype_of_ggml((uint32_t)dtypes[i].ggml)));
    assert_false(mm_dequantize_knows(mm_dtype_of_ggml(16)));
    assert_false(mm_dequantize_knows(mm_dtype_of_safetensors("BOOL")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_mean_what_others_say),
        cmocka_unit_test(elements_stand_where_they_should),
        cmocka_unit_test(scales_may_be_anything),
        cmocka_unit_test(fifteen_dtypes_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
