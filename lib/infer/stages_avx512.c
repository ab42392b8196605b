/* The steps between products with AVX-512, whose registers hold sixteen lanes. */
#ifdef __x86_64__
#define SET mm_stages_avx512
#define NAME "avx512"
#include "infer/stages_steps.h"
#endif
