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
#define HALF_AT(at) half_at(at)
#define LOWEST(at, value) atomicMin(at, value)
#define isfinite(value) (((__float_as_uint(value) >> 23) & 255) != 255)
#define as_float(bits) __uint_as_float(bits)
#define fmax(a, b) fmaxf(a, b)
#define exp(value) expf(value)
DEVICE float half_at(const void *at)
{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(*(const ushort *)at));
    return value;
}
