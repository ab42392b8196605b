/* What became of a file that was to be mended, as the commands that mend files print it. */
#ifndef CLI_REPAIRED_H
#define CLI_REPAIRED_H

#include "act/repair.h"
#include "cli.h"

/* Somebody who had chunks: a second copy, a peer. */
struct cli_repaired_from {
    const char *path; /* or address */
    struct mm_copy_counts counts;
};

/* Prints the FACTS about the file SHOWN, and what each of COUNT gave. Returns 0, or -1 with IO_WRITE. */
int cli_repaired_print(struct cli *cli, const char *shown, const struct mm_repair_facts *facts,
                       const struct cli_repaired_from *from, size_t count);

#endif
