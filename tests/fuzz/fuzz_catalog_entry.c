/* Lines of catalog.jsonl and withdrawn.jsonl: what is read holds together, and a withdrawal is written again byte by byte. */
#include <string.h>

#include "doc/withdrawn.h"
#include "source.h"

static void read_entry(const char *line, size_t size, struct mm_diags *diags)
{
    struct mm_catalog_entry entry;
    struct mm_canonical_text item;
    int result = mm_catalog_entry_read(&entry, line, size, 1, diags);
    must((result == 0) == (diags->errors == 0));
    if (result < 0)
        return;
    must(entry.revision > 0 && entry.artifact_count > 0 && strchr(entry.model_id, '/'));
    for (int member = 0; member < MM_CATALOG_MEMBER_COUNT; member++) {
        const struct mm_canonical_text *text = &entry.texts[member];
        must(!text->at || (text->at > line && text->at + text->length < line + size));
    }
    struct mm_canonical_text list = entry.texts[MM_CATALOG_TAGS];
    size_t count = 0;
    while (list.at && mm_canonical_next(&list, &item))
        count++;
    must(count <= 16);
}

static void read_withdrawal(const char *line, size_t size, struct mm_diags *diags)
{
    struct mm_withdrawal withdrawal;
    struct mm_buf out = {0};
    int result = mm_withdrawal_read(&withdrawal, line, size, 1, diags);
    must((result == 0) == (diags->errors == 0));
    if (result == 0) {
        mm_withdrawal_write(&withdrawal, &out);
        must(out.length == size && memcmp(out.data, line, size) == 0);
    }
    mm_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    read_entry((const char *)data, size, &diags);
    mm_diags_clear(&diags);
    read_withdrawal((const char *)data, size, &diags);
    mm_diags_release(&diags);
    return 0;
}
