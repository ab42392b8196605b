#include "model/gguf_head.h"

#include <string.h>

#include "base/number.h"

#define PAIR_COUNT_AT 16
#define PAIRS_AT 24

static int changed(struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_IO_CHANGED, "expected the GGUF header that was checked before, found another");
}

static bool take(struct mm_gguf_head *head, size_t size, uint64_t *value)
{
    if ((size_t)(head->end - head->at) < size)
        return false;
    *value = mm_little_endian(head->at, size);
    head->at += size;
    return true;
}

static bool take_bytes(struct mm_gguf_head *head, const unsigned char **bytes, uint64_t size)
{
    if ((uint64_t)(head->end - head->at) < size)
        return false;
    *bytes = head->at;
    head->at += size;
    return true;
}

int mm_gguf_head_begin(struct mm_gguf_head *head, const void *bytes, size_t length, struct mm_diags *diags)
{
    const unsigned char *first = bytes;
    if (length < PAIRS_AT)
        return changed(diags);
    *head = (struct mm_gguf_head){.begin = first, .at = first + PAIRS_AT, .end = first + length};
    head->left = mm_little_endian(first + PAIR_COUNT_AT, 8);
    return 0;
}

/* Passes COUNT strings, which are an array's elements. */
static bool pass_strings(struct mm_gguf_head *head, uint64_t count)
{
    const unsigned char *text;
    uint64_t length;
    for (uint64_t i = 0; i < count; i++)
        if (!take(head, 8, &length) || !take_bytes(head, &text, length))
            return false;
    return true;
}

static bool take_array(struct mm_gguf_head *head, struct mm_gguf_pair *pair)
{
    uint64_t element;
    if (!take(head, 4, &element) || element >= MM_GGUF_COUNT || element == MM_GGUF_ARRAY ||
        !take(head, 8, &pair->count))
        return false;
    pair->element = (uint32_t)element;
    pair->value = head->at;
    size_t size = mm_gguf_types[element].size;
    bool whole = size == 0 ? pass_strings(head, pair->count)
                           : pair->count <= (uint64_t)(head->end - head->at) / size &&
                                 take_bytes(head, &pair->value, pair->count * size);
    pair->size = (size_t)(head->at - pair->value);
    return whole;
}

static bool take_pair(struct mm_gguf_head *head, struct mm_gguf_pair *pair)
{
    const unsigned char *key;
    uint64_t length, type;
    if (!take(head, 8, &length) || !take_bytes(head, &key, length) || !take(head, 4, &type) || type >= MM_GGUF_COUNT)
        return false;
    pair->key = (const char *)key;
    pair->key_length = (size_t)length;
    pair->type = (uint32_t)type;
    pair->offset = (uint64_t)(head->at - head->begin);
    if (type == MM_GGUF_ARRAY)
        return take_array(head, pair);
    if (type != MM_GGUF_STRING)
        length = mm_gguf_types[type].size;
    else if (!take(head, 8, &length))
        return false;
    pair->size = (size_t)length;
    return take_bytes(head, &pair->value, length);
}

int mm_gguf_head_next(struct mm_gguf_head *head, struct mm_gguf_pair *pair, struct mm_diags *diags)
{
    if (head->left == 0)
        return 0;
    head->left--;
    *pair = (struct mm_gguf_pair){0};
    return take_pair(head, pair) ? 1 : changed(diags);
}

bool mm_gguf_pair_is(const struct mm_gguf_pair *pair, const char *key)
{
    return strlen(key) == pair->key_length && memcmp(key, pair->key, pair->key_length) == 0;
}

const char *mm_gguf_pair_behind(const struct mm_gguf_pair *pair, const char *prefix, size_t *length)
{
    size_t size = strlen(prefix);
    if (pair->key_length < size || memcmp(pair->key, prefix, size) != 0)
        return NULL;
    *length = pair->key_length - size;
    return pair->key + size;
}

bool mm_gguf_pair_whole(const struct mm_gguf_pair *pair, uint64_t *value)
{
    static const bool is_signed[MM_GGUF_COUNT] = {
        [MM_GGUF_I8] = true, [MM_GGUF_I16] = true, [MM_GGUF_I32] = true, [MM_GGUF_I64] = true};
    switch (pair->type) {
    case MM_GGUF_F32:
    case MM_GGUF_F64:
    case MM_GGUF_BOOL:
    case MM_GGUF_STRING:
    case MM_GGUF_ARRAY: return false;
    default: break;
    }
    *value = mm_little_endian(pair->value, pair->size);
    return !is_signed[pair->type] || !(*value >> (8 * pair->size - 1));
}

bool mm_gguf_pair_real(const struct mm_gguf_pair *pair, float *value)
{
    if (pair->type != MM_GGUF_F32)
        return false;
    uint32_t bits = (uint32_t)mm_little_endian(pair->value, 4);
    memcpy(value, &bits, sizeof bits);
    return true;
}

bool mm_gguf_pair_array(const struct mm_gguf_pair *pair, enum mm_gguf_type element)
{
    return pair->type == MM_GGUF_ARRAY && pair->element == element;
}

uint32_t mm_gguf_pair_element(const struct mm_gguf_pair *pair, uint64_t index)
{
    return (uint32_t)mm_little_endian(pair->value + 4 * index, 4);
}

int mm_gguf_pair_string(const struct mm_gguf_pair *pair, const unsigned char **at, const char **text, size_t *length)
{
    const unsigned char *end = pair->value + pair->size;
    if (!*at)
        *at = pair->value;
    if (*at == end)
        return 0;
    *length = (size_t)mm_little_endian(*at, 8); /* inside: take_array walked over it */
    *text = (const char *)*at + 8;
    *at += 8 + *length;
    return 1;
}
