#include "doc/publisher.h"

#include <stdlib.h>

#include "base/file.h"
#include "text/line.h"

static bool is_publisher_field(int field)
{
    switch (field) {
    case MM_FIELD_PUBLISHER_ID:
    case MM_FIELD_KEY_ID:
    case MM_FIELD_LICENSE:
    case MM_FIELD_LICENSE_ROUTE:
    case MM_FIELD_MODEL_CARD_ROUTE:
    case MM_FIELD_TAKEDOWN_ROUTE:
    case MM_FIELD_SOURCE_LANE:
    case MM_FIELD_PEER_HINT: return true;
    default: return false;
    }
}

static int read_publisher_lines(struct mm_manifest *manifest, struct mm_diags *diags)
{
    struct mm_lines lines;
    struct mm_line line;
    int before = -1;
    if (mm_lines_begin(&lines, manifest->text, manifest->length, MM_PUBLISHER_TYPE, diags) < 0)
        return -1;
    while (mm_lines_next(&lines, &line, diags)) {
        struct mm_value_fault fault = {0};
        char shown[MM_SHOWN];
        int field = mm_field_of(line.key, line.key_length);
        if (!line.sound)
            continue;
        if (!is_publisher_field(field) || field <= before) {
            mm_diag_line(diags, MM_RULE_MAKE_PUBLISHER, line.number, 1,
                         "expected a publisher's field in the manifest's order, found '%s'",
                         mm_show(shown, line.key, line.key_length));
        } else if (!mm_field_check(field, line.value, line.value_length, &fault)) {
            mm_diag_line(diags, fault.rule, line.number, mm_line_value_column(&line) + fault.at, "expected %s",
                         fault.expected);
        } else {
            before = field;
            manifest->entries[manifest->count++] = (struct mm_entry){.field = field,
                                                                     .key = line.key,
                                                                     .value = line.value,
                                                                     .key_length = line.key_length,
                                                                     .value_length = line.value_length,
                                                                     .line = line.number,
                                                                     .sound = true};
            manifest->groups[0].count++;
        }
    }
    return 0;
}

int mm_publisher_read(struct mm_manifest *manifest, int fd, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    uint64_t errors = diags->errors;
    *manifest = (struct mm_manifest){.group_count = 1};
    int result = mm_file_read_all(fd, MM_MANIFEST_MAX, &text, diags);
    if (result > 0)
        result = mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected at most %d bytes, found more", MM_MANIFEST_MAX);
    manifest->entries = calloc(MM_FIELD_COUNT, sizeof *manifest->entries);
    manifest->groups = calloc(1, sizeof *manifest->groups);
    manifest->text = text.data ? text.data : calloc(1, 1);
    manifest->length = text.length;
    if (result == 0 && (!manifest->entries || !manifest->groups || !manifest->text))
        result = mm_diag_memory(diags);
    if (result == 0)
        result = read_publisher_lines(manifest, diags);
    return result < 0 || diags->errors > errors ? -1 : 0;
}
