/* tokenizer.json: any bytes are a tokenizer that holds together, or refused. */
#include "tokenizer.h"

static int read_json(struct mm_tokenizer *tokenizer, int fd, struct mm_diags *diags)
{
    bool normalizes;
    return mm_tokenizer_from_json(tokenizer, fd, &normalizes, diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer_file(data, size, read_json);
    return 0;
}
