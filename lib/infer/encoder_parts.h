/* What the files of the encoder share. Nobody outside them includes this. */
#ifndef MM_INFER_ENCODER_PARTS_H
#define MM_INFER_ENCODER_PARTS_H

#include "infer/encoder.h"
#include "infer/pre_tokenizer.h"

/* ---- pieces by their text (encoder_pieces.c) ---- */

struct mm_piece_hash {
    uint64_t hash;
    uint32_t piece;
};

/* Hashes of texts can be put together from those of their parts, so that what a merge would make is looked up without reading it. Entries are sorted, and
 * searched between the places that their uppermost bits say, so that no choice of pieces makes it slow. */
struct mm_pieces {
    const struct mm_tokenizer *tokenizer;
    struct mm_piece_hash *entries; /* by hash, then piece; pieces that are empty are not there */
    size_t count;
    uint32_t *starts; /* where the entries begin whose hash >> shift is at least so much; one more for the end */
    unsigned shift;
    uint64_t *hashes; /* of each piece */
    uint64_t *powers; /* what the hash of a text is multiplied with when so many bytes follow; longest + 1 of them */
    uint32_t longest;
};

int mm_pieces_build(struct mm_pieces *pieces, const struct mm_tokenizer *tokenizer, struct mm_diags *diags);
void mm_pieces_release(struct mm_pieces *pieces);

uint64_t mm_pieces_hash(const void *text, size_t length);

/* Of LEFT followed by RIGHT, which is LENGTH bytes long, at most longest. */
static inline uint64_t mm_pieces_join(const struct mm_pieces *pieces, uint64_t left, uint64_t right, size_t length)
{
    return left * pieces->powers[length] + right;
}

/* The piece that spells TEXT, whose hash is HASH, or MM_TOKEN_NONE. */
uint32_t mm_pieces_find(const struct mm_pieces *pieces, uint64_t hash, const char *text, size_t length);

/* The same for a text in two parts. */
uint32_t mm_pieces_find_two(const struct mm_pieces *pieces, uint32_t left, uint32_t right);

/* ---- what pieces are for (encoder_roles.c) ---- */

enum {
    MM_ROLE_TYPE = 15,   /* mask: enum mm_piece_type */
    MM_ROLE_STRIPS = 64, /* white space behind it is left out */
    MM_ROLE_ENDS = 128,  /* a text ends with it */
};

/* ---- added tokens (encoder_added.c) ---- */

#define MM_ADDED_LENGTH_MAX 512

/* Control, user-defined and unknown pieces, which are looked for in the text before all else. */
struct mm_added {
    uint32_t *pieces; /* by text */
    size_t count;
    size_t first[257]; /* where those begin whose first byte is this */
};

/* Part of a text: LENGTH bytes at AT, PIECE being MM_TOKEN_NONE, or a piece that was found there. */
struct mm_fragment {
    size_t at, length;
    uint32_t piece;
};
struct mm_fragments {
    struct mm_fragment *items;
    size_t count, capacity;
};

/* ---- merging (encoder_merge.c) ---- */

#define MM_NO_SYMBOL UINT32_MAX

/* A part of a word that is merged with its neighbours; 0 bytes long once it went into the one before. */
struct mm_symbol {
    uint32_t at, length; /* in the word */
    uint32_t previous, next;
    uint32_t piece; /* or MM_TOKEN_NONE */
    uint64_t hash;
};

/* Two neighbours that may become one: the lowest PRIORITY first, of equal ones the leftmost. */
struct mm_bigram {
    uint32_t priority, left, right;
    uint32_t length; /* of both together: another one says that the pair is no more */
    uint32_t piece;  /* what they become, or MM_TOKEN_NONE */
    uint64_t hash;   /* of what they become; kind llama alone */
};

