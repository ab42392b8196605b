/* What is put in: manifests, and models that are taken back. */
#include "act/catalog_build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/checked.h"
#include "base/file.h"
#include "trust/judgement.h"

#define SPOOL_PIECE (1024 * 1024)

/* ---- withdrawals ---- */

static int compare_withdrawn(const void *a, const void *b)
{
    const struct mm_withdrawn_row *x = a, *y = b;
    return mm_catalog_compare(x->model_id, x->revision, y->model_id, y->revision);
}

void mm_catalog_withdrawn_sort(struct mm_catalog_build *build)
{
    if (build->withdrawn_count)
        qsort(build->withdrawn, build->withdrawn_count, sizeof *build->withdrawn, compare_withdrawn);
}

const struct mm_withdrawn_row *mm_catalog_withdrawn_find(const struct mm_catalog_build *build, const char *model_id,
                                                         uint64_t revision)
{
    struct mm_withdrawn_row wanted = {.model_id = (char *)model_id};
    const struct mm_withdrawn_row *all = NULL, *one = NULL;
    if (build->withdrawn_count == 0)
        return NULL;
    all = bsearch(&wanted, build->withdrawn, build->withdrawn_count, sizeof wanted, compare_withdrawn);
    wanted.revision = revision;
    one = bsearch(&wanted, build->withdrawn, build->withdrawn_count, sizeof wanted, compare_withdrawn);
    return all ? all : one;
}

int mm_catalog_withdrawn_add(struct mm_catalog_build *build, const struct mm_withdrawal *withdrawal, bool fresh,
                             struct mm_diags *diags)
{
    size_t at = build->withdrawn_text.length;
    if (at > MM_WITHDRAWN_FILE_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected withdrawals of at most %u bytes, found more",
                       MM_WITHDRAWN_FILE_MAX);
    mm_withdrawal_write(withdrawal, &build->withdrawn_text);
    if (build->withdrawn_text.failed ||
        !mm_grow(&build->withdrawn, build->withdrawn_count, &build->withdrawn_capacity, sizeof *build->withdrawn))
        return mm_diag_memory(diags);
    struct mm_withdrawn_row *row = &build->withdrawn[build->withdrawn_count];
    *row = (struct mm_withdrawn_row){.revision = withdrawal->revision,
                                     .at = at,
                                     .length = build->withdrawn_text.length - at,
                                     .fresh = fresh,
                                     .model_id = strdup(withdrawal->model_id)};
    if (!row->model_id)
        return mm_diag_memory(diags);
    build->withdrawn_count++;
    return 0;
}

/* ---- the spool ---- */

int mm_catalog_spool_flush(struct mm_catalog_build *build, struct mm_diags *diags)
{
    if (build->unspooled.failed)
        return mm_diag_memory(diags);
    int result = mm_file_write_all(build->spool, mm_buf_text(&build->unspooled), build->unspooled.length,
                                   "a temporary file", diags);
    mm_buf_clear(&build->unspooled);
    return result;
}

int mm_catalog_spool(struct mm_catalog_build *build, const void *bytes, size_t length, uint64_t *at,
                     struct mm_diags *diags)
{
    *at = build->spooled;
    mm_buf_add(&build->unspooled, bytes, length);
    build->spooled += length;
    return build->unspooled.length >= SPOOL_PIECE || build->unspooled.failed ? mm_catalog_spool_flush(build, diags) : 0;
}

