/* Kind gpt2: a text is cut into words, whose bytes are letters; the pair of neighbours that stands first in the list of merges is joined, the leftmost on a
 * tie. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "infer/encoder_parts.h"
#include "infer/unicode.h"

#define REPLACEMENT 0xfffd

/* ---- bytes as letters: those that are printable in Latin-1 are themselves, the others follow U+0100 in their order ---- */

static bool is_itself(unsigned byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
}

uint32_t mm_byte_letter(uint8_t byte)
{
    if (is_itself(byte))
        return byte;
    if (byte == 0xad)
        return 0x143;
    return byte < 0x21 ? 0x100u + byte : 0x121u + (byte - 0x7fu);
}

int mm_letter_byte(uint32_t letter)
{
    if (letter < 0x100)
        return is_itself(letter) ? (int)letter : -1;
    if (letter <= 0x120)
        return (int)(letter - 0x100);
    if (letter <= 0x142)
        return (int)(letter - 0x121 + 0x7f);
    return letter == 0x143 ? 0xad : -1;
}

static uint32_t find_letter(const struct mm_encoder *encoder, uint8_t byte)
{
    unsigned char letter[4];
    size_t length = mm_utf8_encode(letter, mm_byte_letter(byte));
    return mm_pieces_find(&encoder->pieces, mm_pieces_hash(letter, length), (const char *)letter, length);
}

/* ---- merges ---- */

static int compare(const void *a, const void *b)
{
    const struct mm_ranked *x = a, *y = b;
    return (x->pair > y->pair) - (x->pair < y->pair);
}

int mm_encoder_prepare_bpe(struct mm_encoder *encoder, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    const struct mm_tokenizer *t = encoder->tokenizer;
    encoder->way = mm_pre_tokenizer_find(t->pre);
    if (!encoder->way)
        return mm_diag(diags, MM_RULE_INFER_UNSUPPORTED, "expected a pre-tokenizer that is known here, found '%s'",
                       mm_show(shown, t->pre, strlen(t->pre)));
    encoder->ranked = mm_realloc_array(NULL, t->merge_count, sizeof *encoder->ranked);
    if (!encoder->ranked)
        return mm_diag_memory(diags);
    encoder->ranked_count = t->merge_count;
    for (size_t i = 0; i < t->merge_count; i++)
        encoder->ranked[i] =
            (struct mm_ranked){(uint64_t)t->merges[i].left << 32 | t->merges[i].right, (uint32_t)i,
                               mm_pieces_find_two(&encoder->pieces, t->merges[i].left, t->merges[i].right)};
    if (t->merge_count)
        qsort(encoder->ranked, t->merge_count, sizeof *encoder->ranked, compare);
    for (unsigned byte = 0; byte < 256; byte++)
        encoder->bytes[byte] = find_letter(encoder, (uint8_t)byte);
    return 0;
}

static bool look(const void *context, const struct mm_symbol *left, const struct mm_symbol *right,
                 struct mm_bigram *pair)
{
    const struct mm_encoder *encoder = context;
    uint64_t wanted = (uint64_t)left->piece << 32 | right->piece;
    size_t low = 0, high = encoder->ranked_count;
    if (left->piece == MM_TOKEN_NONE || right->piece == MM_TOKEN_NONE)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (encoder->ranked[middle].pair < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == encoder->ranked_count || encoder->ranked[low].pair != wanted)
        return false;
    pair->priority = encoder->ranked[low].rank;
    pair->piece = encoder->ranked[low].piece;
    return true;
}

/* ---- words ---- */

