/* What the blocks of GGML's dtypes mean, one function a dtype: exactly what its reference code gives (ggml-quants.c, dequantize_row_…). Private
 * to those who turn blocks into f32: lib/model, and lib/infer, which compiles these loops for the instructions of more processors.
 *
 * Every product of a scale and a quant is exact in f32 (at most 11 + 7 + 5 significant bits), so only the subtraction of a
 * minimum rounds; the order of operations decides nothing but the sign of zeros and where infinities become NaN, and is the reference's. */
#ifndef MM_MODEL_DEQUANTIZE_BLOCKS_H
#define MM_MODEL_DEQUANTIZE_BLOCKS_H

#include <stdint.h>
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

#include "model/quantize.h"

/* GGML's numbers of the dtypes that are known here. */
enum mm_ggml_number {
    MM_GGML_F32 = 0,
    MM_GGML_F16 = 1,
    MM_GGML_Q4_0 = 2,
    MM_GGML_Q4_1 = 3,
    MM_GGML_Q5_0 = 6,
    MM_GGML_Q5_1 = 7,
    MM_GGML_Q8_0 = 8,
    MM_GGML_Q2_K = 10,
    MM_GGML_Q3_K = 11,
    MM_GGML_Q4_K = 12,
    MM_GGML_Q5_K = 13,
    MM_GGML_Q6_K = 14,
    MM_GGML_IQ4_NL = 20,
    MM_GGML_IQ4_XS = 23,
    MM_GGML_BF16 = 30,
    MM_GGML_COUNT /* one more than the largest */
};

#define MM_BLOCK 32       /* elements of a block of the plain quants */
#define MM_SUPERBLOCK 256 /* and of the k-quants and iq4_xs */

/* The sixteen values of iq4_nl and iq4_xs, in units of the scale. */
static const int8_t mm_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static inline uint16_t mm_block_get16(const unsigned char *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t mm_block_get32(const unsigned char *at)
{
    return mm_block_get16(at) | (uint32_t)mm_block_get16(at + 2) << 16;
}

/* The scale at AT, an f16. */
static inline float mm_block_scale(const unsigned char *at)
{
#ifdef __F16C__
    return _cvtsh_ss(mm_block_get16(at));
#else
    return mm_f16_to_f32(mm_block_get16(at));
#endif
}

/* ---- blocks of 32: the first half of the elements in the low nibbles, the second in the high ones ---- */

static inline void mm_block_q8_0(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes);
    for (int i = 0; i < MM_BLOCK; i++)
        out[i] = (float)(int8_t)bytes[2 + i] * d;
}

static inline void mm_block_q4_0(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes);
    for (int i = 0; i < 16; i++)
        out[i] = (float)((bytes[2 + i] & 15) - 8) * d;
    for (int i = 0; i < 16; i++)
        out[i + 16] = (float)((bytes[2 + i] >> 4) - 8) * d;
}

static inline void mm_block_q4_1(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes), m = mm_block_scale(bytes + 2);
    for (int i = 0; i < 16; i++)
        out[i] = (float)(bytes[4 + i] & 15) * d + m;
    for (int i = 0; i < 16; i++)
        out[i + 16] = (float)(bytes[4 + i] >> 4) * d + m;
}

/* The quants of a block of five bits: nibbles at NIBBLES, fifth bits in the order of the elements at FIFTH. */
static inline void mm_block_fives(const unsigned char *fifth, const unsigned char *nibbles, int8_t quants[MM_BLOCK])
{
    uint32_t bits = mm_block_get32(fifth);
    for (int i = 0; i < 16; i++)
        quants[i] = (int8_t)((nibbles[i] & 15) | (bits >> i & 1) << 4);
    for (int i = 0; i < 16; i++)
        quants[i + 16] = (int8_t)(nibbles[i] >> 4 | (bits >> (i + 16) & 1) << 4);
}

static inline void mm_block_q5_0(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes);
    int8_t quants[MM_BLOCK];
    mm_block_fives(bytes + 2, bytes + 6, quants);
    for (int i = 0; i < MM_BLOCK; i++)
        out[i] = (float)(quants[i] - 16) * d;
}

static inline void mm_block_q5_1(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes), m = mm_block_scale(bytes + 2);
    int8_t quants[MM_BLOCK];
    mm_block_fives(bytes + 4, bytes + 8, quants);
    for (int i = 0; i < MM_BLOCK; i++)
        out[i] = (float)quants[i] * d + m;
}

static inline void mm_block_iq4(float d, const unsigned char *nibbles, float *out)
{
    for (int i = 0; i < 16; i++)
        out[i] = d * (float)mm_iq4_values[nibbles[i] & 15];
    for (int i = 0; i < 16; i++)
        out[i + 16] = d * (float)mm_iq4_values[nibbles[i] >> 4];
}

static inline void mm_block_iq4_nl(const unsigned char *bytes, float *out)
{
    mm_block_iq4(mm_block_scale(bytes), bytes + 2, out);
}

/* ---- blocks of 256, with scales of their own for every 16 or 32 elements ---- */