static int open_spool(struct mm_catalog_build *build, struct mm_diags *diags)
{
    char name[] = MM_WRITER_TEMPORARY "spool-XXXXXX";
#ifdef O_TMPFILE
    build->spool = openat(build->folder.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (build->spool >= 0)
        return 0;
#endif
    unsigned char noise[3];
    if (mm_random(noise, sizeof noise) == 0) {
        mm_hex(name + sizeof name - 7, noise, sizeof noise);
        build->spool = openat(build->folder.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (build->spool < 0)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot create a temporary file", errno);
    unlinkat(build->folder.fd, name, 0);
    return 0;
}

/* ---- beginning and end ---- */

void mm_catalog_build_free(struct mm_catalog_build *build)
{
    if (!build)
        return;
    mm_catalog_folder_release(&build->folder);
    mm_signed_head_release(&build->present);
    mm_catalog_rows_release(&build->standing);
    mm_catalog_rows_release(&build->fresh);
    free(build->by_hash);
    for (size_t i = 0; i < build->withdrawn_count; i++)
        free(build->withdrawn[i].model_id);
    free(build->withdrawn);
    for (size_t i = 0; i < build->staged_count; i++)
        free(build->staged[i].path);
    free(build->staged);
    if (build->entries >= 0)
        close(build->entries);
    if (build->spool >= 0)
        close(build->spool);
    mm_sha256_free(build->sha);
    mm_buf_release(&build->withdrawn_text);
    mm_buf_release(&build->unspooled);
    mm_buf_release(&build->text);
    mm_buf_release(&build->signature);
    mm_buf_release(&build->line);
    free(build);
}

/* Closing the folder, at the latest when the process ends, gives the lock back. */
static int lock(struct mm_catalog_build *build, struct mm_diags *diags)
{
    int result;
    do
        result = flock(build->folder.fd, LOCK_EX);
    while (result < 0 && errno == EINTR);
    return result < 0 ? mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot lock", errno) : 0;
}

struct mm_catalog_build *mm_catalog_build_new(const char *path, const struct mm_catalog_build_options *options,
                                              struct mm_diags *diags)
{
    struct mm_catalog_build *build = calloc(1, sizeof *build);
    if (!build) {
        mm_diag_memory(diags);
        return NULL;
    }
    *build = (struct mm_catalog_build){.options = options, .folder = {.fd = -1}, .entries = -1, .spool = -1};
    int result = 0;
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot create the folder", errno);
    build->sha = mm_sha256_new();
    if (!build->sha)
        result = mm_diag_memory(diags);
    if (result < 0 || mm_catalog_folder_open(&build->folder, path, diags) < 0 || lock(build, diags) < 0 ||
        open_spool(build, diags) < 0) {
        mm_catalog_build_free(build);
        return NULL;
    }
    mm_time_written(build->now);
    return build;
}

int mm_catalog_build_folder(const struct mm_catalog_build *build)
{
    return build->folder.fd;
}

/* ---- manifests ---- */

static int read_path(const char *path, size_t limit, struct mm_buf *text, struct mm_diags *diags)
{
    mm_buf_clear(text);
    int fd = mm_file_open(path, diags);
    if (fd < 0)
        return -1;
    int result = mm_file_read_all(fd, limit, text, diags);
    close(fd);
    if (result > 0)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a file of at most %zu bytes, found more", limit);
    return result;
}

/* The signature beside the manifest PATH. Returns 1; 0 where there is none; -1 with a finding. */
static int read_signature(struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    struct mm_buf name = {0};
    mm_buf_printf(&name, "%s" MM_SIGNATURE_SUFFIX, path);
    mm_buf_clear(&build->signature);
    if (!mm_buf_text(&name))
        return mm_diag_memory(diags);
    diags->file = name.data;
    int fd = mm_file_open_beneath(AT_FDCWD, name.data, MM_LINKS_FOLLOW), result = 0;
    if (fd >= 0)
        result = mm_file_read_all(fd, MM_SIGNATURE_MAX, &build->signature, diags) < 0
                     ? -1
                     : 1; /* one that is too long is no signature */
    else if (errno != ENOENT)
        result = mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    if (fd >= 0)
        close(fd);
    diags->file = path;
    mm_buf_release(&name);
    return result;
}

static int compare_hash(const void *key, const void *row)
{
    return memcmp(key, (*(const struct mm_catalog_row *const *)row)->manifest_sha256, MM_HASH_BYTES);
}

static const struct mm_catalog_row *find_standing(const struct mm_catalog_build *build, const unsigned char *sha256)
{
    const struct mm_catalog_row *const *found =
        build->by_hash && build->standing.count
            ? bsearch(sha256, build->by_hash, build->standing.count, sizeof(struct mm_catalog_row *), compare_hash)
            : NULL;
    return found ? *found : NULL;
}

static int stage(struct mm_catalog_build *build, const char *path, const struct mm_buf *text, struct mm_diags *diags)
{
    if (!mm_grow(&build->staged, build->staged_count, &build->staged_capacity, sizeof *build->staged))
        return mm_diag_memory(diags);
    struct mm_catalog_staged *staged = &build->staged[build->staged_count];
    *staged = (struct mm_catalog_staged){.path = strdup(path), .length = (uint32_t)text->length};
    if (!staged->path)
        return mm_diag_memory(diags);
    build->staged_count++;
    return mm_catalog_spool(build, mm_buf_text(text), text->length, &staged->at, diags);
}

/* Stages TEXT for PATH unless that is what stands there. */
static int stage_if_other(struct mm_catalog_build *build, const char *path, const struct mm_buf *text,
                          struct mm_diags *diags)
{
    const char *shown = diags->file;
    int there = mm_catalog_text(&build->folder, path, MM_MANIFEST_MAX, &build->line, diags);
    diags->file = shown;
    if (there > 0 && build->line.length == text->length && memcmp(build->line.data, text->data, text->length) == 0)
        return 0;
    return there < 0 ? -1 : stage(build, path, text, diags);
}

int mm_catalog_stage(struct mm_catalog_build *build, const char *model_id, uint64_t revision, bool has_signature,
                     bool compare, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX];
    int (*put)(struct mm_catalog_build *, const char *, const struct mm_buf *, struct mm_diags *) =
        compare ? stage_if_other : stage;
    mm_catalog_manifest_path(path, model_id, revision);
    if (put(build, path, &build->text, diags) < 0)
        return -1;
    strcat(path, MM_SIGNATURE_SUFFIX);
    return has_signature ? put(build, path, &build->signature, diags) : 0;
}

/* The outcome has to be `verified`, or `unsigned` where that was allowed. */
static int judge(struct mm_catalog_build *build, const struct mm_manifest *manifest, bool has_signature,
                 struct mm_diags *diags)
{
    struct mm_judgement judgement;
    uint64_t errors = diags->errors;
    const struct mm_catalog_trust *trust = &build->options->trust;
    if (mm_judge(&judgement, manifest, has_signature ? &build->signature : NULL, trust->keyring, NULL, NULL, diags) < 0)
        return -1;
    if (judgement.outcome == MM_SIGNED_VERIFIED && !judgement.undecided)
        return 0;
    if (judgement.outcome != MM_SIGNED_UNSIGNED || judgement.undecided)
        return diags->errors > errors ? -1 : mm_diag(diags, MM_RULE_KEYRING_OPEN, "the keyring cannot be read");
    if (judgement.publisher_known)
        return mm_diag(diags, MM_RULE_CATALOG_UNSIGNED,
                       "expected a signed manifest, as keys of its publisher are known, found an unsigned one");
    if (!trust->allow_unsigned)
        return mm_diag(diags, MM_RULE_CATALOG_UNSIGNED, "expected a signed manifest, found an unsigned one");
    return 0;
}

/* A manifest whose bytes the catalog has already: what stands beneath it is looked at, and a signature that changed is judged. */
static int add_known(struct mm_catalog_build *build, const struct mm_catalog_row *row, int has_signature,
                     struct mm_diags *diags)
{
    struct mm_manifest manifest;
    size_t staged = build->staged_count;
    if (row->gone)
        return mm_diag(diags, MM_RULE_CATALOG_WITHDRAWN,
                       "expected a model that is not withdrawn, found %s revision %" PRIu64, row->model_id,
                       row->revision);
    if (!row->beneath ||
        mm_catalog_stage(build, row->model_id, row->revision, row->has_signature && has_signature > 0, true, diags) < 0)
        return row->beneath ? -1 : 0;
    if (build->staged_count == staged || !row->has_signature)
        return 0;
    int result = mm_manifest_read(&manifest, build->text.data, build->text.length, diags);
    if (result == 0)
        result = judge(build, &manifest, has_signature > 0, diags);
    mm_manifest_release(&manifest);
    return result;
}

/* What the catalog says of this revision already. */
static int check_name(const struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                      struct mm_diags *diags)
{
    if (mm_catalog_withdrawn_find(build, model_id, revision))
        return mm_diag(diags, MM_RULE_CATALOG_WITHDRAWN,
                       "expected a model that was not withdrawn, found %s revision %" PRIu64, model_id, revision);
    if (mm_catalog_rows_find(&build->standing, model_id, revision))
        return mm_diag(diags, MM_RULE_CATALOG_DUPLICATE,
                       "expected the manifest that the catalog has of %s revision %" PRIu64 ", found another", model_id,
                       revision);
    return 0;
}

static int add_fresh(struct mm_catalog_build *build, const struct mm_manifest *manifest, bool has_signature,
                     struct mm_diags *diags)
{
    struct mm_catalog_row row = {.spooled = true, .has_signature = has_signature};
    char id[MM_VALUE_MAX + 1], revision[MM_VALUE_MAX + 1];
    row.model_id = id;
    mm_manifest_text(manifest, 0, MM_FIELD_MODEL_ID, id);
    mm_manifest_text(manifest, 0, MM_FIELD_REVISION, revision);
    mm_number(revision, strlen(revision), MM_NUMBER_MAX, &row.revision);
    row.beneath = !mm_manifest_get(manifest, 0, MM_FIELD_MANIFEST_ROUTE);
    memcpy(row.manifest_sha256, manifest->sha256, MM_HASH_BYTES);
    mm_buf_clear(&build->line);
    if (check_name(build, id, row.revision, diags) < 0 || mm_catalog_entry_write(manifest, &build->line, diags) < 0 ||
        judge(build, manifest, has_signature, diags) < 0)
        return -1;
    row.has_signature = !mm_entry_is(mm_manifest_get(manifest, 0, MM_FIELD_SIGNATURE_SCHEME), "none");
    row.length = (uint32_t)build->line.length;
    if (mm_catalog_spool(build, build->line.data, build->line.length, &row.at, diags) < 0 ||
        mm_catalog_rows_add(&build->fresh, &row, diags) < 0)
        return -1;
    return row.beneath ? mm_catalog_stage(build, id, row.revision, row.has_signature, false, diags) : 0;
}

static int add(struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    unsigned char sha256[MM_HASH_BYTES];
    struct mm_manifest manifest;
    if (read_path(path, MM_MANIFEST_MAX, &build->text, diags) < 0)
        return -1;
    int has_signature = read_signature(build, path, diags);
    if (has_signature < 0)
        return -1;
    mm_sha256_once(build->sha, mm_buf_text(&build->text), build->text.length, sha256);
    const struct mm_catalog_row *row = find_standing(build, sha256);
    if (row)
        return add_known(build, row, has_signature, diags);
    int result = mm_manifest_read(&manifest, mm_buf_text(&build->text), build->text.length, diags);
    if (result == 0)
        result = add_fresh(build, &manifest, has_signature > 0, diags);
    mm_manifest_release(&manifest);
    return result;
}

int mm_catalog_build_add(struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    const char *shown = diags->file;
    diags->file = path;
    int result = add(build, path, diags);
    diags->file = shown;
    if (result < 0)
        build->refused = true;
    return result;
}

/* ---- what is taken back ---- */

static bool is_own(const struct mm_catalog_build *build, const char *model_id)
{
    const char *publisher = build->present.head.publisher_id;
    size_t length = strlen(publisher);
    return strncmp(model_id, publisher, length) == 0 && model_id[length] == '/';
}

/* Marks the rows that fall under it as gone, and takes over the hash of the one. Returns their number. */
static size_t mark_gone(struct mm_catalog_build *build, struct mm_withdrawal *withdrawal)
{
    size_t count = 0;
    for (size_t i = 0; i < build->standing.count; i++) {
        struct mm_catalog_row *row = &build->standing.rows[i];
        if (strcmp(row->model_id, withdrawal->model_id) != 0 ||
            (withdrawal->revision && withdrawal->revision != row->revision))
            continue;
        if (withdrawal->revision)
            memcpy(withdrawal->manifest_sha256, row->manifest_sha256, MM_HASH_BYTES);
        row->gone = true;
        count++;
    }
    return count;
}

static bool is_known(const struct mm_catalog_build *build, const char *model_id)
{
    for (size_t i = 0; i < build->withdrawn_count; i++)
        if (strcmp(build->withdrawn[i].model_id, model_id) == 0)
            return true;
    return false;
}

static int withdraw(struct mm_catalog_build *build, struct mm_withdrawal *withdrawal, struct mm_diags *diags)
{
    const struct mm_withdrawn_row *there = mm_catalog_withdrawn_find(build, withdrawal->model_id, withdrawal->revision);
    if (!build->has_head)
        return mm_diag(diags, MM_RULE_CATALOG_MODEL, "expected a catalog that has %s, found none",
                       withdrawal->model_id);
    if (!is_own(build, withdrawal->model_id))
        return mm_diag(diags, MM_RULE_CATALOG_MODEL, "expected a model of %s, whose catalog it is, found %s",
                       build->present.head.publisher_id, withdrawal->model_id);
    if (there && (there->revision == 0 || there->revision == withdrawal->revision))
        return 0; /* it is so already, for the reason that was given then */
    bool any = mark_gone(build, withdrawal) > 0;
    if (!any && (withdrawal->revision || !is_known(build, withdrawal->model_id)))
        return mm_diag(diags, MM_RULE_CATALOG_MODEL, "expected a model of this catalog, found %s",
                       withdrawal->model_id);
    if (mm_catalog_withdrawn_add(build, withdrawal, true, diags) < 0)
        return -1;
    mm_catalog_withdrawn_sort(build);
    return 0;
}

int mm_catalog_build_withdraw(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                              const char *reason, const char *notice, struct mm_diags *diags)
{
    struct mm_withdrawal withdrawal = {.revision = revision};
    snprintf(withdrawal.model_id, sizeof withdrawal.model_id, "%s", model_id);
    snprintf(withdrawal.reason, sizeof withdrawal.reason, "%s", reason);
    snprintf(withdrawal.notice_route, sizeof withdrawal.notice_route, "%s", notice ? notice : "");
    memcpy(withdrawal.time, build->now, MM_TIME_SIZE);
    mm_catalog_at(&build->folder, NULL, diags);
    int result = withdraw(build, &withdrawal, diags);
    if (result < 0)
        build->refused = true;
    return result;
}
