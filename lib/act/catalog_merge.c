/* Catalogs of several publishers in one: their entries as they are, with the manifests' own signatures. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "act/catalog_check.h"
#include "trust/judgement.h"

struct merging {
    struct mm_catalog_build *build;
    struct mm_catalog_folder folder;
    struct mm_catalog_checked checked;
    size_t sorted; /* withdrawals of the build before this catalog's; no two of its own are equal */
    struct mm_diags *diags;
};

static bool is_of(const char *publisher, const char *model_id)
{
    size_t length = strlen(publisher);
    return strncmp(model_id, publisher, length) == 0 && model_id[length] == '/';
}

/* What a publisher takes back in his own catalog is taken back here; of others' models he has no say. */
static int take_withdrawal(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line)
{
    struct merging *m = context;
    struct mm_catalog_build *build = m->build;
    (void)line;
    if (!is_of(m->checked.head.publisher_id, withdrawal->model_id))
        return 0;
    if (mm_catalog_withdrawn_one(build, m->sorted, withdrawal->model_id, withdrawal->revision))
        return 0;
    mm_catalog_mark_gone(build, withdrawal->model_id, withdrawal->revision, NULL);
    return mm_catalog_withdrawn_add(build, withdrawal, true, m->diags);
}

/* ---- what a stranger lists ---- */

/* Are there keys here by which a manifest of MODEL_ID's publisher can be told from a stranger's? The one who builds has one in any case. */
static enum mm_found knows(const struct merging *m, const char *model_id)
{
    char publisher[MM_MODEL_ID_MAX + 1];
    const struct mm_catalog_build_options *options = m->build->options;
    snprintf(publisher, sizeof publisher, "%.*s", (int)strcspn(model_id, "/"), model_id);
    if (options->key && strcmp(publisher, m->build->present.head.publisher_id) == 0)
        return MM_FOUND_YES;
    return options->trust.keyring ? mm_keyring_knows(options->trust.keyring, publisher, m->diags) : MM_FOUND_UNKNOWN;
}

/* Nothing that the publisher made says that he lists this: then it comes in out of his own catalog, or from one who was told to let such pass
 * and knows no keys of his. */
static int check_unproved(struct merging *m, const struct mm_catalog_row *row, const char *found)
{
    enum mm_found known = knows(m, row->model_id);
    bool own = is_of(m->checked.head.publisher_id, row->model_id);
    if (known == MM_FOUND_UNKNOWN)
        return mm_diag(m->diags, MM_RULE_KEYRING_OPEN, "the keyring cannot be read");
    if (known == MM_FOUND_YES && (!own || row->beneath))
        return mm_diag(m->diags, MM_RULE_CATALOG_UNSIGNED,
                       "expected a signed manifest, as keys of its publisher are known, found %s: %s revision %" PRIu64,
                       found, row->model_id, row->revision);
    if (!own && !m->build->options->trust.allow_unsigned)
        return mm_diag(m->diags, MM_RULE_CATALOG_UNSIGNED,
                       "expected a signed manifest in the catalog of another publisher, found %s: %s revision %" PRIu64,
                       found, row->model_id, row->revision);
    return 0;
}

/* What came of the judgement of a manifest, whose errors are those since MARK. A key that is unknown or revoked is left to whoever imports the
 * model, but for unknown ones in a stranger's catalog where the publisher's are known: there it is the stranger's word alone. */
