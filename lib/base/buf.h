/* A growable byte buffer. Running out of memory is remembered in `failed`, so that many additions need one check. */
#ifndef MM_BASE_BUF_H
#define MM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/diag.h"

struct mm_buf {
    char *data; /* NUL-terminated at data[length] once anything was added; NULL before */
    size_t length, capacity;
    bool failed;
};

void mm_buf_release(struct mm_buf *buf);
void mm_buf_clear(struct mm_buf *buf);               /* keeps the memory */
void mm_buf_shrink(struct mm_buf *buf, size_t most); /* forgets what it holds; memory above MOST bytes is given back */
void mm_buf_add_more(struct mm_buf *buf, const void *bytes, size_t length); /* mm_buf_add where there is no room yet */

/* Many texts are made of short pieces, whose lengths are known here: most of what adding one takes would be the call. */
static inline void mm_buf_add(struct mm_buf *buf, const void *bytes, size_t length)
{
    if (buf->failed || length >= buf->capacity - buf->length || !bytes) {
        mm_buf_add_more(buf, bytes, length);
        return;
    }
    memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

static inline void mm_buf_char(struct mm_buf *buf, char character)
{
    mm_buf_add(buf, &character, 1);
}

static inline void mm_buf_str(struct mm_buf *buf, const char *text)
{
    mm_buf_add(buf, text, strlen(text));
}

void mm_buf_number(struct mm_buf *buf, uint64_t number); /* in decimal */
void mm_buf_printf(struct mm_buf *buf, const char *format, ...) MM_PRINTF(2);

/* Bytes as they may be shown on a terminal (mm_utf8_escape), however long. */
void mm_buf_escaped(struct mm_buf *buf, const void *bytes, size_t length);

/* The same for text that may quote such bytes, escaped already: backslashes stay as they are. */
void mm_buf_printable(struct mm_buf *buf, const void *bytes, size_t length);

/* The bytes as a JSON string in quotes; malformed UTF-8 becomes U+FFFD. */
void mm_buf_json(struct mm_buf *buf, const void *bytes, size_t length);
void mm_buf_json_str(struct mm_buf *buf, const char *text);

/* Order of byte strings: negative, 0 or positive; a prefix comes first. */
int mm_bytes_compare(const void *a, size_t a_length, const void *b, size_t b_length);

/* The text, "" if nothing was added; NULL after a failed addition. */
const char *mm_buf_text(const struct mm_buf *buf);

#endif
