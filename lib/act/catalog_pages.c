#include "act/catalog_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"

#define KEPT_BYTES 65536 /* of a buffer, from one page to the next */

struct mm_catalog_pages {
    struct mm_catalog_pages_input input;
    struct mm_page_frames frames;
    struct mm_model_page page;          /* of the model in hand */
    char model_id[MM_MODEL_ID_MAX + 1]; /* it, "" for none */
    uint64_t older;                     /* revisions of it below the last one */
    bool wanted;
    struct mm_buf row;              /* of it, for the list */
    struct mm_buf rows, first, out; /* of the list in hand, and of the first one */
    uint64_t models;
    char (*firsts)[MM_MODEL_ID_MAX + 1]; /* the first model of each list */
    size_t list_count, list_capacity;
    size_t at; /* in the withdrawals */
    struct mm_withdrawal withdrawal;
    bool has_withdrawal; /* the one before AT is in hand */
};

/* ---- withdrawals, walked beside the entries ---- */

static int next_withdrawal(struct mm_catalog_pages *pages, struct mm_diags *diags)
{
    const struct mm_buf *text = pages->input.withdrawn;
    pages->has_withdrawal = false;
    if (pages->at >= text->length)
        return 0;
    const char *line = text->data + pages->at;
    const char *feed = memchr(line, '\n', text->length - pages->at);
    size_t length = feed ? (size_t)(feed - line) : text->length - pages->at;
    pages->at += length + 1;
    pages->has_withdrawal = true;
    return mm_withdrawal_read(&pages->withdrawal, line, length, 0, diags);
}

/* Those of the model whose page is in hand; what is before them is of models that have no page. */
static int take_withdrawals(struct mm_catalog_pages *pages, struct mm_diags *diags)
{
    while (pages->has_withdrawal) {
        int order = strcmp(pages->withdrawal.model_id, pages->model_id);
        if (order > 0)
            return 0;
        if (order == 0 && pages->wanted)
            mm_model_page_withdrawn(&pages->page, &pages->withdrawal);
        if (next_withdrawal(pages, diags) < 0)
            return -1;
    }
    return 0;
}

static int make_withdrawn(struct mm_catalog_pages *pages, uint64_t *count, struct mm_diags *diags)
{
    char name[MM_PAGE_NAME];
    pages->at = 0;
    int result = next_withdrawal(pages, diags);
    for (*count = 0; result == 0 && pages->has_withdrawal;) {
        mm_buf_clear(&pages->rows);
        mm_buf_clear(&pages->out);
        for (int i = 0; result == 0 && i < MM_PAGE_ROWS && pages->has_withdrawal; i++) {
            mm_page_withdrawn_row(&pages->withdrawal, &pages->rows);
            result = next_withdrawal(pages, diags);
        }
        if (result < 0)
            return -1;
        mm_page_list(&pages->frames, true, ++*count, pages->has_withdrawal, &pages->rows, &pages->out);
        if (pages->rows.failed || pages->out.failed)
            return mm_diag_memory(diags);
        result = pages->input.put(pages->input.context, mm_page_name(name, true, *count), &pages->out);
    }
    return result;
}

/* ---- lists ---- */

/* The list in hand is complete. The first waits for what it says of the others. */
static int end_list(struct mm_catalog_pages *pages, bool more, struct mm_diags *diags)
{
    char name[MM_PAGE_NAME];
    int result = 0;
    if (pages->list_count == 1) {
        mm_buf_clear(&pages->first);
        mm_buf_add(&pages->first, mm_buf_text(&pages->rows) ? pages->rows.data : "", pages->rows.length);
    } else {
        mm_buf_clear(&pages->out);
        mm_page_list(&pages->frames, false, pages->list_count, more, &pages->rows, &pages->out);
        result =
            pages->out.failed || pages->rows.failed
                ? mm_diag_memory(diags)
                : pages->input.put(pages->input.context, mm_page_name(name, false, pages->list_count), &pages->out);
    }
    mm_buf_clear(&pages->rows);
    return result;
}

static int begin_list(struct mm_catalog_pages *pages, struct mm_diags *diags)
{
    if (pages->list_count > 0 && end_list(pages, true, diags) < 0)
        return -1;
    if (!mm_grow(&pages->firsts, pages->list_count, &pages->list_capacity, sizeof *pages->firsts))
        return mm_diag_memory(diags);
    memcpy(pages->firsts[pages->list_count++], pages->model_id, sizeof pages->model_id);
    return 0;
}

static int make_files(struct mm_catalog_pages *pages, struct mm_diags *diags)
{
    for (int i = 0; i < MM_PAGE_FILES; i++) {
        mm_buf_clear(&pages->out);
        mm_buf_str(&pages->out, mm_page_files[i].text);
        if (pages->out.failed)
            return mm_diag_memory(diags);
        if (pages->input.put(pages->input.context, mm_page_files[i].name, &pages->out) < 0)
            return -1;
    }
    return 0;
}

static int make_index(struct mm_catalog_pages *pages, struct mm_diags *diags)
{
    struct mm_page_front front = {.head = pages->input.head,
                                  .models = pages->models,
                                  .firsts = (const char(*)[MM_MODEL_ID_MAX + 1]) pages->firsts,
                                  .pages = pages->list_count};
    mm_buf_clear(&pages->out);
    mm_page_index(&pages->frames, &front, &pages->first, &pages->out);
    if (pages->first.failed || pages->out.failed)
        return mm_diag_memory(diags);
    return pages->input.put(pages->input.context, MM_PAGE_INDEX, &pages->out);
}

/* ---- models ---- */