static int check_outcome(struct merging *m, const struct mm_catalog_row *row, const struct mm_judgement *judgement,
                         const struct mm_diags *mark)
{
    bool own = is_of(m->checked.head.publisher_id, row->model_id), left = false;
    if (judgement->undecided)
        return m->diags->errors > mark->errors ? -1
                                               : mm_diag(m->diags, MM_RULE_KEYRING_OPEN, "the keyring cannot be read");
    switch (judgement->outcome) {
    case MM_SIGNED_VERIFIED:
    case MM_SIGNED_REVOKED_KEY: left = true; break;
    case MM_SIGNED_UNKNOWN_KEY: left = own || knows(m, row->model_id) == MM_FOUND_NO; break;
    case MM_SIGNED_UNSIGNED: left = check_unproved(m, row, "an unsigned one") == 0; break;
    default: break;
    }
    if (!left)
        return m->diags->errors > mark->errors
                   ? -1
                   : mm_diag(m->diags, MM_RULE_SIGNATURE_BAD, "expected its publisher's signature, found another");
    mm_diags_rewind(m->diags, mark);
    return 0;
}

/* What the keyring shows to be no signature of its publisher is taken from nobody: it would keep the true revision out, and no head covers a
 * signature's bytes. */
static int judge(struct merging *m, const struct mm_catalog_row *row)
{
    struct mm_manifest manifest;
    struct mm_judgement judgement = {0};
    struct mm_catalog_build *build = m->build;
    struct mm_diags mark = *m->diags;
    int result = mm_manifest_read(&manifest, mm_buf_text(&build->text), build->text.length, m->diags);
    if (result == 0)
        result = mm_judge(&judgement, &manifest, row->has_signature ? &build->signature : NULL,
                          build->options->trust.keyring, NULL, NULL, m->diags);
    mm_manifest_release(&manifest);
    return result < 0 ? -1 : check_outcome(m, row, &judgement, &mark);
}

/* ---- entries ---- */

/* The manifest and its signature from the one catalog into the other. */
static int take_files(struct merging *m, const struct mm_catalog_row *row)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX];
    unsigned char sha256[MM_HASH_BYTES];
    struct mm_catalog_build *build = m->build;
    mm_catalog_manifest_path(path, row->model_id, row->revision);
    int there = mm_catalog_text(&m->folder, path, MM_MANIFEST_MAX, &build->text, m->diags);
    mm_sha256_once(build->sha, mm_buf_text(&build->text), build->text.length, sha256);
    if (there < 0)
        return -1;
    if (there == 0 || memcmp(sha256, row->manifest_sha256, sizeof sha256) != 0) /* it was right a moment ago */
        return mm_diag(m->diags, MM_RULE_IO_CHANGED, "expected the manifest that was checked, found another");
    strcat(path, MM_SIGNATURE_SUFFIX);
    if (row->has_signature && mm_catalog_text(&m->folder, path, MM_SIGNATURE_MAX, &build->signature, m->diags) <= 0)
        return mm_diag(m->diags, MM_RULE_IO_CHANGED, "expected the signature that was checked, found none");
    if (judge(m, row) < 0)
        return -1;
    return mm_catalog_stage(build, row->model_id, row->revision, row->has_signature, false, m->diags);
}

/* What the catalog has already is the same line: an entry follows from its manifest, but where that stands elsewhere nobody has seen that it
 * does. */
static int compare_standing(struct merging *m, const struct mm_catalog_row *there, const struct mm_catalog_entry *entry,
                            const struct mm_catalog_line *line)
{
    const struct mm_buf *standing = &m->build->line;
    bool same = memcmp(there->manifest_sha256, entry->manifest_sha256, MM_HASH_BYTES) == 0;
    if (same && mm_catalog_row_line(m->build, there, m->diags) < 0)
        return -1;
    if (same && standing->length == line->length && memcmp(standing->data, line->text, line->length) == 0)
        return 0;
    return mm_diag_line(m->diags, MM_RULE_CATALOG_DUPLICATE, line->number, 1,
                        "expected the %s that the catalog has of %s revision %" PRIu64 ", found another",
                        same ? "entry" : "manifest", entry->model_id, entry->revision);
}

