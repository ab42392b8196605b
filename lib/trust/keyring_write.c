/* What changes the keyring: whole files, one writer at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/keyring_parts.h"

/* ---- one writer ---- */

/* Waits for other writers. File systems that cannot lock a folder are written to without: only who changes one key twice at the
 * same time could lose by it. */
static void lock(const struct mm_keyring *keyring, struct mm_diags *diags)
{
    int result;
    do
        result = flock(keyring->folder, LOCK_EX);
    while (result < 0 && errno == EINTR);
    if (result < 0)
        mm_note(diags, MM_RULE_KEYRING_OPEN, "cannot lock the keyring %s (%s): let no other command change it now",
                keyring->path, strerror(errno));
}

/* Locks the keyring and reads PUBLISHER's folder as RING; CREATE makes it. Returns 1, 0 where there is none, or -1 with a finding. End
 * with leave in every case. */
static int enter(struct mm_ring *ring, const struct mm_keyring *keyring, const char *publisher, bool create,
                 struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    *ring = (struct mm_ring){.keyring = keyring, .publisher = publisher, .fd = -1};
    if (!mm_keyring_publisher(publisher))
        return mm_diag(diags, MM_RULE_KEYRING_KEY, "expected a publisher's id, found '%s'",
                       mm_show(shown, publisher, strlen(publisher)));
    if (keyring->folder < 0)
        return 0;
    lock(keyring, diags);
    int there = mm_ring_open(ring, keyring, publisher, create, diags);
    return there > 0 && mm_ring_load(ring, false, diags) < 0 ? -1 : there;
}

static void leave(struct mm_ring *ring)
{
    if (ring->keyring->folder >= 0)
        flock(ring->keyring->folder, LOCK_UN);
    mm_ring_release(ring);
}

/* 1 where a file of that name would be one more in the folder. */
static size_t more(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind)
{
    return mm_ring_entry(ring, id, kind) ? 0 : 1;
}

/* A folder with too many files could not be read any more, nor be mended by these functions. */
static int check_room(const struct mm_ring *ring, size_t files, struct mm_diags *diags)
{
    return ring->entry_count + files <= MM_RING_FILES
               ? 0
               : mm_diag(diags, MM_RULE_IO_LIMIT,
                         "expected at most %d files of keys in %s/%s, found %zu, and %zu to add", MM_RING_FILES,
                         ring->keyring->path, ring->publisher, ring->entry_count, files);
}

static int put(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind, const struct mm_buf *text,
               struct mm_diags *diags)
{
    struct mm_writer writer;
    struct mm_buf path = {0};
    int result = -1;
    mm_ring_shown(ring, id, kind, &path);
    if (!mm_buf_text(&path) || !mm_buf_text(text))
        result = mm_diag_memory(diags);
    else if (mm_writer_open_in(&writer, ring->fd, path.data, mm_ring_entry(ring, id, kind) != NULL, diags) == 0) {
        result = mm_writer_write(&writer, text->data, text->length, diags);
        if (result == 0 && fchmod(writer.fd, 0644) < 0) /* whatever the umask: nobody else writes here */
            result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot set the mode", errno);
        if (result == 0)
            result = mm_writer_commit(&writer, diags);
        else
            mm_writer_abandon(&writer);
    }
    mm_buf_release(&path);
    return result;
}

/* Removes a file. Returns 1, 0 where there is none, or -1 with IO_WRITE. */
static int take_away(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind, struct mm_diags *diags)
{
    char name[MM_RING_NAME];
    snprintf(name, sizeof name, "%s%s", id, mm_ring_endings[kind]);
    if (unlinkat(ring->fd, name, 0) == 0)
        return 1;
    return errno == ENOENT ? 0
                           : mm_diag(diags, MM_RULE_IO_WRITE, "cannot remove %s/%s/%s: %s", ring->keyring->path,
                                     ring->publisher, name, strerror(errno));
}

static int flush(const struct mm_ring *ring, struct mm_diags *diags)
{
    if (fsync(ring->fd) < 0 && errno != EINVAL) /* EINVAL: a file system that flushes no folders */
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot flush %s/%s: %s", ring->keyring->path, ring->publisher,
                       strerror(errno));
    return 0;
}

