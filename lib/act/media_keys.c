/* Public keys and revocations on a medium. The first are for looking at, the second can only take trust away. */
#include <stdio.h>
#include <string.h>

#include "act/media_parts.h"

struct carrying {
    struct mm_media *media;
    struct mm_medium_folder *medium;
    const char *publisher;
    uint64_t *bytes;
    struct mm_diags *diags;
    char revoked[MM_KEY_ID_TEXT]; /* the revocation that was seen last, until its signature comes */
    struct mm_buf text;
};

static int put(struct carrying *c, const char *folder, const char *name, const struct mm_buf *text)
{
    char path[MM_MEDIA_PATH];
    snprintf(path, sizeof path, "%s/%s/%s", folder, c->publisher, name);
    if (c->bytes) {
        *c->bytes += mm_media_cost(text->length);
        return 0;
    }
    return mm_media_put(c->media, c->medium, path, text->data, text->length, NULL, c->diags);
}

/* A revocation without a signature is the keyring owner's own word, which counts nowhere else: it is not carried. */
static int take(void *context, const char *name, const struct mm_buf *text)
{
    struct carrying *c = context;
    char revocation[MM_KEY_ID_TEXT + 16];
    const char *ending = strchr(name, '.');
    if (strcmp(ending, ".revoked") == 0) {
        snprintf(c->revoked, sizeof c->revoked, "%.*s", (int)(ending - name), name);
        mm_buf_clear(&c->text);
        mm_buf_add(&c->text, text->data, text->length);
        return c->text.failed ? mm_diag_memory(c->diags) : 0;
    }
    if (strcmp(ending, ".revoked" MM_SIGNATURE_SUFFIX) != 0)
        return put(c, "keys", name, text);
    if (strncmp(name, c->revoked, MM_KEY_ID_TEXT - 1) != 0)
        return 0;
    snprintf(revocation, sizeof revocation, "%s.revoked", c->revoked);
    return put(c, "revocations", revocation, &c->text) < 0 ? -1 : put(c, "revocations", name, text);
}

static bool seen_before(const struct mm_media *media, size_t index)
{
    const struct mm_media_model *models = media->models;
    const char *id = models[index].facts.model.id;
    size_t length = strcspn(id, "/") + 1;
    for (size_t i = 0; i < index; i++)
        if (strncmp(models[i].facts.model.id, id, length) == 0)
            return true;
    return false;
}

int mm_media_keys(struct mm_media *media, struct mm_medium_folder *medium, uint64_t *bytes, struct mm_diags *diags)
{
    struct carrying c = {.media = media, .medium = medium, .bytes = bytes, .diags = diags};
    int result = 0;
    for (size_t i = 0; media->options->keyring && result == 0 && i < media->model_count; i++) {
        char publisher[MM_PUBLISHER_MAX + 1];
        const char *id = media->models[i].facts.model.id;
        snprintf(publisher, sizeof publisher, "%.*s", (int)strcspn(id, "/"), id);
        c.publisher = publisher;
        if (seen_before(media, i))
            continue;
        if (bytes)
            *bytes += 2 * mm_media_cost(0) + 2 * MM_MEDIA_CLUSTER; /* its folders of keys and of revocations */
        struct mm_diags mark = *diags;
        result = mm_keyring_files(media->options->keyring, publisher, take, &c, diags);
        if (result == 0)
            mm_diags_soften(diags, &mark, true); /* a file that cannot be read is left out, and named */
    }
    mm_buf_release(&c.text);
    return result;
}
