#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"

static bool digits(const char *text, size_t at, size_t count, unsigned *value)
{
    *value = 0;
    for (size_t i = at; i < at + count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (unsigned)(text[i] - '0');
    }
    return true;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool mm_time_valid(const char *text, size_t length)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    unsigned year, month, day, hour, minute, second;
    if (length != sizeof form - 1)
        return false;
    for (size_t i = 0; i < length; i++)
        if (form[i] != 'd' && form[i] != text[i])
            return false;
    if (!digits(text, 0, 4, &year) || !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day) ||
        !digits(text, 11, 2, &hour) || !digits(text, 14, 2, &minute) || !digits(text, 17, 2, &second))
        return false;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month) && hour < 24 &&
           minute < 60 && second < 60;
}

int64_t mm_time_seconds(const char *text)
{
    unsigned year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0;
    digits(text, 0, 4, &year);
    digits(text, 5, 2, &month);
    digits(text, 8, 2, &day);
    digits(text, 11, 2, &hour);
    digits(text, 14, 2, &minute);
    digits(text, 17, 2, &second);
    unsigned whole = year - 1; /* years before this one */
    int64_t days = (int64_t)whole * 365 + whole / 4 - whole / 100 + whole / 400 + day - 1;
    for (unsigned before = 1; before < month; before++)
        days += days_in(year, before);
    return days * 86400 + hour * 3600 + minute * 60 + second;
}

/* strftime's %Y writes early years with fewer digits than four. */
static void format(char out[static MM_TIME_SIZE], time_t when)
{
    struct tm parts;
    if (gmtime_r(&when, &parts) && parts.tm_year > -1900 && parts.tm_year <= 9999 - 1900)
        snprintf(out, MM_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(parts.tm_year + 1900) % 10000,
                 (unsigned)(parts.tm_mon + 1) % 100, (unsigned)parts.tm_mday % 100, (unsigned)parts.tm_hour % 100,
                 (unsigned)parts.tm_min % 100, (unsigned)parts.tm_sec % 100);
    else
        memcpy(out, "9999-12-31T23:59:59Z", MM_TIME_SIZE);
}

void mm_time_now(char out[static MM_TIME_SIZE])
{
    format(out, time(NULL));
}

#define LAST_SECOND 253402300799 /* of the year 9999 */

bool mm_time_epoch_sound(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    return !epoch || !*epoch || mm_number(epoch, strlen(epoch), LAST_SECOND, &seconds);
}

bool mm_time_written(char out[static MM_TIME_SIZE])
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    if (epoch && mm_number(epoch, strlen(epoch), LAST_SECOND, &seconds)) {
        format(out, (time_t)seconds);
        return true;
    }
    mm_time_now(out);
    return false;
}

void mm_time_later(char out[static MM_TIME_SIZE], const char *text, uint64_t days)
{
    static const char epoch[] = "1970-01-01T00:00:00Z";
    const uint64_t most = 4000000; /* more than there are between the years 1 and 9999 */
    int64_t seconds = mm_time_seconds(text) - mm_time_seconds(epoch);
    format(out, (time_t)(seconds + (int64_t)(days < most ? days : most) * 86400));
}

double mm_clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
