/* Proofs: a valid one is written again byte by byte. */
#include <string.h>

#include "doc/chunk_list.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_proof proof;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int result = mm_proof_read(&proof, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(proof.index < proof.count && proof.path.length <= MM_MERKLE_HEIGHT);
        mm_proof_write(&proof, &text);
        must(text.length == size && memcmp(text.data, data, size) == 0);
    }
    mm_buf_release(&text);
    mm_diags_release(&diags);
    return 0;
}