/* ---- adding ---- */

/* May KEY stand in the folder as a .pub? Returns 1; 0 where it does already; -1 with a finding. */
static int may_add(const struct mm_ring *ring, const struct mm_public_key *key, struct mm_diags *diags)
{
    char id[MM_KEY_ID_TEXT];
    mm_key_id_text(id, key->id);
    const struct mm_ring_key *there = mm_ring_key(ring, id);
    if (mm_ring_entry(ring, id, MM_RING_REVOKED))
        return mm_diag(diags, MM_RULE_KEYRING_REVOKED, "expected a key that is not revoked, found %s/%s/%s.revoked",
                       ring->keyring->path, ring->publisher, id);
    if (there && !mm_public_key_same(&there->known.key, key))
        return mm_diag(diags, MM_RULE_KEYRING_KEY,
                       "expected the key %s that %s has already, found another one of that id", id, ring->publisher);
    if (there && !there->known.by_succession)
        return 0;
    if (mm_ring_entry(ring, id, MM_RING_PUB))
        return mm_diag(diags, MM_RULE_KEYRING_KEY, "expected no %s/%s/%s.pub or that very key, found something else",
                       ring->keyring->path, ring->publisher, id);
    return 1;
}

static int add(const struct mm_ring *ring, const struct mm_public_key *key, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    char id[MM_KEY_ID_TEXT];
    int result = may_add(ring, key, diags);
    bool adds = result > 0;
    mm_key_id_text(id, key->id);
    if (adds)
        result = check_room(ring, more(ring, id, MM_RING_PUB), diags);
    if (adds && result == 0) {
        mm_public_key_write(key, &text);
        result = put(ring, id, MM_RING_PUB, &text, diags);
    }
    mm_buf_release(&text);
    return result;
}

static int no_keyring(struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_KEYRING_OPEN, "expected a keyring, found none");
}

int mm_keyring_add(const struct mm_keyring *keyring, const char *publisher, const struct mm_public_key *key,
                   bool first_use, struct mm_diags *diags)
{
    struct mm_ring ring;
    enum mm_found known;
    int result = enter(&ring, keyring, publisher, true, diags);
    if (result == 0)
        result = no_keyring(diags);
    else if (ring.incomplete) /* what cannot be read may be this key, or another one of its id */
        result = -1;
    else if (result > 0 && first_use && (known = mm_keyring_knows(keyring, publisher, diags)) != MM_FOUND_NO)
        result = known == MM_FOUND_UNKNOWN ? -1
                                           : mm_diag(diags, MM_RULE_KEYRING_FIRST, "expected no key of %s, found %s/%s",
                                                     publisher, keyring->path, publisher);
    else if (result > 0)
        result = add(&ring, key, diags);
    leave(&ring);
    return result < 0 ? -1 : 0;
}

/* Writes the successor NEW of the key OLD, its signature first: alone it means nothing. */
static int add_successor(const struct mm_ring *ring, const struct mm_ring_key *old, const struct mm_public_key *new,
                         const struct mm_buf *text, const struct mm_buf *signature, struct mm_diags *diags)
{
    char id[MM_KEY_ID_TEXT];
    mm_key_id_text(id, new->id);
    if (old->known.successor[0] && strcmp(old->known.successor, id) != 0)
        return mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected the successor %s that %s has already, found %s",
                       old->known.successor, old->known.id, id);
    size_t files = more(ring, old->known.id, MM_RING_SUCCESSOR) +
                   more(ring, old->known.id, MM_RING_SUCCESSOR_SIGNATURE) + more(ring, id, MM_RING_PUB);
    if (may_add(ring, new, diags) < 0 || check_room(ring, files, diags) < 0)
        return -1;
    if (!old->known.successor[0] && (put(ring, old->known.id, MM_RING_SUCCESSOR_SIGNATURE, signature, diags) < 0 ||
                                     put(ring, old->known.id, MM_RING_SUCCESSOR, text, diags) < 0))
        return -1;
    return add(ring, new, diags);
}

