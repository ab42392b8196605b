/* Elements of tensors between dtypes: exactly into f32, and from f32 with the rounding of GGML's reference code
 * (ggml-quants.c: quantize_row_q8_0_ref, quantize_row_q4_0_ref, and their dequantize counterparts). */
#ifndef MM_MODEL_QUANTIZE_H
#define MM_MODEL_QUANTIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IEEE 754 binary16 and bfloat16; to f16 and bf16 round to nearest, ties to even. */
float mm_f16_to_f32(uint16_t half);
uint16_t mm_f32_to_f16(float value);
float mm_bf16_to_f32(uint16_t value);
uint16_t mm_f32_to_bf16(float value);

/* True for the dtypes (indices into mm_dtypes) f32, f16, bf16, q8_0, q4_0: those that mm_quantize knows, and an .slm may hold. */
bool mm_quantize_knows(int dtype);

/* True for those and q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, which mm_dequantize knows. */
bool mm_dequantize_knows(int dtype);

/* The exact values of COUNT elements, whole blocks, stored as DTYPE at BYTES. */
void mm_dequantize(int dtype, const void *bytes, size_t count, float *out);

/* The reverse, rounded, for the dtypes of mm_quantize_knows. False, with OUT unspecified, where DTYPE is a block dtype and a value is not finite, or so large that
 * the scale of its block is no finite f16. */
bool mm_quantize(int dtype, const float *values, size_t count, void *out);

#endif
