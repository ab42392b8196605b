#include "exchange/discovery.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "trust/minisign.h"

#define NAME_DIGITS 12 /* of the peer id that an instance is named by */

/* ---- what an announcement says ---- */

const char *mm_discovery_text(char out[static MM_DISCOVERY_TEXT], const unsigned char key[static MM_PEER_KEY_BYTES])
{
    char id[MM_PEER_ID_TEXT];
    snprintf(out, MM_DISCOVERY_TEXT, MM_DISCOVERY_KEY "=%s", mm_peer_id_write(id, key));
    return out;
}

int mm_discovery_read(const unsigned char *string, size_t length, unsigned char key[static MM_PEER_KEY_BYTES])
{
    const size_t name = strlen(MM_DISCOVERY_KEY);
    const char *text = (const char *)string;
    if (length < name || strncasecmp(text, MM_DISCOVERY_KEY, name) != 0 || (length > name && text[name] != '='))
        return 0;
    return length > name && mm_peer_id_read(text + name + 1, length - name - 1, key) ? 1 : -1;
}

const char *mm_discovery_name(char out[static MM_DISCOVERY_NAME], const unsigned char key[static MM_PEER_KEY_BYTES])
{
    char id[MM_PEER_ID_TEXT];
    snprintf(out, MM_DISCOVERY_NAME, "minimodel-%.*s", NAME_DIGITS, mm_peer_id_write(id, key));
    return out;
}

/* ---- what can be an address ---- */

static bool is_reachable_ipv4(const unsigned char address[static 4])
{
    /* this network, loopback; of many, reserved and broadcast */
    return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

static bool is_reachable_ipv6(const unsigned char address[static 16])
{
    static const unsigned char zeros[15];
    bool of_link = address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
    /* ::, ::1, and IPv4 in clothes of IPv6: ::a.b.c.d and ::ffff:a.b.c.d */
    bool of_ipv4 = memcmp(address, zeros, 10) == 0 &&
                   ((address[10] == 0xff && address[11] == 0xff) || (address[10] == 0 && address[11] == 0));
    return !of_link && !of_ipv4 && address[0] != 0xff;
}

bool mm_discovered_is_sound(const struct mm_discovered *found)
{
    return found->port > 0 && found->is_ipv6 <= 1 && memchr(found->name, '\0', sizeof found->name) &&
           mm_public_key_is_sound(found->key) &&
           (found->is_ipv6 ? is_reachable_ipv6(found->address) : is_reachable_ipv4(found->address));
}

void mm_discovered_address(const struct mm_discovered *found, struct mm_peer_address *address)
{
    *address = (struct mm_peer_address){.is_ipv6 = found->is_ipv6, .port = found->port};
    memcpy(address->key, found->key, sizeof address->key);
    inet_ntop(found->is_ipv6 ? AF_INET6 : AF_INET, found->address, address->host, sizeof address->host);
}

/* ---- those that were found ---- */

/* Without the name: one that is announced under two names is one. */
static int compare(const void *a, const void *b)
{
    const struct mm_discovered *x = a, *y = b;
    char xs[MM_PEER_ID_TEXT], ys[MM_PEER_ID_TEXT];
    int order = memcmp(x->key, y->key, sizeof x->key);
    if (order != 0)
        return strcmp(mm_peer_id_write(xs, x->key), mm_peer_id_write(ys, y->key));
    if (x->is_ipv6 != y->is_ipv6)
        return x->is_ipv6 ? 1 : -1;
    order = memcmp(x->address, y->address, x->is_ipv6 ? 16 : 4);
    return order != 0 ? order : (x->port > y->port) - (x->port < y->port);
}

bool mm_discoveries_add(struct mm_discoveries *all, const struct mm_discovered *found)
{
    size_t of_peer = 0;
    if (!mm_discovered_is_sound(found))
        return false;
    for (size_t i = 0; i < all->count; i++) {
        if (compare(&all->items[i], found) == 0)
            return false;
        of_peer += memcmp(all->items[i].key, found->key, sizeof found->key) == 0;
    }
    if (all->count == MM_DISCOVERY_FOUND || of_peer == MM_DISCOVERY_ADDRESSES_EACH ||
        !mm_grow(&all->items, all->count, &all->capacity, sizeof *all->items)) {
        all->left_out++;
        return false;
    }
    all->items[all->count++] = *found;
    return true;
}

void mm_discoveries_sort(struct mm_discoveries *all)
{
    if (all->count)
        qsort(all->items, all->count, sizeof *all->items, compare);
}

void mm_discoveries_release(struct mm_discoveries *all)
{
    free(all->items);
    *all = (struct mm_discoveries){0};
}
