#include "act/hand_over.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealed.h"

/* An artifact while it is verified, and after. */
struct item {
    int fd; /* -1: not open */
    bool wanted, is_model;
    struct stat before;
};

struct handing {
    struct mm_hand_over *over;
    const struct mm_hand_over_options *options;
    struct item *items; /* in the manifest's order */
    size_t count;
    struct mm_diags *diags;
};

/* ---- what is wanted ---- */

static int want_path(struct handing *h, const char *path)
{
    char shown[MM_SHOWN];
    for (size_t i = 0; i < h->count; i++) {
        struct mm_claim claim;
        mm_manifest_claim(&h->over->held.manifest, i + 1, &claim);
        if (strcmp(claim.path, path) == 0) {
            h->items[i].wanted = true;
            return 0;
        }
    }
    return mm_diag(h->diags, MM_RULE_STORE_MODEL, "expected an artifact of the model, found '%s'",
                   mm_show(shown, path, strlen(path)));
}

static int want_model(struct handing *h)
{
    size_t weights = 0, only = 0;
    for (size_t i = 0; i < h->count; i++) {
        struct mm_claim claim;
        mm_manifest_claim(&h->over->held.manifest, i + 1, &claim);
        if (claim.role == MM_ROLE_WEIGHTS) {
            weights++;
            only = i;
        }
    }
    if (weights != 1)
        return mm_diag(h->diags, MM_RULE_STORE_MODEL,
                       "expected one artifact of role weights for {}, found %zu; {file:PATH} names one, and {dir} is a "
                       "folder of all",
                       weights);
    h->items[only].wanted = h->items[only].is_model = true;
    return 0;
}

static int choose(struct handing *h)
{
    int result = h->options->model ? want_model(h) : 0;
    for (size_t i = 0; i < h->options->path_count; i++)
        if (want_path(h, h->options->paths[i]) < 0)
            result = -1;
    for (size_t i = 0; i < h->count && h->options->all; i++)
        h->items[i].wanted = true;
    return result;
}

/* ---- verifying through the descriptors that are kept ---- */

static ssize_t read_kept(void *context, uint64_t offset, void *out, size_t length)
{
    const struct item *item = context;
    ssize_t got;
    do
        got = pread(item->fd, out, length, (off_t)offset);
    while (got < 0 && errno == EINTR);
    return got;
}

static int not_opened(struct mm_diags *diags, int error)
{
    const char *found = error == ENOENT || error == ENOTDIR ? "nothing there"
                        : error == EXDEV || error == ELOOP  ? "a link that leads out of the folder"
                        : error == EISDIR || error == ENXIO ? "no regular file"
                                                            : NULL;
    if (!found)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", error);
    return mm_diag(diags, MM_RULE_VERIFY_ABSENT, "expected the artifact, found %s", found);
}

