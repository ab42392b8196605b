/* heads/N.changes: a valid file is written again byte by byte. */
#include <string.h>

#include "doc/catalog_changes.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_catalog_changes changes;
    struct mm_catalog_change change;
    struct mm_buf out = {0};
    int fd = source_fd(data, size), some = 1;
    mm_diags_init(&diags);
    int result = mm_catalog_changes_open(&changes, fd, &diags);
    if (result == 0)
        mm_catalog_changes_write(changes.sequence, &out);
    while (result == 0 && (some = mm_catalog_changes_next(&changes, &change, &diags)) > 0)
        mm_catalog_change_write(&change, &out);
    must((result == 0 && some == 0) == (diags.errors == 0));
    if (result == 0 && some == 0)
        must(out.length == size && memcmp(out.data, data, size) == 0);
    mm_catalog_changes_close(&changes);
    mm_buf_release(&out);
    mm_diags_release(&diags);
    close(fd);
    return 0;
}
