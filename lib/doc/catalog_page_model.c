/* The page of a model: its highest revision in full, the others below it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "doc/catalog_page_parts.h"

/* gcc's analyser does not see that what mm_grow gave room to is the rows' from then on. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* ---- rows of revisions ---- */

static void add_row(struct mm_model_page *page, struct mm_page_rows *rows, const struct mm_buf *row)
{
    if (rows->count == (size_t)2 * MM_PAGE_OLDER) { /* the older half goes */
        size_t start = rows->starts[MM_PAGE_OLDER];
        rows->text.length -= start;
        memmove(rows->text.data, rows->text.data + start, rows->text.length);
        for (size_t i = 0; i < MM_PAGE_OLDER; i++)
            rows->starts[i] = rows->starts[MM_PAGE_OLDER + i] - start;
        rows->count = MM_PAGE_OLDER;
        rows->dropped += MM_PAGE_OLDER;
    }
    if (!mm_grow(&rows->starts, rows->count, &rows->capacity, sizeof *rows->starts)) {
        page->failed = true;
        return;
    }
    rows->starts[rows->count++] = rows->text.length;
    mm_buf_add(&rows->text, mm_buf_text(row) ? row->data : "", row->length);
    page->failed = page->failed || row->failed || rows->text.failed;
}

static void clear_rows(struct mm_page_rows *rows)
{
    mm_buf_clear(&rows->text);
    rows->count = 0;
    rows->dropped = 0;
}

/* The newest first, and how many more there are. */
static void put_rows(const struct mm_page_rows *rows, const char *more, struct mm_buf *out)
{
    size_t end = rows->text.length, left = rows->count > MM_PAGE_OLDER ? rows->count - MM_PAGE_OLDER : 0;
    uint64_t others = rows->dropped + left;
    mm_buf_str(out, "<ul>\n");
    for (size_t i = rows->count; i > left; i--) {
        size_t start = rows->starts[i - 1];
        mm_buf_add(out, rows->text.data + start, end - start);
        end = start;
    }
    mm_buf_str(out, "</ul>\n");
    if (others > 0)
        mm_buf_printf(out, "<p class=\"quiet\">%s %" PRIu64 " more.</p>\n", more, others);
}

/* ---- facts ---- */

static const struct mm_canonical_text *text_of(const struct mm_catalog_entry *entry, enum mm_catalog_member member)
{
    return &entry->texts[member];
}

static void add_value(const struct mm_catalog_entry *entry, enum mm_catalog_member member, struct mm_buf *out)
{
    mm_page_value(out, text_of(entry, member));
}

static void begin_fact(const char *name, struct mm_buf *out)
{
    mm_buf_str(out, "<dt>");
    mm_buf_str(out, name);
    mm_buf_str(out, "</dt><dd>");
}

static void end_fact(struct mm_buf *out)
{
    mm_buf_str(out, "</dd>\n");
}

static void add_fact(const struct mm_catalog_entry *entry, enum mm_catalog_member member, const char *name,
                     struct mm_buf *out)
{
    begin_fact(name, out);
    add_value(entry, member, out);
    end_fact(out);
}

static void add_route(const struct mm_catalog_entry *entry, enum mm_catalog_member member, const char *name,
                      struct mm_buf *out)
{
    begin_fact(name, out);
    mm_page_route(out, text_of(entry, member));
    end_fact(out);
}

static void add_time(const struct mm_catalog_entry *entry, enum mm_catalog_member member, const char *name,
                     struct mm_buf *out)
{
    const struct mm_canonical_text *time = text_of(entry, member);
    if (!time->at)
        return;
    begin_fact(name, out);
    mm_page_time(out, time->at, time->length);
    end_fact(out);
}

/* With the exact number, which a narrow window shows too. */
static void add_number(uint64_t number, const char *unit, const char *name, struct mm_buf *out)
{
    begin_fact(name, out);
    mm_page_number(out, number, unit);
    if (number >= 1000) {
        mm_buf_str(out, " <small>");
        mm_page_exact(out, number);
        mm_buf_str(out, "</small>");
    }
    end_fact(out);
}

