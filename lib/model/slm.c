/* .slm: a model in memory and the rules that hold for it wherever it comes from (docs/formats/slm.md). */
#include "model/slm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/facts.h"
#include "model/slm_parts.h"

const unsigned char mm_slm_magic[8] = {0x89, 'S', 'L', 'M', '\r', '\n', 0x1A, '\n'};

void mm_slm_release(struct mm_slm *slm)
{
    free(slm->name);
    free(slm->license);
    free(slm->tensors);
    mm_tokenizer_release(&slm->tokenizer);
    *slm = (struct mm_slm){0};
}

int mm_slm_keep_text(char **text, const char *value, size_t length, struct mm_diags *diags)
{
    char *own = strndup(value, length);
    if (!own)
        return mm_diag_memory(diags);
    *text = own;
    return 0;
}

struct mm_slm_tensor *mm_slm_add_tensor(struct mm_slm *slm, const char *name, size_t length, struct mm_diags *diags)
{
    if (slm->tensor_count >= MM_TENSOR_COUNT_MAX) {
        mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d tensors of one file are read", MM_TENSOR_COUNT_MAX);
        return NULL;
    }
    if (!mm_tensor_name_check(name, length, 0, diags))
        return NULL;
    if (!mm_grow(&slm->tensors, slm->tensor_count, &slm->tensor_capacity, sizeof *slm->tensors)) {
        mm_diag_memory(diags);
        return NULL;
    }
    struct mm_slm_tensor *tensor = &slm->tensors[slm->tensor_count++];
    *tensor = (struct mm_slm_tensor){0};
    memcpy(tensor->name, name, length);
    return tensor;
}

/* ---- sizes ---- */

bool mm_slm_dtype(int dtype)
{
    static const int ggml[] = {0, 1, 30, 8, 2}; /* f32, f16, bf16, q8_0, q4_0 */
    for (size_t i = 0; dtype >= 0 && i < sizeof ggml / sizeof *ggml; i++)
        if (mm_dtypes[dtype].ggml == ggml[i])
            return true;
    return false;
}

bool mm_slm_tensor_size(const struct mm_slm_tensor *tensor, uint64_t place, uint64_t *elements, uint64_t *bytes,
                        struct mm_diags *diags)
{
    const struct mm_dtype *dtype = &mm_dtypes[tensor->dtype];
    char shown[MM_SHOWN];
    bool fits = true;
    *elements = 1;
    mm_show(shown, tensor->name, strlen(tensor->name));
    for (unsigned i = 0; i < tensor->rank && fits; i++)
        fits = mm_mul(*elements, tensor->dims[i], elements);
    if (fits && tensor->dims[0] % dtype->block != 0) {
        mm_diag_offset(diags, MM_RULE_TENSOR_BLOCK, place,
                       "expected rows of whole blocks of %u for %s in tensor '%s', found %" PRIu64 " elements",
                       dtype->block, dtype->name, shown, tensor->dims[0]);
        return false;
    }
    fits = fits && mm_mul(*elements / dtype->block, dtype->bytes, bytes);
    if (!fits)
        mm_diag_offset(diags, MM_RULE_TENSOR_OVERFLOW, place,
                       "expected fewer than 2^63 elements and bytes in tensor '%s', found more", shown);
    return fits;
}

int mm_slm_place_sections(struct mm_slm_span sections[static MM_SLM_SECTIONS])
{
    uint64_t end = MM_SLM_HEADER;
    for (int i = 0; i < MM_SLM_SECTIONS; i++)
        if (!mm_align(end, MM_SLM_ALIGNMENT, &sections[i].offset) ||
            !mm_add(sections[i].offset, sections[i].size, &end))
            return i;
    return MM_SLM_SECTIONS;
}

const char *mm_slm_quantization(const struct mm_slm *slm)
{
    struct mm_dtype_use dtypes[MM_DTYPE_COUNT] = {0};
    for (size_t i = 0; i < slm->tensor_count; i++) {
        dtypes[slm->tensors[i].dtype].tensors++;
        dtypes[slm->tensors[i].dtype].bytes += slm->tensors[i].bytes;
    }
    return mm_facts_quantization(dtypes);
}

/* ---- rules ---- */

static uint64_t place_of(const struct mm_slm_places *places, const char *key)
{
    for (int i = 0; i < MM_SLM_FACT_COUNT; i++)
        if (strcmp(mm_slm_fact_key(i), key) == 0)
            return places->facts[i];
    return 0;
}

