/* The traces of --trace and --trace-against: one is written, with one it is compared. */
#ifndef CLI_TRACES_H
#define CLI_TRACES_H

#include "base/file.h"
#include "cli.h"
#include "doc/evidence.h"
#include "infer/trace.h"

struct cli_traces {
    const char *path, *against; /* borrowed; NULL: none */
    struct mm_writer writer;
    int against_file;
    struct mm_tracing tracing; /* begun by the caller */
};
#define CLI_TRACES_NONE                                                                                                \
    {                                                                                                                  \
        .against_file = -1, .writer = {.fd = -1, .folder = -1 }                                                        \
    }

/* Opens the files that were named, before the sandbox is entered; FORCE: one that is there is replaced. Returns 0, or -1 with findings; release TRACES in every
 * case. */
int cli_traces_open(struct cli *cli, struct cli_traces *traces, bool force);
bool cli_traces_wanted(const struct cli_traces *traces);

/* Writes what was traced while FOUND was made, and compares it. Returns 0, or -1 with findings: the first layer that departs is one. */
int cli_traces_finish(struct cli *cli, struct cli_traces *traces, const struct mm_evidence *found);
void cli_traces_release(struct cli_traces *traces);

#endif
