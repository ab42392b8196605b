/* Two models compared in the terms of .slm: facts, tokenizers piece by piece, tensors row by row. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/diff_parts.h"
#include "base/checked.h"

/* The key under which --drop passes over chat templates, which a derivation looks at for itself. Of the other kind of model
 * it is a key like any other. */
static const char *template_key(bool safetensors)
{
    return safetensors ? "chat_template" : "tokenizer.chat_template*";
}

/* Takes back the notes since MARK that what KEY names is left out: it is not. */
static void forget_notes(struct mm_diags *diags, const struct mm_diags *mark, const char *key)
{
    static const char says[] = "leaves out ";
    size_t kept = mark->count;
    for (size_t i = mark->count; i < diags->count; i++) {
        struct mm_diag *item = &diags->items[i];
        if (item->severity == MM_NOTE && item->rule == MM_RULE_PACK_DROPPED &&
            strncmp(item->text, says, sizeof says - 1) == 0 &&
            mm_derived_drop_names(key, item->text + sizeof says - 1)) {
            free(item->file);
            free(item->text);
            diags->notes--;
        } else {
            diags->items[kept++] = *item;
        }
    }
    diags->count = kept;
}

/* OPTIONS and KEY, unless that is NULL. */
static int open_checkpoint(struct mm_diffing *d, struct mm_checkpoint *checkpoint, const char *path,
                           struct mm_checkpoint_options options, const char *key)
{
    const char **drop = mm_realloc_array(NULL, options.drop_count + 1, sizeof *drop);
    const struct mm_diags mark = *d->diags;
    *checkpoint = (struct mm_checkpoint){0};
    if (!drop)
        return mm_diag_memory(d->diags);
    for (size_t i = 0; i < options.drop_count; i++)
        drop[i] = options.drop[i];
    drop[options.drop_count] = key;
    options.drop = drop;
    options.drop_count += key ? 1 : 0;
    d->diags->file = path;
    int result = mm_checkpoint_open(checkpoint, path, &options, d->diags);
    d->diags->file = mark.file;
    mm_diags_turn(d->diags, &mark, MM_GROUP_PACK, MM_RULE_DIFF_TERMS);
    if (key)
        forget_notes(d->diags, &mark, key);
    free(drop);
    return result;
}

int mm_terms_open(struct mm_diffing *d, struct mm_checkpoint *checkpoint, const char *path, bool lacks_tokenizer)
{
    const struct mm_checkpoint_options options = {
        .tokenizer = lacks_tokenizer ? d->options->tokenizer : NULL,
        .drop = d->options->drop,
        .drop_count = d->options->drop_count,
    };
    return open_checkpoint(d, checkpoint, path, options,
                           d->derivation ? template_key(mm_side_is_safetensors(path)) : NULL);
}

uint64_t mm_terms_bytes(const struct mm_checkpoint *checkpoint)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < checkpoint->slm.tensor_count; i++)
        bytes += checkpoint->slm.tensors[i].bytes;
    return bytes;
}

/* ---- facts ---- */

/* A fact that is a text, NULL where it is not stated. */
static int compare_texts(struct mm_diffing *d, enum mm_diff_what what, const char *name, const char *a, const char *b)
{
    if (a && b ? strcmp(a, b) == 0 : a == b)
        return 0;
    if (a)
        mm_diff_show(&d->a, a, strlen(a));
    if (b)
        mm_diff_show(&d->b, b, strlen(b));
    return mm_diff_add(d, what, name, !a ? MM_DIFF_ADDED : !b ? MM_DIFF_MISSING : MM_DIFF_CHANGED);
}

static int compare_numbers(struct mm_diffing *d, enum mm_diff_what what, const char *name, uint64_t a, uint64_t b)
{
    if (a == b)
        return 0;
    mm_buf_printf(&d->a, "%" PRIu64, a);
    mm_buf_printf(&d->b, "%" PRIu64, b);
    return mm_diff_add(d, what, name, MM_DIFF_CHANGED);
}

