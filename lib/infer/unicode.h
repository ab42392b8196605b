/* What Unicode 15.1 says each character is, as far as pre-tokenizers ask. Others' tokenizers may know another version: characters that came in
 * between are of another kind there. */
#ifndef MM_INFER_UNICODE_H
#define MM_INFER_UNICODE_H

#include <stdint.h>

/* Bits, of which a character has one; masks of them make classes. */
enum mm_character_kind {
    MM_CHARACTER_UPPER = 1,    /* Lu */
    MM_CHARACTER_LOWER = 2,    /* Ll */
    MM_CHARACTER_TITLE = 4,    /* Lt */
    MM_CHARACTER_MODIFIER = 8, /* Lm */
    MM_CHARACTER_LETTER = 16,  /* Lo */
    MM_CHARACTER_MARK = 32,
    MM_CHARACTER_NUMBER = 64,
    MM_CHARACTER_PUNCTUATION = 128,
    MM_CHARACTER_SYMBOL = 256,
    MM_CHARACTER_SPACE = 512, /* White_Space, controls like U+000A included */
    MM_CHARACTER_OTHER = 1024,
    MM_CHARACTER_LETTERS = 31, /* all five */
};

/* The kind of CODE; MM_CHARACTER_OTHER for numbers that are no character's. */
uint16_t mm_character_kind(uint32_t code);

#endif
