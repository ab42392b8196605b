/* Elements of any dtype that is known here, as f32. Nothing hangs on the machine's byte order. */
#include "model/dequantize_blocks.h"

#include "model/dtype.h"

typedef void block_fn(const unsigned char *bytes, float *out);

static block_fn *const blocks[MM_GGML_COUNT] = {
    [MM_GGML_Q4_0] = mm_block_q4_0, [MM_GGML_Q4_1] = mm_block_q4_1,     [MM_GGML_Q5_0] = mm_block_q5_0,
    [MM_GGML_Q5_1] = mm_block_q5_1, [MM_GGML_Q8_0] = mm_block_q8_0,     [MM_GGML_Q2_K] = mm_block_q2_k,
    [MM_GGML_Q3_K] = mm_block_q3_k, [MM_GGML_Q4_K] = mm_block_q4_k,     [MM_GGML_Q5_K] = mm_block_q5_k,
    [MM_GGML_Q6_K] = mm_block_q6_k, [MM_GGML_IQ4_NL] = mm_block_iq4_nl, [MM_GGML_IQ4_XS] = mm_block_iq4_xs,
};

bool mm_dequantize_knows(int dtype)
{
    int number = mm_dtypes[dtype].ggml;
    return number == MM_GGML_F32 || number == MM_GGML_F16 || number == MM_GGML_BF16 ||
           (number >= 0 && number < MM_GGML_COUNT && blocks[number]);
}

static void of_f32(const unsigned char *at, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = mm_block_get32(at + 4 * i);
        memcpy(out + i, &bits, sizeof bits);
    }
}

void mm_dequantize(int dtype, const void *bytes, size_t count, float *out)
{
    const struct mm_dtype *of = &mm_dtypes[dtype];
    const unsigned char *at = bytes;
    switch (of->ggml) {
    case MM_GGML_F32: of_f32(at, count, out); break;
    case MM_GGML_F16:
        for (size_t i = 0; i < count; i++)
            out[i] = mm_f16_to_f32(mm_block_get16(at + 2 * i));
        break;
    case MM_GGML_BF16:
        for (size_t i = 0; i < count; i++)
            out[i] = mm_bf16_to_f32(mm_block_get16(at + 2 * i));
        break;
    default:
        for (size_t i = 0; i < count; i += of->block)
            blocks[of->ggml](at + i / of->block * of->bytes, out + i);
    }
}