static int compare_reals(struct mm_diffing *d, const char *name, float a, float b)
{
    char text[MM_REAL_TEXT];
    if (memcmp(&a, &b, sizeof a) == 0)
        return 0;
    mm_buf_str(&d->a, mm_real_write(text, a));
    mm_buf_str(&d->b, mm_real_write(text, b));
    return mm_diff_add(d, MM_DIFF_FACT, name, MM_DIFF_CHANGED);
}

/* A conversion may name its model otherwise, and state a licence that the source left unsaid. */
static bool may_change_license(const struct mm_diffing *d, const struct mm_slm *a)
{
    return d->derivation && !a->license;
}

/* What most bytes of the tensors are, which an .slm states. */
static const char *quantization(const struct mm_slm *slm)
{
    struct mm_dtype_use dtypes[MM_DTYPE_COUNT] = {0};
    for (size_t i = 0; i < slm->tensor_count; i++) {
        dtypes[slm->tensors[i].dtype].tensors++;
        dtypes[slm->tensors[i].dtype].bytes += slm->tensors[i].bytes;
    }
    return mm_facts_quantization(dtypes);
}

int mm_terms_facts(struct mm_diffing *d, const struct mm_slm *a, const struct mm_slm *b)
{
    const struct mm_llama *x = &a->llama, *y = &b->llama;
    if (!d->derivation && compare_texts(d, MM_DIFF_FACT, "name", a->name, b->name) < 0)
        return -1;
    if (!may_change_license(d, a) && compare_texts(d, MM_DIFF_FACT, "license", a->license, b->license) < 0)
        return -1;
    if (!d->derivation && compare_texts(d, MM_DIFF_FACT, "quantization", quantization(a), quantization(b)) < 0)
        return -1;
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
        if (compare_numbers(d, MM_DIFF_FACT, mm_llama_numbers[i].slm, x->numbers[i], y->numbers[i]) < 0)
            return -1;
    if (compare_reals(d, "rope-base", x->rope_base, y->rope_base) < 0 ||
        compare_reals(d, "rope-scaling", x->rope_factor, y->rope_factor) < 0)
        return -1;
    return compare_reals(d, "norm-epsilon", x->norm_epsilon, y->norm_epsilon);
}

/* ---- tokenizers ---- */

static const char *kind_name(const struct mm_tokenizer *tokenizer)
{
    return tokenizer->kind == MM_TOKENIZER_LLAMA ? "llama" : "gpt2";
}

static void show_piece(struct mm_buf *buf, const struct mm_tokenizer *tokenizer, size_t index)
{
    static const char *const types[] = {
        [MM_PIECE_NORMAL] = "normal",   [MM_PIECE_UNKNOWN] = "unknown",
        [MM_PIECE_CONTROL] = "control", [MM_PIECE_USER_DEFINED] = "user-defined",
        [MM_PIECE_UNUSED] = "unused",   [MM_PIECE_BYTE] = "byte",
    };
    const struct mm_piece *piece = &tokenizer->pieces[index];
    mm_buf_char(buf, '\'');
    mm_diff_show(buf, mm_piece_text(tokenizer, index), piece->length);
    mm_buf_char(buf, '\'');
    if (tokenizer->has_types && piece->type < sizeof types / sizeof *types && types[piece->type])
        mm_buf_printf(buf, " %s", types[piece->type]);
    if (tokenizer->has_scores)
        mm_buf_printf(buf, " %.9g", (double)piece->score);
}

static bool same_piece(const struct mm_tokenizer *a, const struct mm_tokenizer *b, size_t index)
{
    const struct mm_piece *x = &a->pieces[index], *y = &b->pieces[index];
    return x->length == y->length && memcmp(mm_piece_text(a, index), mm_piece_text(b, index), x->length) == 0 &&
           (!a->has_types || !b->has_types || x->type == y->type) &&
           (!a->has_scores || !b->has_scores || memcmp(&x->score, &y->score, sizeof x->score) == 0);
}

