/* The words that differ between the dialects, in CUDA C++ for NVRTC. */
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long long ulong;
#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__
#define GLOBAL
#define TABLE static __device__ const
#define LOCAL
#define SHARED __shared__
#define LEAST (-__int_as_float(0x7f800000))
#define LANE threadIdx.x
#define LANES blockDim.x
#define GROUP blockIdx.x
#define GROUPS gridDim.x
#define GROUP_Y blockIdx.y
#define BARRIER __syncthreads()
#define HALF_AT(at) half_of(*(const ushort *)(at))
#define FOUR float4
#define LOAD_FOUR(at) (*(const float4 *)(at))
#define STORE_FOUR(value, at) (*(float4 *)(at) = (value))
#define MULTIPLY_ADD(a, b, c) __fmaf_rn(a, b, c)
#define UNROLL _Pragma("unroll 4")
#define UNROLL_FAR _Pragma("unroll 16") /* where few groups run */
#define ROW_SUMS(name) float *name = 0 /* the items of a row are a warp */
#define LOWEST(at, value) atomicMin(at, value)
#define isfinite(value) (((__float_as_uint(value) >> 23) & 255) != 255)
#define as_float(bits) __uint_as_float(bits)
#define fmax(a, b) fmaxf(a, b)
#define exp(value) expf(value)
DEVICE float half_of(ushort bits)
{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}
DEVICE void eight_floats(const float *at, float *v)
{
    float4 low = LOAD_FOUR(at), high = LOAD_FOUR(at + 4);
    v[0] = low.x, v[1] = low.y, v[2] = low.z, v[3] = low.w;
    v[4] = high.x, v[5] = high.y, v[6] = high.z, v[7] = high.w;
}
DEVICE float eight_products(const float *v, const float *x)
{
    float4 low = LOAD_FOUR(x), high = LOAD_FOUR(x + 4);
    float sum = v[0] * low.x;
    sum = MULTIPLY_ADD(v[1], low.y, sum), sum = MULTIPLY_ADD(v[2], low.z, sum);
    sum = MULTIPLY_ADD(v[3], low.w, sum), sum = MULTIPLY_ADD(v[4], high.x, sum);
    sum = MULTIPLY_ADD(v[5], high.y, sum), sum = MULTIPLY_ADD(v[6], high.z, sum);
    return MULTIPLY_ADD(v[7], high.w, sum);
}
DEVICE void two_halves(uint bits, float *v)
{
    v[0] = half_of((ushort)bits), v[1] = half_of((ushort)(bits >> 16));
}
DEVICE void eight_halves(const uchar *at, float *v)
{
    uint4 bits = *(const uint4 *)at;
    two_halves(bits.x, v), two_halves(bits.y, v + 2), two_halves(bits.z, v + 4), two_halves(bits.w, v + 6);
}
DEVICE void four_signed(uint bits, float *v)
{
    v[0] = (float)(signed char)bits, v[1] = (float)(signed char)(bits >> 8);
    v[2] = (float)(signed char)(bits >> 16), v[3] = (float)(signed char)(bits >> 24);
}
/* Blocks begin at even addresses, two bytes before these eight at the latest: three loads, the words that four bytes can be loaded of and the last two bytes, are fewer than four of two
 * bytes. */
DEVICE void eight_signed(const uchar *at, float *v)
{
    uint odd = (uint)(ulong)at & 2;
    const uint *words = (const uint *)(at - odd);
    uint first = words[0], second = words[1], last = *(const ushort *)(at + 6);
    four_signed(__funnelshift_r(first, second, 8 * odd), v);
    four_signed(__funnelshift_r(second, last, 8 * odd), v + 4);
}
/* Adds up what the items of each row have, in halves; the first one of a row has the sum then. */
DEVICE float row_sum(float *sums, float mine)
{
    for (uint half_row = 16; half_row > 0; half_row /= 2)
        mine += __shfl_down_sync(0xffffffffu, mine, half_row);
    return mine;
}
