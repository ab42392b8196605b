/* Whether one model is another one converted or requantised: each tensor of it against the exact values of the other's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/diff_parts.h"
#include "base/checked.h"
#include "model/quantize.h"
#include "text/line.h"
#include "text/path.h"

/* Elements that are converted together: whole blocks of every dtype. */
#define PIECE 16384u

/* The tensor that stands for the other where a model's output uses the embedding. */
#define OUTPUT "output.weight"
#define EMBEDDING "token_embd.weight"

/* ---- tensors ---- */

/* What of a tensor's blocks (of one element, where its dtype has none) does not follow. */
struct misses {
    uint64_t count, first_row;
};

struct judging {
    int from, to;          /* dtypes */
    uint64_t row;          /* that is looked at */
    struct misses exact;   /* blocks with other values than the source's */
    struct misses rounded; /* blocks that are not what rounding gives */
    float source[PIECE], derived[PIECE];
    unsigned char out[PIECE * sizeof(float)];
};

static void miss(struct judging *j, struct misses *misses)
{
    if (misses->count++ == 0)
        misses->first_row = j->row;
}

/* Counts the blocks among COUNT elements whose values are others. */
static void judge_values(struct judging *j, size_t count)
{
    size_t block = mm_dtypes[j->to].block;
    if (memcmp(j->source, j->derived, count * sizeof(float)) == 0)
        return;
    for (size_t i = 0; i < count; i += block)
        if (memcmp(j->source + i, j->derived + i, block * sizeof(float)) != 0)
            miss(j, &j->exact);
}

/* Counts the blocks among COUNT elements that do not have the bytes that rounding the source's values gives. */
static void judge_bytes(struct judging *j, const unsigned char *bytes, size_t count)
{
    size_t block = mm_dtypes[j->to].block, size = mm_dtypes[j->to].bytes;
    if (mm_quantize(j->to, j->source, count, j->out) && memcmp(j->out, bytes, count / block * size) == 0)
        return;
    for (size_t i = 0; i < count; i += block) /* alone: what one of them cannot hold is no fault of the others */
        if (!mm_quantize(j->to, j->source + i, block, j->out) || memcmp(j->out, bytes + i / block * size, size) != 0)
            miss(j, &j->rounded);
}

/* One row of COUNT elements on each side. */
static void judge_row(struct judging *j, const unsigned char *a, const unsigned char *b, uint64_t count)
{
    const struct mm_dtype *from = &mm_dtypes[j->from], *to = &mm_dtypes[j->to];
    for (uint64_t at = 0; at < count; at += PIECE) {
        size_t some = count - at < PIECE ? (size_t)(count - at) : PIECE;
        const unsigned char *derived = b + at / to->block * to->bytes;
        mm_dequantize(j->from, a + at / from->block * from->bytes, some, j->source);
        mm_dequantize(j->to, derived, some, j->derived);
        judge_values(j, some);
        judge_bytes(j, derived, some);
    }
}

/* Reads tensor I of A and K of B, which have one shape, a few rows at a time. */
static int judge_rows(struct mm_diffing *d, struct judging *j, struct mm_checkpoint *a, size_t i,
                      struct mm_checkpoint *b, size_t k)
{
    uint64_t rows = mm_checkpoint_rows(a, i), count = a->slm.tensors[i].dims[0];
    uint64_t bytes_a = mm_checkpoint_row_bytes(a, i), bytes_b = mm_checkpoint_row_bytes(b, k);
    uint64_t larger = bytes_a > bytes_b ? bytes_a : bytes_b;
    uint64_t batch = larger < MM_DIFF_BLOCK ? MM_DIFF_BLOCK / larger : 1;
    batch = batch < rows ? batch : rows;
    unsigned char *rows_a = malloc(batch * bytes_a), *rows_b = malloc(batch * bytes_b);
    int result = rows_a && rows_b ? 0 : mm_diag_memory(d->diags);
    for (uint64_t row = 0; result == 0 && row < rows; row += batch) {
        uint64_t some = rows - row < batch ? rows - row : batch;
        if (mm_checkpoint_read(a, i, row, some, rows_a, d->diags) < 0 ||
            mm_checkpoint_read(b, k, row, some, rows_b, d->diags) < 0)
            result = -1;
        for (uint64_t n = 0; result == 0 && n < some; n++) {
            j->row = row + n;
            judge_row(j, rows_a + n * bytes_a, rows_b + n * bytes_b, count);
        }
        mm_diff_progress(d, some * (bytes_a + bytes_b));
    }
    free(rows_a);
    free(rows_b);
    return result;
}

