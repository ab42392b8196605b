/* What the files beside a tokenizer say of special tokens: tokenizer_config.json, special_tokens_map.json,
 * added_tokens.json, config.json, generation_config.json. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/sources.h"
#include "convert/special.h"
#include "model/piece_index.h"

/* The tokens, how tokenizer_config.json names them by text, and how the others name them by number. */
static const struct token {
    uint32_t setting;
    const char *text, *number;
} tokens[] = {
    {MM_SETTING_BOS, "bos_token", "bos_token_id"},
    {MM_SETTING_EOS, "eos_token", "eos_token_id"},
    {MM_SETTING_UNKNOWN, "unk_token", NULL},
    {MM_SETTING_PADDING, "pad_token", "pad_token_id"},
};
#define TOKENS (sizeof tokens / sizeof *tokens)

struct reading {
    struct mm_checkpoint *checkpoint;
    struct mm_tokenizer *tokenizer; /* the checkpoint's */
    struct mm_diags *diags;
    struct mm_json_tree tree;
    bool normalizes, fixed; /* mm_special_tokens */
    bool said[TOKENS];      /* by a file that was read before */
    bool agreed[TOKENS];    /* what was said cannot be said otherwise by the present file */
};

/* True if texts begin or end with the token of SETTING, which is stated and is not ID. */
static bool is_put_around(const struct reading *r, uint32_t setting, uint32_t id)
{
    uint32_t addition = setting == MM_SETTING_BOS ? MM_SETTING_ADD_BOS : MM_SETTING_ADD_EOS, added, before;
    return (setting == MM_SETTING_BOS || setting == MM_SETTING_EOS) &&
           mm_tokenizer_get(r->tokenizer, addition, &added) && added == 1 &&
           mm_tokenizer_get(r->tokenizer, setting, &before) && before != id;
}

/* True if ID is not what the tokenizer itself says of SETTING and cannot give way: what is unknown is what it encodes with. */
static bool contradicts(const struct reading *r, uint32_t setting, uint32_t id)
{
    uint32_t before;
    bool firm = setting == MM_SETTING_UNKNOWN || (r->fixed && (setting == MM_SETTING_BOS || setting == MM_SETTING_EOS));
    return firm && mm_tokenizer_get(r->tokenizer, setting, &before) && before != id;
}

/* A later file that says otherwise is heard of, not believed. */
static int state(struct reading *r, size_t which, uint32_t id, const struct mm_json_value *value)
{
    uint32_t before = MM_TOKEN_NONE, setting = tokens[which].setting;
    const char *name = tokens[which].number ? tokens[which].number : tokens[which].text;
    mm_tokenizer_get(r->tokenizer, setting, &before);
    if (!r->said[which] && is_put_around(r, setting, id))
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected %" PRIu32 " as %s, which the tokenizer puts around texts, found %" PRIu32,
                              before, name, id);
    if (!r->said[which] && contradicts(r, setting, id))
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected %" PRIu32 " as %s, as the tokenizer has it, found %" PRIu32, before, name, id);
    if (!r->said[which]) {
        if (before != MM_TOKEN_NONE && before != id)
            mm_note_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                           "%s is %" PRIu32 " here, which counts, and %" PRIu32 " in the tokenizer", name, id, before);
        r->said[which] = true;
        return mm_tokenizer_set(r->tokenizer, setting, id, r->diags);
    }
    if (before != id && r->agreed[which])
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected %" PRIu32 " as %s, as tokenizer_config.json has it, found %" PRIu32, before,
                              tokens[which].text, id);
    if (before != id)
        mm_note_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                       "%s is %" PRIu32 " here, and %" PRIu32 " in tokenizer_config.json or config.json, which counts",
                       name, id, before);
    return 0;
}

/* ---- tokenizer_config.json ---- */

