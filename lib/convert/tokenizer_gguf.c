/* A tokenizer from the pairs tokenizer.ggml.* of a GGUF header. */
#include <inttypes.h>
#include <string.h>

#include "convert/sources.h"
#include "model/gguf_head.h"
#include "model/piece_index.h"

#define PREFIX "tokenizer.ggml."
#define NAME_MAX_BYTES 63 /* of a key behind the prefix; settings' names are shorter */

/* The pairs that make the pieces; the others are settings. */
enum part { MODEL, PRE, TOKENS, SCORES, TYPES, MERGES, PARTS };
static const struct {
    const char *name; /* behind the prefix */
    enum mm_gguf_type type, element;
} parts[PARTS] = {
    [MODEL] = {"model", MM_GGUF_STRING, 0},
    [PRE] = {"pre", MM_GGUF_STRING, 0},
    [TOKENS] = {"tokens", MM_GGUF_ARRAY, MM_GGUF_STRING},
    [SCORES] = {"scores", MM_GGUF_ARRAY, MM_GGUF_F32},
    [TYPES] = {"token_type", MM_GGUF_ARRAY, MM_GGUF_I32},
    [MERGES] = {"merges", MM_GGUF_ARRAY, MM_GGUF_STRING},
};

struct taking {
    struct mm_tokenizer *tokenizer;
    const struct mm_checkpoint_options *options;
    struct mm_diags *diags;
    bool has[PARTS];
    struct mm_gguf_pair found[PARTS];
    bool failed; /* a finding was added, and the next pair can still be looked at */
};

/* PAIR cannot be taken over: a finding, unless it may be left out. WHY ends a sentence about it. */
static void refuse(struct taking *t, const struct mm_gguf_pair *pair, const char *why)
{
    char shown[MM_SHOWN], key[NAME_MAX_BYTES + sizeof PREFIX];
    bool fits = pair->key_length < sizeof key;
    if (fits) {
        memcpy(key, pair->key, pair->key_length);
        key[pair->key_length] = '\0';
    }
    if (fits && mm_checkpoint_drops(t->options, key, t->diags))
        return;
    t->failed = true;
    mm_show(shown, pair->key, pair->key_length);
    if (t->options && t->options->run)
        mm_diag_offset(t->diags, MM_RULE_PACK_TOKENIZER, pair->offset, "expected %s, found key '%s'", why, shown);
    else
        mm_diag_offset(t->diags, MM_RULE_PACK_TOKENIZER, pair->offset,
                       "expected %s, found key '%s'; --drop %s leaves it out", why, shown, shown);
}

/* Keys that readers of the format look at only for other kinds of tokenizers, or not at all. The one that is computed with is refused. */
static bool is_passed_over(const struct taking *t, const char *name, size_t length)
{
    static const char normalizer[] = "precompiled_charsmap";
    return t->options && t->options->run && !(length == sizeof normalizer - 1 && memcmp(name, normalizer, length) == 0);
}

static int take_setting(struct taking *t, const struct mm_gguf_pair *pair, const char *name, size_t length)
{
    char text[NAME_MAX_BYTES + 1];
    uint64_t value;
    if (length > NAME_MAX_BYTES) {
        if (!is_passed_over(t, name, length))
            refuse(t, pair, "settings that a tokenizer of an .slm has");
        return 0;
    }
    memcpy(text, name, length);
    text[length] = '\0';
    const struct mm_setting_info *info = mm_tokenizer_setting_of(text);
    if (!info) {
        if (!is_passed_over(t, name, length))
            refuse(t, pair, "settings that a tokenizer of an .slm has");
        return 0;
    }
    if (!info->token && pair->type == MM_GGUF_BOOL)
        return mm_tokenizer_set(t->tokenizer, info->number, pair->value[0], t->diags);
    if (info->token && mm_gguf_pair_whole(pair, &value) && value <= UINT32_MAX)
        return mm_tokenizer_set(t->tokenizer, info->number, (uint32_t)value, t->diags);
    refuse(t, pair, info->token ? "a token's index as the value" : "a bool as the value");
    return 0;
}

