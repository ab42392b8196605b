/* The steps of pre-tokenizers. Nobody outside these files includes this. */
#ifndef MM_INFER_PRE_TOKENIZER_PARTS_H
#define MM_INFER_PRE_TOKENIZER_PARTS_H

#include "infer/pre_tokenizer.h"
#include "infer/unicode.h"

/* A word that a step looks into: characters BEGIN to END - 1. What is outside is not seen. */
struct mm_span {
    const uint32_t *codes;
    const uint16_t *kinds;
    size_t begin, end;
};

/* Where what begins at AT ends; AT if nothing begins there. AT is inside of SPAN. Time in all positions of a text together has to grow with its length
 * alone. */
typedef size_t mm_match_fn(const struct mm_span *span, size_t at, const void *how);

struct mm_step {
    mm_match_fn *match; /* NULL: no step */
    const void *how;
};

/* The expressions that take a text apart wholly, with what they differ in. */
struct mm_word_form {
    bool contractions; /* 's 't 're 've 'm 'll 'd, in any case, before all else */
    bool
        cased; /* letters are [Lu Lt Lm Lo M]* [Ll Lm Lo M]+ or [Lu Lt Lm Lo M]+ [Ll Lm Lo M]*, with a contraction behind */
    bool attached;      /* contractions may stand behind letters */
    uint16_t letters;   /* mask: what words are made of, if not cased */
    unsigned digits;    /* numbers are taken so many at once, at most */
    const char *behind; /* what may follow symbols */
};
mm_match_fn mm_match_words;     /* of struct mm_word_form */
mm_match_fn mm_match_gpt2;      /* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
mm_match_fn mm_match_symbolic;  /* words of letters and marks, runs of punctuation and symbols: deepseek-v3 */
mm_match_fn mm_match_unstopped; /* " ?[^(\s|.,!?…。，、।۔،)]+": bloom */

/* Those that find some of it. */
mm_match_fn mm_match_numbers;     /* \p{N}{1,HOW}, HOW an unsigned */
mm_match_fn mm_match_three;       /* [0-9][0-9][0-9] */
mm_match_fn mm_match_line_break;  /* [\r\n] */
mm_match_fn mm_match_lines;       /* [^\n]+|[\n]+ */
mm_match_fn mm_match_punctuation; /* [\p{P}$+<=>^~|]+ and the characters of HOW, a string */
mm_match_fn mm_match_spaced;      /* \s?[mask HOW, a uint16_t]+ */
mm_match_fn mm_match_listed;      /* [ranges HOW]+ */
mm_match_fn mm_match_spaced_list; /* \s?[ranges HOW]+ */
mm_match_fn mm_match_last_spaces; /* \s+$ */

struct mm_code_range {
    uint32_t first, last;
};
struct mm_code_ranges {
    const struct mm_code_range *items; /* by code */
    size_t count;
};

/* The cased letters of deepseek-llm, a list of its own that is older than Unicode 15.1. */
extern const struct mm_code_ranges mm_cased_letters;

#endif
