/* One publisher's folder: its names, its keys, who follows whom. */
#include "trust/keyring_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/checked.h"
#include "base/file.h"
#include "hash/sha256.h"

const char *const mm_ring_endings[MM_RING_KIND_COUNT] = {
    [MM_RING_PUB] = ".pub",
    [MM_RING_SUCCESSOR] = ".successor",
    [MM_RING_SUCCESSOR_SIGNATURE] = ".successor" MM_SIGNATURE_SUFFIX,
    [MM_RING_REVOKED] = ".revoked",
    [MM_RING_REVOKED_SIGNATURE] = ".revoked" MM_SIGNATURE_SUFFIX,
};

/* What a file that cannot be one of its kind breaks. */
static const enum mm_rule form_rules[MM_RING_KIND_COUNT] = {
    [MM_RING_PUB] = MM_RULE_KEY_FORM,
    [MM_RING_SUCCESSOR] = MM_RULE_KEY_FORM,
    [MM_RING_SUCCESSOR_SIGNATURE] = MM_RULE_SIGNATURE_FORM,
    [MM_RING_REVOKED] = MM_RULE_REVOCATION_FORM,
    [MM_RING_REVOKED_SIGNATURE] = MM_RULE_SIGNATURE_FORM,
};

/* ---- names ---- */

int mm_ring_open(struct mm_ring *ring, const struct mm_keyring *keyring, const char *publisher, bool create,
                 struct mm_diags *diags)
{
    *ring = (struct mm_ring){.keyring = keyring, .publisher = publisher, .fd = -1};
    if (keyring->folder < 0)
        return 0;
    ring->fd = mm_beneath_folder(keyring->folder, publisher, create);
    if (ring->fd >= 0)
        return 1;
    if (errno == ENOENT)
        return 0;
    bool other = errno == ENOTDIR || errno == ELOOP;
    return mm_diag(diags, MM_RULE_KEYRING_OPEN, "%s %s/%s: %s",
                   other ? "expected a folder, found a link or a file:" : "cannot open the folder", keyring->path,
                   publisher, strerror(errno));
}

void mm_ring_release(struct mm_ring *ring)
{
    if (ring->fd >= 0)
        close(ring->fd);
    free(ring->entries);
    free(ring->keys);
    *ring = (struct mm_ring){.fd = -1};
}

void mm_ring_shown(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind, struct mm_buf *out)
{
    mm_buf_clear(out);
    mm_buf_printf(out, "%s/%s/%s%s", ring->keyring->path, ring->publisher, id, mm_ring_endings[kind]);
}

static int compare_entries(const void *a, const void *b)
{
    const struct mm_ring_entry *left = a, *right = b;
    int order = strcmp(left->id, right->id);
    return order ? order : (int)left->kind - (int)right->kind;
}

/* Adds ENTRY for the key whose id ID begins with. Returns 0, or -1 with IO_LIMIT or IO_MEMORY. */
static int add_entry(struct mm_ring *ring, struct mm_ring_entry *entry, const char *id, struct mm_diags *diags)
{
    if (ring->entry_count == MM_RING_FILES)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d files of keys in %s/%s, found more", MM_RING_FILES,
                       ring->keyring->path, ring->publisher);
    if (!mm_grow(&ring->entries, ring->entry_count, &ring->entry_capacity, sizeof *ring->entries))
        return mm_diag_memory(diags);
    memcpy(entry->id, id, MM_KEY_ID_TEXT - 1);
    entry->id[MM_KEY_ID_TEXT - 1] = '\0';
    ring->entries[ring->entry_count++] = *entry;
    return 0;
}

/* Takes NAME where it is one of the page's. Returns 1; 0 where it is another; -1 with a finding. */
static int take_name(struct mm_ring *ring, const char *name, struct mm_diags *diags)
{
    struct mm_ring_entry entry = {.kind = 0};
    unsigned char id[MM_KEY_ID_BYTES];
    const char *ending = name + strnlen(name, MM_KEY_ID_TEXT - 1);
    if (!mm_key_id_read(name, (size_t)(ending - name), id))
        return 0;
    while (entry.kind < MM_RING_KIND_COUNT && strcmp(ending, mm_ring_endings[entry.kind]) != 0)
        entry.kind++;
    if (entry.kind == MM_RING_KIND_COUNT)
        return 0;
    return add_entry(ring, &entry, name, diags) < 0 ? -1 : 1;
}

