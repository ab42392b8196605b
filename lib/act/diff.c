#include "act/diff_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "doc/manifest_field.h"

const char *const mm_diff_what_names[MM_DIFF_WHAT_COUNT] = {
    [MM_DIFF_FILE] = "file",           [MM_DIFF_KEY] = "key",           [MM_DIFF_FACT] = "fact",
    [MM_DIFF_TOKENIZER] = "tokenizer", [MM_DIFF_TEMPLATE] = "template", [MM_DIFF_TENSOR] = "tensor",
};
const char *const mm_diff_how_names[MM_DIFF_HOW_COUNT] = {
    [MM_DIFF_MISSING] = "missing",         [MM_DIFF_ADDED] = "added",
    [MM_DIFF_CHANGED] = "changed",         [MM_DIFF_RESHAPED] = "reshaped",
    [MM_DIFF_REQUANTISED] = "requantised", [MM_DIFF_EXACT] = "exact",
    [MM_DIFF_ROUNDED] = "requantised",     [MM_DIFF_DIFFERS] = "differs",
    [MM_DIFF_LEFT_OUT] = "left-out",
};

/* Bytes of a value that are shown. */
#define SHOWN 160

/* Digits of a digest that stands behind a value which is cut. */
#define DIGEST_SHOWN 16

/* ---- what the parts share ---- */

int mm_diff_begin(struct mm_diffing *d, const struct mm_diff_options *options, struct mm_diags *diags)
{
    *d = (struct mm_diffing){.options = options, .diags = diags};
    d->sha_a = mm_sha256_new();
    d->sha_b = mm_sha256_new();
    d->block_a = malloc(MM_DIFF_BLOCK);
    d->block_b = malloc(MM_DIFF_BLOCK);
    return d->sha_a && d->sha_b && d->block_a && d->block_b ? 0 : mm_diag_memory(diags);
}

void mm_diff_end(struct mm_diffing *d)
{
    mm_buf_release(&d->a);
    mm_buf_release(&d->b);
    mm_sha256_free(d->sha_a);
    mm_sha256_free(d->sha_b);
    free(d->block_a);
    free(d->block_b);
}

/* Of a model that should follow from another: what does not. */
static void add_finding(struct mm_diffing *d, const struct mm_difference *difference)
{
    char name[MM_SHOWN], a[MM_SHOWN] = "none", b[MM_SHOWN] = "none";
    if (difference->a)
        mm_show(a, d->a.data, d->a.length);
    if (difference->b)
        mm_show(b, d->b.data, d->b.length);
    mm_diag(d->diags, MM_RULE_DIFF_DERIVED, "expected %s '%s' to follow from the source's (%s), found %s",
            mm_diff_what_names[difference->what], mm_show(name, difference->name, strlen(difference->name)), a, b);
}

int mm_diff_add(struct mm_diffing *d, enum mm_diff_what what, const char *name, enum mm_diff_how how)
{
    const struct mm_difference difference = {
        .what = what,
        .name = name,
        .how = how,
        .a = how == MM_DIFF_ADDED ? NULL : &d->a,
        .b = how == MM_DIFF_MISSING || how == MM_DIFF_LEFT_OUT ? NULL : &d->b,
    };
    if (d->a.failed || d->b.failed)
        return mm_diag_memory(d->diags);
    if (how != MM_DIFF_EXACT && how != MM_DIFF_ROUNDED && how != MM_DIFF_LEFT_OUT) {
        d->differ = true;
        if (d->derivation)
            add_finding(d, &difference);
    }
    int result = d->options->each(d->options->context, &difference);
    mm_buf_clear(&d->a);
    mm_buf_clear(&d->b);
    return result;
}

void mm_diff_show(struct mm_buf *buf, const void *bytes, size_t length)
{
    const unsigned char *text = bytes;
    size_t size = length;
    if (size > SHOWN) {
        size = SHOWN;
        while (size > SHOWN - 4 && (text[size] & 0xC0) == 0x80) /* not inside a character */
            size--;
    }
    mm_buf_add(buf, text, size);
    if (size < length)
        mm_buf_str(buf, "...");
}

