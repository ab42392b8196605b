/* The time that comparisons go by where no manifest is judged (conventions.md, Numbers). */
#ifndef MM_ACT_NOW_H
#define MM_ACT_NOW_H

#include "base/clock.h"
#include "base/diag.h"

/* Tells the clock's time in NOW or, where that is behind, the newest receipt's of the store HOME (mm_home_path), which is a note. A store
 * that is not there plays no part, unless it is GIVEN; what is wrong with it is a note too. */
void mm_now_read(char now[static MM_TIME_SIZE], const char *given, struct mm_diags *diags);

/* The note that the clock is behind the receipt's time NEWEST. */
void mm_now_note_behind(const char *newest, struct mm_diags *diags);

#endif
