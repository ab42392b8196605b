/* Manifests that are to be in a catalog: each is read, linted and judged, by several threads at once, and what came of it is taken in the order
 * in which they were added. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/checked.h"
#include "base/file.h"
#include "trust/judgement.h"

#define KEPT_BYTES 65536 /* of a buffer, from one manifest to the next */
#define AHEAD_THREADS 4  /* for each processor, where files are made too */
#define BATCH 8          /* manifests that a thread takes at once */

/* One manifest on its way in. */
struct admission {
    char *path;
    struct mm_catalog_folder folder; /* the build's, with room of its own for names */
    struct mm_sha256 *sha;
    struct mm_buf text, signature, line, there;
    struct mm_manifest manifest; /* its memory serves one after the other */
    bool has_signature;
    bool fresh;                   /* the catalog has not got it yet: ROW and `line` are its entry */
    bool put_text, put_signature; /* what is to be written beneath the catalog */
    bool unwritten;               /* it could not be: no other one can */
    struct mm_catalog_ahead_means ahead;
    char model_id[MM_VALUE_MAX + 1];
    struct mm_catalog_row row;
};

/* ---- the files ---- */

static int read_path(const char *path, size_t limit, struct mm_buf *text, struct mm_diags *diags)
{
    int result = mm_file_read_path(path, limit, text, diags);
    if (result > 0)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a file of at most %zu bytes, found more", limit);
    return result;
}

/* The signature beside the manifest. Returns 0, also where there is none, or -1 with a finding. */
static int read_signature(struct admission *a, struct mm_diags *diags)
{
    struct mm_buf name = {0};
    mm_buf_printf(&name, "%s" MM_SIGNATURE_SUFFIX, a->path);
    mm_buf_clear(&a->signature);
    a->has_signature = false;
    if (!mm_buf_text(&name)) {
        mm_buf_release(&name);
        return mm_diag_memory(diags);
    }
    diags->file = name.data;
    int fd = mm_file_open_beneath(AT_FDCWD, name.data, MM_LINKS_FOLLOW), result = 0;
    if (fd >= 0) {
        result = mm_file_read_all(fd, MM_SIGNATURE_MAX, &a->signature, diags) < 0 ? -1 : 0;
        a->has_signature = true; /* one that is too long is no signature, which is found out later */
        close(fd);
    } else if (errno != ENOENT) {
        result = mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    }
    diags->file = a->path;
    mm_buf_release(&name);
    return result;
}

/* The text is a valid manifest, which has this hash. */
static int read_manifest(struct admission *a, const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    int result = mm_manifest_lint(&a->manifest, mm_buf_text(&a->text), a->text.length, diags);
    memcpy(a->manifest.sha256, sha256, MM_HASH_BYTES);
    return result;
}

/* ---- the judgement ---- */

/* The outcome has to be `verified`, or `unsigned` where that was allowed. */
static int judge(const struct mm_catalog_build *build, const struct admission *a, const struct mm_manifest *manifest,
                 bool has_signature, struct mm_diags *diags)
{
    struct mm_judgement judgement = {0};
    uint64_t errors = diags->errors;
    const struct mm_catalog_trust *trust = &build->options->trust;
    if (mm_judge(&judgement, manifest, has_signature ? &a->signature : NULL, trust->keyring, NULL, NULL, diags) < 0)
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

/* ---- manifests that the catalog has ---- */

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

/* *OTHER gets whether PATH beneath the catalog is not TEXT. */
static int compare_standing(struct admission *a, const char *path, const struct mm_buf *text, bool *other,
                            struct mm_diags *diags)
{
    int there = mm_catalog_text(&a->folder, path, MM_MANIFEST_MAX, &a->there, diags);
    diags->file = a->path;
    *other = there == 0 || a->there.length != text->length || memcmp(a->there.data, text->data, text->length) != 0;
    return there < 0 ? -1 : 0;
}

/* A manifest whose bytes the catalog has already: what stands beneath it is looked at, and a signature that changed is judged. */
static int admit_known(const struct mm_catalog_build *build, struct admission *a, const struct mm_catalog_row *row,
                       struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX];
    a->row = *row;
    if (row->gone)
        return mm_diag(diags, MM_RULE_CATALOG_WITHDRAWN,
                       "expected a model that is not withdrawn, found %s revision %" PRIu64, row->model_id,
                       row->revision);
    if (!row->beneath)
        return 0;
    mm_catalog_manifest_path(path, row->model_id, row->revision);
    if (compare_standing(a, path, &a->text, &a->put_text, diags) < 0)
        return -1;
    strcat(path, MM_SIGNATURE_SUFFIX);
    if (row->has_signature && a->has_signature &&
        compare_standing(a, path, &a->signature, &a->put_signature, diags) < 0)
        return -1;
    if ((!a->put_text && !a->put_signature) || !row->has_signature)
        return 0;
    return read_manifest(a, row->manifest_sha256, diags) < 0 ? -1
                                                             : judge(build, a, &a->manifest, a->has_signature, diags);
}

