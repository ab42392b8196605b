#include "convert/unpack.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "convert/rows.h"
#include "convert/sources.h"
#include "model/gguf_type.h"

#define GGUF_VERSION 3
#define ALIGNMENT 32           /* GGUF's default, which needs no key */
#define QUANTIZATION_VERSION 2 /* of the block dtypes as GGML lays them out today */

/* ---- values ---- */

static void put_number(struct mm_buf *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        mm_buf_char(out, (char)(value >> 8 * i));
}

static void put_text(struct mm_buf *out, const char *text, size_t length)
{
    put_number(out, length, 8);
    mm_buf_add(out, text, length);
}

/* A header that is being written; pairs are counted. */
struct heading {
    struct mm_buf out;
    uint64_t pairs;
    struct mm_diags *diags;
};

static void put_key(struct heading *h, const char *prefix, const char *name, enum mm_gguf_type type)
{
    put_number(&h->out, strlen(prefix) + strlen(name), 8);
    mm_buf_str(&h->out, prefix);
    mm_buf_str(&h->out, name);
    put_number(&h->out, type, 4);
    h->pairs++;
}

static void put_u32(struct heading *h, const char *prefix, const char *name, uint32_t value)
{
    put_key(h, prefix, name, MM_GGUF_U32);
    put_number(&h->out, value, 4);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void put_f32(struct heading *h, const char *prefix, const char *name, float value)
{
    put_key(h, prefix, name, MM_GGUF_F32);
    put_number(&h->out, bits_of(value), 4);
}

static void put_string(struct heading *h, const char *prefix, const char *name, const char *value)
{
    put_key(h, prefix, name, MM_GGUF_STRING);
    put_text(&h->out, value, strlen(value));
}

static void put_array(struct heading *h, const char *prefix, const char *name, enum mm_gguf_type element,
                      uint64_t count)
{
    put_key(h, prefix, name, MM_GGUF_ARRAY);
    put_number(&h->out, element, 4);
    put_number(&h->out, count, 8);
}

/* ---- facts ---- */

/* The number under which llama.cpp knows files whose tensors are mostly of this dtype (llama.h, enum llama_ftype). */
static uint32_t file_type_of(const char *quantization)
{
    static const struct {
        const char *name;
        uint32_t file_type;
    } types[] = {{"f32", 0}, {"f16", 1}, {"q4_0", 2}, {"q8_0", 7}, {"bf16", 32}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, quantization) == 0)
            return types[i].file_type;
    return 0;
}

static void put_general(struct heading *h, const struct mm_slm *slm)
{
    struct mm_dtype_use dtypes[MM_DTYPE_COUNT] = {0};
    for (size_t i = 0; i < slm->tensor_count; i++) {
        dtypes[slm->tensors[i].dtype].tensors++;
        dtypes[slm->tensors[i].dtype].bytes += slm->tensors[i].bytes;
    }
    put_string(h, "general.", "architecture", "llama");
    if (slm->name)
        put_string(h, "general.", "name", slm->name);
    if (slm->license)
        put_string(h, "general.", "license", slm->license);
    put_u32(h, "general.", "file_type", file_type_of(mm_facts_quantization(dtypes)));
    put_u32(h, "general.", "quantization_version", QUANTIZATION_VERSION); /* files without blocks may state it too */
}

/* Everything is stated, also what readers would assume. */
static void put_llama(struct heading *h, const struct mm_llama *llama)
{
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
        put_u32(h, "llama.", mm_llama_numbers[i].gguf, llama->numbers[i]);
    put_f32(h, "llama.", "attention.layer_norm_rms_epsilon", llama->norm_epsilon);
    put_f32(h, "llama.", "rope.freq_base", llama->rope_base);
    put_string(h, "llama.", "rope.scaling.type", llama->rope_factor > 0 ? "linear" : "none");
    if (llama->rope_factor > 0)
        put_f32(h, "llama.", "rope.scaling.factor", llama->rope_factor);
}

/* ---- tokenizer ---- */

/* A merge is a string in GGUF, its halves parted by a space; pieces with spaces of their own would be parted elsewhere. */
static int put_merge(struct heading *h, const struct mm_tokenizer *tokenizer, size_t which)
{
    char shown[MM_SHOWN];
    uint32_t left = tokenizer->merges[which].left, right = tokenizer->merges[which].right;
    size_t length = tokenizer->pieces[left].length + 1u + tokenizer->pieces[right].length;
    put_number(&h->out, length, 8);
    size_t at = h->out.length;
    mm_buf_add(&h->out, mm_piece_text(tokenizer, left), tokenizer->pieces[left].length);
    mm_buf_char(&h->out, ' ');
    mm_buf_add(&h->out, mm_piece_text(tokenizer, right), tokenizer->pieces[right].length);
    if (h->out.failed)
        return mm_diag_memory(h->diags);
    if (mm_tokenizer_merge_space(h->out.data + at, length) == tokenizer->pieces[left].length)
        return 0;
    return mm_diag(h->diags, MM_RULE_PACK_TOKENIZER,
                   "expected merges that GGUF can tell, found '%s' as merge %zu, whose left half holds a space",
                   mm_show(shown, h->out.data + at, length), which);
}

