/* The pages of a catalog (docs/formats/catalog.md): made from its lines one after the other, placed by a build, compared by a check. */
#ifndef MM_ACT_CATALOG_PAGES_H
#define MM_ACT_CATALOG_PAGES_H

#include "act/catalog_folder.h"
#include "act/catalog_model.h"
#include "base/pool.h"
#include "doc/catalog_page.h"
#include "doc/catalog_read.h"

/* Which pages there are besides those of models. */
struct mm_catalog_page_counts {
    uint64_t lists, withdrawn;
};

/* Pages are handed out as they are complete, index.html last: PAGE stands at PATH. Returns 0 to go on, -1 (with a finding) to end. */
typedef int mm_catalog_page_fn(void *context, const char *path, const struct mm_buf *page);

/* What pages are made of, and for whom. Texts and functions are borrowed. */
struct mm_catalog_pages_input {
    const struct mm_catalog_head *head;
    const struct mm_buf *withdrawn; /* the lines of withdrawn.jsonl */
    mm_catalog_page_fn *put;
    bool (*wanted)(void *context, const char *model_id); /* the page of this model is to be made; NULL: each is */
    void *context;                                       /* of both */
};

struct mm_catalog_pages; /* opaque */

/* What all its pages have in common: borrowed, and read by any thread. */
const struct mm_page_frames *mm_catalog_pages_frames(const struct mm_catalog_pages *pages);

/* Returns NULL with IO_MEMORY. */
struct mm_catalog_pages *mm_catalog_pages_new(const struct mm_catalog_pages_input *input, struct mm_diags *diags);
void mm_catalog_pages_free(struct mm_catalog_pages *pages);

/* Takes the next entry in the catalog's order. Returns 0, or -1 with findings. */
int mm_catalog_pages_entry(struct mm_catalog_pages *pages, const struct mm_catalog_entry *entry,
                           struct mm_diags *diags);

/* The same for the one entry of MODEL_ID, which has no withdrawal and whose page is not to be made: LENGTH bytes at ROW are what
 * mm_page_model_row makes of it. */
int mm_catalog_pages_listed(struct mm_catalog_pages *pages, const char *model_id, const char *row, size_t length,
                            struct mm_diags *diags);

/* Makes what is left behind the last entry. COUNTS gets which lists there are. Returns 0, or -1 with findings. */
int mm_catalog_pages_finish(struct mm_catalog_pages *pages, struct mm_catalog_page_counts *counts,
                            struct mm_diags *diags);

/* The page of a model that has one entry and no withdrawal, as most have, and what one thread needs to make it. A zeroed one begins. */
struct mm_catalog_page_alone {
    struct mm_model_page page;
    struct mm_buf text;
    bool begun;
};

/* Makes the page of ENTRY: ALONE->text. FRAMES are borrowed, and the same for every entry. Finds nothing: returns false where memory is exhausted. */
bool mm_catalog_page_alone_make(struct mm_catalog_page_alone *alone, const struct mm_page_frames *frames,
                                const struct mm_catalog_entry *entry);

/* Gives back what a large one needed, as many threads and jobs have one each. */
void mm_catalog_page_alone_shrink(struct mm_catalog_page_alone *alone);
void mm_catalog_page_alone_release(struct mm_catalog_page_alone *alone);

/* Reads the page PATH into TEXT, at most LIMIT + 1 bytes of it. Returns 1; 0 where there is none; -1 with a finding. */
int mm_catalog_page_read(struct mm_catalog_folder *folder, const char *path, size_t limit, struct mm_buf *text,
                         struct mm_diags *diags);

/* ---- comparing ---- */

/* The pages of a catalog that is checked. */
struct mm_catalog_pages_check {
    struct mm_catalog_folder *folder;
    struct mm_catalog_pages *pages; /* NULL: none are there, or they are of another layout */
    struct mm_pool *pool;           /* which compares them */
    size_t pending;                 /* bytes of pages in hand */
    struct mm_catalog_pages_input input;
    struct mm_buf withdrawn, found;
    struct mm_catalog_page_counts counts; /* UINT64_MAX each where that is not known */
    struct mm_diags *diags, differences;  /* these come behind what is found in the entries */
    char alone[MM_MODEL_ID_MAX + 1];      /* the model whose page was found to follow from its one entry, "" for none */
};

/* True if the page that stands there is the one that ALONE makes of ENTRY; FOUND is room for it. MODEL is open. Any thread may call it, with what is
 * not const of its own, once mm_catalog_pages_check_begin returned 0. Finds nothing: what is not the same is compared again with what else there
 * is of the model. */
bool mm_catalog_page_compare_alone(const struct mm_catalog_pages_check *check, const struct mm_catalog_model *model,
                                   struct mm_catalog_page_alone *alone, struct mm_buf *found,
                                   const struct mm_catalog_entry *entry);

/* Begins to compare the pages in FOLDER, which has this HEAD. Where none are there, or those of another layout, a note says so. Returns 0, or
 * -1 with findings. Release CHECK in every case. */
int mm_catalog_pages_check_begin(struct mm_catalog_pages_check *check, struct mm_catalog_folder *folder,
                                 const struct mm_catalog_head *head, struct mm_diags *diags);

/* Takes the next entry. ALONE: what mm_catalog_page_compare_alone returned for it, false where that was not asked. */
int mm_catalog_pages_check_entry(struct mm_catalog_pages_check *check, const struct mm_catalog_entry *entry,
                                 bool alone);
int mm_catalog_pages_check_finish(struct mm_catalog_pages_check *check);
void mm_catalog_pages_check_release(struct mm_catalog_pages_check *check);

#endif
