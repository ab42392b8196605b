/* A llama network (docs/formats/slm.md) bound to its weights where they lie: mapped files, used in place. */
#ifndef MM_INFER_NETWORK_H
#define MM_INFER_NETWORK_H

#include "convert/checkpoint.h"
#include "infer/kernels.h"

/* Vectors that every position is scaled by or added to, in f32 whatever their dtype; NULL: there is none. */
struct mm_network_block {
    struct mm_matrix query, key, value, attention_out, gate, up, down;
    const float *attention_norm, *feed_forward_norm;
    const float *query_bias, *key_bias, *value_bias, *attention_out_bias, *gate_bias, *up_bias, *down_bias;
};

struct mm_network {
    struct mm_llama llama; /* as mm_llama_defaults leaves it */
    bool rotates_halves;   /* element i of a head turns with i + rope-dimension-count / 2; else 2 i with 2 i + 1 */
    struct mm_matrix embedding, output; /* the output's is the embedding's where it has none of its own */
    const float *output_norm;
    struct mm_network_block *blocks; /* llama.numbers[MM_LLAMA_BLOCK_COUNT] of them */
    void *self;                      /* mappings, vectors; the network's own */
};

/* The bytes that are needed beside the mapped weights to run a sequence of CONTEXT positions on the CPU, BATCH at once: key and value cache, activations, logits, vectors.
 * Computed from the facts alone, before anything is allocated. UINT64_MAX where it is more than can be told. */
uint64_t mm_network_memory(const struct mm_llama *llama, uint64_t context, uint64_t batch);

/* The multiplications with weights that a position costs, logits included, from the facts alone. UINT64_MAX likewise. */
uint64_t mm_network_work(const struct mm_llama *llama);

/* The bytes of weights that have to be read into memory beside that, as their files cannot be mapped soundly (mm_mapped_sound);
 * UINT64_MAX likewise. */
uint64_t mm_network_copied(const struct mm_checkpoint *checkpoint);

/* Binds NETWORK to the tensors of CHECKPOINT, which is borrowed and has to be open as long. Files are mapped whole and watched (base/mapped), or tensors
 * are read into memory where that is not to be had. Rows of queries and keys that stand in halves stay so, and rotates_halves says it. Returns 0,
 * or -1 with INFER_UNSUPPORTED (tensors that lack, whose dimensions do not follow from the facts, or whose dtype is not known), TENSOR_OVERFLOW,
 * IO_CHANGED, IO_READ, IO_MEMORY; release NETWORK in every case. */
int mm_network_open(struct mm_network *network, struct mm_checkpoint *checkpoint, struct mm_diags *diags);

/* Returns 0 if nothing of the weights was lost or changed while they were looked at, else -1 with IO_CHANGED. */
int mm_network_finish(const struct mm_network *network, struct mm_diags *diags);
void mm_network_release(struct mm_network *network);

#endif