static int put_pieces(struct heading *h, const struct mm_tokenizer *tokenizer)
{
    size_t count = tokenizer->piece_count;
    put_array(h, "tokenizer.ggml.", "tokens", MM_GGUF_STRING, count);
    for (size_t i = 0; i < count; i++)
        put_text(&h->out, tokenizer->pieces[i].length ? mm_piece_text(tokenizer, i) : "", tokenizer->pieces[i].length);
    if (tokenizer->has_scores) {
        put_array(h, "tokenizer.ggml.", "scores", MM_GGUF_F32, count);
        for (size_t i = 0; i < count; i++)
            put_number(&h->out, bits_of(tokenizer->pieces[i].score), 4);
    }
    if (tokenizer->has_types) {
        put_array(h, "tokenizer.ggml.", "token_type", MM_GGUF_I32, count);
        for (size_t i = 0; i < count; i++)
            put_number(&h->out, tokenizer->pieces[i].type, 4);
    }
    if (tokenizer->merge_count == 0)
        return 0;
    put_array(h, "tokenizer.ggml.", "merges", MM_GGUF_STRING, tokenizer->merge_count);
    for (size_t i = 0; i < tokenizer->merge_count; i++)
        if (put_merge(h, tokenizer, i) < 0)
            return -1;
    return 0;
}

static int put_tokenizer(struct heading *h, const struct mm_tokenizer *tokenizer)
{
    put_string(h, "tokenizer.ggml.", "model", tokenizer->kind == MM_TOKENIZER_LLAMA ? "llama" : "gpt2");
    if (tokenizer->pre[0])
        put_string(h, "tokenizer.ggml.", "pre", tokenizer->pre);
    if (put_pieces(h, tokenizer) < 0)
        return -1;
    for (size_t i = 0; i < tokenizer->setting_count; i++) {
        const struct mm_setting *setting = &tokenizer->settings[i];
        const struct mm_setting_info *info = mm_tokenizer_setting(setting->number);
        put_key(h, "tokenizer.ggml.", info->gguf, info->token ? MM_GGUF_U32 : MM_GGUF_BOOL);
        put_number(&h->out, setting->value, info->token ? 4 : 1);
    }
    return 0;
}

/* ---- the file ---- */

static int put_tensors(struct heading *h, const struct mm_slm *slm)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < slm->tensor_count; i++) {
        const struct mm_slm_tensor *tensor = &slm->tensors[i];
        put_text(&h->out, tensor->name, strlen(tensor->name));
        put_number(&h->out, tensor->rank, 4);
        for (unsigned d = 0; d < tensor->rank; d++)
            put_number(&h->out, tensor->dims[d], 8);
        put_number(&h->out, (uint64_t)mm_dtypes[tensor->dtype].ggml, 4);
        put_number(&h->out, offset, 8);
        if (!mm_add(offset, tensor->bytes, &offset) || !mm_align(offset, ALIGNMENT, &offset))
            return mm_diag(h->diags, MM_RULE_TENSOR_OVERFLOW, "expected tensors of fewer than 2^63 bytes, found more");
    }
    return 0;
}

static void pad(struct mm_buf *out)
{
    while (out->length % ALIGNMENT != 0 && !out->failed)
        mm_buf_char(out, '\0');
}

static int write_head(const struct mm_slm *slm, struct mm_buf *out, struct mm_diags *diags)
{
    struct heading h = {.diags = diags};
    put_general(&h, slm);
    put_llama(&h, &slm->llama);
    int result = put_tokenizer(&h, &slm->tokenizer);
    if (result == 0) {
        mm_buf_str(out, "GGUF");
        put_number(out, GGUF_VERSION, 4);
        put_number(out, slm->tensor_count, 8);
        put_number(out, h.pairs, 8);
        mm_buf_add(out, h.out.data, h.out.length);
        if (h.out.failed || out->failed)
            result = mm_diag_memory(diags);
        mm_buf_clear(&h.out);
    }
    if (result == 0)
        result = put_tensors(&h, slm);
    if (result == 0) {
        mm_buf_add(out, h.out.data, h.out.length);
        pad(out);
        if (h.out.failed || out->failed)
            result = mm_diag_memory(diags);
    }
    mm_buf_release(&h.out);
    return result;
}

struct unpacking {
    struct mm_writer *writer;
    struct mm_diags *diags;
    mm_progress_fn *progress;
    void *progress_context;
    uint64_t done, total;
};

static int put(void *context, const void *bytes, size_t length)
{
    struct unpacking *u = context;
    if (mm_writer_write(u->writer, bytes, length, u->diags) < 0)
        return -1;
    u->done += length;
    if (u->progress)
        u->progress(u->progress_context, u->done, u->total);
    return 0;
}

static int write_data(struct mm_checkpoint *checkpoint, struct unpacking *u)
{
    static const char zeros[ALIGNMENT];
    const struct mm_slm *slm = &checkpoint->slm;
    for (size_t i = 0; i < slm->tensor_count; i++) {
        const struct mm_slm_tensor *tensor = &slm->tensors[i];
        size_t over = tensor->bytes % ALIGNMENT;
        if (mm_rows_each(checkpoint, i, tensor->dtype, put, u, u->diags) < 0 ||
            (over && mm_writer_write(u->writer, zeros, ALIGNMENT - over, u->diags) < 0))
            return -1;
    }
    return 0;
}

int mm_unpack(struct mm_checkpoint *checkpoint, struct mm_writer *writer, mm_progress_fn *progress,
              void *progress_context, struct mm_artifact *artifact, struct mm_diags *diags)
{
    struct unpacking u = {.writer = writer,
                          .diags = diags,
                          .progress = progress,
                          .progress_context = progress_context,
                          .total = checkpoint->slm.data_size};
    struct mm_buf head = {0};
    *artifact = (struct mm_artifact){0};
    int result = write_head(&checkpoint->slm, &head, diags);
    if (result == 0)
        result = mm_writer_write(writer, head.data, head.length, diags);
    mm_buf_release(&head);
    if (result == 0)
        result = write_data(checkpoint, &u);
    return result < 0 ? -1 : mm_rows_read_back(writer, MM_FORMAT_GGUF, checkpoint, artifact, diags);
}