/* The number of pieces, and the first one that differs. */
static int compare_pieces(struct mm_diffing *d, const struct mm_tokenizer *a, const struct mm_tokenizer *b)
{
    size_t count = a->piece_count < b->piece_count ? a->piece_count : b->piece_count, i = 0;
    char name[32];
    if (compare_numbers(d, MM_DIFF_TOKENIZER, "pieces", a->piece_count, b->piece_count) < 0)
        return -1;
    while (i < count && same_piece(a, b, i))
        i++;
    if (i == count)
        return 0;
    snprintf(name, sizeof name, "piece %zu", i);
    show_piece(&d->a, a, i);
    show_piece(&d->b, b, i);
    return mm_diff_add(d, MM_DIFF_TOKENIZER, name, MM_DIFF_CHANGED);
}

static void show_merge(struct mm_buf *buf, const struct mm_tokenizer *tokenizer, size_t index)
{
    const struct mm_merge *merge = &tokenizer->merges[index];
    show_piece(buf, tokenizer, merge->left);
    mm_buf_char(buf, ' ');
    show_piece(buf, tokenizer, merge->right);
}

static int compare_merges(struct mm_diffing *d, const struct mm_tokenizer *a, const struct mm_tokenizer *b)
{
    size_t count = a->merge_count < b->merge_count ? a->merge_count : b->merge_count, i = 0;
    char name[32];
    if (compare_numbers(d, MM_DIFF_TOKENIZER, "merges", a->merge_count, b->merge_count) < 0)
        return -1;
    while (i < count && a->merges[i].left == b->merges[i].left && a->merges[i].right == b->merges[i].right)
        i++;
    if (i == count)
        return 0;
    snprintf(name, sizeof name, "merge %zu", i);
    show_merge(&d->a, a, i);
    show_merge(&d->b, b, i);
    return mm_diff_add(d, MM_DIFF_TOKENIZER, name, MM_DIFF_CHANGED);
}

static int compare_settings(struct mm_diffing *d, const struct mm_tokenizer *a, const struct mm_tokenizer *b)
{
    for (size_t i = 0; i < MM_TOKENIZER_SETTING_COUNT; i++) {
        uint32_t x = 0, y = 0, number = mm_tokenizer_settings[i].number;
        bool has_x = mm_tokenizer_get(a, number, &x), has_y = mm_tokenizer_get(b, number, &y);
        if (has_x == has_y && x == y)
            continue;
        if (has_x)
            mm_buf_printf(&d->a, "%" PRIu32, x);
        if (has_y)
            mm_buf_printf(&d->b, "%" PRIu32, y);
        if (mm_diff_add(d, MM_DIFF_TOKENIZER, mm_tokenizer_settings[i].gguf,
                        !has_x   ? MM_DIFF_ADDED
                        : !has_y ? MM_DIFF_MISSING
                                 : MM_DIFF_CHANGED) < 0)
            return -1;
    }
    return 0;
}

int mm_terms_tokenizers(struct mm_diffing *d, const struct mm_tokenizer *a, const struct mm_tokenizer *b)
{
    if (compare_texts(d, MM_DIFF_TOKENIZER, "kind", kind_name(a), kind_name(b)) < 0 ||
        compare_texts(d, MM_DIFF_TOKENIZER, "pre", a->pre[0] ? a->pre : NULL, b->pre[0] ? b->pre : NULL) < 0 ||
        compare_texts(d, MM_DIFF_TOKENIZER, "scores", a->has_scores ? "stated" : NULL,
                      b->has_scores ? "stated" : NULL) < 0 ||
        compare_texts(d, MM_DIFF_TOKENIZER, "types", a->has_types ? "stated" : NULL, b->has_types ? "stated" : NULL) <
            0)
        return -1;
    if (compare_pieces(d, a, b) < 0 || compare_merges(d, a, b) < 0)
        return -1;
    return compare_settings(d, a, b);
}

/* ---- tensors ---- */

void mm_terms_show_tensor(struct mm_buf *buf, const struct mm_slm_tensor *tensor)
{
    mm_buf_printf(buf, "%s ", mm_dtypes[tensor->dtype].name);
    for (unsigned i = 0; i < tensor->rank; i++)
        mm_buf_printf(buf, "%s%" PRIu64, i ? "," : "", tensor->dims[i]);
}

