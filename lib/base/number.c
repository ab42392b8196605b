#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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
    static const char prefixes[] = "KMGT";
    size_t length = strlen(text), end = length;
    uint64_t unit = 1, base = 1024;
    if (end > 1 && text[end - 1] == 'B') {
        base = text[end - 2] == 'i' ? 1024 : 1000;
        end -= base == 1024 ? 2 : 1;
    }
    const char *prefix = end ? strchr(prefixes, text[end - 1]) : NULL;
    if (prefix && end--)
        for (long i = prefix - prefixes; i >= 0; i--)
            unit *= base;
    else if (end != length)
        return false; /* bytes need no unit */
    if (!mm_number(text, end, max / unit, value))
        return false;
    *value *= unit;
    return true;
}

uint64_t mm_little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* ---- real numbers ----
 * A locale changes the point that printf writes and strtof reads, so both are given numbers without one. */

#define DIGITS_MAX 9 /* of a decimal number that tells every f32 from the others */

/* A decimal number: DIGITS[0].DIGITS[1]... times 10^EXPONENT, without zeros at the end. */
struct decimal {
    bool negative;
    char digits[DIGITS_MAX + 1];
    int count, exponent;
};

/* Sizes whose digits follow from whole numbers of 64 bits: nearly all that are written. */
#define PLAIN_LEAST (-4) /* as powers of ten: from 10^-4 on, below 10^6 */
#define PLAIN_MOST 5

static const uint64_t powers[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
};

/* The digits of NUMBER, which is not 0, times 10^-PLACES. */
static void set_digits(struct decimal *decimal, uint64_t number, int places)
{
    char digits[MM_DECIMAL_DIGITS];
    int count = (int)mm_decimal_write(digits, number);
    decimal->exponent = count - 1 - places;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    memcpy(decimal->digits, digits, (size_t)count);
    decimal->digits[count] = '\0';
    decimal->count = count;
}

/* The power of ten at or below VALUE, or PLAIN_MOST + 1 where whole numbers do not do. No f32 lies between a power and the nearest double. */
static int plain_exponent(double value)
{
    static const double next[] = {1e-3, 1e-2, 1e-1, 1, 10, 100, 1000, 1e4, 1e5};
    int exponent = PLAIN_LEAST;
    if (!(value >= 1e-4 && value < 1e6))
        return PLAIN_MOST + 1;
    while (exponent < PLAIN_MOST && value >= next[exponent - PLAIN_LEAST])
        exponent++;
    return exponent;
}

/* The first precision from 6 digits on at which VALUE, whose power of ten is EXPONENT, reads back. VALUE is m / 2^q, and m × 10^places less than 2^64; a
 * decimal number reads back if it lies less than half a unit of m from it, or half a unit if m is even: units are halves below a power of two. */
static int write_plainly(float value, int exponent, struct decimal *decimal)
{
    int shift;
    uint64_t mantissa = (uint64_t)(frexpf(fabsf(value), &shift) * 0x1p24F);
    shift = 24 - shift; /* from 4 to 37 */
    for (int precision = 6;; precision++) {
        int places = precision - 1 - exponent;
        uint64_t scaled = mantissa * powers[places], number = scaled >> shift;
        uint64_t rest = scaled & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
        bool up = rest > half || (rest == half && number % 2 == 1);
        uint64_t apart = 2 * (up ? 2 * half - rest : rest) * (!up && mantissa == 1 << 23 ? 2 : 1);
        if (precision < DIGITS_MAX && (apart > powers[places] || (apart == powers[places] && mantissa % 2 == 1)))
            continue;
        decimal->negative = value < 0;
        set_digits(decimal, number + up, places);
        return precision;
    }
}

/* VALUE rounded to PRECISION digits. */
static struct decimal to_decimal(float value, int precision)
{
    struct decimal decimal = {.negative = value < 0};
    char text[48];
    snprintf(text, sizeof text, "%.*e", precision - 1, (double)value);
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && decimal.count < DIGITS_MAX)
            decimal.digits[decimal.count++] = *at;
    for (const char *digit = at + 2; *digit; digit++)
        decimal.exponent = decimal.exponent * 10 + (*digit - '0');
    if (at[1] == '-')
        decimal.exponent = -decimal.exponent;
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0')
        decimal.count--;
    decimal.digits[decimal.count] = '\0';
    return decimal;
}

/* The number that NUMBER × 10^-PLACES means, if that is certain: it is rounded twice, which does no harm but where the first rounding leaves half a
 * unit of the second. */
static bool divide(uint64_t number, int places, float *value)
{
    double quotient = (double)number / (double)powers[places];
    uint64_t bits;
    memcpy(&bits, &quotient, sizeof bits);
    *value = (float)quotient;
    return (bits & 0x1FFFFFFF) != 0x10000000;
}

