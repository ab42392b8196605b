/* llama2.c's tok.bin, with and without a number of pieces asked for. */
#include "tokenizer.h"

static int read_any(struct mm_tokenizer *tokenizer, int fd, struct mm_diags *diags)
{
    return mm_tokenizer_from_bin(tokenizer, fd, 0, diags);
}

static int read_five(struct mm_tokenizer *tokenizer, int fd, struct mm_diags *diags)
{
    int result = mm_tokenizer_from_bin(tokenizer, fd, 5, diags);
    must(result < 0 || tokenizer->piece_count <= 5);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer_file(data, size, read_any);
    tokenizer_file(data, size, read_five);
    return 0;
}
