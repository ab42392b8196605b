/* What the files of the keyring share: one publisher's folder. */
#ifndef MM_TRUST_KEYRING_PARTS_H
#define MM_TRUST_KEYRING_PARTS_H

#include "trust/keyring.h"

#define MM_RING_FILES 4096 /* keys, successors, revocations and their signatures in a publisher's folder */

enum mm_ring_kind {
    MM_RING_PUB,
    MM_RING_SUCCESSOR,
    MM_RING_SUCCESSOR_SIGNATURE,
    MM_RING_REVOKED,
    MM_RING_REVOKED_SIGNATURE,
    MM_RING_KIND_COUNT
};
extern const char *const mm_ring_endings[MM_RING_KIND_COUNT];

#define MM_RING_NAME (MM_KEY_ID_TEXT + 18) /* with the longest ending and NUL */

/* A file whose name the page knows, whatever it is. */
struct mm_ring_entry {
    char id[MM_KEY_ID_TEXT];
    enum mm_ring_kind kind;
    bool unreadable;
};

struct mm_ring_key {
    struct mm_known_key known;
    unsigned steps; /* from a .pub by successors */
};

struct mm_ring {
    const struct mm_keyring *keyring;
    const char *publisher;
    int fd;
    bool strict;
    bool successor_unreadable; /* so a key that was not found may yet be one */
    bool incomplete;           /* that, or a .pub could not be read; findings say why */
    struct mm_ring_entry *entries;
    size_t entry_count, entry_capacity;
    struct mm_ring_key *keys; /* in the order of ids, once loaded */
    size_t key_count, key_capacity;
};

/* Opens the folder of PUBLISHER; CREATE makes it. Returns 1, 0 where there is none, or -1 with KEYRING_OPEN. Release RING in every
 * case. */
int mm_ring_open(struct mm_ring *ring, const struct mm_keyring *keyring, const char *publisher, bool create,
                 struct mm_diags *diags);
void mm_ring_release(struct mm_ring *ring);

/* Takes the names in the folder; STRICT names what does not belong there. Returns 0, or -1 with KEYRING_OPEN, IO_LIMIT or IO_MEMORY. */
int mm_ring_list(struct mm_ring *ring, struct mm_diags *diags);
struct mm_ring_entry *mm_ring_entry(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind);

/* Lists, and reads every key: the .pub files, then by succession. What is damaged is a note, an error if STRICT; what cannot be read is an
 * error. Returns 0, or -1 where nothing can be said of the keys. */
int mm_ring_load(struct mm_ring *ring, bool strict, struct mm_diags *diags);
struct mm_ring_key *mm_ring_key(const struct mm_ring *ring, const char *id);

/* Names what is wrong beside the keys, in a ring that was loaded. Returns 0, or -1 with IO_MEMORY. */
int mm_ring_check(const struct mm_ring *ring, struct mm_diags *diags);

/* Is the folder's file of that name there, and what is in it? */
enum mm_ring_read { MM_RING_FAILED = -1, MM_RING_READ, MM_RING_ABSENT, MM_RING_DAMAGED, MM_RING_UNREADABLE };
enum mm_ring_read mm_ring_text(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind, struct mm_buf *text,
                               struct mm_diags *diags);

/* OUT becomes the file's name for people; a path that is borrowed by DIAGS while the file is looked at. */
void mm_ring_shown(const struct mm_ring *ring, const char *id, enum mm_ring_kind kind, struct mm_buf *out);

/* Reads the successor of the key OLD in TEXT, and holds its SIGNATURE against it (KEY_SUCCESSOR). Returns 0, or -1 with findings. */
int mm_ring_successor(struct mm_public_key *successor, const struct mm_public_key *old, const struct mm_buf *text,
                      const struct mm_buf *signature, struct mm_diags *diags);

/* True if SIGNATURE, read before, is one over TEXT by KEY, whose id it names. */
bool mm_ring_signed(const struct mm_signature *signature, const struct mm_public_key *key, const struct mm_buf *text);

#endif
