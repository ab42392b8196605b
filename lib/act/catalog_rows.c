#include "act/catalog_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static int compare(const void *a, const void *b)
{
    const struct mm_catalog_row *x = a, *y = b;
    return mm_catalog_compare(x->model_id, x->revision, y->model_id, y->revision);
}

void mm_catalog_rows_release(struct mm_catalog_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->rows[i].model_id);
    free(rows->rows);
    *rows = (struct mm_catalog_rows){0};
}

/* gcc's analyser does not see that what mm_grow gave room to is the list's from then on. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

int mm_catalog_rows_add(struct mm_catalog_rows *rows, const struct mm_catalog_row *row, struct mm_diags *diags)
{
    char *model_id = strdup(row->model_id);
    if (!model_id || !mm_grow(&rows->rows, rows->count, &rows->capacity, sizeof *row)) {
        free(model_id);
        return mm_diag_memory(diags);
    }
    struct mm_catalog_row *added = &rows->rows[rows->count++];
    *added = *row;
    added->model_id = model_id;
    return 0;
}

int mm_catalog_rows_add_entry(struct mm_catalog_rows *rows, const struct mm_catalog_entry *entry,
                              const struct mm_catalog_line *line, struct mm_diags *diags)
{
    struct mm_catalog_row row = {.model_id = (char *)entry->model_id, /* copied */
                                 .revision = entry->revision,
                                 .at = line->offset,
                                 .length = (uint32_t)line->length,
                                 .beneath = entry->beneath,
                                 .has_signature = entry->texts[MM_CATALOG_SIGNATURE_ROUTE].at != NULL};
    memcpy(row.manifest_sha256, entry->manifest_sha256, MM_HASH_BYTES);
    return mm_catalog_rows_add(rows, &row, diags);
}

void mm_catalog_rows_sort(struct mm_catalog_rows *rows)
{
    if (rows->count)
        qsort(rows->rows, rows->count, sizeof *rows->rows, compare);
}

struct mm_catalog_row *mm_catalog_rows_find(const struct mm_catalog_rows *rows, const char *model_id, uint64_t revision)
{
    struct mm_catalog_row wanted = {.model_id = (char *)model_id, .revision = revision};
    return rows->count ? bsearch(&wanted, rows->rows, rows->count, sizeof wanted, compare) : NULL;
}

size_t mm_catalog_rows_first(const struct mm_catalog_rows *rows, const char *model_id)
{
    size_t from = 0, to = rows->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(rows->rows[middle].model_id, model_id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool mm_catalog_rows_have(const struct mm_catalog_rows *rows, const char *model_id)
{
    size_t at = mm_catalog_rows_first(rows, model_id);
    return at < rows->count && strcmp(rows->rows[at].model_id, model_id) == 0;
}
