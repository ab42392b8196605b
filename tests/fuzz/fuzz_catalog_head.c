/* Heads and proofs of catalogs: a valid one is written again byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "doc/catalog_head.h"
#include "doc/catalog_proof.h"
#include "source.h"

static void same(struct mm_buf *out, const uint8_t *data, size_t size)
{
    must(out->length == size && memcmp(out->data, data, size) == 0);
    mm_buf_clear(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_catalog_head head;
    struct mm_entry_proof *proof = malloc(sizeof *proof);
    struct mm_consistency *consistency = malloc(sizeof *consistency);
    struct mm_buf out = {0};
    const char *text = (const char *)data;
    mm_diags_init(&diags);
    must(proof && consistency);
    int result = mm_catalog_head_read(&head, text, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0 && mm_catalog_head_write(&head, &out, &diags) == 0)
        same(&out, data, size);
    mm_diags_clear(&diags);
    result = mm_entry_proof_read(proof, text, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(proof->index < proof->count);
        mm_entry_proof_write(proof, &out);
        same(&out, data, size);
    }
    mm_entry_proof_release(proof);
    mm_diags_clear(&diags);
    result = mm_consistency_read(consistency, text, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(consistency->before.sequence <= consistency->after.sequence);
        mm_consistency_write(consistency, &out);
        same(&out, data, size);
    }
    mm_buf_release(&out);
    mm_diags_release(&diags);
    free(proof);
    free(consistency);
    return 0;
}
