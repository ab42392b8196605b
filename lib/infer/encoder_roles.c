/* What a piece is for where files do not say, or say otherwise than everybody takes it: tokens are known by their names. The lists are those that programs
 * for GGUF go by. */
#include <stdlib.h>
#include <string.h>

#include "convert/special.h"
#include "infer/encoder_parts.h"

/* How some write the bars of such names: U+FF5C. */
#define BAR_BEGIN "<\xef\xbd\x9c"
#define BAR_END "\xef\xbd\x9c>"

enum { CONTROLS = 1, ENDS = 2, SHOWN = 4 };

static const struct {
    const char *text;
    unsigned what;
    uint32_t unless; /* the setting that, if it names a piece, says it in place of this row; 0 for none */
} names[] = {
    {"<|eot_id|>", CONTROLS | ENDS, 0},
    {"<|im_end|>", CONTROLS | ENDS, 0},
    {"<|end|>", CONTROLS | ENDS, 0},
    {"<|return|>", CONTROLS | ENDS, 0},
    {"<|call|>", CONTROLS | ENDS, 0},
    {"<|flush|>", CONTROLS | ENDS, 0},
    {"<|calls|>", CONTROLS | ENDS, 0},
    {"<end_of_turn>", CONTROLS | ENDS, 0},
    {"<|endoftext|>", CONTROLS | ENDS, 0},
    {"<|eom_id|>", CONTROLS | ENDS, 0},
    {"<EOT>", CONTROLS | ENDS, 0},
    {"_<EOT>", CONTROLS | ENDS, 0},
    {"[EOT]", CONTROLS | ENDS, 0},
    {"[EOS]", CONTROLS | ENDS, 0},
    {"<|end_of_text|>", CONTROLS | ENDS, 0},
    {"<end_of_utterance>", CONTROLS | ENDS, 0},
    {BAR_BEGIN "end" MM_PIECE_SPACE "of" MM_PIECE_SPACE "sentence" BAR_END, CONTROLS | ENDS, 8},
    {"<|fim_prefix|>", CONTROLS, 10},
    {"<fim-prefix>", CONTROLS, 10},
    {"<fim_prefix>", CONTROLS, 10},
    {"<PRE>", CONTROLS, 10},
    {MM_PIECE_SPACE "<PRE>", CONTROLS, 10},
    {"<|code_prefix|>", CONTROLS, 10},
    {BAR_BEGIN "fim" MM_PIECE_SPACE "begin" BAR_END, CONTROLS, 10},
    {"<|fim_suffix|>", CONTROLS, 11},
    {"<fim-suffix>", CONTROLS, 11},
    {"<fim_suffix>", CONTROLS, 11},
    {"<SUF>", CONTROLS, 11},
    {MM_PIECE_SPACE "<SUF>", CONTROLS, 11},
    {"<|code_suffix|>", CONTROLS, 11},
    {BAR_BEGIN "fim" MM_PIECE_SPACE "hole" BAR_END, CONTROLS, 11},
    {"<|fim_middle|>", CONTROLS, 12},
    {"<fim-middle>", CONTROLS, 12},
    {"<fim_middle>", CONTROLS, 12},
    {"<MID>", CONTROLS, 12},
    {MM_PIECE_SPACE "<MID>", CONTROLS, 12},
    {"<|code_middle|>", CONTROLS, 12},
    {BAR_BEGIN "fim" MM_PIECE_SPACE "end" BAR_END, CONTROLS, 12},
    {"<|fim_pad|>", CONTROLS | ENDS, 13},
    {"<fim-pad>", CONTROLS | ENDS, 13},
    {"<fim_pad>", CONTROLS | ENDS, 13},
    {"<PAD>", CONTROLS | ENDS, 13},
    {"<|fim_repo|>", CONTROLS | ENDS, 14},
    {"<|repo_name|>", CONTROLS | ENDS, 14},
    {"<fim-repo>", CONTROLS | ENDS, 14},
    {"<REPO>", CONTROLS | ENDS, 14},
    {"<reponame>", CONTROLS | ENDS, 14},
    {"<|file_sep|>", CONTROLS | ENDS, 15},
    {"<|channel|>", SHOWN, 0},
    {"<|message|>", SHOWN, 0},
    {"<|start|>", SHOWN, 0},
    {"<|constrain|>", SHOWN, 0},
};

