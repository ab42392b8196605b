/* A tokenizer as .slm holds it: pieces, scores or merges, and what special tokens there are (docs/formats/slm.md). */
#ifndef MM_MODEL_TOKENIZER_H
#define MM_MODEL_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

enum mm_tokenizer_kind { MM_TOKENIZER_LLAMA = 1, MM_TOKENIZER_GPT2 = 2 };

#define MM_TOKENIZER_PIECES_MAX 1048576
#define MM_TOKENIZER_MERGES_MAX 1048576
#define MM_TOKENIZER_SETTINGS_MAX 64
#define MM_TOKENIZER_PIECE_MAX 65535
#define MM_TOKENIZER_PRE_MAX 64
#define MM_TOKENIZER_TEXTS_MAX 67108864 /* bytes of all pieces */
#define MM_TOKEN_NONE UINT32_MAX

enum mm_piece_type {
    MM_PIECE_NORMAL = 1,
    MM_PIECE_UNKNOWN,
    MM_PIECE_CONTROL,
    MM_PIECE_USER_DEFINED,
    MM_PIECE_UNUSED,
    MM_PIECE_BYTE,
};

struct mm_piece {
    size_t at;       /* in texts */
    uint16_t length; /* bytes */
    uint8_t type;    /* enum mm_piece_type, meaningful if has_types */
    float score;     /* meaningful if has_scores */
};

struct mm_merge {
    uint32_t left, right;
};

struct mm_setting {
    uint32_t number, value;
};

/* A zeroed tokenizer is empty. */
struct mm_tokenizer {
    enum mm_tokenizer_kind kind;
    char pre[MM_TOKENIZER_PRE_MAX + 1]; /* "" where none is stated */
    bool has_scores, has_types;
    struct mm_piece *pieces;
    size_t piece_count, piece_capacity;
    struct mm_buf texts;
    struct mm_merge *merges; /* in rank order */
    size_t merge_count, merge_capacity;
    struct mm_setting settings[MM_TOKENIZER_SETTINGS_MAX]; /* by number */
    size_t setting_count;
};

struct mm_setting_info {
    uint32_t number;
    const char *gguf; /* behind "tokenizer.ggml." */
    bool token;       /* a piece's index; else a switch */
    const char *meaning;
};
#define MM_TOKENIZER_SETTING_COUNT 20
extern const struct mm_setting_info mm_tokenizer_settings[MM_TOKENIZER_SETTING_COUNT];

/* The setting with that number, or with that key behind "tokenizer.ggml."; NULL for none. */
const struct mm_setting_info *mm_tokenizer_setting(uint32_t number);
const struct mm_setting_info *mm_tokenizer_setting_of(const char *gguf);

void mm_tokenizer_release(struct mm_tokenizer *tokenizer);

/* Each adds one thing. Returns 0, or -1 with IO_LIMIT or IO_MEMORY. A setting that is there already is replaced. */
int mm_tokenizer_add_piece(struct mm_tokenizer *tokenizer, const void *text, size_t length, float score, uint8_t type,
                           struct mm_diags *diags);
int mm_tokenizer_add_merge(struct mm_tokenizer *tokenizer, uint32_t left, uint32_t right, struct mm_diags *diags);
int mm_tokenizer_set(struct mm_tokenizer *tokenizer, uint32_t number, uint32_t value, struct mm_diags *diags);

/* The value of a setting; false where it is not stated. */
bool mm_tokenizer_get(const struct mm_tokenizer *tokenizer, uint32_t number, uint32_t *value);

static inline const char *mm_piece_text(const struct mm_tokenizer *tokenizer, size_t index)
{
    return tokenizer->texts.data + tokenizer->pieces[index].at;
}

/* Every rule of slm.md, section Tokenizer, whatever the tokenizer was made from. Findings (SLM_TOKENIZER) have OFFSET as
 * their place and name the piece, merge or setting. Returns 0, or -1. */
int mm_tokenizer_check(const struct mm_tokenizer *tokenizer, uint64_t offset, struct mm_diags *diags);

#endif