static void add_shape(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    static const char *const names[MM_SHAPE_COUNT] = {
        [MM_SHAPE_BLOCK_COUNT] = "blocks",
        [MM_SHAPE_EMBEDDING_LENGTH] = "embedding",
        [MM_SHAPE_FEED_FORWARD_LENGTH] = "feed-forward",
        [MM_SHAPE_HEAD_COUNT] = "heads",
        [MM_SHAPE_HEAD_COUNT_KV] = "key/value heads",
        [MM_SHAPE_VOCAB_SIZE] = "vocabulary",
        [MM_SHAPE_CONTEXT_LENGTH] = "context",
    };
    begin_fact("Shape", out);
    for (int i = 0; i < MM_SHAPE_COUNT; i++) {
        mm_buf_str(out, i ? ", " : "");
        mm_buf_str(out, names[i]);
        mm_buf_char(out, ' ');
        mm_buf_number(out, entry->shape[i]);
    }
    end_fact(out);
}

static void add_about(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    mm_buf_str(out, "<h2>Model</h2>\n<dl>\n");
    add_fact(entry, MM_CATALOG_ARCHITECTURE, "Architecture", out);
    if (entry->has_parameters)
        add_number(entry->parameters, "", "Parameters", out);
    add_fact(entry, MM_CATALOG_QUANTIZATION, "Quantization", out);
    if (entry->has_shape)
        add_shape(entry, out);
    add_number(entry->artifact_bytes, "B", "Size", out);
    add_time(entry, MM_CATALOG_CREATED, "Created", out);
    add_time(entry, MM_CATALOG_EXPIRES, "Expires", out);
    add_fact(entry, MM_CATALOG_PEER_HINT, "Peer hint", out);
    add_route(entry, MM_CATALOG_MODEL_CARD_ROUTE, "Model card", out);
    mm_buf_str(out, "</dl>\n");
}

/* ---- where it comes from ---- */

/* The part of ITEM up to the next space, which is cut off with it; all of it where there is none. */
static struct mm_canonical_text word_of(struct mm_canonical_text *item)
{
    const char *space = memchr(item->at, ' ', item->length);
    size_t length = space ? (size_t)(space - item->at) : item->length;
    struct mm_canonical_text word = {item->at, length};
    item->at += space ? length + 1 : length;
    item->length -= space ? length + 1 : length;
    return word;
}

static bool is_none(const struct mm_canonical_text *word)
{
    return word->length == 1 && *word->at == '-';
}

static void add_hash(const struct mm_canonical_text *hash, struct mm_buf *out)
{
    if (is_none(hash))
        return;
    mm_buf_str(out, " <code>");
    mm_page_value(out, hash);
    mm_buf_str(out, "</code>");
}

static void add_sources(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    struct mm_canonical_text list = *text_of(entry, MM_CATALOG_SOURCE_SUMMARY), item;
    if (!list.at)
        return;
    begin_fact("Made from", out);
    mm_buf_str(out, "<ul>");
    while (mm_canonical_next(&list, &item)) {
        struct mm_canonical_text hash = word_of(&item);
        mm_buf_str(out, "<li>");
        mm_page_isolated(out, &item);
        add_hash(&hash, out);
        mm_buf_str(out, "</li>");
    }
    mm_buf_str(out, "</ul>");
    end_fact(out);
}

static void add_origin(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    mm_buf_str(out, "<h2>Licence and origin</h2>\n<dl>\n");
    add_fact(entry, MM_CATALOG_LICENSE, "Licence", out);
    add_route(entry, MM_CATALOG_LICENSE_ROUTE, "Licence text", out);
    add_fact(entry, MM_CATALOG_SOURCE_LANE, "Lane", out);
    add_sources(entry, out);
    if (text_of(entry, MM_CATALOG_PREVIOUS)->at) {
        begin_fact("Previous manifest", out);
        add_hash(text_of(entry, MM_CATALOG_PREVIOUS), out);
        end_fact(out);
    }
    add_route(entry, MM_CATALOG_TAKEDOWN_ROUTE, "Takedown", out);
    mm_buf_str(out, "</dl>\n");
}

