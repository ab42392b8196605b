#include "unit.h"

#include "model/dtype.h"

/* ggml.h and its block structures: scales in half or single precision beside the quants, written as sums. */
static const struct { uint32_t number; const char *name; unsigned block, bytes; } ggml[] = {
    {0, "f32", 1, 4}, {1, "f16", 1, 2}, {2, "q4_0", 32, 2 + 16}, {3, "q4_1", 32, 2 + 2 + 16}, {6, "q5_0", 32, 2 + 4 + 16}, {7, "q5_1", 32, 2 + 2 + 4 + 16}, {8, "q8_0", 32, 2 + 32},
    {9, "q8_1", 32, 2 + 2 + 32}, {10, "q2_k", 256, 16 + 64 + 4}, {11, "q3_k", 256, 32 + 64 + 12 + 2}, {12, "q4_k", 256, 4 + 12 + 128}, {13, "q5_k", 256, 4 + 12 + 32 + 128},
    {14, "q6_k", 256, 128 + 64 + 16 + 2}, {15, "q8_k", 256, 4 + 256 + 32}, {16, "iq2_xxs", 256, 2 + 64}, {17, "iq2_xs", 256, 2 + 64 + 8}, {18, "iq3_xxs", 256, 2 + 96}, {19, "iq1_s", 256, 2 + 32 + 16},
    {20, "iq4_nl", 32, 2 + 16}, {21, "iq3_s", 256, 2 + 64 + 8 + 32 + 4}, {22, "iq2_s", 256, 2 + 64 + 8 + 8}, {23, "iq4_xs", 256, 2 + 2 + 4 + 128}, {24, "i8", 1, 1}, {25, "i16", 1, 2}, {26, "i32", 1, 4},
    {27, "i64", 1, 8}, {28, "f64", 1, 8}, {29, "iq1_m", 256, 32 + 16 + 8}, {30, "bf16", 1, 2}, {34, "tq1_0", 256, 2 + 4 + 48}, {35, "tq2_0", 256, 2 + 64}, {39, "mxfp4", 32, 1 + 16}, {40, "nvfp4", 64, 4 + 32},
    {41, "q1_0", 128, 2 + 16}, {42, "q2_0", 64, 2 + 16},
};

static void every_ggml_type_is_known_with_its_size(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(ggml), 35);
    for (size_t i = 0; i < COUNT_OF(ggml); i++) {
        int index = mm_dtype_of_ggml(ggml[i].number);
        check_true(ggml[i].name, index >= 0);
        check_text("name", mm_dtypes[index].name, ggml[i].name);
        check_number(ggml[i].name, mm_dtypes[index].block, ggml[i].block);
        check_number(ggml[i].name, mm_dtypes[index].bytes, ggml[i].bytes);
    }
}

static void other_numbers_are_not_known(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 100; number++) {
        bool known = false;
        for (size_t i = 0; i < COUNT_OF(ggml); i++)
            known = known || ggml[i].number == number;
        assert_int_equal(mm_dtype_of_ggml(number) >= 0, known);
    }
    assert_int_equal(mm_dtype_of_ggml(UINT32_MAX), -1);
    assert_int_equal(mm_dtype_of_ggml(1u << 31), -1);
}

static const struct { const char *name, *lower; unsigned block, bytes; } safetensors[] = {
    {"BOOL", "bool", 1, 1}, {"U8", "u8", 1, 1}, {"I8", "i8", 1, 1}, {"U16", "u16", 1, 2}, {"I16", "i16", 1, 2}, {"F16", "f16", 1, 2}, {"BF16", "bf16", 1, 2}, {"U32", "u32", 1, 4}, {"I32", "i32", 1, 4},
    {"F32", "f32", 1, 4}, {"U64", "u64", 1, 8}, {"I64", "i64", 1, 8}, {"F64", "f64", 1, 8}, {"C64", "c64", 1, 8}, {"F8_E5M2", "f8_e5m2", 1, 1}, {"F8_E4M3", "f8_e4m3", 1, 1}, {"F8_E8M0", "f8_e8m0", 1, 1},
    {"F8_E4M3FNUZ", "f8_e4m3fnuz", 1, 1}, {"F8_E5M2FNUZ", "f8_e5m2fnuz", 1, 1}, {"F4", "f4", 2, 1}, {"F6_E2M3", "f6_e2m3", 4, 3}, {"F6_E3M2", "f6_e3m2", 4, 3},
};

static void every_safetensors_type_is_known_with_its_size(void **state)
{
    static const char *const unknown[] = {"", "f32", "F32 ", "F128", "Q4_0", "BF", "F8", "E4M3", "F8_E4M3FN"};
    size_t known = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(safetensors); i++) {
        int index = mm_dtype_of_safetensors(safetensors[i].name);
        check_true(safetensors[i].name, index >= 0);
        check_text("name", mm_dtypes[index].name, safetensors[i].lower);
        check_number(safetensors[i].name, mm_dtypes[index].block, safetensors[i].block);
        check_number(safetensors[i].name, mm_dtypes[index].bytes, safetensors[i].bytes);
    }
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        check_true(unknown[i], mm_dtype_of_safetensors(unknown[i]) == -1);
    for (size_t i = 0; i < MM_DTYPE_COUNT; i++)
        known += mm_dtypes[i].safetensors != NULL;
    assert_int_equal(known, COUNT_OF(safetensors));
}

static void names_are_unique_and_fit_a_manifest(void **state)
{
    (void)state;
    for (size_t i = 0; i < MM_DTYPE_COUNT; i++) {
        const char *name = mm_dtypes[i].name;
        assert_non_null(name);
        check_true(name, strlen(name) >= 1 && strlen(name) <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name));
        check_true(name, mm_dtypes[i].block > 0 && mm_dtypes[i].bytes > 0);
        check_true(name, mm_dtypes[i].ggml >= 0 || mm_dtypes[i].safetensors);
        for (size_t k = 0; k < i; k++)
            check_true(name, strcmp(name, mm_dtypes[k].name) != 0);
    }
}

static void file_types_name_the_type_of_most_weights(void **state)
{
    static const struct { uint32_t file_type; const char *name; } cases[] = {
        {0, "f32"}, {1, "f16"}, {2, "q4_0"}, {3, "q4_1"}, {7, "q8_0"}, {8, "q5_0"}, {9, "q5_1"}, {10, "q2_k"}, {12, "q3_k"}, {14, "q4_k"}, {15, "q4_k"}, {17, "q5_k"}, {18, "q6_k"}, {25, "iq4_nl"},
        {30, "iq4_xs"}, {31, "iq1_m"}, {32, "bf16"}, {36, "tq1_0"}, {37, "tq2_0"}, {38, "mxfp4"},
    };
    static const uint32_t unknown[] = {4, 5, 6, 33, 34, 35, 42, 1024, UINT32_MAX, 256, 258};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int index = mm_dtype_of_file_type(cases[i].file_type);
        check_true(cases[i].name, index >= 0);
        check_text("file type", mm_dtypes[index].name, cases[i].name);
    }
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_int_equal(mm_dtype_of_file_type(unknown[i]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ggml_type_is_known_with_its_size),
        cmocka_unit_test(other_numbers_are_not_known),
        cmocka_unit_test(every_safetensors_type_is_known_with_its_size),
        cmocka_unit_test(names_are_unique_and_fit_a_manifest),
        cmocka_unit_test(file_types_name_the_type_of_most_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