static void say_surplus(const struct mm_ring *ring, const char *name, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    mm_show(shown, name, strlen(name));
    if (strncmp(name, MM_WRITER_TEMPORARY, strlen(MM_WRITER_TEMPORARY)) == 0)
        mm_note(diags, MM_RULE_KEYRING_SURPLUS, "an interrupted write left '%s' in %s/%s; it can be deleted", shown,
                ring->keyring->path, ring->publisher);
    else
        mm_diag(diags, MM_RULE_KEYRING_SURPLUS,
                "expected KEYID.pub, .successor, .revoked and their signatures in %s/%s, found '%s'",
                ring->keyring->path, ring->publisher, shown);
}

/* A name that is KEYID.revoked but for the case of its letters revokes too: whoever put it there meant it, and what is not read so cannot be
 * less strict. What only begins so does not, which is said. Returns 0, or -1 with a finding. */
static int take_near_revocation(struct mm_ring *ring, const char *name, struct mm_diags *diags)
{
    const char *ending = mm_ring_endings[MM_RING_REVOKED];
    const size_t id_length = MM_KEY_ID_TEXT - 1, ending_length = strlen(ending);
    char upper[MM_KEY_ID_TEXT], shown[MM_SHOWN];
    unsigned char id[MM_KEY_ID_BYTES];
    if (strlen(name) < id_length + ending_length || strncasecmp(name + id_length, ending, ending_length) != 0 ||
        strcasecmp(name + id_length, mm_ring_endings[MM_RING_REVOKED_SIGNATURE]) == 0)
        return 0;
    for (size_t i = 0; i < id_length; i++)
        upper[i] = name[i] >= 'a' && name[i] <= 'f' ? (char)(name[i] - 'a' + 'A') : name[i];
    upper[id_length] = '\0';
    if (!mm_key_id_read(upper, id_length, id))
        return 0;
    bool revokes = !name[id_length + ending_length];
    if (!ring->strict)
        mm_note(diags, MM_RULE_KEYRING_SURPLUS, "expected %s%s in %s/%s, found '%s', which %s", upper, ending,
                ring->keyring->path, ring->publisher, mm_show(shown, name, strlen(name)),
                revokes ? "revokes the key all the same" : "revokes nothing");
    return revokes ? add_entry(ring, &(struct mm_ring_entry){.kind = MM_RING_REVOKED}, upper, diags) : 0;
}

int mm_ring_list(struct mm_ring *ring, struct mm_diags *diags)
{
    int copy = openat(ring->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry = NULL;
    errno = dir ? 0 : errno;
    while (dir && result >= 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = take_name(ring, entry->d_name, diags);
            if (result == 0 && ring->strict)
                say_surplus(ring, entry->d_name, diags);
            if (result == 0)
                result = take_near_revocation(ring, entry->d_name, diags);
        }
        errno = 0;
    }
    if (!entry && errno)
        result = mm_diag(diags, MM_RULE_KEYRING_OPEN, "cannot read the folder %s/%s: %s", ring->keyring->path,
                         ring->publisher, strerror(errno));
    if (dir)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
    if (ring->entry_count)
        qsort(ring->entries, ring->entry_count, sizeof *ring->entries, compare_entries);
    return result < 0 ? -1 : 0;
}

struct mm_ring_entry *mm_ring_entry(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind)
{
    struct mm_ring_entry wanted = {.kind = kind};
    memcpy(wanted.id, id, MM_KEY_ID_TEXT);
    return ring->entry_count ? bsearch(&wanted, ring->entries, ring->entry_count, sizeof wanted, compare_entries)
                             : NULL;
}

/* ---- files ---- */

