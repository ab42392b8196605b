#include "act/catalog_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_pages.h"
#include "base/checked.h"
#include "base/file.h"

#define ATTEMPTS 5
#define KEPT_BYTES 65536 /* of a buffer, from one entry to the next */

/* ---- lines and sums ---- */

int mm_catalog_compare_entries(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                               const struct mm_catalog_sums *sums, struct mm_diags *diags)
{
    mm_catalog_at(folder, MM_CATALOG_ENTRIES, diags);
    if (sums->count != head->entry_count)
        return mm_diag(diags, MM_RULE_CATALOG_FILE, "expected %" PRIu64 " entries as the head says, found %" PRIu64,
                       head->entry_count, sums->count);
    if (memcmp(sums->sha256, head->entries_sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_FILE,
                       "expected the file with the SHA-256 that the head says, found another");
    if (memcmp(sums->root, head->merkle_root, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_FILE, "expected the Merkle root that the head says, found another");
    return 0;
}

int mm_catalog_compare_withdrawn(struct mm_catalog_folder *folder, const struct mm_catalog_head *head,
                                 const struct mm_catalog_sums *sums, struct mm_diags *diags)
{
    mm_catalog_at(folder, MM_CATALOG_WITHDRAWN, diags);
    if (sums->count != head->withdrawn_count)
        return mm_diag(diags, MM_RULE_CATALOG_FILE, "expected %" PRIu64 " withdrawals as the head says, found %" PRIu64,
                       head->withdrawn_count, sums->count);
    if (memcmp(sums->sha256, head->withdrawn_sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_FILE,
                       "expected the file with the SHA-256 that the head says, found another");
    return 0;
}

struct rows_reading {
    struct mm_catalog_rows *rows;
    struct mm_diags *diags;
};

static int take_withdrawal(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line)
{
    struct rows_reading *r = context;
    struct mm_catalog_row row = {.model_id = (char *)withdrawal->model_id, /* copied */
                                 .revision = withdrawal->revision,
                                 .at = line->offset,
                                 .length = (uint32_t)line->length};
    return mm_catalog_rows_add(r->rows, &row, r->diags);
}

int mm_catalog_withdrawals(struct mm_catalog_folder *folder, struct mm_catalog_rows *rows, struct mm_catalog_sums *sums,
                           struct mm_diags *diags)
{
    struct rows_reading r = {rows, diags};
    int fd = mm_catalog_open(folder, MM_CATALOG_WITHDRAWN, diags);
    int result = fd < 0 ? -1 : mm_withdrawals_read(fd, take_withdrawal, &r, sums, diags);
    if (fd >= 0)
        close(fd);
    return result;
}

bool mm_catalog_is_withdrawn(const struct mm_catalog_rows *withdrawn, const char *model_id, uint64_t revision)
{
    return mm_catalog_rows_find(withdrawn, model_id, 0) || mm_catalog_rows_find(withdrawn, model_id, revision);
}

struct checking {
    struct mm_catalog_folder *folder;
    const struct mm_catalog_check_options *options;
    struct mm_catalog_checked *checked;
    struct mm_diags *diags;
    struct mm_catalog_rows entries, withdrawn;
    struct mm_catalog_pages_check pages;
    atomic_uint_least64_t *manifests; /* that were read */
};

/* ---- one entry, on any thread ---- */

/* What the check of an entry needs, and the next one has again. */
struct means {
    struct mm_catalog_folder folder; /* the catalog's, with room of its own for names */
    struct mm_catalog_model model;   /* whose files are looked at */
    bool alone;                      /* the entry has its folder for itself */
    bool paged;                      /* the page of its model follows from it alone */
    struct mm_buf text, line;
    struct mm_manifest manifest; /* its memory serves one after the other */
    struct mm_sha256 *sha;
    struct mm_signature *signature; /* it holds a whole file */
    struct mm_catalog_page_alone page;
    struct mm_buf found; /* the page that stands there */
};

static void release_means(void *context)
{
    struct means *m = context;
    mm_buf_release(&m->folder.shown);
    mm_catalog_model_release(&m->model);
    mm_buf_release(&m->text);
    mm_buf_release(&m->line);
    mm_manifest_release(&m->manifest);
    mm_sha256_free(m->sha);
    free(m->signature);
    mm_catalog_page_alone_release(&m->page);
    mm_buf_release(&m->found);
}

static int begin(struct means *m, const struct checking *c, struct mm_diags *diags)
{
    m->folder.fd = c->folder->fd;
    m->folder.path = c->folder->path;
    m->sha = m->sha ? m->sha : mm_sha256_new();
    m->signature = m->signature ? m->signature : malloc(sizeof *m->signature);
    return m->sha && m->signature ? 0 : mm_diag_memory(diags);
}

/* Reads the file PATH of the model whose folder is open into m->text. Returns as mm_catalog_text does. */
static int read_file(struct means *m, const char *path, size_t limit, struct mm_diags *diags)
{
    mm_catalog_at(&m->folder, path, diags);
    return mm_catalog_model_text(&m->model, strrchr(path, '/') + 1, limit, &m->text)
               ? 1
               : mm_catalog_text(&m->folder, path, limit, &m->text, diags);
}

/* The manifest that stands in its place is the one that the entry names, and the entry is what follows from it. */
static int check_manifest(struct means *m, const struct checking *c, const struct mm_catalog_entry *entry,
                          const struct mm_catalog_line *line, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH];
    unsigned char sha256[MM_HASH_BYTES];
    mm_catalog_manifest_path(path, entry->model_id, entry->revision);
    int there = read_file(m, path, MM_MANIFEST_MAX, diags);
    if (there <= 0)
        return there < 0
                   ? -1
                   : mm_diag(diags, MM_RULE_CATALOG_FILE, "expected the manifest that an entry names, found none");
    mm_sha256_once(m->sha, mm_buf_text(&m->text), m->text.length, sha256);
    if (memcmp(sha256, entry->manifest_sha256, sizeof sha256) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_FILE,
                       "expected the manifest with the SHA-256 of its entry, found another");
    int result = mm_manifest_lint(&m->manifest, mm_buf_text(&m->text), m->text.length, diags);
    memcpy(m->manifest.sha256, sha256, sizeof sha256);
    mm_buf_clear(&m->line);
    if (result == 0)
        result = mm_catalog_entry_write(&m->manifest, &m->line, diags);
    if (result == 0 && (m->line.length != line->length || memcmp(m->line.data, line->text, line->length) != 0))
        result = mm_diag(diags, MM_RULE_CATALOG_ENTRY,
                         "expected the entry in line %" PRIu64 " that follows from this manifest, found another",
                         line->number);
    atomic_fetch_add_explicit(c->manifests, 1, memory_order_relaxed);
    return result;
}

/* The trusted comment of a signature over the manifest of ENTRY. Returns false where memory is exhausted. */
static bool expected_comment(const struct mm_catalog_entry *entry, struct mm_buf *out)
{
    char version[MM_VALUE_MAX + 1], hex[MM_HASH_HEX + 1];
    size_t length = 0;
    mm_canonical_decode(&entry->texts[MM_CATALOG_VERSION], version, sizeof version, &length);
    mm_hex(hex, entry->manifest_sha256, MM_HASH_BYTES);
    mm_buf_clear(out);
    mm_buf_printf(out, "model:%s version:%.*s revision:%" PRIu64 " sha256:%s", entry->model_id, (int)length, version,
                  entry->revision, hex);
    return mm_buf_text(out) != NULL;
}

/* Its signature has the form of one by the key that the entry names, over this manifest. Whether that key made it is asked by whoever takes the
 * model. */
static int check_signature(struct means *m, const struct mm_catalog_entry *entry, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX], id[MM_KEY_ID_TEXT];
    const struct mm_canonical_text *key_id = &entry->texts[MM_CATALOG_KEY_ID];
    mm_catalog_manifest_path(path, entry->model_id, entry->revision);
    strcat(path, MM_SIGNATURE_SUFFIX);
    int there = read_file(m, path, MM_SIGNATURE_MAX, diags);
    if (there <= 0)
        return there < 0
                   ? -1
                   : mm_diag(diags, MM_RULE_CATALOG_FILE, "expected the signature that an entry names, found none");
    if (mm_signature_read(m->signature, mm_buf_text(&m->text), m->text.length, diags) < 0)
        return -1;
    mm_key_id_text(id, m->signature->key_id);
    if (key_id->length != strlen(id) || memcmp(key_id->at, id, key_id->length) != 0)
        return mm_diag(diags, MM_RULE_SIGNATURE_WRONG_KEY,
                       "expected a signature by %.*s, the manifest's key-id, found one by %s", (int)key_id->length,
                       key_id->at, id);
    if (!expected_comment(entry, &m->line))
        return mm_diag_memory(diags);
    return strcmp(m->line.data, m->signature->comment) == 0
               ? 0
               : mm_diag(diags, MM_RULE_SIGNATURE_COMMENT,
                         "expected the trusted comment of this manifest, found another");
}

/* What is wrong with one entry does not keep the others from being looked at. */
static int check_entry(const void *context, void *means, const struct mm_catalog_entry *entry,
                       const struct mm_catalog_line *line, struct mm_diags *diags)
{
    const struct checking *c = context;
    struct means *m = means;
    if (mm_catalog_is_withdrawn(&c->withdrawn, entry->model_id, entry->revision))
        mm_diag_line(diags, MM_RULE_CATALOG_WITHDRAWN, line->number, 1,
                     "expected no model that was withdrawn, found %s revision %" PRIu64, entry->model_id,
                     entry->revision);
    m->paged = m->alone = false;
    if (begin(m, c, diags) < 0)
        return -1;
    mm_catalog_model_open(&m->model, m->folder.fd, entry->model_id);
    m->alone = mm_catalog_model_alone(&m->model, entry);
    if (!mm_catalog_rows_have(&c->withdrawn, entry->model_id))
        m->paged = mm_catalog_page_compare_alone(&c->pages, &m->model, &m->page, &m->found, entry);
    if (!entry->beneath)
        return 0;
    check_manifest(m, c, entry, line, diags);
    if (entry->texts[MM_CATALOG_SIGNATURE_ROUTE].at)
        check_signature(m, entry, diags);
    mm_buf_shrink(&m->text, KEPT_BYTES);
    mm_buf_shrink(&m->line, KEPT_BYTES);
    if (m->manifest.text_capacity > KEPT_BYTES)
        mm_manifest_release(&m->manifest);
    return 0;
}

static int take_entry(void *context, void *means, const struct mm_catalog_entry *entry,
                      const struct mm_catalog_line *line)
{
    struct checking *c = context;
    const struct means *m = means;
    if (line->number > c->checked->head.entry_count) /* whatever else there is, however much */
        return mm_diag(c->diags, MM_RULE_CATALOG_FILE, "expected %" PRIu64 " entries as the head says, found more",
                       c->checked->head.entry_count);
    int result = mm_catalog_pages_check_entry(&c->pages, entry, m->paged);
    mm_catalog_at(c->folder, MM_CATALOG_ENTRIES, c->diags);
    if (result < 0 || mm_catalog_rows_add_entry(&c->entries, entry, line, c->diags) < 0)
        return -1;
    c->entries.rows[c->entries.count - 1].alone = m->alone;
    return 0;
}

/* ---- the catalog ---- */

static void check_time(struct checking *c)
{
    const struct mm_catalog_head *head = &c->checked->head;
    mm_time_now(c->checked->now);
    if (c->options->now)
        memcpy(c->checked->now, c->options->now, MM_TIME_SIZE);
    if (strcmp(c->checked->now, head->created) < 0) {
        mm_note(c->diags, MM_RULE_CLOCK_BEHIND, "the clock says %s, the head was made at %s", c->checked->now,
                head->created);
        memcpy(c->checked->now, head->created, MM_TIME_SIZE);
    }
    if (strcmp(c->checked->now, head->expires) >= 0)
        mm_diag(c->diags, MM_RULE_CATALOG_EXPIRED, "expected a head that is good still, found one that expired at %s",
                head->expires);
}

static int check_lists(struct checking *c)
{
    static const struct mm_catalog_work work = {sizeof(struct means), check_entry, take_entry, release_means};
    const struct mm_catalog_head *head = &c->checked->head;
    struct mm_catalog_sums sums;
    if (mm_catalog_withdrawals(c->folder, &c->withdrawn, &sums, c->diags) == 0)
        mm_catalog_compare_withdrawn(c->folder, head, &sums, c->diags);
    int pages = mm_catalog_pages_check_begin(&c->pages, c->folder, head, c->diags);
    int fd = mm_catalog_open(c->folder, MM_CATALOG_ENTRIES, c->diags);
    int result = fd < 0 ? -1 : mm_catalog_entries_work(fd, &work, c, &sums, c->diags);
    c->checked->manifests = *c->manifests;
    if (result == 0)
        result = mm_catalog_compare_entries(c->folder, head, &sums, c->diags);
    if (result == 0 && pages == 0)
        mm_catalog_pages_check_finish(&c->pages);
    if (fd >= 0)
        close(fd);
    return result;
}

static void check_witnesses(struct checking *c, const struct mm_signed_head *head)
{
    const struct mm_witness_trust trust = {c->options->trust.keyring, c->options->witness_keys,
                                           c->options->witness_key_count, c->options->witnesses};
    mm_catalog_judge_witnesses(&c->checked->witnesses, c->folder, head, &trust, c->diags);
}

static int check_all(struct checking *c)
{
    struct mm_signed_head head = {0};
    int there = mm_signed_head_read(&head, c->folder, MM_CATALOG_HEAD, c->diags);
    if (there == 0)
        mm_diag(c->diags, MM_RULE_CATALOG_FILE, "expected the head of a catalog, found none");
    if (there > 0) {
        c->checked->head = head.head;
        mm_signed_head_judge(&head, &c->options->trust, c->checked->key_id, c->diags);
        check_time(c);
        check_witnesses(c, &head);
    }
    bool has_signature = head.has_signature;
    mm_signed_head_release(&head);
    if (there <= 0)
        return -1;
    if (check_lists(c) == 0) { /* otherwise it is not known which files belong there */
        mm_catalog_check_surplus(c->folder, &c->entries, c->checked->head.sequence, &c->pages.counts, c->diags);
        mm_catalog_check_revoked(c->folder, c->options->trust.keyring, &c->checked->revoked_entries, c->diags);
    }
    if (mm_catalog_check_chain(c->folder, &c->checked->head, NULL, c->diags) < 0)
        return 0;
    mm_catalog_check_kept(c->folder, &c->checked->head, has_signature, &c->options->trust, c->diags);
    if (c->options->since)
        mm_catalog_check_since(c->folder, &c->checked->head, c->options->since, c->diags);
    return 0;
}

/* Everything once. */
static int attempt(struct mm_catalog_folder *folder, const struct mm_catalog_check_options *options,
                   struct mm_catalog_checked *checked, struct mm_diags *diags)
{
    uint64_t errors = diags->errors;
    atomic_uint_least64_t manifests = 0;
    struct checking c = {
        .folder = folder, .options = options, .checked = checked, .diags = diags, .manifests = &manifests};
    *checked = (struct mm_catalog_checked){0};
    int result = check_all(&c);
    mm_catalog_pages_check_release(&c.pages);
    mm_catalog_rows_release(&c.entries);
    mm_catalog_rows_release(&c.withdrawn);
    return result < 0 || diags->errors > errors ? -1 : 0;
}

/* True if another head stands there now: then what was found may come of having read both. */
static bool moved(struct mm_catalog_folder *folder, const struct mm_catalog_head *head)
{
    struct mm_signed_head present = {0};
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool other = mm_signed_head_read(&present, folder, MM_CATALOG_HEAD, &ignored) > 0 &&
                 memcmp(present.head.sha256, head->sha256, MM_HASH_BYTES) != 0;
    mm_signed_head_release(&present);
    mm_diags_release(&ignored);
    return other;
}

int mm_catalog_check(struct mm_catalog_folder *folder, const struct mm_catalog_check_options *options,
                     struct mm_catalog_checked *checked, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = -1;
    mm_catalog_hold(folder, diags);
    struct mm_diags mark = *diags;
    for (int i = 0; i < ATTEMPTS; i++) {
        result = attempt(folder, options, checked, diags);
        if (result == 0 || !moved(folder, &checked->head))
            break;
        mm_diags_rewind(diags, &mark);
        if (i + 1 == ATTEMPTS)
            result = mm_diag(diags, MM_RULE_CATALOG_CHANGING,
                             "expected a catalog that rests, found it written anew %d times", ATTEMPTS);
    }
    mm_catalog_let_go(folder);
    diags->file = shown;
    return result;
}
