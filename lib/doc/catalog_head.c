#include "doc/catalog_head.h"

#include <inttypes.h>
#include <string.h>

#include "doc/manifest_field.h"
#include "hash/sha256.h"
#include "text/line.h"

bool mm_catalog_name_valid(const char *name, size_t length)
{
    struct mm_value_fault fault = {0};
    return length <= MM_CATALOG_NAME_MAX && mm_field_check(MM_FIELD_PUBLISHER_ID, name, length, &fault) &&
           !(length == 5 && memcmp(name, "local", 5) == 0);
}

static int hash_text(struct mm_catalog_head *head, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    mm_sha256_once(sha, text, length, head->sha256);
    mm_sha256_free(sha);
    return 0;
}

/* ---- writing ---- */

static void add_hash(const char *key, const unsigned char *hash, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, hash, MM_HASH_BYTES);
    mm_buf_printf(out, "%s: %s\n", key, hex);
}

int mm_catalog_head_write(struct mm_catalog_head *head, struct mm_buf *out, struct mm_diags *diags)
{
    size_t start = out->length;
    mm_buf_printf(out, MM_CATALOG_TYPE " 0\ncatalog-id: %s\npublisher-id: %s\nsequence: %" PRIu64 "\n",
                  head->catalog_id, head->publisher_id, head->sequence);
    mm_buf_printf(out, "created: %s\nexpires: %s\nentry-count: %" PRIu64 "\n", head->created, head->expires,
                  head->entry_count);
    add_hash("entries-sha256", head->entries_sha256, out);
    add_hash("merkle-root", head->merkle_root, out);
    mm_buf_printf(out, "withdrawn-count: %" PRIu64 "\n", head->withdrawn_count);
    add_hash("withdrawn-sha256", head->withdrawn_sha256, out);
    if (head->has_previous)
        add_hash("previous-head-sha256", head->previous_sha256, out);
    else
        mm_buf_str(out, "previous-head-sha256: none\n");
    return out->failed ? mm_diag_memory(diags) : hash_text(head, out->data + start, out->length - start, diags);
}

void mm_catalog_head_comment(const struct mm_catalog_head *head, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, head->sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "catalog:%s sequence:%" PRIu64 " sha256:%s", head->catalog_id, head->sequence, hex);
}

/* ---- reading ---- */

static int refuse(const struct mm_line *line, const char *expected, struct mm_diags *diags)
{
    return mm_line_refuse(line, MM_RULE_CATALOG_HEAD, 0, expected, diags);
}

int mm_catalog_name_read(struct mm_lines *lines, const char *key, char out[static MM_CATALOG_NAME_MAX + 1],
                         enum mm_rule rule, struct mm_diags *diags)
{
    struct mm_line line;
    if (mm_lines_field(lines, key, &line, diags) < 0)
        return -1;
    if (!mm_catalog_name_valid(line.value, line.value_length))
        return mm_line_refuse(&line, rule, 0, "a publisher's name other than local", diags);
    memcpy(out, line.value, line.value_length);
    return 0;
}

static int read_time(struct mm_lines *lines, const char *key, const char *later_than, char out[MM_TIME_SIZE],
                     struct mm_diags *diags)
{
    struct mm_line line;
    if (mm_lines_field(lines, key, &line, diags) < 0)
        return -1;
    if (!mm_time_valid(line.value, line.value_length))
        return refuse(&line, "a time, YYYY-MM-DDTHH:MM:SSZ", diags);
    memcpy(out, line.value, MM_TIME_SIZE - 1);
    return strcmp(out, later_than) > 0 ? 0 : refuse(&line, "a time later than created", diags);
}

static int read_previous(struct mm_catalog_head *head, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_line line;
    if (mm_lines_field(lines, "previous-head-sha256", &line, diags) < 0)
        return -1;
    head->has_previous = mm_hex_hash(line.value, line.value_length, head->previous_sha256);
    if (!head->has_previous && (line.value_length != 4 || memcmp(line.value, "none", 4) != 0))
        return refuse(&line, "64 lower-case hex digits or none", diags);
    return head->has_previous == (head->sequence > 1) ? 0 : refuse(&line, "none exactly in the first head", diags);
}

