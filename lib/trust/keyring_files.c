/* A publisher's files as they are, for whoever carries them elsewhere. */
#include "trust/keyring_parts.h"

#include <stdio.h>

int mm_keyring_files(const struct mm_keyring *keyring, const char *publisher, mm_keyring_file_fn *each, void *context,
                     struct mm_diags *diags)
{
    struct mm_ring ring;
    struct mm_buf text = {0};
    int result = mm_ring_open(&ring, keyring, publisher, false, diags);
    if (result > 0)
        result = mm_ring_list(&ring, diags);
    for (size_t i = 0; result == 0 && i < ring.entry_count; i++) {
        char name[MM_RING_NAME];
        const struct mm_ring_entry *entry = &ring.entries[i];
        snprintf(name, sizeof name, "%s%s", entry->id, mm_ring_endings[entry->kind]);
        enum mm_ring_read read = mm_ring_text(&ring, entry->id, entry->kind, &text, diags);
        result = read == MM_RING_READ ? each(context, name, &text) : read == MM_RING_FAILED ? -1 : 0;
    }
    mm_buf_release(&text);
    mm_ring_release(&ring);
    return result;
}