void mm_diff_progress(struct mm_diffing *d, uint64_t count)
{
    d->done += count;
    if (d->options->progress)
        d->options->progress(d->options->progress_context, d->done, d->total);
}

/* A text where the same one stands on the other side. */
static int add_texts(struct mm_diffing *d, enum mm_diff_what what, const char *name, const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return 0;
    mm_diff_show(&d->a, a, strlen(a));
    mm_diff_show(&d->b, b, strlen(b));
    return mm_diff_add(d, what, name, !*a ? MM_DIFF_ADDED : !*b ? MM_DIFF_MISSING : MM_DIFF_CHANGED);
}

static void show_digest(struct mm_buf *buf, const unsigned char sha256[static MM_HASH_BYTES])
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, sha256, MM_HASH_BYTES);
    mm_buf_printf(buf, "sha256:%s", hex);
}

/* ---- keys ---- */

static void show_pair(struct mm_buf *buf, const struct mm_pair *pair)
{
    char hex[MM_HASH_HEX + 1];
    mm_buf_printf(buf, "%s ", pair->type);
    mm_diff_show(buf, pair->value.data, pair->value.length);
    if (!pair->cut && pair->value.length <= SHOWN)
        return;
    mm_hex(hex, pair->sha256, MM_HASH_BYTES);
    mm_buf_printf(buf, " sha256:%.*s...", DIGEST_SHOWN, hex);
}

static bool same_pair(const struct mm_pair *a, const struct mm_pair *b)
{
    return strcmp(a->type, b->type) == 0 && a->cut == b->cut && memcmp(a->sha256, b->sha256, MM_HASH_BYTES) == 0 &&
           mm_bytes_compare(a->value.data, a->value.length, b->value.data, b->value.length) == 0;
}

static int compare_key(struct mm_diffing *d, const char *name, const struct mm_side_key *a, const struct mm_side_key *b)
{
    if (a && b && same_pair(a->pair, b->pair))
        return 0;
    if (a)
        show_pair(&d->a, a->pair);
    if (b)
        show_pair(&d->b, b->pair);
    return mm_diff_add(d, MM_DIFF_KEY, name, !a ? MM_DIFF_ADDED : !b ? MM_DIFF_MISSING : MM_DIFF_CHANGED);
}

