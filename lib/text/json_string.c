#include "text/json_string.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

struct reading {
    const char *text;
    size_t length, at;
};

/* Four hex digits. */
static bool read_unit(struct reading *r, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = r->at < r->length ? r->text[r->at] : '\0';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* Behind \u: a character, or two halves of one. */
static bool read_code(struct reading *r, uint32_t *code)
{
    uint32_t low;
    size_t start = r->at;
    if (!read_unit(r, code))
        return false;
    if (*code < 0xD800 || *code > 0xDFFF)
        return true;
    bool paired = *code < 0xDC00 && r->length - r->at > 2 && memcmp(r->text + r->at, "\\u", 2) == 0;
    r->at += paired ? 2 : 0;
    if (paired && !read_unit(r, &low))
        return false;
    if (!paired || low < 0xDC00 || low > 0xDFFF) {
        r->at = start;
        return false;
    }
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Behind a backslash. */
static bool read_escape(struct reading *r, struct mm_buf *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    unsigned char bytes[4];
    uint32_t code;
    char c = r->at < r->length ? r->text[r->at] : '\0';
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) {
        r->at++;
        mm_buf_char(out, meanings[letter - letters]);
        return true;
    }
    if (c != 'u')
        return false;
    r->at++;
    if (!read_code(r, &code))
        return false;
    mm_buf_add(out, bytes, mm_utf8_encode(bytes, code));
    return true;
}

static bool read_character(struct reading *r, struct mm_buf *out)
{
    uint32_t code;
    const char *bytes = r->text + r->at;
    if (*bytes == '\\') {
        r->at++;
        return read_escape(r, out);
    }
    size_t size = mm_utf8_decode((const unsigned char *)bytes, r->length - r->at, &code);
    if (size == 0 || code < 0x20)
        return false;
    mm_buf_add(out, bytes, size);
    r->at += size;
    return true;
}

bool mm_json_string_read(const char *text, size_t length, struct mm_buf *out, size_t *at)
{
    struct reading r = {text, length, 1};
    *at = 0;
    if (length == 0 || text[0] != '"')
        return false;
    while (r.at < length && text[r.at] != '"')
        if (!read_character(&r, out)) {
            *at = r.at;
            return false;
        }
    *at = r.at < length ? r.at + 1 : r.at;
    return r.at + 1 == length;
}
