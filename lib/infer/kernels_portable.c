/* Kernels in portable C, for any processor: what the others' results are compared with. */
#define MM_WIDTH 16
#include "infer/kernels_exact.h"

const struct mm_kernels mm_kernels_portable = {
    .name = "portable",
    .multiply = mm_exact_multiply,
    .dot = mm_exact_dot,
    .add = mm_exact_add,
};
