/* Scores that make pieces merge in the order of a list of merges. Nobody outside lib/convert includes this. */
#ifndef MM_CONVERT_MERGE_SCORES_H
#define MM_CONVERT_MERGE_SCORES_H

#include "model/tokenizer.h"

/* MERGES, in rank order, joins pieces of TOKENIZER; RESULTS are the pieces that each makes. Gives every piece its score.
 * Returns 0; -1 with PACK_TOKENIZER where no scores say what the merges say. */
int mm_merge_scores(struct mm_tokenizer *tokenizer, const struct mm_merge *merges, const uint32_t *results,
                    size_t count, struct mm_diags *diags);

#endif
