#include "doc/catalog_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "doc/catalog_lines.h"

#define THREADS 8                      /* at most */
#define WORK_THREADS 4                 /* for each processor, where work reads files: it may wait for the device */
#define PENDING_MAX (16 * 1024 * 1024) /* bytes of lines that are read and not yet taken */
#define KEPT_BYTES 65536               /* of a buffer, from one line to the next */
#define BATCH 8                        /* lines that a thread takes at once: one is a few microseconds of work */

/* A file on its way: what is the same for both. */
struct walk {
    struct mm_catalog_lines lines;
    struct mm_merkle tree;
    char model_id[MM_MODEL_ID_MAX + 1]; /* of the line before, "" for none */
    uint64_t revision;
    struct mm_diags *diags;
};

static int begin(struct walk *w, int fd, struct mm_diags *diags)
{
    *w = (struct walk){.diags = diags};
    int result = mm_merkle_init(&w->tree, diags);
    return mm_catalog_lines_open(&w->lines, fd, MM_RULE_CATALOG_ENTRY, diags) < 0 ? -1 : result;
}

static void line_of(const struct walk *w, struct mm_catalog_line *line)
{
    *line =
        (struct mm_catalog_line){mm_buf_text(&w->lines.line), w->lines.line.length, w->lines.offset, w->lines.number};
}

static int check_order(struct walk *w, const char *model_id, uint64_t revision, uint64_t number)
{
    int order = w->model_id[0] ? mm_catalog_compare(w->model_id, w->revision, model_id, revision) : -1;
    if (order >= 0)
        return mm_diag_line(w->diags, MM_RULE_CATALOG_ORDER, number, 1,
                            "expected lines sorted by model_id and revision, no two equal, found %s behind %s",
                            model_id, w->model_id);
    strcpy(w->model_id, model_id);
    w->revision = revision;
    return 0;
}

static int finish(struct walk *w, int result, struct mm_catalog_sums *sums)
{
    *sums = (struct mm_catalog_sums){.count = w->tree.count};
    if (result == 0)
        result = mm_catalog_lines_finish(&w->lines, sums->sha256, w->diags);
    if (result == 0)
        mm_merkle_root(&w->tree, sums->root);
    mm_catalog_lines_close(&w->lines);
    mm_merkle_release(&w->tree);
    return result;
}

/* ---- entries, by several threads ---- */

struct entries {
    struct walk walk;
    const struct mm_catalog_work *work; /* NULL for none */
    mm_catalog_entry_fn *each;
    void *context;
    char *file;     /* what findings are about */
    size_t pending; /* bytes of lines in hand */
};

/* A line on its way. */
struct slot {
    struct mm_buf text;
    struct mm_catalog_line line;
    struct mm_catalog_entry entry;
    unsigned char leaf[MM_HASH_BYTES];
    struct mm_sha256 *sha;
    void (*release)(void *means);
    max_align_t means[];
};

static int look_at(const void *context, void *slot, struct mm_diags *diags)
{
    const struct entries *e = context;
    struct slot *s = slot;
    diags->file = e->file;
    if (!s->sha && !(s->sha = mm_sha256_new()))
        return mm_diag_memory(diags);
    mm_merkle_leaf_data(s->sha, s->line.text, s->line.length, s->leaf);
    if (mm_catalog_entry_read(&s->entry, s->line.text, s->line.length, s->line.number, diags) < 0)
        return -1;
    return e->work ? e->work->work(e->context, s->means, &s->entry, &s->line, diags) : 0;
}

static int take(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct entries *e = context;
    struct slot *s = slot;
    (void)diags; /* those of the walk */
    e->pending -= s->line.length;
    if (result == 0)
        result = check_order(&e->walk, s->entry.model_id, s->entry.revision, s->line.number);
    mm_merkle_add_leaf(&e->walk.tree, s->leaf);
    if (result == 0 && e->work)
        result = e->work->take(e->context, s->means, &s->entry, &s->line);
    else if (result == 0 && e->each)
        result = e->each(e->context, &s->entry, &s->line);
    mm_buf_shrink(&s->text, KEPT_BYTES);
    return result;
}

static void release_slot(void *slot)
{
    struct slot *s = slot;
    mm_buf_release(&s->text);
    mm_sha256_free(s->sha);
    if (s->release)
        s->release(s->means);
}

