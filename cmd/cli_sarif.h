/* Findings as one SARIF 2.1.0 document (OASIS) on standard output: what --sarif prints instead of text. The document is
 * written as the findings come, so that a call over many files needs no memory for them. */
#ifndef CLI_SARIF_H
#define CLI_SARIF_H

#include "cli.h"

/* Ends the process where --sarif was given beside --json: one result is printed. */
void cli_sarif_check_usage(const struct cli *cli);

/* What findings are about. Names of files are beneath the folder FOLDER of FOLDER_LENGTH bytes (NULL: as the command was
 * called), but for OPERAND (NULL for none), which is always as the command was called. TEXT is what cli->diags.file
 * holds, NULL where that is not at hand: SARIF counts columns in characters, findings count them in bytes, and one that
 * cannot be counted again is left out. */
struct cli_sarif_about {
    const char *folder;
    size_t folder_length;
    const char *operand;
    const char *text;
    size_t length;
};

/* Makes results of the findings that are new since the last call; they stay in cli->diags, and still answer. */
void cli_sarif_take(struct cli *cli, const struct cli_sarif_about *about);

/* Prints what was taken, and what else there is in cli->diags. Returns 0, or -1 with IO_WRITE or IO_MEMORY: the document
 * is given up then, and findings are text again. */
int cli_sarif_print(struct cli *cli);

/* Ends the document of a command whose exit code will be ANSWER. Returns like cli_sarif_print. */
int cli_sarif_end(struct cli *cli, int answer);

#endif