static int take_entry(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct merging *m = context;
    struct mm_catalog_build *build = m->build;
    const struct mm_catalog_row *there = mm_catalog_rows_find(&build->standing, entry->model_id, entry->revision);
    struct mm_catalog_row row = {.model_id = (char *)entry->model_id, /* copied */
                                 .revision = entry->revision,
                                 .length = (uint32_t)line->length,
                                 .spooled = true,
                                 .merged = true,
                                 .beneath = entry->beneath,
                                 .has_signature = entry->texts[MM_CATALOG_SIGNATURE_ROUTE].at != NULL};
    memcpy(row.manifest_sha256, entry->manifest_sha256, MM_HASH_BYTES);
    if (mm_catalog_withdrawn_find(build, entry->model_id, entry->revision))
        return 0;
    if (there)
        return compare_standing(m, there, entry, line);
    if (mm_catalog_spool(&build->spool, line->text, line->length, &row.at, m->diags) < 0 ||
        mm_catalog_rows_add(&build->fresh, &row, m->diags) < 0)
        return -1;
    int result = row.beneath ? take_files(m, &row)
                 : is_of(m->checked.head.publisher_id, entry->model_id)
                     ? 0
                     : check_unproved(m, &row, "one that stands elsewhere");
    mm_catalog_at(&m->folder, MM_CATALOG_ENTRIES, m->diags);
    return result;
}

/* Whoever builds holds the lock of his folder, and would wait for himself. */
static int check_apart(struct merging *m)
{
    struct stat a, b;
    if (fstat(m->folder.fd, &a) < 0 || fstat(m->build->folder.fd, &b) < 0)
        return mm_diag_errno(m->diags, MM_RULE_IO_OPEN, "cannot look at the folder", errno);
    return a.st_dev != b.st_dev || a.st_ino != b.st_ino
               ? 0
               : mm_diag(m->diags, MM_RULE_CATALOG_HEAD,
                         "expected another catalog than the one that is built, found the same");
}

static int check(struct merging *m)
{
    struct mm_catalog_check_options options = {.trust = m->build->options->trust, .now = m->build->options->expiry};
    options.trust.own = NULL; /* the merger's key speaks for the merger */
    mm_catalog_at(&m->folder, NULL, m->diags);
    return mm_catalog_check(&m->folder, &options, &m->checked, m->diags);
}

static int merge_withdrawals(struct merging *m)
{
    struct mm_catalog_sums sums;
    m->sorted = m->build->withdrawn_count;
    int fd = mm_catalog_open(&m->folder, MM_CATALOG_WITHDRAWN, m->diags);
    int result = fd < 0 ? -1 : mm_withdrawals_read(fd, take_withdrawal, m, &sums, m->diags);
    if (result == 0)
        result = mm_catalog_compare_withdrawn(&m->folder, &m->checked.head, &sums, m->diags);
    if (fd >= 0)
        close(fd);
    mm_catalog_withdrawn_sort(m->build);
    return result;
}

static int merge_entries(struct merging *m)
{
    struct mm_catalog_sums sums;
    int fd = mm_catalog_open(&m->folder, MM_CATALOG_ENTRIES, m->diags);
    int result = fd < 0 ? -1 : mm_catalog_entries_read(fd, take_entry, m, 0, NULL, &sums, m->diags);
    if (result == 0)
        result = mm_catalog_compare_entries(&m->folder, &m->checked.head, &sums, m->diags);
    if (fd >= 0)
        close(fd);
    return result;
}

int mm_catalog_build_merge(struct mm_catalog_build *build, const char *path, bool entries, struct mm_diags *diags)
{
    struct merging m = {.build = build, .diags = diags};
    const char *shown = diags->file;
    diags->file = path;
    int result = mm_catalog_folder_open(&m.folder, path, diags);
    if (result == 0)
        result = check_apart(&m);
    if (result == 0)
        result = check(&m);
    if (result == 0)
        result = entries ? merge_entries(&m) : merge_withdrawals(&m);
    mm_catalog_folder_release(&m.folder);
    diags->file = shown;
    if (result < 0)
        build->refused = true;
    return result;
}
