/* The keyring: which keys speak for which publisher, which keys follow them, and which are revoked (signatures.md;
 * docs/formats/signatures.md). A folder of small files; no symbolic link beneath it is followed. Everything is read when it is asked
 * for, so that a key that was revoked a moment ago is revoked. */
#ifndef MM_TRUST_KEYRING_H
#define MM_TRUST_KEYRING_H

#include "trust/revocation.h"

#define MM_PUBLISHER_MAX 64 /* bytes of a publisher-id */
#define MM_SUCCESSOR_STEPS 16

struct mm_keyring {
    int folder;                   /* open, or -1: there is none, and so no key */
    char *path;                   /* for people */
    struct mm_key_memory *memory; /* of what was found; NULL for none */
};

/* Where the keyring is: GIVEN if not NULL, else the environment's MINIMODEL_KEYRING, else $XDG_CONFIG_HOME/minimodel/keyring, else
 * $HOME/.config/minimodel/keyring; empty variables count as absent, and so does an XDG_CONFIG_HOME that is not absolute.
 * CREATE makes it (0700). Without it a keyring that nobody GIVES and that is not there is an empty one (a note where no variable names
 * one), but for one to which a symbolic link leads. Returns 0, or -1 with KEYRING_OPEN or IO_MEMORY; release KEYRING in every case. */
int mm_keyring_open(struct mm_keyring *keyring, const char *given, bool create, struct mm_diags *diags);
void mm_keyring_release(struct mm_keyring *keyring);

/* From here on what mm_keyring_find and mm_keyring_knows find is found again without looking, by several threads at once, for a command that
 * asks of thousands of manifests: what changes meanwhile counts from the next command on. Where anything was found besides, a damaged file for
 * one, it is looked at each time. Returns 0, or -1 with IO_MEMORY. */
int mm_keyring_remember(struct mm_keyring *keyring, struct mm_diags *diags);

/* True for the form of a publisher-id. No other name is looked for. */
bool mm_keyring_publisher(const char *name);

/* What the keyring says of a key that it has. */
struct mm_known_key {
    struct mm_public_key key;
    char id[MM_KEY_ID_TEXT];
    char publisher[MM_PUBLISHER_MAX + 1];
    bool by_succession;               /* there is no .pub of it, only the key before it speaks for it */
    char predecessor[MM_KEY_ID_TEXT]; /* a key that names this one as its successor and may, "" for none */
    char successor[MM_KEY_ID_TEXT];   /* the key that this one names, "" for none */
    bool revoked;
    bool revocation_read; /* otherwise it cannot be read, and there is neither time nor reason */
    struct mm_revocation revocation;
};

enum mm_found { MM_FOUND_UNKNOWN = -1, MM_FOUND_NO = 0, MM_FOUND_YES = 1 };

/* The key of this ID that speaks for PUBLISHER, revoked or not: a .pub, or a successor whose whole line holds. A file that is there and
 * no key (KEY_FORM, KEY_WEAK, KEY_NAME, KEY_SUCCESSOR) is a note, and no key. MM_FOUND_UNKNOWN with a finding where what may be this key
 * cannot be read. */
enum mm_found mm_keyring_find(const struct mm_keyring *keyring, const char *publisher,
                              const unsigned char id[static MM_KEY_ID_BYTES], struct mm_known_key *found,
                              struct mm_diags *diags);

/* Does the keyring hold any .pub, .successor or .revoked of PUBLISHER, readable or not? */
enum mm_found mm_keyring_knows(const struct mm_keyring *keyring, const char *publisher, struct mm_diags *diags);

/* Calls EACH with every key of PUBLISHER (NULL: of all, in the order of their names) in the order of ids, keys by succession included,
 * until it returns other than 0. Damaged files are notes, or errors if STRICT, which also names what does not belong there
 * (KEYRING_SURPLUS). What cannot be read (KEYRING_OPEN) does not hide the rest. Returns what EACH returned last, or -1 with findings where
 * it always returned 0. */
typedef int mm_known_key_fn(void *context, const struct mm_known_key *key);
int mm_keyring_each(const struct mm_keyring *keyring, const char *publisher, bool strict, mm_known_key_fn *each,
                    void *context, struct mm_diags *diags);

/* Calls EACH with every key that is revoked, whether the key itself is there or not, in the order of publishers and ids, until it returns
 * other than 0. Returns as mm_keyring_each does. */
typedef int mm_revoked_key_fn(void *context, const char *publisher, const char *key_id);
int mm_keyring_each_revoked(const struct mm_keyring *keyring, mm_revoked_key_fn *each, void *context,
                            struct mm_diags *diags);

/* Calls EACH with NAME and TEXT of every file of PUBLISHER that the page knows and that can be read, in the order of their names, until it
 * returns other than 0. What cannot be read is left out. Returns what EACH returned last, or -1 with KEYRING_OPEN, IO_LIMIT or IO_MEMORY. */
typedef int mm_keyring_file_fn(void *context, const char *name, const struct mm_buf *text);
int mm_keyring_files(const struct mm_keyring *keyring, const char *publisher, mm_keyring_file_fn *each, void *context,
                     struct mm_diags *diags);

/* ---- what changes it; each file appears whole or not at all, and the folder is flushed. One call at a time: others wait. A folder
 * that would have too many files is IO_LIMIT ---- */

/* Adds KEY for PUBLISHER as KEYID.pub. One that is there already, the same, is fine; another one of that id is KEYRING_KEY, and one that is
 * revoked here KEYRING_REVOKED. FIRST_USE: only where the publisher is not known (KEYRING_FIRST). */
int mm_keyring_add(const struct mm_keyring *keyring, const char *publisher, const struct mm_public_key *key,
                   bool first_use, struct mm_diags *diags);

/* Adds the successor in TEXT of the key OLD, with its signature, and the successor's .pub. OLD has to be trusted and not revoked, to
 * have signed TEXT, and to have no other successor here (KEY_SUCCESSOR). ADDED gets the new key. */
int mm_keyring_add_successor(const struct mm_keyring *keyring, const char *publisher,
                             const unsigned char old[static MM_KEY_ID_BYTES], const struct mm_buf *text,
                             const struct mm_buf *signature, struct mm_public_key *added, struct mm_diags *diags);

/* Removes KEYID.pub, KEYID as anyone's successor, and what it says of its own; keys that were trusted by that alone are notes. A
 * revocation stays. Returns 0, or -1 with KEYRING_KEY. */
int mm_keyring_remove(const struct mm_keyring *keyring, const char *publisher,
                      const unsigned char id[static MM_KEY_ID_BYTES], struct mm_diags *diags);

/* The owner's own word: revokes REVOCATION's key of PUBLISHER, which has to be there (KEYRING_KEY). Where it is revoked already the stricter
 * of both stays: the earlier time, and a reason of compromise. REVOCATION becomes what is there afterwards; without time and reason where that
 * is no revocation, and stays for that. What cannot be read is KEYRING_OPEN, and stays too. */
int mm_keyring_revoke(const struct mm_keyring *keyring, const char *publisher, struct mm_revocation *revocation,
                      struct mm_diags *diags);

/* A revocation from elsewhere: TEXT, which SIGNATURE has to be of, by the key itself or by another trusted, unrevoked key of the
 * publisher (REVOCATION_SIGNATURE). Otherwise the same; the key need not be there. */
int mm_keyring_import_revocation(const struct mm_keyring *keyring, const char *publisher, const struct mm_buf *text,
                                 const struct mm_buf *signature, struct mm_revocation *revocation,
                                 struct mm_diags *diags);

#endif
