#include "model/dtype.h"

#include <string.h>

/* GGML: ggml.h and its block structures as of 2026-08 (type 42 is the last one); safetensors: release 0.8.
 * Types below a byte count in the smallest group that is whole bytes. */
const struct mm_dtype mm_dtypes[MM_DTYPE_COUNT] = {
    {"f32", 0, "F32", 1, 4},
    {"f16", 1, "F16", 1, 2},
    {"q4_0", 2, NULL, 32, 18},
    {"q4_1", 3, NULL, 32, 20},
    {"q5_0", 6, NULL, 32, 22},
    {"q5_1", 7, NULL, 32, 24},
    {"q8_0", 8, NULL, 32, 34},
    {"q8_1", 9, NULL, 32, 36},
    {"q2_k", 10, NULL, 256, 84},
    {"q3_k", 11, NULL, 256, 110},
    {"q4_k", 12, NULL, 256, 144},
    {"q5_k", 13, NULL, 256, 176},
    {"q6_k", 14, NULL, 256, 210},
    {"q8_k", 15, NULL, 256, 292},
    {"iq2_xxs", 16, NULL, 256, 66},
    {"iq2_xs", 17, NULL, 256, 74},
    {"iq3_xxs", 18, NULL, 256, 98},
    {"iq1_s", 19, NULL, 256, 50},
    {"iq4_nl", 20, NULL, 32, 18},
    {"iq3_s", 21, NULL, 256, 110},
    {"iq2_s", 22, NULL, 256, 82},
    {"iq4_xs", 23, NULL, 256, 136},
    {"i8", 24, "I8", 1, 1},
    {"i16", 25, "I16", 1, 2},
    {"i32", 26, "I32", 1, 4},
    {"i64", 27, "I64", 1, 8},
    {"f64", 28, "F64", 1, 8},
    {"iq1_m", 29, NULL, 256, 56},
    {"bf16", 30, "BF16", 1, 2},
    {"tq1_0", 34, NULL, 256, 54},
    {"tq2_0", 35, NULL, 256, 66},
    {"mxfp4", 39, NULL, 32, 17},
    {"nvfp4", 40, NULL, 64, 36},
    {"q1_0", 41, NULL, 128, 18},
    {"q2_0", 42, NULL, 64, 18},
    {"bool", -1, "BOOL", 1, 1},
    {"u8", -1, "U8", 1, 1},
    {"u16", -1, "U16", 1, 2},
    {"u32", -1, "U32", 1, 4},
    {"u64", -1, "U64", 1, 8},
    {"c64", -1, "C64", 1, 8},
    {"f4", -1, "F4", 2, 1},
    {"f6_e2m3", -1, "F6_E2M3", 4, 3},
    {"f6_e3m2", -1, "F6_E3M2", 4, 3},
    {"f8_e5m2", -1, "F8_E5M2", 1, 1},
    {"f8_e4m3", -1, "F8_E4M3", 1, 1},
    {"f8_e8m0", -1, "F8_E8M0", 1, 1},
    {"f8_e4m3fnuz", -1, "F8_E4M3FNUZ", 1, 1},
    {"f8_e5m2fnuz", -1, "F8_E5M2FNUZ", 1, 1},
};

int mm_dtype_of_ggml(uint32_t number)
{
    for (int i = 0; i < MM_DTYPE_COUNT; i++)
        if (mm_dtypes[i].ggml >= 0 && (uint32_t)mm_dtypes[i].ggml == number)
            return i;
    return -1;
}

int mm_dtype_of_safetensors(const char *name)
{
    for (int i = 0; i < MM_DTYPE_COUNT; i++)
        if (mm_dtypes[i].safetensors && strcmp(mm_dtypes[i].safetensors, name) == 0)
            return i;
    return -1;
}

/* llama.h, enum llama_ftype: mixtures are named after the type of most of their tensors. */
int mm_dtype_of_file_type(uint32_t file_type)
{
    static const struct {
        uint8_t file_type, ggml;
    } names[] = {
        {0, 0},   {1, 1},   {2, 2},   {3, 3},   {7, 8},   {8, 6},   {9, 7},   {10, 10}, {11, 11},
        {12, 11}, {13, 11}, {14, 12}, {15, 12}, {16, 13}, {17, 13}, {18, 14}, {19, 16}, {20, 17},
        {21, 10}, {22, 18}, {23, 18}, {24, 19}, {25, 20}, {26, 21}, {27, 21}, {28, 17}, {29, 22},
        {30, 23}, {31, 29}, {32, 30}, {36, 34}, {37, 35}, {38, 39}, {39, 40}, {40, 41}, {41, 42},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].file_type == file_type)
            return mm_dtype_of_ggml(names[i].ggml);
    return -1;
}
