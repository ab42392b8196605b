/* slm-gc: clears away what nothing in the store needs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "act/keep.h"
#include "cli_store.h"

enum { PARTIAL, DRY_RUN, HOME_DIR };

static const struct cli_option options[] = {
    [PARTIAL] = {0, "partial", NULL, "unfinished imports go too, and cannot be continued"},
    [DRY_RUN] = {'n', "dry-run", NULL, "remove nothing, print what would go"},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
};

static const struct cli_command command = {
    "slm-gc",
    "",
    "Remove what no model and no unfinished import of the store needs, and print it: bytes, path.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_STORE,
};

struct call {
    struct cli cli;
    struct cli_store store;
    struct mm_buf out;
};

static void add(void *context, const char *path, uint64_t bytes)
{
    struct call *c = context;
    if (c->cli.json) {
        mm_buf_printf(&c->out, "{\"bytes\":%" PRIu64 ",\"path\":", bytes);
        mm_buf_json_str(&c->out, path);
        mm_buf_str(&c->out, "}\n");
        return;
    }
    mm_buf_printf(&c->out, "%" PRIu64 "\t", bytes);
    mm_buf_escaped(&c->out, path, strlen(path));
    mm_buf_char(&c->out, '\n');
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1}};
    struct mm_keep_options how = {0};
    const char *value, *home = NULL;
    int option, answer = MM_UNKNOWN;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0) {
        how.partial = how.partial || option == PARTIAL;
        how.dry_run = how.dry_run || option == DRY_RUN;
        if (option == HOME_DIR)
            home = value;
    }
    if (c.cli.argc > 0)
        cli_usage(&c.cli, "expected no operand, found '%s'", c.cli.argv[0]);
    if (cli_store_enter(&c.cli, &c.store, home, MM_SANDBOX_STORE) == 0) {
        answer = mm_keep_clear(c.store.home, &how, add, &c, &c.cli.diags) == 0 ? MM_YES : cli_failed(&c.cli);
        if (cli_print(&c.cli, &c.out) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
    }
    mm_buf_release(&c.out);
    cli_store_release(&c.store);
    return cli_finish(&c.cli, answer);
}
