/* The lists: models, and what was withdrawn. */
#include <inttypes.h>
#include <string.h>

#include "doc/catalog_page_parts.h"

/* ---- rows ---- */

static void add_cell(const struct mm_canonical_text *value, struct mm_buf *out)
{
    mm_buf_str(out, "<td>");
    mm_page_value(out, value);
    mm_buf_str(out, "</td>");
}

void mm_page_model_row(const struct mm_catalog_entry *entry, uint64_t older, struct mm_buf *out)
{
    const struct mm_canonical_text *texts = entry->texts;
    mm_buf_str(out, "<tr><th scope=\"row\"><a href=\"" MM_CATALOG_MANIFESTS);
    mm_buf_str(out, entry->model_id);
    mm_buf_str(out, MM_PAGE_OF_MODEL "\">");
    mm_page_isolated(out, &texts[MM_CATALOG_DISPLAY_NAME]);
    mm_buf_str(out, "</a></th><td><code>");
    mm_buf_str(out, entry->model_id);
    mm_buf_str(out, "</code></td><td>");
    if (older > 0)
        mm_buf_printf(out, "<data value=\"%" PRIu64 "\">%" PRIu64 "</data> <small>and %" PRIu64 " older</small>",
                      entry->revision, entry->revision, older);
    else
        mm_buf_number(out, entry->revision);
    mm_buf_str(out, "</td>");
    add_cell(&texts[MM_CATALOG_LICENSE], out);
    add_cell(&texts[MM_CATALOG_ARCHITECTURE], out);
    mm_buf_str(out, "<td>");
    if (entry->has_parameters)
        mm_page_number(out, entry->parameters, "");
    mm_buf_str(out, "</td><td>");
    mm_page_number(out, entry->artifact_bytes, "B");
    mm_buf_str(out, "</td>");
    add_cell(&texts[MM_CATALOG_QUANTIZATION], out);
    mm_buf_str(out, "<td>");
    if (texts[MM_CATALOG_SIGNATURE_ROUTE].at) {
        mm_buf_str(out, "<code>");
        mm_page_value(out, &texts[MM_CATALOG_KEY_ID]);
        mm_buf_str(out, "</code></td><td>");
    } else {
        mm_buf_str(out, "nobody</td><td>");
    }
    mm_page_time(out, texts[MM_CATALOG_CREATED].at, 10);
    mm_buf_str(out, "</td></tr>\n");
}

void mm_page_withdrawn_row(const struct mm_withdrawal *withdrawal, struct mm_buf *out)
{
    mm_buf_printf(out, "<tr><th scope=\"row\"><code>%s</code></th><td>", withdrawal->model_id);
    if (withdrawal->revision)
        mm_buf_printf(out, "revision %" PRIu64, withdrawal->revision);
    else
        mm_buf_str(out, "all revisions");
    mm_buf_str(out, "</td><td>");
    mm_page_time(out, withdrawal->time, 10);
    mm_buf_str(out, "</td><td><bdi>");
    mm_page_text(out, withdrawal->reason, strlen(withdrawal->reason));
    mm_buf_str(out, "</bdi></td><td>");
    if (withdrawal->notice_route[0]) {
        struct mm_canonical_text route = {withdrawal->notice_route, strlen(withdrawal->notice_route)};
        mm_page_route(out, &route);
    }
    mm_buf_str(out, "</td></tr>\n");
}

/* ---- tables ---- */

static void add_table(bool withdrawn, const struct mm_buf *rows, struct mm_buf *out)
{
    static const char *const of_models[] = {"Model",      "Id",   "Revision",     "Licence",   "Architecture",
                                            "Parameters", "Size", "Quantization", "Signed by", "Created"};
    static const char *const of_withdrawals[] = {"Model", "What", "When", "Why", "Notice"};
    const char *const *names = withdrawn ? of_withdrawals : of_models;
    size_t count = withdrawn ? sizeof of_withdrawals / sizeof *names : sizeof of_models / sizeof *names;
    if (rows->length == 0) {
        mm_buf_str(out, "<p>No models are listed.</p>\n");
        return;
    }
    mm_buf_printf(out, "<table class=\"%s\">\n<caption>%s</caption>\n<thead><tr>", withdrawn ? "w" : "m",
                  withdrawn ? "What the publisher took back." : "The highest revision of each model.");
    for (size_t i = 0; i < count; i++)
        mm_buf_printf(out, "<th scope=\"col\">%s</th>", names[i]);
    mm_buf_str(out, "</tr></thead>\n<tbody>\n");
    mm_buf_add(out, rows->data, rows->length);
    mm_buf_str(out, "</tbody>\n</table>\n");
}

/* The way to the pages beside this one. */
static void add_neighbours(bool withdrawn, uint64_t number, bool more, struct mm_buf *out)
{
    char name[MM_PAGE_NAME];
    if (number == 1 && !more)
        return;
    mm_buf_str(out, "<nav class=\"pages\" aria-label=\"Pages\">");
    if (number > 1)
        mm_buf_printf(out, "<a rel=\"prev\" href=\"%s\">Previous page</a>", mm_page_name(name, withdrawn, number - 1));
    mm_buf_printf(out, "<span>Page %" PRIu64 "</span>", number);
    if (more)
        mm_buf_printf(out, "<a rel=\"next\" href=\"%s\">Next page</a>", mm_page_name(name, withdrawn, number + 1));
    mm_buf_str(out, "</nav>\n");
}

