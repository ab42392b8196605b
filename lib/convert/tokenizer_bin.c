/* llama2.c's tok.bin: i32 length of the longest piece, then f32 score, i32 length and bytes of each piece. It was exported from
 * sentencepiece: spaces stand for U+2581, and the pieces that begin and end a text are set off by line feeds. */
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "convert/sources.h"
#include "convert/special.h"

/* A million pieces of common length; real files have 32,000 of five bytes. */
#define FILE_MAX (64u * 1024 * 1024)

enum { UNKNOWN, BEGINS, ENDS }; /* what llama2.c takes the first three pieces for */

struct reading {
    struct mm_tokenizer *tokenizer;
    const unsigned char *bytes;
    size_t length, at;
    uint32_t longest;
    struct mm_diags *diags;
};

/* The next number of 4 bytes. */
static int take_number(struct reading *r, const char *what, uint32_t *number)
{
    if (r->length - r->at < 4)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, r->at, "expected %s, found the end", what);
    *number = (uint32_t)mm_little_endian(r->bytes + r->at, 4);
    r->at += 4;
    return 0;
}

/* The name of piece INDEX: without the line feeds that set off the first ones. */
static const unsigned char *name_of(size_t index, const unsigned char *text, uint32_t *length)
{
    bool set_off = (index == BEGINS || index == ENDS) && *length > 2 && text[0] == '\n' && text[*length - 1] == '\n';
    *length -= set_off ? 2 : 0;
    return text + set_off;
}

static uint8_t type_of(size_t index, const unsigned char *text, size_t length)
{
    if (index == UNKNOWN)
        return MM_PIECE_UNKNOWN;
    if (index == BEGINS || index == ENDS)
        return MM_PIECE_CONTROL;
    return mm_piece_is_byte((const char *)text, length) ? MM_PIECE_BYTE : MM_PIECE_NORMAL;
}

/* Adds a piece with its spaces as U+2581, which is how pieces of this kind are spelled. */
static int add_piece(struct reading *r, const unsigned char *text, uint32_t length, float score)
{
    static const char blank[] = MM_PIECE_SPACE;
    struct mm_buf spelled = {0};
    size_t index = r->tokenizer->piece_count;
    text = name_of(index, text, &length);
    for (uint32_t i = 0; i < length; i++)
        mm_buf_add(&spelled, text[i] == ' ' ? blank : (const char *)text + i, text[i] == ' ' ? sizeof blank - 1 : 1);
    int result = spelled.failed ? mm_diag_memory(r->diags)
                                : mm_tokenizer_add_piece(r->tokenizer, mm_buf_text(&spelled), spelled.length, score,
                                                         type_of(index, text, length), r->diags);
    mm_buf_release(&spelled);
    return result;
}

static int read_piece(struct reading *r)
{
    uint32_t bits = 0, length = 0;
    float score;
    if (take_number(r, "a piece's score", &bits) < 0 || take_number(r, "a piece's length", &length) < 0)
        return -1;
    if (length > r->length - r->at)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, r->at - 4,
                              "expected a piece of at most the %zu bytes that are left, found %" PRIu32,
                              r->length - r->at, length);
    if (length > r->longest)
        r->longest = length;
    memcpy(&score, &bits, sizeof score);
    r->at += length;
    return add_piece(r, r->bytes + r->at - length, length, score);
}

static int read_pieces(struct reading *r, uint32_t pieces)
{
    uint32_t longest = 0;
    if (take_number(r, "the length of the longest piece", &longest) < 0)
        return -1;
    while (pieces ? r->tokenizer->piece_count < pieces && r->at < r->length : r->at < r->length)
        if (read_piece(r) < 0)
            return -1;
    if (r->at < r->length)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, r->at,
                              "expected the end behind %" PRIu32 " pieces, as many as the model has, found %zu bytes",
                              pieces, r->length - r->at);
    if (r->longest != longest)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, 0,
                              "expected %" PRIu32 ", the length of the longest piece, found %" PRIu32, r->longest,
                              longest);
    if (r->tokenizer->piece_count <= ENDS)
        return mm_diag_offset(
            r->diags, MM_RULE_PACK_TOKENIZER, r->at,
            "expected more than the %zu pieces: one for what is unknown, one that begins and one that "
            "ends a text",
            r->tokenizer->piece_count);
    return 0;
}

int mm_tokenizer_from_bin(struct mm_tokenizer *tokenizer, int fd, uint32_t pieces, struct mm_diags *diags)
{
    struct mm_buf file = {0};
    int result = mm_convert_read_file(fd, FILE_MAX, &file, diags);
    struct reading r = {tokenizer, (const unsigned char *)mm_buf_text(&file), file.length, 0, 0, diags};
    tokenizer->kind = MM_TOKENIZER_LLAMA;
    tokenizer->has_scores = tokenizer->has_types = true;
    if (result == 0)
        result = read_pieces(&r, pieces);
    if (result == 0 && (mm_tokenizer_set(tokenizer, MM_SETTING_BOS, BEGINS, diags) < 0 ||
                        mm_tokenizer_set(tokenizer, MM_SETTING_EOS, ENDS, diags) < 0 ||
                        mm_tokenizer_set(tokenizer, MM_SETTING_UNKNOWN, UNKNOWN, diags) < 0))
        result = -1;
    mm_buf_release(&file);
    return result;
}
