/* GGUF: no input is both valid and broken, and a valid one is explained to its last byte. */
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_source source;
    struct mm_model model = {.keep_pairs = true};
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    must(mm_source_open(&source, fd, &diags) == 0);
    int result = mm_gguf_read(&source, &model, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(mm_source_fill(&source) == 0);
        model_must_fit(&model, size);
    }
    must(mm_source_finish(&source, &diags) == 0);
    mm_source_release(&source);
    mm_model_release(&model);
    mm_diags_release(&diags);
    close(fd);
    return 0;
}
