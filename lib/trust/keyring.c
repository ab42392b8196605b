#include "trust/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/checked.h"
#include "doc/manifest_field.h"
#include "trust/key_memory.h"
#include "trust/keyring_parts.h"

#define PUBLISHERS_MAX 16384

/* ---- where it is ---- */

/* Leads PATH through a symbolic link to what is not there? What is meant to be there, on a medium that is not, is not just absent. PATH is
 * cut. */
static bool is_dangling(char *path)
{
    struct stat info;
    size_t length = strlen(path);
    for (;;) {
        while (length > 1 && path[length - 1] == '/')
            length--;
        path[length] = '\0';
        if (lstat(path, &info) == 0)
            return S_ISLNK(info.st_mode) && stat(path, &info) < 0;
        while (length > 0 && path[length - 1] != '/')
            length--;
        if (length <= 1)
            return false;
    }
}

/* Returns 1 where nothing is at the keyring's path, 0 where a dangling link is, or -1 with IO_MEMORY. */
static int is_absent(const struct mm_keyring *keyring, struct mm_diags *diags)
{
    char *path = strdup(keyring->path);
    bool dangling = path && is_dangling(path);
    if (!path)
        return mm_diag_memory(diags);
    free(path);
    return !dangling;
}

static int open_failed(const struct mm_keyring *keyring, const char *what, struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_KEYRING_OPEN, "cannot %s the keyring %s: %s", what, keyring->path, strerror(errno));
}

int mm_keyring_open(struct mm_keyring *keyring, const char *given, bool create, struct mm_diags *diags)
{
    *keyring = (struct mm_keyring){.folder = -1};
    if (given && !*given)
        return mm_diag(diags, MM_RULE_KEYRING_OPEN, "expected a keyring's name, found an empty one");
    int named =
        mm_user_path(&keyring->path, given, "MINIMODEL_KEYRING", "XDG_CONFIG_HOME", ".config", "minimodel/keyring");
    if (named < 0 || (named == 0 && !(keyring->path = strdup("(no keyring)"))))
        return mm_diag_memory(diags);
    if (named == 0 && create)
        return mm_diag(diags, MM_RULE_KEYRING_OPEN,
                       "expected MINIMODEL_KEYRING, XDG_CONFIG_HOME or HOME to be set, found none");
    if (named == 0) {
        mm_note(diags, MM_RULE_KEYRING_OPEN,
                "neither MINIMODEL_KEYRING, XDG_CONFIG_HOME nor HOME is set: there is no keyring");
        return 0;
    }
    keyring->folder = open(keyring->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keyring->folder >= 0)
        return 0;
    if (errno != ENOENT || (given && !create))
        return open_failed(keyring, "open", diags);
    if (!create) {
        int absent = is_absent(keyring, diags);
        errno = ENOENT;
        return absent == 0 ? open_failed(keyring, "follow a link in the name of", diags) : absent < 0 ? -1 : 0;
    }
    if (mm_beneath_make(keyring->path) < 0)
        return open_failed(keyring, "make", diags);
    keyring->folder = open(keyring->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return keyring->folder >= 0 ? 0 : open_failed(keyring, "open", diags);
}

void mm_keyring_release(struct mm_keyring *keyring)
{
    if (keyring->folder >= 0)
        close(keyring->folder);
    free(keyring->path);
    mm_key_memory_free(keyring->memory);
    *keyring = (struct mm_keyring){.folder = -1};
}

int mm_keyring_remember(struct mm_keyring *keyring, struct mm_diags *diags)
{
    if (!keyring->memory)
        keyring->memory = mm_key_memory_new();
    return keyring->memory ? 0 : mm_diag_memory(diags);
}

/* ---- one publisher ---- */

bool mm_keyring_publisher(const char *name)
{
    struct mm_value_fault fault = {0};
    size_t length = strlen(name);
    return length <= MM_PUBLISHER_MAX && mm_field_check(MM_FIELD_PUBLISHER_ID, name, length, &fault);
}

static enum mm_found look_for_key(const struct mm_keyring *keyring, const char *publisher,
                                  const unsigned char id[static MM_KEY_ID_BYTES], struct mm_known_key *found,
                                  struct mm_diags *diags)
{
    char text[MM_KEY_ID_TEXT];
    struct mm_ring ring;
    struct mm_diags mark = *diags;
    enum mm_found result = (enum mm_found)mm_ring_open(&ring, keyring, publisher, false, diags);
    if (result == MM_FOUND_YES && mm_ring_load(&ring, false, diags) < 0)
        result = MM_FOUND_UNKNOWN;
    if (result == MM_FOUND_YES) {
        const struct mm_ring_key *key = mm_ring_key(&ring, mm_key_id_text(text, id));
        const struct mm_ring_entry *pub = mm_ring_entry(&ring, text, MM_RING_PUB);
        mm_diags_soften(diags, &mark, true); /* what of other keys cannot be read matters only below */
        if (key)
            *found = key->known;
        else if (ring.successor_unreadable || (pub && pub->unreadable))
            result = mm_diag(diags, MM_RULE_KEYRING_OPEN, "cannot read what may be the key %s of %s", text, publisher);
        else
            result = MM_FOUND_NO;
    }
    mm_ring_release(&ring);
    return result;
}

/* True if what was FOUND can be remembered: there was nothing to say of it. */
static bool is_plain(enum mm_found found, const struct mm_diags *diags, const struct mm_diags *mark)
{
    return found != MM_FOUND_UNKNOWN && diags->count == mark->count && diags->dropped == mark->dropped;
}

enum mm_found mm_keyring_find(const struct mm_keyring *keyring, const char *publisher,
                              const unsigned char id[static MM_KEY_ID_BYTES], struct mm_known_key *found,
                              struct mm_diags *diags)
{
    enum mm_found result;
    struct mm_diags mark = *diags;
    *found = (struct mm_known_key){0};
    if (!mm_keyring_publisher(publisher))
        return MM_FOUND_NO;
    if (keyring->memory && mm_key_memory_get(keyring->memory, publisher, id, &result, found))
        return result;
    result = look_for_key(keyring, publisher, id, found, diags);
    if (keyring->memory && is_plain(result, diags, &mark))
        mm_key_memory_put(keyring->memory, publisher, id, result, found);
    return result;
}

/* Stands the name for a key or a revocation, even for one that no key can be? Whoever put it there knows the publisher. */
static bool is_known_by(const char *name)
{
    static const enum mm_ring_kind kinds[] = {MM_RING_PUB, MM_RING_SUCCESSOR, MM_RING_REVOKED};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *ending = mm_ring_endings[kinds[i]];
        if (length >= strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0)
            return true;
    }
    return false;
}

