#include "act/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/now.h"
#include "act/obey.h"
#include "base/checked.h"
#include "base/file.h"
#include "text/line.h"

/* ---- the files ---- */

bool mm_signature_is_beside(const char *path, const char *name)
{
    unsigned char id[MM_KEY_ID_BYTES];
    size_t length = strlen(name);
    if (strncmp(path, name, length) != 0)
        return false;
    path += length;
    if (*path == '.' && mm_key_id_read(path + 1, strnlen(path + 1, MM_KEY_ID_TEXT - 1), id))
        path += MM_KEY_ID_TEXT;
    return strcmp(path, MM_SIGNATURE_SUFFIX) == 0;
}

/* Reads FD, at most one byte more than a signature can have. Returns 0; 1 with a finding where it cannot be read. */
static int read_text(struct mm_buf *text, int fd, struct mm_diags *diags)
{
    mm_buf_clear(text);
    return mm_file_read_all(fd, MM_SIGNATURE_MAX, text, diags) < 0 ? 1 : 0;
}

/* Why the file PATH, which could not be opened, is as good as none; NULL where nobody can tell. */
static const char *as_good_as_none(int error)
{
    return error == ENOENT || error == ENOTDIR ? ""
           : error == EXDEV || error == ELOOP  ? "a link that leads out of the folder"
           : error == EISDIR || error == ENXIO ? "no regular file"
                                               : NULL;
}

/* Reads PATH beneath FOLDER. *THERE tells whether there is one. Returns 0; 1 with a finding where it cannot be read. */
static int read_beside(struct mm_buf *text, int folder, const char *path, enum mm_links links, bool *there,
                       struct mm_diags *diags)
{
    int fd = mm_file_open_beneath(folder, path, links);
    const char *shown = diags->file, *found = fd < 0 ? as_good_as_none(errno) : NULL;
    *there = fd >= 0;
    if (fd < 0 && found) {
        if (*found)
            mm_note(diags, MM_RULE_SIGNATURE_MISSING, "expected a signature at %s, found %s", path, found);
        return 0;
    }
    if (fd < 0) {
        mm_diag(diags, MM_RULE_IO_OPEN, "cannot open %s: %s", path, strerror(errno));
        return 1;
    }
    diags->file = path;
    int result = read_text(text, fd, diags);
    diags->file = shown;
    close(fd);
    *there = result == 0;
    return result;
}

int mm_signatures_read(struct mm_signatures *signatures, int folder, const char *name, enum mm_links links,
                       struct mm_diags *diags)
{
    struct mm_buf path = {0};
    *signatures = (struct mm_signatures){0};
    mm_buf_printf(&path, "%s" MM_SIGNATURE_SUFFIX, name);
    if (!mm_buf_text(&path))
        return mm_diag_memory(diags);
    signatures->unreadable =
        read_beside(&signatures->own, folder, mm_buf_text(&path), links, &signatures->present, diags) != 0;
    mm_buf_release(&path);
    return signatures->own.failed ? mm_diag_memory(diags) : 0;
}

int mm_signatures_read_file(struct mm_signatures *signatures, int fd, struct mm_diags *diags)
{
    *signatures = (struct mm_signatures){0};
    signatures->unreadable = read_text(&signatures->own, fd, diags) != 0;
    signatures->present = !signatures->unreadable;
    return signatures->own.failed ? mm_diag_memory(diags) : 0;
}

static bool has_other(const struct mm_signatures *signatures, const char *key_id)
{
    for (size_t i = 0; i < signatures->other_count; i++)
        if (strcmp(signatures->others[i].key_id, key_id) == 0)
            return true;
    return false;
}