static float from_decimal(const struct decimal *decimal)
{
    char text[MM_REAL_TEXT];
    float value;
    uint64_t number = 0;
    int places = decimal->count - 1 - decimal->exponent;
    for (int i = 0; i < decimal->count; i++)
        number = number * 10 + (uint64_t)(decimal->digits[i] - '0');
    if (decimal->exponent >= PLAIN_LEAST && places >= 0 && divide(number, places, &value))
        return decimal->negative ? -value : value;
    snprintf(text, sizeof text, "%s%se%d", decimal->negative ? "-" : "", decimal->digits,
             decimal->exponent - decimal->count + 1);
    return strtof(text, NULL);
}

/* As %g of that precision spells it. */
static void spell(char out[static MM_REAL_TEXT], const struct decimal *decimal, int precision)
{
    const char *sign = decimal->negative ? "-" : "", *digits = decimal->digits;
    int exponent = decimal->exponent, whole = exponent + 1, count = decimal->count;
    if (exponent < -4 || exponent >= precision)
        snprintf(out, MM_REAL_TEXT, "%s%c%s%se%c%02d", sign, digits[0], count > 1 ? "." : "", digits + 1,
                 exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
    else if (exponent < 0)
        snprintf(out, MM_REAL_TEXT, "%s0.%.*s%s", sign, -exponent - 1, "000", digits);
    else if (count <= whole)
        snprintf(out, MM_REAL_TEXT, "%s%s%.*s", sign, digits, whole - count, "00000000");
    else
        snprintf(out, MM_REAL_TEXT, "%s%.*s.%s", sign, whole, digits, digits + whole);
}

const char *mm_real_write(char out[static MM_REAL_TEXT], float value)
{
    snprintf(out, MM_REAL_TEXT, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : isinf(value) ? "inf" : "0");
    if (!isfinite(value) || value == 0)
        return out;
    struct decimal decimal;
    int exponent = plain_exponent(fabs((double)value));
    if (exponent <= PLAIN_MOST) {
        int precision = write_plainly(value, exponent, &decimal);
        spell(out, &decimal, precision);
        return out;
    }
    for (int precision = 6; precision <= DIGITS_MAX; precision++) {
        decimal = to_decimal(value, precision);
        spell(out, &decimal, precision);
        if (from_decimal(&decimal) == value)
            break;
    }
    return out;
}

/* Reads any spelling: digits with at most one point among them, and an exponent of two digits. */
static bool take_decimal(const char *text, size_t length, struct decimal *decimal)
{
    size_t i = 0;
    int point = -1, lead = 0; /* digits before the point; zeros before the first digit that counts */
    *decimal = (struct decimal){.negative = length && text[0] == '-'};
    for (i = decimal->negative; i < length && text[i] != 'e'; i++) {
        if (text[i] == '.' && point < 0)
            point = decimal->count + lead;
        else if (text[i] < '0' || text[i] > '9')
            return false;
        else if (text[i] == '0' && decimal->count == 0)
            lead++;
        else if (decimal->count == DIGITS_MAX)
            return false;
        else
            decimal->digits[decimal->count++] = text[i];
    }
    decimal->exponent = (point < 0 ? decimal->count + lead : point) - lead - 1;
    if (i == length)
        return true;
    uint64_t exponent;
    bool zero = i + 2 < length && text[i + 2] == '0'; /* e+06 */
    if (i + 4 != length || (text[i + 1] != '+' && text[i + 1] != '-') ||
        !mm_number(text + i + 2 + zero, 2 - zero, 99, &exponent))
        return false;
    decimal->exponent += text[i + 1] == '-' ? -(int)exponent : (int)exponent;
    return true;
}

bool mm_real_read(const char *text, size_t length, float *value)
{
    char written[MM_REAL_TEXT];
    struct decimal decimal;
    if (length >= MM_REAL_TEXT || !take_decimal(text, length, &decimal))
        return false;
    float number = decimal.count ? from_decimal(&decimal) : 0;
    mm_real_write(written, number);
    if (strlen(written) != length || memcmp(written, text, length) != 0)
        return false;
    *value = number;
    return isfinite(number);
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

/* Each lower-case digit's value and one; 0 for all other bytes. Catalogs hold millions of them. */
static const unsigned char digits[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

bool mm_hex_hash(const char *text, size_t length, unsigned char out[MM_HASH_BYTES])
{
    if (length != MM_HASH_HEX)
        return false;
    for (size_t i = 0; i < MM_HASH_BYTES; i++) {
        unsigned high = digits[(unsigned char)text[2 * i]], low = digits[(unsigned char)text[2 * i + 1]];
        if (high == 0 || low == 0)
            return false;
        if (out)
            out[i] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return true;
}

size_t mm_decimal_write(char out[static MM_DECIMAL_DIGITS], uint64_t number)
{
    char text[MM_DECIMAL_DIGITS], *end = text + sizeof text, *at = end;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    memcpy(out, at, (size_t)(end - at));
    return (size_t)(end - at);
}