static void add_evidence(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    struct mm_canonical_text list = *text_of(entry, MM_CATALOG_EVIDENCE_STATUS), item;
    if (!list.at)
        return;
    mm_buf_str(
        out, "<h2>Evidence</h2>\n<p>What the publisher says was found out; a hash is that of the report.</p>\n<ul>\n");
    while (mm_canonical_next(&list, &item)) {
        struct mm_canonical_text kind = word_of(&item), status = word_of(&item), hash = word_of(&item);
        bool pass = status.length == 4 && memcmp(status.at, "pass", 4) == 0;
        bool fail = status.length == 4 && memcmp(status.at, "fail", 4) == 0;
        mm_buf_str(out, "<li>");
        mm_page_value(out, &kind);
        mm_buf_printf(out, ": <strong class=\"%s\">", pass ? "good" : fail ? "bad" : "quiet");
        mm_page_value(out, &status);
        mm_buf_str(out, "</strong>");
        add_hash(&hash, out);
        if (!is_none(&item)) {
            mm_buf_char(out, ' ');
            mm_page_route(out, &item);
        }
        mm_buf_str(out, "</li>\n");
    }
    mm_buf_str(out, "</ul>\n");
}

/* ---- files ---- */

/* Reads the value of a member, a number or what is between quotes. The list was read before, so that it is well formed. */
static struct mm_canonical_text take_value(struct mm_canonical *json)
{
    struct mm_canonical_text value = {json->at, 0};
    if (mm_canonical_take(json, "\""))
        for (value.at = json->at; *json->at != '"'; json->at++)
            ; /* paths, words and hashes hold no escapes */
    else
        while (*json->at >= '0' && *json->at <= '9')
            json->at++;
    value.length = (size_t)(json->at - value.at);
    mm_canonical_take(json, "\"");
    return value;
}

static void add_file(struct mm_canonical *json, struct mm_buf *out)
{
    static const char *const names[] = {
        "bytes",  "chat_template_sha256", "format",          "merkle_root", "path", "role",
        "sha256", "tensor_layout_sha256", "tokenizer_sha256"};
    enum { BYTES, FORMAT = 2, PATH = 4, ROLE, SHA256, COUNT = 9 };
    struct mm_canonical_text values[COUNT] = {{0}};
    uint64_t bytes = 0;
    bool first = true;
    mm_canonical_take(json, ",");
    mm_canonical_take(json, "{");
    for (int i = 0; i < COUNT; i++)
        if (mm_canonical_member(json, names[i], &first))
            values[i] = take_value(json);
    mm_canonical_take(json, "}");
    mm_number(values[BYTES].at, values[BYTES].length, MM_CANONICAL_MAX, &bytes);
    mm_buf_str(out, "<tr><th scope=\"row\">");
    mm_page_value(out, &values[PATH]);
    mm_buf_str(out, "</th><td>");
    mm_page_value(out, &values[ROLE]);
    mm_buf_str(out, ", ");
    mm_page_value(out, &values[FORMAT]);
    mm_buf_str(out, "</td><td>");
    mm_page_number(out, bytes, "B");
    mm_buf_str(out, "</td><td><code>");
    mm_page_value(out, &values[SHA256]);
    mm_buf_str(out, "</code></td></tr>\n");
}

static void add_files(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    const struct mm_canonical_text *list = text_of(entry, MM_CATALOG_ARTIFACTS);
    struct mm_canonical json = {.start = list->at, .at = list->at, .end = list->at + list->length};
    mm_buf_str(out, "<h2>Files</h2>\n<table>\n<caption>What the model consists of. This catalog has none of these "
                    "files.</caption>\n"
                    "<thead><tr><th scope=\"col\">Path</th><th scope=\"col\">Kind</th><th scope=\"col\">Size</th>"
                    "<th scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n");
    for (uint64_t i = 0; i < entry->artifact_count; i++)
        add_file(&json, out);
    mm_buf_str(out, "</tbody>\n</table>\n");
}

/* ---- the manifest, and how to check all of this ---- */

static bool is_signed(const struct mm_catalog_entry *entry)
{
    return text_of(entry, MM_CATALOG_SIGNATURE_ROUTE)->at != NULL;
}