/* Reads the countersignature at PATH beneath FOLDER. What is in the way is a note: whether that matters depends on the others. */
static void read_other(struct mm_countersignature *other, int folder, const char *path, enum mm_links links,
                       bool *there, struct mm_diags *diags)
{
    struct mm_diags aside;
    mm_diags_init(&aside);
    aside.file = diags->file;
    other->unreadable = read_beside(&other->text, folder, path, links, there, &aside) != 0;
    for (size_t i = 0; i < aside.count; i++)
        mm_note(diags, aside.items[i].rule, "%s", aside.items[i].text);
    mm_diags_release(&aside);
}

static int take_other(struct mm_signatures *signatures, const struct mm_countersignature *other)
{
    if (!mm_grow(&signatures->others, signatures->other_count, &signatures->other_capacity, sizeof *signatures->others))
        return -1;
    signatures->others[signatures->other_count++] = *other;
    return 0;
}

int mm_signatures_add(struct mm_signatures *signatures, const char *key_id, struct mm_buf *text, struct mm_diags *diags)
{
    struct mm_countersignature other = {.text = *text};
    snprintf(other.key_id, sizeof other.key_id, "%s", key_id);
    *text = (struct mm_buf){0};
    if (!other.text.failed && take_other(signatures, &other) == 0)
        return 0;
    mm_buf_release(&other.text);
    return mm_diag_memory(diags);
}

/* Where countersignatures are read from. */
struct beside {
    struct mm_signatures *signatures;
    int folder;
    const char *name;
    enum mm_links links;
    struct mm_diags *diags;
};

/* Adds the countersignature by KEY_ID, if it is there. */
static int add_other(void *context, const char *key_id)
{
    const struct beside *beside = context;
    struct mm_countersignature other = {.key_id = ""};
    struct mm_buf path = {0};
    bool there = false;
    snprintf(other.key_id, sizeof other.key_id, "%s", key_id);
    mm_buf_printf(&path, "%s.%s" MM_SIGNATURE_SUFFIX, beside->name, key_id);
    if (mm_buf_text(&path))
        read_other(&other, beside->folder, mm_buf_text(&path), beside->links, &there, beside->diags);
    bool failed = path.failed || other.text.failed;
    mm_buf_release(&path);
    if (!failed && (there || other.unreadable) && take_other(beside->signatures, &other) == 0)
        return 0;
    mm_buf_release(&other.text);
    return failed || there || other.unreadable ? mm_diag_memory(beside->diags) : 0;
}

int mm_signatures_each_lacking(struct mm_signatures *signatures, const struct mm_policy *policies, size_t policy_count,
                               int (*each)(void *context, const char *key_id), void *context)
{
    for (size_t i = 0; i < policy_count; i++)
        for (size_t k = 0; k < policies[i].count; k++) {
            const struct mm_policy_line *line = &policies[i].lines[k];
            const char *space = line->key == MM_POLICY_COUNTERSIGNER ? strchr(line->value, ' ') : NULL;
            if (space && !has_other(signatures, space + 1) && each(context, space + 1) < 0)
                return -1;
        }
    return 0;
}

int mm_signatures_read_others(struct mm_signatures *signatures, int folder, const char *name, enum mm_links links,
                              const struct mm_policy *policies, size_t policy_count, struct mm_diags *diags)
{
    struct beside beside = {signatures, folder, name, links, diags};
    return mm_signatures_each_lacking(signatures, policies, policy_count, add_other, &beside);
}

void mm_signatures_release(struct mm_signatures *signatures)
{
    for (size_t i = 0; i < signatures->other_count; i++)
        mm_buf_release(&signatures->others[i].text);
    free(signatures->others);
    mm_buf_release(&signatures->own);
    *signatures = (struct mm_signatures){0};
}

/* ---- the judgement ---- */

/* Of an optional store: findings become notes, and what is sound serves all the same. */
static int read_memory_aside(struct mm_memory *memory, int home, const char *model_id,
                             const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct mm_diags aside;
    const char *shown = diags->file;
    mm_diags_init(&aside);
    aside.file = shown;
    mm_memory_read(memory, home, model_id, sha256, &aside);
    for (size_t i = 0; i < aside.count; i++) {
        diags->file = aside.items[i].file;
        mm_note(diags, aside.items[i].rule, "in the store: %s", aside.items[i].text);
    }
    diags->file = shown;
    mm_diags_release(&aside);
    return 0;
}

