/* What a local network says of peers: strings of TXT, and what a process that listens there hands over. */
#include <string.h>

#include "exchange/discovery.h"
#include "source.h"

static void check_string(const uint8_t *bytes, size_t length)
{
    unsigned char key[MM_PEER_KEY_BYTES], again[MM_PEER_KEY_BYTES];
    char text[MM_DISCOVERY_TEXT];
    unsigned char *exact = malloc(length ? length : 1);
    must(exact);
    memcpy(exact, bytes, length);
    if (mm_discovery_read(exact, length, key) == 1) {
        mm_discovery_text(text, key);
        must(length == strlen(text) && mm_discovery_read((unsigned char *)text, length, again) == 1);
        must(memcmp(key, again, sizeof key) == 0);
    }
    free(exact);
}

/* What is kept can be written, and read again. */
static void check_list(const struct mm_discoveries *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct mm_peer_address address, again;
        struct mm_buf text = {0};
        struct mm_diags diags;
        mm_diags_init(&diags);
        mm_discovered_address(&all->items[i], &address);
        mm_peer_address_write(&address, &text);
        must(mm_buf_text(&text) && mm_peer_address_read(&again, text.data, text.length, &diags) == 0);
        must(memcmp(again.key, all->items[i].key, sizeof again.key) == 0 && again.port == all->items[i].port);
        mm_buf_release(&text);
        mm_diags_release(&diags);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_discoveries all = {0};
    struct mm_discovered found;
    for (size_t at = 0; at < size && at + 1 + data[at] <= size; at += 1u + data[at])
        check_string(data + at + 1, data[at]);
    for (size_t at = 0; size - at >= sizeof found; at += sizeof found) {
        memcpy(&found, data + at, sizeof found);
        mm_discoveries_add(&all, &found);
    }
    must(all.count <= MM_DISCOVERY_FOUND);
    mm_discoveries_sort(&all);
    check_list(&all);
    mm_discoveries_release(&all);
    return 0;
}
