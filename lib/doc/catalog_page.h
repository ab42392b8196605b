/* Pages of a catalog for people (docs/formats/catalog.md): what catalog.jsonl and withdrawn.jsonl say, as HTML that needs nothing from
 * outside the catalog. Each page follows byte by byte from the lines that it shows; every value stays text, whatever it holds. */
#ifndef MM_DOC_CATALOG_PAGE_H
#define MM_DOC_CATALOG_PAGE_H

#include "doc/catalog_entry.h"
#include "doc/catalog_head.h"
#include "doc/withdrawn.h"

#define MM_PAGE_LAYOUT 2   /* one higher with every change that makes other bytes of the same lines */
#define MM_PAGE_ROWS 500   /* models or withdrawals on a page */
#define MM_PAGE_OLDER 1000 /* older revisions, and withdrawn ones, that the page of a model lists */

#define MM_PAGE_INDEX "index.html"
#define MM_PAGE_OF_MODEL "/" MM_PAGE_INDEX /* behind MM_CATALOG_MANIFESTS and the model's id */
#define MM_PAGE_SUFFIX ".html"

/* Where page NUMBER (from 1) of the models or of the withdrawals stands: "index.html", "index-2.html" ... Returns OUT. */
#define MM_PAGE_NAME 48
const char *mm_page_name(char out[static MM_PAGE_NAME], bool withdrawn, uint64_t number);

/* Where the page of a model stands: beside its manifests, as a folder of pages alone would be a large one. Returns OUT. */
#define MM_PAGE_PATH (sizeof MM_CATALOG_MANIFESTS + MM_MODEL_ID_MAX + sizeof MM_PAGE_OF_MODEL)
const char *mm_page_path(char out[static MM_PAGE_PATH], const char *model_id);

/* What the pages of models have in common, which stands beside index.html: with it in each of them most would not fit into 4096 bytes. */
struct mm_page_file {
    const char *name, *text;
};
#define MM_PAGE_FILES 2
extern const struct mm_page_file mm_page_files[MM_PAGE_FILES];

/* Reads how the page that begins with these bytes was laid out. Returns 0 where they do not say so. */
uint64_t mm_page_layout(const char *page, size_t length);

/* True if the page, an index.html of our layout, was made for this head. */
bool mm_page_is_of(const char *page, size_t length, const struct mm_catalog_head *head);

/* What stands around the content of all pages of a kind. */
enum mm_page_kind { MM_PAGE_LIST, MM_PAGE_MODEL, MM_PAGE_KINDS };
struct mm_page_frame {
    struct mm_buf before, behind, end; /* up to the title, from there to the body, and behind the content */
};
struct mm_page_frames {
    struct mm_page_frame kinds[MM_PAGE_KINDS];
};

/* Returns 0, or -1 with IO_MEMORY. Release in every case. */
int mm_page_frames_init(struct mm_page_frames *frames, struct mm_diags *diags);
void mm_page_frames_release(struct mm_page_frames *frames);

/* ---- the page of a model ---- */

/* Rows of which the newest MM_PAGE_OLDER are kept. */
struct mm_page_rows {
    struct mm_buf text;
    size_t *starts;
    size_t count, capacity;
    uint64_t dropped;
};

struct mm_model_page {
    const struct mm_page_frames *frames;
    char model_id[MM_MODEL_ID_MAX + 1];
    uint64_t count;                  /* of entries */
    struct mm_buf title, latest;     /* of the highest revision so far */
    struct mm_buf row;               /* of the same, for when there is a higher one */
    struct mm_page_rows older, gone; /* revisions below it, withdrawn ones */
    bool failed;
};

/* A page made of one model after the other. FRAMES are borrowed. */
void mm_model_page_init(struct mm_model_page *page, const struct mm_page_frames *frames);
void mm_model_page_release(struct mm_model_page *page);

/* Gives back what a page of more than MOST bytes needed, until the next one begins. */
void mm_model_page_shrink(struct mm_model_page *page, size_t most);

/* Begins the page of MODEL_ID; its entries and withdrawals follow, by revision. */
void mm_model_page_begin(struct mm_model_page *page, const char *model_id);
void mm_model_page_entry(struct mm_model_page *page, const struct mm_catalog_entry *entry);
void mm_model_page_withdrawn(struct mm_model_page *page, const struct mm_withdrawal *withdrawal);

/* Appends the page, which has an entry. Returns 0, or -1 with IO_MEMORY. */
int mm_model_page_finish(struct mm_model_page *page, struct mm_buf *out, struct mm_diags *diags);

/* ---- lists ---- */

/* Appends the row of a model, whose highest revision ENTRY is; OLDER revisions stand in the catalog besides. */
void mm_page_model_row(const struct mm_catalog_entry *entry, uint64_t older, struct mm_buf *out);

/* Appends the row of a withdrawal. */
void mm_page_withdrawn_row(const struct mm_withdrawal *withdrawal, struct mm_buf *out);

/* Appends page NUMBER around ROWS; MORE follow. */
void mm_page_list(const struct mm_page_frames *frames, bool withdrawn, uint64_t number, bool more,
                  const struct mm_buf *rows, struct mm_buf *out);

/* What the first page says besides its rows. */
struct mm_page_front {
    const struct mm_catalog_head *head;
    uint64_t models;
    const char (*firsts)[MM_MODEL_ID_MAX + 1]; /* the first model of each page, PAGES of them */
    size_t pages;
};
void mm_page_index(const struct mm_page_frames *frames, const struct mm_page_front *front, const struct mm_buf *rows,
                   struct mm_buf *out);

#endif
