/* Text into tokens and back, as a tokenizer of .slm says (model/tokenizer.h): pieces merged by score (kind llama, as sentencepiece does), or byte-level pairs
 * merged by rank (kind gpt2), whose pre-tokenizer cuts the text first. Equal to what llama.cpp and Hugging Face's tokenizers give. */
#ifndef MM_INFER_ENCODER_H
#define MM_INFER_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "model/tokenizer.h"

struct mm_encoder; /* opaque */

struct mm_tokens {
    uint32_t *ids; /* owned; a zeroed struct is empty */
    size_t count, capacity;
};
void mm_tokens_release(struct mm_tokens *tokens);
int mm_tokens_add(struct mm_tokens *tokens, uint32_t id, struct mm_diags *diags); /* 0, or -1 with IO_MEMORY */

/* TOKENIZER is borrowed and was checked (mm_tokenizer_check). Returns 0, or -1 with INFER_UNSUPPORTED, which names the pre-tokenizer or kind that is
 * not known here, or an added token of more than 512 bytes; or IO_MEMORY. */
int mm_encoder_new(struct mm_encoder **encoder, const struct mm_tokenizer *tokenizer, struct mm_diags *diags);
void mm_encoder_free(struct mm_encoder *encoder); /* NULL is fine */

/* NAME is what the model calls itself (general.name of GGUF, name of .slm; "" for nothing): models called Phi-3 leave out white space behind added
 * tokens, of which no file tells otherwise. To be called before the first text is encoded. */
void mm_encoder_named(struct mm_encoder *encoder, const char *name);

enum mm_encode_flags {
    MM_ENCODE_AROUND = 1, /* the tokens that begin and end a text, where the tokenizer asks for them */
    MM_ENCODE_SPECIAL =
        2, /* control pieces that are spelled out in the text are tokens; user-defined ones always are */
};

#define MM_ENCODE_LENGTH_MAX 67108864 /* bytes */

/* Appends the tokens of TEXT, LENGTH bytes of any kind, to TOKENS. Bytes that are not UTF-8 are spelled as they are by kind llama, and are U+FFFD each for
 * kind gpt2. Time grows with LENGTH × log LENGTH, memory with LENGTH. Returns 0, or -1 with IO_MEMORY, IO_LIMIT, or INFER_TOKENS where the
 * pieces cannot spell the text. */
int mm_encode(const struct mm_encoder *encoder, const char *text, size_t length, unsigned flags,
              struct mm_tokens *tokens, struct mm_diags *diags);

/* Appends the bytes of the tokens to TEXT; SPECIAL: those of control pieces too. A number that is no piece's gives nothing. What is not UTF-8 stays as it is.
 * BEGINNING: these tokens begin a text, so that the space which was put before it is taken away again; tokens before it that give nothing do not
 * count. Returns 0, or -1 with IO_MEMORY. */
int mm_decode(const struct mm_encoder *encoder, const uint32_t *ids, size_t count, bool beginning, bool special,
              struct mm_buf *text, struct mm_diags *diags);

/* The bytes of one token as they stand in the middle of a text, appended to TEXT. */
void mm_decode_piece(const struct mm_encoder *encoder, uint32_t id, bool special, struct mm_buf *text);

/* The token that begins a text, or MM_TOKEN_NONE; and whether ID ends one: those that the tokenizer names (eos, eot, eom), and those that are known by their
 * text, like "<|im_end|>". */
uint32_t mm_encoder_bos(const struct mm_encoder *encoder);
bool mm_encoder_ends(const struct mm_encoder *encoder, uint32_t id);

#endif
