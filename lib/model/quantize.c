/* Half precision, and elements of f32 into other dtypes. Nothing here hangs on the machine's byte order, and the rounding needs that products and sums are
 * not contracted (-ffp-contract=off in the Makefile): a fused multiply-add rounds once where the reference rounds twice. */
#include "model/quantize.h"

#include <float.h>
#include <string.h>

#include "model/dtype.h"

#define BLOCK 32 /* elements of a block of q8_0 and of q4_0 */
#define Q8_0_BYTES 34
#define Q4_0_BYTES 18

enum { F32 = 0, F16 = 1, Q4_0 = 2, Q8_0 = 8, BF16 = 30 }; /* GGML's numbers */

/* ---- bits ---- */

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

static bool is_finite(float value)
{
    return (bits_of(value) & 0x7F800000) != 0x7F800000;
}

static float magnitude(float value)
{
    return float_of(bits_of(value) & 0x7FFFFFFF);
}

static void put16(unsigned char *at, uint16_t value)
{
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static void put32(unsigned char *at, uint32_t value)
{
    put16(at, (uint16_t)value);
    put16(at + 2, (uint16_t)(value >> 16));
}

/* ---- half precision ---- */

float mm_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF;
    if (exponent == 31)
        return float_of(sign | 0x7F800000 | fraction << 13);
    if (exponent > 0)
        return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f; /* subnormal or zero: exact in f32 */
    return float_of(sign | bits_of(value));
}

/* FRACTION without its lowest SHIFT bits, rounded to nearest, ties to even. */
static uint32_t round_bits(uint32_t fraction, unsigned shift)
{
    uint32_t kept = fraction >> shift, rest = fraction & ((1u << shift) - 1), half = 1u << (shift - 1);
    return kept + (rest > half || (rest == half && (kept & 1)));
}

uint16_t mm_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000) /* NaN: quiet, with what fits of its payload */
        return (uint16_t)(sign | 0x7E00 | (rest >> 13 & 0x3FF));
    if (rest >= 0x47800000) /* 2^16 and above; what lies between 65520 and it overflows by rounding below */
        return (uint16_t)(sign | 0x7C00);
    if (rest >= 0x38800000) /* 2^-14 and above: a normal half; a carry out of the fraction raises the exponent */
        return (uint16_t)(sign | round_bits(rest - (112u << 23), 13));
    unsigned exponent = rest >> 23;
    if (exponent < 102) /* below 2^-25, half of the smallest subnormal */
        return (uint16_t)sign;
    return (uint16_t)(sign | round_bits((rest & 0x7FFFFF) | 0x800000, 126 - exponent));
}

float mm_bf16_to_f32(uint16_t value)
{
    return float_of((uint32_t)value << 16);
}

uint16_t mm_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)round_bits(bits, 16);
}

/* ---- blocks ---- */

/* 1 / D as the reference has it: 0 for 0. It gives infinity where D is so small that 1 / D overflows, and then quants that
 * C leaves undefined; D is 0 in half precision there, whatever the quants, so they are made 0 as well. */
static float inverse(float d)
{
    float id = d != 0 ? 1 / d : 0;
    return is_finite(id) ? id : 0;
}

/* To the nearest whole number, ties away from zero, as C's roundf; exact, since the sum is taken in f64. */
static int round_half_away(float value)
{
    return (int)(value < 0 ? (double)value - 0.5 : (double)value + 0.5);
}

static bool quantize_q8_0(const float *x, unsigned char *out)
{
    float most = 0;
    for (int i = 0; i < BLOCK; i++) {
        if (!is_finite(x[i]))
            return false;
        most = magnitude(x[i]) > most ? magnitude(x[i]) : most;
    }
    float d = most / 127, id = inverse(d);
    uint16_t half = mm_f32_to_f16(d);
    if (!is_finite(mm_f16_to_f32(half)))
        return false;
    put16(out, half);
    for (int i = 0; i < BLOCK; i++)
        out[2 + i] = (unsigned char)round_half_away(x[i] * id);
    return true;
}

/* The quant of VALUE, which lies between -8.5 and 8.5 in steps of D. */
static unsigned q4_0_of(float value, float id)
{
    int quant = (int)(value * id + 8.5f);
    return quant < 15 ? (unsigned)quant : 15;
}

static bool quantize_q4_0(const float *x, unsigned char *out)
{
    float most = 0, extreme = 0;
    for (int i = 0; i < BLOCK; i++) {
        if (!is_finite(x[i]))
            return false;
        if (magnitude(x[i]) > most) {
            most = magnitude(x[i]);
            extreme = x[i];
        }
    }
    float d = extreme / -8, id = inverse(d);
    uint16_t half = mm_f32_to_f16(d);
    if (!is_finite(mm_f16_to_f32(half)))
        return false;
    put16(out, half);
    for (int i = 0; i < BLOCK / 2; i++)
        out[2 + i] = (unsigned char)(q4_0_of(x[i], id) | q4_0_of(x[i + BLOCK / 2], id) << 4);
    return true;
}

/* ---- any dtype ---- */

bool mm_quantize_knows(int dtype)
{
    int number = mm_dtypes[dtype].ggml;
    return number == F32 || number == F16 || number == BF16 || number == Q8_0 || number == Q4_0;
}

bool mm_quantize(int dtype, const float *values, size_t count, void *out)
{
    unsigned char *at = out;
    bool fits = true;
    switch (mm_dtypes[dtype].ggml) {
    case F16:
        for (size_t i = 0; i < count; i++)
            put16(at + 2 * i, mm_f32_to_f16(values[i]));
        break;
    case BF16:
        for (size_t i = 0; i < count; i++)
            put16(at + 2 * i, mm_f32_to_bf16(values[i]));
        break;
    case Q8_0:
        for (size_t i = 0; i < count && fits; i += BLOCK)
            fits = quantize_q8_0(values + i, at + i / BLOCK * Q8_0_BYTES);
        break;
    case Q4_0:
        for (size_t i = 0; i < count && fits; i += BLOCK)
            fits = quantize_q4_0(values + i, at + i / BLOCK * Q4_0_BYTES);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            put32(at + 4 * i, bits_of(values[i]));
    }
    return fits;
}
