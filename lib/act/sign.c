#include "act/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "text/path.h"

/* The file that a signature is of. */
struct subject {
    struct mm_manifest manifest; /* a valid one, unless any file is signed */
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment; /* the trusted comment that belongs to it */
};

static void release_subject(struct subject *subject)
{
    mm_manifest_release(&subject->manifest);
    mm_buf_release(&subject->comment);
}

void mm_signature_found_release(struct mm_signature_found *found)
{
    free(found->path);
    free(found->comment);
    *found = (struct mm_signature_found){0};
}

/* ---- what is read ---- */

static int read_any(struct subject *subject, const struct mm_signing *how, const char *path, int fd,
                    struct mm_diags *diags)
{
    unsigned char sha256[MM_HASH_BYTES];
    char hex[MM_HASH_HEX + 1];
    const char *name = mm_path_name(path);
    if (mm_prehash_file(fd, how->progress, how->progress_context, subject->prehash, sha256, diags) < 0)
        return -1;
    if (how->comment) {
        mm_buf_str(&subject->comment, how->comment);
        return 0;
    }
    mm_hex(hex, sha256, sizeof sha256);
    mm_buf_str(&subject->comment, "file:");
    mm_buf_escaped(&subject->comment, name, strlen(name));
    mm_buf_printf(&subject->comment, " sha256:%s", hex);
    return 0;
}

static int read_subject(struct subject *subject, const struct mm_signing *how, const char *path, struct mm_diags *diags)
{
    int fd = mm_file_open(path, diags), result = -1;
    *subject = (struct subject){0};
    if (fd < 0)
        return -1;
    if (how->any) {
        result = read_any(subject, how, path, fd, diags);
    } else if ((result = mm_manifest_read_file(&subject->manifest, fd, diags)) == 0) {
        mm_prehash(subject->manifest.text, subject->manifest.length, subject->prehash);
        mm_manifest_trusted_comment(&subject->manifest, &subject->comment);
    }
    close(fd);
    return result == 0 && !mm_buf_text(&subject->comment) ? mm_diag_memory(diags) : result;
}

static int name_signature(struct mm_signature_found *found, const struct mm_signing *how, const char *path,
                          const struct mm_public_key *key, struct mm_diags *diags)
{
    struct mm_buf name = {0};
    *found = (struct mm_signature_found){.outcome = MM_SIGNED_MISSING};
    if (key)
        mm_key_id_text(found->key_id, key->id);
    mm_buf_printf(&name, "%s%s%s" MM_SIGNATURE_SUFFIX, path, how->countersign ? "." : "",
                  how->countersign ? found->key_id : "");
    found->path = name.failed ? NULL : name.data;
    if (!found->path)
        mm_buf_release(&name);
    return found->path ? 0 : mm_diag_memory(diags);
}

