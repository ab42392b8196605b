/* The beginning and the end of a build, its spool, and models that are taken back. */
#include "act/catalog_build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/checked.h"
#include "base/file.h"

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

struct mm_withdrawn_row *mm_catalog_withdrawn_one(const struct mm_catalog_build *build, size_t count,
                                                  const char *model_id, uint64_t revision)
{
    const struct mm_withdrawn_row wanted = {.model_id = (char *)model_id, .revision = revision};
    return count ? bsearch(&wanted, build->withdrawn, count, sizeof wanted, compare_withdrawn) : NULL;
}

size_t mm_catalog_withdrawn_first(const struct mm_catalog_build *build, const char *model_id)
{
    size_t from = 0, to = build->withdrawn_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(build->withdrawn[middle].model_id, model_id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const struct mm_withdrawn_row *mm_catalog_withdrawn_find(const struct mm_catalog_build *build, const char *model_id,
                                                         uint64_t revision)
{
    const struct mm_withdrawn_row *all = mm_catalog_withdrawn_one(build, build->withdrawn_count, model_id, 0);
    return all ? all : mm_catalog_withdrawn_one(build, build->withdrawn_count, model_id, revision);
}

int mm_catalog_withdrawn_add(struct mm_catalog_build *build, const struct mm_withdrawal *withdrawal, bool fresh,
                             struct mm_diags *diags)
{
    size_t at = build->withdrawn_text.length;
    mm_withdrawal_write(withdrawal, &build->withdrawn_text);
    if (build->withdrawn_text.length + build->withdrawn_count + 1 > MM_WITHDRAWN_FILE_MAX) /* an LF each */
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected withdrawals of at most %u bytes, found more",
                       MM_WITHDRAWN_FILE_MAX);
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

static int flush_spool(struct mm_catalog_spool *spool, struct mm_diags *diags)
{
    if (spool->rest.failed)
        return mm_diag_memory(diags);
    if (spool->sha)
        mm_sha256_update(spool->sha, mm_buf_text(&spool->rest), spool->rest.length);
    int result = mm_file_write_all(spool->fd, mm_buf_text(&spool->rest), spool->rest.length, "a temporary file", diags);
    mm_buf_clear(&spool->rest);
    return result;
}

int mm_catalog_spool_flush(struct mm_catalog_build *build, struct mm_diags *diags)
{
    return flush_spool(&build->spool, diags) < 0 ? -1 : flush_spool(&build->listed, diags);
}

int mm_catalog_spool(struct mm_catalog_spool *spool, const void *bytes, size_t length, uint64_t *at,
                     struct mm_diags *diags)
{
    *at = spool->length;
    mm_buf_add(&spool->rest, bytes, length);
    spool->length += length;
    return spool->rest.length >= SPOOL_PIECE || spool->rest.failed ? flush_spool(spool, diags) : 0;
}

static void release_spool(struct mm_catalog_spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    mm_buf_release(&spool->rest);
    mm_sha256_free(spool->sha);
}

/* With the mode of a file that is published. Nobody else can open one without a name. */
static int open_spool(const struct mm_catalog_build *build, struct mm_catalog_spool *spool, struct mm_diags *diags)
{
    char name[] = MM_WRITER_TEMPORARY "spool-XXXXXX";
#ifdef O_TMPFILE
    spool->fd = openat(build->folder.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    spool->unnamed = spool->fd >= 0;
    if (spool->unnamed)
        return 0;
#endif
    unsigned char noise[3];
    if (mm_random(noise, sizeof noise) == 0) {
        mm_hex(name + sizeof name - 7, noise, sizeof noise);
        spool->fd = openat(build->folder.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (spool->fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot create a temporary file", errno);
    unlinkat(build->folder.fd, name, 0);
    return 0;
}

/* ---- beginning and end ---- */

void mm_catalog_build_free(struct mm_catalog_build *build)
{
    if (!build)
        return;
    mm_place_flush_await(&build->flusher);
    mm_pool_free(build->admissions); /* first: its threads look at all the rest */
    mm_catalog_ahead_end(build);
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
    release_spool(&build->spool);
    release_spool(&build->listed);
    mm_sha256_free(build->sha);
    mm_buf_release(&build->withdrawn_text);
    mm_buf_release(&build->text);
    mm_buf_release(&build->signature);
    mm_buf_release(&build->line);
    free(build);
}

/* Closing the folder, at the latest when the process ends, gives the lock back. */
static int lock(struct mm_catalog_build *build, struct mm_diags *diags)
{
    int result = mm_catalog_lock(&build->folder, true, MM_CATALOG_BUILDER_WAITS);
    if (result > 0)
        return mm_diag(diags, MM_RULE_CATALOG_CHANGING,
                       "expected a catalog that nobody else reads or builds, found it locked for %d seconds",
                       MM_CATALOG_BUILDER_WAITS);
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
    *build = (struct mm_catalog_build){.options = options,
                                       .folder = {.fd = -1},
                                       .entries = -1,
                                       .spool = {.fd = -1},
                                       .listed = {.fd = -1},
                                       .ahead = {.fd = -1}};
    int result = 0;
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot create the folder", errno);
    build->sha = mm_sha256_new();
    if (!build->sha)
        result = mm_diag_memory(diags);
    if (result < 0 || mm_catalog_folder_open(&build->folder, path, diags) < 0 || lock(build, diags) < 0 ||
        open_spool(build, &build->spool, diags) < 0 || open_spool(build, &build->listed, diags) < 0) {
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

/* ---- what is taken back ---- */

static bool is_own(const struct mm_catalog_build *build, const char *model_id)
{
    const char *publisher = build->present.head.publisher_id;
    size_t length = strlen(publisher);
    return strncmp(model_id, publisher, length) == 0 && model_id[length] == '/';
}

size_t mm_catalog_mark_gone(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                            const struct mm_catalog_row **last)
{
    size_t count = 0;
    const struct mm_catalog_rows *rows = &build->standing;
    for (size_t i = mm_catalog_rows_first(rows, model_id);
         i < rows->count && strcmp(rows->rows[i].model_id, model_id) == 0; i++) {
        if (revision && revision != rows->rows[i].revision)
            continue;
        rows->rows[i].gone = true;
        count++;
        if (last)
            *last = &rows->rows[i];
    }
    return count;
}

/* True if some revision of it was withdrawn. */
static bool is_known(const struct mm_catalog_build *build, const char *model_id)
{
    size_t first = mm_catalog_withdrawn_first(build, model_id);
    return first < build->withdrawn_count && strcmp(build->withdrawn[first].model_id, model_id) == 0;
}

/* Of another publisher's model a revision that is listed here can be taken out of this catalog, which binds nobody else. */
static int withdraw(struct mm_catalog_build *build, struct mm_withdrawal *withdrawal, struct mm_diags *diags)
{
    const struct mm_withdrawn_row *there = mm_catalog_withdrawn_find(build, withdrawal->model_id, withdrawal->revision);
    if (!build->has_head)
        return mm_diag(diags, MM_RULE_CATALOG_MODEL, "expected a catalog that has %s, found none",
                       withdrawal->model_id);
    bool listed =
        withdrawal->revision && mm_catalog_rows_find(&build->standing, withdrawal->model_id, withdrawal->revision);
    if (!listed && !(there && withdrawal->revision) && !is_own(build, withdrawal->model_id))
        return mm_diag(diags, MM_RULE_CATALOG_MODEL,
                       "expected a model of %s, whose catalog it is, or a revision that the catalog lists, found %s",
                       build->present.head.publisher_id, withdrawal->model_id);
    if (there && (there->revision == 0 || there->revision == withdrawal->revision))
        return 0; /* it is so already, for the reason that was given then */
    const struct mm_catalog_row *row = NULL;
    bool any = mm_catalog_mark_gone(build, withdrawal->model_id, withdrawal->revision, &row) > 0;
    if (row && withdrawal->revision)
        memcpy(withdrawal->manifest_sha256, row->manifest_sha256, MM_HASH_BYTES);
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
