#include "doc/catalog_read.h"

#include <string.h>

#include "doc/catalog_lines.h"

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

static int check_order(struct walk *w, const char *model_id, uint64_t revision)
{
    int order = w->model_id[0] ? mm_catalog_compare(w->model_id, w->revision, model_id, revision) : -1;
    if (order >= 0)
        return mm_diag_line(w->diags, MM_RULE_CATALOG_ORDER, w->lines.number, 1,
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

int mm_catalog_entries_read(int fd, mm_catalog_entry_fn *each, void *context, uint64_t tracked,
                            struct mm_merkle_path *path, struct mm_catalog_sums *sums, struct mm_diags *diags)
{
    struct walk w;
    struct mm_catalog_entry entry;
    struct mm_catalog_line line;
    int result = begin(&w, fd, diags), some = 0;
    if (path)
        mm_merkle_track(&w.tree, tracked);
    while (result == 0 && (some = mm_catalog_lines_next(&w.lines, 0, diags)) > 0) {
        line_of(&w, &line);
        if (line.number > MM_CATALOG_ENTRIES_MAX) {
            result =
                mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d entries, found more", MM_CATALOG_ENTRIES_MAX);
            break;
        }
        result = mm_catalog_entry_read(&entry, line.text, line.length, line.number, diags);
        if (result == 0)
            result = check_order(&w, entry.model_id, entry.revision);
        mm_merkle_add_data(&w.tree, line.text, line.length);
        if (result == 0 && each)
            result = each(context, &entry, &line);
    }
    result = finish(&w, result < 0 || some < 0 ? -1 : 0, sums);
    if (path)
        *path = w.tree.path;
    return result;
}

int mm_withdrawals_read(int fd, mm_withdrawal_fn *each, void *context, struct mm_catalog_sums *sums,
                        struct mm_diags *diags)
{
    struct walk w;
    struct mm_withdrawal withdrawal;
    struct mm_catalog_line line;
    int result = begin(&w, fd, diags), some = 0;
    while (result == 0 && (some = mm_catalog_lines_next(&w.lines, 0, diags)) > 0) {
        line_of(&w, &line);
        if (line.offset > MM_WITHDRAWN_FILE_MAX) {
            result = mm_diag(diags, MM_RULE_IO_LIMIT, "expected withdrawals of at most %u bytes, found more",
                             MM_WITHDRAWN_FILE_MAX);
            break;
        }
        result = mm_withdrawal_read(&withdrawal, line.text, line.length, line.number, diags);
        if (result == 0)
            result = check_order(&w, withdrawal.model_id, withdrawal.revision);
        mm_merkle_add_data(&w.tree, line.text, line.length);
        if (result == 0 && each)
            result = each(context, &withdrawal, &line);
    }
    return finish(&w, result < 0 || some < 0 ? -1 : 0, sums);
}
