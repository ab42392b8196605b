/* Kind llama joins the two neighbours whose joining is the piece with the best score; a list of merges joins the two that come
 * first in the list. Both do the same where
 *   - all merges that make one piece stand together in the list, so that the list is an order of pieces, and
 *   - whatever two letters or pieces make a piece are in the list, so that scores join nothing that the list does not, and
 *   - merges are of normal pieces, since bytes and added tokens come about otherwise.
 * Lists that were made from sentencepiece's models are so, and get back that model's own scores: -0, -1, -2, ... in the order
 * in which the list makes pieces, then on through the pieces that no merge makes (single letters, whose scores decide nothing).
 * Converters that give all pieces one score, or skip the two conditions, make a tokenizer that cuts texts otherwise. */
#include "convert/merge_scores.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "convert/special.h"
#include "model/piece_index.h"

/* Bounds the time for looking at every place where a piece can be parted: three times what the largest vocabularies have. */
#define TEXT_MAX (8u * 1024 * 1024)

static int compare(const void *a, const void *b)
{
    const struct mm_merge *x = a, *y = b;
    if (x->left != y->left)
        return x->left < y->left ? -1 : 1;
    return (x->right > y->right) - (x->right < y->right);
}

/* Scores of what the merges make, by the order in which they make it. PLACES has 0 for each piece, and gets 1 and more. */
static int order_pieces(const struct mm_tokenizer *t, const uint32_t *results, size_t count, uint32_t *places,
                        uint32_t *made, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    *made = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t piece = results[i];
        if (places[piece] == 0)
            places[piece] = ++*made;
        else if (results[i - 1] != piece)
            return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                           "expected the merges that make '%s' side by side, found another before merge %zu: scores of "
                           "pieces cannot tell this order",
                           mm_show(shown, mm_piece_text(t, piece), t->pieces[piece].length), i);
    }
    return 0;
}

/* Merges of bytes and of what is unknown join what stands for letters that are no pieces; scores join letters. Added tokens are
 * taken out of a text before anything is joined, or would be joined by a score that is not theirs. */
static int check_merged(const struct mm_tokenizer *t, uint32_t piece, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    if (t->pieces[piece].type == MM_PIECE_NORMAL)
        return 0;
    return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                   "expected merges of normal pieces that make normal pieces, found one with '%s', which is %s",
                   mm_show(shown, mm_piece_text(t, piece), t->pieces[piece].length),
                   t->pieces[piece].type == MM_PIECE_BYTE      ? "a byte"
                   : t->pieces[piece].type == MM_PIECE_UNKNOWN ? "the unknown piece"
                                                               : "an added token");
}

static int check_all_merged(const struct mm_tokenizer *t, const struct mm_merge *merges, const uint32_t *results,
                            size_t count, struct mm_diags *diags)
{
    for (size_t i = 0; i < count; i++)
        if (check_merged(t, merges[i].left, diags) < 0 || check_merged(t, merges[i].right, diags) < 0 ||
            check_merged(t, results[i], diags) < 0)
            return -1;
    return 0;
}

/* False for an added token that a text loses to it before pieces are joined: all without U+2581, which normalizers put there
 * later. */
static bool comes_about(const struct mm_tokenizer *t, uint32_t piece)
{
    const struct mm_piece *p = &t->pieces[piece];
    bool added = p->type == MM_PIECE_CONTROL || p->type == MM_PIECE_USER_DEFINED;
    return p->length > 0 &&
           (!added || memmem(mm_piece_text(t, piece), p->length, MM_PIECE_SPACE, strlen(MM_PIECE_SPACE)));
}

/* True if TEXT may be one of two neighbours: a single letter, piece or not, or a piece, whose index goes to PIECE. */
static bool is_neighbour(const struct mm_tokenizer *t, const struct mm_piece_index *index, const char *text,
                         size_t length, uint32_t *piece)
{
    uint32_t code;
    *piece = mm_piece_index_find(index, text, length);
    if (*piece != MM_TOKEN_NONE)
        return comes_about(t, *piece);
    return mm_utf8_decode((const unsigned char *)text, length, &code) == length;
}

/* Each place where PIECE can be parted into two neighbours is one of the merges. */
static int check_partings(const struct mm_tokenizer *t, uint32_t piece, const struct mm_piece_index *index,
                          const struct mm_merge *sorted, size_t count, struct mm_diags *diags)
{
    char left_shown[MM_SHOWN], right_shown[MM_SHOWN];
    const char *text = mm_piece_text(t, piece);
    size_t length = t->pieces[piece].length;
    uint32_t code;
    for (size_t at = 0; at < length;) {
        size_t step = mm_utf8_decode((const unsigned char *)text + at, length - at, &code);
        at += step ? step : 1;
        struct mm_merge merge;
        if (at >= length || !is_neighbour(t, index, text, at, &merge.left) ||
            !is_neighbour(t, index, text + at, length - at, &merge.right))
            continue;
        if (!bsearch(&merge, sorted, count, sizeof merge, compare))
            return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                           "expected a merge of '%s' and '%s', as these are letters or pieces and what they make is a "
                           "piece, found "
                           "none: pieces of kind llama would be joined all the same",
                           mm_show(left_shown, text, at), mm_show(right_shown, text + at, length - at));
    }
    return 0;
}

static int check_all_partings(const struct mm_tokenizer *t, const struct mm_merge *merges, size_t count,
                              struct mm_diags *diags)
{
    struct mm_piece_index index = {0};
    struct mm_merge *sorted = mm_realloc_array(NULL, count, sizeof *sorted);
    int result = sorted ? mm_piece_index_build(&index, t, diags) : mm_diag_memory(diags);
    if (t->texts.length > TEXT_MAX)
        result = mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %u bytes of pieces, found %zu", TEXT_MAX,
                         t->texts.length);
    if (result == 0 && count) {
        memcpy(sorted, merges, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare);
    }
    for (uint32_t i = 0; result == 0 && i < t->piece_count; i++)
        if (comes_about(t, i))
            result = check_partings(t, i, &index, sorted, count, diags);
    free(sorted);
    mm_piece_index_release(&index);
    return result;
}

int mm_merge_scores(struct mm_tokenizer *tokenizer, const struct mm_merge *merges, const uint32_t *results,
                    size_t count, struct mm_diags *diags)
{
    uint32_t *places = calloc(tokenizer->piece_count + 1, sizeof *places), made;
    if (!places)
        return mm_diag_memory(diags);
    int result = order_pieces(tokenizer, results, count, places, &made, diags);
    if (result == 0)
        result = check_all_merged(tokenizer, merges, results, count, diags);
    if (result == 0)
        result = check_all_partings(tokenizer, merges, count, diags);
    for (size_t i = 0; result == 0 && i < tokenizer->piece_count; i++) {
        struct mm_piece *piece = &tokenizer->pieces[i];
        if (piece->type == MM_PIECE_NORMAL && places[i] == 0)
            places[i] = ++made;
        piece->score = piece->type == MM_PIECE_NORMAL ? -(float)(places[i] - 1) : 0;
    }
    tokenizer->has_scores = true;
    free(places);
    return result;
}