static void add_manifest_link(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    if (!entry->beneath) {
        mm_page_route(out, text_of(entry, MM_CATALOG_MANIFEST_ROUTE));
        return;
    }
    mm_buf_str(out, "<a href=\"");
    mm_buf_number(out, entry->revision); /* beside the page */
    mm_buf_str(out, MM_CATALOG_MANIFEST_SUFFIX "\">");
    add_value(entry, MM_CATALOG_MANIFEST_ROUTE, out);
    mm_buf_str(out, "</a>");
}

static void add_signature(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    mm_buf_str(out, "<h2>Signature</h2>\n");
    if (is_signed(entry)) {
        mm_buf_str(out, "<p>Said to be signed by the minisign key <code>");
        add_value(entry, MM_CATALOG_KEY_ID, out);
        mm_buf_str(out, "</code> of ");
        add_value(entry, MM_CATALOG_PUBLISHER_ID, out);
        mm_buf_str(out, ". This page cannot prove it; the commands below can.</p>\n");
    } else {
        mm_buf_str(out, "<p><strong class=\"bad\">Unsigned.</strong> Nobody answers for this manifest.</p>\n");
    }
    mm_buf_str(out, "<dl>\n");
    begin_fact("Manifest", out);
    add_manifest_link(entry, out);
    end_fact(out);
    begin_fact("Its SHA-256", out);
    mm_buf_str(out, "<code>");
    add_value(entry, MM_CATALOG_MANIFEST_SHA256, out);
    mm_buf_str(out, "</code>");
    end_fact(out);
    mm_buf_str(out, "</dl>\n");
}

/* How the manifest is called in commands that run in the catalog's folder: where it stands beneath it; else in FOLDER, as whatever else is put
 * into the catalog's folder makes the catalog wrong. COPIED: there in any case. FOLDER may bring a manifest of its own, so that it has to be named. */
static void add_manifest_name(const struct mm_catalog_entry *entry, bool copied, struct mm_buf *out)
{
    char path[MM_CATALOG_MANIFEST_PATH];
    mm_catalog_manifest_path(path, entry->model_id, entry->revision);
    if (entry->beneath && !copied) {
        mm_page_word(out, path, strlen(path));
        return;
    }
    mm_buf_str(out, "FOLDER/");
    mm_buf_str(out, strchr(entry->model_id, '/') + 1);
    mm_buf_char(out, '-');
    mm_buf_number(out, entry->revision);
    mm_buf_str(out, MM_CATALOG_MANIFEST_SUFFIX);
}

static void add_fetching(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    const struct mm_canonical_text *routes[] = {text_of(entry, MM_CATALOG_MANIFEST_ROUTE),
                                                text_of(entry, MM_CATALOG_SIGNATURE_ROUTE)};
    mm_buf_str(out, "<p>Its manifest stands elsewhere; it goes to the files of the model, in FOLDER:</p>\n<pre>");
    for (int i = 0; i < 2 && routes[i]->at; i++) {
        mm_buf_printf(out, "%scurl -fLo ", i ? "\n" : "");
        add_manifest_name(entry, true, out);
        mm_buf_str(out, i ? ".minisig " : " ");
        mm_page_word(out, routes[i]->at, routes[i]->length); /* a URL holds no escapes */
    }
    mm_buf_str(out, "</pre>\n");
}

static void add_copying(const struct mm_catalog_entry *entry, const char *suffix, struct mm_buf *out)
{
    mm_buf_str(out, "cp ");
    add_manifest_name(entry, false, out);
    mm_buf_str(out, suffix);
    mm_buf_char(out, ' ');
    add_manifest_name(entry, true, out);
    mm_buf_str(out, suffix);
    mm_buf_char(out, '\n');
}

static void add_trusting(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    mm_buf_str(
        out,
        "<p>Once: trust the publisher&#39;s key by its fingerprint, which has to reach you on another way than this "
        "catalog.</p>\n<pre>key-trust add --fingerprint &#39;FINGERPRINT&#39; ");
    add_value(entry, MM_CATALOG_PUBLISHER_ID, out);
    mm_buf_str(out, " PATH/");
    add_value(entry, MM_CATALOG_KEY_ID, out);
    mm_buf_str(out, ".pub</pre>\n");
}

