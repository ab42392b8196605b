/* Which pages a build writes. Those of models that it does not change follow from the lines that they followed from before, so that they stay as
 * they are; after an interruption all are compared. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"

#define PAGE_BEGINNING 4096 /* bytes that say whose page it is */

struct placing {
    struct mm_catalog_build *build;
    struct mm_buf found;
    struct mm_place place;
    bool all;     /* pages of models that do not change, too */
    bool written; /* something was */
    struct mm_diags *diags;
};

/* ---- what changes ---- */

static size_t first_withdrawn(const struct mm_catalog_build *build, const char *model_id)
{
    size_t from = 0, to = build->withdrawn_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(build->withdrawn[middle].model_id, model_id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool has_fresh(const struct mm_catalog_build *build, const char *model_id)
{
    size_t at = mm_catalog_rows_first(&build->fresh, model_id);
    return at < build->fresh.count && strcmp(build->fresh.rows[at].model_id, model_id) == 0;
}

/* True if the model has rows that stand there and of those some that GOES, or that stay. */
static bool has_standing(const struct mm_catalog_build *build, const char *model_id, bool goes)
{
    const struct mm_catalog_rows *rows = &build->standing;
    for (size_t i = mm_catalog_rows_first(rows, model_id);
         i < rows->count && strcmp(rows->rows[i].model_id, model_id) == 0; i++)
        if (rows->rows[i].gone == goes)
            return true;
    return false;
}

static bool changes(void *context, const char *model_id)
{
    const struct placing *p = context;
    const struct mm_catalog_build *build = p->build;
    if (p->all || has_fresh(build, model_id) || has_standing(build, model_id, true))
        return true;
    for (size_t i = first_withdrawn(build, model_id);
         i < build->withdrawn_count && strcmp(build->withdrawn[i].model_id, model_id) == 0; i++)
        if (build->withdrawn[i].fresh)
            return true;
    return false;
}

/* A head that comes next would be that of an interrupted build; index.html is placed behind all other pages. */
bool mm_catalog_pages_whole(struct mm_catalog_build *build)
{
    char name[MM_CATALOG_NAME];
    struct mm_buf page = {0};
    struct mm_diags ignored;
    if (!build->has_head)
        return false;
    mm_catalog_head_name(name, build->present.head.sequence + 1, "");
    if (faccessat(build->folder.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    mm_diags_init(&ignored);
    bool whole = mm_catalog_page_read(&build->folder, MM_PAGE_INDEX, PAGE_BEGINNING, &page, &ignored) > 0 &&
                 mm_page_is_of(mm_buf_text(&page), page.length, &build->present.head);
    mm_diags_release(&ignored);
    mm_buf_release(&page);
    return whole;
}

/* ---- placing ---- */

static bool stands_there(struct placing *p, const char *path, const struct mm_buf *page)
{
    struct mm_diags mark = *p->diags;
    int there = mm_catalog_page_read(&p->build->folder, path, page->length, &p->found, p->diags);
    if (there < 0)
        mm_diags_rewind(p->diags, &mark); /* whatever stands there is replaced */
    return there > 0 && p->found.length == page->length && memcmp(p->found.data, page->data, page->length) == 0;
}

static int put(void *context, const char *path, const struct mm_buf *page)
{
    struct placing *p = context;
    struct mm_catalog_build *build = p->build;
    if (build->has_head && stands_there(p, path, page))
        return 0;
    mm_catalog_at(&build->folder, NULL, p->diags);
    p->written = true;
    return mm_place_file(&p->place, build->folder.fd, path, page->data, page->length, p->diags);
}

static int take_rows(struct placing *p, struct mm_catalog_pages *pages)
{
    struct mm_catalog_build *build = p->build;
    struct mm_catalog_entry entry;
    const struct mm_catalog_row *row;
    size_t standing = 0, fresh = 0;
    while ((row = mm_catalog_next_row(build, &standing, &fresh)))
        if (mm_catalog_row_line(build, row, p->diags) < 0 ||
            mm_catalog_entry_read(&entry, mm_buf_text(&build->line), build->line.length, 0, p->diags) < 0 ||
            mm_catalog_pages_entry(pages, &entry, p->diags) < 0)
            return -1;
    return mm_catalog_pages_finish(pages, &build->pages, p->diags);
}

/* The lines of withdrawn.jsonl as they will stand there. */
static int collect_withdrawn(const struct mm_catalog_build *build, struct mm_buf *text, struct mm_diags *diags)
{
    for (size_t i = 0; i < build->withdrawn_count; i++) {
        mm_buf_add(text, build->withdrawn_text.data + build->withdrawn[i].at, build->withdrawn[i].length);
        mm_buf_char(text, '\n');
    }
    return text->failed ? mm_diag_memory(diags) : 0;
}

int mm_catalog_pages_place(struct mm_catalog_build *build, const struct mm_catalog_head *head, bool all,
                           struct mm_diags *diags)
{
    struct placing p = {.build = build, .all = all, .diags = diags};
    struct mm_buf withdrawn = {0};
    struct mm_catalog_pages_input input = {
        .head = head, .withdrawn = &withdrawn, .put = put, .wanted = changes, .context = &p};
    struct mm_catalog_pages *pages = NULL;
    mm_catalog_at(&build->folder, NULL, diags);
    int result = collect_withdrawn(build, &withdrawn, diags);
    if (result == 0)
        pages = mm_catalog_pages_new(&input, diags);
    result = pages ? take_rows(&p, pages) : -1;
    mm_catalog_at(&build->folder, NULL, diags);
    if (result == 0 && p.written)
        result = mm_place_flush(build->folder.fd, diags);
    mm_catalog_pages_free(pages);
    mm_buf_release(&withdrawn);
    mm_buf_release(&p.found);
    return result;
}

/* ---- what nothing leads to any more ---- */

int mm_catalog_page_remove(struct mm_catalog_build *build, const char *model_id, struct mm_diags *diags)
{
    char path[MM_PAGE_PATH];
    if (has_standing(build, model_id, false) || has_fresh(build, model_id))
        return 0;
    return mm_catalog_remove_file(build, mm_page_path(path, model_id), diags);
}

int mm_catalog_lists_remove(struct mm_catalog_build *build, struct mm_diags *diags)
{
    char name[MM_PAGE_NAME];
    for (int withdrawn = 0; withdrawn <= 1; withdrawn++) {
        uint64_t number = withdrawn ? build->pages.withdrawn : build->pages.lists;
        while (faccessat(build->folder.fd, mm_page_name(name, withdrawn, ++number), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            if (mm_catalog_remove_file(build, name, diags) < 0)
                return -1;
    }
    return 0;
}
