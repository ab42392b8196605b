#include "convert/llama_config.h"

#include <inttypes.h>
#include <string.h>

#include "convert/sources.h"
#include "text/json_tree.h"

/* What model_type says; the others are kin of llama, and to be run alone. */
enum kind { KIND_LLAMA, KIND_MISTRAL, KIND_QWEN2, KINDS };
static const char *const kind_names[KINDS] = {"llama", "mistral", "qwen2"};

/* Positions that a position of mistral looks back where nothing is stated. */
#define MISTRAL_WINDOW 4096

struct reading {
    struct mm_llama_config *config;
    enum kind kind;
    const struct mm_checkpoint_options *options;
    struct mm_diags *diags;
    struct mm_json_tree tree;
    bool scaled; /* rope_scaling or rope_parameters was read, and said what config->llama.rope_factor says */
    bool failed; /* a finding was added, and the next key can still be looked at */
};

typedef void take_fn(struct reading *r, const struct mm_json_value *value);

/* What can be neither taken over nor passed over. */
static void refuse(struct reading *r, const struct mm_json_value *value, const char *expected)
{
    char shown[MM_SHOWN], found[MM_SHOWN];
    const char *name = mm_json_name(&r->tree, value);
    if (strlen(name) == value->name_length && mm_checkpoint_drops(r->options, name, r->diags))
        return;
    mm_show(shown, name, value->name_length);
    mm_json_shown(&r->tree, value, found);
    if (r->options && r->options->run)
        mm_diag_offset(r->diags, MM_RULE_PACK_KEY, value->offset, "expected %s, found %s of %s", expected, shown,
                       found);
    else
        mm_diag_offset(r->diags, MM_RULE_PACK_KEY, value->offset,
                       "expected %s, found %s of %s; --drop %s leaves it out", expected, shown, found, shown);
    r->failed = true;
}

/* What makes this no model that could be told of, whatever is left out. */
static void fail(struct reading *r, const struct mm_json_value *value, const char *expected)
{
    char shown[MM_SHOWN];
    mm_diag_offset(r->diags, MM_RULE_PACK_SOURCE, value->offset, "expected %s for %s, found %s", expected,
                   mm_json_name(&r->tree, value), mm_json_shown(&r->tree, value, shown));
    r->failed = true;
}

/* ---- keys, one function each kind ---- */

static void take_idle(struct reading *r, const struct mm_json_value *value)
{
    (void)r, (void)value;
}

static bool real(const struct reading *r, const struct mm_json_value *value, float *number)
{
    return mm_json_kind(value, MM_JSON_NUMBER) && !value->cut &&
           mm_json_real(mm_json_text(&r->tree, value), value->length, number);
}

/* Switched off: null, false, zero or empty. */
static void take_nothing(struct reading *r, const struct mm_json_value *value)
{
    float number;
    bool empty = (value->kind == MM_JSON_OBJECT || value->kind == MM_JSON_ARRAY) && !mm_json_first(&r->tree, value);
    if (value->kind != MM_JSON_NULL && value->kind != MM_JSON_FALSE && !empty &&
        !(real(r, value, &number) && number == 0))
        refuse(r, value, "keys that an .slm tells of");
}

static void take_one(struct reading *r, const struct mm_json_value *value)
{
    float number;
    if (value->kind != MM_JSON_NULL && !(real(r, value, &number) && number == 1))
        refuse(r, value, "1, as an .slm tells of no other");
}

static void take_layer_types(struct reading *r, const struct mm_json_value *value)
{
    bool full = value->kind == MM_JSON_NULL || value->kind == MM_JSON_ARRAY;
    for (const struct mm_json_value *v = mm_json_first(&r->tree, value); full && v; v = mm_json_following(&r->tree, v))
        full = mm_json_is(&r->tree, v, "full_attention");
    if (!full)
        refuse(r, value, "full attention in every layer");
}

static void take_type(struct reading *r, const struct mm_json_value *value)
{
    if (!mm_json_is(&r->tree, value, kind_names[r->kind]))
        fail(r, value, r->options && r->options->run ? "llama, mistral or qwen2" : "llama");
}

