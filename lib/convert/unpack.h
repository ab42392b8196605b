/* Writing an .slm file as GGUF, for the programs that read that. */
#ifndef MM_CONVERT_UNPACK_H
#define MM_CONVERT_UNPACK_H

#include "convert/checkpoint.h"
#include "model/artifact.h"

/* Writes CHECKPOINT through WRITER, which is open, as GGUF version 3: one model has one sequence of bytes here too, and packing it
 * again gives the .slm that it came from. What was written is checked; committing WRITER is left to the caller. ARTIFACT is what
 * the check found. Returns 0, or -1 with findings (PACK_TOKENIZER: merges that GGUF cannot tell) and WRITER to be abandoned;
 * release ARTIFACT in every case. PROGRESS may be NULL. */
int mm_unpack(struct mm_checkpoint *checkpoint, struct mm_writer *writer, mm_progress_fn *progress,
              void *progress_context, struct mm_artifact *artifact, struct mm_diags *diags);

#endif
