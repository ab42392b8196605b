/* Passing on a stream, verified bytes only. */
#ifndef MM_ACT_FILTER_H
#define MM_ACT_FILTER_H

#include "doc/chunk_list.h"

/* Copies IN to OUT chunk by chunk; a chunk is written after its hash was found to be the one that LIST has. Ends at the
 * first byte that is not as listed: a wrong chunk, an early end, a byte too many. Holds one chunk in memory.
 * Returns 0, or -1 with a finding. */
int mm_filter(int in, int out, const struct mm_chunk_list *list, struct mm_diags *diags);

#endif
