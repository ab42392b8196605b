/* What GGUF's pairs say of the model: architecture and shape, split, tokenizer. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "model/gguf_parts.h"

#define TOKEN_MAX 65535

/* ---- tokens ---- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

int mm_gguf_note_token(struct mm_gguf *g, const struct mm_gguf_value *token, uint64_t index, uint64_t offset)
{
    if (token->length > TOKEN_MAX)
        mm_diag_offset(g->diags, MM_RULE_GGUF_TOKEN, offset, "expected tokens of at most %d bytes, found %" PRIu64,
                       TOKEN_MAX, token->length);
    const char *t = token->text;
    bool spelled = token->length == 6 && memcmp(t, "<0x", 3) == 0 && is_hex(t[3]) && is_hex(t[4]) && t[5] == '>';
    if (spelled && !mm_bits_add(&g->tokenizer.spelled, index))
        return mm_diag_memory(g->diags);
    return 0;
}

int mm_gguf_note_byte_type(struct mm_gguf *g, uint64_t index)
{
    return mm_bits_add(&g->tokenizer.typed, index) ? 0 : mm_diag_memory(g->diags);
}

/* ---- facts ---- */

static int wrong_fact(struct mm_gguf *g, const struct mm_gguf_value *value, const char *expected)
{
    char shown[MM_SHOWN];
    mm_diag_offset(g->diags, MM_RULE_GGUF_FACT, value->offset, "expected %s for %s, found %s", expected,
                   mm_show(shown, g->key, g->key_length), mm_gguf_types[value->type].name);
    return 0; /* the header can be read on */
}

/* True for a string value of exactly this text. */
static bool text_is(const struct mm_gguf_value *value, const char *text)
{
    return value->type == MM_GGUF_STRING && value->length == strlen(text) && strcmp(value->text, text) == 0;
}

static bool whole(const struct mm_gguf_value *value)
{
    return value->is_number && !value->negative && value->number <= MM_SIZE_LIMIT;
}

static void set_alignment(struct mm_gguf *g, const struct mm_gguf_value *value)
{
    if (value->type == MM_GGUF_U32 && mm_power_of_two(value->number) && value->number >= 8 && value->number <= 65536) {
        g->alignment = value->number;
        return;
    }
    if (value->type == MM_GGUF_U32)
        mm_diag_offset(g->diags, MM_RULE_GGUF_ALIGNMENT, value->offset,
                       "expected a power of two from 8 to 65536, found %" PRIu64, value->number);
    else
        mm_diag_offset(g->diags, MM_RULE_GGUF_ALIGNMENT, value->offset, "expected a u32, found %s",
                       mm_gguf_types[value->type].name);
}

static int note_candidate(struct mm_gguf *g, const struct mm_gguf_value *value)
{
    for (int which = 0; which < MM_SHAPE_COUNT; which++) {
        const char *suffix = mm_shape_names[which].gguf;
        size_t size = strlen(suffix);
        if (g->key_length < size + 2 || g->key_length - size - 1 > MM_ARCHITECTURE_MAX ||
            g->key[g->key_length - size - 1] != '.' || strcmp(g->key + g->key_length - size, suffix) != 0)
            continue;
        if (!mm_grow(&g->candidates, g->candidate_count, &g->candidate_capacity, sizeof *g->candidates))
            return mm_diag_memory(g->diags);
        struct mm_gguf_candidate *candidate = &g->candidates[g->candidate_count++];
        *candidate = (struct mm_gguf_candidate){.which = which, .offset = value->offset};
        memcpy(candidate->prefix, g->key, g->key_length - size - 1);
        candidate->fact.state = value->type == MM_GGUF_ARRAY ? MM_FACT_ARRAY : MM_FACT_VALUE;
        candidate->fact.value = value->number;
        candidate->wrong_type = value->type != MM_GGUF_ARRAY && !whole(value);
    }
    return 0;
}

static int note_split(struct mm_gguf *g, const struct mm_gguf_value *value, uint64_t *fact)
{
    if (!whole(value))
        return wrong_fact(g, value, "a whole number");
    *fact = value->number;
    g->model->facts.split = true;
    return 0;
}

static bool array_of(const struct mm_gguf_value *value, uint32_t element)
{
    return value->type == MM_GGUF_ARRAY && value->element == element;
}

static int wrong_tokenizer(struct mm_gguf *g, const struct mm_gguf_value *value, const char *expected)
{
    char shown[MM_SHOWN];
    uint32_t type = value->type == MM_GGUF_ARRAY ? value->element : value->type;
    mm_diag_offset(g->diags, MM_RULE_GGUF_TOKENIZER, value->offset, "expected %s for %s, found %s%s", expected,
                   mm_show(shown, g->key, g->key_length), value->type == MM_GGUF_ARRAY ? "an array of " : "",
                   mm_gguf_types[type].name);
    return 0;
}

static int note_tokenizer(struct mm_gguf *g, const struct mm_gguf_value *value)
{
    struct mm_gguf_tokenizer *t = &g->tokenizer;
    if (mm_gguf_key_is(g, "tokenizer.ggml.model")) {
        t->sentencepiece = text_is(value, "llama");
        return value->type == MM_GGUF_STRING ? 0 : wrong_tokenizer(g, value, "a string");
    }
    if (mm_gguf_key_is(g, "tokenizer.ggml.tokens")) {
        t->has_tokens = true;
        t->tokens = value->length;
        return array_of(value, MM_GGUF_STRING) ? 0 : wrong_tokenizer(g, value, "an array of str");
    }
    if (mm_gguf_key_is(g, "tokenizer.ggml.scores")) {
        t->has_scores = true;
        t->scores = value->length;
        t->scores_offset = value->offset;
        return array_of(value, MM_GGUF_F32) ? 0 : wrong_tokenizer(g, value, "an array of f32");
    }
    if (mm_gguf_key_is(g, "tokenizer.ggml.token_type")) {
        t->has_types = true;
        t->types = value->length;
        t->types_offset = value->offset;
        return array_of(value, MM_GGUF_I32) ? 0 : wrong_tokenizer(g, value, "an array of i32");
    }
    if (mm_gguf_key_is(g, "tokenizer.ggml.merges"))
        return array_of(value, MM_GGUF_STRING) ? 0 : wrong_tokenizer(g, value, "an array of str");
    return 0;
}