static enum mm_found look_for_any(const struct mm_keyring *keyring, const char *publisher, struct mm_diags *diags)
{
    struct mm_ring ring;
    struct dirent *entry = NULL;
    enum mm_found result = (enum mm_found)mm_ring_open(&ring, keyring, publisher, false, diags);
    if (result != MM_FOUND_YES) {
        mm_ring_release(&ring);
        return result;
    }
    DIR *dir = fdopendir(ring.fd);
    if (dir)
        ring.fd = -1; /* the folder is DIR's now */
    errno = dir ? 0 : errno;
    while (dir && (entry = readdir(dir)) && !is_known_by(entry->d_name))
        errno = 0;
    if (!entry)
        result = errno ? (enum mm_found)mm_diag(diags, MM_RULE_KEYRING_OPEN, "cannot read the folder %s/%s: %s",
                                                keyring->path, publisher, strerror(errno))
                       : MM_FOUND_NO;
    if (dir)
        closedir(dir);
    mm_ring_release(&ring);
    return result;
}

enum mm_found mm_keyring_knows(const struct mm_keyring *keyring, const char *publisher, struct mm_diags *diags)
{
    enum mm_found result;
    struct mm_diags mark = *diags;
    if (!mm_keyring_publisher(publisher))
        return MM_FOUND_NO;
    if (keyring->memory && mm_key_memory_get(keyring->memory, publisher, NULL, &result, NULL))
        return result;
    result = look_for_any(keyring, publisher, diags);
    if (keyring->memory && is_plain(result, diags, &mark))
        mm_key_memory_put(keyring->memory, publisher, NULL, result, NULL);
    return result;
}

/* ---- all of it ---- */

