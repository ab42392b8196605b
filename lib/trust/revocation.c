#include "trust/revocation.h"

#include <string.h>

#include "text/line.h"

static int read_fields(struct mm_revocation *revocation, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_line line;
    if (mm_lines_field(lines, "key-id", &line, diags) < 0)
        return -1;
    if (!mm_key_id_read(line.value, line.value_length, revocation->key_id))
        return mm_line_refuse(&line, MM_RULE_REVOCATION_FORM, 0, "a key id, 16 upper-case hex digits", diags);
    if (mm_lines_field(lines, "revoked", &line, diags) < 0)
        return -1;
    if (!mm_time_valid(line.value, line.value_length))
        return mm_line_refuse(&line, MM_RULE_REVOCATION_FORM, 0, "a time, YYYY-MM-DDTHH:MM:SSZ", diags);
    memcpy(revocation->revoked, line.value, MM_TIME_SIZE - 1);
    if (mm_lines_field(lines, "reason", &line, diags) < 0)
        return -1;
    memcpy(revocation->reason, line.value, line.value_length); /* the line's grammar has bounded it */
    if (mm_lines_next(lines, &line, diags))
        return mm_diag_line(diags, MM_RULE_REVOCATION_FORM, line.number, 1, "expected the end here, found more");
    return 0;
}

int mm_revocation_read(struct mm_revocation *revocation, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *revocation = (struct mm_revocation){0};
    if (length > MM_REVOCATION_MAX)
        return mm_diag(diags, MM_RULE_REVOCATION_FORM, "expected at most %d bytes, found more", MM_REVOCATION_MAX);
    if (mm_lines_begin(&lines, text, length, MM_REVOCATION_TYPE, diags) < 0)
        return -1;
    return read_fields(revocation, &lines, diags) < 0 || diags->errors > errors ? -1 : 0;
}

void mm_revocation_write(const struct mm_revocation *revocation, struct mm_buf *out)
{
    char id[MM_KEY_ID_TEXT];
    mm_buf_printf(out, MM_REVOCATION_TYPE " 0\nkey-id: %s\nrevoked: %s\nreason: %s\n",
                  mm_key_id_text(id, revocation->key_id), revocation->revoked, revocation->reason);
}

bool mm_revocation_is_compromise(const struct mm_revocation *revocation)
{
    static const char word[] = MM_REVOCATION_COMPROMISED;
    return strncmp(revocation->reason, word, sizeof word - 1) == 0;
}