int mm_gguf_note_fact(struct mm_gguf *g, const struct mm_gguf_value *value)
{
    struct mm_facts *facts = &g->model->facts;
    if (mm_gguf_key_is(g, "general.architecture")) {
        if (value->type != MM_GGUF_STRING)
            return wrong_fact(g, value, "a string");
        size_t length = value->length < sizeof value->text ? (size_t)value->length : sizeof value->text - 1;
        mm_facts_set_architecture(facts, value->text, length);
        if (length <= MM_ARCHITECTURE_MAX && !memchr(value->text, '\0', length))
            memcpy(g->architecture, value->text, length + 1);
    } else if (mm_gguf_key_is(g, "general.type")) {
        facts->adapter = text_is(value, "adapter");
    } else if (mm_gguf_key_is(g, "general.alignment")) {
        set_alignment(g, value);
    } else if (mm_gguf_key_is(g, "general.file_type")) {
        if (!whole(value) || value->number > UINT32_MAX)
            return wrong_fact(g, value, "a u32");
        g->has_file_type = true;
        g->file_type = (uint32_t)value->number;
        g->file_type_offset = value->offset;
    } else if (mm_gguf_key_is(g, "split.no")) {
        return note_split(g, value, &facts->split_no);
    } else if (mm_gguf_key_is(g, "split.count")) {
        return note_split(g, value, &facts->split_count);
    } else if (mm_gguf_key_is(g, "split.tensors.count")) {
        return note_split(g, value, &facts->split_tensors);
    } else if (mm_gguf_key_begins(g, "tokenizer.ggml.")) {
        return note_tokenizer(g, value);
    } else if (mm_gguf_key_begins(g, "tokenizer.chat_template")) {
        mm_note_offset(g->diags, MM_RULE_GGUF_TEMPLATE, value->offset,
                       "holds a chat template, which is code: hashed, not run");
    }
    return note_candidate(g, value);
}

static void settle_shape(struct mm_gguf *g)
{
    struct mm_facts *facts = &g->model->facts;
    for (size_t i = 0; i < g->candidate_count; i++) {
        const struct mm_gguf_candidate *candidate = &g->candidates[i];
        if (strcmp(candidate->prefix, g->architecture) != 0)
            continue;
        if (candidate->wrong_type)
            mm_diag_offset(g->diags, MM_RULE_GGUF_FACT, candidate->offset,
                           "expected a whole number below 2^63 for %s.%s", candidate->prefix,
                           mm_shape_names[candidate->which].gguf);
        else
            facts->shape[candidate->which] = candidate->fact;
    }
}

static void check_byte_tokens(struct mm_gguf *g)
{
    const struct mm_gguf_tokenizer *t = &g->tokenizer;
    if (!t->sentencepiece || !t->has_tokens || !t->has_types)
        return;
    for (uint64_t i = 0; i < t->types && i < (uint64_t)t->typed.size * 8; i++)
        if (mm_bits_has(&t->typed, i) && !mm_bits_has(&t->spelled, i))
            mm_diag_offset(g->diags, MM_RULE_GGUF_TOKEN, t->types_offset + 12 + 4 * i,
                           "expected byte token %" PRIu64 " to be spelled <0xHH>", i);
}

static void settle_tokenizer(struct mm_gguf *g)
{
    const struct mm_gguf_tokenizer *t = &g->tokenizer;
    struct mm_facts *facts = &g->model->facts;
    facts->token_count = t->tokens;
    if (t->has_scores && t->scores != t->tokens)
        mm_diag_offset(g->diags, MM_RULE_GGUF_TOKENIZER, t->scores_offset,
                       "expected a score for each of %" PRIu64 " tokens, found %" PRIu64, t->tokens, t->scores);
    if (t->has_types && t->types != t->tokens)
        mm_diag_offset(g->diags, MM_RULE_GGUF_TOKENIZER, t->types_offset,
                       "expected a type for each of %" PRIu64 " tokens, found %" PRIu64, t->tokens, t->types);
    check_byte_tokens(g);
    mm_sha256_take(g->tokenizer_sha, facts->tokenizer.bytes);
    mm_sha256_take(g->template_sha, facts->chat_template.bytes);
}

void mm_gguf_settle_facts(struct mm_gguf *g)
{
    settle_shape(g);
    settle_tokenizer(g);
}

void mm_gguf_note_file_type(struct mm_gguf *g)
{
    const struct mm_facts *facts = &g->model->facts;
    int said = g->has_file_type ? mm_dtype_of_file_type(g->file_type) : -1;
    const char *found = mm_facts_quantization(facts->dtypes);
    if (said >= 0 && g->model->tensors.count > 0 && strcmp(mm_dtypes[said].name, found) != 0)
        mm_note_offset(g->diags, MM_RULE_GGUF_FILE_TYPE, g->file_type_offset,
                       "general.file_type says %s, most bytes are %s", mm_dtypes[said].name, found);
}
