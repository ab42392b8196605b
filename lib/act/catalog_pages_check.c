/* Pages that stand there, compared with those that the lines make. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "act/catalog_pages.h"
#include "base/file.h"

#define PAGE_BEGINNING 4096            /* bytes that say how a page is laid out */
#define PENDING_MAX (16 * 1024 * 1024) /* bytes of pages that wait to be compared */
#define KEPT_BYTES 65536               /* of a buffer, from one page to the next */
#define BATCH 4                        /* pages that a thread takes at once */

/* A page that is compared, on any thread. */
struct compared {
    char path[MM_PAGE_PATH];
    struct mm_buf page, found;
    struct mm_catalog_folder folder; /* the catalog's, with room of its own for names */
};

static bool holds(const struct mm_buf *found, const struct mm_buf *page)
{
    return found->length == page->length && memcmp(found->data, page->data, page->length) == 0;
}

static int differs(struct mm_diags *diags, bool there)
{
    return mm_diag(diags, MM_RULE_CATALOG_PAGE, "expected the page that follows from the catalog's lines, found %s",
                   there ? "another" : "none");
}

static int compare(const void *context, void *slot, struct mm_diags *diags)
{
    const struct mm_catalog_pages_check *check = context;
    struct compared *c = slot;
    c->folder.fd = check->folder->fd;
    c->folder.path = check->folder->path;
    int there = mm_catalog_page_read(&c->folder, c->path, c->page.length, &c->found, diags);
    if (there < 0)
        return 0; /* that was told; the others are looked at still */
    if (there == 0 || !holds(&c->found, &c->page))
        differs(diags, there > 0);
    return 0;
}

static int take_compared(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct mm_catalog_pages_check *check = context;
    struct compared *c = slot;
    (void)diags;
    check->pending -= c->page.length;
    mm_buf_shrink(&c->page, KEPT_BYTES);
    mm_buf_shrink(&c->found, KEPT_BYTES);
    return result;
}

static void release_compared(void *slot)
{
    struct compared *c = slot;
    mm_buf_release(&c->page);
    mm_buf_release(&c->found);
    mm_buf_release(&c->folder.shown);
}

static const struct mm_pool_kind kind = {.slot_size = sizeof(struct compared),
                                         .work = compare,
                                         .take = take_compared,
                                         .release = release_compared,
                                         .batch = BATCH};

/* The page of the model is still to be compared. */
static bool is_open(void *context, const char *model_id)
{
    const struct mm_catalog_pages_check *check = context;
    return strcmp(check->alone, model_id) != 0;
}

static int give_page(void *context, const char *path, const struct mm_buf *page)
{
    struct mm_catalog_pages_check *check = context;
    struct compared *c = mm_pool_slot(check->pool, &check->differences);
    if (!c)
        return -1;
    mm_buf_clear(&c->page);
    mm_buf_add(&c->page, page->data, page->length);
    if (c->page.failed)
        return mm_diag_memory(check->diags);
    memcpy(c->path, path, strlen(path) + 1);
    check->pending += page->length;
    mm_pool_give(check->pool);
    return check->pending > PENDING_MAX ? mm_pool_settle(check->pool, &check->differences) : 0;
}

/* Returns 1 where the pages are ours to compare, 0 where a note says why not, -1 with a finding. */
static int look_at_index(struct mm_catalog_pages_check *check)
{
    int there = mm_catalog_page_read(check->folder, MM_PAGE_INDEX, PAGE_BEGINNING, &check->found, check->diags);
    if (there < 0)
        return -1;
    uint64_t layout = there > 0 ? mm_page_layout(mm_buf_text(&check->found), check->found.length) : 0;
    if (there == 0)
        mm_note(check->diags, MM_RULE_CATALOG_PAGE, "expected pages for people, found none: the next build makes them");
    else if (layout != 0 && layout != MM_PAGE_LAYOUT)
        mm_note(check->diags, MM_RULE_CATALOG_PAGE,
                "expected pages of layout %d, found layout %" PRIu64
                ", made by another version: pages are not compared",
                MM_PAGE_LAYOUT, layout);
    return there > 0 && (layout == 0 || layout == MM_PAGE_LAYOUT);
}

