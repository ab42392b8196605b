#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "infer/encoder_parts.h"

/* A polynomial modulo 2^64. Any odd factor will do; equal hashes of different texts are told apart by their bytes. */
#define FACTOR UINT64_C(0x9e3779b97f4a7c15)

uint64_t mm_pieces_hash(const void *text, size_t length)
{
    const unsigned char *bytes = text;
    uint64_t hash = 0;
    for (size_t i = 0; i < length; i++)
        hash = hash * FACTOR + bytes[i] + 1;
    return hash;
}

static int compare(const void *a, const void *b)
{
    const struct mm_piece_hash *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->piece > y->piece) - (x->piece < y->piece);
}

static int allocate(struct mm_pieces *pieces)
{
    const struct mm_tokenizer *t = pieces->tokenizer;
    for (size_t i = 0; i < t->piece_count; i++)
        if (t->pieces[i].length > pieces->longest)
            pieces->longest = t->pieces[i].length;
    pieces->entries = mm_realloc_array(NULL, t->piece_count, sizeof *pieces->entries);
    pieces->hashes = mm_realloc_array(NULL, t->piece_count, sizeof *pieces->hashes);
    pieces->powers = mm_realloc_array(NULL, (size_t)pieces->longest + 1, sizeof *pieces->powers);
    for (pieces->shift = 63; pieces->shift > 44 && (size_t)1 << (64 - pieces->shift) < t->piece_count;)
        pieces->shift--;
    pieces->starts = mm_realloc_array(NULL, ((size_t)1 << (64 - pieces->shift)) + 1, sizeof *pieces->starts);
    return pieces->entries && pieces->hashes && pieces->powers && pieces->starts ? 0 : -1;
}

int mm_pieces_build(struct mm_pieces *pieces, const struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    *pieces = (struct mm_pieces){.tokenizer = tokenizer};
    if (allocate(pieces) < 0)
        return mm_diag_memory(diags);
    pieces->powers[0] = 1;
    for (size_t i = 1; i <= pieces->longest; i++)
        pieces->powers[i] = pieces->powers[i - 1] * FACTOR;
    for (size_t i = 0; i < tokenizer->piece_count; i++) {
        size_t length = tokenizer->pieces[i].length;
        pieces->hashes[i] = length ? mm_pieces_hash(mm_piece_text(tokenizer, i), length) : 0;
        if (length)
            pieces->entries[pieces->count++] = (struct mm_piece_hash){pieces->hashes[i], (uint32_t)i};
    }
    qsort(pieces->entries, pieces->count, sizeof *pieces->entries, compare);
    for (size_t i = 0, upper = 0; upper <= (size_t)1 << (64 - pieces->shift); upper++) {
        while (i < pieces->count && pieces->entries[i].hash >> pieces->shift < upper)
            i++;
        pieces->starts[upper] = (uint32_t)i;
    }
    return 0;
}

void mm_pieces_release(struct mm_pieces *pieces)
{
    free(pieces->entries);
    free(pieces->hashes);
    free(pieces->powers);
    free(pieces->starts);
    *pieces = (struct mm_pieces){0};
}

/* The first entry with HASH or a larger one. */
static size_t find_hash(const struct mm_pieces *pieces, uint64_t hash)
{
    size_t upper = (size_t)(hash >> pieces->shift), low = pieces->starts[upper], high = pieces->starts[upper + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pieces->entries[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t mm_pieces_find(const struct mm_pieces *pieces, uint64_t hash, const char *text, size_t length)
{
    const struct mm_tokenizer *t = pieces->tokenizer;
    for (size_t i = find_hash(pieces, hash); i < pieces->count && pieces->entries[i].hash == hash; i++) {
        uint32_t piece = pieces->entries[i].piece;
        if (t->pieces[piece].length == length && memcmp(mm_piece_text(t, piece), text, length) == 0)
            return piece;
    }
    return MM_TOKEN_NONE;
}

uint32_t mm_pieces_find_two(const struct mm_pieces *pieces, uint32_t left, uint32_t right)
{
    const struct mm_tokenizer *t = pieces->tokenizer;
    size_t first = t->pieces[left].length, second = t->pieces[right].length;
    if (first + second > pieces->longest)
        return MM_TOKEN_NONE;
    uint64_t hash = mm_pieces_join(pieces, pieces->hashes[left], pieces->hashes[right], second);
    for (size_t i = find_hash(pieces, hash); i < pieces->count && pieces->entries[i].hash == hash; i++) {
        uint32_t piece = pieces->entries[i].piece;
        if (t->pieces[piece].length == first + second &&
            memcmp(mm_piece_text(t, piece), mm_piece_text(t, left), first) == 0 &&
            memcmp(mm_piece_text(t, piece) + first, mm_piece_text(t, right), second) == 0)
            return piece;
    }
    return MM_TOKEN_NONE;
}