static int take_pair(struct taking *t, const struct mm_gguf_pair *pair)
{
    size_t length;
    const char *name = mm_gguf_pair_behind(pair, PREFIX, &length);
    if (!name)
        return 0;
    for (int part = 0; part < PARTS; part++) {
        if (strlen(parts[part].name) != length || memcmp(parts[part].name, name, length) != 0)
            continue;
        if (pair->type != parts[part].type || pair->element != parts[part].element) {
            t->failed = true;
            return mm_diag(
                t->diags, MM_RULE_PACK_TOKENIZER, "expected %s%s for " PREFIX "%s, found another type",
                parts[part].type == MM_GGUF_ARRAY ? "an array of " : "a ",
                mm_gguf_types[parts[part].type == MM_GGUF_ARRAY ? parts[part].element : parts[part].type].name,
                parts[part].name);
        }
        t->has[part] = true;
        t->found[part] = *pair;
        return 0;
    }
    return take_setting(t, pair, name, length);
}

static bool text_is(const struct mm_gguf_pair *pair, const char *text)
{
    return pair->size == strlen(text) && memcmp(pair->value, text, pair->size) == 0;
}

static int take_kind(struct taking *t)
{
    char shown[MM_SHOWN];
    const struct mm_gguf_pair *model = &t->found[MODEL];
    if (!t->has[MODEL] || !t->has[TOKENS])
        return mm_diag(t->diags, MM_RULE_PACK_TOKENIZER, "expected a tokenizer, found no " PREFIX "%s",
                       t->has[MODEL] ? "tokens" : "model");
    if (text_is(model, "llama"))
        t->tokenizer->kind = MM_TOKENIZER_LLAMA;
    else if (text_is(model, "gpt2"))
        t->tokenizer->kind = MM_TOKENIZER_GPT2;
    else
        return mm_diag_offset(t->diags, MM_RULE_PACK_TOKENIZER, model->offset,
                              "expected llama or gpt2 as " PREFIX "model, found '%s'",
                              mm_show(shown, model->value, model->size));
    return 0;
}

static int take_pre(struct taking *t)
{
    char shown[MM_SHOWN];
    const struct mm_gguf_pair *pre = &t->found[PRE];
    bool plain = pre->size > 0 && pre->size <= MM_TOKENIZER_PRE_MAX;
    for (size_t i = 0; plain && i < pre->size; i++)
        plain = pre->value[i] && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", pre->value[i]);
    if (!plain)
        return mm_diag_offset(t->diags, MM_RULE_PACK_TOKENIZER, pre->offset,
                              "expected 1 to %d characters of [a-z0-9._-] as " PREFIX "pre, found '%s'",
                              MM_TOKENIZER_PRE_MAX, mm_show(shown, pre->value, pre->size));
    memcpy(t->tokenizer->pre, pre->value, pre->size);
    t->tokenizer->pre[pre->size] = '\0';
    return 0;
}

/* There is one score and one type for each token: the file was checked, but it may have changed. */
static int check_counts(struct taking *t)
{
    uint64_t tokens = t->found[TOKENS].count;
    for (int part = SCORES; part <= TYPES; part++)
        if (t->has[part] && t->found[part].count != tokens)
            return mm_diag(t->diags, MM_RULE_PACK_TOKENIZER,
                           "expected %" PRIu64 " elements in " PREFIX "%s, one for each token, found %" PRIu64, tokens,
                           parts[part].name, t->found[part].count);
    return 0;
}