struct walk {
    const struct mm_keyring *keyring;
    bool strict;
    mm_known_key_fn *each;
    mm_revoked_key_fn *revoked; /* called instead, where it is not NULL */
    void *context;
    struct mm_diags *diags;
    char (*publishers)[MM_PUBLISHER_MAX + 1];
    size_t count, capacity;
    bool failed; /* something could not be read; the rest was */
};

static int walk_revoked(struct walk *w, const char *publisher)
{
    struct mm_ring ring;
    uint64_t errors = w->diags->errors;
    int result = 0, there = mm_ring_open(&ring, w->keyring, publisher, false, w->diags);
    if (there > 0)
        there = mm_ring_list(&ring, w->diags);
    for (size_t i = 0; there == 0 && i < ring.entry_count && result == 0; i++)
        if (ring.entries[i].kind == MM_RING_REVOKED)
            result = w->revoked(w->context, publisher, ring.entries[i].id);
    w->failed = w->failed || w->diags->errors > errors;
    mm_ring_release(&ring);
    return result;
}

static int walk_publisher(struct walk *w, const char *publisher)
{
    struct mm_ring ring;
    uint64_t errors = w->diags->errors;
    if (w->revoked)
        return walk_revoked(w, publisher);
    int result = 0, there = mm_ring_open(&ring, w->keyring, publisher, false, w->diags);
    if (there > 0)
        there = mm_ring_load(&ring, w->strict, w->diags);
    if (there == 0 && w->strict && ring.fd >= 0)
        there = mm_ring_check(&ring, w->diags);
    if (there == 0)
        for (size_t i = 0; i < ring.key_count && result == 0; i++)
            result = w->each(w->context, &ring.keys[i].known);
    w->failed = w->failed || w->diags->errors > errors;
    mm_ring_release(&ring);
    return result;
}

/* What has a publisher's name and is no folder is found out when it is opened. */
static int take_publisher(struct walk *w, const char *name)
{
    char shown[MM_SHOWN];
    if (!mm_keyring_publisher(name)) {
        if (w->strict)
            mm_diag(w->diags, MM_RULE_KEYRING_SURPLUS, "expected folders of publishers in %s, found '%s'",
                    w->keyring->path, mm_show(shown, name, strlen(name)));
        w->failed = w->failed || w->strict;
        return 0;
    }
    if (w->count == PUBLISHERS_MAX)
        return mm_diag(w->diags, MM_RULE_IO_LIMIT, "expected at most %d publishers in %s, found more", PUBLISHERS_MAX,
                       w->keyring->path);
    if (!mm_grow(&w->publishers, w->count, &w->capacity, sizeof *w->publishers))
        return mm_diag_memory(w->diags);
    strcpy(w->publishers[w->count++], name);
    return 0;
}

static int compare_publishers(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int list_publishers(struct walk *w)
{
    int copy = openat(w->keyring->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry = NULL;
    errno = dir ? 0 : errno;
    while (dir && result == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = take_publisher(w, entry->d_name);
        errno = 0;
    }
    if (!entry && errno)
        result = open_failed(w->keyring, "read", w->diags);
    if (dir)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
    if (w->count)
        qsort(w->publishers, w->count, sizeof *w->publishers, compare_publishers);
    return result;
}

static int walk_all(struct walk *w, const char *publisher)
{
    int result = 0;
    if (w->keyring->folder < 0 || (publisher && !mm_keyring_publisher(publisher)))
        return 0;
    if (publisher)
        result = walk_publisher(w, publisher);
    else
        result = list_publishers(w);
    for (size_t i = 0; i < w->count && result == 0; i++)
        result = walk_publisher(w, w->publishers[i]);
    free(w->publishers);
    return result == 0 && w->failed ? -1 : result;
}

int mm_keyring_each(const struct mm_keyring *keyring, const char *publisher, bool strict, mm_known_key_fn *each,
                    void *context, struct mm_diags *diags)
{
    struct walk w = {.keyring = keyring, .strict = strict, .each = each, .context = context, .diags = diags};
    return walk_all(&w, publisher);
}

int mm_keyring_each_revoked(const struct mm_keyring *keyring, mm_revoked_key_fn *each, void *context,
                            struct mm_diags *diags)
{
    struct walk w = {.keyring = keyring, .revoked = each, .context = context, .diags = diags};
    return walk_all(&w, NULL);
}
