/* Heads of catalogs and what witnesses keep of them: a valid one is written again byte by byte. */
#include <string.h>

#include "doc/catalog_witness.h"
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
    struct mm_witness witness;
    struct mm_buf out = {0};
    const char *text = (const char *)data;
    mm_diags_init(&diags);
    int result = mm_catalog_head_read(&head, text, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0 && mm_catalog_head_write(&head, &out, &diags) == 0)
        same(&out, data, size);
    mm_diags_clear(&diags);
    result = mm_witness_read(&witness, text, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(witness.sequence > 0);
        mm_witness_write(&witness, &out);
        same(&out, data, size);
    }
    mm_buf_release(&out);
    mm_diags_release(&diags);
    return 0;
}
