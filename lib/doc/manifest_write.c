/* The canonical form. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "doc/manifest.h"

/* An entry on its way to its place: all keys of the order in one record, so that one comparison sorts the document. */
struct place {
    const struct mm_entry *entry;
    const struct mm_entry *artifact; /* the group's first line, NULL for the model */
    size_t group;                    /* keeps groups of equal paths apart */
};

static int compare_groups(const struct place *x, const struct place *y)
{
    if (!x->artifact || !y->artifact)
        return (x->artifact != NULL) - (y->artifact != NULL);
    int order =
        mm_bytes_compare(x->artifact->value, x->artifact->value_length, y->artifact->value, y->artifact->value_length);
    return order ? order : (x->group > y->group) - (x->group < y->group);
}

static int compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = compare_groups(x, y);
    if (order == 0)
        order =
            (mm_entry_rank(x->entry) > mm_entry_rank(y->entry)) - (mm_entry_rank(x->entry) < mm_entry_rank(y->entry));
    if (order == 0)
        order = mm_bytes_compare(x->entry->key, x->entry->key_length, y->entry->key, y->entry->key_length);
    if (order == 0)
        order = mm_bytes_compare(x->entry->value, x->entry->value_length, y->entry->value, y->entry->value_length);
    return order;
}

int mm_manifest_write(const struct mm_manifest *manifest, struct mm_buf *out, struct mm_diags *diags)
{
    struct place *places = mm_realloc_array(NULL, manifest->count, sizeof *places);
    if (!places)
        return mm_diag_memory(diags);
    for (size_t group = 0; group < manifest->group_count; group++)
        for (size_t i = 0; i < manifest->groups[group].count; i++) {
            size_t first = manifest->groups[group].first;
            places[first + i] =
                (struct place){&manifest->entries[first + i], group ? &manifest->entries[first] : NULL, group};
        }
    qsort(places, manifest->count, sizeof *places, compare);
    mm_buf_str(out, MM_MANIFEST_TYPE " 0\n");
    for (size_t i = 0; i < manifest->count; i++) {
        mm_buf_add(out, places[i].entry->key, places[i].entry->key_length);
        mm_buf_str(out, ": ");
        mm_buf_add(out, places[i].entry->value, places[i].entry->value_length);
        mm_buf_char(out, '\n');
    }
    free(places);
    return out->failed ? mm_diag_memory(diags) : 0;
}

bool mm_manifest_repairable(const struct mm_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        if (diags->items[i].severity != MM_ERROR)
            continue;
        switch (diags->items[i].rule) {
        case MM_RULE_TEXT_LINE_END:
        case MM_RULE_TEXT_LAST_LINE:
        case MM_RULE_MANIFEST_FIELD_ORDER:
        case MM_RULE_MANIFEST_MANY_ORDER:
        case MM_RULE_MANIFEST_ARTIFACT_ORDER: break;
        default: return false;
        }
    }
    return diags->dropped == 0;
}