/* What there is to say of a tensor that does not follow: by which of the two measures it is nearer. */
static void show_misses(struct mm_buf *buf, const struct judging *j, const struct mm_slm_tensor *tensor, uint64_t rows)
{
    const struct misses *misses = j->exact.count < j->rounded.count ? &j->exact : &j->rounded;
    unsigned block = mm_dtypes[j->to].block;
    mm_buf_printf(buf, ", %" PRIu64 " of %" PRIu64 " %s, the first in row %" PRIu64, misses->count,
                  tensor->dims[0] / block * rows, block > 1 ? "blocks" : "elements", misses->first_row);
}

static int judge_tensor(struct mm_diffing *d, struct mm_checkpoint *a, size_t i, struct mm_checkpoint *b, size_t k,
                        enum mm_derivation *how)
{
    const struct mm_slm_tensor *x = &a->slm.tensors[i], *y = &b->slm.tensors[k];
    mm_terms_show_tensor(&d->a, x);
    mm_terms_show_tensor(&d->b, y);
    *how = MM_DERIVATION_DIFFERS;
    if (x->rank != y->rank || memcmp(x->dims, y->dims, sizeof x->dims) != 0)
        return 0;
    struct judging *j = malloc(sizeof *j);
    if (!j)
        return mm_diag_memory(d->diags);
    j->from = x->dtype;
    j->to = y->dtype;
    j->exact = j->rounded = (struct misses){0};
    int result = judge_rows(d, j, a, i, b, k);
    if (j->exact.count == 0)
        *how = MM_DERIVATION_EXACT;
    else if (j->rounded.count == 0)
        *how = MM_DERIVATION_REQUANTISED;
    else
        show_misses(&d->b, j, y, mm_checkpoint_rows(b, k));
    free(j);
    return result;
}

/* A model without an output matrix uses the embedding in its place. */
static size_t standing_for(const struct mm_slm *slm, const char *name)
{
    return strcmp(name, OUTPUT) == 0 ? mm_terms_find(slm, EMBEDDING) : SIZE_MAX;
}

/* Tensor NAME, which is I of A and K of B (SIZE_MAX: none). */
static int derive_tensor(struct mm_diffing *d, const char *name, struct mm_checkpoint *a, size_t i,
                         struct mm_checkpoint *b, size_t k, struct mm_derived *derived)
{
    static const enum mm_diff_how hows[MM_DERIVATION_COUNT] = {
        [MM_DERIVATION_EXACT] = MM_DIFF_EXACT,
        [MM_DERIVATION_REQUANTISED] = MM_DIFF_ROUNDED,
        [MM_DERIVATION_DIFFERS] = MM_DIFF_DIFFERS,
    };
    enum mm_derivation how = MM_DERIVATION_DIFFERS;
    size_t source = i == SIZE_MAX ? standing_for(&a->slm, name) : i;
    size_t result = k == SIZE_MAX ? standing_for(&b->slm, name) : k;
    enum mm_diff_how shown;
    if (source == SIZE_MAX) {
        shown = MM_DIFF_ADDED;
        mm_terms_show_tensor(&d->b, &b->slm.tensors[k]);
    } else if (result == SIZE_MAX) {
        shown = MM_DIFF_MISSING;
        mm_terms_show_tensor(&d->a, &a->slm.tensors[i]);
    } else {
        if (judge_tensor(d, a, source, b, result, &how) < 0)
            return -1;
        shown = hows[how];
    }
    if (mm_derived_add_tensor(derived, how, name, strlen(name), d->diags) < 0)
        return -1;
    return mm_diff_add(d, MM_DIFF_TENSOR, name, shown);
}

