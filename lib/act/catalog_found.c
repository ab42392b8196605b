#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "act/catalog_find_parts.h"
#include "base/checked.h"
#include "base/file.h"

/* ---- noting what is found ---- */

static void fingerprint(struct mm_catalog_find *find, const char *line, size_t length,
                        unsigned char out[static MM_HIT_FINGERPRINT])
{
    unsigned char sha256[MM_HASH_BYTES];
    mm_sha256_once(find->sha, line, length, sha256);
    memcpy(out, sha256, MM_HIT_FINGERPRINT);
}

static int add_id(struct mm_catalog_find *find, const char *model_id, struct mm_catalog_hit *hit,
                  struct mm_diags *diags)
{
    if (find->ids.length + strlen(model_id) + 1 > MM_CATALOG_FOUND_IDS)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %u bytes of names to sort by, found more",
                       MM_CATALOG_FOUND_IDS);
    hit->key = find->ids.length;
    mm_buf_add(&find->ids, model_id, strlen(model_id) + 1);
    return find->ids.failed ? mm_diag_memory(diags) : 0;
}

static uint64_t seconds(const char *time)
{
    return (uint64_t)mm_time_seconds(time); /* of a valid time, from the year 1 on */
}

/* What HIT is sorted by. */
static int set_key(struct mm_catalog_find *find, struct mm_catalog_hit *hit, const struct mm_catalog_entry *entry,
                   const struct mm_withdrawal *withdrawal, struct mm_diags *diags)
{
    char created[MM_TIME_SIZE] = "";
    switch (find->options->sort) {
    case MM_SORT_ID: return add_id(find, entry ? entry->model_id : withdrawal->model_id, hit, diags);
    case MM_SORT_CREATED:
        if (entry)
            memcpy(created, entry->texts[MM_CATALOG_CREATED].at, MM_TIME_SIZE - 1);
        hit->key = seconds(entry ? created : withdrawal->time);
        return 0;
    case MM_SORT_PARAMETERS:
        hit->keyless = !entry || !entry->has_parameters;
        hit->key = hit->keyless ? 0 : entry->parameters;
        return 0;
    case MM_SORT_BYTES:
        hit->keyless = !entry;
        hit->key = entry ? entry->artifact_bytes : 0;
        return 0;
    default: return 0;
    }
}

