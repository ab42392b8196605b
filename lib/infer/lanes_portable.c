/* The steps between products in plain C, which compilers turn into whatever vectors the processor's base has. */
#define SET mm_lanes_portable
#define NAME "portable"
#include "infer/lanes_steps.h"