/* ---- manifests that are new ---- */

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

/* It is listed all the same: the next head may name its successor. Whoever imports it meanwhile is refused. */
static void note_expiry(const struct mm_catalog_build *build, const struct mm_manifest *manifest,
                        struct mm_diags *diags)
{
    const struct mm_entry *expires = mm_manifest_get(manifest, 0, MM_FIELD_EXPIRES);
    if (expires && strncmp(build->now, expires->value, expires->value_length) >= 0)
        mm_note(diags, MM_RULE_CATALOG_EXPIRED,
                "expected a manifest that has not expired, found one that expired at %.*s", (int)expires->value_length,
                expires->value);
}

static int put_ahead(const struct mm_catalog_build *build, struct admission *a, struct mm_diags *diags)
{
    diags->file = build->folder.path;
    int result = mm_catalog_ahead_put(build, &a->ahead, &a->row, &a->text, a->put_signature ? &a->signature : NULL,
                                      &a->line, diags);
    diags->file = a->path;
    a->unwritten = result < 0;
    mm_buf_shrink(&a->text, KEPT_BYTES); /* nobody asks for it any more */
    return result;
}

static int admit_fresh(const struct mm_catalog_build *build, struct admission *a, struct mm_diags *diags)
{
    const struct mm_manifest *manifest = &a->manifest;
    struct mm_catalog_row *row = &a->row;
    char revision[MM_VALUE_MAX + 1];
    *row = (struct mm_catalog_row){.model_id = a->model_id, .spooled = true};
    mm_manifest_text(manifest, 0, MM_FIELD_MODEL_ID, a->model_id);
    mm_manifest_text(manifest, 0, MM_FIELD_REVISION, revision);
    mm_number(revision, strlen(revision), MM_NUMBER_MAX, &row->revision);
    row->beneath = !mm_manifest_get(manifest, 0, MM_FIELD_MANIFEST_ROUTE);
    memcpy(row->manifest_sha256, manifest->sha256, MM_HASH_BYTES);
    mm_buf_clear(&a->line);
    if (check_name(build, a->model_id, row->revision, diags) < 0 ||
        mm_catalog_entry_write(manifest, &a->line, diags) < 0 || judge(build, a, manifest, a->has_signature, diags) < 0)
        return -1;
    note_expiry(build, manifest, diags);
    row->has_signature = !mm_entry_is(mm_manifest_get(manifest, 0, MM_FIELD_SIGNATURE_SCHEME), "none");
    row->length = (uint32_t)a->line.length;
    mm_merkle_leaf_data(a->sha, mm_buf_text(&a->line), a->line.length, row->leaf);
    row->has_leaf = true;
    a->fresh = true;
    a->put_text = row->beneath;
    a->put_signature = row->beneath && row->has_signature;
    return build->ahead.fd >= 0 && row->beneath ? put_ahead(build, a, diags) : 0;
}

static int look_at(const struct mm_catalog_build *build, struct admission *a, struct mm_diags *diags)
{
    unsigned char sha256[MM_HASH_BYTES];
    a->fresh = a->put_text = a->put_signature = a->unwritten = false;
    diags->file = a->path;
    if (!a->sha && !(a->sha = mm_sha256_new()))
        return mm_diag_memory(diags);
    if (read_path(a->path, MM_MANIFEST_MAX, &a->text, diags) < 0 || read_signature(a, diags) < 0)
        return -1;
    mm_sha256_once(a->sha, mm_buf_text(&a->text), a->text.length, sha256);
    const struct mm_catalog_row *row = find_standing(build, sha256);
    if (row) {
        a->folder.fd = build->folder.fd;
        a->folder.path = build->folder.path;
        return admit_known(build, a, row, diags);
    }
    return read_manifest(a, sha256, diags) < 0 ? -1 : admit_fresh(build, a, diags);
}

/* What a large one needs while it is looked at is many times what it leaves to be taken, for which many wait. */
static int admit(const void *context, void *slot, struct mm_diags *diags)
{
    struct admission *a = slot;
    int result = look_at(context, a, diags);
    if (a->manifest.text_capacity > KEPT_BYTES)
        mm_manifest_release(&a->manifest);
    return result;
}

/* ---- what came of it ---- */

static int stage(struct mm_catalog_build *build, const char *path, const struct mm_buf *text, bool known,
                 struct mm_diags *diags)
{
    if (!mm_grow(&build->staged, build->staged_count, &build->staged_capacity, sizeof *build->staged))
        return mm_diag_memory(diags);
    struct mm_catalog_staged *staged = &build->staged[build->staged_count];
    *staged = (struct mm_catalog_staged){.path = strdup(path), .length = (uint32_t)text->length, .known = known};
    if (!staged->path)
        return mm_diag_memory(diags);
    build->staged_count++;
    return mm_catalog_spool(&build->spool, mm_buf_text(text), text->length, &staged->at, diags);
}

