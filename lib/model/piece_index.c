#include "model/piece_index.h"

#include <stdlib.h>

#include "base/checked.h"

static int compare(const void *a, const void *b)
{
    const struct mm_piece_entry *x = a, *y = b;
    int order = mm_bytes_compare(x->text, x->length, y->text, y->length);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

int mm_piece_index_build(struct mm_piece_index *index, const struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    *index = (struct mm_piece_index){0};
    if (tokenizer->piece_count == 0)
        return 0;
    index->entries = mm_realloc_array(NULL, tokenizer->piece_count, sizeof *index->entries);
    if (!index->entries)
        return mm_diag_memory(diags);
    index->count = tokenizer->piece_count;
    for (size_t i = 0; i < index->count; i++)
        index->entries[i] = (struct mm_piece_entry){tokenizer->pieces[i].length ? mm_piece_text(tokenizer, i) : "",
                                                    tokenizer->pieces[i].length, (uint32_t)i};
    qsort(index->entries, index->count, sizeof *index->entries, compare);
    return 0;
}

void mm_piece_index_release(struct mm_piece_index *index)
{
    free(index->entries);
    *index = (struct mm_piece_index){0};
}

uint32_t mm_piece_index_find(const struct mm_piece_index *index, const void *text, size_t length)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct mm_piece_entry *entry = &index->entries[middle];
        if (mm_bytes_compare(entry->text, entry->length, text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == index->count)
        return MM_TOKEN_NONE;
    const struct mm_piece_entry *entry = &index->entries[low];
    return mm_bytes_compare(entry->text, entry->length, text, length) == 0 ? entry->index : MM_TOKEN_NONE;
}
