/* Revocations that a medium brings: signed by the key itself or by another trusted one, they take trust away and never give any. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/media.h"
#include "base/beneath.h"
#include "base/file.h"
#include "text/path.h"

#define FOLDER "revocations"
#define ENDING ".revoked"

#define NAMED_FAULTS 16 /* revocations that are not right and are named */
#define READ_MAX 200000 /* that are looked at */

struct taking {
    int folder;         /* revocations/ */
    const char *medium; /* for people */
    size_t read, faults;
    bool unknown; /* something could not be read or kept */
    const struct mm_keyring *keyring;
    struct mm_diags *diags;
    struct mm_buf text, signature, shown;
};

/* Returns 0, or -1 with a finding; one that is not there or too long is not right. */
static int read_text(struct taking *t, const char *path, struct mm_buf *text)
{
    int fd = mm_beneath_file(t->folder, path), error = errno;
    mm_buf_clear(text);
    if (fd < 0)
        return mm_diag(t->diags, error == ENOENT ? MM_RULE_SIGNATURE_MISSING : MM_RULE_IO_OPEN, "cannot open %s: %s",
                       mm_path_name(path), strerror(error));
    int result = mm_file_read_all(fd, MM_SIGNATURE_MAX, text, t->diags);
    close(fd);
    return result > 0 ? mm_diag(t->diags, MM_RULE_REVOCATION_FORM, "expected at most %u bytes in %s, found more",
                                (unsigned)MM_SIGNATURE_MAX, mm_path_name(path))
                      : result;
}

/* What the keyring has of the key already, "" for nothing. */
static void read_kept(const struct taking *t, const char *publisher, const char *id, struct mm_buf *text)
{
    char path[MM_PUBLISHER_MAX + MM_KEY_ID_TEXT + 16];
    struct mm_diags ignored;
    snprintf(path, sizeof path, "%s/%s" ENDING, publisher, id);
    int fd = mm_beneath_file(t->keyring->folder, path);
    mm_buf_clear(text);
    if (fd < 0)
        return;
    mm_diags_init(&ignored);
    (void)mm_file_read_all(fd, MM_SIGNATURE_MAX, text, &ignored);
    mm_diags_release(&ignored);
    close(fd);
}

/* The stricter one of this and what the keyring has stays there. */
static int add(struct taking *t, const char *publisher)
{
    char id[MM_KEY_ID_TEXT];
    struct mm_revocation revocation;
    struct mm_buf before = {0}, after = {0};
    if (mm_revocation_read(&revocation, mm_buf_text(&t->text), t->text.length, t->diags) < 0)
        return -1;
    mm_key_id_text(id, revocation.key_id);
    read_kept(t, publisher, id, &before);
    int result = mm_keyring_import_revocation(t->keyring, publisher, &t->text, &t->signature, &revocation, t->diags);
    read_kept(t, publisher, id, &after);
    bool same =
        before.length == after.length && (after.length == 0 || memcmp(before.data, after.data, after.length) == 0);
    if (result == 0 && !same)
        mm_note(t->diags, MM_RULE_SIGNATURE_REVOKED, "the key %s of %s is revoked from now on: %s", id, publisher,
                revocation.reason);
    mm_buf_release(&before);
    mm_buf_release(&after);
    return result;
}

static int take_of(struct taking *t, const char *publisher, const char *path)
{
    char signature[MM_PUBLISHER_MAX + 64];
    enum mm_found known = mm_keyring_knows(t->keyring, publisher, t->diags);
    snprintf(signature, sizeof signature, "%s" MM_SIGNATURE_SUFFIX, path);
    if (known != MM_FOUND_YES)
        return known == MM_FOUND_NO ? 0 : -1;
    if (read_text(t, path, &t->text) < 0 || read_text(t, signature, &t->signature) < 0)
        return -1;
    return add(t, publisher);
}

/* PUBLISHER/KEYID.revoked, of a publisher whom the keyring knows. What is not right is named, and no hindrance; what could not be found out or
 * kept is. */
static void take(struct taking *t, const char *path)
{
    char publisher[MM_PUBLISHER_MAX + 1];
    struct mm_diags mark = *t->diags;
    size_t length = strcspn(path, "/");
    if (length > MM_PUBLISHER_MAX || strlen(path) > MM_PUBLISHER_MAX + 48 || !mm_path_ends_in(path, ENDING))
        return;
    snprintf(publisher, sizeof publisher, "%.*s", (int)length, path);
    if (!mm_keyring_publisher(publisher))
        return;
    if (t->read++ >= READ_MAX) {
        t->unknown = true;
        return;
    }
    mm_buf_clear(&t->shown);
    mm_buf_printf(&t->shown, "%s/" FOLDER "/%s", t->medium, path);
    t->diags->file = mm_buf_text(&t->shown) ? t->shown.data : t->medium;
    t->diags->unknown = false;
    bool sound = take_of(t, publisher, path) == 0, unknown = t->diags->unknown;
    t->diags->unknown = t->diags->unknown || mark.unknown;
    t->unknown = t->unknown || (!sound && unknown);
    t->diags->file = t->medium;
    if (!sound && ++t->faults > NAMED_FAULTS)
        mm_diags_rewind(t->diags, &mark);
    else if (!unknown)
        mm_diags_soften(t->diags, &mark, true);
}

int mm_media_revocations(int medium, const char *path, const struct mm_keyring *keyring, struct mm_diags *diags)
{
    struct taking t = {
        .folder = mm_beneath_folder(medium, FOLDER, false), .medium = path, .keyring = keyring, .diags = diags};
    struct mm_folder names = {0};
    const char *shown = diags->file;
    if (t.folder < 0 && errno == ENOENT)
        return 0;
    diags->file = path;
    if (t.folder < 0)
        t.unknown = mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder " FOLDER, errno) < 0;
    else if (keyring->folder >= 0 && mm_folder_list(&names, t.folder, diags) < 0)
        t.unknown = true;
    for (size_t i = 0; i < names.count; i++)
        take(&t, names.entries[i].path);
    if (t.faults > NAMED_FAULTS)
        mm_note(diags, MM_RULE_SIGNATURE_BAD, "%zu revocations in all could not be taken", t.faults);
    if (t.unknown && diags->errors == 0)
        mm_diag(diags, MM_RULE_IO_LIMIT, "expected revocations that can all be read, found too many");
    diags->file = shown;
    if (t.folder >= 0)
        close(t.folder);
    mm_folder_release(&names);
    mm_buf_release(&t.text);
    mm_buf_release(&t.signature);
    mm_buf_release(&t.shown);
    return t.unknown ? -1 : 0;
}
