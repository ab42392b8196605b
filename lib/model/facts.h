/* What a model's files say of themselves, in the terms of the manifest (artifacts.md). */
#ifndef MM_MODEL_FACTS_H
#define MM_MODEL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "hash/sha256.h"
#include "model/dtype.h"

/* The seven facts of model-shape, in its order. */
enum mm_shape {
    MM_SHAPE_BLOCK_COUNT,
    MM_SHAPE_EMBEDDING_LENGTH,
    MM_SHAPE_FEED_FORWARD_LENGTH,
    MM_SHAPE_HEAD_COUNT,
    MM_SHAPE_HEAD_COUNT_KV,
    MM_SHAPE_VOCAB_SIZE,
    MM_SHAPE_CONTEXT_LENGTH,
    MM_SHAPE_COUNT
};

/* Where each fact stands: in the manifest, in GGUF behind "ARCHITECTURE.", in config.json. */
struct mm_shape_names {
    const char *manifest, *gguf, *config;
};
extern const struct mm_shape_names mm_shape_names[MM_SHAPE_COUNT];

enum mm_fact_state { MM_FACT_ABSENT, MM_FACT_VALUE, MM_FACT_ARRAY };

struct mm_fact {
    enum mm_fact_state state;
    uint64_t value;
};

struct mm_digest {
    bool known;
    unsigned char bytes[MM_HASH_BYTES];
};

#define MM_ARCHITECTURE_MAX 64

/* The tensors of one dtype. */
struct mm_dtype_use {
    uint64_t tensors, bytes;
};

struct mm_facts {
    bool states_architecture;                   /* the file has a word for it at all */
    char architecture[MM_ARCHITECTURE_MAX + 1]; /* "unknown" where that is no architecture's name; "" if not stated */
    struct mm_fact shape[MM_SHAPE_COUNT];
    uint64_t token_count;                       /* of its tokenizer, 0 for none */
    bool has_tensors;                           /* the format holds tensors */
    uint64_t parameters;                        /* elements of all tensors */
    struct mm_dtype_use dtypes[MM_DTYPE_COUNT]; /* what its tensors are made of */
    struct mm_digest tokenizer, chat_template, layout;
    bool adapter; /* it calls itself an adapter */
    bool split;   /* a part of a split GGUF model */
    uint64_t split_no, split_count, split_tensors;
};

/* Stores TEXT as the architecture, "unknown" where it is not [a-z0-9._-]{1,64}. */
void mm_facts_set_architecture(struct mm_facts *facts, const char *text, size_t length);

/* Applies the defaults (head_count_kv is head_count, vocab_size the token count) and writes the value of model-shape.
 * Returns false where a fact is absent or an array: then there is no line. */
bool mm_facts_shape(const struct mm_facts *facts, struct mm_buf *value);

/* The dtype that most bytes have, by name; the bytewise first name on a tie; "unknown" without tensors. */
const char *mm_facts_quantization(const struct mm_dtype_use dtypes[static MM_DTYPE_COUNT]);

#endif