static int derive_tensors(struct mm_diffing *d, struct mm_checkpoint *a, struct mm_checkpoint *b,
                          struct mm_derived *derived)
{
    size_t count_a = a->slm.tensor_count, count_b = b->slm.tensor_count;
    int result = 0;
    d->total = mm_terms_bytes(a) + mm_terms_bytes(b);
    for (size_t i = 0, k = 0; result == 0 && (i < count_a || k < count_b);) {
        int order = i == count_a ? 1 : k == count_b ? -1 : strcmp(a->slm.tensors[i].name, b->slm.tensors[k].name);
        const char *name = order <= 0 ? a->slm.tensors[i].name : b->slm.tensors[k].name;
        result = derive_tensor(d, name, a, order <= 0 ? i : SIZE_MAX, b, order >= 0 ? k : SIZE_MAX, derived);
        i += order <= 0;
        k += order >= 0;
    }
    return result;
}

/* ---- files ---- */

static void hash_bytes(void *sha, const unsigned char *bytes, size_t length)
{
    mm_sha256_update(sha, bytes, length);
}

/* The SHA-256 of the file PATH, which is the one that CHECKPOINT (NULL: none) has open under that name. */
static int hash_file(struct mm_diffing *d, const char *path, const struct mm_checkpoint *checkpoint,
                     unsigned char sha256[static MM_HASH_BYTES])
{
    struct mm_source source = {0};
    const char *shown = d->diags->file;
    d->diags->file = path;
    int fd = mm_file_open(path, d->diags), result = fd < 0 ? -1 : mm_source_open(&source, fd, d->diags);
    source.sink = hash_bytes;
    source.sink_context = d->sha_a;
    if (result == 0)
        result = mm_source_finish(&source, d->diags);
    mm_sha256_take(d->sha_a, sha256);
    for (size_t i = 0; result == 0 && checkpoint && i < checkpoint->file_count; i++)
        if (strcmp(checkpoint->files[i].path, path) == 0 && !mm_file_same(&checkpoint->files[i].before, &source.before))
            result = mm_diag(d->diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    mm_source_release(&source);
    if (fd >= 0)
        close(fd);
    d->diags->file = shown;
    return result;
}

/* True for the files of a folder that a model can consist of. */
static bool belongs(const char *name)
{
    return mm_path_ends_in_any_case(name, ".safetensors") || mm_path_ends_in_any_case(name, ".json") ||
           mm_path_ends_in_any_case(name, ".model") || mm_path_ends_in_any_case(name, ".gguf") ||
           mm_path_ends_in_any_case(name, ".jinja");
}

static int hash_folder(struct mm_diffing *d, const char *folder, const struct mm_checkpoint *checkpoint,
                       struct mm_derived_files *files)
{
    struct mm_names names;
    unsigned char sha256[MM_HASH_BYTES];
    char shown[MM_SHOWN];
    int result = mm_names_list(&names, folder, d->diags);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        const char *name = names.items[i];
        char *path = NULL;
        if (!belongs(name))
            continue;
        if (!mm_value_sound(name, strlen(name)))
            result =
                mm_diag(d->diags, MM_RULE_DIFF_TERMS, "expected names of files that a document can hold, found '%s'",
                        mm_show(shown, name, strlen(name)));
        else if (asprintf(&path, "%s/%s", folder, name) < 0)
            result = mm_diag_memory(d->diags);
        else if (hash_file(d, path, checkpoint, sha256) < 0)
            result = -1;
        else
            result = mm_derived_add_file(files, name, sha256, d->diags);
        free(path);
    }
    mm_names_release(&names);
    return result;
}

