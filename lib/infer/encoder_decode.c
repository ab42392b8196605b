#include <string.h>

#include "base/utf8.h"
#include "convert/special.h"
#include "infer/encoder_parts.h"

/* Letters as the bytes that they stand for; a piece in which one stands for none is shown as it is. */
static void add_letters(struct mm_buf *out, const char *text, size_t length)
{
    size_t before = out->length;
    uint32_t code;
    for (size_t at = 0; at < length;) {
        size_t size = mm_utf8_decode((const unsigned char *)text + at, length - at, &code);
        int byte = size ? mm_letter_byte(code) : -1;
        if (byte < 0) {
            out->length = before;
            mm_buf_add(out, text, length);
            return;
        }
        mm_buf_char(out, (char)byte);
        at += size;
    }
}

static void add_spelled(struct mm_buf *out, const char *text, size_t length)
{
    static const char blank[] = MM_PIECE_SPACE;
    for (size_t at = 0; at < length;) {
        const char *space = memmem(text + at, length - at, blank, sizeof blank - 1);
        size_t end = space ? (size_t)(space - text) : length;
        mm_buf_add(out, text + at, end - at);
        if (space)
            mm_buf_char(out, ' ');
        at = end + (space ? sizeof blank - 1 : 0);
    }
}

/* The byte of a piece <0xHH>, which mm_tokenizer_check saw to in kind llama. */
static void add_byte(struct mm_buf *out, const char *text, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high = length == 6 ? strchr(digits, text[3]) : NULL, *low = high ? strchr(digits, text[4]) : NULL;
    if (high && low && *high && *low)
        mm_buf_char(out, (char)((high - digits) << 4 | (low - digits)));
}

void mm_decode_piece(const struct mm_encoder *encoder, uint32_t id, bool special, struct mm_buf *text)
{
    const struct mm_tokenizer *t = encoder->tokenizer;
    if (id >= t->piece_count || t->pieces[id].length == 0)
        return;
    const char *piece = mm_piece_text(t, id);
    size_t length = t->pieces[id].length;
    switch (mm_encoder_type(encoder, id)) {
    case MM_PIECE_UNKNOWN:
    case MM_PIECE_CONTROL:
        if (special)
            mm_buf_add(text, piece, length);
        break;
    case MM_PIECE_USER_DEFINED: mm_buf_add(text, piece, length); break;
    case MM_PIECE_NORMAL:
        if (t->kind == MM_TOKENIZER_LLAMA)
            add_spelled(text, piece, length);
        else
            add_letters(text, piece, length);
        break;
    case MM_PIECE_BYTE: add_byte(text, piece, length); break;
    default: break; /* no text has a piece that is not used */
    }
}

int mm_decode(const struct mm_encoder *encoder, const uint32_t *ids, size_t count, bool beginning, bool special,
              struct mm_buf *text, struct mm_diags *diags)
{
    size_t begin = text->length;
    bool first = beginning && encoder->space_prefix;
    for (size_t i = 0; i < count; i++) {
        mm_decode_piece(encoder, ids[i], special, text);
        if (text->failed)
            return mm_diag_memory(diags);
        if (!first || text->length == begin)
            continue;
        if (text->data[begin] == ' ') {
            memmove(text->data + begin, text->data + begin + 1, text->length - begin);
            text->length--;
        }
        first = false;
    }
    return 0;
}