/* Puts a sealed copy in the place of the file. */
static int move_to_memory(struct item *item, const struct mm_claim *claim, struct mm_diags *diags)
{
    int sealed = mm_sealed_copy(item->fd, (uint64_t)item->before.st_size, claim->path, diags);
    close(item->fd);
    item->fd = sealed;
    if (sealed >= 0 && fstat(sealed, &item->before) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file in memory", errno);
    return sealed < 0 ? -1 : 0;
}

static int open_item(void *context, size_t which, const struct mm_claim *claim, const struct mm_chunk_list *list,
                     struct mm_origin *origin, struct mm_diags *diags)
{
    struct handing *h = context;
    struct item *item = &h->items[which];
    (void)list;
    item->fd = mm_file_open_beneath(h->over->held.files, claim->path, mm_held_links(&h->over->held));
    if (item->fd < 0)
        return not_opened(diags, errno);
    if (fstat(item->fd, &item->before) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    /* one that is too long is found out without holding it */
    if (h->options->in_memory && item->wanted && (uint64_t)item->before.st_size == claim->chunks.bytes &&
        move_to_memory(item, claim, diags) < 0)
        return -1;
    *origin = (struct mm_origin){.read = read_kept, .context = item, .size = (uint64_t)item->before.st_size};
    return 0;
}

static int check_unchanged(const struct item *item, struct mm_diags *diags)
{
    struct stat after;
    if (fstat(item->fd, &after) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    return mm_file_same(&item->before, &after)
               ? 0
               : mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed while the model was verified");
}

static void close_item(void *context, size_t which, const struct mm_chunk_compare *compare, bool read)
{
    struct handing *h = context;
    struct item *item = &h->items[which];
    (void)compare, (void)read;
    check_unchanged(item, h->diags);
    if (!item->wanted) {
        close(item->fd);
        item->fd = -1;
    }
}

static int verify(struct handing *h)
{
    const struct mm_held *held = &h->over->held;
    struct mm_report report = {0};
    struct mm_verify_supply supply = {.context = h, .open = open_item, .close = close_item};
    struct mm_verify_options how = {
        .trusted = &held->trusted,
        .supply = &supply,
        .early = true,
        .strict = true,
        .quick = h->options->quick,
        .require_signature = h->options->require_signature,
        .links = mm_held_links(held),
        .progress = h->options->progress,
        .progress_context = h->options->progress_context,
    };
    uint64_t errors = h->diags->errors;
    int result = mm_verify(&held->manifest, held->files, &how, &report, h->diags);
    if (result == 0 && mm_report_verdict(&report) != MM_VERDICT_PASS && h->diags->errors == errors)
        mm_diag(h->diags, MM_RULE_IO_LIMIT, "expected a model that can be verified whole");
    mm_report_release(&report);
    return result < 0 || h->diags->errors > errors ? -1 : 0;
}

/* ---- handing over ---- */

/* All of them once more, now that the last one was read. */
static int check_all_unchanged(struct handing *h)
{
    int result = 0;
    for (size_t i = 0; i < h->count; i++)
        if (h->items[i].wanted && check_unchanged(&h->items[i], h->diags) < 0)
            result = -1;
    return result;
}

static int hand_all(struct handing *h, mm_handed_fn *each, void *context)
{
    int result = check_all_unchanged(h);
    for (size_t i = 0; i < h->count && result == 0; i++) {
        struct mm_claim claim;
        mm_manifest_claim(&h->over->held.manifest, i + 1, &claim);
        struct mm_handed handed = {&claim, h->items[i].is_model, h->items[i].fd};
        if (h->items[i].wanted)
            result = each(context, &handed);
    }
    return result;
}

static int hand_over(struct handing *h, int home, mm_handed_fn *each, void *context)
{
    struct mm_hand_over *over = h->over;
    const struct mm_held *held = &over->held;
    h->count = mm_manifest_artifacts(&held->manifest);
    h->items = calloc(h->count ? h->count : 1, sizeof *h->items);
    if (!h->items)
        return mm_diag_memory(h->diags);
    for (size_t i = 0; i < h->count; i++)
        h->items[i].fd = -1;
    int result =
        mm_consent_find(home, held->model->id, held->model->revision, held->manifest.sha256, &over->consent, h->diags);
    if (choose(h) < 0 || result < 0 || verify(h) < 0)
        result = -1;
    if (result == 0)
        result = hand_all(h, each, context);
    for (size_t i = 0; i < h->count; i++)
        if (h->items[i].fd >= 0)
            close(h->items[i].fd);
    free(h->items);
    return result;
}

int mm_hand_over(struct mm_hand_over *over, int home, const struct mm_store_model *model,
                 const struct mm_hand_over_options *options, mm_handed_fn *each, void *context, struct mm_diags *diags)
{
    struct handing h = {.over = over, .options = options, .diags = diags};
    uint64_t errors = diags->errors;
    *over = (struct mm_hand_over)MM_HAND_OVER_NONE;
    if (mm_held_open(&over->held, home, model, options->trust, diags) < 0 || diags->errors > errors)
        return -1;
    return hand_over(&h, home, each, context);
}

void mm_hand_over_release(struct mm_hand_over *over)
{
    mm_held_release(&over->held);
}
