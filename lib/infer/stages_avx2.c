/* The steps between products with AVX2, whose registers hold eight lanes. */
#ifdef __x86_64__
#define SET mm_stages_avx2
#define NAME "avx2"
#include "infer/stages_steps.h"
#endif
