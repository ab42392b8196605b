/* The steps between products with AVX-512, whose registers hold sixteen lanes. */
#ifdef __x86_64__
#define SET mm_lanes_avx512
#define NAME "avx512"
#include "infer/lanes_steps.h"
#endif