/* Programs add every token that these files name to those that are matched in a text. */
static int make_special(struct reading *r, uint32_t id, const struct mm_json_value *value)
{
    char shown[MM_SHOWN];
    struct mm_piece *piece = &r->tokenizer->pieces[id];
    if (piece->type == MM_PIECE_USER_DEFINED || piece->type == MM_PIECE_BYTE)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected a special token, as this file names it, found %s, which is %s",
                              mm_json_shown(&r->tree, value, shown),
                              piece->type == MM_PIECE_BYTE ? "a byte" : "an added token that is not special");
    if (piece->type == MM_PIECE_NORMAL)
        piece->type = MM_PIECE_CONTROL;
    return 0;
}

/* "<s>", or {"content": "<s>", ...}: the piece, which is special from here on. */
static int find_token(struct reading *r, const struct mm_piece_index *index, const struct mm_json_value *value,
                      const char *name, uint32_t *id)
{
    char shown[MM_SHOWN];
    if (mm_json_kind(value, MM_JSON_OBJECT))
        value = mm_json_member(&r->tree, value, "content");
    *id = mm_json_kind(value, MM_JSON_STRING) && !value->cut
              ? mm_piece_index_find(index, mm_json_text(&r->tree, value), value->length)
              : MM_TOKEN_NONE;
    if (*id == MM_TOKEN_NONE)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value ? value->offset : 0,
                              "expected a piece as %s, found %s", name, mm_json_shown(&r->tree, value, shown));
    return make_special(r, *id, value);
}

/* Special tokens without a role: a list, or an object of them by names. */
static int read_further(struct reading *r, const struct mm_piece_index *index, const char *name)
{
    uint32_t id;
    char shown[MM_SHOWN];
    const struct mm_json_value *list = mm_json_member(&r->tree, r->tree.values, name);
    if (mm_json_absent(list))
        return 0;
    if (list->kind != MM_JSON_ARRAY && list->kind != MM_JSON_OBJECT)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, list->offset, "expected a list as %s, found %s", name,
                              mm_json_shown(&r->tree, list, shown));
    for (const struct mm_json_value *v = mm_json_first(&r->tree, list); v; v = mm_json_following(&r->tree, v))
        if (find_token(r, index, v, name, &id) < 0)
            return -1;
    return 0;
}

static int read_token(struct reading *r, const struct mm_piece_index *index, size_t which)
{
    uint32_t id;
    const struct mm_json_value *value = mm_json_member(&r->tree, r->tree.values, tokens[which].text);
    if (mm_json_absent(value))
        return 0;
    return find_token(r, index, value, tokens[which].text, &id) < 0 ? -1 : state(r, which, id, value);
}

static int read_tokens(struct reading *r)
{
    static const char *const further[] = {"additional_special_tokens", "extra_special_tokens"};
    struct mm_piece_index index = {0};
    int result = mm_piece_index_build(&index, r->tokenizer, r->diags);
    for (size_t i = 0; result == 0 && i < TOKENS; i++)
        result = read_token(r, &index, i);
    for (size_t i = 0; result == 0 && i < sizeof further / sizeof *further; i++)
        result = read_further(r, &index, further[i]);
    mm_piece_index_release(&index);
    return result;
}

/* A switch that the tokenizer itself may have stated: two that contradict each other make two tokenizers. */
static int read_addition(struct reading *r, const char *name, uint32_t setting)
{
    char shown[MM_SHOWN];
    uint32_t before;
    const struct mm_json_value *value = mm_json_member(&r->tree, r->tree.values, name);
    if (mm_json_absent(value))
        return 0;
    if (value->kind != MM_JSON_TRUE && value->kind != MM_JSON_FALSE)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected true or false for %s, found %s", name, mm_json_shown(&r->tree, value, shown));
    uint32_t asked = value->kind == MM_JSON_TRUE;
    if (mm_tokenizer_get(r->tokenizer, setting, &before) && before != asked)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected %s %s, as the tokenizer has it, found %s", name, before ? "true" : "false",
                              asked ? "true" : "false");
    return mm_tokenizer_set(r->tokenizer, setting, asked, r->diags);
}

