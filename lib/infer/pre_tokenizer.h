/* How byte-level tokenizers cut a text into words, inside which alone pieces are merged: the ways that GGUF files name in tokenizer.ggml.pre. Each is a
 * list of steps; a step looks for what its regular expression says in each word of the steps before, and makes what it finds, and what stands between, words
 * of their own. The expressions are written out as functions here, so that no text makes them slow. */
#ifndef MM_INFER_PRE_TOKENIZER_H
#define MM_INFER_PRE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mm_pre_tokenizer; /* constant */

/* The way that NAME stands for ("": default); NULL for one that is not known here. */
const struct mm_pre_tokenizer *mm_pre_tokenizer_find(const char *name);

/* Whether a word that is a piece is taken whole, whatever its merges make of it; and whether a text begins with bos_token_id where the
 * tokenizer does not say. */
bool mm_pre_tokenizer_ignores_merges(const struct mm_pre_tokenizer *way);
bool mm_pre_tokenizer_begins(const struct mm_pre_tokenizer *way);

/* A text as characters, with marks where words end. */
struct mm_characters {
    const uint32_t *codes;
    const uint16_t *kinds; /* mm_character_kind of each */
    bool
        *ends; /* ends[i]: a word ends behind character i; all false before the first cut, and then the last one true */
    size_t count;
};

/* Sets TEXT->ends. Time and memory grow with the number of characters alone. */
void mm_pre_tokenizer_cut(const struct mm_pre_tokenizer *way, struct mm_characters *text);

#endif
