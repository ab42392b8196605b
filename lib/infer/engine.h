/* What runs a network: one device, one sequence of tokens. The CPU's is made by infer/cpu.h; others come with their own headers. */
#ifndef MM_INFER_ENGINE_H
#define MM_INFER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/* What a layer left: called after the embedding (LAYER -1, name "embedding"), each block (its number, "blk.N"), the final norm (block-count, "output_norm")
 * and the logits (block-count + 1, "logits": of the positions whose logits are asked for), for
 * each position of a batch in order, batch after batch. VALUES are good during the call. Returns 0, or -1 to end. */
typedef int mm_trace_fn(void *context, int layer, const char *name, uint64_t position, const float *values,
                        size_t count, struct mm_diags *diags);

struct mm_engine {
    void *self;
    char device[128];  /* "cpu avx512, 2 threads", printable ASCII */
    size_t vocabulary; /* pieces, and logits */
    size_t context;    /* positions that there is room for */

    /* Appends COUNT tokens (1 to what is left of context; each below vocabulary, which the caller sees to) to the sequence, and fills LOGITS with
     * the VOCABULARY logits behind the last one, or, if EVERY, behind each (COUNT × VOCABULARY). NaN or infinity in a layer is a finding INFER_NUMBER that names the
     * layer and position. TRACE may be NULL. Returns 0, or -1 with findings; the sequence is then of no use until rewind. */
    int (*feed)(void *self, const uint32_t *tokens, size_t count, bool every, float *logits, mm_trace_fn *trace,
                void *trace_context, struct mm_diags *diags);

    /* Back to LENGTH tokens (at most what the sequence has). */
    void (*rewind)(void *self, size_t length);

    /* Bytes a second with which a plain loop of the device reads its memory, the best of several rounds. NULL where it is the CPU's. Returns 0, or -1
     * with findings. */
    int (*read_rate)(void *self, double *rate, struct mm_diags *diags);

    void (*free)(void *self);
};

#endif
