#include "base/number.h"

#include <string.h>

bool mm_number(const char *text, size_t length, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;
    if (length == 0 || (length > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || number > (max - digit) / 10 || digit > max)
            return false;
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

bool mm_number_size(const char *text, uint64_t max, uint64_t *value)
{
    static const char suffixes[] = "KMG";
    size_t length = strlen(text);
    unsigned shift = 0;
    const char *suffix = length ? strchr(suffixes, text[length - 1]) : NULL;
    if (suffix) {
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        length--;
    }
    if (!mm_number(text, length, max >> shift, value))
        return false;
    *value <<= shift;
    return true;
}

uint64_t mm_little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

void mm_hex(char *out, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool mm_hex_hash(const char *text, size_t length, unsigned char out[MM_HASH_BYTES])
{
    if (length != MM_HASH_HEX)
        return false;
    for (size_t i = 0; i < MM_HASH_BYTES; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        if (out)
            out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