/* scales[16] (scale and minimum in a nibble each), quants[64] (two bits), d, dmin */
static inline void mm_block_q2_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes + 80), min = mm_block_scale(bytes + 82);
    for (int group = 0; group < 16; group++) {
        const unsigned char *quants = bytes + 16 + group / 8 * 32 + group % 2 * 16;
        int shift = group / 2 % 4 * 2;
        float scale = d * (float)(bytes[group] & 15), low = min * (float)(bytes[group] >> 4);
        for (int i = 0; i < 16; i++)
            out[16 * group + i] = scale * (float)(quants[i] >> shift & 3) - low;
    }
}

/* The sixteen scales of a block of q3_k, six bits each: four in the nibbles of the first 8 bytes, two in the last 4. */
static inline void mm_block_q3_k_scales(const unsigned char packed[12], int8_t scales[16])
{
    for (int i = 0; i < 16; i++)
        scales[i] =
            (int8_t)(((packed[i % 8] >> i / 8 * 4 & 15) | (packed[8 + i % 4] >> i / 4 * 2 & 3) << 4) - MM_BLOCK);
}

/* third bits[32], quants[64] (two bits), scales[12], d */
static inline void mm_block_q3_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes + 108);
    int8_t scales[16];
    mm_block_q3_k_scales(bytes + 96, scales);
    for (int group = 0; group < 16; group++) {
        const unsigned char *quants = bytes + 32 + group / 8 * 32 + group % 2 * 16, *third = bytes + group % 2 * 16;
        int shift = group / 2 % 4 * 2, bit = group / 2;
        float scale = d * (float)scales[group];
        for (int i = 0; i < 16; i++)
            out[16 * group + i] = scale * (float)((quants[i] >> shift & 3) + (third[i] >> bit & 1) * 4 - 4);
    }
}

/* The eight scales and minima of a block of q4_k and q5_k, six bits each. */
static inline void mm_block_q4_k_scales(const unsigned char packed[12], uint8_t scales[8], uint8_t minima[8])
{
    for (int i = 0; i < 4; i++) {
        scales[i] = packed[i] & 63;
        minima[i] = packed[i + 4] & 63;
        scales[i + 4] = (uint8_t)((packed[i + 8] & 15) | packed[i] >> 6 << 4);
        minima[i + 4] = (uint8_t)(packed[i + 8] >> 4 | packed[i + 4] >> 6 << 4);
    }
}

/* d, dmin, scales[12], quants[128] (four bits) */
static inline void mm_block_q4_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes), min = mm_block_scale(bytes + 2);
    uint8_t scales[8], minima[8];
    mm_block_q4_k_scales(bytes + 4, scales, minima);
    for (int group = 0; group < 8; group++) {
        const unsigned char *quants = bytes + 16 + group / 2 * 32;
        int shift = group % 2 * 4;
        float scale = d * (float)scales[group], low = min * (float)minima[group];
        for (int i = 0; i < 32; i++)
            out[32 * group + i] = scale * (float)(quants[i] >> shift & 15) - low;
    }
}

/* d, dmin, scales[12], fifth bits[32], quants[128] (four bits) */
static inline void mm_block_q5_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes), min = mm_block_scale(bytes + 2);
    uint8_t scales[8], minima[8];
    mm_block_q4_k_scales(bytes + 4, scales, minima);
    for (int group = 0; group < 8; group++) {
        const unsigned char *quants = bytes + 48 + group / 2 * 32, *fifth = bytes + 16;
        int shift = group % 2 * 4;
        float scale = d * (float)scales[group], low = min * (float)minima[group];
        for (int i = 0; i < 32; i++)
            out[32 * group + i] = scale * (float)((quants[i] >> shift & 15) + (fifth[i] >> group & 1) * 16) - low;
    }
}

/* quants[128] (four bits), upper bits[64] (two), scales[16] (signed bytes), d */
static inline void mm_block_q6_k(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes + 208);
    for (int group = 0; group < 16; group++) {
        const unsigned char *quants = bytes + group / 8 * 64 + group % 4 * 16;
        const unsigned char *upper = bytes + 128 + group / 8 * 32 + group % 2 * 16;
        int shift = group / 4 % 2 * 4, upper_shift = group / 2 % 4 * 2;
        float scale = d * (float)(int8_t)bytes[192 + group];
        for (int i = 0; i < 16; i++)
            out[16 * group + i] = scale * (float)((quants[i] >> shift & 15) + (upper[i] >> upper_shift & 3) * 16 - 32);
    }
}

/* d, upper bits of the scales[2], scales[4] (nibbles), quants[128] (four bits): each 32 elements as in iq4_nl */
static inline void mm_block_iq4_xs(const unsigned char *bytes, float *out)
{
    float d = mm_block_scale(bytes);
    unsigned upper = mm_block_get16(bytes + 2);
    for (int group = 0; group < 8; group++) {
        int scale = (bytes[4 + group / 2] >> group % 2 * 4 & 15) + (int)(upper >> 2 * group & 3) * 16 - 32;
        mm_block_iq4(d * (float)scale, bytes + 8 + 16 * group, out + 32 * group);
    }
}

#endif
