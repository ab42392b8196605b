/* Weights of the commonest dtypes, sixteen or 32 at a time, from where they are stored into registers: the ways of portable C. A set that has better
 * instructions defines MM_OWN_WEIGHTS, or MM_OWN_BLOCKS too, and its own functions of these names. */
#ifndef MM_INFER_KERNELS_WEIGHTS_H
#define MM_INFER_KERNELS_WEIGHTS_H

#include "infer/kernels_lanes.h"
#include "model/dequantize_blocks.h"

/* Sixteen of plain dtypes. */
MM_INLINE void mm_weights_f32(const unsigned char *bytes, struct mm_lanes *w)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    *w = mm_lanes_load(bytes);
#else
    uint32_t bits[MM_LANES];
    for (int i = 0; i < MM_LANES; i++)
        bits[i] = mm_block_get32(bytes + 4 * i);
    *w = mm_lanes_load(bits);
#endif
}

#ifndef MM_OWN_WEIGHTS
MM_INLINE void mm_weights_bf16(const unsigned char *bytes, struct mm_lanes *w)
{
    uint32_t bits[MM_LANES];
    for (int i = 0; i < MM_LANES; i++)
        bits[i] = (uint32_t)mm_block_get16(bytes + 2 * i) << 16;
    *w = mm_lanes_load(bits);
}

/* A half's exponent and fraction, moved to where f32 has them, are its value times 2^-112, subnormals too; that of infinity and NaN becomes f32's. */
MM_INLINE void mm_weights_f16(const unsigned char *bytes, struct mm_lanes *w)
{
    float values[MM_LANES];
    for (int i = 0; i < MM_LANES; i++) {
        uint32_t half = mm_block_get16(bytes + 2 * i), rest = half & 0x7FFF, bits = rest << 13;
        memcpy(values + i, &bits, sizeof bits);
        values[i] *= 0x1p112f;
        memcpy(&bits, values + i, sizeof bits);
        bits |= (half & 0x8000) << 16 | (rest >= 0x7C00 ? 0x7F800000 : 0);
        memcpy(values + i, &bits, sizeof bits);
    }
    *w = mm_lanes_load(values);
}

MM_INLINE void mm_weights_q8_0(const unsigned char *bytes, struct mm_lanes *w)
{
    float values[MM_BLOCK];
    mm_block_q8_0(bytes, values);
    w[0] = mm_lanes_load(values), w[1] = mm_lanes_load(values + MM_LANES);
}

MM_INLINE void mm_weights_q4_0(const unsigned char *bytes, struct mm_lanes *w)
{
    float values[MM_BLOCK];
    mm_block_q4_0(bytes, values);
    w[0] = mm_lanes_load(values), w[1] = mm_lanes_load(values + MM_LANES);
}
#endif

#ifndef MM_OWN_BLOCKS
/* What a block of 32 means, as lanes, and a block of 256, in memory. */
#define MM_WEIGHTS_OF(dtype)                                                                                           \
    MM_INLINE void mm_weights_##dtype(const unsigned char *bytes, struct mm_lanes *w)                                  \
    {                                                                                                                  \
        float values[MM_BLOCK];                                                                                        \
        mm_block_##dtype(bytes, values);                                                                               \
        w[0] = mm_lanes_load(values), w[1] = mm_lanes_load(values + MM_LANES);                                         \
    }
MM_WEIGHTS_OF(q4_1)
MM_WEIGHTS_OF(q5_0)
MM_WEIGHTS_OF(q5_1)
MM_WEIGHTS_OF(iq4_nl)
#define mm_expand_q2_k mm_block_q2_k
#define mm_expand_q3_k mm_block_q3_k
#define mm_expand_q4_k mm_block_q4_k
#define mm_expand_q5_k mm_block_q5_k
#define mm_expand_q6_k mm_block_q6_k
#define mm_expand_iq4_xs mm_block_iq4_xs
#endif

#endif
