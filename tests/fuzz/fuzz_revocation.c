/* Revocations: what is read is written as it was, and its words fit. */
#include <string.h>

#include "source.h"
#include "trust/revocation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_revocation revocation;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    int result = mm_revocation_read(&revocation, size ? (const char *)data : "", size, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0) {
        must(mm_time_valid(revocation.revoked, strlen(revocation.revoked)));
        must(mm_value_sound(revocation.reason, strlen(revocation.reason)));
        mm_revocation_write(&revocation, &text);
        must(text.length == size && memcmp(text.data, data, size) == 0);
    }
    mm_buf_release(&text);
    mm_diags_release(&diags);
    return 0;
}