int mm_keyring_add_successor(const struct mm_keyring *keyring, const char *publisher,
                             const unsigned char old[static MM_KEY_ID_BYTES], const struct mm_buf *text,
                             const struct mm_buf *signature, struct mm_public_key *added, struct mm_diags *diags)
{
    struct mm_ring ring;
    char id[MM_KEY_ID_TEXT];
    int result = enter(&ring, keyring, publisher, false, diags);
    const struct mm_ring_key *key = result > 0 ? mm_ring_key(&ring, mm_key_id_text(id, old)) : NULL;
    if (ring.incomplete)
        result = -1;
    else if (result >= 0 && !key)
        result =
            mm_diag(diags, MM_RULE_KEY_SUCCESSOR, "expected a successor of a key of %s, found none of its keys: %s",
                    publisher, mm_key_id_text(id, old));
    else if (result > 0 && key->known.revoked)
        result = mm_diag(diags, MM_RULE_KEY_SUCCESSOR,
                         "expected a key before it that is not revoked, found %s, which is", id);
    else if (result > 0)
        result = mm_ring_successor(added, &key->known.key, text, signature, diags);
    if (result == 0)
        result = add_successor(&ring, key, added, text, signature, diags);
    leave(&ring);
    return result < 0 ? -1 : 0;
}

/* ---- removing ---- */

/* Does the file ENTRY, a successor, hold a key of this id? Returns 1, 0, or -1 where that cannot be told. */
static int names(const struct mm_ring *ring, const struct mm_ring_entry *entry,
                 const unsigned char id[static MM_KEY_ID_BYTES], struct mm_diags *diags)
{
    struct mm_public_key key;
    struct mm_buf text = {0};
    struct mm_diags mark = *diags;
    enum mm_ring_read read = mm_ring_text(ring, entry->id, MM_RING_SUCCESSOR, &text, diags);
    bool failed = read == MM_RING_FAILED || read == MM_RING_UNREADABLE;
    bool same = read == MM_RING_READ && mm_public_key_read(&key, text.data, text.length, diags) == 0 &&
                memcmp(key.id, id, MM_KEY_ID_BYTES) == 0;
    if (!failed)
        mm_diags_rewind(diags, &mark); /* a damaged file is no successor */
    mm_buf_release(&text);
    return failed ? -1 : same;
}

/* Removes what the key ID says of its successor. The signature goes first: a signature alone would not be found by who tries again. */
static int remove_successor(const struct mm_ring *ring, const char *id, struct mm_diags *diags)
{
    return take_away(ring, id, MM_RING_SUCCESSOR_SIGNATURE, diags) < 0 ? -1
                                                                       : take_away(ring, id, MM_RING_SUCCESSOR, diags);
}

/* Says which keys were trusted as successors of what is gone. */
static int say_lost(const struct mm_ring *before, const char *id, struct mm_diags *diags)
{
    struct mm_ring after;
    struct mm_diags mark = *diags;
    int result = mm_ring_open(&after, before->keyring, before->publisher, false, diags);
    if (result > 0)
        result = mm_ring_load(&after, false, diags);
    if (result == 0)
        mm_diags_rewind(diags, &mark); /* said before */
    for (size_t i = 0; i < before->key_count && result == 0; i++) {
        const char *key = before->keys[i].known.id;
        if (strcmp(key, id) != 0 && !mm_ring_key(&after, key))
            mm_note(diags, MM_RULE_KEY_SUCCESSOR, "%s was trusted by succession from %s, and is no more", key, id);
    }
    mm_ring_release(&after);
    return result;
}

/* Removes what makes the key ID trusted, the .pub last, and goes on where something cannot be removed. Returns whether there was any; -1
 * with findings. */
static int remove_key(const struct mm_ring *ring, const unsigned char id[static MM_KEY_ID_BYTES],
                      struct mm_diags *diags)
{
    char text[MM_KEY_ID_TEXT];
    bool found = false, failed = false;
    mm_key_id_text(text, id);
    for (size_t i = 0; i < ring->entry_count; i++) {
        const struct mm_ring_entry *entry = &ring->entries[i];
        if (entry->kind != MM_RING_SUCCESSOR)
            continue;
        int successor = names(ring, entry, id, diags);
        found = found || successor > 0;
        failed = failed || successor < 0;
        if ((successor > 0 || strcmp(entry->id, text) == 0) && remove_successor(ring, entry->id, diags) < 0)
            failed = true;
    }
    int pub = take_away(ring, text, MM_RING_PUB, diags);
    return failed || pub < 0 ? -1 : found || pub > 0;
}