int mm_slm_check_facts(const struct mm_slm *slm, const struct mm_slm_places *places, struct mm_diags *diags)
{
    const char *key;
    uint64_t errors = diags->errors;
    if (slm->name)
        mm_slm_check_text("name", slm->name, places->facts[MM_SLM_FACT_NAME], diags);
    if (slm->license)
        mm_slm_check_text("license", slm->license, places->facts[MM_SLM_FACT_LICENSE], diags);
    const char *expected = mm_llama_fault(&slm->llama, &key);
    if (expected)
        mm_diag_offset(diags, MM_RULE_SLM_FACTS, place_of(places, key), "expected %s as %s", expected, key);
    return diags->errors > errors ? -1 : 0;
}

int mm_slm_check_vocabulary(const struct mm_slm *slm, const struct mm_slm_places *places, struct mm_diags *diags)
{
    uint32_t stated = slm->llama.numbers[MM_LLAMA_VOCAB_SIZE];
    if (stated == slm->tokenizer.piece_count)
        return 0;
    return mm_diag_offset(diags, MM_RULE_SLM_FACTS, places->facts[MM_SLM_FACT_NUMBERS + MM_LLAMA_VOCAB_SIZE],
                          "expected the tokenizer's number of pieces, %zu, as vocab-size, found %" PRIu32,
                          slm->tokenizer.piece_count, stated);
}

static void show_dimensions(char out[static 96], const uint64_t *dims, unsigned rank)
{
    int used = 0;
    for (unsigned i = 0; i < rank; i++)
        used += snprintf(out + used, 96 - (size_t)used, "%s%" PRIu64, i ? "," : "", dims[i]);
}

/* Judges one tensor's name and dimensions. Returns what it is, or -1. */
static int check_tensor(const struct mm_slm *slm, const struct mm_slm_tensor *tensor, uint64_t place,
                        struct mm_diags *diags)
{
    char shown[MM_SHOWN], expected[96], found[96];
    uint64_t dims[4];
    uint32_t block;
    int which = mm_llama_tensor_of(tensor->name, strlen(tensor->name), &block);
    mm_show(shown, tensor->name, strlen(tensor->name));
    if (which < 0)
        return mm_diag_offset(diags, MM_RULE_SLM_TABLE, place, "expected a tensor of llama, found '%s'", shown);
    if (mm_llama_tensors[which].blocks && block >= slm->llama.numbers[MM_LLAMA_BLOCK_COUNT])
        return mm_diag_offset(diags, MM_RULE_SLM_TABLE, place,
                              "expected blocks below block-count, %" PRIu32 ", found '%s'",
                              slm->llama.numbers[MM_LLAMA_BLOCK_COUNT], shown);
    unsigned rank = mm_llama_dimensions(&slm->llama, which, dims);
    if (tensor->rank != rank || memcmp(tensor->dims, dims, sizeof dims) != 0) {
        show_dimensions(expected, dims, rank);
        show_dimensions(found, tensor->dims, tensor->rank);
        mm_diag_offset(diags, MM_RULE_SLM_TABLE, place, "expected dimensions %s of tensor '%s', found %s", expected,
                       shown, found);
    }
    return which;
}

static int compare_name(const void *key, const void *tensor)
{
    return strcmp(key, ((const struct mm_slm_tensor *)tensor)->name);
}

static bool has_tensor(const struct mm_slm *slm, const char *name)
{
    return slm->tensor_count > 0 &&
           bsearch(name, slm->tensors, slm->tensor_count, sizeof *slm->tensors, compare_name) != NULL;
}

/* Names the first block that lacks tensor WHICH, FOUND blocks having it. */
static void check_presence(const struct mm_slm *slm, enum mm_llama_tensor_id which, uint64_t found, uint64_t place,
                           struct mm_diags *diags)
{
    const struct mm_llama_tensor *info = &mm_llama_tensors[which];
    uint32_t count = info->blocks ? slm->llama.numbers[MM_LLAMA_BLOCK_COUNT] : 1;
    char name[MM_LLAMA_NAME_MAX];
    if (found == count || (found == 0 && !info->once))
        return;
    for (uint32_t block = 0; block < count; block++)
        if (!has_tensor(slm, mm_llama_name(which, block, name))) {
            mm_diag_offset(diags, MM_RULE_SLM_TABLE, place, "expected tensor '%s'%s, found none", name,
                           info->once ? "" : ", as other blocks have it");
            return;
        }
}

/* Names are unique and blocks below block-count, so that numbers tell whether all are there. */
int mm_slm_check_tensors(const struct mm_slm *slm, const struct mm_slm_places *places, struct mm_diags *diags)
{
    uint64_t found[MM_LLAMA_TENSORS] = {0}, errors = diags->errors;
    for (size_t i = 0; i < slm->tensor_count; i++) {
        int which = check_tensor(slm, &slm->tensors[i], mm_slm_entry_place(places, i), diags);
        if (which >= 0)
            found[which]++;
    }
    for (int i = 0; i < MM_LLAMA_TENSORS; i++)
        check_presence(slm, i, found[i], places->table, diags);
    return diags->errors > errors ? -1 : 0;
}

