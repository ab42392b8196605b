/* Finding a tokenizer's pieces by their text, in n log n whatever the pieces are. */
#ifndef MM_MODEL_PIECE_INDEX_H
#define MM_MODEL_PIECE_INDEX_H

#include "model/tokenizer.h"

struct mm_piece_entry {
    const char *text; /* of the tokenizer */
    uint32_t length, index;
};

/* A zeroed index is empty. */
struct mm_piece_index {
    struct mm_piece_entry *entries; /* by text, then index */
    size_t count;
};

/* Takes in all pieces of TOKENIZER, to which no further piece is added while the index is used. Returns 0, or -1 with IO_MEMORY. */
int mm_piece_index_build(struct mm_piece_index *index, const struct mm_tokenizer *tokenizer, struct mm_diags *diags);
void mm_piece_index_release(struct mm_piece_index *index);

/* The first piece with this text, or MM_TOKEN_NONE. */
uint32_t mm_piece_index_find(const struct mm_piece_index *index, const void *text, size_t length);

#endif