/* The text of a signature's file. Returns 1, 0 where there is none, or -1 with a finding. */
static int read_text(const char *path, struct mm_buf *text, struct mm_diags *diags)
{
    int fd = mm_file_open_beneath(AT_FDCWD, path, MM_LINKS_FOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    int result = mm_file_read_all(fd, MM_SIGNATURE_MAX, text, diags); /* a byte more is refused as such later */
    close(fd);
    return result < 0 ? -1 : 1;
}

static int keep_comment(struct mm_signature_found *found, const char *comment, struct mm_diags *diags)
{
    found->comment = strdup(comment);
    return found->comment ? 0 : mm_diag_memory(diags);
}

/* ---- signing ---- */

/* The key that a manifest names signs it, any other countersigns it. */
static int check_signer(const struct subject *subject, const struct mm_signing *how, const char *key_id,
                        struct mm_diags *diags)
{
    char stated[MM_VALUE_MAX + 1];
    if (how->any)
        return 0;
    const struct mm_entry *entry = mm_manifest_get(&subject->manifest, 0, MM_FIELD_KEY_ID);
    bool own = mm_entry_is(entry, key_id);
    mm_manifest_text(&subject->manifest, 0, MM_FIELD_KEY_ID, stated);
    if (!how->countersign && !own)
        return mm_diag_line(diags, MM_RULE_SIGN_REFUSED, entry->line,
                            sizeof "key-id: ", "expected %s, the key that signs, found '%s'", key_id, stated);
    if (how->countersign && own)
        return mm_diag_line(diags, MM_RULE_SIGN_REFUSED, entry->line, sizeof "key-id: ",
                            "expected another key than %s, which countersigns, found it as the manifest's own", key_id);
    return 0;
}

/* Is TEXT already what would be signed? What it is otherwise is no matter. */
static bool is_signed(const struct mm_buf *text, const struct subject *subject, const struct mm_public_key *key)
{
    struct mm_signature *signature = malloc(sizeof *signature);
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool there = signature && mm_signature_read(signature, mm_buf_text(text), text->length, &ignored) == 0 &&
                 memcmp(signature->key_id, key->id, sizeof key->id) == 0 &&
                 strcmp(signature->comment, subject->comment.data) == 0 &&
                 mm_signature_holds(signature, key, subject->prehash);
    mm_diags_release(&ignored);
    free(signature);
    return there;
}

static int write_signature(const char *path, bool force, const struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_writer writer;
    if (mm_writer_open(&writer, path, force, diags) < 0)
        return -1;
    if (mm_writer_write(&writer, text->data, text->length, diags) == 0)
        return mm_writer_commit(&writer, diags);
    mm_writer_abandon(&writer);
    return -1;
}

static int sign_subject(struct mm_signature_found *found, const struct subject *subject, const struct mm_signing *how,
                        const struct mm_secret_key *key, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    struct mm_diags unread; /* what cannot be read may be replaced all the same */
    mm_diags_init(&unread);
    bool there = read_text(found->path, &text, &unread) > 0 && is_signed(&text, subject, mm_secret_key_public(key));
    mm_diags_release(&unread);
    int result = 0;
    found->state = there ? MM_SIGNING_THERE : MM_SIGNING_SIGNED;
    mm_buf_clear(&text);
    if (!there)
        result = mm_secret_key_sign(key, subject->prehash, subject->comment.data, &text, diags);
    if (!there && result == 0)
        result = write_signature(found->path, how->force, &text, diags);
    mm_buf_release(&text);
    return result < 0 ? -1 : keep_comment(found, subject->comment.data, diags);
}

int mm_sign(struct mm_signature_found *found, const struct mm_signing *how, const struct mm_secret_key *key,
            const char *path, struct mm_diags *diags)
{
    struct subject subject = {0};
    int result = name_signature(found, how, path, mm_secret_key_public(key), diags);
    if (result == 0)
        result = read_subject(&subject, how, path, diags);
    if (result == 0)
        result = check_signer(&subject, how, found->key_id, diags);
    if (result == 0)
        result = sign_subject(found, &subject, how, key, diags);
    release_subject(&subject);
    return result;
}

/* ---- judging ---- */

/* The outcome and its finding. Returns 0: it is an outcome. */
static int MM_PRINTF(4)
    refuse(struct mm_signature_found *found, enum mm_signed outcome, struct mm_diags *diags, const char *format, ...)
{
    static const enum mm_rule rules[MM_SIGNED_COUNT] = {
        [MM_SIGNED_UNSIGNED] = MM_RULE_SIGNATURE_MISSING,      [MM_SIGNED_MISSING] = MM_RULE_SIGNATURE_MISSING,
        [MM_SIGNED_WRONG_KEY] = MM_RULE_SIGNATURE_WRONG_KEY,   [MM_SIGNED_BAD] = MM_RULE_SIGNATURE_BAD,
        [MM_SIGNED_WRONG_COMMENT] = MM_RULE_SIGNATURE_COMMENT,
    };
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    found->outcome = outcome;
    mm_diag(diags, rules[outcome], "%s", text);
    return 0;
}

/* The signature has the right form. */
static int judge_by_key(struct mm_signature_found *found, const struct subject *subject, const struct mm_signing *how,
                        const struct mm_public_key *key, const struct mm_signature *signature, struct mm_diags *diags)
{
    char id[MM_KEY_ID_TEXT], stated[MM_VALUE_MAX + 1], shown[MM_SHOWN];
    mm_key_id_text(id, key->id);
    mm_key_id_text(found->key_id, signature->key_id);
    mm_manifest_text(&subject->manifest, 0, MM_FIELD_KEY_ID, stated);
    if (strcmp(id, found->key_id) != 0)
        return refuse(found, MM_SIGNED_WRONG_KEY, diags, "expected a signature by %s, found one by %s", id,
                      found->key_id);
    if (!how->any && how->countersign == (strcmp(stated, id) == 0))
        return refuse(found, MM_SIGNED_WRONG_KEY, diags,
                      "expected a signature by %s%s, the manifest's key-id, found one by %s",
                      how->countersign ? "another key than " : "", stated, id);
    if (!mm_signature_holds(signature, key, subject->prehash))
        return refuse(found, MM_SIGNED_BAD, diags,
                      "expected a signature by %s over this file and this trusted comment, found another", id);
    if (!how->any && strcmp(signature->comment, subject->comment.data) != 0)
        return refuse(found, MM_SIGNED_WRONG_COMMENT, diags,
                      "expected the trusted comment of this manifest, found '%s'",
                      mm_show(shown, signature->comment, strlen(signature->comment)));
    found->outcome = MM_SIGNED_VERIFIED;
    return keep_comment(found, signature->comment, diags);
}

static int judge_text(struct mm_signature_found *found, const struct subject *subject, const struct mm_signing *how,
                      const struct mm_public_key *key, const struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_signature *signature = malloc(sizeof *signature); /* it holds a whole file */
    int result = 0;
    if (!signature)
        result = mm_diag_memory(diags);
    else if (mm_signature_read(signature, mm_buf_text(text), text->length, diags) < 0)
        found->outcome = MM_SIGNED_BAD;
    else
        result = judge_by_key(found, subject, how, key, signature, diags);
    free(signature);
    return result;
}

/* By the keyring: a manifest's own signature. */
static int judge_by_keyring(struct mm_signature_found *found, const struct subject *subject,
                            const struct mm_keyring *keyring, const struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_judgement judgement = {0};
    if (mm_judge(&judgement, &subject->manifest, text, keyring, NULL, NULL, diags) < 0)
        return -1;
    found->outcome = judgement.outcome;
    memcpy(found->key_id, judgement.key_id, sizeof found->key_id);
    return judgement.outcome == MM_SIGNED_VERIFIED ? keep_comment(found, subject->comment.data, diags) : 0;
}

static int judge_subject(struct mm_signature_found *found, const struct subject *subject, const struct mm_signing *how,
                         const struct mm_public_key *key, const struct mm_keyring *keyring, const char *path,
                         struct mm_diags *diags)
{
    struct mm_buf text = {0};
    if (!how->any && !how->countersign &&
        mm_entry_is(mm_manifest_get(&subject->manifest, 0, MM_FIELD_SIGNATURE_SCHEME), "none"))
        return refuse(found, MM_SIGNED_UNSIGNED, diags, "expected a signed manifest, found signature-scheme none");
    diags->file = found->path;
    int present = read_text(found->path, &text, diags), result = present < 0 ? -1 : 0;
    if (result == 0 && !key) {
        diags->file = path; /* mm_judge names the signature by it */
        result = judge_by_keyring(found, subject, keyring, present ? &text : NULL, diags);
    } else if (result == 0 && !present) {
        result = refuse(found, MM_SIGNED_MISSING, diags, "expected a signature by %s, found none", found->key_id);
    } else if (result == 0) {
        result = judge_text(found, subject, how, key, &text, diags);
    }
    mm_buf_release(&text);
    diags->file = path;
    return result;
}

int mm_sign_judge(struct mm_signature_found *found, const struct mm_signing *how, const struct mm_public_key *key,
                  const struct mm_keyring *keyring, const char *path, struct mm_diags *diags)
{
    struct subject subject = {0};
    int result = name_signature(found, how, path, key, diags);
    diags->file = path;
    if (result == 0)
        result = read_subject(&subject, how, path, diags);
    if (result == 0)
        result = judge_subject(found, &subject, how, key, keyring, path, diags);
    release_subject(&subject);
    return result;
}