/* Memory that words are merged in, one after the other. A zeroed one is empty. */
struct mm_merging {
    struct mm_symbol *symbols;
    size_t count, capacity;
    struct mm_bigram *pairs; /* a heap */
    size_t pair_count, pair_capacity;
};
void mm_merging_release(struct mm_merging *merging);

/* Appends a symbol behind the others. */
int mm_merging_add(struct mm_merging *merging, const struct mm_symbol *symbol, struct mm_diags *diags);

/* Whether LEFT and RIGHT may become one: then fills priority, piece and hash of PAIR. */
typedef bool mm_bigram_fn(const void *context, const struct mm_symbol *left, const struct mm_symbol *right,
                          struct mm_bigram *pair);

/* Merges the symbols as long as LOOK finds pairs. What is left begins with symbol 0 and goes on with next. */
int mm_merging_run(struct mm_merging *merging, mm_bigram_fn *look, const void *context, struct mm_diags *diags);

/* ---- the encoder ---- */

/* Pairs of pieces that are merged, by their numbers. */
struct mm_ranked {
    uint64_t pair; /* left << 32 | right */
    uint32_t rank,
        piece; /* piece: what they make, or MM_TOKEN_NONE: then they are joined all the same and spelled by bytes */
};

struct mm_encoder {
    const struct mm_tokenizer *tokenizer;
    struct mm_pieces pieces;
    uint8_t *roles; /* of each piece */
    struct mm_added added;
    uint32_t bos, eos; /* or MM_TOKEN_NONE */
    bool begins, ends; /* with them */
    bool space_prefix, joins_spaces;
    uint32_t bytes[256]; /* the piece that spells a byte, or MM_TOKEN_NONE */

    /* kind gpt2 */
    const struct mm_pre_tokenizer *way;
    struct mm_ranked *ranked;
    size_t ranked_count;
};

static inline uint8_t mm_encoder_type(const struct mm_encoder *encoder, uint32_t piece)
{
    return encoder->roles[piece] & MM_ROLE_TYPE;
}

int mm_roles_find(struct mm_encoder *encoder, struct mm_diags *diags);

int mm_added_find(struct mm_encoder *encoder, struct mm_diags *diags);
void mm_added_release(struct mm_added *added);

/* Cuts TEXT at added tokens, the longest first wherever they stand, as others do; SPECIAL: at those that are not user-defined too. */
int mm_added_cut(const struct mm_encoder *encoder, const char *text, size_t length, bool special,
                 struct mm_fragments *fragments, struct mm_diags *diags);

/* What the kind asks for beside the pieces. */
int mm_encoder_prepare_spm(struct mm_encoder *encoder, struct mm_diags *diags);
int mm_encoder_prepare_bpe(struct mm_encoder *encoder, struct mm_diags *diags);

/* Append the tokens of a fragment of text; PREFIX: a space comes before it. WORK is reused from fragment to fragment. */
struct mm_encoding {
    struct mm_merging merging;
    struct mm_buf text; /* spelled as pieces are */
    uint32_t *codes;
    uint16_t *kinds;
    bool *word_ends;
    size_t characters; /* that there is room for */
};
int mm_encode_spm(const struct mm_encoder *encoder, struct mm_encoding *work, const char *text, size_t length,
                  bool prefix, struct mm_tokens *tokens, struct mm_diags *diags);
int mm_encode_bpe(const struct mm_encoder *encoder, struct mm_encoding *work, const char *text, size_t length,
                  struct mm_tokens *tokens, struct mm_diags *diags);

/* Appends the piece of BYTE. Returns 0, or -1 with INFER_TOKENS where there is none, or IO_MEMORY. */
int mm_encoder_add_byte(const struct mm_encoder *encoder, unsigned char byte, struct mm_tokens *tokens,
                        struct mm_diags *diags);

/* The letter that stands for a byte in pieces of kind gpt2, and the byte of a letter, or -1. */
uint32_t mm_byte_letter(uint8_t byte);
int mm_letter_byte(uint32_t letter);

#endif
