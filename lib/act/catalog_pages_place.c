/* Which pages a build writes. Those of models that it does not change follow from the lines that they followed from before, so that they stay as
 * they are; after an interruption all are compared. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"

#define PAGE_BEGINNING 4096            /* bytes that say whose page it is */
#define PENDING_MAX (16 * 1024 * 1024) /* bytes of pages that wait for their places */
#define KEPT_BYTES 65536               /* of a buffer, from one page to the next */
#define BATCH 4                        /* pages that a thread takes at once */

struct placing {
    struct mm_catalog_build *build;
    struct mm_catalog_pages *pages;
    struct mm_pool *pool;
    size_t pending; /* bytes of pages in hand */
    bool all;       /* pages of models that do not change, too */
    bool written;   /* something was */
    struct mm_diags *diags;
};

/* A page on its way to its place. */
struct page_on_its_way {
    char path[MM_PAGE_PATH];
    struct mm_buf page, found;
    struct mm_catalog_folder folder; /* the build's, with room of its own for names */
    struct mm_place place;
    bool written;
};

/* ---- what changes ---- */

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
    if (mm_catalog_ahead_has_page(build, model_id))
        return false;
    if (p->all || mm_catalog_rows_have(&build->fresh, model_id) || has_standing(build, model_id, true))
        return true;
    for (size_t i = mm_catalog_withdrawn_first(build, model_id);
         i < build->withdrawn_count && strcmp(build->withdrawn[i].model_id, model_id) == 0; i++)
        if (build->withdrawn[i].fresh)
            return true;
    return false;
}

