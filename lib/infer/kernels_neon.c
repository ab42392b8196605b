/* Kernels with NEON. */
#if defined __aarch64__ && defined __ARM_NEON && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <arm_neon.h>

#define MM_WIDTH 16
#define MM_OWN_WEIGHTS
#include "infer/kernels_lanes.h"
#include "model/dequantize_blocks.h"

MM_INLINE void mm_weights_f16(const unsigned char *bytes, struct mm_lanes *w)
{
    w->a = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes)));
    w->b = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 8)));
    w->c = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 16)));
    w->d = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 24)));
}

MM_INLINE float32x4_t of_bf16(const unsigned char *bytes)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bytes)), 16));
}

MM_INLINE void mm_weights_bf16(const unsigned char *bytes, struct mm_lanes *w)
{
    w->a = of_bf16(bytes);
    w->b = of_bf16(bytes + 8);
    w->c = of_bf16(bytes + 16);
    w->d = of_bf16(bytes + 24);
}

/* Sixteen signed bytes as f32, times D. */
MM_INLINE struct mm_lanes of_bytes(int8x16_t bytes, float d)
{
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return (struct mm_lanes){
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))) * d,
        vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))) * d,
        vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))) * d,
        vcvtq_f32_s32(vmovl_s16(vget_high_s16(high))) * d,
    };
}

MM_INLINE void mm_weights_q8_0(const unsigned char *bytes, struct mm_lanes *w)
{
    float d = mm_block_scale(bytes);
    w[0] = of_bytes(vreinterpretq_s8_u8(vld1q_u8(bytes + 2)), d);
    w[1] = of_bytes(vreinterpretq_s8_u8(vld1q_u8(bytes + 18)), d);
}

MM_INLINE void mm_weights_q4_0(const unsigned char *bytes, struct mm_lanes *w)
{
    float d = mm_block_scale(bytes);
    uint8x16_t packed = vld1q_u8(bytes + 2);
    const int8x16_t middle = vdupq_n_s8(8);
    w[0] = of_bytes(vsubq_s8(vreinterpretq_s8_u8(vandq_u8(packed, vdupq_n_u8(15))), middle), d);
    w[1] = of_bytes(vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(packed, 4)), middle), d);
}

#include "infer/kernels_exact.h"

const struct mm_kernels mm_kernels_neon = {
    .name = "neon",
    .needs = MM_CPU_NEON,
    .multiply = mm_exact_multiply,
    .dot = mm_exact_dot,
    .add = mm_exact_add,
};
#endif
