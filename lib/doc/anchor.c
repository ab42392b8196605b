#include "doc/anchor.h"

#include <inttypes.h>
#include <string.h>

static int read_created(struct mm_anchor *anchor, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_line line;
    if (mm_lines_field(lines, "created", &line, diags) < 0)
        return -1;
    if (!mm_time_valid(line.value, line.value_length))
        return mm_line_refuse(&line, MM_RULE_RECEIPT_ANCHOR, 0, "a time, YYYY-MM-DDTHH:MM:SSZ", diags);
    memcpy(anchor->created, line.value, line.value_length);
    return 0;
}

/* `receipts: N`, and before it perhaps `host-label: TEXT`. */
static int read_receipts(struct mm_anchor *anchor, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_lines ahead = *lines;
    struct mm_line line;
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool labelled = mm_lines_next(&ahead, &line, &ignored) && mm_line_is(&line, "host-label");
    mm_diags_release(&ignored);
    if (labelled) {
        if (mm_lines_field(lines, "host-label", &line, diags) < 0)
            return -1;
        memcpy(anchor->host_label, line.value, line.value_length);
    }
    if (mm_lines_field(lines, "receipts", &line, diags) < 0)
        return -1;
    return mm_number(line.value, line.value_length, MM_NUMBER_MAX, &anchor->receipts) && anchor->receipts > 0
               ? 0
               : mm_line_refuse(&line, MM_RULE_RECEIPT_ANCHOR, 0, "a decimal number of 1 to 9223372036854775807",
                                diags);
}

static int read_head(struct mm_anchor *anchor, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_line line;
    char shown[MM_SHOWN];
    if (mm_lines_field(lines, "head", &line, diags) < 0)
        return -1;
    if (!mm_hex_hash(line.value, line.value_length, anchor->head))
        return mm_line_refuse(&line, MM_RULE_RECEIPT_ANCHOR, 0, "64 lower-case hex digits", diags);
    if (mm_lines_next(lines, &line, diags))
        return mm_diag_line(diags, MM_RULE_TEXT_FIELD_ORDER, line.number, 1,
                            "expected the end behind the head, found '%s'", mm_show(shown, line.key, line.key_length));
    return 0;
}

int mm_anchor_read(struct mm_anchor *anchor, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *anchor = (struct mm_anchor){0};
    if (length > MM_ANCHOR_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected an anchor of at most %d bytes, found more", MM_ANCHOR_MAX);
    if (mm_lines_begin(&lines, text, length, MM_ANCHOR_TYPE, diags) < 0 || read_created(anchor, &lines, diags) < 0 ||
        read_receipts(anchor, &lines, diags) < 0 || read_head(anchor, &lines, diags) < 0)
        return -1;
    return diags->errors > errors ? -1 : 0;
}

void mm_anchor_write(const struct mm_anchor *anchor, struct mm_buf *out)
{
    char head[MM_HASH_HEX + 1];
    mm_hex(head, anchor->head, MM_HASH_BYTES);
    mm_buf_printf(out, MM_ANCHOR_TYPE " 0\ncreated: %s\n", anchor->created);
    if (anchor->host_label[0])
        mm_buf_printf(out, "host-label: %s\n", anchor->host_label);
    mm_buf_printf(out, "receipts: %" PRIu64 "\nhead: %s\n", anchor->receipts, head);
}