int mm_catalog_pages_check_begin(struct mm_catalog_pages_check *check, struct mm_catalog_folder *folder,
                                 const struct mm_catalog_head *head, struct mm_diags *diags)
{
    *check = (struct mm_catalog_pages_check){.folder = folder, .diags = diags, .counts = {UINT64_MAX, UINT64_MAX}};
    mm_diags_init(&check->differences);
    int ours = look_at_index(check);
    if (ours <= 0)
        return ours;
    if (mm_catalog_text(folder, MM_CATALOG_WITHDRAWN, MM_WITHDRAWN_FILE_MAX, &check->withdrawn, diags) < 0)
        return -1;
    check->input = (struct mm_catalog_pages_input){
        .head = head, .withdrawn = &check->withdrawn, .put = give_page, .wanted = is_open, .context = check};
    check->pool = mm_pool_new(&kind, check, mm_pool_processors(MM_CATALOG_THREADS), diags);
    check->pages = check->pool ? mm_catalog_pages_new(&check->input, diags) : NULL;
    return check->pages ? 0 : -1;
}

/* ---- models with one entry, on any thread ---- */

bool mm_catalog_page_compare_alone(const struct mm_catalog_pages_check *check, const struct mm_catalog_model *model,
                                   struct mm_catalog_page_alone *alone, struct mm_buf *found,
                                   const struct mm_catalog_entry *entry)
{
    bool same = check->pages && mm_catalog_page_alone_make(alone, mm_catalog_pages_frames(check->pages), entry) &&
                mm_catalog_model_text(model, MM_PAGE_INDEX, alone->text.length, found) && holds(found, &alone->text);
    mm_catalog_page_alone_shrink(alone);
    mm_buf_shrink(found, KEPT_BYTES);
    return same;
}

/* The model has more than the entry of which its page tells. What else is said of pages stays in their order. */
static int tells_too_little(struct mm_catalog_pages_check *check)
{
    char path[MM_PAGE_PATH];
    int result = mm_pool_settle(check->pool, &check->differences);
    mm_catalog_at(check->folder, mm_page_path(path, check->alone), &check->differences);
    differs(&check->differences, true);
    check->differences.file = NULL;
    check->alone[0] = '\0';
    return result;
}

int mm_catalog_pages_check_entry(struct mm_catalog_pages_check *check, const struct mm_catalog_entry *entry, bool alone)
{
    if (!check->pages)
        return 0;
    if (check->alone[0] && strcmp(check->alone, entry->model_id) == 0) {
        if (tells_too_little(check) < 0)
            return -1;
    } else {
        check->alone[0] = '\0';
        if (alone)
            memcpy(check->alone, entry->model_id, sizeof check->alone);
    }
    return mm_catalog_pages_entry(check->pages, entry, check->diags);
}

int mm_catalog_pages_check_finish(struct mm_catalog_pages_check *check)
{
    struct mm_catalog_page_counts counts;
    int result = check->pages ? mm_catalog_pages_finish(check->pages, &counts, check->diags) : 0;
    if (result == 0 && check->pages)
        result = mm_pool_settle(check->pool, &check->differences);
    if (result == 0)
        mm_diags_move(check->diags, &check->differences);
    if (check->pages && result == 0)
        check->counts = counts;
    return result;
}

void mm_catalog_pages_check_release(struct mm_catalog_pages_check *check)
{
    mm_pool_free(check->pool);
    check->pool = NULL;
    mm_diags_release(&check->differences);
    mm_catalog_pages_free(check->pages);
    mm_buf_release(&check->withdrawn);
    mm_buf_release(&check->found);
    check->pages = NULL;
}
