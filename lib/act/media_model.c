/* A model that is to be exported: its manifest, and the signatures beside it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/media_parts.h"
#include "base/checked.h"
#include "base/file.h"

#define SIGNATURES_MAX 64

void mm_media_model_release(struct mm_media_model *model)
{
    for (size_t i = 0; i < model->file_count; i++)
        mm_buf_release(&model->files[i].text);
    free(model->files);
    free(model->claims);
    mm_supply_view_release(&model->supply);
    mm_manifest_release(&model->manifest);
    *model = (struct mm_media_model){0};
}

static struct mm_buf *add_file(struct mm_media_model *model, const char *ending, struct mm_diags *diags)
{
    if (!mm_grow(&model->files, model->file_count, &model->file_capacity, sizeof *model->files)) {
        mm_diag_memory(diags);
        return NULL;
    }
    struct mm_media_file *file = &model->files[model->file_count++];
    *file = (struct mm_media_file){.name = ""};
    snprintf(file->name, sizeof file->name, "manifest%s", ending);
    return &file->text;
}

/* The text of manifest WHICH, whose file is read from its first byte. */
static int read_manifest(struct mm_media_model *model, int fd, struct mm_diags *diags)
{
    struct mm_buf *text = add_file(model, "", diags);
    if (!text)
        return -1;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    int longer = mm_file_read_all(fd, MM_MANIFEST_MAX, text, diags);
    if (longer > 0)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected a manifest of at most %u bytes, found more",
                       (unsigned)MM_MANIFEST_MAX);
    return longer < 0 ? -1 : mm_manifest_read(&model->manifest, mm_buf_text(text), text->length, diags);
}

/* One signature beside the manifest NAME. A reader would refuse what is longer than one can be. */
static int take_signature(struct mm_media_model *model, int folder, const char *path, const char *name,
                          enum mm_links links, struct mm_diags *diags)
{
    int fd = mm_file_open_beneath(folder, path, links);
    if (fd < 0)
        return mm_diag(diags, MM_RULE_IO_OPEN, "cannot open %s: %s", path, strerror(errno));
    struct mm_buf *text = add_file(model, path + strlen(name), diags);
    int result = text ? mm_file_read_all(fd, MM_SIGNATURE_MAX, text, diags) : -1;
    close(fd);
    return result > 0
               ? mm_diag(diags, MM_RULE_SIGNATURE_FORM, "expected a signature of at most %u bytes in %s, found more",
                         (unsigned)MM_SIGNATURE_MAX, path)
               : result;
}

static int read_signatures(struct mm_media_model *model, int folder, const char *name, enum mm_links links,
                           struct mm_diags *diags)
{
    struct mm_folder names = {0};
    int result = mm_folder_list_names(&names, folder, diags);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        const char *path = names.entries[i].path;
        if (!mm_signature_is_beside(path, name))
            continue;
        if (model->file_count > SIGNATURES_MAX)
            result = mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d signatures beside a manifest, found more",
                             SIGNATURES_MAX);
        else
            result = take_signature(model, folder, path, name, links, diags);
    }
    mm_folder_release(&names);
    return result;
}

static const struct mm_buf *own_signature(const struct mm_media_model *model)
{
    for (size_t i = 0; i < model->file_count; i++)
        if (strcmp(model->files[i].name, "manifest" MM_SIGNATURE_SUFFIX) == 0)
            return &model->files[i].text;
    return NULL;
}

/* Wrong signatures and revoked keys are not carried on. Of keys that are not known here the reader may know more. */
static int judge(const struct mm_media *media, struct mm_media_model *model, struct mm_diags *diags)
{
    struct mm_judgement judgement = {0};
    struct mm_diags mark = *diags;
    if (mm_judge(&judgement, &model->manifest, own_signature(model), media->options->keyring, NULL, NULL, diags) < 0)
        return -1;
    model->facts.signature = judgement.outcome;
    memcpy(model->facts.key_id, judgement.key_id, sizeof judgement.key_id);
    switch (judgement.outcome) {
    case MM_SIGNED_VERIFIED:
    case MM_SIGNED_UNSIGNED:
        return judgement.publisher_known
                   ? mm_diag(diags, MM_RULE_SIGNATURE_MISSING,
                             "expected a signed manifest, as keys of its publisher are known, found an unsigned one")
                   : 0;
    case MM_SIGNED_UNKNOWN_KEY:
        mm_diags_rewind(diags, &mark);
        mm_note(diags, MM_RULE_SIGNATURE_UNKNOWN,
                "the keyring has no key %s of the publisher: the signature is carried unchecked", judgement.key_id);
        return 0;
    default:
        return diags->errors > mark.errors ? -1 : mm_diag(diags, MM_RULE_SIGNATURE_BAD, "expected a right signature");
    }
}

static int take_claims(struct mm_media_model *model, struct mm_diags *diags)
{
    model->claim_count = mm_manifest_artifacts(&model->manifest);
    model->claims = calloc(model->claim_count ? model->claim_count : 1, sizeof *model->claims);
    if (!model->claims)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < model->claim_count; i++) {
        mm_manifest_claim(&model->manifest, i + 1, &model->claims[i]);
        model->facts.total += model->claims[i].chunks.bytes; /* the manifest's sum is below 2^63 */
    }
    return 0;
}

int mm_media_model_read(struct mm_media *media, struct mm_media_model *model, size_t which, struct mm_diags *diags)
{
    const struct mm_supply_manifest *manifest = &media->supply->manifests[which];
    uint64_t number;
    char id[MM_VALUE_MAX + 1], revision[MM_VALUE_MAX + 1];
    *model = (struct mm_media_model){.which = which};
    diags->file = manifest->path;
    if (mm_supply_view(&model->supply, media->supply, which, diags) < 0 ||
        read_manifest(model, manifest->fd, diags) < 0)
        return -1;
    mm_manifest_text(&model->manifest, 0, MM_FIELD_MODEL_ID, id);
    mm_manifest_text(&model->manifest, 0, MM_FIELD_REVISION, revision);
    if (!mm_number(revision, strlen(revision), MM_NUMBER_MAX, &number))
        return -1; /* a valid manifest has one */
    mm_store_model(&model->facts.model, id, number);
    mm_hex(model->facts.manifest_sha256, model->manifest.sha256, MM_HASH_BYTES);
    const struct mm_supply_root *root = mm_supply_signed(&model->supply, 0);
    if (read_signatures(model, root->folder, root->manifest, media->supply->links, diags) < 0)
        return -1;
    return judge(media, model, diags) < 0 ? -1 : take_claims(model, diags);
}
