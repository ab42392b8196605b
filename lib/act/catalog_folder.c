#include "act/catalog_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

int mm_catalog_folder_open(struct mm_catalog_folder *folder, const char *path, struct mm_diags *diags)
{
    *folder = (struct mm_catalog_folder){.fd = mm_file_open_folder(path, diags), .path = path};
    return folder->fd >= 0 ? 0 : -1;
}

void mm_catalog_folder_release(struct mm_catalog_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    mm_buf_release(&folder->shown);
    *folder = (struct mm_catalog_folder){.fd = -1};
}

int mm_catalog_lock(const struct mm_catalog_folder *folder, bool alone, unsigned seconds)
{
    const struct timespec pause = {0, 20000000}; /* a fiftieth of a second */
    unsigned tries = 0;
    while (flock(folder->fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return -1;
        if (tries++ == seconds * 50)
            return 1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

void mm_catalog_hold(const struct mm_catalog_folder *folder, struct mm_diags *diags)
{
    const char *shown = diags->file;
    if (mm_catalog_lock(folder, false, MM_CATALOG_READER_WAITS) <= 0)
        return;
    diags->file = folder->path;
    mm_note(diags, MM_RULE_CATALOG_CHANGING,
            "another process has locked the catalog for %d seconds, and may be writing it: it is read all the same",
            MM_CATALOG_READER_WAITS);
    diags->file = shown;
}

void mm_catalog_let_go(const struct mm_catalog_folder *folder)
{
    flock(folder->fd, LOCK_UN);
}

void mm_catalog_at(struct mm_catalog_folder *folder, const char *name, struct mm_diags *diags)
{
    mm_buf_clear(&folder->shown);
    mm_buf_str(&folder->shown, folder->path);
    if (name)
        mm_buf_char(&folder->shown, '/'), mm_buf_str(&folder->shown, name);
    diags->file = mm_buf_text(&folder->shown) ? mm_buf_text(&folder->shown) : folder->path;
}

/* Returns the descriptor, or -1 with errno. */
static int open_file(struct mm_catalog_folder *folder, const char *name, struct mm_diags *diags)
{
    mm_catalog_at(folder, name, diags);
    return mm_file_open_beneath(folder->fd, name, MM_LINKS_BENEATH);
}

static bool absent(int error)
{
    return error == ENOENT || error == ENOTDIR;
}

static int open_failed(struct mm_diags *diags)
{
    if (errno == EISDIR || errno == ENXIO || errno == ELOOP || errno == EXDEV)
        return mm_diag(diags, MM_RULE_CATALOG_FILE,
                       "expected a regular file beneath the catalog, found something else");
    return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
}

int mm_catalog_open(struct mm_catalog_folder *folder, const char *name, struct mm_diags *diags)
{
    int fd = open_file(folder, name, diags);
    if (fd >= 0)
        return fd;
    if (absent(errno))
        return mm_diag(diags, MM_RULE_CATALOG_FILE, "expected this file in the catalog, found none");
    return open_failed(diags);
}

int mm_catalog_text(struct mm_catalog_folder *folder, const char *name, size_t limit, struct mm_buf *text,
                    struct mm_diags *diags)
{
    mm_buf_clear(text);
    int fd = open_file(folder, name, diags);
    if (fd < 0)
        return absent(errno) ? 0 : open_failed(diags);
    int result = mm_file_read_all(fd, limit, text, diags);
    close(fd);
    if (result > 0)
        return mm_diag(diags, MM_RULE_CATALOG_FILE, "expected a file of at most %zu bytes, found more", limit);
    return result < 0 ? -1 : 1;
}

const char *mm_catalog_head_name(char out[static MM_CATALOG_NAME], uint64_t sequence, const char *suffix)
{
    snprintf(out, MM_CATALOG_NAME, MM_CATALOG_HEADS "/%" PRIu64 "%s", sequence, suffix);
    return out;
}

/* ---- the head ---- */

void mm_signed_head_release(struct mm_signed_head *head)
{
    mm_buf_release(&head->text);
    mm_buf_release(&head->signature);
    *head = (struct mm_signed_head){0};
}

int mm_signed_head_read(struct mm_signed_head *head, struct mm_catalog_folder *folder, const char *name,
                        struct mm_diags *diags)
{
    char signature[MM_CATALOG_NAME + sizeof MM_SIGNATURE_SUFFIX];
    *head = (struct mm_signed_head){0};
    snprintf(signature, sizeof signature, "%s" MM_SIGNATURE_SUFFIX, name);
    int there = mm_catalog_text(folder, signature, MM_SIGNATURE_MAX, &head->signature, diags);
    head->has_signature = there > 0;
    if (there < 0)
        return -1;
    there = mm_catalog_text(folder, name, MM_CATALOG_HEAD_MAX, &head->text, diags);
    if (there <= 0)
        return there;
    return mm_catalog_head_read(&head->head, mm_buf_text(&head->text), head->text.length, diags) < 0 ? -1 : 1;
}

static int judge_unsigned(const struct mm_signed_head *head, const struct mm_catalog_trust *trust,
                          struct mm_diags *diags)
{
    const char *publisher = head->head.publisher_id;
    if (!trust->allow_unsigned)
        return mm_diag(diags, MM_RULE_CATALOG_UNSIGNED, "expected a signature of the head, found none");
    enum mm_found known = trust->keyring ? mm_keyring_knows(trust->keyring, publisher, diags) : MM_FOUND_UNKNOWN;
    if (known == MM_FOUND_YES)
        return mm_diag(diags, MM_RULE_CATALOG_UNSIGNED,
                       "expected a signature of the head, as keys of %s are known, found none", publisher);
    return known == MM_FOUND_NO ? 0 : -1;
}

/* Finds the key that ought to have made SIGNATURE. */
static int find_key(const struct mm_signed_head *head, const struct mm_signature *signature,
                    const struct mm_catalog_trust *trust, struct mm_known_key *known, struct mm_diags *diags)
{
    char id[MM_KEY_ID_TEXT];
    if (trust->own && memcmp(trust->own->id, signature->key_id, MM_KEY_ID_BYTES) == 0) {
        *known = (struct mm_known_key){.key = *trust->own};
        return 0;
    }
    if (!trust->keyring)
        return -1; /* a finding says so already */
    enum mm_found found = mm_keyring_find(trust->keyring, head->head.publisher_id, signature->key_id, known, diags);
    if (found == MM_FOUND_YES)
        return 0;
    if (found == MM_FOUND_UNKNOWN)
        return -1;
    return mm_diag(diags, MM_RULE_SIGNATURE_UNKNOWN,
                   "expected a key that the keyring has for %s, found %s, which it has not", head->head.publisher_id,
                   mm_key_id_text(id, signature->key_id));
}

static int judge_with_key(const struct mm_signed_head *head, const struct mm_signature *signature,
                          const struct mm_known_key *known, struct mm_diags *diags)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment = {0};
    char shown[MM_SHOWN], id[MM_KEY_ID_TEXT];
    int result = 0;
    mm_prehash(mm_buf_text(&head->text), head->text.length, prehash);
    mm_catalog_head_comment(&head->head, &comment);
    if (!mm_buf_text(&comment))
        result = mm_diag_memory(diags);
    else if (!mm_signature_holds(signature, &known->key, prehash))
        result = mm_diag(diags, MM_RULE_SIGNATURE_BAD,
                         "expected a signature by %s over this head and this trusted comment, found another",
                         mm_key_id_text(id, signature->key_id));
    else if (strcmp(mm_buf_text(&comment), signature->comment) != 0)
        result = mm_diag(diags, MM_RULE_SIGNATURE_COMMENT, "expected the trusted comment of this head, found '%s'",
                         mm_show(shown, signature->comment, strlen(signature->comment)));
    else if (known->revoked)
        result = mm_diag(diags, MM_RULE_SIGNATURE_REVOKED, "expected a key that is not revoked, found %s",
                         mm_key_id_text(id, signature->key_id));
    mm_buf_release(&comment);
    return result;
}

int mm_signed_head_judge(const struct mm_signed_head *head, const struct mm_catalog_trust *trust,
                         char key_id[static MM_KEY_ID_TEXT], struct mm_diags *diags)
{
    struct mm_known_key known = {0};
    const char *shown = diags->file;
    key_id[0] = '\0';
    if (!head->has_signature)
        return judge_unsigned(head, trust, diags);
    struct mm_signature *signature = malloc(sizeof *signature); /* it holds a whole file */
    if (!signature)
        return mm_diag_memory(diags);
    int result = mm_signature_read(signature, mm_buf_text(&head->signature), head->signature.length, diags);
    if (result == 0)
        mm_key_id_text(key_id, signature->key_id);
    if (result == 0)
        result = find_key(head, signature, trust, &known, diags);
    diags->file = shown;
    if (result == 0)
        result = judge_with_key(head, signature, &known, diags);
    free(signature);
    return result;
}
