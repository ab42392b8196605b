/* Times of documents: UTC, YYYY-MM-DDTHH:MM:SSZ. Two of them compare as text. */
#ifndef MM_BASE_CLOCK_H
#define MM_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_TIME_SIZE 21

/* True for a real date of the years 0001 to 9999 and a time with seconds 00-59. */
bool mm_time_valid(const char *text, size_t length);

/* Seconds since the beginning of the year 1 of TEXT, a valid time. */
int64_t mm_time_seconds(const char *text);

/* The clock's time. */
void mm_time_now(char out[static MM_TIME_SIZE]);

/* The time to write into a document: SOURCE_DATE_EPOCH if the environment has a valid one, else the clock's. Returns true for the
 * environment's. */
bool mm_time_written(char out[static MM_TIME_SIZE]);

/* True unless the environment has a SOURCE_DATE_EPOCH, other than an empty one, that is no time. */
bool mm_time_epoch_sound(void);

/* The time DAYS times 86400 seconds after TEXT, a valid time; the end of the year 9999 where it would be later. */
void mm_time_later(char out[static MM_TIME_SIZE], const char *text, uint64_t days);

/* Seconds of a clock that is never set, from any beginning: for measuring how long things take. */
double mm_clock_seconds(void);

#endif
