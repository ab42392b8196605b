/* Added tokens in a text. Programs look for the longest first, wherever it stands, then for the next in what is left, and so on. That is one walk over the text
 * for each of them; here all places where one begins are found at once, and a heap gives them by length. A place whose token does not fit any longer, since a
 * longer one lies over its end, comes again with its next shorter one; each time that is less than half as long, so that it is soon over. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "infer/encoder_parts.h"

/* ---- which there are ---- */

static int compare(const void *a, const void *b, void *context)
{
    const struct mm_tokenizer *t = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = mm_bytes_compare(mm_piece_text(t, x), t->pieces[x].length, mm_piece_text(t, y), t->pieces[y].length);
    return order ? order : (x > y) - (x < y);
}

static bool is_added(const struct mm_encoder *encoder, uint32_t piece)
{
    uint8_t type = mm_encoder_type(encoder, piece);
    return (type == MM_PIECE_CONTROL || type == MM_PIECE_USER_DEFINED || type == MM_PIECE_UNKNOWN) &&
           encoder->tokenizer->pieces[piece].length > 0;
}

int mm_added_find(struct mm_encoder *encoder, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    struct mm_added *added = &encoder->added;
    const struct mm_tokenizer *t = encoder->tokenizer;
    size_t capacity = 0;
    for (uint32_t i = 0; i < t->piece_count; i++) {
        if (!is_added(encoder, i))
            continue;
        if (t->pieces[i].length > MM_ADDED_LENGTH_MAX)
            return mm_diag(diags, MM_RULE_INFER_UNSUPPORTED,
                           "expected added tokens of at most %d bytes, found %u in '%s'", MM_ADDED_LENGTH_MAX,
                           (unsigned)t->pieces[i].length, mm_show(shown, mm_piece_text(t, i), t->pieces[i].length));
        if (!mm_grow(&added->pieces, added->count, &capacity, sizeof *added->pieces))
            return mm_diag_memory(diags);
        added->pieces[added->count++] = i;
    }
    if (added->count)
        qsort_r(added->pieces, added->count, sizeof *added->pieces, compare, (void *)t);
    for (size_t i = 0, byte = 0; byte <= 256; byte++) {
        while (byte < 256 && i < added->count && (unsigned char)*mm_piece_text(t, added->pieces[i]) < byte)
            i++;
        added->first[byte] = byte < 256 ? i : added->count;
    }
    return 0;
}

void mm_added_release(struct mm_added *added)
{
    free(added->pieces);
    *added = (struct mm_added){0};
}

/* ---- where they are ---- */

struct found {
    size_t at;
    uint32_t piece, length;
};

struct cutting {
    const struct mm_encoder *encoder;
    const char *text;
    size_t length;
    bool special;
    unsigned char *taken; /* a bit for each byte of the text that a token covers, or that is left out behind one */
    struct found *heap;
    size_t heap_count, heap_capacity;
    struct found *placed; /* piece MM_TOKEN_NONE: what is left out */
    size_t placed_count, placed_capacity;
    struct mm_diags *diags;
};

static bool is_taken(const struct cutting *c, size_t at)
{
    return c->taken[at / 8] & 1u << at % 8;
}

static void take(struct cutting *c, size_t at, size_t length)
{
    for (size_t i = at; i < at + length; i++)
        c->taken[i / 8] |= (unsigned char)(1u << i % 8);
}

static bool counts(const struct cutting *c, uint32_t piece)
{
    return c->special || mm_encoder_type(c->encoder, piece) == MM_PIECE_USER_DEFINED;
}

/* The byte at DEPTH of the added token ENTRY, -1 where it has ended, which sorts first. */
static int byte_at(const struct cutting *c, size_t entry, size_t depth)
{
    const struct mm_tokenizer *t = c->encoder->tokenizer;
    uint32_t piece = c->encoder->added.pieces[entry];
    return depth < t->pieces[piece].length ? (unsigned char)mm_piece_text(t, piece)[depth] : -1;
}

