/* A model opened from whatever holds it (GGUF, a safetensors folder, a llama2.c checkpoint, .slm), told in .slm's terms:
 * facts, tokenizer, and tensors whose rows can be read in any order. Everything that cannot be told is a finding that names
 * the key or tensor; nothing is left out silently. */
#ifndef MM_CONVERT_CHECKPOINT_H
#define MM_CONVERT_CHECKPOINT_H

#include "base/file.h"
#include "model/slm.h"

/* Where a tensor's rows are. */
struct mm_stored {
    int fd;
    uint64_t offset; /* of its first row in the file */
    int dtype;       /* as stored, index into mm_dtypes */
    uint32_t heads;  /* rows are in the order of safetensors: each of so many heads in two halves; 0: in place */
};

struct mm_checkpoint_file {
    int fd;
    char *path;
    struct stat before;
};

struct mm_checkpoint {
    struct mm_slm slm;        /* settled: facts, tokenizer, tensors with the dtypes they have in the source */
    struct mm_stored *stored; /* one for each of slm.tensors, in their order */
    size_t stored_capacity;
    struct mm_checkpoint_file *files;
    size_t file_count, file_capacity;
    bool run; /* as the options say */
    bool
        halves; /* set by a source whose rows of queries and keys are in halves without a word of their number of heads */
};

struct mm_checkpoint_options {
    const char *
        tokenizer; /* a file to take the tokenizer from (.gguf, .slm, tokenizer.json, tokenizer.model, tok.bin), or NULL */
    const char *const *drop; /* keys that may be left out, a final * stands for any rest */
    size_t drop_count;

    /* The model is to be run, and not written: tensors may have every dtype that mm_dequantize_knows, GGUF files may be of qwen2 too, and
     * folders of mistral and qwen2; keys and templates that nothing is computed with are passed over. What is refused, is so as INFER_UNSUPPORTED, where
     * otherwise a rule of the group PACK says it. */
    bool run;
};

/* Opens PATH, which is a file or a folder, by what it holds. Each of its files is validated whole first (mm_artifact_read).
 * Returns 0, or -1 with findings; release CHECKPOINT in every case. */
int mm_checkpoint_open(struct mm_checkpoint *checkpoint, const char *path, const struct mm_checkpoint_options *options,
                       struct mm_diags *diags);

/* The same for an .slm file and nothing else. */
int mm_checkpoint_open_slm(struct mm_checkpoint *checkpoint, const char *path, struct mm_diags *diags);

/* The same for COUNT files that are one model together: the parts of a split GGUF, or the shards of a safetensors folder, all of
 * them. */
int mm_checkpoint_open_files(struct mm_checkpoint *checkpoint, const char *const *paths, size_t count,
                             const struct mm_checkpoint_options *options, struct mm_diags *diags);
void mm_checkpoint_release(struct mm_checkpoint *checkpoint);

/* The bytes of a row of tensor WHICH as stored. */
uint64_t mm_checkpoint_row_bytes(const struct mm_checkpoint *checkpoint, size_t which);

/* The number of rows of tensor WHICH. */
uint64_t mm_checkpoint_rows(const struct mm_checkpoint *checkpoint, size_t which);

/* Reads COUNT rows from FIRST on into OUT, in the order of .slm. Returns 0, or -1 with IO_READ or IO_CHANGED. */
int mm_checkpoint_read(struct mm_checkpoint *checkpoint, size_t which, uint64_t first, uint64_t count, void *out,
                       struct mm_diags *diags);

/* Checks that no file changed since it was opened. Returns 0, or -1 with IO_CHANGED. */
int mm_checkpoint_finish(const struct mm_checkpoint *checkpoint, struct mm_diags *diags);

#endif
