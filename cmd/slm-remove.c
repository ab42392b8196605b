/* slm-remove: takes models out of the store, and leaves a receipt. */
#include <stdio.h>
#include <string.h>

#include "act/keep.h"
#include "cli_secret.h"
#include "cli_store.h"

enum { ALL, FORCE, HOME_DIR, PASSWORD_FD, PASSWORD_FILE, SECRET_KEY };

static const struct cli_option options[] = {
    [ALL] = {'a', "all", NULL, "remove every revision of a MODEL-ID that names none"},
    [FORCE] = {0, "force", NULL, "remove a model of whose import there is no receipt"},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the secret key's password from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which is the user's own and mode 0600"},
    [SECRET_KEY] = {'s', "secret-key", "FILE", "sign the receipt with this key"},
};

static const struct cli_command command = {
    "slm-remove",
    "MODEL-ID[@REVISION]...",
    "Take models out of the store and write receipts of it.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_RECEIPT | MM_GROUP_STORE | MM_GROUP_TRUST,
};

struct call {
    struct cli cli;
    struct cli_store store;
    struct cli_signer signer;
    const char *home;
    bool all, force;
};

static int remove_one(struct call *c, const struct mm_store_model *model)
{
    char receipt[320], revision[24];
    struct mm_buf out = {0};
    c->cli.diags.file = model->path;
    if (mm_keep_remove(c->store.home, model, c->force, c->signer.key, receipt, &c->cli.diags) < 0)
        return -1;
    snprintf(revision, sizeof revision, "%llu", (unsigned long long)model->revision);
    cli_fact(&c->cli, &out, "removed", model->id, false);
    cli_fact(&c->cli, &out, "revision", revision, true);
    if (receipt[0]) {
        struct mm_buf whole = {0};
        cli_store_path(&c->store, receipt, &whole);
        cli_fact(&c->cli, &out, "receipt", mm_buf_text(&whole) ? mm_buf_text(&whole) : "", false);
        mm_buf_release(&whole);
    }
    if (c->cli.json)
        mm_buf_str(&out, "}\n");
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

/* Every revision of ID, which names none: one of them, or all if asked for. */
static int remove_revisions(struct call *c, const char *id)
{
    struct mm_store_list models = {0};
    size_t found = 0;
    int result = mm_store_list(c->store.home, false, &models, &c->cli.diags);
    for (size_t i = 0; i < models.count; i++)
        found += strcmp(models.models[i].id, id) == 0;
    if (result == 0 && found == 0)
        result =
            mm_diag(&c->cli.diags, MM_RULE_STORE_MODEL, "expected a model of the store, found nothing called '%s'", id);
    if (result == 0 && found > 1 && !c->all)
        result = mm_diag(&c->cli.diags, MM_RULE_STORE_MODEL,
                         "expected one revision of %s in the store, found %zu: name one (%s@REVISION) or give --all",
                         id, found, id);
    for (size_t i = 0; i < models.count && result == 0; i++)
        if (strcmp(models.models[i].id, id) == 0)
            result = remove_one(c, &models.models[i]);
    mm_store_list_release(&models);
    return result;
}

static int remove_named(struct call *c, const char *name)
{
    struct mm_store_model model;
    if (!strchr(name, '@'))
        return remove_revisions(c, name);
    return mm_store_find(c->store.home, name, &model, &c->cli.diags) < 0 ? -1 : remove_one(c, &model);
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1}, .signer = CLI_NO_SIGNER};
    const char *value;
    int option, answer = MM_UNKNOWN;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0) {
        switch (option) {
        case ALL: c.all = true; break;
        case FORCE: c.force = true; break;
        case HOME_DIR: c.home = value; break;
        case PASSWORD_FD: cli_password_fd(&c.cli, &c.signer.password, value); break;
        case PASSWORD_FILE: c.signer.password.file = value; break;
        default: c.signer.path = value; break;
        }
    }
    cli_signer_check(&c.cli, &c.signer);
    if (c.cli.argc < 1)
        cli_usage(&c.cli, "expected MODEL-ID");
    if (cli_signer_open(&c.cli, &c.signer) == 0 && cli_store_enter(&c.cli, &c.store, c.home, MM_SANDBOX_STORE) == 0) {
        answer = MM_YES;
        for (int i = 0; i < c.cli.argc; i++) {
            c.cli.diags.file = "";
            if (remove_named(&c, c.cli.argv[i]) < 0)
                answer = cli_worse(answer, cli_failed(&c.cli));
        }
    }
    cli_store_release(&c.store);
    cli_signer_release(&c.signer);
    return cli_finish(&c.cli, answer);
}
