/* The pairs of a GGUF header in memory, one after the other, for those that take over what a file says. The file was found
 * sound by mm_gguf_read; bytes that changed since are noticed and never trusted. */
#ifndef MM_MODEL_GGUF_HEAD_H
#define MM_MODEL_GGUF_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "model/gguf_type.h"

struct mm_gguf_head {
    const unsigned char *begin, *at, *end;
    uint64_t left; /* pairs */
};

/* Everything points into the header. */
struct mm_gguf_pair {
    const char *key; /* without NUL */
    size_t key_length;
    uint64_t offset;  /* of the value in the file */
    uint32_t type;    /* enum mm_gguf_type */
    uint32_t element; /* of an array */
    uint64_t count;   /* elements of an array */
    const unsigned char *value;
    size_t size; /* bytes of a string, of a number, of all elements of an array */
};

/* Starts at the first pair of HEAD, which are the file's first LENGTH bytes. Returns 0, or -1 with IO_CHANGED. */
int mm_gguf_head_begin(struct mm_gguf_head *head, const void *bytes, size_t length, struct mm_diags *diags);

/* Takes the next pair. Returns 1, 0 behind the last, or -1 with IO_CHANGED. */
int mm_gguf_head_next(struct mm_gguf_head *head, struct mm_gguf_pair *pair, struct mm_diags *diags);

/* True if PAIR has the key KEY. */
bool mm_gguf_pair_is(const struct mm_gguf_pair *pair, const char *key);

/* What stands behind PREFIX in PAIR's key, with its length; NULL if the key begins otherwise. */
const char *mm_gguf_pair_behind(const struct mm_gguf_pair *pair, const char *prefix, size_t *length);

/* The value of a pair of an integer type; false for another type and for negative numbers. */
bool mm_gguf_pair_whole(const struct mm_gguf_pair *pair, uint64_t *value);

/* The value of an f32; false for another type. */
bool mm_gguf_pair_real(const struct mm_gguf_pair *pair, float *value);

/* True for an array of ELEMENT. */
bool mm_gguf_pair_array(const struct mm_gguf_pair *pair, enum mm_gguf_type element);

/* Element INDEX, below its count, of an array of f32 or of i32, as stored. */
uint32_t mm_gguf_pair_element(const struct mm_gguf_pair *pair, uint64_t index);

/* Walks the strings of an array: *AT is NULL before the first. Returns 1 with TEXT and LENGTH, 0 behind the last. */
int mm_gguf_pair_string(const struct mm_gguf_pair *pair, const unsigned char **at, const char **text, size_t *length);

#endif