static int take_word(const struct mm_encoder *encoder, struct mm_encoding *work, const unsigned char *word,
                     size_t length, struct mm_tokens *tokens, struct mm_diags *diags)
{
    struct mm_merging *m = &work->merging;
    if (mm_pre_tokenizer_ignores_merges(encoder->way)) {
        unsigned char letter[4];
        mm_buf_clear(&work->text);
        for (size_t i = 0; i < length; i++)
            mm_buf_add(&work->text, letter, mm_utf8_encode(letter, mm_byte_letter(word[i])));
        if (work->text.failed)
            return mm_diag_memory(diags);
        uint32_t whole = MM_TOKEN_NONE;
        if (work->text.length <= encoder->pieces.longest)
            whole = mm_pieces_find(&encoder->pieces, mm_pieces_hash(work->text.data, work->text.length),
                                   work->text.data, work->text.length);
        if (whole != MM_TOKEN_NONE)
            return mm_tokens_add(tokens, whole, diags);
    }
    m->count = 0;
    for (size_t i = 0; i < length; i++)
        if (mm_merging_add(m, &(struct mm_symbol){.at = (uint32_t)i, .length = 1, .piece = encoder->bytes[word[i]]},
                           diags) < 0)
            return -1;
    if (mm_merging_run(m, look, encoder, diags) < 0)
        return -1;
    for (uint32_t i = m->count ? 0 : MM_NO_SYMBOL; i != MM_NO_SYMBOL; i = m->symbols[i].next) {
        const struct mm_symbol *symbol = &m->symbols[i];
        if (symbol->piece != MM_TOKEN_NONE && mm_tokens_add(tokens, symbol->piece, diags) < 0)
            return -1;
        for (uint32_t j = 0; symbol->piece == MM_TOKEN_NONE && j < symbol->length; j++)
            if (mm_encoder_add_byte(encoder, word[symbol->at + j], tokens, diags) < 0)
                return -1;
    }
    return 0;
}

/* ---- characters ---- */

/* The character at TEXT as programs for GGUF read it: surrogates are characters too; what else is malformed is U+FFFD for one byte. Returns its
 * length. */
static size_t read_character(const unsigned char *text, size_t length, uint32_t *code)
{
    size_t size = text[0] < 0x80 ? 1 : text[0] < 0xc0 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    *code = REPLACEMENT;
    if (size == 0 || size > length || text[0] >= 0xf8)
        return 1;
    uint32_t value = size == 1 ? text[0] : text[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (text[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value > 0x10ffff || value < least[size])
        return 1;
    *code = value;
    return size;
}

/* As UTF-8, surrogates too. */
static size_t write_character(unsigned char out[static 4], uint32_t code)
{
    if (code < 0xd800 || code > 0xdfff)
        return mm_utf8_encode(out, code);
    out[0] = (unsigned char)(0xe0 | code >> 12);
    out[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (unsigned char)(0x80 | (code & 0x3f));
    return 3;
}

static int make_room(struct mm_encoding *work, size_t characters)
{
    if (characters <= work->characters)
        return 0;
    uint32_t *codes = mm_realloc_array(work->codes, characters, sizeof *codes);
    if (codes)
        work->codes = codes;
    uint16_t *kinds = mm_realloc_array(work->kinds, characters, sizeof *kinds);
    if (kinds)
        work->kinds = kinds;
    bool *ends = mm_realloc_array(work->word_ends, characters, sizeof *ends);
    if (ends)
        work->word_ends = ends;
    if (!codes || !kinds || !ends)
        return -1;
    work->characters = characters;
    return 0;
}

/* Cuts the characters and merges each word. */
static int take_words(const struct mm_encoder *encoder, struct mm_encoding *work, size_t count,
                      struct mm_tokens *tokens, struct mm_diags *diags)
{
    struct mm_characters characters = {work->codes, work->kinds, work->word_ends, count};
    struct mm_buf word = {0};
    unsigned char bytes[4];
    int result = 0;
    mm_pre_tokenizer_cut(encoder->way, &characters);
    for (size_t i = 0; i < count && result == 0; i++) {
        mm_buf_add(&word, bytes, write_character(bytes, work->codes[i]));
        if (word.failed)
            result = mm_diag_memory(diags);
        else if (work->word_ends[i]) {
            result = take_word(encoder, work, (const unsigned char *)word.data, word.length, tokens, diags);
            mm_buf_clear(&word);
        }
    }
    mm_buf_release(&word);
    return result;
}

int mm_encode_bpe(const struct mm_encoder *encoder, struct mm_encoding *work, const char *text, size_t length,
                  struct mm_tokens *tokens, struct mm_diags *diags)
{
    size_t count = 0;
    if (make_room(work, length) < 0)
        return mm_diag_memory(diags);
    for (size_t at = 0; at < length; count++) {
        at += read_character((const unsigned char *)text + at, length - at, &work->codes[count]);
        work->kinds[count] = mm_character_kind(work->codes[count]);
        work->word_ends[count] = false;
    }
    return take_words(encoder, work, count, tokens, diags);
}