static int end_model(struct mm_catalog_pages *pages, struct mm_diags *diags)
{
    char path[MM_PAGE_PATH];
    if (!pages->model_id[0])
        return 0;
    if (take_withdrawals(pages, diags) < 0 || (pages->models % MM_PAGE_ROWS == 0 && begin_list(pages, diags) < 0))
        return -1;
    pages->models++;
    mm_buf_add(&pages->rows, mm_buf_text(&pages->row) ? pages->row.data : "", pages->row.length);
    if (pages->row.failed || pages->rows.failed)
        return mm_diag_memory(diags);
    if (!pages->wanted)
        return 0;
    mm_buf_clear(&pages->out);
    if (mm_model_page_finish(&pages->page, &pages->out, diags) < 0)
        return -1;
    return pages->input.put(pages->input.context, mm_page_path(path, pages->model_id), &pages->out);
}

/* Ends the model before. */
static int begin_model(struct mm_catalog_pages *pages, const char *model_id, struct mm_diags *diags)
{
    int result = end_model(pages, diags);
    memcpy(pages->model_id, model_id, strlen(model_id) + 1);
    pages->older = 0;
    pages->wanted = false;
    mm_buf_clear(&pages->row);
    return result;
}

int mm_catalog_pages_listed(struct mm_catalog_pages *pages, const char *model_id, const char *row, size_t length,
                            struct mm_diags *diags)
{
    if (begin_model(pages, model_id, diags) < 0)
        return -1;
    mm_buf_add(&pages->row, row, length);
    return 0;
}

int mm_catalog_pages_entry(struct mm_catalog_pages *pages, const struct mm_catalog_entry *entry, struct mm_diags *diags)
{
    if (strcmp(pages->model_id, entry->model_id) == 0) {
        pages->older++;
    } else {
        if (begin_model(pages, entry->model_id, diags) < 0)
            return -1;
        pages->wanted = !pages->input.wanted || pages->input.wanted(pages->input.context, entry->model_id);
        mm_model_page_begin(&pages->page, entry->model_id);
    }
    if (pages->wanted)
        mm_model_page_entry(&pages->page, entry);
    mm_buf_clear(&pages->row);
    mm_page_model_row(entry, pages->older, &pages->row);
    return 0;
}

int mm_catalog_pages_finish(struct mm_catalog_pages *pages, struct mm_catalog_page_counts *counts,
                            struct mm_diags *diags)
{
    *counts = (struct mm_catalog_page_counts){0};
    if (end_model(pages, diags) < 0 || (pages->list_count > 0 && end_list(pages, false, diags) < 0) ||
        make_withdrawn(pages, &counts->withdrawn, diags) < 0 || make_files(pages, diags) < 0)
        return -1;
    counts->lists = pages->list_count ? pages->list_count : 1;
    return make_index(pages, diags);
}

/* ---- beginning and end ---- */

const struct mm_page_frames *mm_catalog_pages_frames(const struct mm_catalog_pages *pages)
{
    return &pages->frames;
}

void mm_catalog_pages_free(struct mm_catalog_pages *pages)
{
    if (!pages)
        return;
    mm_page_frames_release(&pages->frames);
    mm_model_page_release(&pages->page);
    mm_buf_release(&pages->row);
    mm_buf_release(&pages->rows);
    mm_buf_release(&pages->first);
    mm_buf_release(&pages->out);
    free(pages->firsts);
    free(pages);
}

struct mm_catalog_pages *mm_catalog_pages_new(const struct mm_catalog_pages_input *input, struct mm_diags *diags)
{
    struct mm_catalog_pages *pages = calloc(1, sizeof *pages);
    if (!pages) {
        mm_diag_memory(diags);
        return NULL;
    }
    pages->input = *input;
    mm_model_page_init(&pages->page, &pages->frames);
    if (mm_page_frames_init(&pages->frames, diags) < 0 || next_withdrawal(pages, diags) < 0) {
        mm_catalog_pages_free(pages);
        return NULL;
    }
    return pages;
}

/* ---- models with one entry ---- */

bool mm_catalog_page_alone_make(struct mm_catalog_page_alone *alone, const struct mm_page_frames *frames,
                                const struct mm_catalog_entry *entry)
{
    struct mm_diags ignored;
    if (!alone->begun)
        mm_model_page_init(&alone->page, frames);
    alone->begun = true;
    mm_diags_init(&ignored);
    mm_buf_clear(&alone->text);
    mm_model_page_begin(&alone->page, entry->model_id);
    mm_model_page_entry(&alone->page, entry);
    bool made = mm_model_page_finish(&alone->page, &alone->text, &ignored) == 0;
    mm_diags_release(&ignored);
    return made;
}

void mm_catalog_page_alone_shrink(struct mm_catalog_page_alone *alone)
{
    mm_model_page_shrink(&alone->page, KEPT_BYTES);
    mm_buf_shrink(&alone->text, KEPT_BYTES);
}

void mm_catalog_page_alone_release(struct mm_catalog_page_alone *alone)
{
    if (alone->begun)
        mm_model_page_release(&alone->page);
    mm_buf_release(&alone->text);
}

int mm_catalog_page_read(struct mm_catalog_folder *folder, const char *path, size_t limit, struct mm_buf *text,
                         struct mm_diags *diags)
{
    mm_buf_clear(text);
    mm_catalog_at(folder, path, diags);
    int fd = mm_file_open_beneath(folder->fd, path, MM_LINKS_BENEATH);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        fd = mm_catalog_open(folder, path, diags); /* to say why */
    if (fd < 0)
        return -1;
    int result = mm_file_read_all(fd, limit, text, diags);
    close(fd);
    return result < 0 ? -1 : 1;
}
