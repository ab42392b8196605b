/* Anchors: a sound document is written again byte by byte; no signature makes an unsigned one believed. */
#include <string.h>

#include "act/chain_sign.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_anchor anchor;
    struct mm_chain_keys none = {0};
    struct mm_buf text = {0}, document = {0};
    mm_diags_init(&diags);
    int result = mm_anchor_read(&anchor, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        mm_anchor_write(&anchor, &text);
        must(!text.failed && text.length == size && memcmp(text.data, data, size) == 0);
    }
    mm_buf_add(&document, data, size);
    must(mm_anchor_verify(&anchor, &document, &document, &none, &diags) < 0);
    mm_buf_release(&text);
    mm_buf_release(&document);
    mm_diags_release(&diags);
    return 0;
}
