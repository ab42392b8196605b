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