static uint32_t find(const struct mm_encoder *encoder, const char *text)
{
    size_t length = strlen(text);
    return mm_pieces_find(&encoder->pieces, mm_pieces_hash(text, length), text, length);
}

static void take_name(struct mm_encoder *encoder, const char *text, unsigned what, uint32_t unless)
{
    uint32_t stated, piece = find(encoder, text);
    if (piece == MM_TOKEN_NONE ||
        (unless && mm_tokenizer_get(encoder->tokenizer, unless, &stated) && stated < encoder->tokenizer->piece_count))
        return;
    if (what & SHOWN)
        encoder->roles[piece] = MM_PIECE_USER_DEFINED;
    if (what & CONTROLS)
        encoder->roles[piece] = MM_PIECE_CONTROL;
    if (what & ENDS)
        encoder->roles[piece] |= MM_ROLE_ENDS;
}

/* Where there are tokens that return and call, <|end|> ends a part of a text alone. */
static void take_parts(struct mm_encoder *encoder)
{
    uint32_t end = find(encoder, "<|end|>");
    bool returns = find(encoder, "<|return|>") != MM_TOKEN_NONE, flushes = find(encoder, "<|flush|>") != MM_TOKEN_NONE;
    bool calls = find(encoder, "<|call|>") != MM_TOKEN_NONE || find(encoder, "<|calls|>") != MM_TOKEN_NONE;
    if (end != MM_TOKEN_NONE && calls && (returns || flushes))
        encoder->roles[end] = MM_PIECE_USER_DEFINED;
}

int mm_roles_find(struct mm_encoder *encoder, struct mm_diags *diags)
{
    static const uint32_t enders[] = {
        MM_SETTING_EOS, 8, 9, 13, 14, 15}; /* eos, eot, eom, and those of a file that is filled in */
    const struct mm_tokenizer *t = encoder->tokenizer;
    encoder->roles = malloc(t->piece_count);
    if (!encoder->roles)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < t->piece_count; i++)
        encoder->roles[i] = t->has_types ? t->pieces[i].type : MM_PIECE_NORMAL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        take_name(encoder, names[i].text, names[i].what, names[i].unless);
    take_parts(encoder);
    for (size_t i = 0; i < sizeof enders / sizeof *enders; i++) {
        uint32_t piece;
        if (mm_tokenizer_get(t, enders[i], &piece) && piece < t->piece_count)
            encoder->roles[piece] |= MM_ROLE_ENDS;
    }
    return 0;
}

/* NAME holds one of these words, in any case. */
static bool named(const char *name, const char *word)
{
    for (; *name; name++) {
        size_t i = 0;
        while (word[i] && (name[i] == word[i] || (name[i] >= 'A' && name[i] <= 'Z' && name[i] + 32 == word[i])))
            i++;
        if (!word[i])
            return true;
    }
    return false;
}

void mm_encoder_named(struct mm_encoder *encoder, const char *name)
{
    static const char *const kept[] = {"<unk>", "<s>", "<|endoftext|>"};
    if (!named(name, "phi-3") && !named(name, "phi3"))
        return;
    for (size_t i = 0; i < encoder->added.count; i++)
        encoder->roles[encoder->added.pieces[i]] |= MM_ROLE_STRIPS;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        uint32_t piece = find(encoder, kept[i]);
        if (piece != MM_TOKEN_NONE)
            encoder->roles[piece] &= (uint8_t)~MM_ROLE_STRIPS;
    }
}