/* Changes that come next would be those of an interrupted build, which begins with them; index.html is placed behind all other pages. */
bool mm_catalog_pages_whole(struct mm_catalog_build *build)
{
    char name[MM_CATALOG_NAME];
    struct mm_buf page = {0};
    struct mm_diags ignored;
    if (!build->has_head)
        return false;
    mm_catalog_head_name(name, build->present.head.sequence + 1, MM_CATALOG_CHANGES_SUFFIX);
    if (faccessat(build->folder.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return false;
    mm_diags_init(&ignored);
    bool whole = mm_catalog_page_read(&build->folder, MM_PAGE_INDEX, PAGE_BEGINNING, &page, &ignored) > 0 &&
                 mm_page_is_of(mm_buf_text(&page), page.length, &build->present.head);
    mm_diags_release(&ignored);
    mm_buf_release(&page);
    return whole;
}

/* ---- placing, by several threads ---- */

static bool stands_there(struct page_on_its_way *on, struct mm_diags *diags)
{
    struct mm_diags mark = *diags;
    int there = mm_catalog_page_read(&on->folder, on->path, on->page.length, &on->found, diags);
    if (there < 0)
        mm_diags_rewind(diags, &mark); /* whatever stands there is replaced */
    return there > 0 && on->found.length == on->page.length &&
           memcmp(on->found.data, on->page.data, on->page.length) == 0;
}

/* In a first build nothing leads to the page yet. */
static int place_page(const void *context, void *slot, struct mm_diags *diags)
{
    const struct placing *p = context;
    const struct mm_catalog_build *build = p->build;
    struct page_on_its_way *on = slot;
    on->folder.fd = build->folder.fd;
    on->folder.path = build->folder.path;
    on->written = false;
    if (build->has_head && stands_there(on, diags))
        return 0;
    diags->file = build->folder.path;
    on->written = true;
    if (build->has_head && strchr(on->path, '/') && mm_catalog_sweep_beside(build, on->path, diags) < 0)
        return -1;
    return (build->has_head ? mm_place_file : mm_place_unknown)(&on->place, build->folder.fd, on->path, on->page.data,
                                                                on->page.length, diags);
}

static int take_placed(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct placing *p = context;
    struct page_on_its_way *on = slot;
    (void)diags;
    p->pending -= on->page.length;
    p->written = p->written || on->written;
    if (on->written)
        mm_place_flush_beside(&p->build->flusher, p->build->folder.fd);
    mm_buf_shrink(&on->page, KEPT_BYTES);
    mm_buf_shrink(&on->found, KEPT_BYTES);
    return result;
}

static void release_page(void *slot)
{
    struct page_on_its_way *on = slot;
    mm_buf_release(&on->page);
    mm_buf_release(&on->found);
    mm_buf_release(&on->folder.shown);
}

static int put(void *context, const char *path, const struct mm_buf *page)
{
    struct placing *p = context;
    struct page_on_its_way *on = mm_pool_slot(p->pool, p->diags);
    if (!on)
        return -1;
    mm_buf_clear(&on->page);
    mm_buf_add(&on->page, page->data, page->length);
    if (on->page.failed)
        return mm_diag_memory(p->diags);
    memcpy(on->path, path, strlen(path) + 1);
    p->pending += page->length;
    mm_pool_give(p->pool);
    return p->pending > PENDING_MAX ? mm_pool_settle(p->pool, p->diags) : 0;
}

static int take_entry(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct placing *p = context;
    (void)line;
    return mm_catalog_pages_entry(p->pages, entry, p->diags);
}

/* Makes the pages of the lines in the file FD, and waits until they are placed. */
static int take_lines(struct placing *p, int fd)
{
    struct mm_catalog_sums ignored;
    struct mm_catalog_build *build = p->build;
    mm_catalog_at(&build->folder, MM_CATALOG_ENTRIES, p->diags);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return mm_diag_errno(p->diags, MM_RULE_IO_READ, "cannot read", errno);
    if (mm_catalog_entries_read(fd, take_entry, p, 0, NULL, &ignored, p->diags) < 0 ||
        mm_catalog_pages_finish(p->pages, &build->pages, p->diags) < 0)
        return -1;
    return mm_pool_settle(p->pool, p->diags);
}

/* What else there is of a model than one entry is read again. */
static int take_line(struct placing *p, const struct mm_catalog_row *row)
{
    struct mm_catalog_entry entry;
    const struct mm_buf *line = &p->build->line;
    if (mm_catalog_row_line(p->build, row, p->diags) < 0 ||
        mm_catalog_entry_read(&entry, line->data, line->length, 1, p->diags) < 0)
        return -1;
    return mm_catalog_pages_entry(p->pages, &entry, p->diags);
}

static int take_listed(struct placing *p, const struct mm_catalog_row *row)
{
    const struct mm_buf *line = &p->build->line;
    return mm_catalog_row_listed(p->build, row, p->diags) < 0
               ? -1
               : mm_catalog_pages_listed(p->pages, row->model_id, line->data, line->length, p->diags);
}

/* The same as take_lines where most pages were written ahead: what lists say of their models is in the spool. */
static int take_rows(struct placing *p)
{
    struct mm_catalog_build *build = p->build;
    const struct mm_catalog_row *row;
    size_t standing = 0, fresh = 0;
    int result = 0;
    mm_catalog_at(&build->folder, MM_CATALOG_ENTRIES, p->diags);
    while (result == 0 && (row = mm_catalog_next_row(build, &standing, &fresh)))
        result = mm_catalog_ahead_has_page(build, row->model_id) ? take_listed(p, row) : take_line(p, row);
    if (result < 0 || mm_catalog_pages_finish(p->pages, &build->pages, p->diags) < 0)
        return -1;
    return mm_pool_settle(p->pool, p->diags);
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

int mm_catalog_pages_place(struct mm_catalog_build *build, int fd, const struct mm_catalog_head *head, bool all,
                           struct mm_diags *diags)
{
    static const struct mm_pool_kind kind = {sizeof(struct page_on_its_way), place_page, take_placed, release_page,
                                             BATCH};
    struct placing p = {.build = build, .all = all, .diags = diags};
    struct mm_buf withdrawn = {0};
    struct mm_catalog_pages_input input = {
        .head = head, .withdrawn = &withdrawn, .put = put, .wanted = changes, .context = &p};
    mm_catalog_at(&build->folder, NULL, diags);
    int result = collect_withdrawn(build, &withdrawn, diags);
    if (result == 0)
        p.pages = mm_catalog_pages_new(&input, diags);
    if (p.pages)
        p.pool = mm_pool_new(&kind, &p, mm_pool_processors(MM_CATALOG_THREADS), diags);
    result = !p.pool ? -1 : build->ahead.published ? take_rows(&p) : take_lines(&p, fd);
    mm_pool_free(p.pool);
    mm_catalog_at(&build->folder, NULL, diags);
    if (result == 0)
        result = mm_catalog_spool_empty(build, diags);
    mm_place_flush_await(&build->flusher);
    if (result == 0 && (p.written || build->unflushed))
        result = mm_place_flush(build->folder.fd, diags);
    build->unflushed = build->unflushed && result < 0;
    mm_catalog_pages_free(p.pages);
    mm_buf_release(&withdrawn);
    return result;
}

/* ---- what nothing leads to any more ---- */

int mm_catalog_page_remove(struct mm_catalog_build *build, const char *model_id, struct mm_diags *diags)
{
    char path[MM_PAGE_PATH];
    if (has_standing(build, model_id, false) || mm_catalog_rows_have(&build->fresh, model_id))
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
