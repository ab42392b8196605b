/* Evidence of a derivation: a sound document is written again byte by byte. */
#include <string.h>

#include "doc/derived.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_derived derived;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int result = mm_derived_read(&derived, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        mm_derived_write(&derived, &text);
        must(!text.failed && text.length == size && memcmp(text.data, data, size) == 0);
    }
    mm_buf_release(&text);
    mm_derived_release(&derived);
    mm_diags_release(&diags);
    return 0;
}