int mm_catalog_hit_add(struct mm_catalog_find *find, uint32_t catalog, const struct mm_catalog_entry *entry,
                       const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line,
                       struct mm_diags *diags)
{
    struct mm_catalog_hit hit = {
        .at = line->offset, .length = (uint32_t)line->length, .catalog = catalog, .withdrawal = !entry};
    /* a higher revision takes the place of the one before it */
    bool again = entry && !find->options->all_revisions && strcmp(find->model_id, entry->model_id) == 0;
    if (entry)
        strcpy(find->model_id, entry->model_id);
    find->matches += !again;
    if (find->options->count)
        return 0;
    if (again && find->held) {
        find->hit_count--;
        if (find->options->sort == MM_SORT_ID) /* its name goes too */
            find->ids.length = find->hits[find->hit_count].key;
    }
    find->held = find->options->sort != MM_SORT_NOT || find->hit_count < find->options->limit;
    if (!find->held)
        return 0;
    if (find->hit_count == MM_CATALOG_FOUND_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d results, found more", MM_CATALOG_FOUND_MAX);
    if (set_key(find, &hit, entry, withdrawal, diags) < 0)
        return -1;
    fingerprint(find, line->text, line->length, hit.fingerprint);
    if (!mm_grow(&find->hits, find->hit_count, &find->hit_capacity, sizeof *find->hits))
        return mm_diag_memory(diags);
    find->hits[find->hit_count++] = hit;
    return 0;
}

/* ---- telling it ---- */

/* As they came: catalogs in their order, entries before withdrawals, lines in theirs. */
static int compare_places(const struct mm_catalog_hit *a, const struct mm_catalog_hit *b)
{
    if (a->catalog != b->catalog)
        return a->catalog < b->catalog ? -1 : 1;
    if (a->withdrawal != b->withdrawal)
        return a->withdrawal ? 1 : -1;
    return (a->at > b->at) - (a->at < b->at);
}

static int compare(const void *one, const void *other, void *context)
{
    const struct mm_catalog_hit *a = one, *b = other;
    const struct mm_catalog_find *find = context;
    if (a->keyless != b->keyless)
        return a->keyless ? 1 : -1;
    int order = find->options->sort == MM_SORT_ID ? strcmp(find->ids.data + a->key, find->ids.data + b->key)
                                                  : (a->key > b->key) - (a->key < b->key);
    if (order != 0)
        return find->options->reverse ? -order : order;
    return compare_places(a, b);
}

/* Where the entry's own publisher withdrew it, by a head that is worth no less than the one that offers it. */
static const struct mm_catalog_source *withdrawn_by(const struct mm_catalog_find *find,
                                                    const struct mm_catalog_source *source,
                                                    const struct mm_catalog_entry *entry)
{
    size_t publisher = strcspn(entry->model_id, "/");
    for (size_t i = 0; i < find->count; i++) {
        const struct mm_catalog_searched *c = &find->catalogs[i];
        if (c->whole && c->source.signature >= source->signature && strlen(c->source.head.publisher_id) == publisher &&
            memcmp(c->source.head.publisher_id, entry->model_id, publisher) == 0 &&
            (mm_catalog_rows_find(&c->binding, entry->model_id, 0) ||
             mm_catalog_rows_find(&c->binding, entry->model_id, entry->revision)))
            return &c->source;
    }
    return NULL;
}

/* Room for a line and what is read out of it. */
struct telling {
    struct mm_catalog_entry entry;
    struct mm_withdrawal withdrawal;
    char *line;
    size_t size;
};

/* Reads the line again, which has to be the one that was checked. */
static int read_line(struct mm_catalog_find *find, const struct mm_catalog_hit *hit, struct telling *t,
                     struct mm_diags *diags)
{
    struct mm_catalog_searched *c = &find->catalogs[hit->catalog];
    unsigned char found[MM_HIT_FINGERPRINT];
    if (hit->length >= t->size) {
        char *line = realloc(t->line, (size_t)hit->length + 1); /* a line is at most 4 MiB */
        if (!line)
            return mm_diag_memory(diags);
        t->line = line;
        t->size = (size_t)hit->length + 1;
    }
    mm_catalog_at(&c->folder, hit->withdrawal ? MM_CATALOG_WITHDRAWN : c->name, diags);
    if (mm_file_read_at(hit->withdrawal ? c->withdrawn : c->entries, hit->at, t->line, hit->length, diags) < 0)
        return -1;
    t->line[hit->length] = '\0';
    fingerprint(find, t->line, hit->length, found);
    if (memcmp(found, hit->fingerprint, sizeof found) != 0)
        return mm_diag(diags, MM_RULE_IO_CHANGED,
                       "expected the line at byte %" PRIu64 " as it was checked, found another", hit->at);
    return 0;
}

static int tell(struct mm_catalog_find *find, const struct mm_catalog_hit *hit, struct telling *t,
                mm_catalog_found_fn *each, void *context, struct mm_diags *diags)
{
    const struct mm_catalog_source *source = &find->catalogs[hit->catalog].source;
    if (read_line(find, hit, t, diags) < 0)
        return -1;
    struct mm_catalog_found found = {.source = source, .line = t->line, .length = hit->length};
    if (hit->withdrawal) {
        found.withdrawal = &t->withdrawal;
        return mm_withdrawal_read(&t->withdrawal, t->line, hit->length, 0, diags) < 0 ? -1 : each(context, &found);
    }
    found.entry = &t->entry;
    if (mm_catalog_entry_read(&t->entry, t->line, hit->length, 0, diags) < 0)
        return -1;
    found.withdrawn_by = withdrawn_by(find, source, &t->entry);
    return each(context, &found);
}

int mm_catalog_find_each(struct mm_catalog_find *find, mm_catalog_found_fn *each, void *context, struct mm_diags *diags)
{
    const char *shown = diags->file;
    struct telling *t = calloc(1, sizeof *t);
    int result = 0;
    if (!t)
        return mm_diag_memory(diags);
    if (find->options->sort != MM_SORT_NOT && find->hit_count > 1)
        qsort_r(find->hits, find->hit_count, sizeof *find->hits, compare, find);
    for (size_t i = 0; result == 0 && i < find->hit_count && i < find->options->limit; i++)
        result = tell(find, &find->hits[i], t, each, context, diags);
    free(t->line);
    free(t);
    diags->file = shown;
    return result;
}