static int hash_model(struct mm_diffing *d, const char *path, bool folder, const struct mm_checkpoint *checkpoint,
                      struct mm_derived_files *files)
{
    unsigned char sha256[MM_HASH_BYTES];
    if (folder)
        return hash_folder(d, path, checkpoint, files);
    if (hash_file(d, path, checkpoint, sha256) < 0)
        return -1;
    return mm_derived_add_file(files, NULL, sha256, d->diags);
}

/* ---- all of it ---- */

struct model {
    char *path;
    bool folder, lacks_tokenizer;
    struct mm_checkpoint checkpoint;
};

static int open_model(struct mm_diffing *d, struct model *model, const char *path)
{
    const char *shown = d->diags->file;
    d->diags->file = path;
    model->path = mm_side_locate(path, &model->folder, &model->lacks_tokenizer, d->diags);
    int result = model->path ? mm_terms_open(d, &model->checkpoint, model->path, model->lacks_tokenizer) : -1;
    d->diags->file = shown;
    return result;
}

/* The keys that were left out. */
static int note_drops(struct mm_diffing *d, struct mm_derived *derived)
{
    char shown[MM_SHOWN];
    for (size_t i = 0; i < d->options->drop_count; i++) {
        const char *key = d->options->drop[i];
        if (!mm_value_sound(key, strlen(key)))
            return mm_diag(d->diags, MM_RULE_DIFF_TERMS, "expected keys that a document can hold, found --drop '%s'",
                           mm_show(shown, key, strlen(key)));
        if (mm_derived_add_drop(derived, key, strlen(key), d->diags) < 0)
            return -1;
    }
    return 0;
}

static int derive_templates(struct mm_diffing *d, const struct model *a, const struct model *b,
                            struct mm_derived *derived)
{
    struct mm_templates x = {0}, y = {0};
    int result = mm_templates_read(d, &x, a->path, a->folder, &a->checkpoint, &derived->source);
    if (mm_templates_read(d, &y, b->path, b->folder, &b->checkpoint, &derived->artifact) < 0)
        result = -1;
    if (result == 0)
        result = mm_templates_compare(d, &x, &y, &derived->chat_template);
    mm_templates_release(&x);
    mm_templates_release(&y);
    return result;
}

/* Which files took part. */
static int hash_all(struct mm_diffing *d, const struct model *a, const struct model *b, struct mm_derived *derived)
{
    derived->lent_tokenizer = d->options->tokenizer && (a->lacks_tokenizer || b->lacks_tokenizer);
    if (derived->lent_tokenizer && hash_file(d, d->options->tokenizer, NULL, derived->tokenizer_sha256) < 0)
        return -1;
    if (hash_model(d, a->path, a->folder, &a->checkpoint, &derived->source) < 0 ||
        hash_model(d, b->path, b->folder, &b->checkpoint, &derived->artifact) < 0)
        return -1;
    return 0;
}

/* No file changed since it was opened. */
static int finish(struct mm_diffing *d, const struct model *a, const struct model *b)
{
    bool changed = mm_checkpoint_finish(&a->checkpoint, d->diags) < 0;
    return mm_checkpoint_finish(&b->checkpoint, d->diags) < 0 || changed ? -1 : 0;
}

static int derive(struct mm_diffing *d, struct model *a, struct model *b, struct mm_derived *derived)
{
    const struct mm_slm *x = &a->checkpoint.slm, *y = &b->checkpoint.slm;
    if (mm_terms_facts(d, x, y) < 0)
        return -1;
    derived->facts_differ = d->differ;
    d->differ = false;
    if (mm_terms_tokenizers(d, &x->tokenizer, &y->tokenizer) < 0)
        return -1;
    derived->tokenizer_differs = d->differ;
    if (derive_tensors(d, &a->checkpoint, &b->checkpoint, derived) < 0)
        return -1;
    if (note_drops(d, derived) < 0 || hash_all(d, a, b, derived) < 0 || derive_templates(d, a, b, derived) < 0)
        return -1;
    return finish(d, a, b);
}