/* The first of the entries LOW to HIGH - 1, sorted by their byte at DEPTH, whose byte is at least BYTE. */
static size_t narrow(const struct cutting *c, size_t low, size_t high, size_t depth, int byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (byte_at(c, middle, depth) < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest added token at AT of at most MOST bytes; its length is 0 if there is none. */
static struct found longest(const struct cutting *c, size_t at, size_t most)
{
    const struct mm_added *added = &c->encoder->added;
    const unsigned char *text = (const unsigned char *)c->text + at;
    struct found found = {at, MM_TOKEN_NONE, 0};
    size_t low = added->first[text[0]], high = added->first[text[0] + 1];
    for (size_t depth = 1; low < high && depth <= most; depth++) {
        /* all from LOW on have the first DEPTH bytes of the text; one that is no longer comes first */
        if (byte_at(c, low, depth) < 0) {
            if (counts(c, added->pieces[low]))
                found = (struct found){at, added->pieces[low], (uint32_t)depth};
            low++;
        }
        if (depth == most || low == high)
            break;
        if (byte_at(c, low, depth) != text[depth])
            low = narrow(c, low, high, depth, text[depth]);
        if (low < high && byte_at(c, high - 1, depth) != text[depth])
            high = narrow(c, low, high, depth, text[depth] + 1);
    }
    return found;
}

static bool before(const struct found *a, const struct found *b)
{
    if (a->length != b->length)
        return a->length > b->length;
    return a->piece != b->piece ? a->piece < b->piece : a->at < b->at;
}

static void sink(struct cutting *c, size_t at)
{
    struct found moved = c->heap[at];
    for (size_t child; (child = 2 * at + 1) < c->heap_count; at = child) {
        if (child + 1 < c->heap_count && before(&c->heap[child + 1], &c->heap[child]))
            child++;
        if (!before(&c->heap[child], &moved))
            break;
        c->heap[at] = c->heap[child];
    }
    c->heap[at] = moved;
}

static int place(struct cutting *c, size_t at, size_t length, uint32_t piece)
{
    if (!mm_grow(&c->placed, c->placed_count, &c->placed_capacity, sizeof *c->placed))
        return mm_diag_memory(c->diags);
    c->placed[c->placed_count++] = (struct found){at, piece, (uint32_t)length};
    take(c, at, length);
    return 0;
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Places the token that FOUND is, and what is left out behind it. */
static int settle(struct cutting *c, const struct found *found)
{
    size_t end = found->at + found->length, behind = end;
    if (place(c, found->at, found->length, found->piece) < 0)
        return -1;
    if (!(c->encoder->roles[found->piece] & MM_ROLE_STRIPS))
        return 0;
    while (behind < c->length && !is_taken(c, behind) && is_space(c->text[behind]))
        behind++;
    return behind > end ? place(c, end, behind - end, MM_TOKEN_NONE) : 0;
}

/* Goes through all that was found, by length. */
static int settle_all(struct cutting *c)
{
    for (size_t i = c->heap_count / 2; i-- > 0;)
        sink(c, i);
    while (c->heap_count) {
        struct found *top = &c->heap[0];
        size_t free_bytes = 0;
        while (free_bytes < top->length && !is_taken(c, top->at + free_bytes))
            free_bytes++;
        if (free_bytes == top->length && settle(c, top) < 0)
            return -1;
        struct found shorter = {0};
        if (free_bytes > 0 && free_bytes < top->length)
            shorter = longest(c, top->at, free_bytes);
        *top = shorter.length ? shorter : c->heap[--c->heap_count];
        if (c->heap_count)
            sink(c, 0);
    }
    return 0;
}

static int find_all(struct cutting *c)
{
    for (size_t at = 0; at < c->length; at++) {
        size_t left = c->length - at;
        struct found found = longest(c, at, left < MM_ADDED_LENGTH_MAX ? left : MM_ADDED_LENGTH_MAX);
        if (found.length == 0)
            continue;
        if (!mm_grow(&c->heap, c->heap_count, &c->heap_capacity, sizeof *c->heap))
            return mm_diag_memory(c->diags);
        c->heap[c->heap_count++] = found;
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static int append(struct mm_fragments *fragments, size_t at, size_t length, uint32_t piece, struct mm_diags *diags)
{
    if (!mm_grow(&fragments->items, fragments->count, &fragments->capacity, sizeof *fragments->items))
        return mm_diag_memory(diags);
    fragments->items[fragments->count++] = (struct mm_fragment){at, length, piece};
    return 0;
}

static int list_fragments(struct cutting *c, struct mm_fragments *fragments)
{
    size_t at = 0;
    if (c->placed_count)
        qsort(c->placed, c->placed_count, sizeof *c->placed, by_place);
    for (size_t i = 0; i < c->placed_count; i++) {
        const struct found *here = &c->placed[i];
        if (here->at > at && append(fragments, at, here->at - at, MM_TOKEN_NONE, c->diags) < 0)
            return -1;
        if (here->piece != MM_TOKEN_NONE && append(fragments, here->at, here->length, here->piece, c->diags) < 0)
            return -1;
        at = here->at + here->length;
    }
    return at < c->length ? append(fragments, at, c->length - at, MM_TOKEN_NONE, c->diags) : 0;
}

int mm_added_cut(const struct mm_encoder *encoder, const char *text, size_t length, bool special,
                 struct mm_fragments *fragments, struct mm_diags *diags)
{
    struct cutting c = {.encoder = encoder, .text = text, .length = length, .special = special, .diags = diags};
    int result = find_all(&c);
    if (result == 0 && c.heap_count) {
        c.taken = calloc(length / 8 + 1, 1);
        result = c.taken ? settle_all(&c) : mm_diag_memory(diags);
    }
    if (result == 0)
        result = list_fragments(&c, fragments);
    free(c.taken);
    free(c.heap);
    free(c.placed);
    return result;
}