static void add_commands(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    bool has_signature = is_signed(entry);
    mm_buf_str(out, "<h2>How to verify</h2>\n<p>These commands run in the catalog&#39;s folder.</p>\n");
    if (has_signature)
        add_trusting(entry, out);
    mm_buf_str(out, "<p>Is the catalog what its publisher signed, and does it list this model? That takes a key "
                    "of the catalog&#39;s publisher, whom &ldquo;All models&rdquo; names, in the keyring.</p>\n"
                    "<pre>catalog-build --check .\ncatalog-build --prove ");
    mm_buf_str(out, entry->model_id);
    mm_buf_char(out, '@');
    mm_buf_number(out, entry->revision);
    mm_buf_str(out, " .</pre>\n");
    if (!entry->beneath)
        add_fetching(entry, out);
    mm_buf_str(out, "<p>Are the files in FOLDER this model&#39;s?</p>\n<pre>slm-verify ");
    mm_buf_str(out, has_signature ? "--require-signature --manifest-sha256 " : "--manifest-sha256 ");
    add_value(entry, MM_CATALOG_MANIFEST_SHA256, out);
    mm_buf_char(out, ' ');
    add_manifest_name(entry, false, out);
    mm_buf_str(out, " FOLDER</pre>\n<p>Take it into the store:</p>\n<pre>");
    if (entry->beneath)
        add_copying(entry, "", out);
    if (entry->beneath && has_signature)
        add_copying(entry, ".minisig", out);
    mm_buf_str(out, has_signature ? "slm-import " : "slm-import --allow-unsigned ");
    add_manifest_name(entry, true, out);
    mm_buf_str(out, "</pre>\n");
}

/* ---- a revision ---- */

static void add_top(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    struct mm_canonical_text tags = *text_of(entry, MM_CATALOG_TAGS), tag;
    mm_buf_str(out, "<h1>");
    mm_page_isolated(out, text_of(entry, MM_CATALOG_DISPLAY_NAME));
    mm_buf_str(out, "</h1>\n<p><code>");
    mm_buf_str(out, entry->model_id);
    mm_buf_str(out, "</code> revision ");
    mm_buf_number(out, entry->revision);
    mm_buf_str(out, ", version ");
    add_value(entry, MM_CATALOG_VERSION, out);
    mm_buf_str(out, "</p>\n");
    if (!tags.at)
        return;
    mm_buf_str(out, "<ul class=\"tags\" aria-label=\"Tags\">");
    while (mm_canonical_next(&tags, &tag)) {
        mm_buf_str(out, "<li>");
        mm_page_value(out, &tag);
        mm_buf_str(out, "</li>");
    }
    mm_buf_str(out, "</ul>\n");
}

static void make_latest(struct mm_model_page *page, const struct mm_catalog_entry *entry)
{
    mm_buf_clear(&page->title);
    mm_buf_str(&page->title, entry->model_id);
    mm_buf_str(&page->title, ": ");
    add_value(entry, MM_CATALOG_DISPLAY_NAME, &page->title);
    mm_buf_clear(&page->latest);
    add_top(entry, &page->latest);
    add_about(entry, &page->latest);
    add_origin(entry, &page->latest);
    add_signature(entry, &page->latest);
    add_evidence(entry, &page->latest);
    add_files(entry, &page->latest);
    add_commands(entry, &page->latest);
}

static void make_row(struct mm_buf *row, const struct mm_catalog_entry *entry)
{
    const struct mm_canonical_text *created = text_of(entry, MM_CATALOG_CREATED);
    mm_buf_clear(row);
    mm_buf_printf(row, "<li>Revision %" PRIu64 ", version ", entry->revision);
    add_value(entry, MM_CATALOG_VERSION, row);
    mm_buf_str(row, ", ");
    mm_page_time(row, created->at, 10);
    mm_buf_str(row, ", ");
    add_value(entry, MM_CATALOG_LICENSE, row);
    mm_buf_str(row, ", ");
    mm_page_number(row, entry->artifact_bytes, "B");
    mm_buf_str(row, is_signed(entry) ? ", signed by <code>" : ", unsigned");
    if (is_signed(entry)) {
        add_value(entry, MM_CATALOG_KEY_ID, row);
        mm_buf_str(row, "</code>");
    }
    mm_buf_str(row, ": ");
    add_manifest_link(entry, row);
    mm_buf_str(row, " <code>");
    add_value(entry, MM_CATALOG_MANIFEST_SHA256, row);
    mm_buf_str(row, "</code></li>\n");
}

