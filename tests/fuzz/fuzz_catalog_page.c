/* Pages made of lines of catalog.jsonl and withdrawn.jsonl: whatever a line says, the page has the elements that it is made with, each closed
 * where it ends, and makes the same bytes again. */
#include <string.h>

#include "doc/catalog_page.h"
#include "source.h"

#define OPEN 32

/* True if no '<' stands in PAGE but those of these elements, well nested. What styles and scripts hold is passed over. */
static bool is_sound(const char *page)
{
    static const char *const names[] = {"html",  "head",  "title", "style", "body",   "a",   "nav",    "main",
                                        "h1",    "h2",    "p",     "code",  "ul",     "li",  "dl",     "dt",
                                        "dd",    "data",  "time",  "small", "strong", "bdi", "table",  "caption",
                                        "thead", "tbody", "tr",    "th",    "td",     "pre", "script", "span"};
    const char *open[OPEN];
    size_t depth = 0;
    for (const char *at = page; (at = strchr(at, '<')); at++) {
        bool end = at[1] == '/';
        const char *name = NULL, *word = at + 1 + end;
        size_t length = strcspn(word, " >");
        if (strncmp(at, "<!DOCTYPE html>", 15) == 0 || strncmp(at, "<meta ", 6) == 0 ||
            strncmp(at, "<link ", 6) == 0)
            continue;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0)
                name = names[i];
        if (!name || (end && (depth == 0 || open[--depth] != name)) || (!end && depth == OPEN))
            return false;
        if (!end)
            open[depth++] = name;
        if (!end && (strcmp(name, "style") == 0 || strcmp(name, "script") == 0))
            at = strstr(at, "</") - 1;
    }
    return depth == 0;
}

static void make(const struct mm_page_frames *frames, const struct mm_catalog_entry *entry,
                 const struct mm_withdrawal *withdrawal, struct mm_buf *out, struct mm_diags *diags)
{
    struct mm_model_page page;
    struct mm_buf rows = {0};
    if (entry) {
        mm_model_page_init(&page, frames);
        mm_model_page_begin(&page, entry->model_id);
        mm_model_page_entry(&page, entry);
        mm_model_page_entry(&page, entry);
        must(mm_model_page_finish(&page, out, diags) == 0);
        mm_model_page_release(&page);
        must(is_sound(out->data));
        mm_page_model_row(entry, 1, &rows);
    } else {
        mm_page_withdrawn_row(withdrawal, &rows);
    }
    size_t at = out->length;
    mm_page_list(frames, !entry, 2, true, &rows, out);
    must(is_sound(out->data + at));
    mm_buf_release(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_page_frames frames;
    struct mm_catalog_entry entry;
    struct mm_withdrawal withdrawal;
    struct mm_buf first = {0}, again = {0};
    const char *line = (const char *)data;
    mm_diags_init(&diags);
    bool listed = mm_catalog_entry_read(&entry, line, size, 1, &diags) == 0;
    bool gone = !listed && mm_withdrawal_read(&withdrawal, line, size, 1, &diags) == 0;
    if (listed || gone) {
        must(mm_page_frames_init(&frames, &diags) == 0);
        make(&frames, listed ? &entry : NULL, &withdrawal, &first, &diags);
        make(&frames, listed ? &entry : NULL, &withdrawal, &again, &diags);
        must(first.length == again.length && memcmp(first.data, again.data, first.length) == 0);
        mm_page_frames_release(&frames);
    }
    mm_buf_release(&first);
    mm_buf_release(&again);
    mm_diags_release(&diags);
    return 0;
}
