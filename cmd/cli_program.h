/* Starting somebody's program in this process' place, or beneath it. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <signal.h>
#include <stdbool.h>

#include "act/lay_out.h"
#include "cli.h"

#define CLI_PROGRAM_SIGNALS 3

struct cli_program {
    struct sigaction
        before[CLI_PROGRAM_SIGNALS]; /* what the caller wants of signals that commands treat their own way */
    struct mm_layout layout;         /* a folder that has to be removed when the program has ended */
    sigset_t mask;                   /* the signals that were held back before, once cli_program_hold did so */
    bool ran;                        /* it was started, and ended */
    int status;                      /* as waitpid tells it */
};

/* Keeps what the caller wants of signals; before cli_init. */
void cli_program_begin(struct cli_program *program);

/* Holds back the signals that are the program's, so that none ends this process and leaves the layout behind; before it is made. */
void cli_program_hold(struct cli_program *program);

/* Lets them through again; when the layout is removed. */
void cli_program_let_go(struct cli_program *program);

/* Starts WORDS[0], found as a shell would, with the arguments WORDS. Without a layout it takes this process' place, so that its status is
 * this command's. With one, between cli_program_hold and
 * cli_program_let_go, this process waits for it, passes signals on, and keeps open what the layout leads to. Returns only where the
 * program could not be started (STORE_PROGRAM) or has ended. */
int cli_program_run(struct cli *cli, struct cli_program *program, char **words);

/* The exit code: the status of a program that ran, the worse of ANSWER and FINDINGS where none did. Dies of the signal of which the program
 * died. */
int cli_program_answer(const struct cli_program *program, int answer, int findings);

#endif
