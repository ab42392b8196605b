/* .slm: a whole file in one pass. What stands before the data is read into memory as its bytes come and judged there
 * (slm_head.c); the data is hashed tensor by tensor. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/model.h"
#include "model/slm_parts.h"

struct reading {
    struct mm_source *source;
    struct mm_model *model;
    struct mm_diags *diags;
    struct mm_sha256 *sha;
    struct mm_slm slm;
    struct mm_slm_sound sound;
};

/* ---- the head ---- */

/* Adds the bytes up to offset END of the file to HEAD, or those that there are. */
static void take(struct reading *r, struct mm_buf *head, uint64_t end)
{
    while (head->length < end && !head->failed) {
        const unsigned char *bytes;
        size_t have = mm_source_some(r->source, &bytes);
        if (have == 0)
            return;
        if (have > end - head->length)
            have = (size_t)(end - head->length);
        mm_buf_add(head, bytes, have);
        mm_source_advance(r->source, have);
    }
}

static int read_head(struct reading *r)
{
    struct mm_buf head = {0};
    uint64_t size = r->source->size, wanted;
    take(r, &head, MM_SLM_HEADER);
    wanted = head.length == MM_SLM_HEADER ? mm_slm_head_size((const unsigned char *)head.data) : 0;
    take(r, &head, wanted);
    if (!r->source->regular && head.length >= MM_SLM_HEADER) /* how many bytes come shows at the end */
        size = mm_little_endian((const unsigned char *)head.data + MM_SLM_AT_FILE_SIZE, 8);
    int result = -1;
    if (head.failed)
        mm_diag_memory(r->diags);
    else if (!r->source->error)
        result = mm_slm_read_sections(&r->slm, (const unsigned char *)(head.data ? head.data : ""), head.length, size,
                                      &r->sound, r->diags);
    mm_buf_release(&head);
    return result;
}

/* ---- facts ---- */

static void set_number(struct mm_model *model, enum mm_shape which, uint32_t value)
{
    model->facts.shape[which] = (struct mm_fact){MM_FACT_VALUE, value};
}

static void set_shape(struct reading *r)
{
    const uint32_t *numbers = r->slm.llama.numbers;
    mm_facts_set_architecture(&r->model->facts, "llama", 5);
    set_number(r->model, MM_SHAPE_BLOCK_COUNT, numbers[MM_LLAMA_BLOCK_COUNT]);
    set_number(r->model, MM_SHAPE_EMBEDDING_LENGTH, numbers[MM_LLAMA_EMBEDDING_LENGTH]);
    set_number(r->model, MM_SHAPE_FEED_FORWARD_LENGTH, numbers[MM_LLAMA_FEED_FORWARD_LENGTH]);
    set_number(r->model, MM_SHAPE_HEAD_COUNT, numbers[MM_LLAMA_HEAD_COUNT]);
    set_number(r->model, MM_SHAPE_HEAD_COUNT_KV, numbers[MM_LLAMA_HEAD_COUNT_KV]);
    set_number(r->model, MM_SHAPE_VOCAB_SIZE, numbers[MM_LLAMA_VOCAB_SIZE]);
    set_number(r->model, MM_SHAPE_CONTEXT_LENGTH, numbers[MM_LLAMA_CONTEXT_LENGTH]);
}

static int set_tensors(struct reading *r)
{
    struct mm_facts *facts = &r->model->facts;
    for (size_t i = 0; i < r->slm.tensor_count; i++) {
        const struct mm_slm_tensor *tensor = &r->slm.tensors[i];
        uint64_t elements = 1;
        char dims[4 * 21];
        int used = 0;
        for (unsigned k = 0; k < tensor->rank; k++) {
            elements *= tensor->dims[k]; /* below 2^63, as the sum is */
            used += snprintf(dims + used, sizeof dims - (size_t)used, "%s%" PRIu64, k ? "," : "", tensor->dims[k]);
        }
        facts->parameters += elements;
        facts->dtypes[tensor->dtype].tensors++;
        facts->dtypes[tensor->dtype].bytes += tensor->bytes;
        if (mm_tensors_add(&r->model->tensors, tensor->name, strlen(tensor->name), dims, tensor->dtype, tensor->offset,
                           tensor->bytes, r->diags) < 0)
            return -1;
    }
    return 0;
}

/* What can be relied on, whatever else is broken. */
static int set_facts(struct reading *r)
{
    struct mm_facts *facts = &r->model->facts;
    if (r->sound.facts)
        set_shape(r);
    if (r->sound.tokenizer) {
        facts->token_count = r->slm.tokenizer.piece_count;
        facts->tokenizer.known = true;
        memcpy(facts->tokenizer.bytes, r->sound.tokenizer_sha256, MM_HASH_BYTES);
    }
    if (!r->sound.table)
        return 0;
    if (set_tensors(r) < 0)
        return -1;
    facts->layout.known = mm_tensors_layout(&r->model->tensors, facts->layout.bytes, r->diags) == 0;
    return facts->layout.known ? 0 : -1;
}

/* ---- pairs, for people ---- */

static void add_text(struct mm_model *model, const char *key, const char *text)
{
    struct mm_buf *value = mm_model_add_pair(model, key, strlen(key), "str");
    if (value)
        mm_buf_str(value, text);
}

static void add_number(struct mm_model *model, const char *key, uint64_t number)
{
    struct mm_buf *value = mm_model_add_pair(model, key, strlen(key), "u32");
    if (value)
        mm_buf_printf(value, "%" PRIu64, number);
}

