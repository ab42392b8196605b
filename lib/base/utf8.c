#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* The length that a lead byte promises, 0 for a byte that cannot lead (RFC 3629, section 4). */
static size_t promised(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    if (lead >= 0xF0 && lead <= 0xF4)
        return 4;
    return 0;
}

size_t mm_utf8_decode(const unsigned char *bytes, size_t length, uint32_t *code)
{
    static const uint32_t lowest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = promised(bytes[0]);
    if (size == 0 || size > length)
        return 0;
    uint32_t value = size == 1 ? bytes[0] : bytes[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3F);
    }
    if (value < lowest[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *code = value;
    return size;
}

size_t mm_utf8_encode(unsigned char out[static 4], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        out[i] = (unsigned char)(0x80 | (code & 0x3F));
    out[0] = (unsigned char)((0xF00u >> size) | code);
    return size;
}

bool mm_utf8_valid(const void *data, size_t length, size_t *at)
{
    const unsigned char *bytes = data;
    size_t i = 0;
    while (i < length) {
        uint32_t code;
        size_t size = mm_utf8_decode(bytes + i, length - i, &code);
        if (size == 0) {
            *at = i;
            return false;
        }
        i += size;
    }
    return true;
}

/* Completes the character that an earlier piece began; returns how many bytes it took, or SIZE_MAX if malformed. */
static size_t complete_pending(struct mm_utf8_stream *state, const unsigned char *bytes, size_t length)
{
    size_t need = promised(state->pending[0]), taken = 0;
    while (state->held < need && taken < length)
        state->pending[state->held++] = bytes[taken++];
    if (state->held < need)
        return taken;
    uint32_t code;
    if (mm_utf8_decode(state->pending, state->held, &code) == 0)
        return SIZE_MAX;
    state->held = 0;
    return taken;
}

size_t mm_utf8_stream(struct mm_utf8_stream *state, const unsigned char *bytes, size_t length)
{
    size_t i = 0;
    if (state->held) {
        i = complete_pending(state, bytes, length);
        if (i == SIZE_MAX)
            return 0;
    }
    while (i < length) {
        if (bytes[i] < 0x80) {
            i++;
            continue;
        }
        size_t need = promised(bytes[i]);
        uint32_t code;
        if (need == 0)
            return i;
        if (need > length - i) {
            state->held = length - i;
            memcpy(state->pending, bytes + i, state->held);
            return length;
        }
        if (mm_utf8_decode(bytes + i, need, &code) == 0)
            return i;
        i += need;
    }
    return length;
}

bool mm_utf8_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

bool mm_utf8_noncharacter(uint32_t code)
{
    return (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
}

bool mm_utf8_invisible(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00AD, 0x00AD}, {0x061C, 0x061C}, {0x200B, 0x200F},   {0x2028, 0x202E},
        {0x2060, 0x2069}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

size_t mm_utf8_escape(char out[static MM_UTF8_ESCAPED], const unsigned char *bytes, size_t length)
{
    uint32_t code;
    size_t size = mm_utf8_decode(bytes, length, &code);
    if (size == 0) {
        snprintf(out, MM_UTF8_ESCAPED, "\\x%02x", bytes[0]);
        return 1;
    }
    if (code == '\\') {
        memcpy(out, "\\\\", 3);
    } else if (mm_utf8_control(code) || mm_utf8_noncharacter(code) || mm_utf8_invisible(code)) {
        snprintf(out, MM_UTF8_ESCAPED, "\\u{%x}", (unsigned)code);
    } else {
        memcpy(out, bytes, size);
        out[size] = '\0';
    }
    return size;
}
