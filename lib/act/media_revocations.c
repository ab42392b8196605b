/* Revocations that a medium brings: signed by the key itself or by another trusted one, they take trust away and never give any. */
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
    int folder; /* revocations/ */
    size_t read, faults;
    const struct mm_keyring *keyring;
    struct mm_diags *diags;
    struct mm_buf text, signature;
};

static bool read_text(struct taking *t, const char *path, struct mm_buf *text)
{
    struct mm_diags ignored;
    int fd = mm_beneath_file(t->folder, path);
    mm_buf_clear(text);
    if (fd < 0)
        return false;
    mm_diags_init(&ignored);
    bool read = mm_file_read_all(fd, MM_SIGNATURE_MAX, text, &ignored) == 0;
    mm_diags_release(&ignored);
    close(fd);
    return read;
}

static bool is_there(const struct taking *t, const char *publisher, const char *id)
{
    char path[MM_PUBLISHER_MAX + MM_KEY_ID_TEXT + 16];
    snprintf(path, sizeof path, "%s/%s" ENDING, publisher, id);
    int fd = mm_beneath_file(t->keyring->folder, path);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* One that the keyring has is left as it is. */
static int add(struct taking *t, const char *publisher)
{
    char id[MM_KEY_ID_TEXT];
    struct mm_revocation revocation;
    if (mm_revocation_read(&revocation, mm_buf_text(&t->text), t->text.length, t->diags) < 0)
        return -1;
    mm_key_id_text(id, revocation.key_id);
    if (is_there(t, publisher, id))
        return 0;
    if (mm_keyring_import_revocation(t->keyring, publisher, &t->text, &t->signature, &revocation, t->diags) < 0)
        return -1;
    mm_note(t->diags, MM_RULE_SIGNATURE_REVOKED, "the key %s of %s is revoked from now on: %s", id, publisher,
            revocation.reason);
    return 0;
}

/* PUBLISHER/KEYID.revoked, of a publisher whom the keyring knows. What is not right is named, and no hindrance. */
static void take(struct taking *t, const char *path)
{
    char publisher[MM_PUBLISHER_MAX + 1], signature[MM_PUBLISHER_MAX + 64];
    struct mm_diags mark = *t->diags;
    bool sound = true;
    size_t length = strcspn(path, "/");
    if (length > MM_PUBLISHER_MAX || strlen(path) > MM_PUBLISHER_MAX + 48 || !mm_path_ends_in(path, ENDING))
        return;
    snprintf(publisher, sizeof publisher, "%.*s", (int)length, path);
    snprintf(signature, sizeof signature, "%s" MM_SIGNATURE_SUFFIX, path);
    if (t->read++ < READ_MAX && mm_keyring_publisher(publisher) &&
        mm_keyring_knows(t->keyring, publisher, t->diags) == MM_FOUND_YES && read_text(t, path, &t->text) &&
        read_text(t, signature, &t->signature))
        sound = add(t, publisher) == 0;
    if (!sound && ++t->faults > NAMED_FAULTS)
        mm_diags_rewind(t->diags, &mark);
    else
        mm_diags_soften(t->diags, &mark, true);
}

void mm_media_revocations(int medium, const char *path, const struct mm_keyring *keyring, struct mm_diags *diags)
{
    struct taking t = {.folder = mm_beneath_folder(medium, FOLDER, false), .keyring = keyring, .diags = diags};
    struct mm_folder names = {0};
    struct mm_diags mark = *diags;
    const char *shown = diags->file;
    diags->file = path;
    if (t.folder >= 0 && keyring->folder >= 0 && mm_folder_list(&names, t.folder, diags) < 0)
        mm_diags_soften(diags, &mark, true);
    for (size_t i = 0; i < names.count; i++)
        if (names.entries[i].kind == MM_ENTRY_FILE)
            take(&t, names.entries[i].path);
    if (t.faults > NAMED_FAULTS)
        mm_note(diags, MM_RULE_SIGNATURE_BAD, "%zu revocations in all could not be taken", t.faults);
    diags->file = shown;
    if (t.folder >= 0)
        close(t.folder);
    mm_folder_release(&names);
    mm_buf_release(&t.text);
    mm_buf_release(&t.signature);
}