/* Gives each line to the pool. Returns 0, or -1 where TAKE or LATER, which holds what is found behind those lines, say why. */
static int give_lines(struct entries *e, struct mm_pool *pool, struct mm_diags *later)
{
    struct mm_catalog_lines *lines = &e->walk.lines;
    struct slot *s;
    int some = 0;
    while ((s = mm_pool_slot(pool, e->walk.diags)) && (some = mm_catalog_lines_next(lines, 0, later)) > 0) {
        if (lines->number > MM_CATALOG_ENTRIES_MAX) {
            some = mm_diag(later, MM_RULE_IO_LIMIT, "expected at most %d entries, found more", MM_CATALOG_ENTRIES_MAX);
            break;
        }
        struct mm_buf text = s->text; /* changes places with the line */
        s->text = lines->line;
        lines->line = text;
        s->line = (struct mm_catalog_line){mm_buf_text(&s->text), s->text.length, lines->offset, lines->number};
        s->release = e->work ? e->work->release : NULL;
        e->pending += s->line.length;
        mm_pool_give(pool);
        if (e->pending > PENDING_MAX && mm_pool_settle(pool, e->walk.diags) < 0)
            return -1;
    }
    return mm_pool_settle(pool, e->walk.diags) < 0 || some < 0 ? -1 : 0;
}

static unsigned count_threads(const struct entries *e)
{
    unsigned processors = mm_pool_processors(THREADS), threads = processors * WORK_THREADS;
    if (!e->work || processors < 2)
        return processors;
    return threads < THREADS ? threads : THREADS;
}

static int read_entries(struct entries *e)
{
    const struct mm_pool_kind kind = {.slot_size = sizeof(struct slot) + (e->work ? e->work->means_size : 0),
                                      .work = look_at,
                                      .take = take,
                                      .release = release_slot,
                                      .batch = BATCH};
    struct mm_diags later;
    struct mm_pool *pool = mm_pool_new(&kind, e, count_threads(e), e->walk.diags);
    if (!pool)
        return -1;
    mm_diags_init(&later);
    later.file = e->file;
    int result = give_lines(e, pool, &later);
    if (mm_pool_settle(pool, e->walk.diags) == 0)
        mm_diags_move(e->walk.diags, &later);
    mm_diags_release(&later);
    mm_pool_free(pool);
    return result;
}

static int walk_entries(int fd, struct entries *e, uint64_t tracked, struct mm_merkle_path *path,
                        struct mm_catalog_sums *sums, struct mm_diags *diags)
{
    int result = begin(&e->walk, fd, diags);
    e->file = strdup(diags->file ? diags->file : "");
    if (!e->file)
        result = mm_diag_memory(diags);
    if (path)
        mm_merkle_track(&e->walk.tree, tracked);
    if (result == 0)
        result = read_entries(e);
    result = finish(&e->walk, result, sums);
    if (path)
        *path = e->walk.tree.path;
    free(e->file);
    return result;
}

int mm_catalog_entries_read(int fd, mm_catalog_entry_fn *each, void *context, uint64_t tracked,
                            struct mm_merkle_path *path, struct mm_catalog_sums *sums, struct mm_diags *diags)
{
    struct entries e = {.each = each, .context = context};
    return walk_entries(fd, &e, tracked, path, sums, diags);
}

int mm_catalog_entries_work(int fd, const struct mm_catalog_work *work, void *context, struct mm_catalog_sums *sums,
                            struct mm_diags *diags)
{
    struct entries e = {.work = work, .context = context};
    return walk_entries(fd, &e, 0, NULL, sums, diags);
}

/* ---- withdrawals ---- */

int mm_withdrawals_read(int fd, mm_withdrawal_fn *each, void *context, struct mm_catalog_sums *sums,
                        struct mm_diags *diags)
{
    struct walk w;
    struct mm_withdrawal withdrawal;
    struct mm_catalog_line line;
    int result = begin(&w, fd, diags), some = 0;
    while (result == 0 && (some = mm_catalog_lines_next(&w.lines, 0, diags)) > 0) {
        line_of(&w, &line);
        if (line.offset + line.length + 1 > MM_WITHDRAWN_FILE_MAX) {
            result = mm_diag(diags, MM_RULE_IO_LIMIT, "expected withdrawals of at most %u bytes, found more",
                             MM_WITHDRAWN_FILE_MAX);
            break;
        }
        result = mm_withdrawal_read(&withdrawal, line.text, line.length, line.number, diags);
        if (result == 0)
            result = check_order(&w, withdrawal.model_id, withdrawal.revision, line.number);
        mm_merkle_add_data(&w.tree, line.text, line.length);
        if (result == 0 && each)
            result = each(context, &withdrawal, &line);
    }
    return finish(&w, result < 0 || some < 0 ? -1 : 0, sums);
}
