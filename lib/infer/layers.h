/* What engines of every device do alike: names of layers, angles of positions, rows of the embedding, and long sequences in pieces. */
#ifndef MM_INFER_LAYERS_H
#define MM_INFER_LAYERS_H

#include "infer/engine.h"
#include "infer/network.h"

#define MM_LAYER_NAME 32

/* Who wants to know what layers leave: TRACE may be NULL. */
struct mm_watching {
    mm_trace_fn *trace;
    void *context;
    struct mm_diags *diags;
};

/* The name of LAYER as mm_trace_fn has it. Returns it, in OUT or not. */
const char *mm_layer_name(const struct mm_network *network, int layer, char out[static MM_LAYER_NAME]);

/* By how much pair PAIR of a head turns from one position to the next, in radians: base^(-2 PAIR / rope-dimension-count), divided by the factor of linear scaling. */
double mm_layer_frequency(const struct mm_llama *llama, uint64_t pair);

/* The rows of COUNT tokens in f32, one after the other, into OUT. */
void mm_layer_embed(const struct mm_network *network, const uint32_t *tokens, size_t count, float *out);

/* Calls BATCH for pieces of at most MOST of the COUNT tokens: WANTED is of how many, from the last one back, there are to be logits. Returns 0, or -1 as soon as BATCH does. Arguments are those of
 * mm_engine.feed. */
typedef int mm_layers_batch_fn(void *self, const struct mm_watching *watching, const uint32_t *tokens, size_t count,
                               size_t wanted, float *logits);
int mm_layers_feed(void *self, mm_layers_batch_fn *batch, size_t most, size_t vocabulary, const uint32_t *tokens,
                   size_t count, bool every, float *logits, const struct mm_watching *watching);

#endif
