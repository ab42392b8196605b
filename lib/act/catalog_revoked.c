/* Entries of a catalog whose keys were revoked since their manifests came in. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_check.h"
#include "base/checked.h"

struct revoked_key {
    char publisher[MM_PUBLISHER_MAX + 1], key_id[MM_KEY_ID_TEXT];
    uint64_t entries; /* that name it */
};

struct counting {
    struct revoked_key *keys; /* sorted */
    size_t count, capacity;
    bool no_memory;
    struct mm_diags *diags;
};

static int take_key(void *context, const char *publisher, const char *key_id)
{
    struct counting *c = context;
    if (!mm_grow(&c->keys, c->count, &c->capacity, sizeof *c->keys)) {
        c->no_memory = true;
        return mm_diag_memory(c->diags);
    }
    struct revoked_key *key = &c->keys[c->count++];
    *key = (struct revoked_key){0};
    snprintf(key->publisher, sizeof key->publisher, "%s", publisher);
    snprintf(key->key_id, sizeof key->key_id, "%s", key_id);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct revoked_key *x = a, *y = b;
    int order = strcmp(x->publisher, y->publisher);
    return order ? order : strcmp(x->key_id, y->key_id);
}

static int count_entry(void *context, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line)
{
    struct counting *c = context;
    struct revoked_key wanted = {.entries = 0};
    const struct mm_canonical_text *key_id = &entry->texts[MM_CATALOG_KEY_ID];
    (void)line;
    snprintf(wanted.publisher, sizeof wanted.publisher, "%.*s", (int)strcspn(entry->model_id, "/"), entry->model_id);
    snprintf(wanted.key_id, sizeof wanted.key_id, "%.*s", (int)key_id->length, key_id->at);
    struct revoked_key *key = bsearch(&wanted, c->keys, c->count, sizeof wanted, compare);
    if (key)
        key->entries++;
    return 0;
}

static uint64_t tell(const struct counting *c)
{
    uint64_t all = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct revoked_key *key = &c->keys[i];
        all += key->entries;
        if (key->entries)
            mm_note(c->diags, MM_RULE_SIGNATURE_REVOKED,
                    "the key %s of %s, which %" PRIu64 " of the entries name, is revoked", key->key_id, key->publisher,
                    key->entries);
    }
    return all;
}

int mm_catalog_check_revoked(struct mm_catalog_folder *folder, const struct mm_keyring *keyring, uint64_t *entries,
                             struct mm_diags *diags)
{
    struct counting c = {.diags = diags};
    struct mm_catalog_sums sums;
    struct mm_diags mark = *diags;
    int result = keyring ? mm_keyring_each_revoked(keyring, take_key, &c, diags) : 0;
    *entries = 0;
    if (result < 0 && !c.no_memory) { /* others' folders that cannot be read do not stand in the way */
        mm_diags_soften(diags, &mark, true);
        result = 0;
    }
    if (result == 0 && c.count > 0) { /* seldom, so that the lines are seldom read again */
        qsort(c.keys, c.count, sizeof *c.keys, compare);
        int fd = mm_catalog_open(folder, MM_CATALOG_ENTRIES, diags);
        result = fd < 0 ? -1 : mm_catalog_entries_read(fd, count_entry, &c, 0, NULL, &sums, diags);
        if (fd >= 0)
            close(fd);
        *entries = tell(&c);
    }
    free(c.keys);
    return result;
}
