/* The words of CUDA C++ that the kernels use, for a compiler of the processor's; nvrtc.py puts this before their text. No header of the system stands here that has names which
 * the kernels have too. */
#include <utility>

#include "standin.h"

extern "C" struct standin_program standin_program;
struct standin_program standin_program;

#define threadIdx standin_program.thread
#define blockIdx standin_program.block
#define blockDim standin_program.block_size
#define gridDim standin_program.grid
#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static __attribute__((section("standin_shared"), aligned(16)))
#define __restrict__ __restrict
#define __launch_bounds__(...)

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

extern "C" float expf(float);

static inline float sqrt(float value)
{
    return __builtin_sqrtf(value);
}

static inline float fmaxf(float a, float b)
{
    return __builtin_fmaxf(a, b);
}

static inline float __fmaf_rn(float a, float b, float c)
{
    return __builtin_fmaf(a, b, c);
}

template <class To, class From> static inline To standin_bits(From from)
{
    static_assert(sizeof(To) == sizeof(From), "bits are as many");
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}

static inline float __int_as_float(int bits)
{
    return standin_bits<float>(bits);
}

static inline float __uint_as_float(unsigned bits)
{
    return standin_bits<float>(bits);
}

static inline unsigned __float_as_uint(float value)
{
    return standin_bits<unsigned>(value);
}

/* The lower word of HIGH and LOW, shifted by SHIFT bits, of which five count. */
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)(((unsigned long long)high << 32 | low) >> (shift & 31));
}

static inline unsigned atomicMin(unsigned *at, unsigned value)
{
    unsigned before = *at;
    *at = before < value ? before : value;
    return before;
}

static inline void __syncthreads()
{
    standin_program.wait(false);
}

/* What the lane DELTA further has; its own where there is none. */
static inline float __shfl_down_sync(unsigned mask, float value, unsigned delta)
{
    unsigned thread = threadIdx.x, lane = thread % STANDIN_WARP, turn = standin_program.turn[thread] ^= 1;
    if (mask != 0xffffffffu)
        __builtin_trap();
    standin_program.lanes[turn][thread] = standin_bits<unsigned>(value);
    standin_program.wait(true);
    return standin_bits<float>(standin_program.lanes[turn][lane + delta < STANDIN_WARP ? thread + delta : thread]);
}

/* cvt.f32.f16 of PTX, for the sixteen bits of a half. */
static inline float standin_half(unsigned short bits)
{
    unsigned sign = (unsigned)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31)
        return __uint_as_float(sign | 0x7f800000 | fraction << 13);
    if (exponent > 0)
        return __uint_as_float(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f;
    return sign ? -value : value;
}

/* A kernel by name, with what its arguments are. */
template <auto> struct standin_entry;
template <class... A, void (*F)(A...)> struct standin_entry<F> {
    template <std::size_t... I> static void call(void **values, std::index_sequence<I...>)
    {
        F(*static_cast<A *>(values[I])...);
    }
    static void run(void **values)
    {
        call(values, std::index_sequence_for<A...>());
    }
    static constexpr standin_kernel describe(const char *name)
    {
        static_assert(sizeof...(A) <= STANDIN_ARGUMENTS, "a kernel has too many arguments");
        return {name, run, sizeof...(A), {sizeof(A)...}, {std::is_pointer<A>::value...}};
    }
};
