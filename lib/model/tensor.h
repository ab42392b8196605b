/* The tensor table of a model file and its layout: the lines that tensor-layout-sha256 is taken over. */
#ifndef MM_MODEL_TENSOR_H
#define MM_MODEL_TENSOR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/source.h"
#include "hash/sha256.h"
#include "model/dtype.h"

#define MM_TENSOR_NAME_MAX 255

/* Tensors of one file at most; more are IO_LIMIT. Bounds memory to about 150 bytes a tensor. */
#define MM_TENSOR_COUNT_MAX 2097152

struct mm_tensor {
    uint64_t offset, bytes; /* in the data section */
    size_t name, dims;      /* where their texts begin in `words`; dims are "D0,D1", "" for rank 0 */
    int dtype;              /* index into mm_dtypes */
};

struct mm_tensors {
    struct mm_tensor *items;
    size_t count, capacity;
    struct mm_buf words; /* NUL-terminated texts */
};

void mm_tensors_release(struct mm_tensors *tensors);

/* Adds a tensor whose name and dimensions are checked. Returns 0, or -1 with IO_LIMIT or IO_MEMORY. */
int mm_tensors_add(struct mm_tensors *tensors, const char *name, size_t name_length, const char *dims, int dtype,
                   uint64_t offset, uint64_t bytes, struct mm_diags *diags);

static inline const char *mm_tensor_name(const struct mm_tensors *tensors, size_t index)
{
    return tensors->words.data + tensors->items[index].name;
}

/* A finding, and false, unless NAME is 1 to 255 bytes of well-formed UTF-8 without control characters. */
bool mm_tensor_name_check(const char *name, size_t length, uint64_t offset, struct mm_diags *diags);

/* Puts the tensors in the order of the layout: by offset, then name. Needs no further memory. */
void mm_tensors_sort(struct mm_tensors *tensors);

/* Appends the layout line of tensor INDEX, LF included. */
void mm_tensor_layout_line(const struct mm_tensors *tensors, size_t index, struct mm_buf *buf);

/* The SHA-256 over the layout lines of sorted TENSORS. Returns 0, or -1 with IO_MEMORY. */
int mm_tensors_layout(const struct mm_tensors *tensors, unsigned char digest[static MM_HASH_BYTES],
                      struct mm_diags *diags);

/* Takes LENGTH bytes that must be zeros; every run that is not is a finding at its first byte (DATA_PADDING).
 * Returns false if the file ends before. */
bool mm_tensors_padding(struct mm_source *source, uint64_t length, struct mm_diags *diags);

#endif
