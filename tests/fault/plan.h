/* What a library that stands in for a driver is to do wrong: CALL:N:WHAT in the environment, for the Nth call of the function CALL. */
#ifndef MM_TESTS_FAULT_PLAN_H
#define MM_TESTS_FAULT_PLAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is to become of this call of NAME by the plan in VARIABLE: NULL for nothing. "hang" has been waited for already, ten minutes. */
static const char *fault_planned(const char *variable, const char *name)
{
    static char plan[64], *at, *what;
    static int calls;
    if (!at) {
        snprintf(plan, sizeof plan, "%s", getenv(variable) ? getenv(variable) : "::");
        at = strchr(plan, ':');
        if (!at || !(what = strchr(at + 1, ':')))
            abort();
        *at++ = *what++ = '\0';
    }
    if (strcmp(plan, name) != 0 || ++calls != atoi(at))
        return NULL;
    for (int n = 0; strcmp(what, "hang") == 0 && n < 600; n++)
        sleep(1);
    return what;
}

#endif
