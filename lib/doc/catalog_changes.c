#include "doc/catalog_changes.h"

#include <inttypes.h>
#include <string.h>

#include "doc/withdrawn.h"

static const char *const keys[MM_CHANGE_COUNT] = {
    [MM_CHANGE_REMOVED] = "removed: ",
    [MM_CHANGE_ADDED] = "added: ",
    [MM_CHANGE_WITHDRAWN] = "withdrawn: ",
};

/* The longest key, which stands before a line of its own greatest length. */
enum { KEY_ROOM = 16 };

void mm_catalog_changes_write(uint64_t sequence, struct mm_buf *out)
{
    mm_buf_printf(out, MM_CATALOG_CHANGES_TYPE " 0\nsequence: %" PRIu64 "\n", sequence);
}

void mm_catalog_change_write(const struct mm_catalog_change *change, struct mm_buf *out)
{
    mm_buf_str(out, keys[change->kind]);
    if (change->kind == MM_CHANGE_REMOVED)
        mm_buf_add(out, change->line, change->length);
    else if (change->revision)
        mm_buf_printf(out, "%s %" PRIu64, change->model_id, change->revision);
    else
        mm_buf_printf(out, "%s *", change->model_id);
    mm_buf_char(out, '\n');
}

static int wrong(const struct mm_catalog_changes *changes, uint64_t column, const char *expected,
                 struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    const struct mm_buf *line = &changes->lines.line;
    return mm_diag_line(diags, MM_RULE_CATALOG_HISTORY, changes->lines.number, column, "expected %s, found '%s'",
                        expected, mm_show(shown, mm_buf_text(line), line->length < 64 ? line->length : 64));
}

static int ended(const struct mm_catalog_changes *changes, const char *expected, struct mm_diags *diags)
{
    return mm_diag_line(diags, MM_RULE_CATALOG_HISTORY, changes->lines.number + 1, 1, "expected %s, found the end",
                        expected);
}

/* The next line. Returns 1, 0 or -1. */
static int next_line(struct mm_catalog_changes *changes, struct mm_diags *diags)
{
    int result = mm_catalog_lines_next(&changes->lines, KEY_ROOM, diags);
    if (result > 0)
        changes->total += changes->lines.line.length + 1;
    if (changes->total > MM_CATALOG_CHANGES_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected changes of at most %u bytes, found more",
                       MM_CATALOG_CHANGES_MAX);
    return result;
}

int mm_catalog_changes_open(struct mm_catalog_changes *changes, int fd, struct mm_diags *diags)
{
    static const char first[] = MM_CATALOG_CHANGES_TYPE " 0", sequence[] = "sequence: ";
    const struct mm_buf *line = &changes->lines.line;
    *changes = (struct mm_catalog_changes){0};
    int result = mm_catalog_lines_open(&changes->lines, fd, MM_RULE_CATALOG_HISTORY, diags);
    if (result == 0)
        result = next_line(changes, diags);
    if (result < 0)
        return -1;
    if (result == 0)
        return ended(changes, first, diags);
    if (strcmp(mm_buf_text(line), first) != 0 || line->length != sizeof first - 1)
        return wrong(changes, 1, first, diags);
    result = next_line(changes, diags);
    if (result < 0)
        return -1;
    if (result == 0)
        return ended(changes, sequence, diags);
    if (line->length < sizeof sequence || memcmp(line->data, sequence, sizeof sequence - 1) != 0 ||
        !mm_number(line->data + sizeof sequence - 1, line->length - (sizeof sequence - 1), MM_NUMBER_MAX,
                   &changes->sequence) ||
        changes->sequence == 0)
        return wrong(changes, 1, "sequence: and a number from 1", diags);
    return 0;
}

/* What stands behind the key. */
static int read_change(const struct mm_catalog_changes *changes, struct mm_catalog_change *change,
                       struct mm_diags *diags)
{
    size_t key = strlen(keys[change->kind]);
    const char *value = changes->lines.line.data + key;
    size_t length = changes->lines.line.length - key;
    struct mm_catalog_entry entry;
    if (change->kind == MM_CHANGE_REMOVED) {
        if (mm_catalog_entry_read(&entry, value, length, changes->lines.number, diags) < 0)
            return -1;
        memcpy(change->model_id, entry.model_id, sizeof change->model_id);
        change->revision = entry.revision;
        change->line = value;
        change->length = length;
        return 0;
    }
    if (!mm_withdrawn_name(value, length, ' ', change->model_id, &change->revision) ||
        (change->revision == 0 && change->kind == MM_CHANGE_ADDED))
        return wrong(changes, key + 1, "MODEL-ID and REVISION", diags);
    return 0;
}

int mm_catalog_changes_next(struct mm_catalog_changes *changes, struct mm_catalog_change *change,
                            struct mm_diags *diags)
{
    int result = next_line(changes, diags), kind = 0;
    *change = (struct mm_catalog_change){0};
    if (result == 0)
        return mm_catalog_lines_finish(&changes->lines, NULL, diags);
    if (result < 0)
        return -1;
    const struct mm_buf *line = &changes->lines.line;
    while (kind < MM_CHANGE_COUNT &&
           (line->length < strlen(keys[kind]) || memcmp(line->data, keys[kind], strlen(keys[kind])) != 0))
        kind++;
    if (kind == MM_CHANGE_COUNT || (changes->any && kind < (int)changes->last.kind))
        return wrong(changes, 1, "removed, added and withdrawn, in this order", diags);
    change->kind = (enum mm_catalog_change_kind)kind;
    if (read_change(changes, change, diags) < 0)
        return -1;
    if (changes->any && changes->last.kind == change->kind &&
        mm_catalog_compare(changes->last.model_id, changes->last.revision, change->model_id, change->revision) >= 0)
        return wrong(changes, 1, "names in their order, no two equal", diags);
    changes->last = *change;
    changes->any = true;
    return 1;
}

void mm_catalog_changes_close(struct mm_catalog_changes *changes)
{
    mm_catalog_lines_close(&changes->lines);
}
