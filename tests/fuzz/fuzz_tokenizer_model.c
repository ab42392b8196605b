/* sentencepiece's tokenizer.model: any bytes are a tokenizer that holds together, or refused. */
#include "tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer_file(data, size, mm_tokenizer_from_model);
    return 0;
}