/* TEXT and SIGNATURE are NULL where they are not to be written. */
static int stage_both(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                      const struct mm_buf *text, const struct mm_buf *signature, bool known, struct mm_diags *diags)
{
    char path[MM_CATALOG_MANIFEST_PATH + sizeof MM_SIGNATURE_SUFFIX];
    mm_catalog_manifest_path(path, model_id, revision);
    if (text && stage(build, path, text, known, diags) < 0)
        return -1;
    strcat(path, MM_SIGNATURE_SUFFIX);
    return signature ? stage(build, path, signature, known, diags) : 0;
}

int mm_catalog_stage(struct mm_catalog_build *build, const char *model_id, uint64_t revision, bool has_signature,
                     bool known, struct mm_diags *diags)
{
    return stage_both(build, model_id, revision, &build->text, has_signature ? &build->signature : NULL, known, diags);
}

/* The line, and the model's row in the lists. */
static int spool_line(struct mm_catalog_build *build, struct admission *a, struct mm_diags *diags)
{
    const struct mm_buf *listed = &a->ahead.listed;
    uint64_t ignored;
    if (mm_catalog_spool(&build->spool, mm_buf_text(&a->line), a->line.length, &a->row.at, diags) < 0 ||
        mm_catalog_spool(&build->spool, "\n", 1, &ignored, diags) < 0)
        return -1;
    if (a->row.listed == 0)
        return 0;
    return mm_catalog_spool(&build->listed, mm_buf_text(listed), listed->length, &a->row.listed_at, diags);
}

static int take_good(struct mm_catalog_build *build, struct admission *a, struct mm_diags *diags)
{
    if (a->fresh && (spool_line(build, a, diags) < 0 || mm_catalog_rows_add(&build->fresh, &a->row, diags) < 0))
        return -1;
    if (build->ahead.fd >= 0 && a->put_text) { /* it is there */
        build->ahead.manifests++;
        for (int files = 2 + a->put_signature; files > 0; files--)
            mm_place_flush_beside(&build->flusher, build->folder.fd);
        return 0;
    }
    return stage_both(build, a->row.model_id, a->row.revision, a->put_text ? &a->text : NULL,
                      a->put_signature ? &a->signature : NULL, !a->fresh, diags);
}

/* One that cannot be in the catalog does not end it: what else is wrong is of interest too. A device that takes no more does. */
static int take_admission(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct mm_catalog_build *build = context;
    struct admission *a = slot;
    const char *shown = diags->file;
    diags->file = a->path;
    if (result < 0 || take_good(build, a, diags) < 0)
        build->refused = true;
    diags->file = shown;
    mm_buf_shrink(&a->text, KEPT_BYTES);
    mm_buf_shrink(&a->signature, KEPT_BYTES);
    mm_buf_shrink(&a->line, KEPT_BYTES);
    mm_buf_shrink(&a->there, KEPT_BYTES);
    free(a->path);
    a->path = NULL;
    return a->unwritten ? -1 : 0;
}

static void release_admission(void *slot)
{
    struct admission *a = slot;
    free(a->path);
    mm_buf_release(&a->folder.shown);
    mm_sha256_free(a->sha);
    mm_buf_release(&a->text);
    mm_buf_release(&a->signature);
    mm_buf_release(&a->line);
    mm_buf_release(&a->there);
    mm_manifest_release(&a->manifest);
    mm_catalog_ahead_means_release(&a->ahead);
}

/* Files that are made wait for the device now and then, so that more threads than processors keep these busy. */
static unsigned count_threads(const struct mm_catalog_build *build)
{
    unsigned processors = mm_pool_processors(MM_CATALOG_THREADS), threads = processors * AHEAD_THREADS;
    if (build->ahead.fd < 0 || processors < 2)
        return processors;
    return threads < MM_CATALOG_THREADS ? threads : MM_CATALOG_THREADS;
}

int mm_catalog_build_add(struct mm_catalog_build *build, const char *path, struct mm_diags *diags)
{
    static const struct mm_pool_kind kind = {sizeof(struct admission), admit, take_admission, release_admission, BATCH};
    uint64_t errors = diags->errors;
    if (!build->admissions) {
        mm_catalog_ahead_begin(build);
        build->admissions = mm_pool_new(&kind, build, count_threads(build), diags);
    }
    struct admission *a = build->admissions ? mm_pool_slot(build->admissions, diags) : NULL;
    if (a && (a->path = strdup(path)))
        mm_pool_give(build->admissions);
    else if (a)
        mm_diag_memory(diags);
    if (!a || !a->path)
        build->refused = true;
    return diags->errors > errors ? -1 : 0;
}

int mm_catalog_build_await(struct mm_catalog_build *build, struct mm_diags *diags)
{
    uint64_t errors = diags->errors;
    if (build->admissions)
        mm_pool_settle(build->admissions, diags);
    mm_pool_free(build->admissions);
    build->admissions = NULL;
    return diags->errors > errors ? -1 : 0;
}
