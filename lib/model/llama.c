#include "model/llama.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/number.h"

const struct mm_llama_number_info mm_llama_numbers[MM_LLAMA_NUMBERS] = {
#define NUMBER(id, ...) {__VA_ARGS__},
#include "model/llama.def"
};

enum { OFTEN_OPT, OFTEN_ONCE };

/* The tensors that are not of a block come first in the table. */
const struct mm_llama_tensor mm_llama_tensors[MM_LLAMA_TENSORS] = {
#define TENSOR(id, name, safetensors, dimensions, often, order)                                                        \
    {name, safetensors, dimensions, OFTEN_##often, MM_LLAMA_T_##id > MM_LLAMA_T_OUTPUT, MM_LLAMA_##order},
#include "model/llama.def"
};

/* ---- names ---- */

static const char *fill_in(const char *form, uint32_t block, char out[static MM_LLAMA_NAME_MAX])
{
    const char *mark = strstr(form, "%u");
    if (mark)
        snprintf(out, MM_LLAMA_NAME_MAX, "%.*s%u%s", (int)(mark - form), form, (unsigned)block, mark + 2);
    else
        snprintf(out, MM_LLAMA_NAME_MAX, "%s", form);
    return out;
}

const char *mm_llama_name(enum mm_llama_tensor_id which, uint32_t block, char out[static MM_LLAMA_NAME_MAX])
{
    return fill_in(mm_llama_tensors[which].name, block, out);
}

const char *mm_llama_safetensors_name(enum mm_llama_tensor_id which, uint32_t block, char out[static MM_LLAMA_NAME_MAX])
{
    return fill_in(mm_llama_tensors[which].safetensors, block, out);
}

/* True if NAME is FORM with a number where its %u stands. */
static bool has_form(const char *name, size_t length, const char *form, uint32_t *block)
{
    const char *mark = strstr(form, "%u");
    size_t size = strlen(form);
    uint64_t number;
    if (!mark) {
        *block = 0;
        return length == size && memcmp(name, form, size) == 0;
    }
    size_t before = (size_t)(mark - form), behind = size - before - 2;
    if (length <= before + behind || memcmp(name, form, before) != 0 ||
        memcmp(name + length - behind, mark + 2, behind) != 0 ||
        !mm_number(name + before, length - before - behind, UINT32_MAX, &number))
        return false;
    *block = (uint32_t)number;
    return true;
}

int mm_llama_tensor_of(const char *name, size_t length, uint32_t *block)
{
    for (int i = 0; i < MM_LLAMA_TENSORS; i++)
        if (has_form(name, length, mm_llama_tensors[i].name, block))
            return i;
    return -1;
}

int mm_llama_tensor_of_safetensors(const char *name, size_t length, uint32_t *block)
{
    for (int i = 0; i < MM_LLAMA_TENSORS; i++)
        if (has_form(name, length, mm_llama_tensors[i].safetensors, block))
            return i;
    return -1;
}

/* ---- dimensions ---- */

static uint64_t number_of(const struct mm_llama *llama, char letter)
{
    static const struct {
        char letter;
        enum mm_llama_number number;
    } letters[] = {
        {'E', MM_LLAMA_EMBEDDING_LENGTH}, {'F', MM_LLAMA_FEED_FORWARD_LENGTH}, {'H', MM_LLAMA_HEAD_COUNT},
        {'G', MM_LLAMA_HEAD_COUNT_KV},    {'K', MM_LLAMA_KEY_LENGTH},          {'V', MM_LLAMA_VALUE_LENGTH},
        {'W', MM_LLAMA_VOCAB_SIZE},
    };
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (letters[i].letter == letter)
            return llama->numbers[letters[i].number];
    return 0;
}

unsigned mm_llama_dimensions(const struct mm_llama *llama, enum mm_llama_tensor_id which, uint64_t dims[static 4])
{
    unsigned rank = 1;
    dims[0] = dims[1] = dims[2] = dims[3] = 1;
    for (const char *at = mm_llama_tensors[which].dimensions; *at; at++) {
        uint64_t *dim = &dims[rank - 1];
        if (*at == ',')
            rank++;
        else if (!mm_mul(*dim, number_of(llama, *at), dim))
            *dim = 0;
    }
    for (unsigned i = rank; i < 4; i++)
        dims[i] = 0;
    return rank;
}

/* ---- facts ---- */

static void set_default(uint32_t *number, uint32_t value)
{
    if (*number == 0)
        *number = value;
}

void mm_llama_defaults(struct mm_llama *llama)
{
    uint32_t *numbers = llama->numbers, heads = numbers[MM_LLAMA_HEAD_COUNT];
    set_default(&numbers[MM_LLAMA_HEAD_COUNT_KV], heads);
    if (heads > 0) {
        set_default(&numbers[MM_LLAMA_KEY_LENGTH], numbers[MM_LLAMA_EMBEDDING_LENGTH] / heads);
        set_default(&numbers[MM_LLAMA_VALUE_LENGTH], numbers[MM_LLAMA_EMBEDDING_LENGTH] / heads);
    }
    set_default(&numbers[MM_LLAMA_ROPE_DIMENSIONS], numbers[MM_LLAMA_KEY_LENGTH]);
    if (llama->rope_base == 0)
        llama->rope_base = 10000;
    if (llama->rope_factor == 1) /* which scales nothing */
        llama->rope_factor = 0;
}

static const char *fault_of_reals(const struct mm_llama *llama, const char **key)
{
    *key = "rope-base";
    if (!isfinite(llama->rope_base) || llama->rope_base <= 0)
        return "a finite real number above 0";
    *key = "rope-scaling";
    if (!isfinite(llama->rope_factor) || llama->rope_factor < 0 || llama->rope_factor == 1)
        return "none, or a finite factor above 0 that is not 1";
    *key = "norm-epsilon";
    if (!isfinite(llama->norm_epsilon) || llama->norm_epsilon < 0)
        return "a finite real number not below 0";
    return NULL;
}

const char *mm_llama_fault(const struct mm_llama *llama, const char **key)
{
    const uint32_t *numbers = llama->numbers;
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++) {
        *key = mm_llama_numbers[i].slm;
        if (numbers[i] < mm_llama_numbers[i].least || numbers[i] > mm_llama_numbers[i].most)
            return numbers[i] == 0                                  ? "a number, which is not stated"
                   : mm_llama_numbers[i].most < (uint32_t)INT32_MAX ? "a number from 1 to 65535"
                                                                    : "a number from 1 to 2^31-1";
    }
    *key = mm_llama_numbers[MM_LLAMA_HEAD_COUNT_KV].slm;
    if (numbers[MM_LLAMA_HEAD_COUNT] % numbers[MM_LLAMA_HEAD_COUNT_KV] != 0)
        return "a divisor of head-count";
    *key = mm_llama_numbers[MM_LLAMA_ROPE_DIMENSIONS].slm;
    if (numbers[MM_LLAMA_ROPE_DIMENSIONS] % 2 != 0)
        return "an even number";
    if (numbers[MM_LLAMA_ROPE_DIMENSIONS] > numbers[MM_LLAMA_KEY_LENGTH])
        return "a number of at most key-length";
    return fault_of_reals(llama, key);
}
