/* What the parts of infer/gpu_placed, infer/gpu_layers and infer/gpu share: a network on a device. */
#ifndef MM_INFER_GPU_NETWORK_H
#define MM_INFER_GPU_NETWORK_H

#include "infer/gpu_parts.h"

#define MM_GPU_NONE_WRONG UINT32_MAX

/* The kernels that are no products. */
enum { MM_GPU_NORM, MM_GPU_LOOK, MM_GPU_PLACE, MM_GPU_ATTEND, MM_GPU_GATE, MM_GPU_READ, MM_GPU_KERNELS };

/* A matrix or vector on the device. */
struct mm_gpu_placed {
    const struct mm_matrix *matrix; /* dtype and sizes; NULL for a vector */
    union mm_gpu_memory memory, bias;
    bool has_bias;
};

enum mm_gpu_part {
    MM_GPU_QUERY,
    MM_GPU_KEY,
    MM_GPU_VALUE,
    MM_GPU_ATTENTION_OUT,
    MM_GPU_GATE_UP,
    MM_GPU_UP,
    MM_GPU_DOWN,
    MM_GPU_PARTS
};

struct mm_gpu_block {
    struct mm_gpu_placed parts[MM_GPU_PARTS];
    union mm_gpu_memory attention_norm, feed_forward_norm, keys, values;
};

/* Memory for MM_GPU_BATCH positions. */
enum mm_gpu_scratch {
    MM_GPU_STREAM,
    MM_GPU_NORMED,
    MM_GPU_QUERIES,
    MM_GPU_TURNED,
    MM_GPU_KEYS,
    MM_GPU_VALUES,
    MM_GPU_ATTENDED,
    MM_GPU_GATES,
    MM_GPU_UPS,
    MM_GPU_SCORES,
    MM_GPU_TURNS,
    MM_GPU_LOGITS,
    MM_GPU_WORDS, /* of struct mm_gpu_words */
    MM_GPU_SCRATCH
};

/* What the kernels are told of a batch, and tell. */
struct mm_gpu_words {
    uint32_t wrong, first; /* the first position */
};

/* How far it is with recording a token's launches. Drivers load a kernel when it is launched first, which they may not while they record: so the first token is not
 * recorded. */
enum mm_gpu_recording { MM_GPU_NONE_FED, MM_GPU_ONE_FED, MM_GPU_RECORDED };

struct mm_gpu_network {
    struct mm_gpu *gpu;
    const struct mm_gpu_dialect *dialect;
    const struct mm_network *network;
    size_t context, length;
    size_t embedding, feed, heads, groups, key, value, pairs, vocabulary;
    struct mm_gpu_block *blocks;
    size_t block_count;
    struct mm_gpu_placed output;
    union mm_gpu_memory output_norm, scratch[MM_GPU_SCRATCH];
    void *kernels[MM_GPU_KERNELS];
    void *one[MM_DTYPE_COUNT], *gated[MM_DTYPE_COUNT], *many[MM_DTYPE_COUNT]; /* products, by dtype */
    float *stream;                                                            /* of a batch, here */
    enum mm_gpu_recording recording;
    void *token; /* the launches of one token, as the dialect recorded them; NULL: it does not, or has not yet */
};

/* ---- gpu_placed.c: onto the device ---- */

/* BYTES of memory, which no allocation of the device may be too small for. Returns 0, or -1 with a finding. */
int mm_gpu_allocate(struct mm_gpu_network *d, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags);

/* Places weights, norms and what is computed beforehand, and finds the kernels. Returns 0, or -1 with a finding. */
int mm_gpu_place_network(struct mm_gpu_network *d, struct mm_diags *diags);

/* Gives back whatever was placed. */
void mm_gpu_release_network(struct mm_gpu_network *d);

/* ---- gpu_layers.c: launches; each returns 0, or -1 with a finding ---- */

#define MM_GPU_ARGUMENT(value)                                                                                         \
    {                                                                                                                  \
        &(value), sizeof(value)                                                                                        \
    }
#define MM_GPU_LAUNCH(d, kernel, x, y, arguments, diags)                                                               \
    (d)->dialect->launch((d)->gpu, kernel, (unsigned)(x), (unsigned)(y), arguments,                                    \
                         sizeof(arguments) / sizeof *(arguments), diags)

/* A matrix, and where its products go. */
struct mm_gpu_product {
    const struct mm_gpu_placed *placed;
    union mm_gpu_memory out;
};

#define MM_GPU_TOGETHER 3 /* matrices of one launch, with one vector */
#define MM_GPU_ONTO 8     /* the product is added; below it a bit for each bias */

/* Each of the COUNT products (at most MM_GPU_TOGETHER), with BATCH vectors at X; FLAGS: MM_GPU_ONTO or 0. */
int mm_gpu_multiply(struct mm_gpu_network *d, const struct mm_gpu_product *products, size_t count,
                    union mm_gpu_memory x, size_t batch, uint32_t flags, struct mm_diags *diags);

/* NORMED = the normed stream from position FIRST of the batch on; what is not finite in it was LAYER's doing. */
int mm_gpu_normalise(struct mm_gpu_network *d, union mm_gpu_memory weights, uint32_t layer, size_t first, size_t batch,
                     struct mm_diags *diags);

/* Notes what is not finite among EACH values of every position of BATCH, as LAYER's. */
int mm_gpu_look(struct mm_gpu_network *d, union mm_gpu_memory values, size_t each, uint32_t layer, size_t first,
                size_t batch, struct mm_diags *diags);

/* One block; LAYER counts from 0, the embedding. */
int mm_gpu_run_block(struct mm_gpu_network *d, const struct mm_gpu_block *block, uint32_t layer, size_t batch,
                     struct mm_diags *diags);

#endif
