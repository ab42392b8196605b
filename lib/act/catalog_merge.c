/* Catalogs of several publishers in one: their entries as they are, with the manifests' own signatures. */
#include <errno.h>
#include <inttypes.h>
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

/* What a publisher takes back in his own catalog is taken back here; of others' models he has no say. */
static int take_withdrawal(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line)
{
    struct merging *m = context;
    struct mm_catalog_build *build = m->build;
    const char *publisher = m->checked.head.publisher_id;
    size_t length = strlen(publisher);
    (void)line;
    if (strncmp(withdrawal->model_id, publisher, length) != 0 || withdrawal->model_id[length] != '/')
        return 0;
    if (mm_catalog_withdrawn_one(build, m->sorted, withdrawal->model_id, withdrawal->revision))
        return 0;
    mm_catalog_mark_gone(build, withdrawal->model_id, withdrawal->revision, NULL);
    return mm_catalog_withdrawn_add(build, withdrawal, true, m->diags);
}

/* Whose key is not known here, or is revoked, is left to whoever imports the model. But what the keyring shows to be no signature of its publisher is taken from
 * nobody: it would keep the true revision out, and no head covers a signature's bytes. */
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
    if (result < 0)
        return -1;
    bool left = judgement.outcome == MM_SIGNED_UNKNOWN_KEY || judgement.outcome == MM_SIGNED_REVOKED_KEY ||
                (judgement.outcome == MM_SIGNED_UNSIGNED && !judgement.publisher_known);
    if (judgement.outcome != MM_SIGNED_VERIFIED && !left && !judgement.undecided)
        return m->diags->errors > mark.errors
                   ? -1
                   : mm_diag(m->diags, MM_RULE_CATALOG_UNSIGNED,
                             "expected a signed manifest, as keys of its publisher are known, found an unsigned one");
    mm_diags_rewind(m->diags, &mark);
    return 0;
}

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
    if (there && memcmp(there->manifest_sha256, entry->manifest_sha256, MM_HASH_BYTES) == 0)
        return 0;
    if (there)
        return mm_diag_line(m->diags, MM_RULE_CATALOG_DUPLICATE, line->number, 1,
                            "expected the manifest that the catalog has of %s revision %" PRIu64 ", found another",
                            entry->model_id, entry->revision);
    if (mm_catalog_spool(build, line->text, line->length, &row.at, m->diags) < 0 ||
        mm_catalog_rows_add(&build->fresh, &row, m->diags) < 0)
        return -1;
    int result = row.beneath ? take_files(m, &row) : 0;
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
    struct mm_catalog_check_options options = {.trust = m->build->options->trust};
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
