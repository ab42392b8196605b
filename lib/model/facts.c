#include "model/facts.h"

#include <inttypes.h>
#include <string.h>

const struct mm_shape_names mm_shape_names[MM_SHAPE_COUNT] = {
    [MM_SHAPE_BLOCK_COUNT] = {"block_count", "block_count", "num_hidden_layers"},
    [MM_SHAPE_EMBEDDING_LENGTH] = {"embedding_length", "embedding_length", "hidden_size"},
    [MM_SHAPE_FEED_FORWARD_LENGTH] = {"feed_forward_length", "feed_forward_length", "intermediate_size"},
    [MM_SHAPE_HEAD_COUNT] = {"head_count", "attention.head_count", "num_attention_heads"},
    [MM_SHAPE_HEAD_COUNT_KV] = {"head_count_kv", "attention.head_count_kv", "num_key_value_heads"},
    [MM_SHAPE_VOCAB_SIZE] = {"vocab_size", "vocab_size", "vocab_size"},
    [MM_SHAPE_CONTEXT_LENGTH] = {"context_length", "context_length", "max_position_embeddings"},
};

void mm_facts_set_architecture(struct mm_facts *facts, const char *text, size_t length)
{
    bool named = length >= 1 && length <= MM_ARCHITECTURE_MAX;
    for (size_t i = 0; named && i < length; i++)
        named = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
                (text[i] && strchr("._-", text[i]));
    facts->states_architecture = true;
    if (!named) {
        text = "unknown";
        length = strlen(text);
    }
    memcpy(facts->architecture, text, length);
    facts->architecture[length] = '\0';
}

static struct mm_fact with_default(const struct mm_facts *facts, enum mm_shape which)
{
    struct mm_fact fact = facts->shape[which];
    if (fact.state != MM_FACT_ABSENT)
        return fact;
    if (which == MM_SHAPE_HEAD_COUNT_KV)
        return facts->shape[MM_SHAPE_HEAD_COUNT];
    if (which == MM_SHAPE_VOCAB_SIZE && facts->token_count > 0)
        return (struct mm_fact){MM_FACT_VALUE, facts->token_count};
    return fact;
}

bool mm_facts_shape(const struct mm_facts *facts, struct mm_buf *value)
{
    for (int i = 0; i < MM_SHAPE_COUNT; i++)
        if (with_default(facts, i).state != MM_FACT_VALUE)
            return false;
    for (int i = 0; i < MM_SHAPE_COUNT; i++)
        mm_buf_printf(value, "%s%s=%" PRIu64, i ? " " : "", mm_shape_names[i].manifest, with_default(facts, i).value);
    return true;
}

const char *mm_facts_quantization(const struct mm_dtype_use dtypes[static MM_DTYPE_COUNT])
{
    int best = -1;
    for (int i = 0; i < MM_DTYPE_COUNT; i++) {
        if (dtypes[i].tensors == 0)
            continue;
        if (best < 0 || dtypes[i].bytes > dtypes[best].bytes ||
            (dtypes[i].bytes == dtypes[best].bytes && strcmp(mm_dtypes[i].name, mm_dtypes[best].name) < 0))
            best = i;
    }
    return best < 0 ? "unknown" : mm_dtypes[best].name;
}
