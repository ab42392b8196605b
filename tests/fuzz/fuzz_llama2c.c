/* llama2.c's checkpoints: an accepted one is explained to its last byte, and its tensors lie in it one behind the other. */
#include <string.h>

#include "convert/sources.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mm_checkpoint_options options;
    struct mm_checkpoint checkpoint = {0};
    struct mm_diags diags;
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    int result = mm_source_llama2c(&checkpoint, fd, &options, &diags);
    must((result == 0) == (diags.errors == 0));
    for (size_t i = 0; result == 0 && i < checkpoint.slm.tensor_count; i++) {
        uint64_t bytes = mm_checkpoint_row_bytes(&checkpoint, i) * mm_checkpoint_rows(&checkpoint, i);
        uint64_t end = checkpoint.stored[i].offset + bytes;
        must(bytes > 0 && end <= size);
        must(i == 0 || checkpoint.stored[i].offset >= checkpoint.stored[i - 1].offset);
    }
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
    close(fd);
    return 0;
}
