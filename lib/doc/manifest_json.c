/* A manifest as JSON: numbers as numbers, repeated fields as lists, groups as `artifacts`. */
#include "doc/manifest.h"

static bool is_number(const struct mm_entry *entry)
{
    if (entry->field < 0)
        return false;
    enum mm_kind kind = mm_fields[entry->field].kind;
    return kind == MM_KIND_NUMBER || kind == MM_KIND_CHUNK_SIZE;
}

static void add_group(const struct mm_manifest *manifest, size_t which, struct mm_buf *out)
{
    const struct mm_group *group = &manifest->groups[which];
    const struct mm_entry *entries = &manifest->entries[group->first];
    for (size_t i = 0; i < group->count; i++) {
        bool many = mm_entry_is_many(&entries[i]);
        bool continues = many && i > 0 && entries[i - 1].field == entries[i].field;
        bool ends = many && (i + 1 == group->count || entries[i + 1].field != entries[i].field);
        if (i > 0)
            mm_buf_char(out, ',');
        if (!continues) {
            mm_buf_json(out, entries[i].key, entries[i].key_length);
            mm_buf_str(out, many ? ":[" : ":");
        }
        if (is_number(&entries[i]))
            mm_buf_add(out, entries[i].value, entries[i].value_length);
        else
            mm_buf_json(out, entries[i].value, entries[i].value_length);
        if (ends)
            mm_buf_char(out, ']');
    }
}

void mm_manifest_write_json(const struct mm_manifest *manifest, struct mm_buf *out)
{
    mm_buf_char(out, '{');
    for (size_t group = 0; group < manifest->group_count; group++) {
        mm_buf_str(out, group == 0 ? "" : group == 1 ? ",\"artifacts\":[{" : ",{");
        add_group(manifest, group, out);
        mm_buf_str(out, group == 0 ? "" : "}");
    }
    mm_buf_str(out, "]}\n");
}
