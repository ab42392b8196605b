/* What one reading of a file finds out about it, whatever its format. */
#ifndef MM_MODEL_MODEL_H
#define MM_MODEL_MODEL_H

#include "base/source.h"
#include "model/facts.h"
#include "model/tensor.h"

enum mm_format {
    MM_FORMAT_SLM,
    MM_FORMAT_GGUF,
    MM_FORMAT_SAFETENSORS,
    MM_FORMAT_JSON,
    MM_FORMAT_TEXT,
    MM_FORMAT_OPAQUE,
    MM_FORMAT_COUNT
};

/* The formats' words in manifests: "slm", "gguf", ... */
extern const char *const mm_format_names[MM_FORMAT_COUNT];

/* Index of a format's word, or -1. */
int mm_format_of(const char *word, size_t length);

/* A key-value pair of a header, for people. */
struct mm_pair {
    char *key;
    char *type;                          /* "u32", "str", "arr[str,512]" */
    struct mm_buf value;                 /* a string's bytes as stored, else text; long ones are cut and counted */
    bool cut;                            /* value is not all of it */
    unsigned char sha256[MM_HASH_BYTES]; /* of the whole value as stored; zeros where what is kept is all */
};

/* A line of a shard index: the tensor TENSOR is in FILE. Both are offsets into `words`. */
struct mm_shard_entry {
    size_t tensor, file;
};

struct mm_model {
    enum mm_format format;
    struct mm_facts facts;
    struct mm_tensors tensors; /* in the layout's order */
    uint64_t data_offset;      /* where the data section begins, from which tensors' offsets count; with tensors only */

    bool pairs_lost; /* memory was exhausted while they were kept */
    bool keep_pairs; /* set by the caller before reading */
    struct mm_pair *pairs;
    size_t pair_count, pair_capacity;

    bool is_index; /* a *.safetensors.index.json */
    struct mm_shard_entry *shards;
    size_t shard_count, shard_capacity;
    struct mm_buf words; /* NUL-terminated texts of the index */
};

/* A zeroed model is empty. */
void mm_model_release(struct mm_model *model);

/* Adds a pair, if pairs are kept; TYPE and KEY are copied. Returns NULL if they are not, or memory is exhausted. */
struct mm_buf *mm_model_add_pair(struct mm_model *model, const char *key, size_t key_length, const char *type);

/* Each reads one file of its format from its first byte, checks it whole, and fills MODEL. Every broken rule becomes a
 * finding at its offset. What is left in SOURCE afterwards is for mm_source_finish. Returns 0 if no error was found. */
int mm_slm_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags);
int mm_gguf_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags);
int mm_safetensors_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags);

/* True for a config.json or a shard index, whose content counts as JSON. BASE is the file's name without folders. */
bool mm_config_speaks(const char *base);

/* JSON; a config.json's facts and a shard index's entries are taken along. */
int mm_config_read(struct mm_source *source, const char *base, struct mm_model *model, struct mm_diags *diags);

#endif
