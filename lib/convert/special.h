/* What the readers of tokenizer files share: special tokens and what is said of them in the files beside a tokenizer. Nobody
 * outside lib/convert includes this. */
#ifndef MM_CONVERT_SPECIAL_H
#define MM_CONVERT_SPECIAL_H

#include "model/tokenizer.h"
#include "text/json_tree.h"

/* How pieces of kind llama spell a space: U+2581. */
#define MM_PIECE_SPACE "\xe2\x96\x81"

/* Numbers of tokenizer.def that conversions state. */
enum {
    MM_SETTING_BOS = 1,
    MM_SETTING_EOS = 2,
    MM_SETTING_UNKNOWN = 3,
    MM_SETTING_PADDING = 5,
    MM_SETTING_ADD_BOS = 32,
    MM_SETTING_ADD_EOS = 33,
    MM_SETTING_SPACE_PREFIX = 35,
    MM_SETTING_REMOVE_SPACES = 36,
};

/* True if TEXT is <0xHH>. */
bool mm_piece_is_byte(const char *text, size_t length);

/* The file FD from its first byte on, whole. Returns 0, or -1 with IO_READ or IO_LIMIT. */
int mm_convert_read_file(int fd, size_t limit, struct mm_buf *out, struct mm_diags *diags);

/* A token that is matched in the raw text, whatever pieces spell. */
struct mm_added_token {
    uint32_t id;
    const char *text;
    size_t length;
    bool special;
};

/* Reads an entry of added_tokens (with its "id") or of added_tokens_decoder (whose name is the id). NORMALIZES: text changes
 * before tokens are matched, so that "normalized" has a meaning. Returns 0, or -1 with PACK_TOKENIZER: what no .slm tells
 * of a token is refused by the token's name. */
int mm_added_token_read(const struct mm_json_tree *tree, const struct mm_json_value *entry, bool normalizes,
                        struct mm_added_token *token, struct mm_diags *diags);

/* Reads all entries of LIST, an array or an object, by id: members of an object have no order. The caller frees *OUT, also
 * after a failure. */
int mm_added_tokens_read(const struct mm_json_tree *tree, const struct mm_json_value *list, bool normalizes,
                         struct mm_added_token **out, size_t *count, struct mm_diags *diags);

/* Puts TOKEN where its id says: gives the piece that is there already its type, or becomes the next piece. A piece that is an added token
 * already keeps its type, or is refused with another. */
int mm_added_token_put(struct mm_tokenizer *tokenizer, const struct mm_added_token *token, struct mm_diags *diags);

#endif
