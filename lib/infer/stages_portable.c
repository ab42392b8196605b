/* The steps between products in plain C, which compilers turn into whatever vectors the processor's base has. */
#define SET mm_stages_portable
#define NAME "portable"
#include "infer/stages_steps.h"
