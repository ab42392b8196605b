#include "infer/encoder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "convert/special.h"
#include "infer/encoder_parts.h"

void mm_tokens_release(struct mm_tokens *tokens)
{
    free(tokens->ids);
    *tokens = (struct mm_tokens){0};
}

int mm_tokens_add(struct mm_tokens *tokens, uint32_t id, struct mm_diags *diags)
{
    if (!mm_grow(&tokens->ids, tokens->count, &tokens->capacity, sizeof *tokens->ids))
        return mm_diag_memory(diags);
    tokens->ids[tokens->count++] = id;
    return 0;
}

int mm_encoder_add_byte(const struct mm_encoder *encoder, unsigned char byte, struct mm_tokens *tokens,
                        struct mm_diags *diags)
{
    if (encoder->bytes[byte] == MM_TOKEN_NONE)
        return mm_diag(diags, MM_RULE_INFER_TOKENS, "expected pieces that spell the text, found none for byte 0x%02x",
                       byte);
    return mm_tokens_add(tokens, encoder->bytes[byte], diags);
}

/* ---- settings ---- */

/* The piece that setting NUMBER names; UNSTATED where there is none, or no such piece. */
static uint32_t token_of(const struct mm_tokenizer *tokenizer, uint32_t number, uint32_t unstated)
{
    uint32_t piece;
    if (mm_tokenizer_get(tokenizer, number, &piece) && piece < tokenizer->piece_count)
        return piece;
    return unstated < tokenizer->piece_count ? unstated : MM_TOKEN_NONE;
}

static bool switch_of(const struct mm_tokenizer *tokenizer, uint32_t number, bool unstated)
{
    uint32_t value;
    return mm_tokenizer_get(tokenizer, number, &value) ? value != 0 : unstated;
}

/* What is not stated is what programs for GGUF take then. */
static void settle(struct mm_encoder *e)
{
    const struct mm_tokenizer *t = e->tokenizer;
    bool llama = t->kind == MM_TOKENIZER_LLAMA;
    e->bos = token_of(t, MM_SETTING_BOS, llama ? 1 : MM_TOKEN_NONE);
    e->eos = token_of(t, MM_SETTING_EOS, llama ? 2 : MM_TOKEN_NONE);
    e->begins = switch_of(t, MM_SETTING_ADD_BOS, llama || mm_pre_tokenizer_begins(e->way));
    e->ends = switch_of(t, MM_SETTING_ADD_EOS, false);
    e->space_prefix = llama && switch_of(t, MM_SETTING_SPACE_PREFIX, true);
    e->joins_spaces = llama && switch_of(t, MM_SETTING_REMOVE_SPACES, false);
}

static int prepare(struct mm_encoder *e, struct mm_diags *diags)
{
    const struct mm_tokenizer *t = e->tokenizer;
    if (t->kind != MM_TOKENIZER_LLAMA && t->kind != MM_TOKENIZER_GPT2)
        return mm_diag(diags, MM_RULE_INFER_UNSUPPORTED, "expected a tokenizer of kind 1 (llama) or 2 (gpt2), found %u",
                       (unsigned)t->kind);
    if (mm_pieces_build(&e->pieces, t, diags) < 0 || mm_roles_find(e, diags) < 0 || mm_added_find(e, diags) < 0)
        return -1;
    int result = t->kind == MM_TOKENIZER_LLAMA ? mm_encoder_prepare_spm(e, diags) : mm_encoder_prepare_bpe(e, diags);
    if (result == 0)
        settle(e);
    return result;
}

int mm_encoder_new(struct mm_encoder **encoder, const struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    *encoder = calloc(1, sizeof **encoder);
    if (!*encoder)
        return mm_diag_memory(diags);
    (*encoder)->tokenizer = tokenizer;
    if (prepare(*encoder, diags) == 0)
        return 0;
    mm_encoder_free(*encoder);
    *encoder = NULL;
    return -1;
}

void mm_encoder_free(struct mm_encoder *encoder)
{
    if (!encoder)
        return;
    mm_pieces_release(&encoder->pieces);
    mm_added_release(&encoder->added);
    free(encoder->roles);
    free(encoder->ranked);
    free(encoder);
}

uint32_t mm_encoder_bos(const struct mm_encoder *encoder)
{
    return encoder->bos;
}

bool mm_encoder_ends(const struct mm_encoder *encoder, uint32_t id)
{
    return id < encoder->tokenizer->piece_count && encoder->roles[id] & MM_ROLE_ENDS;
}

/* ---- encoding ---- */

static int encode_fragments(const struct mm_encoder *e, const char *text, const struct mm_fragments *fragments,
                            struct mm_encoding *work, struct mm_tokens *tokens, struct mm_diags *diags)
{
    bool behind_token = true; /* the beginning counts as such */
    for (size_t i = 0; i < fragments->count; i++) {
        const struct mm_fragment *f = &fragments->items[i];
        int result;
        if (f->piece != MM_TOKEN_NONE)
            result = mm_tokens_add(tokens, f->piece, diags);
        else if (e->tokenizer->kind == MM_TOKENIZER_LLAMA)
            result = mm_encode_spm(e, work, text + f->at, f->length, e->space_prefix && behind_token, tokens, diags);
        else
            result = mm_encode_bpe(e, work, text + f->at, f->length, tokens, diags);
        if (result < 0)
            return -1;
        behind_token = f->piece != MM_TOKEN_NONE;
    }
    return 0;
}

int mm_encode(const struct mm_encoder *encoder, const char *text, size_t length, unsigned flags,
              struct mm_tokens *tokens, struct mm_diags *diags)
{
    struct mm_fragments fragments = {0};
    struct mm_encoding work = {0};
    bool around = flags & MM_ENCODE_AROUND;
    if (length > MM_ENCODE_LENGTH_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "texts of at most %d bytes are cut into tokens, found %zu",
                       MM_ENCODE_LENGTH_MAX, length);
    int result = mm_added_cut(encoder, text, length, flags & MM_ENCODE_SPECIAL, &fragments, diags);
    if (result == 0 && around && encoder->begins && encoder->bos != MM_TOKEN_NONE)
        result = mm_tokens_add(tokens, encoder->bos, diags);
    if (result == 0)
        result = encode_fragments(encoder, text, &fragments, &work, tokens, diags);
    if (result == 0 && around && encoder->ends && encoder->eos != MM_TOKEN_NONE)
        result = mm_tokens_add(tokens, encoder->eos, diags);
    mm_merging_release(&work.merging);
    mm_buf_release(&work.text);
    free(work.codes);
    free(work.kinds);
    free(work.word_ends);
    free(fragments.items);
    return result;
}
