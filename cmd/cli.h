/* What all mains share: options, help, findings on standard error, results on standard output, exit codes, progress
 * (conventions of every command). Nothing here is part of the library: these functions print and may end the process. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/sandbox.h"

enum { CLI_USAGE = 2 };

struct cli_option {
    char letter; /* 0 for none */
    const char *name;
    const char *argument; /* what it takes, NULL for nothing */
    const char *help;     /* one line */
};

/* The facts of a command, from which help, man page checks and rule lists follow. */
struct cli_command {
    const char *name;
    const char *operands; /* "MANIFEST [ROOT]" */
    const char *purpose;  /* one sentence */
    const struct cli_option *options;
    size_t option_count;
    unsigned rule_groups; /* enum mm_rule_group bits */
};

/* The document of --sarif while it is written (cli_sarif.h). */
struct cli_sarif {
    bool asked;
    bool alone;          /* findings are not printed to standard error too */
    const char *subject; /* the file that the command is called for, NULL where there are many */
    bool begun, results; /* the head is written, a result is */
    bool standard_input; /* it is read */
    bool unknown;        /* something could not be found out */
    size_t taken;        /* findings in diags that are in the document */
    struct mm_buf out;   /* what is not printed yet */
};

struct cli {
    const struct cli_command *command;
    int argc;
    char **argv;
    bool json, quiet, no_progress;
    struct cli_sarif sarif; /* commands that have the option set the first three */
    struct mm_diags diags;
    double progress_start, progress_drawn;
    bool progress_shown;
};

void cli_init(struct cli *cli, const struct cli_command *command, int argc, char **argv);

/* Lets this process have as many files open as the system allows it: for commands that hold many models open. */
void cli_many_files(void);

/* The next of the command's own options: its index in the table, *VALUE being its argument; -1 when only operands are
 * left, which then are cli->argv[0 .. cli->argc). --help, --version, --rules and wrong options end the process. */
int cli_next(struct cli *cli, const char **value);

/* For a main that has no memory to begin with: says so, and returns the exit code. */
int cli_no_memory(const char *name);

/* Says what is wrong with the call and ends the process with CLI_USAGE. */
_Noreturn void cli_usage(const struct cli *cli, const char *format, ...) MM_PRINTF(2);

/* Opens the operand PATH for reading, "-" being standard input. Findings from here on are about it. -1 with a finding. */
int cli_open(struct cli *cli, const char *path);

/* The name under which findings and results show PATH. */
const char *cli_shown(const char *path);

/* Gives up rights; see mm_sandbox_enter. */
int cli_sandbox(struct cli *cli, const struct mm_sandbox_rule *rules, size_t count);

/* Gives up all but reading files, for commands whose operands name more of them. */
int cli_sandbox_read_only(struct cli *cli);

/* Adds "FIELD: VALUE" and LF, or under --json a member of an object that is being written. */
void cli_fact(const struct cli *cli, struct mm_buf *out, const char *key, const char *value, bool number);
void cli_number(const struct cli *cli, struct mm_buf *out, const char *key, uint64_t value);

/* Writes BUF to standard output and empties it. Returns 0, or -1 with IO_WRITE. */
int cli_print(struct cli *cli, struct mm_buf *buf);

/* True if COMMAND's findings can name RULE, so that --rules lists it. */
bool cli_rule_listed(const struct cli_command *command, enum mm_rule rule);

/* One finding as a line, or as a JSON object and LF. */
void cli_format_diag(const struct mm_diag *diag, bool json, bool colour, struct mm_buf *buf);

/* Prints the findings, to standard error and as results of --sarif, and forgets them; returns what they answer, as exit
 * code. */
int cli_report(struct cli *cli);

/* The answer of a run that failed: what its findings say, and never yes. */
int cli_failed(const struct cli *cli);

/* Ends the command: prints what findings there are and returns the exit code, the worst of ANSWER and theirs. */
int cli_finish(struct cli *cli, int answer);

/* Draws a progress line on a terminal; has the shape of mm_progress_fn, CLI being the context. */
void cli_progress(void *cli, uint64_t done, uint64_t total);
void cli_progress_end(struct cli *cli);

/* The worse of two answers: no (1) wins over don't know (3), both over yes (0). */
int cli_worse(int a, int b);

#endif