/* What is empty has the hash of nothing, and a single entry or more has not. */
static int check_empty(const struct mm_catalog_head *head, struct mm_diags *diags)
{
    bool none = memcmp(head->entries_sha256, mm_sha256_empty, MM_HASH_BYTES) == 0;
    bool no_root = memcmp(head->merkle_root, mm_sha256_empty, MM_HASH_BYTES) == 0;
    bool none_withdrawn = memcmp(head->withdrawn_sha256, mm_sha256_empty, MM_HASH_BYTES) == 0;
    if (none == (head->entry_count == 0) && no_root == none && none_withdrawn == (head->withdrawn_count == 0))
        return 0;
    return mm_diag(diags, MM_RULE_CATALOG_HEAD, "expected the hash of nothing exactly where a count is 0");
}

static int read_fields(struct mm_catalog_head *head, struct mm_lines *lines, struct mm_diags *diags)
{
    struct mm_line line;
    if (mm_catalog_name_read(lines, "catalog-id", head->catalog_id, MM_RULE_CATALOG_HEAD, diags) < 0 ||
        mm_catalog_name_read(lines, "publisher-id", head->publisher_id, MM_RULE_CATALOG_HEAD, diags) < 0 ||
        mm_lines_number(lines, "sequence", MM_NUMBER_MAX, &head->sequence, diags) < 0)
        return -1;
    if (head->sequence == 0)
        return mm_diag_line(diags, MM_RULE_CATALOG_HEAD, lines->number, 11, "expected a sequence from 1, found 0");
    if (read_time(lines, "created", "", head->created, diags) < 0 ||
        read_time(lines, "expires", head->created, head->expires, diags) < 0 ||
        mm_lines_number(lines, "entry-count", MM_NUMBER_MAX, &head->entry_count, diags) < 0 ||
        mm_lines_hash(lines, "entries-sha256", head->entries_sha256, diags) < 0 ||
        mm_lines_hash(lines, "merkle-root", head->merkle_root, diags) < 0 ||
        mm_lines_number(lines, "withdrawn-count", MM_NUMBER_MAX, &head->withdrawn_count, diags) < 0 ||
        mm_lines_hash(lines, "withdrawn-sha256", head->withdrawn_sha256, diags) < 0 ||
        read_previous(head, lines, diags) < 0)
        return -1;
    if (mm_lines_next(lines, &line, diags))
        return mm_diag_line(diags, MM_RULE_CATALOG_HEAD, line.number, 1, "expected the end here, found more");
    return check_empty(head, diags);
}

int mm_catalog_head_read(struct mm_catalog_head *head, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_lines lines;
    uint64_t errors = diags->errors;
    *head = (struct mm_catalog_head){0};
    if (length > MM_CATALOG_HEAD_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a head of at most %d bytes, found more",
                       MM_CATALOG_HEAD_MAX);
    if (mm_lines_begin(&lines, text, length, MM_CATALOG_TYPE, diags) < 0 || read_fields(head, &lines, diags) < 0 ||
        diags->errors > errors)
        return -1;
    return hash_text(head, text, length, diags);
}

int mm_catalog_head_follows(const struct mm_catalog_head *head, const struct mm_catalog_head *before,
                            struct mm_diags *diags)
{
    if (strcmp(head->catalog_id, before->catalog_id) != 0 || strcmp(head->publisher_id, before->publisher_id) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected a head of catalog %s of %s, found one of %s of %s",
                       before->catalog_id, before->publisher_id, head->catalog_id, head->publisher_id);
    if (head->sequence != before->sequence + 1)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY, "expected the sequence %" PRIu64 ", found %" PRIu64,
                       before->sequence + 1, head->sequence);
    if (!head->has_previous || memcmp(head->previous_sha256, before->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected the hash of head %" PRIu64 " as the previous one, found another", before->sequence);
    if (strcmp(head->created, before->created) < 0)
        return mm_diag(diags, MM_RULE_CATALOG_HISTORY,
                       "expected a time from %s, when head %" PRIu64 " was made, found %s", before->created,
                       before->sequence, head->created);
    return 0;
}
