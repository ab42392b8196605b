/* The .slm format, version 0 (docs/formats/slm.md): a model's facts, tokenizer and tensor table in memory, from and to the
 * bytes before the tensor data. mm_slm_read (model.h) checks a whole file in one pass. */
#ifndef MM_MODEL_SLM_H
#define MM_MODEL_SLM_H

#include "base/buf.h"
#include "hash/sha256.h"
#include "model/llama.h"
#include "model/tensor.h"
#include "model/tokenizer.h"

#define MM_SLM_HEADER 256
#define MM_SLM_ALIGNMENT 64
#define MM_SLM_FACTS_MAX 65536
extern const unsigned char mm_slm_magic[8];

struct mm_slm_tensor {
    char name[MM_TENSOR_NAME_MAX + 1];
    uint64_t dims[4]; /* the fastest first; unused ones 0 */
    unsigned rank;
    int dtype;              /* index into mm_dtypes */
    uint64_t offset, bytes; /* in the data section; mm_slm_settle computes both */
    unsigned char sha256[MM_HASH_BYTES];
};

/* A zeroed model is empty. */
struct mm_slm {
    char *name, *license; /* NULL where not stated */
    struct mm_llama llama;
    struct mm_tokenizer tokenizer;
    struct mm_slm_tensor *tensors; /* sorted by name once settled or read */
    size_t tensor_count, tensor_capacity;
    uint64_t data_offset, data_size; /* likewise */
    bool any_dtype;                  /* of a model that is never written: whoever adds a tensor sees to its dtype */
};

void mm_slm_release(struct mm_slm *slm);

/* Adds a tensor; NAME is copied. Its place, size and hash come later. Returns the tensor, or NULL with a finding
 * (TENSOR_NAME, IO_LIMIT, IO_MEMORY). The pointer is good until the next addition. */
struct mm_slm_tensor *mm_slm_add_tensor(struct mm_slm *slm, const char *name, size_t length, struct mm_diags *diags);

/* Sorts the tensors, computes sizes and places, and checks every rule of slm.md that does not hang on hashes. What is wrong is
 * a finding at OFFSET 0 of the file that diags->file names. Returns 0, or -1. */
int mm_slm_settle(struct mm_slm *slm, struct mm_diags *diags);

/* Appends all bytes before the data section, which are slm->data_offset of them, for a settled model whose tensors have their
 * hashes. The number of bytes does not hang on the hashes. Returns 0, or -1 with IO_MEMORY. */
int mm_slm_write_head(const struct mm_slm *slm, struct mm_buf *out, struct mm_diags *diags);

/* Reads the HEAD of a file of FILE_SIZE bytes: LENGTH bytes, all before the data section. Every broken rule is a finding at its
 * offset, header and section hashes included. Returns 0, or -1; release SLM in every case. */
int mm_slm_read_head(struct mm_slm *slm, const void *head, size_t length, uint64_t file_size, struct mm_diags *diags);

#endif
