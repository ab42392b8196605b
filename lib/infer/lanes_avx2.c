/* The steps between products with AVX2, whose registers hold eight lanes. */
#ifdef __x86_64__
#define SET mm_lanes_avx2
#define NAME "avx2"
#include "infer/lanes_steps.h"
#endif
