/* Manifests and signatures on their way from a build's spool to where they stand beneath the catalog. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "base/file.h"
#include "text/path.h"

#define BATCH 4 /* files that a thread takes at once */

/* A file on its way from the spool to its place. */
struct placing {
    const struct mm_catalog_staged *staged;
    struct mm_place place;
    char *bytes;
    size_t capacity;
};

static int place_file(const void *context, void *slot, struct mm_diags *diags)
{
    const struct mm_catalog_build *build = context;
    struct placing *p = slot;
    const struct mm_catalog_staged *staged = p->staged;
    diags->file = build->folder.path;
    if (p->capacity < staged->length) {
        char *bytes = realloc(p->bytes, staged->length);
        if (!bytes)
            return mm_diag_memory(diags);
        p->bytes = bytes;
        p->capacity = staged->length;
    }
    if (mm_file_read_at(build->spool.fd, staged->at, p->bytes, staged->length, diags) < 0)
        return -1;
    return (staged->known ? mm_place_file : mm_place_unknown)(&p->place, build->folder.fd, staged->path, p->bytes,
                                                              staged->length, diags);
}

static int take_placed(void *context, void *slot, int result, struct mm_diags *diags)
{
    (void)context, (void)slot, (void)diags;
    return result;
}

static void release_placing(void *slot)
{
    struct placing *p = slot;
    free(p->bytes);
}

int mm_catalog_spool_empty(struct mm_catalog_build *build, struct mm_diags *diags)
{
    const struct mm_catalog_spool *spools[] = {&build->spool, &build->listed};
    for (int i = 0; i < 2; i++)
        if (spools[i]->length > 0 && !spools[i]->published && ftruncate(spools[i]->fd, 0) < 0)
            return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot empty a temporary file", errno);
    return 0;
}

/* Lists are made out of the spool where pages were written ahead. Otherwise nobody needs it from here on. */
static int empty_early(struct mm_catalog_build *build, struct mm_diags *diags)
{
    return build->ahead.published ? 0 : mm_catalog_spool_empty(build, diags);
}

/* They are flushed together with the pages. */
int mm_catalog_place_files(struct mm_catalog_build *build, struct mm_diags *diags)
{
    static const struct mm_pool_kind kind = {sizeof(struct placing), place_file, take_placed, release_placing, BATCH};
    struct placing *p;
    mm_catalog_at(&build->folder, NULL, diags);
    if (build->staged_count == 0)
        return empty_early(build, diags);
    struct mm_pool *pool = mm_pool_new(&kind, build, mm_pool_processors(MM_CATALOG_THREADS), diags);
    for (size_t i = 0; pool && i < build->staged_count && (p = mm_pool_slot(pool, diags)); i++) {
        p->staged = &build->staged[i];
        mm_pool_give(pool);
    }
    int result = pool ? mm_pool_settle(pool, diags) : -1;
    mm_pool_free(pool);
    if (result < 0 || empty_early(build, diags) < 0)
        return -1;
    build->flusher.files += build->staged_count;
    build->unflushed = true;
    return 0;
}

static int compare_staged(const void *a, const void *b)
{
    const struct mm_catalog_staged *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Two catalogs may bring one manifest, and each a signature of its own: what came first is placed, and no two threads meet in one file. */
void mm_catalog_stage_once(struct mm_catalog_build *build)
{
    size_t kept = 0;
    if (build->staged_count)
        qsort(build->staged, build->staged_count, sizeof *build->staged, compare_staged);
    for (size_t i = 0; i < build->staged_count; i++)
        if (kept && strcmp(build->staged[kept - 1].path, build->staged[i].path) == 0)
            free(build->staged[i].path);
        else
            build->staged[kept++] = build->staged[i];
    build->staged_count = kept;
}

uint64_t mm_catalog_count_manifests(const struct mm_catalog_build *build)
{
    uint64_t count = build->ahead.manifests;
    for (size_t i = 0; i < build->staged_count; i++)
        count += mm_path_ends_in(build->staged[i].path, MM_CATALOG_MANIFEST_SUFFIX);
    return count;
}
