/* Evidence of what a model answers: a sound document is written in one spelling, which reads as the same. */
#include <string.h>

#include "doc/evidence.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_evidence evidence;
    struct mm_buf text = {0}, again = {0};
    mm_diags_init(&diags);
    int result = mm_evidence_read(&evidence, (const char *)data, size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        mm_evidence_write(&evidence, &text);
        must(!text.failed);
        mm_evidence_release(&evidence);
        /* escapes may make a text longer than it came */
        result = mm_evidence_read(&evidence, text.data, text.length, &diags);
        must(result == 0 || text.length > size);
        mm_evidence_write(&evidence, &again);
        must(result < 0 || (again.length == text.length && memcmp(again.data, text.data, text.length) == 0));
    }
    mm_buf_release(&text);
    mm_buf_release(&again);
    mm_evidence_release(&evidence);
    mm_diags_release(&diags);
    return 0;
}
