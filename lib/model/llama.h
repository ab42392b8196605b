/* The llama architecture: its facts and the tensors that follow from them, the same whatever file holds them
 * (docs/formats/slm.md; ggml-org/llama.cpp and Hugging Face transformers for the names). */
#ifndef MM_MODEL_LLAMA_H
#define MM_MODEL_LLAMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

enum mm_llama_number {
#define NUMBER(id, ...) MM_LLAMA_##id,
#include "model/llama.def"
    MM_LLAMA_NUMBERS
};

struct mm_llama_number_info {
    const char *slm, *gguf, *config; /* config may be NULL */
    uint32_t least, most;
};
extern const struct mm_llama_number_info mm_llama_numbers[MM_LLAMA_NUMBERS];

/* What has to be known to compute with the tensors. */
struct mm_llama {
    uint32_t numbers[MM_LLAMA_NUMBERS]; /* 0: not stated */
    float rope_base, norm_epsilon;
    float rope_factor; /* of linear scaling; 0 for none */
};

enum mm_llama_order { MM_LLAMA_PLAIN, MM_LLAMA_HEADS, MM_LLAMA_HEADS_KV };

struct mm_llama_tensor {
    const char *name, *safetensors;
    const char *dimensions;
    bool once;   /* not optional */
    bool blocks; /* one in each block */
    enum mm_llama_order order;
};

enum mm_llama_tensor_id {
#define TENSOR(id, ...) MM_LLAMA_T_##id,
#include "model/llama.def"
    MM_LLAMA_TENSORS
};
extern const struct mm_llama_tensor mm_llama_tensors[MM_LLAMA_TENSORS];

#define MM_LLAMA_NAME_MAX 96

/* Writes the name of tensor WHICH of BLOCK in .slm and GGUF, or in safetensors files. Returns OUT. */
const char *mm_llama_name(enum mm_llama_tensor_id which, uint32_t block, char out[static MM_LLAMA_NAME_MAX]);
const char *mm_llama_safetensors_name(enum mm_llama_tensor_id which, uint32_t block,
                                      char out[static MM_LLAMA_NAME_MAX]);

/* The tensor that NAME (LENGTH bytes, of .slm and GGUF) is, its block in *BLOCK (0 without blocks); or -1. A block's number has
 * no leading zeros. The second takes names of safetensors files. */
int mm_llama_tensor_of(const char *name, size_t length, uint32_t *block);
int mm_llama_tensor_of_safetensors(const char *name, size_t length, uint32_t *block);

/* The dimensions that WHICH has, the fastest first, into DIMS; returns their number. False facts (products above 2^63) give
 * dimensions of 0. */
unsigned mm_llama_dimensions(const struct mm_llama *llama, enum mm_llama_tensor_id which, uint64_t dims[static 4]);

/* Fills what is not stated and follows from the rest: head-count-kv (head-count), key-length and value-length
 * (embedding-length / head-count), rope-dimension-count (key-length), rope_base (10000). A scaling by 1 is none. */
void mm_llama_defaults(struct mm_llama *llama);

/* NULL where the facts hold together (every number stated and in range, head-count a multiple of head-count-kv, an even
 * rope-dimension-count of at most key-length, finite reals in range), else what is expected, *KEY being the .slm key at fault. */
const char *mm_llama_fault(const struct mm_llama *llama, const char **key);

#endif