static void take_activation(struct reading *r, const struct mm_json_value *value)
{
    if (!mm_json_is(&r->tree, value, "silu"))
        fail(r, value, "silu");
}

static void take_switch(struct reading *r, const struct mm_json_value *value, bool *to)
{
    *to = value->kind == MM_JSON_TRUE;
    if (value->kind != MM_JSON_TRUE && value->kind != MM_JSON_FALSE && value->kind != MM_JSON_NULL)
        fail(r, value, "true or false");
}

static void take_tied(struct reading *r, const struct mm_json_value *value)
{
    take_switch(r, value, &r->config->tied);
}

/* qwen2 has no such key: it has biases of queries, keys and values, and none of the output. */
static void take_attention_bias(struct reading *r, const struct mm_json_value *value)
{
    if (r->kind == KIND_QWEN2) {
        refuse(r, value, "keys that qwen2 has");
        return;
    }
    take_switch(r, value, &r->config->attention_bias);
    r->config->output_bias = r->config->attention_bias;
}

/* A window that is as wide as there are positions is none; qwen2 has another key to switch it on. */
static void take_window(struct reading *r, const struct mm_json_value *value)
{
    const struct mm_json_value *positions = mm_json_member(&r->tree, r->tree.values, "max_position_embeddings");
    uint64_t window, most;
    if (r->kind == KIND_QWEN2)
        return;
    if (r->kind == KIND_MISTRAL && !mm_json_absent(positions) && mm_json_whole(&r->tree, positions, INT32_MAX, &most) &&
        mm_json_kind(value, MM_JSON_NUMBER) && mm_json_whole(&r->tree, value, INT32_MAX, &window) && window >= most)
        return;
    take_nothing(r, value);
}

static void take_window_layers(struct reading *r, const struct mm_json_value *value)
{
    if (r->kind != KIND_QWEN2)
        refuse(r, value, "keys that are known");
}

static void take_feed_bias(struct reading *r, const struct mm_json_value *value)
{
    take_switch(r, value, &r->config->feed_bias);
}

static void take_epsilon(struct reading *r, const struct mm_json_value *value)
{
    if (!real(r, value, &r->config->llama.norm_epsilon) || r->config->llama.norm_epsilon < 0)
        fail(r, value, "a real number, not below 0,");
}

/* ---- rotation ---- */

/* The base may stand in two places; then it has to be the same. */
static void take_base(struct reading *r, const struct mm_json_value *value)
{
    float base;
    if (!real(r, value, &base) || base <= 0)
        fail(r, value, "a real number above 0");
    else if (r->config->llama.rope_base != 0 && r->config->llama.rope_base != base)
        fail(r, value, "one rope_theta, here and in rope_parameters,");
    else
        r->config->llama.rope_base = base;
}

/* {"rope_type": "linear", "factor": F}, older files write "type"; "default" is none. transformers 5 has the base in it. */
static void take_scaling(struct reading *r, const struct mm_json_value *value)
{
    static const char *const known[] = {"type", "rope_type", "factor", "rope_theta"};
    const struct mm_json_value *type = mm_json_member(&r->tree, value, "rope_type"),
                               *old = mm_json_member(&r->tree, value, "type"),
                               *factor = mm_json_member(&r->tree, value, "factor"),
                               *base = mm_json_member(&r->tree, value, "rope_theta");
    bool sound = value->kind == MM_JSON_OBJECT;
    if (value->kind == MM_JSON_NULL)
        return;
    if (sound && !mm_json_absent(base)) /* it counts also where the scaling is left out */
        take_base(r, base);
    if (!type)
        type = old;
    for (const struct mm_json_value *v = mm_json_first(&r->tree, value); sound && v;
         v = mm_json_following(&r->tree, v)) {
        sound = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            sound = sound || mm_json_named(&r->tree, v, known[i]);
    }
    bool linear = mm_json_is(&r->tree, type, "linear");
    float number = 0;
    if (linear)
        sound = sound && real(r, factor, &number) && number > 0;
    if (!sound || !(linear || mm_json_is(&r->tree, type, "default")) ||
        (old && !mm_json_is(&r->tree, old, mm_json_text(&r->tree, type)))) {
        refuse(r, value, "no rotation that is scaled otherwise than by a linear factor");
    } else {
        if (r->scaled && r->config->llama.rope_factor != number)
            fail(r, value, "the same type and factor in rope_scaling and in rope_parameters");
        r->scaled = true;
        r->config->llama.rope_factor = number;
    }
}

