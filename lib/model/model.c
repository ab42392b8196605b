#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

const char *const mm_format_names[MM_FORMAT_COUNT] = {
    [MM_FORMAT_SLM] = "slm",   [MM_FORMAT_GGUF] = "gguf", [MM_FORMAT_SAFETENSORS] = "safetensors",
    [MM_FORMAT_JSON] = "json", [MM_FORMAT_TEXT] = "text", [MM_FORMAT_OPAQUE] = "opaque",
};

int mm_format_of(const char *word, size_t length)
{
    for (int i = 0; i < MM_FORMAT_COUNT; i++)
        if (strlen(mm_format_names[i]) == length && memcmp(mm_format_names[i], word, length) == 0)
            return i;
    return -1;
}

void mm_model_release(struct mm_model *model)
{
    mm_tensors_release(&model->tensors);
    for (size_t i = 0; i < model->pair_count; i++) {
        free(model->pairs[i].key);
        free(model->pairs[i].type);
        mm_buf_release(&model->pairs[i].value);
    }
    free(model->pairs);
    free(model->shards);
    mm_buf_release(&model->words);
    *model = (struct mm_model){0};
}

/* gcc's analyser does not see that what mm_grow gave room to is the model's from then on. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct mm_buf *mm_model_add_pair(struct mm_model *model, const char *key, size_t key_length, const char *type)
{
    if (!model->keep_pairs)
        return NULL;
    char *own_key = strndup(key, key_length), *own_type = strdup(type);
    bool room = mm_grow(&model->pairs, model->pair_count, &model->pair_capacity, sizeof *model->pairs);
    if (!own_key || !own_type || !room) {
        free(own_key);
        free(own_type);
        model->pairs_lost = true;
        return NULL;
    }
    struct mm_pair *pair = &model->pairs[model->pair_count++];
    *pair = (struct mm_pair){.key = own_key, .type = own_type};
    return &pair->value;
}