enum mm_ring_read mm_ring_text(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind, struct mm_buf *text,
                               struct mm_diags *diags)
{
    char name[MM_RING_NAME];
    snprintf(name, sizeof name, "%s%s", id, mm_ring_endings[kind]);
    mm_buf_clear(text);
    int fd = mm_beneath_file(ring->fd, name);
    if (fd < 0 && errno == ENOENT)
        return MM_RING_ABSENT;
    if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO)) {
        mm_diag(diags, form_rules[kind], "expected a regular file, found a %s",
                errno == ELOOP    ? "link"
                : errno == EISDIR ? "folder"
                                  : "device, pipe or socket");
        return MM_RING_DAMAGED;
    }
    if (fd < 0) {
        mm_diag_errno(diags, MM_RULE_KEYRING_OPEN, "cannot open", errno);
        return MM_RING_UNREADABLE;
    }
    int result = mm_file_read_all(fd, MM_SIGNATURE_MAX, text, diags);
    close(fd);
    if (text->failed)
        return MM_RING_FAILED;
    if (result > 0)
        mm_diag(diags, form_rules[kind], "expected at most %d bytes, found more", MM_SIGNATURE_MAX);
    if (result == 0 && !text->data)
        mm_buf_str(text, "");
    if (text->failed)
        mm_diag_memory(diags);
    return text->failed  ? MM_RING_FAILED
           : result == 0 ? MM_RING_READ
           : result > 0  ? MM_RING_DAMAGED
                         : MM_RING_UNREADABLE;
}

bool mm_ring_signed(const struct mm_signature *signature, const struct mm_public_key *key, const struct mm_buf *text)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    if (memcmp(signature->key_id, key->id, MM_KEY_ID_BYTES) != 0)
        return false;
    mm_prehash(text->data, text->length, prehash);
    return mm_signature_holds(signature, key, prehash);
}

/* The trusted comment of the signature over TEXT, a successor: no signature over a public key for other ends is one. Returns 0, or -1 with
 * IO_MEMORY. */
static int successor_comment(const struct mm_public_key *successor, const struct mm_public_key *old,
                             const struct mm_buf *text, struct mm_buf *out, struct mm_diags *diags)
{
    unsigned char digest[MM_HASH_BYTES];
    char id[MM_KEY_ID_TEXT], of[MM_KEY_ID_TEXT], hex[MM_HASH_HEX + 1];
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    mm_sha256_once(sha, text->data, text->length, digest);
    mm_sha256_free(sha);
    mm_hex(hex, digest, MM_HASH_BYTES);
    mm_buf_printf(out, "successor:%s of:%s sha256:%s", mm_key_id_text(id, successor->id), mm_key_id_text(of, old->id),
                  hex);
    return mm_buf_text(out) ? 0 : mm_diag_memory(diags);
}

int mm_ring_successor(struct mm_public_key *successor, const struct mm_public_key *old, const struct mm_buf *text,
                      const struct mm_buf *signature, struct mm_diags *diags)
{
    struct mm_signature own;
    struct mm_buf comment = {0};
    char id[MM_KEY_ID_TEXT], by[MM_KEY_ID_TEXT], shown[MM_SHOWN];
    if (mm_public_key_read(successor, text->data, text->length, diags) < 0 ||
        mm_signature_read(&own, signature->data, signature->length, diags) < 0)
        return -1;
    if (memcmp(successor->id, old->id, MM_KEY_ID_BYTES) == 0)
        return mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected another key than %s to follow it, found that id",
                       mm_key_id_text(id, old->id));
    if (!mm_ring_signed(&own, old, text))
        return mm_diag(diags, MM_RULE_KEY_SUCCESSOR,
                       "expected %s's signature over its successor, found another one, of %s",
                       mm_key_id_text(id, old->id), mm_key_id_text(by, own.key_id));
    int result = successor_comment(successor, old, text, &comment, diags);
    if (result == 0 && strcmp(comment.data, own.comment) != 0)
        result = mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected the trusted comment '%s', found '%s'", comment.data,
                         mm_show(shown, own.comment, strlen(own.comment)));
    mm_buf_release(&comment);
    return result;
}

/* ---- keys ---- */

struct mm_ring_key *mm_ring_key(const struct mm_ring *ring, const char *id)
{
    for (size_t i = 0; i < ring->key_count; i++)
        if (strcmp(ring->keys[i].known.id, id) == 0)
            return &ring->keys[i];
    return NULL;
}

