/* Chunk lists, compressed or not: one set of facts has one text. */
#include <string.h>

#include "doc/chunk_list.h"
#include "source.h"

#define COUNT 1000 /* caps what a compressed list may grow to */

static void check_text(const struct mm_chunk_list *list, const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_chunk_list again;
    struct mm_buf text = {0};
    mm_diags_init(&diags);
    must(list->hashes.count == list->facts.count);
    mm_chunk_list_write(&list->facts, &list->hashes, &text);
    must(!text.failed);
    if (data[0] != 0x1f)
        must(text.length == size && memcmp(text.data, data, size) == 0);
    int fd = source_fd((const uint8_t *)text.data, text.length);
    must(mm_chunk_list_read(&again, fd, COUNT, &diags) == 0);
    must(memcmp(again.facts.root, list->facts.root, MM_HASH_BYTES) == 0);
    mm_chunk_list_release(&again);
    mm_buf_release(&text);
    mm_diags_release(&diags);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_chunk_list list;
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    int result = mm_chunk_list_read(&list, fd, COUNT, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0)
        check_text(&list, data, size);
    mm_chunk_list_release(&list);
    mm_diags_release(&diags);
    close(fd);
    return 0;
}
