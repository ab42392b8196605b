/* Commands that take many files: operands, then the names in --files-from. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "cli.h"

/* Calls EACH with every operand and every name that LIST ("-" for standard input, NULL for none) holds, one a line, or
 * NUL-terminated if NUL. Stops where EACH returns -1. Names are read as they come: the list may be long. */
void cli_each_file(struct cli *cli, const char *list, bool nul, int (*each)(void *context, const char *path),
                   void *context);

#endif
