/* A tensor's bytes on their way from a source into a file, a few rows at a time, in another dtype if asked for; and the file
 * read back before it gets its name. */
#ifndef MM_CONVERT_ROWS_H
#define MM_CONVERT_ROWS_H

#include "convert/checkpoint.h"
#include "model/artifact.h"

/* Gets the next LENGTH bytes of a tensor. Returns 0, or -1 with a finding, which ends the tensor. */
typedef int mm_rows_fn(void *context, const void *bytes, size_t length);

/* Hands the bytes of tensor WHICH, as DTYPE, to TAKE in order. DTYPE is the stored one, or a row is whole blocks of it.
 * Returns 0, or -1 with findings: PACK_TENSOR where a value does not fit DTYPE. */
int mm_rows_each(struct mm_checkpoint *checkpoint, size_t which, int dtype, mm_rows_fn *take, void *context,
                 struct mm_diags *diags);

/* Reads what WRITER wrote as FORMAT into ARTIFACT, SHA-256 included. Returns 0 if it is valid and no file of CHECKPOINT
 * changed, else -1 with findings; release ARTIFACT in every case. */
int mm_rows_read_back(struct mm_writer *writer, enum mm_format format, const struct mm_checkpoint *checkpoint,
                      struct mm_artifact *artifact, struct mm_diags *diags);

#endif
