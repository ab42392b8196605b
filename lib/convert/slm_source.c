/* A model from an .slm file, whose head says all. */
#include <stdlib.h>

#include "base/checked.h"
#include "convert/sources.h"

static int place_tensors(struct mm_checkpoint *checkpoint, int fd, struct mm_diags *diags)
{
    const struct mm_slm *slm = &checkpoint->slm;
    checkpoint->stored = mm_realloc_array(NULL, slm->tensor_count, sizeof *checkpoint->stored);
    if (!checkpoint->stored)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < slm->tensor_count; i++)
        checkpoint->stored[i] = (struct mm_stored){
            .fd = fd, .offset = slm->data_offset + slm->tensors[i].offset, .dtype = slm->tensors[i].dtype};
    return 0;
}

int mm_source_slm(struct mm_checkpoint *checkpoint, int fd, const struct mm_artifact *artifact,
                  const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    size_t length = (size_t)artifact->model.data_offset;
    unsigned char *head = malloc(length);
    (void)options; /* every key of an .slm can be carried over */
    if (!head)
        return mm_diag_memory(diags);
    int result = mm_file_read_at(fd, 0, head, length, diags);
    if (result == 0)
        result = mm_slm_read_head(&checkpoint->slm, head, length, artifact->chunks.bytes, diags);
    free(head);
    return result < 0 ? -1 : place_tensors(checkpoint, fd, diags);
}