static bool equal_files(const struct mm_derived *derived)
{
    return memcmp(derived->source.items[0].sha256, derived->artifact.items[0].sha256, MM_HASH_BYTES) == 0;
}

/* Two files of equal bytes, whatever they are: all is equal, and no tensor is named. */
static int derive_same(struct mm_diffing *d, const char *path_a, const char *path_b, struct mm_derived *derived)
{
    if (note_drops(d, derived) < 0 || hash_model(d, path_a, false, NULL, &derived->source) < 0 ||
        hash_model(d, path_b, false, NULL, &derived->artifact) < 0)
        return -1;
    derived->chat_template = MM_DERIVED_TEMPLATE_EQUAL;
    return equal_files(derived) ? 0 : mm_diag(d->diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
}

static int derive_models(struct mm_diffing *d, const char *path_a, const char *path_b, struct mm_derived *derived)
{
    struct model a = {0}, b = {0};
    int opened = open_model(d, &a, path_a), result = open_model(d, &b, path_b) < 0 ? -1 : opened;
    const char *shown = d->diags->file;
    d->diags->file = path_b; /* which findings are about from here on */
    if (result == 0)
        result = derive(d, &a, &b, derived);
    bool files = result == 0 && strcmp(a.path, path_a) == 0 && strcmp(b.path, path_b) == 0 && !a.folder && !b.folder;
    if (files && equal_files(derived)) /* of which there is other evidence, and reading them failed or they changed */
        result =
            mm_diag(d->diags, MM_RULE_IO_CHANGED, "expected files that differ, as they did at first, found equal ones");
    d->diags->file = shown;
    mm_checkpoint_release(&a.checkpoint);
    mm_checkpoint_release(&b.checkpoint);
    free(a.path);
    free(b.path);
    return result;
}

int mm_derive(const char *path_a, const char *path_b, const struct mm_diff_options *options, struct mm_derived *derived,
              struct mm_diags *diags)
{
    struct mm_diffing d;
    *derived = (struct mm_derived){.tool = "slm-diff " MM_VERSION};
    int result = mm_diff_begin(&d, options, diags);
    d.derivation = true;
    if (result == 0)
        result = (mm_diff_same_bytes(&d, path_a, path_b) ? derive_same : derive_models)(&d, path_a, path_b, derived);
    mm_diff_end(&d);
    return result;
}

int mm_derived_check(const struct mm_derived *claimed, const struct mm_derived *found, struct mm_diags *diags)
{
    struct mm_buf stated = {0}, computed = {0};
    struct mm_derived run = *found; /* borrows all that it points to */
    memcpy(run.tool, claimed->tool, sizeof run.tool);
    mm_derived_write(claimed, &stated);
    mm_derived_write(&run, &computed);
    const char *x = mm_buf_text(&stated), *y = mm_buf_text(&computed);
    char shown_x[MM_SHOWN], shown_y[MM_SHOWN];
    int result = x && y ? 0 : mm_diag_memory(diags);
    for (uint64_t line = 1; result == 0 && (*x || *y); line++) {
        size_t length_x = strcspn(x, "\n"), length_y = strcspn(y, "\n");
        if (mm_bytes_compare(x, length_x, y, length_y) != 0)
            result =
                mm_diag_line(diags, MM_RULE_DIFF_EVIDENCE, line, 1, "expected '%s', as a new run gives, found '%s'",
                             mm_show(shown_y, y, length_y), mm_show(shown_x, x, length_x));
        x += length_x + (x[length_x] == '\n');
        y += length_y + (y[length_y] == '\n');
    }
    mm_buf_release(&stated);
    mm_buf_release(&computed);
    return result;
}