/* ---- the keys ---- */

static const struct {
    const char *key;
    take_fn *take;
} keys[] = {
    {"model_type", take_type},
    {"hidden_act", take_activation},
    {"rms_norm_eps", take_epsilon},
    {"rope_theta", take_base},
    {"rope_scaling", take_scaling},
    {"rope_parameters", take_scaling},
    {"tie_word_embeddings", take_tied},
    {"attention_bias", take_attention_bias},
    {"mlp_bias", take_feed_bias},
    {"layer_types", take_layer_types},
    {"pretraining_tp", take_one},
    {"partial_rotary_factor", take_one},
    /* of other ways to compute; harmless where switched off */
    {"sliding_window", take_window},
    {"max_window_layers", take_window_layers},
    {"use_sliding_window", take_nothing},
    {"quantization_config", take_nothing},
    {"auto_map", take_nothing},
    {"is_encoder_decoder", take_nothing},
    {"add_cross_attention", take_nothing},
    {"cross_attention_hidden_size", take_nothing},
    {"tie_encoder_decoder", take_nothing},
    {"rope_interleaved", take_nothing},
    {"pruned_heads", take_nothing},
    /* of files, of programs, of training */
    {"architectures", take_idle},
    {"_name_or_path", take_idle},
    {"_commit_hash", take_idle},
    {"transformers_version", take_idle},
    {"transformers.js_config", take_idle},
    {"is_llama_config", take_idle},
    {"torch_dtype", take_idle},
    {"dtype", take_idle},
    {"use_bfloat16", take_idle},
    {"use_cache", take_idle},
    {"initializer_range", take_idle},
    {"attention_dropout", take_idle},
    {"gradient_checkpointing", take_idle},
    {"_attn_implementation", take_idle},
    {"_attn_implementation_autoset", take_idle},
    {"attn_implementation", take_idle},
    {"chunk_size_feed_forward", take_idle},
    {"finetuning_task", take_idle},
    {"id2label", take_idle},
    {"is_decoder", take_idle},
    {"label2id", take_idle},
    {"output_attentions", take_idle},
    {"output_hidden_states", take_idle},
    {"prefix", take_idle},
    {"problem_type", take_idle},
    {"return_dict", take_idle},
    {"task_specific_params", take_idle},
    {"tf_legacy_loss", take_idle},
    {"torchscript", take_idle},
    {"unsloth_fixed", take_idle},
    {"unsloth_version", take_idle},
    /* of tokenizers: special_settings.c looks at those that count */
    {"bos_token_id", take_idle},
    {"decoder_start_token_id", take_idle},
    {"eos_token_id", take_idle},
    {"pad_token_id", take_idle},
    {"sep_token_id", take_idle},
    {"tokenizer_class", take_idle},
    /* of choosing tokens, which is the caller's affair */
    {"bad_words_ids", take_idle},
    {"begin_suppress_tokens", take_idle},
    {"diversity_penalty", take_idle},
    {"do_sample", take_idle},
    {"early_stopping", take_idle},
    {"encoder_no_repeat_ngram_size", take_idle},
    {"exponential_decay_length_penalty", take_idle},
    {"forced_bos_token_id", take_idle},
    {"forced_eos_token_id", take_idle},
    {"length_penalty", take_idle},
    {"max_length", take_idle},
    {"min_length", take_idle},
    {"no_repeat_ngram_size", take_idle},
    {"num_beam_groups", take_idle},
    {"num_beams", take_idle},
    {"num_return_sequences", take_idle},
    {"output_scores", take_idle},
    {"remove_invalid_values", take_idle},
    {"repetition_penalty", take_idle},
    {"return_dict_in_generate", take_idle},
    {"suppress_tokens", take_idle},
    {"temperature", take_idle},
    {"top_k", take_idle},
    {"top_p", take_idle},
    {"typical_p", take_idle},
};