static void add_real(struct mm_model *model, const char *key, float real)
{
    char text[MM_REAL_TEXT];
    struct mm_buf *value = mm_model_add_pair(model, key, strlen(key), "f32");
    if (value)
        mm_buf_str(value, mm_real_write(text, real));
}

static void keep_facts(struct reading *r)
{
    const struct mm_slm *slm = &r->slm;
    add_text(r->model, "architecture", "llama");
    if (slm->name)
        add_text(r->model, "name", slm->name);
    if (slm->license)
        add_text(r->model, "license", slm->license);
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
        add_number(r->model, mm_llama_numbers[i].slm, slm->llama.numbers[i]);
    add_real(r->model, "rope-base", slm->llama.rope_base);
    if (slm->llama.rope_factor > 0)
        add_real(r->model, "rope-scaling.linear", slm->llama.rope_factor);
    add_real(r->model, "norm-epsilon", slm->llama.norm_epsilon);
}

static void keep_tokenizer(struct reading *r)
{
    const struct mm_tokenizer *t = &r->slm.tokenizer;
    char key[64];
    add_text(r->model, "tokenizer.kind", t->kind == MM_TOKENIZER_LLAMA ? "llama" : "gpt2");
    if (t->pre[0])
        add_text(r->model, "tokenizer.pre", t->pre);
    add_number(r->model, "tokenizer.pieces", t->piece_count);
    add_number(r->model, "tokenizer.merges", t->merge_count);
    for (size_t i = 0; i < t->setting_count; i++) {
        snprintf(key, sizeof key, "tokenizer.%s", mm_tokenizer_setting(t->settings[i].number)->gguf);
        add_number(r->model, key, t->settings[i].value);
    }
}

/* ---- data ---- */

static int data_ends(struct reading *r, const struct mm_slm_tensor *tensor)
{
    char shown[MM_SHOWN];
    if (r->source->error)
        return -1;
    bool last = tensor == r->slm.tensors + r->slm.tensor_count - 1;
    return mm_diag_offset(r->diags, MM_RULE_TENSOR_BOUNDS, mm_source_offset(r->source),
                          "expected tensor '%s' inside the file, found the end of the file%s",
                          mm_show(shown, tensor->name, strlen(tensor->name)),
                          last ? "" : "; later tensors lie behind it too");
}

/* Takes the bytes of TENSOR; false where the file ends before. */
static bool hash_tensor(struct reading *r, const struct mm_slm_tensor *tensor)
{
    unsigned char digest[MM_HASH_BYTES];
    char shown[MM_SHOWN], expected[MM_HASH_HEX + 1], found[MM_HASH_HEX + 1];
    uint64_t offset = mm_source_offset(r->source), left = tensor->bytes;
    while (left > 0) {
        const unsigned char *bytes;
        size_t have = mm_source_some(r->source, &bytes);
        if (have == 0)
            break;
        if (have > left)
            have = (size_t)left;
        mm_sha256_update(r->sha, bytes, have);
        mm_source_advance(r->source, have);
        left -= have;
    }
    mm_sha256_take(r->sha, digest);
    if (left == 0 && memcmp(digest, tensor->sha256, sizeof digest) != 0) {
        mm_hex(expected, tensor->sha256, MM_HASH_BYTES);
        mm_hex(found, digest, MM_HASH_BYTES);
        mm_diag_offset(r->diags, MM_RULE_SLM_TENSOR, offset, "expected SHA-256 %s of tensor '%s', found %s", expected,
                       mm_show(shown, tensor->name, strlen(tensor->name)), found);
    }
    return left == 0;
}

/* Walks the data, whose places are sound. */
static int read_data(struct reading *r)
{
    uint64_t at = 0;
    for (size_t i = 0; i < r->slm.tensor_count; i++) {
        const struct mm_slm_tensor *tensor = &r->slm.tensors[i];
        if (!mm_tensors_padding(r->source, tensor->offset - at, r->diags) || !hash_tensor(r, tensor))
            return data_ends(r, tensor);
        at = tensor->offset + tensor->bytes;
    }
    if (!r->source->regular && mm_source_fill(r->source) > 0) /* of a regular file the header was compared with */
        return mm_diag_offset(r->diags, MM_RULE_DATA_SURPLUS, mm_source_offset(r->source),
                              "expected the end of the file, found more bytes");
    return 0;
}

static int read_file(struct reading *r)
{
    uint64_t errors = r->diags->errors;
    read_head(r);
    if (set_facts(r) < 0)
        return -1;
    if (r->model->keep_pairs && r->sound.facts)
        keep_facts(r);
    if (r->model->keep_pairs && r->sound.tokenizer)
        keep_tokenizer(r);
    r->model->data_offset = r->slm.data_offset;
    if (r->sound.layout && read_data(r) < 0)
        return -1;
    return r->diags->errors > errors ? -1 : 0;
}

int mm_slm_read(struct mm_source *source, struct mm_model *model, struct mm_diags *diags)
{
    struct reading r = {.source = source, .model = model, .diags = diags, .sha = mm_sha256_new()};
    model->format = MM_FORMAT_SLM;
    model->facts.has_tensors = true;
    int result = r.sha ? read_file(&r) : mm_diag_memory(diags);
    mm_slm_release(&r.slm);
    mm_sha256_free(r.sha);
    return result;
}