/* Whether a space is put before a text: bytes as letters have no setting for it, and take none. */
static int read_prefix(struct reading *r)
{
    const struct mm_json_value *value = mm_json_member(&r->tree, r->tree.values, "add_prefix_space");
    if (r->tokenizer->kind == MM_TOKENIZER_LLAMA)
        return read_addition(r, "add_prefix_space", MM_SETTING_SPACE_PREFIX);
    if (mm_json_kind(value, MM_JSON_TRUE))
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected add_prefix_space false, found true: no .slm of kind gpt2 tells of it");
    return 0;
}

static int read_added(struct reading *r)
{
    const struct mm_json_value *decoder = mm_json_member(&r->tree, r->tree.values, "added_tokens_decoder");
    struct mm_added_token *tokens_added;
    size_t count;
    if (mm_json_absent(decoder))
        return 0;
    if (decoder->kind != MM_JSON_OBJECT)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, decoder->offset,
                              "expected an object as added_tokens_decoder");
    int result = mm_added_tokens_read(&r->tree, decoder, r->normalizes, &tokens_added, &count, r->diags);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = mm_added_token_put(r->tokenizer, &tokens_added[i], r->diags);
    free(tokens_added);
    return result;
}

/* Some classes of tokenizers put a token before each text unless they are told not to, whatever the tokenizer's file says; what
 * says otherwise would be two tokenizers. */
static int read_class(struct reading *r)
{
    static const char *const classes[] = {"LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer",
                                          "CodeLlamaTokenizerFast"};
    static const struct {
        const char *name;
        uint32_t setting, value;
    } unstated[] = {{"add_bos_token", MM_SETTING_ADD_BOS, 1}, {"add_eos_token", MM_SETTING_ADD_EOS, 0}};
    const struct mm_json_value *class = mm_json_member(&r->tree, r->tree.values, "tokenizer_class");
    uint32_t before;
    bool known = false;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        known = known || mm_json_is(&r->tree, class, classes[i]);
    for (size_t i = 0; known && i < sizeof unstated / sizeof *unstated; i++) {
        if (!mm_json_absent(mm_json_member(&r->tree, r->tree.values, unstated[i].name)))
            continue;
        if (mm_tokenizer_get(r->tokenizer, unstated[i].setting, &before) && before != unstated[i].value)
            return mm_diag_offset(
                r->diags, MM_RULE_PACK_TOKENIZER, class->offset,
                "expected %s beside this tokenizer_class, which without it takes %s, found none and a "
                "tokenizer that says otherwise",
                unstated[i].name, unstated[i].value ? "true" : "false");
        if (mm_tokenizer_set(r->tokenizer, unstated[i].setting, unstated[i].value, r->diags) < 0)
            return -1;
    }
    return 0;
}

static int read_tokenizer_config(struct reading *r)
{
    int result = read_added(r);
    if (result == 0)
        result = read_tokens(r);
    if (result == 0 && (read_prefix(r) < 0 || read_addition(r, "add_bos_token", MM_SETTING_ADD_BOS) < 0 ||
                        read_addition(r, "add_eos_token", MM_SETTING_ADD_EOS) < 0 || read_class(r) < 0))
        result = -1;
    return result;
}

/* ---- special_tokens_map.json ---- */

/* Some programs believe this file and some tokenizer_config.json, so both have to name the same tokens. */
static int read_map(struct reading *r)
{
    for (size_t i = 0; i < TOKENS; i++)
        r->agreed[i] = r->said[i];
    int result = read_tokens(r);
    memset(r->agreed, 0, sizeof r->agreed);
    return result;
}

/* ---- added_tokens.json ---- */

