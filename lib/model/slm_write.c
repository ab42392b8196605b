/* .slm: all bytes before the data, written. */
#include <string.h>

#include "model/slm_parts.h"

static const unsigned char zeros[MM_SLM_HEADER];

static void put(struct mm_buf *out, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    mm_buf_add(out, bytes, size);
}

static void put_at(char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(value >> 8 * i);
}

static void write_tokenizer(const struct mm_tokenizer *t, struct mm_buf *out)
{
    put(out, t->kind, 4);
    put(out, (t->has_scores ? MM_SLM_FLAG_SCORES : 0) | (t->has_types ? MM_SLM_FLAG_TYPES : 0), 4);
    put(out, t->piece_count, 4);
    put(out, t->merge_count, 4);
    put(out, t->setting_count, 4);
    put(out, strlen(t->pre), 4);
    put(out, t->texts.length, 8);
    for (size_t i = 0; i < t->setting_count; i++) {
        put(out, t->settings[i].number, 4);
        put(out, t->settings[i].value, 4);
    }
    for (size_t i = 0; i < t->merge_count; i++) {
        put(out, t->merges[i].left, 4);
        put(out, t->merges[i].right, 4);
    }
    for (size_t i = 0; t->has_scores && i < t->piece_count; i++) {
        uint32_t bits;
        memcpy(&bits, &t->pieces[i].score, sizeof bits);
        put(out, bits, 4);
    }
    for (size_t i = 0; i < t->piece_count; i++)
        put(out, t->pieces[i].length, 2);
    for (size_t i = 0; t->has_types && i < t->piece_count; i++)
        put(out, t->pieces[i].type, 1);
    for (size_t i = 0; i < t->piece_count; i++)
        mm_buf_add(out, mm_piece_text(t, i), t->pieces[i].length);
    mm_buf_str(out, t->pre);
}

static void write_table(const struct mm_slm *slm, struct mm_buf *out)
{
    uint64_t name = 0;
    for (size_t i = 0; i < slm->tensor_count; i++) {
        const struct mm_slm_tensor *tensor = &slm->tensors[i];
        put(out, tensor->offset, 8);
        put(out, tensor->bytes, 8);
        for (int k = 0; k < 4; k++)
            put(out, tensor->dims[k], 8);
        put(out, (uint64_t)mm_dtypes[tensor->dtype].ggml, 4);
        put(out, tensor->rank, 4);
        put(out, name, 4);
        put(out, strlen(tensor->name), 4);
        mm_buf_add(out, tensor->sha256, MM_HASH_BYTES);
        name += strlen(tensor->name);
    }
    for (size_t i = 0; i < slm->tensor_count; i++)
        mm_buf_str(out, slm->tensors[i].name);
}

static void align(struct mm_buf *out, size_t start)
{
    mm_buf_add(out, zeros, (MM_SLM_ALIGNMENT - (out->length - start) % MM_SLM_ALIGNMENT) % MM_SLM_ALIGNMENT);
}

/* Fills the header at the start of HEAD, whose sections are written. */
static int write_header(const struct mm_slm *slm, char *head, const struct mm_slm_span *sections,
                        struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    memcpy(head, mm_slm_magic, sizeof mm_slm_magic);
    put_at(head + MM_SLM_AT_FILE_SIZE, sections[MM_SLM_DATA].offset + sections[MM_SLM_DATA].size, 8);
    for (int i = 0; i < MM_SLM_SECTIONS; i++) {
        put_at(head + MM_SLM_AT_SECTIONS + 16 * i, sections[i].offset, 8);
        put_at(head + MM_SLM_AT_SECTIONS + 16 * i + 8, sections[i].size, 8);
    }
    put_at(head + MM_SLM_AT_TENSORS, slm->tensor_count, 8);
    for (int i = 0; i < MM_SLM_DATA; i++)
        mm_sha256_once(sha, head + sections[i].offset, (size_t)sections[i].size,
                       (unsigned char *)head + MM_SLM_AT_SHA256 + MM_HASH_BYTES * i);
    mm_sha256_once(sha, head, (size_t)sections[MM_SLM_DATA].offset, (unsigned char *)head + MM_SLM_AT_HEAD_SHA256);
    mm_sha256_free(sha);
    return 0;
}

int mm_slm_write_head(const struct mm_slm *slm, struct mm_buf *out, struct mm_diags *diags)
{
    struct mm_slm_span sections[MM_SLM_SECTIONS] = {[MM_SLM_DATA].size = slm->data_size};
    size_t start = out->length;
    mm_buf_add(out, zeros, MM_SLM_HEADER);
    for (int i = 0; i < MM_SLM_DATA; i++) {
        size_t begin = out->length;
        if (i == MM_SLM_FACTS)
            mm_slm_write_facts(slm, out);
        else if (i == MM_SLM_TOKENIZER)
            write_tokenizer(&slm->tokenizer, out);
        else
            write_table(slm, out);
        sections[i].size = out->length - begin;
        align(out, start);
    }
    if (out->failed || mm_slm_place_sections(sections) < MM_SLM_SECTIONS)
        return mm_diag_memory(diags);
    return write_header(slm, out->data + start, sections, diags);
}