size_t mm_terms_find(const struct mm_slm *slm, const char *name)
{
    size_t low = 0, high = slm->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(slm->tensors[middle].name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static void show_sha(struct mm_buf *buf, struct mm_sha256 *sha, unsigned char digest[static MM_HASH_BYTES])
{
    char hex[MM_HASH_HEX + 1];
    mm_sha256_take(sha, digest);
    mm_hex(hex, digest, MM_HASH_BYTES);
    mm_buf_printf(buf, "sha256:%s", hex);
}

/* The rows of two tensors of one dtype and shape, in the order of .slm. */
static int compare_rows(struct mm_diffing *d, struct mm_checkpoint *a, size_t i, struct mm_checkpoint *b, size_t k)
{
    uint64_t rows = mm_checkpoint_rows(a, i), bytes = mm_checkpoint_row_bytes(a, i);
    uint64_t batch = bytes < MM_DIFF_BLOCK ? MM_DIFF_BLOCK / bytes : 1;
    unsigned char digest_a[MM_HASH_BYTES], digest_b[MM_HASH_BYTES];
    batch = batch < rows ? batch : rows;
    unsigned char *rows_a = malloc(batch * bytes), *rows_b = malloc(batch * bytes);
    int result = rows_a && rows_b ? 0 : mm_diag_memory(d->diags);
    for (uint64_t row = 0; result == 0 && row < rows; row += batch) {
        uint64_t some = rows - row < batch ? rows - row : batch;
        if (mm_checkpoint_read(a, i, row, some, rows_a, d->diags) < 0 ||
            mm_checkpoint_read(b, k, row, some, rows_b, d->diags) < 0)
            result = -1;
        mm_sha256_update(d->sha_a, rows_a, some * bytes);
        mm_sha256_update(d->sha_b, rows_b, some * bytes);
        mm_diff_progress(d, 2 * some * bytes);
    }
    free(rows_a);
    free(rows_b);
    show_sha(&d->a, d->sha_a, digest_a);
    show_sha(&d->b, d->sha_b, digest_b);
    if (result == 0 && memcmp(digest_a, digest_b, MM_HASH_BYTES) != 0)
        return mm_diff_add(d, MM_DIFF_TENSOR, a->slm.tensors[i].name, MM_DIFF_CHANGED);
    mm_buf_clear(&d->a);
    mm_buf_clear(&d->b);
    return result;
}

static int compare_tensor(struct mm_diffing *d, struct mm_checkpoint *a, size_t i, struct mm_checkpoint *b, size_t k)
{
    const struct mm_slm_tensor *x = i == SIZE_MAX ? NULL : &a->slm.tensors[i];
    const struct mm_slm_tensor *y = k == SIZE_MAX ? NULL : &b->slm.tensors[k];
    enum mm_diff_how how = !x ? MM_DIFF_ADDED : MM_DIFF_MISSING;
    if (x && y) {
        bool shaped = x->rank == y->rank && memcmp(x->dims, y->dims, sizeof x->dims) == 0;
        if (shaped && x->dtype == y->dtype)
            return compare_rows(d, a, i, b, k);
        how = shaped ? MM_DIFF_REQUANTISED : MM_DIFF_RESHAPED;
    }
    if (x)
        mm_terms_show_tensor(&d->a, x);
    if (y)
        mm_terms_show_tensor(&d->b, y);
    return mm_diff_add(d, MM_DIFF_TENSOR, x ? x->name : y->name, how);
}

int mm_terms_tensors(struct mm_diffing *d, struct mm_checkpoint *a, struct mm_checkpoint *b)
{
    size_t count_a = a->slm.tensor_count, count_b = b->slm.tensor_count;
    int result = 0;
    for (size_t i = 0, k = 0; result == 0 && (i < count_a || k < count_b);) {
        int order = i == count_a ? 1 : k == count_b ? -1 : strcmp(a->slm.tensors[i].name, b->slm.tensors[k].name);
        result = compare_tensor(d, a, order <= 0 ? i : SIZE_MAX, b, order >= 0 ? k : SIZE_MAX);
        i += order <= 0;
        k += order >= 0;
    }
    return result;
}
