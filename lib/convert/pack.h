/* Writing a model, whatever holds it, as one .slm file. */
#ifndef MM_CONVERT_PACK_H
#define MM_CONVERT_PACK_H

#include "convert/checkpoint.h"
#include "model/artifact.h"

#define MM_PACK_KEEP (-1)

struct mm_pack_options {
    int dtype;                  /* what matrices become (index into mm_dtypes: q8_0 or q4_0), or MM_PACK_KEEP */
    const char *name, *license; /* instead of the source's; NULL for none */
    mm_progress_fn *progress;   /* of tensor data, may be NULL */
    void *progress_context;
};

/* Writes CHECKPOINT through WRITER, which is open, and checks what was written; committing WRITER is left to the caller.
 * ARTIFACT is what the check found, the file's SHA-256 included. Returns 0, or -1 with findings and WRITER to be abandoned;
 * release ARTIFACT in every case. */
int mm_pack(struct mm_checkpoint *checkpoint, const struct mm_pack_options *options, struct mm_writer *writer,
            struct mm_artifact *artifact, struct mm_diags *diags);

#endif