int mm_keyring_remove(const struct mm_keyring *keyring, const char *publisher,
                      const unsigned char id[static MM_KEY_ID_BYTES], struct mm_diags *diags)
{
    struct mm_ring ring;
    char text[MM_KEY_ID_TEXT];
    int result = enter(&ring, keyring, publisher, false, diags);
    int removed = result > 0 ? remove_key(&ring, id, diags) : result;
    mm_key_id_text(text, id);
    if (removed == 0)
        removed = ring.incomplete
                      ? -1
                      : mm_diag(diags, MM_RULE_KEYRING_KEY, "expected a key %s of %s, found none", text, publisher);
    else if (result > 0 && (flush(&ring, diags) < 0 || say_lost(&ring, text, diags) < 0))
        removed = -1;
    leave(&ring);
    return removed < 0 ? -1 : 0;
}

/* ---- revoking ---- */

/* The stricter of what THERE says already and NEW, into NEW: the earlier time; a reason of compromise, or that of the earlier. Returns
 * true where that is THERE, unchanged. */
static bool merge(struct mm_revocation *new, const struct mm_revocation *there)
{
    bool earlier = strcmp(new->revoked, there->revoked) < 0;
    bool compromise = mm_revocation_is_compromise(new), was = mm_revocation_is_compromise(there);
    if (!earlier)
        memcpy(new->revoked, there->revoked, sizeof new->revoked);
    if (compromise == was ? !earlier : was)
        memcpy(new->reason, there->reason, sizeof new->reason);
    return strcmp(there->revoked, new->revoked) == 0 && strcmp(there->reason, new->reason) == 0;
}

/* What lies there as KEYID.revoked. What could not be read is no answer: it may be less strict than what is to be said, or not there. */
enum there { THERE_FAILED = -1, THERE_NOTHING, THERE_READ, THERE_DAMAGED };
static enum there revoked_there(const struct mm_ring *ring, const char *id, struct mm_revocation *there,
                                struct mm_diags *diags)
{
    const char *outer = diags->file;
    struct mm_buf text = {0}, shown = {0};
    struct mm_diags mark = *diags;
    char own[MM_KEY_ID_TEXT];
    mm_ring_shown(ring, id, MM_RING_REVOKED, &shown);
    diags->file = mm_buf_text(&shown);
    enum mm_ring_read read = mm_ring_text(ring, id, MM_RING_REVOKED, &text, diags);
    bool sound = read == MM_RING_READ && mm_revocation_read(there, text.data, text.length, diags) == 0 &&
                 strcmp(mm_key_id_text(own, there->key_id), id) == 0;
    diags->file = outer;
    mm_buf_release(&text);
    mm_buf_release(&shown);
    if (read == MM_RING_FAILED || read == MM_RING_UNREADABLE)
        return THERE_FAILED;
    mm_diags_rewind(diags, &mark);
    return sound ? THERE_READ : read == MM_RING_ABSENT ? THERE_NOTHING : THERE_DAMAGED;
}

/* Writes REVOCATION without a signature, and removes one that was there. */
static int put_own(const struct mm_ring *ring, const char *id, const struct mm_revocation *revocation,
                   struct mm_diags *diags)
{
    struct mm_buf text = {0};
    mm_revocation_write(revocation, &text);
    int result = put(ring, id, MM_RING_REVOKED, &text, diags);
    mm_buf_release(&text);
    if (result == 0)
        result = take_away(ring, id, MM_RING_REVOKED_SIGNATURE, diags);
    return result > 0 ? flush(ring, diags) : result;
}

/* Makes REVOCATION the stricter of itself and what is there, and writes that if it is not there; as TEXT with its SIGNATURE, if
 * given, where it is what they say. */
