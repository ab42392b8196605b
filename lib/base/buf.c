#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"

void mm_buf_release(struct mm_buf *buf)
{
    free(buf->data);
    *buf = (struct mm_buf){0};
}

void mm_buf_clear(struct mm_buf *buf)
{
    buf->length = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void mm_buf_shrink(struct mm_buf *buf, size_t most)
{
    if (buf->capacity > most)
        mm_buf_release(buf);
    else
        mm_buf_clear(buf);
}

static bool reserve(struct mm_buf *buf, size_t more)
{
    size_t need;
    if (buf->failed || __builtin_add_overflow(buf->length, more, &need) || need == SIZE_MAX)
        return false;
    if (need < buf->capacity)
        return true;
    size_t capacity = buf->capacity + buf->capacity / 2;
    if (capacity < need + 1)
        capacity = need + 1 < 256 ? 256 : need + 1;
    char *data = realloc(buf->data, capacity);
    if (!data)
        return false;
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void mm_buf_add_more(struct mm_buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length)) {
        buf->failed = true;
        return;
    }
    if (length)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void mm_buf_number(struct mm_buf *buf, uint64_t number)
{
    char digits[MM_DECIMAL_DIGITS];
    mm_buf_add(buf, digits, mm_decimal_write(digits, number));
}

/* Short texts, which most are, need no memory of their own. */
void mm_buf_printf(struct mm_buf *buf, const char *format, ...)
{
    va_list arguments;
    char small[256], *text = small;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof small) {
        va_start(arguments, format);
        length = vasprintf(&text, format, arguments);
        va_end(arguments);
    }
    if (length < 0) {
        buf->failed = true;
        return;
    }
    mm_buf_add(buf, text, (size_t)length);
    if (text != small)
        free(text);
}

static void add_shown(struct mm_buf *buf, const unsigned char *bytes, size_t length, bool backslash_too)
{
    while (length > 0) {
        char piece[MM_UTF8_ESCAPED];
        size_t taken = mm_utf8_escape(piece, bytes, length);
        mm_buf_str(buf, !backslash_too && *bytes == '\\' ? "\\" : piece);
        bytes += taken;
        length -= taken;
    }
}

void mm_buf_escaped(struct mm_buf *buf, const void *bytes, size_t length)
{
    add_shown(buf, bytes, length, true);
}

void mm_buf_printable(struct mm_buf *buf, const void *bytes, size_t length)
{
    add_shown(buf, bytes, length, false);
}

static void json_character(struct mm_buf *buf, const unsigned char *bytes, size_t size, uint32_t code)
{
    if (code == '"' || code == '\\') {
        mm_buf_char(buf, '\\');
        mm_buf_char(buf, (char)code);
    } else if (mm_utf8_control(code) || ((mm_utf8_invisible(code) || mm_utf8_noncharacter(code)) && code < 0x10000)) {
        mm_buf_printf(buf, "\\u%04x", (unsigned)code);
    } else if (mm_utf8_invisible(code) || mm_utf8_noncharacter(code)) {
        uint32_t rest = code - 0x10000; /* a surrogate pair, RFC 8259, section 7 */
        mm_buf_printf(buf, "\\u%04x\\u%04x", 0xD800 + (unsigned)(rest >> 10), 0xDC00 + (unsigned)(rest & 0x3FF));
    } else {
        mm_buf_add(buf, bytes, size);
    }
}

void mm_buf_json(struct mm_buf *buf, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    mm_buf_char(buf, '"');
    for (size_t i = 0; i < length;) {
        uint32_t code;
        size_t size = mm_utf8_decode(bytes + i, length - i, &code);
        if (size == 0) {
            mm_buf_str(buf, "\xEF\xBF\xBD");
            size = 1;
        } else {
            json_character(buf, bytes + i, size, code);
        }
        i += size;
    }
    mm_buf_char(buf, '"');
}

void mm_buf_json_str(struct mm_buf *buf, const char *text)
{
    mm_buf_json(buf, text, strlen(text));
}

const char *mm_buf_text(const struct mm_buf *buf)
{
    return buf->failed ? NULL : buf->data ? buf->data : "";
}

int mm_bytes_compare(const void *a, size_t a_length, const void *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}