static int take_pieces(struct taking *t)
{
    const unsigned char *at = NULL;
    const char *text;
    size_t length;
    t->tokenizer->has_scores = t->has[SCORES];
    t->tokenizer->has_types = t->has[TYPES];
    for (uint64_t i = 0; mm_gguf_pair_string(&t->found[TOKENS], &at, &text, &length); i++) {
        uint32_t type = t->has[TYPES] ? mm_gguf_pair_element(&t->found[TYPES], i) : 0;
        uint32_t bits = t->has[SCORES] ? mm_gguf_pair_element(&t->found[SCORES], i) : 0;
        float score;
        memcpy(&score, &bits, sizeof score);
        if (t->has[TYPES] && (type < MM_PIECE_NORMAL || type > MM_PIECE_BYTE))
            return mm_diag_offset(t->diags, MM_RULE_PACK_TOKENIZER, t->found[TYPES].offset,
                                  "expected types from %d to %d, found %" PRId32 " for token %" PRIu64, MM_PIECE_NORMAL,
                                  MM_PIECE_BYTE, (int32_t)type, i);
        if (mm_tokenizer_add_piece(t->tokenizer, text, length, score, (uint8_t)type, t->diags) < 0)
            return -1;
    }
    return 0;
}

size_t mm_tokenizer_merge_space(const char *text, size_t length)
{
    const char *space = length > 1 ? memchr(text + 1, ' ', length - 1) : NULL;
    return space ? (size_t)(space - text) : 0;
}

static int take_merge(struct taking *t, const struct mm_piece_index *index, const char *text, size_t length, uint64_t i)
{
    char shown[MM_SHOWN];
    size_t space = mm_tokenizer_merge_space(text, length);
    uint32_t left = MM_TOKEN_NONE, right = MM_TOKEN_NONE;
    if (space) {
        left = mm_piece_index_find(index, text, space);
        right = mm_piece_index_find(index, text + space + 1, length - space - 1);
    }
    if (left != MM_TOKEN_NONE && right != MM_TOKEN_NONE)
        return mm_tokenizer_add_merge(t->tokenizer, left, right, t->diags);
    t->failed = true;
    mm_diag_offset(t->diags, MM_RULE_PACK_TOKENIZER, t->found[MERGES].offset,
                   "expected merges of two tokens, found '%s' as merge %" PRIu64 ", %s", mm_show(shown, text, length),
                   i,
                   !space                  ? "which has no space between two halves"
                   : left == MM_TOKEN_NONE ? "whose left half is no token"
                                           : "whose right half is no token");
    return 0;
}

static int take_merges(struct taking *t)
{
    struct mm_piece_index index = {0};
    const unsigned char *at = NULL;
    const char *text;
    size_t length;
    int result = mm_piece_index_build(&index, t->tokenizer, t->diags);
    for (uint64_t i = 0; result == 0 && mm_gguf_pair_string(&t->found[MERGES], &at, &text, &length); i++)
        result = take_merge(t, &index, text, length, i);
    mm_piece_index_release(&index);
    return result;
}

int mm_tokenizer_from_gguf(struct mm_tokenizer *tokenizer, const unsigned char *head, size_t length,
                           const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    struct taking t = {.tokenizer = tokenizer, .options = options, .diags = diags};
    struct mm_gguf_head walk;
    struct mm_gguf_pair pair;
    int more = mm_gguf_head_begin(&walk, head, length, diags);
    if (more < 0)
        return -1;
    while ((more = mm_gguf_head_next(&walk, &pair, diags)) > 0)
        if (take_pair(&t, &pair) < 0)
            t.failed = true;
    if (more < 0 || take_kind(&t) < 0 || (t.has[PRE] && take_pre(&t) < 0) || check_counts(&t) < 0 ||
        take_pieces(&t) < 0)
        return -1;
    if (t.has[MERGES] && tokenizer->kind == MM_TOKENIZER_GPT2) {
        if (take_merges(&t) < 0)
            return -1;
    } else if (t.has[MERGES] && !(options && options->run)) {
        refuse(&t, &t.found[MERGES], "no merges beside pieces that are merged by score");
    }
    return t.failed ? -1 : 0;
}