static int read_memory(struct mm_trusted *trusted, const struct mm_trust *trust, const struct mm_manifest *manifest,
                       struct mm_diags *diags)
{
    char model_id[MM_VALUE_MAX + 1];
    mm_manifest_text(manifest, 0, MM_FIELD_MODEL_ID, model_id);
    int result = trust->store_optional
                     ? read_memory_aside(&trusted->memory, trust->home, model_id, manifest->sha256, diags)
                     : mm_memory_read(&trusted->memory, trust->home, model_id, manifest->sha256, diags);
    if (result < 0)
        return -1;
    trusted->clock_behind = mm_memory_now(&trusted->memory, trusted->now);
    if (trusted->clock_behind)
        mm_now_note_behind(trusted->now, diags);
    return 0;
}

static const char *verified_before(void *context, const char *key_id)
{
    const struct mm_memory *memory = context;
    return mm_memory_verified(memory, key_id);
}

static int judge_signature(struct mm_trusted *trusted, const struct mm_trust *trust, const struct mm_manifest *manifest,
                           const struct mm_signatures *signatures, struct mm_diags *diags)
{
    struct mm_buf beside = {0};
    const char *shown = diags->file;
    mm_buf_printf(&beside, "%s" MM_SIGNATURE_SUFFIX, shown ? shown : "");
    const char *name = signatures->shown ? signatures->shown : mm_buf_text(&beside);
    diags->file = name ? name : shown;
    int result = mm_judge(&trusted->signature, manifest, signatures->present ? &signatures->own : NULL, trust->keyring,
                          verified_before, &trusted->memory, diags);
    diags->file = shown;
    mm_buf_release(&beside);
    return result;
}

/* The signature is there and could not be read, which is a finding already. */
static void leave_open(struct mm_judgement *judgement, const struct mm_manifest *manifest)
{
    char key_id[MM_VALUE_MAX + 1];
    *judgement = (struct mm_judgement){.outcome = MM_SIGNED_MISSING, .undecided = true};
    mm_manifest_text(manifest, 0, MM_FIELD_KEY_ID, key_id);
    snprintf(judgement->key_id, sizeof judgement->key_id, "%.16s", key_id);
    snprintf(judgement->detail, sizeof judgement->detail, "the signature cannot be read");
}

int mm_trust_judge(struct mm_trusted *trusted, const struct mm_trust *trust, const struct mm_manifest *manifest,
                   const struct mm_signatures *signatures, struct mm_diags *diags)
{
    *trusted = (struct mm_trusted){0};
    trusted->counted = calloc(signatures->other_count + 1, sizeof *trusted->counted);
    if (!trusted->counted)
        return mm_diag_memory(diags);
    if (read_memory(trusted, trust, manifest, diags) < 0)
        return -1;
    bool is_unsigned = mm_entry_is(mm_manifest_get(manifest, 0, MM_FIELD_SIGNATURE_SCHEME), "none");
    if (is_unsigned && (signatures->present || signatures->unreadable))
        mm_note(diags, MM_RULE_VERIFY_SIGNATURE,
                "the manifest says that it is unsigned: the signature that is there is not looked at");
    if (signatures->unreadable && !is_unsigned)
        leave_open(&trusted->signature, manifest);
    else if (judge_signature(trusted, trust, manifest, signatures, diags) < 0)
        return -1;
    for (size_t i = 0; i < trust->policy_count; i++)
        if (mm_obey(trusted, &trust->policies[i], manifest, signatures, trust->keyring, diags) < 0)
            return -1;
    return 0;
}

void mm_trusted_release(struct mm_trusted *trusted)
{
    mm_memory_release(&trusted->memory);
    free(trusted->rules);
    free(trusted->counted);
    *trusted = (struct mm_trusted){0};
}