/* What lies there as KEYID.revoked revokes; only what it says may be lost. Returns 0, or -1 with IO_MEMORY. */
static int read_revocation(const struct mm_ring *ring, struct mm_known_key *key, struct mm_diags *diags)
{
    const char *outer = diags->file;
    struct mm_buf text = {0}, shown = {0};
    struct mm_diags mark = *diags;
    key->revoked = mm_ring_entry(ring, key->id, MM_RING_REVOKED) != NULL;
    if (!key->revoked)
        return 0;
    mm_ring_shown(ring, key->id, MM_RING_REVOKED, &shown);
    diags->file = mm_buf_text(&shown);
    enum mm_ring_read read = mm_ring_text(ring, key->id, MM_RING_REVOKED, &text, diags);
    if (read == MM_RING_READ && mm_revocation_read(&key->revocation, text.data, text.length, diags) == 0) {
        key->revocation_read = memcmp(key->revocation.key_id, key->key.id, MM_KEY_ID_BYTES) == 0;
        if (!key->revocation_read)
            mm_diag(diags, MM_RULE_REVOCATION_FORM, "expected a revocation of %s, found one of another key", key->id);
    }
    if (!key->revocation_read)
        key->revocation = (struct mm_revocation){0};
    if (!ring->strict && read != MM_RING_FAILED)
        mm_diags_soften(diags, &mark, true);
    diags->file = outer;
    mm_buf_release(&text);
    mm_buf_release(&shown);
    return read == MM_RING_FAILED ? -1 : 0;
}

static int add_key(struct mm_ring *ring, const struct mm_public_key *key, unsigned steps, const char *predecessor,
                   struct mm_diags *diags)
{
    if (!mm_grow(&ring->keys, ring->key_count, &ring->key_capacity, sizeof *ring->keys))
        return mm_diag_memory(diags);
    struct mm_ring_key *added = &ring->keys[ring->key_count++];
    *added = (struct mm_ring_key){.known = {.key = *key, .by_succession = steps > 0}, .steps = steps};
    mm_key_id_text(added->known.id, key->id);
    strcpy(added->known.publisher, ring->publisher); /* its length was checked with its form */
    strcpy(added->known.predecessor, predecessor);
    return read_revocation(ring, &added->known, diags);
}

/* Reads the .pub file ENTRY. Returns 0, or -1 with IO_MEMORY. */
static int take_pub(struct mm_ring *ring, struct mm_ring_entry *entry, struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_public_key key;
    char id[MM_KEY_ID_TEXT];
    enum mm_ring_read read = mm_ring_text(ring, entry->id, MM_RING_PUB, text, diags);
    entry->unreadable = read == MM_RING_UNREADABLE;
    ring->incomplete = ring->incomplete || entry->unreadable;
    if (read != MM_RING_READ)
        return read == MM_RING_FAILED ? -1 : 0;
    if (mm_public_key_read(&key, text->data, text->length, diags) < 0)
        return 0;
    if (strcmp(mm_key_id_text(id, key.id), entry->id) != 0) {
        mm_diag(diags, MM_RULE_KEY_NAME, "expected the key %s, found %s", entry->id, id);
        return 0;
    }
    return add_key(ring, &key, 0, "", diags);
}

/* KEY, which the key at OLD names as the one that follows it: a new key, or one that is there already. */
static int follow(struct mm_ring *ring, size_t old, const struct mm_public_key *key, struct mm_diags *diags)
{
    char id[MM_KEY_ID_TEXT];
    struct mm_ring_key *before = &ring->keys[old];
    struct mm_ring_key *there = mm_ring_key(ring, mm_key_id_text(id, key->id));
    if (there && !mm_public_key_same(&there->known.key, key)) {
        mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected the key %s that is here already, found another one of that id",
                id);
        return 0;
    }
    if (!there && before->steps == MM_SUCCESSOR_STEPS) {
        mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected at most %d steps from a .pub, found more", MM_SUCCESSOR_STEPS);
        return 0;
    }
    strcpy(before->known.successor, id);
    if (!there) {
        char predecessor[MM_KEY_ID_TEXT]; /* the keys move as they grow */
        strcpy(predecessor, before->known.id);
        return add_key(ring, key, before->steps + 1, predecessor, diags);
    }
    if (!there->known.predecessor[0])
        strcpy(there->known.predecessor, before->known.id);
    return 0;
}