/* ---- settling ---- */

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const struct mm_slm_tensor *)a)->name, ((const struct mm_slm_tensor *)b)->name);
}

/* Sizes and places of the sorted tensors. */
static int place_tensors(struct mm_slm *slm, struct mm_diags *diags)
{
    uint64_t errors = diags->errors, end = 0, elements = 0, all = 0;
    char shown[MM_SHOWN];
    for (size_t i = 0; i < slm->tensor_count; i++) {
        struct mm_slm_tensor *tensor = &slm->tensors[i];
        mm_show(shown, tensor->name, strlen(tensor->name));
        if (i > 0 && compare_tensors(tensor - 1, tensor) == 0)
            mm_diag_offset(diags, MM_RULE_TENSOR_DUPLICATE, 0, "expected tensor names that differ, found '%s' twice",
                           shown);
        if (tensor->rank < 1 || tensor->rank > 4)
            return mm_diag_offset(diags, MM_RULE_SLM_TABLE, 0,
                                  "expected one to four dimensions of tensor '%s', found %u", shown, tensor->rank);
        if (!slm->any_dtype && !mm_slm_dtype(tensor->dtype))
            return mm_diag_offset(diags, MM_RULE_TENSOR_DTYPE, 0,
                                  "expected f32, f16, bf16, q8_0 or q4_0 for tensor '%s', found %s", shown,
                                  tensor->dtype < 0 ? "another" : mm_dtypes[tensor->dtype].name);
        if (!mm_slm_tensor_size(tensor, 0, &elements, &tensor->bytes, diags))
            return -1;
        if (!mm_align(end, MM_SLM_ALIGNMENT, &tensor->offset) || !mm_add(tensor->offset, tensor->bytes, &end) ||
            !mm_add(all, elements, &all))
            return mm_diag_offset(diags, MM_RULE_TENSOR_OVERFLOW, 0,
                                  "expected fewer than 2^63 elements and bytes in all tensors, found more");
    }
    slm->data_size = end;
    return diags->errors > errors ? -1 : 0;
}

/* The sizes of the sections. False where memory is exhausted or they do not fit 63 bits. */
static bool measure(const struct mm_slm *slm, struct mm_slm_span sections[static MM_SLM_SECTIONS])
{
    const struct mm_tokenizer *t = &slm->tokenizer;
    struct mm_buf facts = {0};
    mm_slm_write_facts(slm, &facts);
    bool written = !facts.failed;
    sections[MM_SLM_FACTS].size = facts.length;
    mm_buf_release(&facts);
    sections[MM_SLM_TOKENIZER].size = MM_SLM_TOKENIZER_HEADER + 8 * t->setting_count + 8 * t->merge_count +
                                      (t->has_scores ? 4 : 0) * t->piece_count + 2 * t->piece_count +
                                      (t->has_types ? 1 : 0) * t->piece_count + t->texts.length + strlen(t->pre);
    sections[MM_SLM_TABLE].size = MM_SLM_ENTRY * slm->tensor_count;
    for (size_t i = 0; i < slm->tensor_count; i++)
        sections[MM_SLM_TABLE].size += strlen(slm->tensors[i].name);
    sections[MM_SLM_DATA].size = slm->data_size;
    return written;
}

int mm_slm_settle(struct mm_slm *slm, struct mm_diags *diags)
{
    static const struct mm_slm_places nowhere;
    struct mm_slm_span sections[MM_SLM_SECTIONS];
    uint64_t errors = diags->errors;
    if (slm->tensor_count > 0)
        qsort(slm->tensors, slm->tensor_count, sizeof *slm->tensors, compare_tensors);
    bool placed = place_tensors(slm, diags) == 0;
    bool facts = mm_slm_check_facts(slm, &nowhere, diags) == 0;
    mm_tokenizer_check(&slm->tokenizer, 0, diags);
    mm_slm_check_vocabulary(slm, &nowhere, diags);
    if (placed && facts)
        mm_slm_check_tensors(slm, &nowhere, diags);
    if (diags->errors > errors)
        return -1;
    if (!measure(slm, sections))
        return mm_diag_memory(diags);
    if (mm_slm_place_sections(sections) < MM_SLM_SECTIONS)
        return mm_diag_offset(diags, MM_RULE_TENSOR_OVERFLOW, 0, "expected a file below 2^63 bytes, found more");
    slm->data_offset = sections[MM_SLM_DATA].offset;
    return 0;
}
