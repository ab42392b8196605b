/* Element types of tensors, one table for all formats: names, numbers, block sizes (docs/formats/dtypes.md). */
#ifndef MM_MODEL_DTYPE_H
#define MM_MODEL_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mm_dtype {
    const char *name;        /* in manifests and layouts: lower case */
    int ggml;                /* the number in GGUF files, -1 for none */
    const char *safetensors; /* the name in safetensors headers, NULL for none */
    unsigned block;          /* elements of a block */
    unsigned bytes;          /* of a block */
};

#define MM_DTYPE_COUNT 49
extern const struct mm_dtype mm_dtypes[MM_DTYPE_COUNT];

/* Index into mm_dtypes, or -1 for a number or name that is not known. */
int mm_dtype_of_ggml(uint32_t number);
int mm_dtype_of_safetensors(const char *name);

/* The dtype that general.file_type names for most of a GGUF file's weights, or -1 where it names none that is known. */
int mm_dtype_of_file_type(uint32_t file_type);

#endif
