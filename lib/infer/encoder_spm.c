/* Kind llama: the neighbours that make the piece with the best score are joined, the leftmost on a tie; what is no piece in the end is spelled by the
 * pieces of its bytes. Any piece counts as one, whatever its type. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "convert/special.h"
#include "infer/encoder_parts.h"

int mm_encoder_prepare_spm(struct mm_encoder *encoder, struct mm_diags *diags)
{
    (void)diags;
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[] = "<0x00>";
        name[3] = "0123456789ABCDEF"[byte >> 4];
        name[4] = "0123456789ABCDEF"[byte & 15];
        encoder->bytes[byte] = mm_pieces_find(&encoder->pieces, mm_pieces_hash(name, 6), name, 6);
        char alone = (char)byte;
        if (encoder->bytes[byte] == MM_TOKEN_NONE)
            encoder->bytes[byte] = mm_pieces_find(&encoder->pieces, mm_pieces_hash(&alone, 1), &alone, 1);
    }
    return 0;
}

/* Spaces as U+2581. JOINS: none at the beginning and end, and one for each run. */
static void spell(struct mm_buf *out, const char *text, size_t length, bool prefix, bool joins)
{
    static const char blank[] = MM_PIECE_SPACE;
    size_t from = 0;
    while (joins && from < length && text[from] == ' ')
        from++;
    while (joins && length > from && text[length - 1] == ' ')
        length--;
    mm_buf_clear(out);
    if (prefix && (from < length || !joins))
        mm_buf_add(out, blank, sizeof blank - 1);
    while (from < length) {
        const char *space = memchr(text + from, ' ', length - from);
        size_t end = space ? (size_t)(space - text) : length;
        mm_buf_add(out, text + from, end - from);
        if (space)
            mm_buf_add(out, blank, sizeof blank - 1);
        for (from = end + (space != NULL); joins && from < length && text[from] == ' ';)
            from++;
    }
}

/* How long a character is that begins with BYTE, whatever follows. */
static size_t character_length(unsigned char byte)
{
    return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

struct looking {
    const struct mm_encoder *encoder;
    const char *text;
};

/* Better scores come first: an order of f32 as one of whole numbers, upside down. Both zeros are one. */
static uint32_t priority_of(float score)
{
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : UINT32_MAX / 2 - bits;
}

static bool look(const void *context, const struct mm_symbol *left, const struct mm_symbol *right,
                 struct mm_bigram *pair)
{
    const struct looking *looking = context;
    const struct mm_pieces *pieces = &looking->encoder->pieces;
    const struct mm_tokenizer *t = pieces->tokenizer;
    size_t length = (size_t)left->length + right->length;
    if (length > pieces->longest)
        return false;
    pair->hash = mm_pieces_join(pieces, left->hash, right->hash, right->length);
    pair->piece = mm_pieces_find(pieces, pair->hash, looking->text + left->at, length);
    if (pair->piece == MM_TOKEN_NONE)
        return false;
    pair->priority = priority_of(t->has_scores ? t->pieces[pair->piece].score : 0);
    return true;
}

/* The characters of TEXT as symbols, each a piece or none. */
static int add_symbols(const struct mm_encoder *encoder, struct mm_encoding *work, struct mm_diags *diags)
{
    const char *text = mm_buf_text(&work->text);
    work->merging.count = 0;
    for (size_t at = 0; at < work->text.length;) {
        size_t length = character_length((unsigned char)text[at]);
        if (length > work->text.length - at)
            length = work->text.length - at;
        struct mm_symbol symbol = {
            .at = (uint32_t)at, .length = (uint32_t)length, .hash = mm_pieces_hash(text + at, length)};
        symbol.piece = mm_pieces_find(&encoder->pieces, symbol.hash, text + at, length);
        if (mm_merging_add(&work->merging, &symbol, diags) < 0)
            return -1;
        at += length;
    }
    return 0;
}

int mm_encode_spm(const struct mm_encoder *encoder, struct mm_encoding *work, const char *text, size_t length,
                  bool prefix, struct mm_tokens *tokens, struct mm_diags *diags)
{
    spell(&work->text, text, length, prefix, encoder->joins_spaces);
    if (work->text.failed)
        return mm_diag_memory(diags);
    struct looking looking = {encoder, mm_buf_text(&work->text)};
    if (add_symbols(encoder, work, diags) < 0 || mm_merging_run(&work->merging, look, &looking, diags) < 0)
        return -1;
    const struct mm_merging *m = &work->merging;
    for (uint32_t i = m->count ? 0 : MM_NO_SYMBOL; i != MM_NO_SYMBOL; i = m->symbols[i].next) {
        const struct mm_symbol *symbol = &m->symbols[i];
        if (symbol->piece != MM_TOKEN_NONE) {
            if (mm_tokens_add(tokens, symbol->piece, diags) < 0)
                return -1;
            continue;
        }
        for (uint32_t j = 0; j < symbol->length; j++)
            if (mm_encoder_add_byte(encoder, (unsigned char)looking.text[symbol->at + j], tokens, diags) < 0)
                return -1;
    }
    return 0;
}
