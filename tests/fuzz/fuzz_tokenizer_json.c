/* tokenizer.json: any bytes are a tokenizer that holds together, or refused. */
#include "tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer_file(data, size, mm_tokenizer_from_json);
    return 0;
}