/* Search covers what is on the page. */
static void add_reach(uint64_t number, bool more, struct mm_buf *out)
{
    if (number > 1 || more)
        mm_buf_str(out,
                   "<p class=\"quiet\">A search here finds what is on this page; <code>catalog-find . PATTERN</code> "
                   "searches the whole catalog.</p>\n");
}

void mm_page_list(const struct mm_page_frames *frames, bool withdrawn, uint64_t number, bool more,
                  const struct mm_buf *rows, struct mm_buf *out)
{
    struct mm_buf title = {0};
    mm_buf_str(&title, withdrawn ? "Withdrawn models" : "Models");
    if (number > 1)
        mm_buf_printf(&title, ", page %" PRIu64, number);
    mm_page_begin(frames, MM_PAGE_LIST, NULL, &title, out);
    mm_buf_str(out, "<a class=\"skip\" href=\"#main\">Skip to the list</a>\n"
                    "<nav aria-label=\"Catalog\"><a href=\"" MM_PAGE_INDEX
                    "\">The catalog</a></nav>\n<main id=\"main\">\n<h1>");
    mm_buf_str(out, mm_buf_text(&title) ? title.data : "");
    mm_buf_str(out, "</h1>\n");
    add_neighbours(withdrawn, number, more, out);
    if (!withdrawn)
        add_reach(number, more, out);
    add_table(withdrawn, rows, out);
    if (rows->length > 0)
        add_neighbours(withdrawn, number, more, out);
    mm_page_end(frames, MM_PAGE_LIST, out);
    out->failed = out->failed || title.failed;
    mm_buf_release(&title);
}

/* ---- the first page ---- */

static void add_count(const char *name, uint64_t count, struct mm_buf *out)
{
    mm_buf_printf(out, "<dt>%s</dt><dd>", name);
    mm_page_exact(out, count);
    mm_buf_str(out, "</dd>\n");
}

static void add_head(const struct mm_page_front *front, struct mm_buf *out)
{
    const struct mm_catalog_head *head = front->head;
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, head->sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "<dl>\n<dt>Publisher</dt><dd>%s</dd>\n", head->publisher_id);
    add_count("Models", front->models, out);
    if (front->head->entry_count != front->models)
        add_count("Revisions", head->entry_count, out);
    if (head->withdrawn_count > 0) {
        mm_buf_str(out, "<dt>Withdrawn</dt><dd><a href=\"withdrawn" MM_PAGE_SUFFIX "\">");
        mm_page_exact(out, head->withdrawn_count);
        mm_buf_str(out, "</a></dd>\n");
    }
    mm_buf_str(out, "<dt>Made</dt><dd>");
    mm_page_time(out, head->created, MM_TIME_SIZE - 1);
    mm_buf_printf(out, ", head %" PRIu64 "</dd>\n<dt>Good until</dt><dd id=\"expires\">", head->sequence);
    mm_page_time(out, head->expires, MM_TIME_SIZE - 1);
    mm_buf_printf(out, "</dd>\n<dt>Head&#39;s SHA-256</dt><dd><code>%s</code></dd>\n</dl>\n", hex);
}

static void add_checking(struct mm_buf *out)
{
    mm_buf_str(out, "<h2>How to check</h2>\n<p>This page cannot prove itself. In the catalog&#39;s folder, with the "
                    "publisher&#39;s "
                    "key in your keyring:</p>\n<pre>catalog-build --check .</pre>\n"
                    "<p>With an older head kept aside, also that nothing vanished since without a withdrawal:</p>\n"
                    "<pre>catalog-build --check --since OLDHEAD .</pre>\n");
}

static void add_directory(const struct mm_page_front *front, struct mm_buf *out)
{
    char name[MM_PAGE_NAME];
    mm_buf_str(out,
               "<nav aria-labelledby=\"all-pages\">\n<h2 id=\"all-pages\">All pages</h2>\n<ul id=\"directory\">\n");
    for (size_t i = 0; i < front->pages; i++)
        mm_buf_printf(out, "<li><a href=\"%s\">%zu: from %s</a></li>\n", mm_page_name(name, false, i + 1), i + 1,
                      front->firsts[i]);
    mm_buf_str(out, "</ul>\n</nav>\n");
}

void mm_page_index(const struct mm_page_frames *frames, const struct mm_page_front *front, const struct mm_buf *rows,
                   struct mm_buf *out)
{
    struct mm_buf title = {0};
    mm_buf_printf(&title, "Catalog %s", front->head->catalog_id);
    mm_page_begin(frames, MM_PAGE_LIST, front->head, &title, out);
    mm_buf_printf(out, "<a class=\"skip\" href=\"#models\">Skip to the models</a>\n<main>\n<h1>%s</h1>\n",
                  mm_buf_text(&title) ? title.data : "");
    add_head(front, out);
    mm_buf_str(out, "<h2 id=\"models\">Models</h2>\n");
    add_neighbours(false, 1, front->pages > 1, out);
    add_reach(1, front->pages > 1, out);
    add_table(false, rows, out);
    if (front->pages > 1) {
        add_neighbours(false, 1, true, out);
        add_directory(front, out);
    }
    add_checking(out);
    mm_page_end(frames, MM_PAGE_LIST, out);
    out->failed = out->failed || title.failed;
    mm_buf_release(&title);
}
