#include "cli_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int each_listed(struct cli *cli, FILE *file, const char *list, bool nul, int (*each)(void *, const char *),
                       void *context)
{
    char *name = NULL;
    size_t capacity = 0;
    ssize_t length;
    int result = 0;
    errno = 0;
    while (result == 0 && (length = getdelim(&name, &capacity, nul ? '\0' : '\n', file)) > 0) {
        if (name[length - 1] == (nul ? '\0' : '\n'))
            name[--length] = '\0';
        if (strlen(name) != (size_t)length || length >= PATH_MAX) {
            cli->diags.file = cli_shown(list);
            mm_diag(&cli->diags, MM_RULE_IO_OPEN, "expected file names without NUL, shorter than %d bytes", PATH_MAX);
            result = -1;
        } else if (length > 0) {
            result = each(context, name);
        }
        errno = 0;
    }
    if (result == 0 && ferror(file)) {
        cli->diags.file = cli_shown(list);
        mm_diag_errno(&cli->diags, MM_RULE_IO_READ, "cannot read", errno);
    }
    cli->diags.file = "";
    free(name);
    return result;
}

void cli_each_file(struct cli *cli, const char *list, bool nul, int (*each)(void *context, const char *path),
                   void *context)
{
    for (int i = 0; i < cli->argc; i++)
        if (each(context, cli->argv[i]) < 0)
            return;
    if (!list)
        return;
    FILE *file = strcmp(list, "-") == 0 ? stdin : fopen(list, "re");
    if (!file) {
        cli->diags.file = list;
        mm_diag_errno(&cli->diags, MM_RULE_IO_OPEN, "cannot open", errno);
        return;
    }
    each_listed(cli, file, list, nul, each, context);
    if (file != stdin)
        fclose(file);
}
