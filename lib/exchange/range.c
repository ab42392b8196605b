#include "exchange/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "base/number.h"

#define UNIT "bytes"

/* The digits at *AT, however many, as a number of at most MM_SIZE_LIMIT; *AT moves behind them. False where there are none. */
static bool take_digits(const char **at, uint64_t *value)
{
    const char *begin = *at;
    *value = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0'), grown;
        *value = mm_mul(*value, 10, &grown) && mm_add(grown, digit, &grown) ? grown : MM_SIZE_LIMIT;
    }
    return *at > begin;
}

/* The suffix of LAST bytes of SIZE. An empty file has no part that a response could name. */
static enum mm_range take_suffix(uint64_t last, uint64_t size, uint64_t *offset, uint64_t *length)
{
    if (last == 0)
        return MM_RANGE_UNSATISFIABLE;
    *length = last < size ? last : size;
    *offset = size - *length;
    return size > 0 ? MM_RANGE_PART : MM_RANGE_NONE;
}

enum mm_range mm_range_read(const char *value, uint64_t size, uint64_t *offset, uint64_t *length)
{
    uint64_t first = 0, last = 0;
    if (!value || strncasecmp(value, UNIT "=", sizeof UNIT) != 0)
        return MM_RANGE_NONE;
    const char *at = value + sizeof UNIT;
    bool has_first = take_digits(&at, &first);
    if (*at++ != '-')
        return MM_RANGE_NONE;
    bool has_last = take_digits(&at, &last);
    if (*at || (!has_first && !has_last) || (has_first && has_last && last < first))
        return MM_RANGE_NONE;
    if (!has_first)
        return take_suffix(last, size, offset, length);
    if (first >= size)
        return MM_RANGE_UNSATISFIABLE;
    *offset = first;
    *length = has_last && last < size ? last - first + 1 : size - first;
    return MM_RANGE_PART;
}

const char *mm_range_write(char out[static MM_RANGE_TEXT], uint64_t offset, uint64_t length)
{
    snprintf(out, MM_RANGE_TEXT, UNIT "=%" PRIu64 "-%" PRIu64, offset, offset + (length - 1));
    return out;
}

bool mm_range_read_content(const char *value, uint64_t *offset, uint64_t *length, uint64_t *size)
{
    uint64_t last;
    if (!value || strncasecmp(value, UNIT " ", sizeof UNIT) != 0)
        return false;
    const char *first = value + sizeof UNIT, *dash = strchr(first, '-'), *slash = dash ? strchr(dash, '/') : NULL;
    if (!slash || !mm_number(first, (size_t)(dash - first), MM_NUMBER_MAX, offset) ||
        !mm_number(dash + 1, (size_t)(slash - dash - 1), MM_NUMBER_MAX, &last) ||
        !mm_number(slash + 1, strlen(slash + 1), MM_NUMBER_MAX, size) || last < *offset || last >= *size)
        return false;
    *length = last - *offset + 1;
    return true;
}