/* Both sides are sorted; each name is looked at once, or as often as one side has it. */
static int compare_keys(struct mm_diffing *d, const struct mm_side *a, const struct mm_side *b)
{
    int result = 0;
    for (size_t i = 0, k = 0; result == 0 && (i < a->key_count || k < b->key_count);) {
        int order = i == a->key_count ? 1 : k == b->key_count ? -1 : strcmp(a->keys[i].name, b->keys[k].name);
        const char *name = order <= 0 ? a->keys[i].name : b->keys[k].name;
        result = compare_key(d, name, order <= 0 ? &a->keys[i] : NULL, order >= 0 ? &b->keys[k] : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    return result;
}

/* ---- facts ---- */

/* What a model says of itself, in the manifest's terms. */
struct stated {
    struct mm_set_facts facts;
    struct mm_digest tokenizer, chat_template;
};

static int state(const struct mm_side *side, struct stated *stated, struct mm_diags *diags)
{
    struct mm_member *members = mm_realloc_array(NULL, side->file_count + 1, sizeof *members);
    *stated = (struct stated){0};
    if (!members)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < side->file_count; i++) {
        const struct mm_side_file *file = &side->files[i];
        const char *name = side->folder ? file->name : mm_format_names[file->artifact.model.format];
        members[i] = (struct mm_member){name, mm_role_guess(name, &file->artifact.model), &file->artifact,
                                        file->artifact.chunks.sha256};
    }
    mm_set_facts(members, side->file_count, &stated->facts);
    if (stated->facts.stated_by < side->file_count) {
        mm_set_tokenizer(members, side->file_count, stated->facts.stated_by, &stated->tokenizer);
        stated->chat_template = members[stated->facts.stated_by].artifact->model.facts.chat_template;
    }
    free(members);
    return stated->facts.failed ? mm_diag_memory(diags) : 0;
}

static int compare_digests(struct mm_diffing *d, enum mm_diff_what what, enum mm_field field, const struct mm_digest *a,
                           const struct mm_digest *b)
{
    if (a->known == b->known && memcmp(a->bytes, b->bytes, MM_HASH_BYTES) == 0)
        return 0;
    if (a->known)
        show_digest(&d->a, a->bytes);
    if (b->known)
        show_digest(&d->b, b->bytes);
    return mm_diff_add(d, what, mm_fields[field].key,
                       !a->known   ? MM_DIFF_ADDED
                       : !b->known ? MM_DIFF_MISSING
                                   : MM_DIFF_CHANGED);
}

static int compare_facts(struct mm_diffing *d, const struct mm_side *side_a, const struct mm_side *side_b)
{
    struct stated a, b;
    char parameters_a[24] = "", parameters_b[24] = "";
    if (state(side_a, &a, d->diags) < 0 || state(side_b, &b, d->diags) < 0)
        return -1;
    if (a.facts.has_parameters)
        snprintf(parameters_a, sizeof parameters_a, "%" PRIu64, a.facts.parameters);
    if (b.facts.has_parameters)
        snprintf(parameters_b, sizeof parameters_b, "%" PRIu64, b.facts.parameters);
    if (add_texts(d, MM_DIFF_FACT, mm_fields[MM_FIELD_ARCHITECTURE].key, a.facts.architecture, b.facts.architecture) <
            0 ||
        add_texts(d, MM_DIFF_FACT, mm_fields[MM_FIELD_PARAMETERS].key, parameters_a, parameters_b) < 0 ||
        add_texts(d, MM_DIFF_FACT, mm_fields[MM_FIELD_QUANTIZATION].key, a.facts.quantization, b.facts.quantization) <
            0 ||
        add_texts(d, MM_DIFF_FACT, mm_fields[MM_FIELD_MODEL_SHAPE].key, a.facts.has_shape ? a.facts.shape : "",
                  b.facts.has_shape ? b.facts.shape : "") < 0)
        return -1;
    if (compare_digests(d, MM_DIFF_TOKENIZER, MM_FIELD_TOKENIZER_SHA256, &a.tokenizer, &b.tokenizer) < 0)
        return -1;
    return compare_digests(d, MM_DIFF_TEMPLATE, MM_FIELD_CHAT_TEMPLATE_SHA256, &a.chat_template, &b.chat_template);
}

/* ---- files without tensors ---- */

static enum mm_diff_what file_kind(const struct mm_side_file *file)
{
    if (strncmp(file->name, "chat_template", strlen("chat_template")) == 0)
        return MM_DIFF_TEMPLATE;
    return mm_role_guess(file->name, NULL) == MM_ROLE_TOKENIZER ? MM_DIFF_TOKENIZER : MM_DIFF_FILE;
}

/* ONE is A or B, whichever is there. */
static int compare_file(struct mm_diffing *d, const struct mm_side_file *one, const struct mm_side_file *a,
                        const struct mm_side_file *b)
{
    if (a && b && memcmp(a->artifact.chunks.sha256, b->artifact.chunks.sha256, MM_HASH_BYTES) == 0)
        return 0;
    if (a)
        show_digest(&d->a, a->artifact.chunks.sha256);
    if (b)
        show_digest(&d->b, b->artifact.chunks.sha256);
    return mm_diff_add(d, file_kind(one), *one->name ? one->name : "bytes",
                       !a   ? MM_DIFF_ADDED
                       : !b ? MM_DIFF_MISSING
                            : MM_DIFF_CHANGED);
}

/* The files that have tensors, or those that have none, name by name. */
static int compare_files(struct mm_diffing *d, const struct mm_side *a, const struct mm_side *b, bool tensors)
{
    int result = 0;
    for (size_t i = 0, k = 0; result == 0;) {
        while (i < a->file_count && a->files[i].tensors != tensors)
            i++;
        while (k < b->file_count && b->files[k].tensors != tensors)
            k++;
        if (i == a->file_count && k == b->file_count)
            break;
        int order = i == a->file_count ? 1 : k == b->file_count ? -1 : strcmp(a->files[i].name, b->files[k].name);
        const struct mm_side_file *one = order <= 0 ? &a->files[i] : &b->files[k];
        result = compare_file(d, one, order <= 0 ? &a->files[i] : NULL, order >= 0 ? &b->files[k] : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    return result;
}

/* ---- tensors ---- */

static const struct mm_tensor *tensor_of(const struct mm_side_tensor *tensor, const char **dims)
{
    const struct mm_tensors *tensors = &tensor->file->artifact.model.tensors;
    *dims = tensors->words.data + tensors->items[tensor->which].dims;
    return &tensors->items[tensor->which];
}

static void show_tensor(struct mm_buf *buf, const struct mm_side_tensor *tensor)
{
    const char *dims;
    const struct mm_tensor *item = tensor_of(tensor, &dims);
    mm_buf_printf(buf, "%s %s", mm_dtypes[item->dtype].name, dims);
}

static uint64_t place_of(const struct mm_side_tensor *tensor, const struct mm_tensor *item)
{
    return tensor->file->artifact.model.data_offset + item->offset;
}

/* Tensors of one size: their bytes. */
static int compare_bytes(struct mm_diffing *d, const struct mm_side_tensor *a, const struct mm_side_tensor *b)
{
    const char *ignored;
    const struct mm_tensor *item_a = tensor_of(a, &ignored), *item_b = tensor_of(b, &ignored);
    unsigned char digest_a[MM_HASH_BYTES], digest_b[MM_HASH_BYTES];
    for (uint64_t at = 0; at < item_a->bytes;) {
        size_t some = item_a->bytes - at < MM_DIFF_BLOCK ? (size_t)(item_a->bytes - at) : MM_DIFF_BLOCK;
        if (mm_file_read_at(a->file->fd, place_of(a, item_a) + at, d->block_a, some, d->diags) < 0 ||
            mm_file_read_at(b->file->fd, place_of(b, item_b) + at, d->block_b, some, d->diags) < 0)
            return -1;
        mm_sha256_update(d->sha_a, d->block_a, some);
        mm_sha256_update(d->sha_b, d->block_b, some);
        mm_diff_progress(d, 2 * some);
        at += some;
    }
    mm_sha256_take(d->sha_a, digest_a);
    mm_sha256_take(d->sha_b, digest_b);
    if (memcmp(digest_a, digest_b, MM_HASH_BYTES) == 0)
        return 0;
    show_digest(&d->a, digest_a);
    show_digest(&d->b, digest_b);
    return mm_diff_add(d, MM_DIFF_TENSOR, a->name, MM_DIFF_CHANGED);
}

static int compare_tensor(struct mm_diffing *d, const char *name, const struct mm_side_tensor *a,
                          const struct mm_side_tensor *b)
{
    const char *dims_a = NULL, *dims_b = NULL;
    const struct mm_tensor *item_a = a ? tensor_of(a, &dims_a) : NULL, *item_b = b ? tensor_of(b, &dims_b) : NULL;
    enum mm_diff_how how = MM_DIFF_MISSING;
    if (a && b && item_a->dtype == item_b->dtype && strcmp(dims_a, dims_b) == 0)
        return compare_bytes(d, a, b);
    if (!a)
        how = MM_DIFF_ADDED;
    else if (b)
        how = strcmp(dims_a, dims_b) == 0 ? MM_DIFF_REQUANTISED : MM_DIFF_RESHAPED;
    if (a)
        show_tensor(&d->a, a);
    if (b)
        show_tensor(&d->b, b);
    return mm_diff_add(d, MM_DIFF_TENSOR, name, how);
}

static uint64_t tensor_bytes(const struct mm_side *side)
{
    uint64_t bytes = 0;
    const char *ignored;
    for (size_t i = 0; i < side->tensor_count; i++)
        bytes += tensor_of(&side->tensors[i], &ignored)->bytes; /* inside files, so the sum is below 2^64 */
    return bytes;
}

static int compare_tensors(struct mm_diffing *d, const struct mm_side *a, const struct mm_side *b)
{
    int result = 0;
    d->total = tensor_bytes(a) + tensor_bytes(b);
    for (size_t i = 0, k = 0; result == 0 && (i < a->tensor_count || k < b->tensor_count);) {
        int order = i == a->tensor_count   ? 1
                    : k == b->tensor_count ? -1
                                           : strcmp(a->tensors[i].name, b->tensors[k].name);
        const char *name = order <= 0 ? a->tensors[i].name : b->tensors[k].name;
        result = compare_tensor(d, name, order <= 0 ? &a->tensors[i] : NULL, order >= 0 ? &b->tensors[k] : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    return result;
}

/* ---- all of it ---- */

/* Both models as they are stored. Where nothing differs but bytes, the files say so: order, padding, version. */
static int compare_stored(struct mm_diffing *d, const struct mm_side *a, const struct mm_side *b)
{
    enum mm_format format_a = mm_side_format(a), format_b = mm_side_format(b);
    if (format_a != format_b &&
        add_texts(d, MM_DIFF_FILE, "format", mm_format_names[format_a], mm_format_names[format_b]) < 0)
        return -1;
    if (compare_files(d, a, b, false) < 0 || compare_keys(d, a, b) < 0 || compare_facts(d, a, b) < 0 ||
        compare_tensors(d, a, b) < 0)
        return -1;
    if (!d->differ && compare_files(d, a, b, true) < 0)
        return -1;
    return mm_side_finish(a, d->diags) < 0 || mm_side_finish(b, d->diags) < 0 ? -1 : 0;
}

static int compare_opened(struct mm_diffing *d, struct mm_checkpoint *a, struct mm_checkpoint *b)
{
    d->total = mm_terms_bytes(a) + mm_terms_bytes(b);
    if (mm_terms_facts(d, &a->slm, &b->slm) < 0 || mm_terms_tokenizers(d, &a->slm.tokenizer, &b->slm.tokenizer) < 0 ||
        mm_terms_tensors(d, a, b) < 0)
        return -1;
    return mm_checkpoint_finish(a, d->diags) < 0 || mm_checkpoint_finish(b, d->diags) < 0 ? -1 : 0;
}

/* Both models in the terms of .slm; all that stands in the way of either is found. */
static int compare_terms(struct mm_diffing *d, const char *path_a, const char *path_b)
{
    struct mm_checkpoint a, b;
    bool ignored, lacks_a, lacks_b;
    char *located_a = mm_side_locate(path_a, &ignored, &lacks_a, d->diags);
    char *located_b = mm_side_locate(path_b, &ignored, &lacks_b, d->diags);
    int result = located_a && located_b ? 0 : -1;
    if (result == 0) {
        int opened_a = mm_terms_open(d, &a, located_a, lacks_a), opened_b = mm_terms_open(d, &b, located_b, lacks_b);
        result = opened_a < 0 || opened_b < 0 ? -1 : compare_opened(d, &a, &b);
        mm_checkpoint_release(&a);
        mm_checkpoint_release(&b);
    }
    free(located_a);
    free(located_b);
    return result;
}

/* True if both are files with the same bytes, whatever these are. What cannot be read is not the same: the reading that follows
 * says why. */
bool mm_diff_same_bytes(struct mm_diffing *d, const char *path_a, const char *path_b)
{
    const struct mm_diags mark = *d->diags;
    struct stat a, b;
    if (stat(path_a, &a) < 0 || stat(path_b, &b) < 0 || !S_ISREG(a.st_mode) || !S_ISREG(b.st_mode) ||
        a.st_size != b.st_size)
        return false;
    int fd_a = mm_file_open(path_a, d->diags), fd_b = mm_file_open(path_b, d->diags);
    bool same = fd_a >= 0 && fd_b >= 0;
    for (uint64_t at = 0; same && at < (uint64_t)a.st_size;) {
        uint64_t left = (uint64_t)a.st_size - at;
        size_t some = left < MM_DIFF_BLOCK ? (size_t)left : MM_DIFF_BLOCK;
        same = mm_file_read_at(fd_a, at, d->block_a, some, d->diags) == 0 &&
               mm_file_read_at(fd_b, at, d->block_b, some, d->diags) == 0 && memcmp(d->block_a, d->block_b, some) == 0;
        at += some;
    }
    if (fd_a >= 0)
        close(fd_a);
    if (fd_b >= 0)
        close(fd_b);
    mm_diags_rewind(d->diags, &mark);
    return same;
}

/* True for what may hold a model although no format was seen: a checkpoint of llama2.c. */
static bool may_be_model(enum mm_format format)
{
    return format != MM_FORMAT_JSON && format != MM_FORMAT_TEXT;
}

/* True if the tensors are in several files, whose keys are then named by file. */
static bool is_split(const struct mm_side *side)
{
    size_t count = 0;
    for (size_t i = 0; i < side->file_count; i++)
        count += side->files[i].tensors;
    return count > 1;
}

/* Whether two models are compared as they are stored. Opaque files may be checkpoints of llama2.c, which need a tokenizer to be
 * told in the terms of .slm. */
static bool as_stored(const struct mm_side *a, const struct mm_side *b, const struct mm_diff_options *options)
{
    enum mm_format format_a = mm_side_format(a), format_b = mm_side_format(b);
    if (!may_be_model(format_a) || !may_be_model(format_b))
        return true;
    if (format_a != format_b || format_a == MM_FORMAT_SLM || (format_a == MM_FORMAT_OPAQUE && options->tokenizer))
        return false;
    return format_a != MM_FORMAT_GGUF || is_split(a) == is_split(b);
}

/* Which of the two ways it is follows from both formats. */
static int compare(struct mm_diffing *d, const char *path_a, const char *path_b)
{
    struct mm_side a = {0}, b = {0};
    const char *shown = d->diags->file;
    const struct mm_diags mark = *d->diags;
    d->diags->file = path_a;
    int result = mm_side_open(&a, path_a, d->options, d->diags);
    d->diags->file = path_b;
    if (mm_side_open(&b, path_b, d->options, d->diags) < 0)
        result = -1;
    d->diags->file = shown;
    if (result == 0 && as_stored(&a, &b, d->options)) {
        result = compare_stored(d, &a, &b);
    } else if (result == 0) {
        mm_side_release(&a);
        mm_side_release(&b);
        mm_diags_rewind(d->diags, &mark); /* notes, which come again */
        result = compare_terms(d, path_a, path_b);
    }
    mm_side_release(&a);
    mm_side_release(&b);
    return result;
}

int mm_diff(const char *a, const char *b, const struct mm_diff_options *options, bool *differ, struct mm_diags *diags)
{
    struct mm_diffing d;
    int result = mm_diff_begin(&d, options, diags);
    if (result == 0 && !mm_diff_same_bytes(&d, a, b))
        result = compare(&d, a, b);
    *differ = d.differ;
    mm_diff_end(&d);
    return result;
}
