#include "text/quantity.h"

#include <string.h>

#include "base/checked.h"

#define EXPONENT_MAX 99

/* mantissa * 10^tens * 2^twos */
struct quantity {
    const char *at, *end;
    uint64_t mantissa;
    int tens, twos;
};

static bool digit(const struct quantity *q)
{
    return q->at < q->end && *q->at >= '0' && *q->at <= '9';
}

/* Digits, each of which makes the mantissa longer; behind the point it is worth a tenth. */
static bool take_digits(struct quantity *q, bool fraction)
{
    const char *start = q->at;
    for (; digit(q); q->at++) {
        if (!mm_mul(q->mantissa, 10, &q->mantissa) || !mm_add(q->mantissa, (uint64_t)(*q->at - '0'), &q->mantissa))
            return false;
        q->tens -= fraction;
    }
    return q->at > start;
}

static bool take_mantissa(struct quantity *q)
{
    const char *start = q->at;
    if (!take_digits(q, false) || (*start == '0' && q->at - start > 1))
        return false;
    if (q->at == q->end || *q->at != '.')
        return true;
    q->at++;
    return take_digits(q, true);
}

/* An exponent is whole and not negative: what is below one has no place in a count. */
static bool take_exponent(struct quantity *q)
{
    int exponent = 0;
    if (q->at == q->end || (*q->at != 'e' && *q->at != 'E'))
        return true;
    q->at++;
    const char *start = q->at;
    for (; digit(q) && exponent <= EXPONENT_MAX; q->at++)
        exponent = exponent * 10 + (*q->at - '0');
    q->tens += exponent;
    return q->at > start && exponent <= EXPONENT_MAX;
}

static bool take_unit(struct quantity *q, enum mm_quantity of)
{
    static const char units[] = "kmgt";
    size_t left = (size_t)(q->end - q->at);
    if (of == MM_QUANTITY_PARAMETERS && left == 1 && (*q->at == 'B' || *q->at == 'b')) {
        q->tens += 9;
        return true;
    }
    const char *unit = left > 0 ? memchr(units, *q->at | 0x20, sizeof units - 1) : NULL;
    if (unit) {
        int power = (int)(unit - units) + 1;
        bool binary = left > 1 && (q->at[1] | 0x20) == 'i';
        q->twos = binary ? 10 * power : 0;
        q->tens += binary ? 0 : 3 * power;
        q->at += binary ? 2 : 1;
    }
    if (of == MM_QUANTITY_BYTES && q->at < q->end && (*q->at | 0x20) == 'b')
        q->at++;
    return q->at == q->end;
}

/* Divides by tens that are too many, and multiplies by the rest; false where that is not whole or too large. */
static bool settle(struct quantity *q, uint64_t *value)
{
    *value = 0;
    if (q->mantissa == 0)
        return true;
    for (; q->tens < 0; q->tens++) {
        if (q->mantissa % 5 != 0 || (q->twos == 0 && q->mantissa % 2 != 0))
            return false;
        q->mantissa /= 5;
        if (q->twos > 0)
            q->twos--;
        else
            q->mantissa /= 2;
    }
    *value = q->mantissa;
    for (; q->tens > 0; q->tens--)
        if (!mm_mul(*value, 10, value))
            return false;
    for (; q->twos > 0; q->twos--)
        if (!mm_mul(*value, 2, value))
            return false;
    return true;
}

const char *mm_quantity(enum mm_quantity of, const char *text, size_t length, uint64_t *value)
{
    struct quantity q = {.at = text, .end = text + length};
    if (take_mantissa(&q) && take_exponent(&q) && take_unit(&q, of) && settle(&q, value))
        return NULL;
    return of == MM_QUANTITY_BYTES        ? "a whole number below 2^63, such as 7, 1e9, 1.5G or 4GiB"
           : of == MM_QUANTITY_PARAMETERS ? "a whole number below 2^63, such as 7, 1e9, 1.5G or 7B"
                                          : "a whole number below 2^63, such as 7, 1e9, 32k or 32Ki";
}