/* Older programs add these tokens to a vocabulary and say nothing of their kind, so they have to be there by now. */
static int check_added(struct reading *r)
{
    char shown[MM_SHOWN];
    const struct mm_tokenizer *t = r->tokenizer;
    uint64_t id;
    for (const struct mm_json_value *v = mm_json_first(&r->tree, r->tree.values); v;
         v = mm_json_following(&r->tree, v)) {
        const char *name = mm_json_name(&r->tree, v);
        bool there = mm_json_whole(&r->tree, v, UINT32_MAX, &id) && id < t->piece_count &&
                     t->pieces[id].length == v->name_length &&
                     memcmp(mm_piece_text(t, (size_t)id), name, v->name_length) == 0;
        char number[MM_SHOWN];
        if (!there)
            return mm_diag_offset(
                r->diags, MM_RULE_PACK_TOKENIZER, v->offset,
                "expected the added token '%s' among the tokenizer's pieces, found none or another at %s",
                mm_show(shown, name, v->name_length), mm_json_shown(&r->tree, v, number));
    }
    return 0;
}

/* ---- config.json, generation_config.json ---- */

/* A number, or a list of them: several tokens may end a text, and the first counts where no other file says which. */
static int read_number(struct reading *r, size_t which)
{
    char shown[MM_SHOWN];
    uint64_t id;
    const struct mm_json_value *value =
        tokens[which].number ? mm_json_member(&r->tree, r->tree.values, tokens[which].number) : NULL;
    if (mm_json_kind(value, MM_JSON_ARRAY)) {
        value = mm_json_first(&r->tree, value);
        if (value && mm_json_following(&r->tree, value)) {
            mm_note_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                           "of several tokens in %s one is carried over, the others are not", tokens[which].number);
            if (r->said[which])
                return 0;
        }
    }
    if (mm_json_absent(value))
        return 0;
    if (value->kind == MM_JSON_NUMBER && mm_json_text(&r->tree, value)[0] == '-')
        return 0; /* -1: no such token */
    if (!mm_json_whole(&r->tree, value, UINT32_MAX - 1, &id) || id >= r->tokenizer->piece_count)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, value->offset,
                              "expected the number of one of the %zu pieces as %s, found %s", r->tokenizer->piece_count,
                              tokens[which].number, mm_json_shown(&r->tree, value, shown));
    return state(r, which, (uint32_t)id, value);
}

static int read_numbers(struct reading *r)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < TOKENS; i++)
        result = read_number(r, i);
    return result;
}

/* ---- the files ---- */

/* Reads FOLDER/NAME and hands it on, unless it is not there. */
static int read_file(struct reading *r, const char *folder, const char *name, int (*read)(struct reading *))
{
    const char *shown = r->diags->file;
    struct mm_buf path = {0};
    int result = 0, fd = -1;
    mm_buf_printf(&path, "%s/%s", folder, name);
    if (path.failed) {
        result = mm_diag_memory(r->diags);
    } else if (access(path.data, F_OK) == 0 || errno != ENOENT) {
        r->diags->file = path.data;
        fd = mm_checkpoint_keep_file(r->checkpoint, path.data, r->diags);
        result = fd < 0 ? -1 : mm_json_tree_read(&r->tree, fd, r->diags);
        if (result == 0 && r->tree.values[0].kind != MM_JSON_OBJECT)
            result = mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, 0, "expected an object");
        if (result == 0)
            result = read(r);
    }
    mm_json_tree_release(&r->tree);
    r->diags->file = shown;
    mm_buf_release(&path);
    return result;
}

int mm_special_tokens(struct mm_checkpoint *checkpoint, const char *folder, bool normalizes, bool fixed,
                      struct mm_diags *diags)
{
    struct reading r = {.checkpoint = checkpoint,
                        .tokenizer = &checkpoint->slm.tokenizer,
                        .diags = diags,
                        .normalizes = normalizes,
                        .fixed = fixed};
    if (read_file(&r, folder, "tokenizer_config.json", read_tokenizer_config) < 0 ||
        read_file(&r, folder, "special_tokens_map.json", read_map) < 0 ||
        read_file(&r, folder, "added_tokens.json", check_added) < 0 ||
        read_file(&r, folder, "config.json", read_numbers) < 0 ||
        read_file(&r, folder, "generation_config.json", read_numbers) < 0)
        return -1;
    return 0;
}
