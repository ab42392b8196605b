/* Commands of the store: which store, and models named on the command line. */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "act/store.h"
#include "cli.h"

struct cli_store {
    char *path; /* for people */
    int home;
};

/* Opens the store GIVEN, or the default one (NULL). Returns 0, or -1 with a finding; release STORE in every case. */
int cli_store_open(struct cli *cli, struct cli_store *store, const char *given);
void cli_store_release(struct cli_store *store);

/* Opens it and gives up all rights but RIGHT beneath it. */
int cli_store_enter(struct cli *cli, struct cli_store *store, const char *given, enum mm_sandbox_right right);

/* Appends "STORE/PATH" of a path beneath the home, as it stands (nothing escaped). */
void cli_store_path(const struct cli_store *store, const char *path, struct mm_buf *out);

#endif
