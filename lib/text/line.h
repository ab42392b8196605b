/* The strict line grammar that all text documents share (manifest.md, Grammar): a first line that names type and
 * version, then `KEY: VALUE` lines. Every broken rule is found, not only the first. */
#ifndef MM_TEXT_LINE_H
#define MM_TEXT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/number.h"

#define MM_KEY_MAX 64
#define MM_VALUE_MAX 1024

/* A line of a document; key and value point into the document's bytes. */
struct mm_line {
    const char *key, *value;
    size_t key_length, value_length;
    uint64_t number; /* from 1 */
    bool sound;      /* the line grammar holds, so that key and value may be judged */
};

/* The column, in bytes from 1, at which LINE's value begins. */
static inline uint64_t mm_line_value_column(const struct mm_line *line)
{
    return line->key_length + 3;
}

struct mm_lines {
    const char *text, *end, *at;
    uint64_t number;
    size_t value_max; /* bytes of a value, set by who reads a document of longer ones; 0: MM_VALUE_MAX */
};

/* Starts at TEXT and checks its first line, `TYPE 0`. Returns 0, or -1 where this is another type or version of
 * document (TEXT_FIRST_LINE, TEXT_VERSION): then its lines are not to be read. */
int mm_lines_begin(struct mm_lines *lines, const char *text, size_t length, const char *type, struct mm_diags *diags);

/* The next line as it stands, checked as KEY: VALUE. Returns false at the end. */
bool mm_lines_next(struct mm_lines *lines, struct mm_line *line, struct mm_diags *diags);

/* The next line, which must be sound if there is one; behind the last, LINE is zeroed, and has no key. Returns 0, or -1 with findings. */
int mm_lines_step(struct mm_lines *lines, struct mm_line *line, struct mm_diags *diags);

/* A finding: LINE, on which mm_lines_step went, or the end is not EXPECTED. Returns -1. */
int mm_lines_misplaced(const struct mm_lines *lines, const struct mm_line *line, const char *expected,
                       struct mm_diags *diags);

/* The next line, which must be sound and have the key KEY. Returns 0, or -1 with a finding. */
int mm_lines_field(struct mm_lines *lines, const char *key, struct mm_line *line, struct mm_diags *diags);

/* The same for a number of at most MAX, and for a hash. */
int mm_lines_number(struct mm_lines *lines, const char *key, uint64_t max, uint64_t *value, struct mm_diags *diags);
int mm_lines_hash(struct mm_lines *lines, const char *key, unsigned char hash[MM_HASH_BYTES], struct mm_diags *diags);

/* A finding under RULE: LINE's value is wrong from byte AT on, where EXPECTED was expected. Returns -1. */
int mm_line_refuse(const struct mm_line *line, enum mm_rule rule, size_t at, const char *expected,
                   struct mm_diags *diags);

/* True if VALUE may stand behind a key. */
bool mm_value_sound(const char *value, size_t length);

/* True if LINE's key is KEY. */
bool mm_line_is(const struct mm_line *line, const char *key);

#endif
