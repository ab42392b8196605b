/* config.json of a llama model, or of its kin if the model is to be run, as Hugging Face's transformers write it. Nobody outside lib/convert includes this. */
#ifndef MM_CONVERT_LLAMA_CONFIG_H
#define MM_CONVERT_LLAMA_CONFIG_H

#include "convert/checkpoint.h"

struct mm_llama_config {
    struct mm_llama llama;          /* what is stated; the rest is for mm_llama_defaults */
    bool tied;                      /* the output uses the embedding */
    bool attention_bias, feed_bias; /* these tensors are used, all of them */
    bool output_bias;               /* of attention */
    const char *bias_key;           /* what says so of attention */
};

/* Reads the file FD. Every key is taken over, or computes nothing, or is refused by name (PACK_KEY) unless OPTIONS drops it;
 * all of them are reported. Returns 0, or -1. */
int mm_llama_config_read(struct mm_llama_config *config, int fd, const struct mm_checkpoint_options *options,
                         struct mm_diags *diags);

#endif