/* ---- the page ---- */

void mm_model_page_init(struct mm_model_page *page, const struct mm_page_frames *frames)
{
    *page = (struct mm_model_page){.frames = frames};
}

void mm_model_page_release(struct mm_model_page *page)
{
    mm_buf_release(&page->title);
    mm_buf_release(&page->latest);
    mm_buf_release(&page->row);
    mm_buf_release(&page->older.text);
    mm_buf_release(&page->gone.text);
    free(page->older.starts);
    free(page->gone.starts);
    *page = (struct mm_model_page){0};
}

void mm_model_page_shrink(struct mm_model_page *page, size_t most)
{
    mm_buf_shrink(&page->title, most);
    mm_buf_shrink(&page->latest, most);
    mm_buf_shrink(&page->row, most);
}

void mm_model_page_begin(struct mm_model_page *page, const char *model_id)
{
    memcpy(page->model_id, model_id, strlen(model_id) + 1);
    page->count = 0;
    clear_rows(&page->older);
    clear_rows(&page->gone);
}

void mm_model_page_entry(struct mm_model_page *page, const struct mm_catalog_entry *entry)
{
    if (page->count++ > 0)
        add_row(page, &page->older, &page->row);
    make_latest(page, entry);
    make_row(&page->row, entry);
}

void mm_model_page_withdrawn(struct mm_model_page *page, const struct mm_withdrawal *withdrawal)
{
    struct mm_buf row = {0};
    mm_buf_str(&row, "<li>");
    if (withdrawal->revision)
        mm_buf_printf(&row, "Revision %" PRIu64, withdrawal->revision);
    else
        mm_buf_str(&row, "All revisions");
    mm_buf_str(&row, ", <strong class=\"bad\">withdrawn</strong> ");
    mm_page_time(&row, withdrawal->time, 10);
    mm_buf_str(&row, ": <bdi>");
    mm_page_text(&row, withdrawal->reason, strlen(withdrawal->reason));
    mm_buf_str(&row, "</bdi>");
    if (withdrawal->notice_route[0]) {
        struct mm_canonical_text route = {withdrawal->notice_route, strlen(withdrawal->notice_route)};
        mm_buf_char(&row, ' ');
        mm_page_route(&row, &route);
    }
    mm_buf_str(&row, "</li>\n");
    add_row(page, &page->gone, &row);
    mm_buf_release(&row);
}

int mm_model_page_finish(struct mm_model_page *page, struct mm_buf *out, struct mm_diags *diags)
{
    mm_page_begin(page->frames, MM_PAGE_MODEL, NULL, &page->title, out);
    mm_buf_str(out, "<a class=\"skip\" href=\"#main\">Skip to the model</a>\n"
                    "<nav aria-label=\"Catalog\"><a href=\"" MM_PAGE_UP MM_PAGE_INDEX
                    "\">All models</a></nav>\n<main id=\"main\">\n");
    mm_buf_add(out, mm_buf_text(&page->latest) ? page->latest.data : "", page->latest.length);
    if (page->older.count > 0) {
        mm_buf_str(out, "<h2>Older revisions</h2>\n");
        put_rows(&page->older, "The catalog lists", out);
    }
    if (page->gone.count > 0) {
        mm_buf_str(out, "<h2>Withdrawn revisions</h2>\n");
        put_rows(&page->gone, "withdrawn.jsonl names", out);
    }
    mm_page_end(page->frames, MM_PAGE_MODEL, out);
    bool failed = page->failed || page->title.failed || page->latest.failed || page->row.failed || out->failed;
    return failed ? mm_diag_memory(diags) : 0;
}
