#include "doc/catalog_witness.h"

#include <inttypes.h>
#include <string.h>

#include "text/line.h"

static void add_hash(const char *key, const unsigned char *hash, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    mm_buf_printf(out, "%s: %s\n", key, hex);
}

void mm_witness_write(const struct mm_witness *witness, struct mm_buf *out)
{
    mm_buf_printf(out, MM_WITNESS_TYPE " 0\ncatalog-id: %s\npublisher-id: %s\nsequence: %" PRIu64 "\n",
                  witness->catalog_id, witness->publisher_id, witness->sequence);
    add_hash("head-sha256", witness->head_sha256, out);
    add_hash("log-root", witness->log_root, out);
}

static int read_fields(struct mm_witness *witness, struct mm_lines *lines, struct mm_diags *diags)
{
    if (mm_catalog_name_read(lines, "catalog-id", witness->catalog_id, MM_RULE_CATALOG_WITNESS, diags) < 0 ||
        mm_catalog_name_read(lines, "publisher-id", witness->publisher_id, MM_RULE_CATALOG_WITNESS, diags) < 0 ||
        mm_lines_number(lines, "sequence", MM_NUMBER_MAX, &witness->sequence, diags) < 0)
        return -1;
    if (witness->sequence == 0)
        return mm_diag_line(diags, MM_RULE_CATALOG_WITNESS, lines->number, 11, "expected a sequence from 1, found 0");
    if (mm_lines_hash(lines, "head-sha256", witness->head_sha256, diags) < 0 ||
        mm_lines_hash(lines, "log-root", witness->log_root, diags) < 0)
        return -1;
    if (lines->at != lines->end)
        return mm_diag_line(diags, MM_RULE_CATALOG_WITNESS, lines->number + 1, 1, "expected the end here, found more");
    return 0;
}

int mm_witness_read(struct mm_witness *witness, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *witness = (struct mm_witness){0};
    if (length > MM_WITNESS_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a witness's state of at most %d bytes, found more",
                       MM_WITNESS_MAX);
    if (mm_lines_begin(&lines, text, length, MM_WITNESS_TYPE, diags) < 0 || read_fields(witness, &lines, diags) < 0)
        return -1;
    return diags->errors > errors ? -1 : 0;
}
