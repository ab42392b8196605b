/* A network run by the CPU (after the equations of llama: RMS norm, rotary positions, grouped-query attention, SwiGLU).
 *
 * With exact kernels the same tokens give the same bits on every processor. Products are those of infer/kernels.h; what lies between them is infer/stages.h,
 * whose sums run over positions in their order, or in sixteen lanes; angles come from infer/elementary.h in double, and no function of libm takes part but
 * those that are exact (sqrt, floor, fmod, frexp, ldexp). The cache of keys and values is f32. Against the same equations in float64, logits are off by about 10^-5 of the
 * largest. */
#ifndef MM_INFER_CPU_H
#define MM_INFER_CPU_H

#include "infer/crew.h"
#include "infer/engine.h"
#include "infer/network.h"

#define MM_CPU_BATCH 32 /* positions that are computed at once, at most */

/* Multiplications of a position (mm_network_work), below which threads that share rows cost more than they give: the calling thread does all, and
 * others may run engines of their own. */
#define MM_CPU_ALONE 1048576

/* Fills ENGINE for sequences of at most CONTEXT positions. NETWORK, KERNELS and CREW are borrowed; engines that share one CREW may
 * run at once if the network is so small that none of them shares its rows. Results do not hang on the number of threads, nor on how a
 * sequence was cut into calls of feed; with exact kernels not on the instruction set either. feed asks for no memory. Returns 0, or -1 with IO_MEMORY. */
int mm_cpu_engine(struct mm_engine *engine, const struct mm_network *network, const struct mm_kernels *kernels,
                  struct mm_crew *crew, size_t context, struct mm_diags *diags);

#endif
