/* The steps between products in plain C, which compilers turn into whatever vectors the processor's base has. */
#include "infer/stages_steps.h"