/* A number that llama.def has; null leaves it to the defaults. */
static bool take_number(struct reading *r, const struct mm_json_value *value)
{
    uint64_t number;
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++) {
        const struct mm_llama_number_info *info = &mm_llama_numbers[i];
        if (!info->config || !mm_json_named(&r->tree, value, info->config))
            continue;
        if (value->kind == MM_JSON_NULL)
            return true;
        if (!mm_json_whole(&r->tree, value, info->most, &number) || number < info->least)
            fail(r, value,
                 info->most > 65535 ? "a whole number from 1 to 2147483647" : "a whole number from 1 to 65535");
        else
            r->config->llama.numbers[i] = (uint32_t)number;
        return true;
    }
    return false;
}

static void take_key(struct reading *r, const struct mm_json_value *value)
{
    if (take_number(r, value))
        return;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (mm_json_named(&r->tree, value, keys[i].key)) {
            keys[i].take(r, value);
            return;
        }
    refuse(r, value, "keys that are known");
}

static void find_kind(struct reading *r)
{
    const struct mm_json_value *type = mm_json_member(&r->tree, r->tree.values, "model_type");
    for (int i = 0; type && r->options && r->options->run && i < KINDS; i++)
        if (mm_json_is(&r->tree, type, kind_names[i]))
            r->kind = (enum kind)i;
    r->config->bias_key = r->kind == KIND_QWEN2 ? "model_type" : "attention_bias";
    if (r->kind == KIND_QWEN2)
        r->config->attention_bias = true;
}

/* What has no default that all programs agree on. */
static void check_stated(struct reading *r)
{
    if (r->kind == KIND_MISTRAL && !mm_json_member(&r->tree, r->tree.values, "sliding_window") &&
        r->config->llama.numbers[MM_LLAMA_CONTEXT_LENGTH] > MISTRAL_WINDOW) {
        mm_diag(r->diags, MM_RULE_PACK_SOURCE,
                "expected sliding_window, as mistral looks back over %d positions without it, found none",
                MISTRAL_WINDOW);
        r->failed = true;
    }
    static const char *const keys_needed[] = {"model_type", "rms_norm_eps"};
    static const enum mm_llama_number may_lack[] = {MM_LLAMA_HEAD_COUNT_KV, MM_LLAMA_KEY_LENGTH};
    for (size_t i = 0; i < sizeof keys_needed / sizeof *keys_needed; i++)
        if (!mm_json_member(&r->tree, r->tree.values, keys_needed[i])) {
            mm_diag(r->diags, MM_RULE_PACK_SOURCE, "expected %s, found none", keys_needed[i]);
            r->failed = true;
        }
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++) {
        const struct mm_llama_number_info *info = &mm_llama_numbers[i];
        bool stated = !mm_json_absent(info->config ? mm_json_member(&r->tree, r->tree.values, info->config) : NULL);
        if (!info->config || stated || i == (int)may_lack[0] || i == (int)may_lack[1])
            continue;
        mm_diag(r->diags, MM_RULE_PACK_SOURCE, "expected %s, found none", info->config);
        r->failed = true;
    }
}

int mm_llama_config_read(struct mm_llama_config *config, int fd, const struct mm_checkpoint_options *options,
                         struct mm_diags *diags)
{
    struct reading r = {.config = config, .options = options, .diags = diags};
    *config = (struct mm_llama_config){0};
    int result = mm_json_tree_read(&r.tree, fd, diags);
    if (result == 0 && r.tree.values[0].kind != MM_JSON_OBJECT)
        result = mm_diag_offset(diags, MM_RULE_PACK_SOURCE, 0, "expected an object");
    if (result == 0) {
        find_kind(&r);
        for (const struct mm_json_value *v = mm_json_first(&r.tree, r.tree.values); v;
             v = mm_json_following(&r.tree, v))
            take_key(&r, v);
        check_stated(&r);
        /* heads have one length, which only queries and keys have a key for */
        config->llama.numbers[MM_LLAMA_VALUE_LENGTH] = config->llama.numbers[MM_LLAMA_KEY_LENGTH];
    }
    mm_json_tree_release(&r.tree);
    return r.failed ? -1 : result;
}
