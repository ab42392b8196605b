/* The words that differ between the dialects, in OpenCL C 1.2. */
#pragma OPENCL FP_CONTRACT OFF
#define KERNEL __kernel void
#define DEVICE
#define GLOBAL __global
#define TABLE __constant
#define LOCAL __local
#define SHARED __local
#define LEAST (-INFINITY)
#define LANE ((uint)get_local_id(0))
#define LANES ((uint)get_local_size(0))
#define GROUP ((uint)get_group_id(0))
#define GROUPS ((uint)get_num_groups(0))
#define GROUP_Y ((uint)get_group_id(1))
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define HALF_AT(at) vload_half(0, (GLOBAL const half *)(at))
#define LOWEST(at, value) atomic_min(at, value)
#define FOUR float4
#define LOAD_FOUR(at) vload4(0, at)
#define STORE_FOUR(value, at) vstore4(value, 0, at)
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define UNROLL
#define UNROLL_FAR
#define ROW_SUMS(name) SHARED float name[GROUP_ITEMS]
#define eight_products plain_products
DEVICE void eight_floats(GLOBAL const float *at, float *v)
{
    vstore8(vload8(0, at), 0, v);
}
DEVICE void eight_halves(GLOBAL const uchar *at, float *v)
{
    vstore8(vload_half8(0, (GLOBAL const half *)at), 0, v);
}
DEVICE void eight_signed(GLOBAL const uchar *at, float *v)
{
    for (uint i = 0; i < 8; i++)
        v[i] = (float)(signed char)at[i];
}
/* Adds up what the items of each row have, in halves; the first one of a row has the sum then. */
DEVICE float row_sum(LOCAL float *sums, float mine)
{
    uint lane = LANE % 32;
    BARRIER;
    sums[LANE] = mine;
    BARRIER;
    for (uint half_row = 16; half_row > 0; half_row /= 2) {
        if (lane < half_row)
            sums[LANE] += sums[LANE + half_row];
        BARRIER;
    }
    return sums[LANE];
}
