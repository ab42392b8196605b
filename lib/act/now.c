#include "act/now.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/chain.h"
#include "act/home.h"

void mm_now_note_behind(const char *newest, struct mm_diags *diags)
{
    mm_note(diags, MM_RULE_CLOCK_BEHIND,
            "expected a clock that is not behind the newest receipt, of %s, whose time counts", newest);
}

/* The open store, or -1 where there is none or it cannot be used. */
static int open_store(const char *given, struct mm_diags *aside)
{
    char *path = mm_home_path(given, aside);
    int home = path && (given || access(path, F_OK) == 0 || errno != ENOENT) ? mm_home_open(given, false, aside) : -1;
    free(path);
    return home;
}

void mm_now_read(char now[static MM_TIME_SIZE], const char *given, struct mm_diags *diags)
{
    struct mm_chain_facts facts = {0};
    struct mm_diags aside;
    mm_time_now(now);
    mm_diags_init(&aside);
    int home = open_store(given, &aside);
    if (home >= 0) {
        mm_chain_head(home, &facts, &aside);
        close(home);
    }
    for (size_t i = 0; i < aside.count; i++)
        mm_note(diags, aside.items[i].rule, "the store is left aside: %s", aside.items[i].text);
    mm_diags_release(&aside);
    if (strcmp(facts.created, now) <= 0)
        return;
    memcpy(now, facts.created, MM_TIME_SIZE);
    mm_now_note_behind(now, diags);
}
