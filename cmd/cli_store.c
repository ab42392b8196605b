#include "cli_store.h"

#include <stdlib.h>
#include <unistd.h>

#include "act/home.h"

int cli_store_open(struct cli *cli, struct cli_store *store, const char *given)
{
    *store = (struct cli_store){mm_home_path(given, &cli->diags), -1};
    if (!store->path)
        return -1;
    cli->diags.file = store->path;
    store->home = mm_home_open(given, false, &cli->diags);
    return store->home >= 0 ? 0 : -1;
}

void cli_store_release(struct cli_store *store)
{
    free(store->path);
    if (store->home >= 0)
        close(store->home);
    *store = (struct cli_store){NULL, -1};
}

int cli_store_enter(struct cli *cli, struct cli_store *store, const char *given, enum mm_sandbox_right right)
{
    if (cli_store_open(cli, store, given) < 0)
        return -1;
    struct mm_sandbox_rule rule = {store->home, right};
    return cli_sandbox(cli, &rule, 1);
}

void cli_store_path(const struct cli_store *store, const char *path, struct mm_buf *out)
{
    mm_buf_printf(out, "%s/%s", store->path, path);
}
