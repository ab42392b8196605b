/* What the parts of the GGUF reader share: gguf.c (file, tensors, data), gguf_pairs.c (keys and values) and gguf_facts.c
 * (what the pairs say of the model). Nobody else includes this. */
#ifndef MM_MODEL_GGUF_PARTS_H
#define MM_MODEL_GGUF_PARTS_H

#include <string.h>

#include "base/bits.h"
#include "hash/name_set.h"
#include "model/gguf_type.h"
#include "model/model.h"

#define MM_GGUF_KEY_MAX 65535

/* A value as far as facts need it. */
struct mm_gguf_value {
    uint32_t type;
    uint64_t offset; /* of the value */
    bool is_number, negative;
    uint64_t number;  /* of an integer */
    char text[80];    /* of a string: its first bytes */
    uint64_t length;  /* of a string in bytes, of an array in elements */
    uint32_t element; /* an array's type */
};

/* A pair that is a shape fact if its prefix turns out to be the architecture, which may come later. */
struct mm_gguf_candidate {
    char prefix[MM_ARCHITECTURE_MAX + 1];
    enum mm_shape which;
    struct mm_fact fact;
    uint64_t offset;
    bool wrong_type;
};

/* What is known of tokenizer.ggml.*: counts and, a bit a token, which tokens are byte tokens. */
struct mm_gguf_tokenizer {
    bool sentencepiece; /* tokenizer.ggml.model is "llama" */
    bool has_tokens, has_scores, has_types;
    uint64_t tokens, scores, types;
    uint64_t scores_offset, types_offset;
    struct mm_bits spelled, typed; /* the token is spelled <0xHH>; its type is 6, "byte" */
};

struct mm_gguf {
    struct mm_source *source;
    struct mm_model *model;
    struct mm_diags *diags;
    struct mm_sha256 *sha; /* names */
    struct mm_sha256 *tokenizer_sha, *template_sha;
    struct mm_sha256 *capture;   /* one of these two while its pair is read, or NULL */
    struct mm_sha256 *value_sha; /* what a kept pair's value is hashed with */
    bool keeping;                /* while such a value is read */
    struct mm_name_set keys, names;
    struct mm_gguf_candidate *candidates;
    size_t candidate_count, candidate_capacity;
    char architecture[MM_ARCHITECTURE_MAX + 1]; /* as stored, "" if none or longer */
    struct mm_gguf_tokenizer tokenizer;
    uint64_t pair_count, tensor_count;
    uint64_t alignment;
    bool has_file_type;
    uint32_t file_type;
    uint64_t file_type_offset;
    uint64_t tensor_end; /* end of the tensors so far, in the data section */
    bool sizes_known;    /* every dtype so far was known */
    char key[MM_GGUF_KEY_MAX + 1];
    size_t key_length;
};

/* Bytes that were taken, for the digests that they belong to. */
static inline void mm_gguf_hash(struct mm_gguf *g, const void *bytes, size_t length)
{
    if (g->capture)
        mm_sha256_update(g->capture, bytes, length);
    if (g->keeping)
        mm_sha256_update(g->value_sha, bytes, length);
}

static inline bool mm_gguf_key_is(const struct mm_gguf *g, const char *key)
{
    return strcmp(g->key, key) == 0;
}

static inline bool mm_gguf_key_begins(const struct mm_gguf *g, const char *prefix)
{
    return strncmp(g->key, prefix, strlen(prefix)) == 0;
}

/* gguf.c: taking bytes, which go to g->capture too. WHAT names them in findings. Each returns 0, or -1 with a finding. */
int mm_gguf_truncated(struct mm_gguf *g, const char *what);
int mm_gguf_take(struct mm_gguf *g, void *out, size_t length, const char *what);
int mm_gguf_skip(struct mm_gguf *g, uint64_t length, const char *what);
int mm_gguf_number(struct mm_gguf *g, size_t size, uint64_t *value, const char *what);
int mm_gguf_length(struct mm_gguf *g, enum mm_rule rule, uint64_t *length, const char *what);

/* gguf_pairs.c: reads all pairs. Returns 0, or -1 where the header cannot be read on. */
int mm_gguf_read_pairs(struct mm_gguf *g);

/* gguf_facts.c: takes a pair's value into account; a token of tokenizer.ggml.tokens; the index of a byte token's type.
 * Each returns 0, or -1 with IO_MEMORY. */
int mm_gguf_note_fact(struct mm_gguf *g, const struct mm_gguf_value *value);
int mm_gguf_note_token(struct mm_gguf *g, const struct mm_gguf_value *token, uint64_t index, uint64_t offset);
int mm_gguf_note_byte_type(struct mm_gguf *g, uint64_t index);

/* After the last pair: shape, tokenizer and digests. */
void mm_gguf_settle_facts(struct mm_gguf *g);

/* After the last tensor: a note where general.file_type says something else than the tensors. */
void mm_gguf_note_file_type(struct mm_gguf *g);

#endif