/* Reads the successor of the key at OLD. Returns 0, or -1 with IO_MEMORY. */
static int take_successor(struct mm_ring *ring, size_t old, struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_public_key key;
    struct mm_buf signature = {0};
    const struct mm_known_key *known = &ring->keys[old].known;
    int result = 0;
    enum mm_ring_read read = mm_ring_text(ring, known->id, MM_RING_SUCCESSOR, text, diags);
    if (read == MM_RING_READ)
        read = mm_ring_text(ring, known->id, MM_RING_SUCCESSOR_SIGNATURE, &signature, diags);
    if (read == MM_RING_ABSENT)
        mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected %s's signature beside its successor, found none", known->id);
    ring->successor_unreadable = ring->successor_unreadable || read == MM_RING_UNREADABLE;
    ring->incomplete = ring->incomplete || ring->successor_unreadable;
    if (read == MM_RING_READ && mm_ring_successor(&key, &known->key, text, &signature, diags) == 0)
        result = follow(ring, old, &key, diags);
    mm_buf_release(&signature);
    return read == MM_RING_FAILED ? -1 : result;
}

/* Says why the successor that ENTRY is does not count, where its key is none that could name one. */
static void judge_unused(const struct mm_ring *ring, const struct mm_ring_entry *entry, struct mm_diags *diags)
{
    const struct mm_ring_key *key = mm_ring_key(ring, entry->id);
    if (!key && !ring->incomplete)
        mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected a trusted key before this one, found no key %s", entry->id);
    else if (ring->strict && key && key->known.revoked)
        mm_note(diags, MM_RULE_KEY_SUCCESSOR, "the key %s is revoked, and names no successor any more", entry->id);
}

/* Calls one of the above for a file, findings being about it. */
enum part { PART_PUB, PART_SUCCESSOR, PART_UNUSED };
static int take(struct mm_ring *ring, enum part part, struct mm_ring_entry *entry, size_t key, struct mm_diags *diags)
{
    const char *outer = diags->file;
    struct mm_buf text = {0}, shown = {0};
    struct mm_diags mark = *diags;
    int result = 0;
    mm_ring_shown(ring, entry->id, part == PART_PUB ? MM_RING_PUB : MM_RING_SUCCESSOR, &shown);
    diags->file = mm_buf_text(&shown);
    if (part == PART_PUB)
        result = take_pub(ring, entry, &text, diags);
    else if (part == PART_SUCCESSOR)
        result = take_successor(ring, key, &text, diags);
    else
        judge_unused(ring, entry, diags);
    if (!ring->strict)
        mm_diags_soften(diags, &mark, false);
    diags->file = outer;
    mm_buf_release(&text);
    mm_buf_release(&shown);
    return result;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct mm_ring_key *)a)->known.id, ((const struct mm_ring_key *)b)->known.id);
}

int mm_ring_load(struct mm_ring *ring, bool strict, struct mm_diags *diags)
{
    ring->strict = strict;
    int result = mm_ring_list(ring, diags);
    for (size_t i = 0; i < ring->entry_count && result == 0; i++)
        if (ring->entries[i].kind == MM_RING_PUB)
            result = take(ring, PART_PUB, &ring->entries[i], 0, diags);
    /* keys are added behind the one that is looked at, so that this goes on until nobody names a new one */
    for (size_t key = 0; key < ring->key_count && result == 0; key++) {
        struct mm_ring_entry *entry = mm_ring_entry(ring, ring->keys[key].known.id, MM_RING_SUCCESSOR);
        if (entry && !ring->keys[key].known.revoked)
            result = take(ring, PART_SUCCESSOR, entry, key, diags);
    }
    for (size_t i = 0; i < ring->entry_count && result == 0; i++)
        if (ring->entries[i].kind == MM_RING_SUCCESSOR)
            result = take(ring, PART_UNUSED, &ring->entries[i], 0, diags);
    if (ring->key_count)
        qsort(ring->keys, ring->key_count, sizeof *ring->keys, compare_keys);
    return result;
}
