/* A network run by the CPU (after the equations of llama: RMS norm, rotary positions, grouped-query attention, SwiGLU). */
#ifndef MM_INFER_CPU_H
#define MM_INFER_CPU_H

#include "infer/crew.h"
#include "infer/engine.h"
#include "infer/network.h"

#define MM_CPU_BATCH 32 /* positions that are computed at once, at most */

/* Fills ENGINE for sequences of at most CONTEXT positions. NETWORK, KERNELS and CREW are borrowed. Results do not hang on the number of threads, nor on how a
 * sequence was cut into calls of feed; with exact kernels not on the instruction set either. Returns 0, or -1 with IO_MEMORY. */
int mm_cpu_engine(struct mm_engine *engine, const struct mm_network *network, const struct mm_kernels *kernels,
                  struct mm_crew *crew, size_t context, struct mm_diags *diags);

#endif