static int strengthen(const struct mm_ring *ring, struct mm_revocation *revocation, const struct mm_buf *text,
                      const struct mm_buf *signature, struct mm_diags *diags)
{
    struct mm_revocation there, given = *revocation;
    char id[MM_KEY_ID_TEXT];
    enum there found = revoked_there(ring, mm_key_id_text(id, given.key_id), &there, diags);
    if (found == THERE_FAILED)
        return -1;
    if (found == THERE_DAMAGED) {
        revocation->revoked[0] = revocation->reason[0] = '\0';
        mm_note(diags, MM_RULE_REVOCATION_FORM,
                "%s is revoked already by a file that is no revocation; that is stricter, and stays", id);
        return 0;
    }
    if (found == THERE_READ && merge(revocation, &there))
        return 0;
    bool whole =
        text && strcmp(revocation->revoked, given.revoked) == 0 && strcmp(revocation->reason, given.reason) == 0;
    size_t files = more(ring, id, MM_RING_REVOKED) + (whole ? more(ring, id, MM_RING_REVOKED_SIGNATURE) : 0);
    if (check_room(ring, files, diags) < 0)
        return -1;
    if (!whole)
        return put_own(ring, id, revocation, diags);
    return put(ring, id, MM_RING_REVOKED, text, diags) < 0 ? -1
                                                           : put(ring, id, MM_RING_REVOKED_SIGNATURE, signature, diags);
}

int mm_keyring_revoke(const struct mm_keyring *keyring, const char *publisher, struct mm_revocation *revocation,
                      struct mm_diags *diags)
{
    struct mm_ring ring;
    char id[MM_KEY_ID_TEXT];
    int result = enter(&ring, keyring, publisher, false, diags);
    mm_key_id_text(id, revocation->key_id);
    bool has = result > 0 && (mm_ring_key(&ring, id) || mm_ring_entry(&ring, id, MM_RING_PUB) ||
                              mm_ring_entry(&ring, id, MM_RING_REVOKED));
    if (has)
        result = strengthen(&ring, revocation, NULL, NULL, diags);
    else if (ring.incomplete)
        result = -1;
    else if (result >= 0)
        result = mm_diag(diags, MM_RULE_KEYRING_KEY, "expected a key %s of %s to revoke, found none", id, publisher);
    leave(&ring);
    return result;
}

/* Was TEXT signed by somebody who may revoke the key? */
static int check_signer(const struct mm_ring *ring, const struct mm_revocation *revocation,
                        const struct mm_signature *signature, const struct mm_buf *text, struct mm_diags *diags)
{
    char id[MM_KEY_ID_TEXT], of[MM_KEY_ID_TEXT];
    const struct mm_ring_key *signer = mm_ring_key(ring, mm_key_id_text(id, signature->key_id));
    mm_key_id_text(of, revocation->key_id);
    if (!signer && ring->incomplete)
        return -1;
    if (!signer)
        return mm_diag(diags, MM_RULE_REVOCATION_SIGNATURE,
                       "expected the signature of %s or of another key of %s that is trusted, found one of %s", of,
                       ring->publisher, id);
    if (signer->known.revoked && strcmp(id, of) != 0)
        return mm_diag(diags, MM_RULE_REVOCATION_SIGNATURE,
                       "expected the signature of a key that is not revoked, found %s's", id);
    if (!mm_ring_signed(signature, &signer->known.key, text))
        return mm_diag(diags, MM_RULE_REVOCATION_SIGNATURE,
                       "expected %s's signature over the revocation, found another one", id);
    return 0;
}

int mm_keyring_import_revocation(const struct mm_keyring *keyring, const char *publisher, const struct mm_buf *text,
                                 const struct mm_buf *signature, struct mm_revocation *revocation,
                                 struct mm_diags *diags)
{
    struct mm_ring ring;
    struct mm_signature own;
    if (mm_revocation_read(revocation, text->data, text->length, diags) < 0 ||
        mm_signature_read(&own, signature->data, signature->length, diags) < 0)
        return -1;
    int result = enter(&ring, keyring, publisher, false, diags);
    if (result >= 0)
        result = check_signer(&ring, revocation, &own, text, diags);
    if (result == 0)
        result = strengthen(&ring, revocation, text, signature, diags);
    leave(&ring);
    return result;
}
