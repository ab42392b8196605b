/* What tokenizer.json says of the steps around its model: what is done to text before it is cut, how it is cut, what is put
 * around it, and how pieces become text again. An .slm tells of a few such pipelines, and this tells which. Nobody outside
 * lib/convert includes this. */
#ifndef MM_CONVERT_PIPELINE_H
#define MM_CONVERT_PIPELINE_H

#include "model/tokenizer.h"
#include "text/json_tree.h"

struct mm_pipeline {
    const struct mm_json_tree *tree;
    const struct mm_json_value *normalizer, *pre_tokenizer, *post_processor, *decoder; /* NULL where absent */
    bool byte_fallback, ignore_merges, unigram;                                        /* of the model */

    /* found out by mm_pipeline_judge */
    bool normalizes; /* a normalizer changes text before added tokens are looked for */
    bool words;      /* text is cut before each space, so that no piece has one inside */
};

/* Decides on TOKENIZER's kind, its pre-tokenizer and its settings about spaces. Returns 0, or -1 with PACK_TOKENIZER, which
 * names the step that no .slm tells of. */
int mm_pipeline_judge(struct mm_pipeline *pipeline, struct mm_tokenizer *tokenizer, struct mm_diags *diags);

/* Which tokens the post-processor puts around a text: settings of TOKENIZER, whose pieces are there. */
int mm_pipeline_around(const struct mm_pipeline *pipeline, struct mm_tokenizer *tokenizer, struct mm_diags *diags);

#endif
