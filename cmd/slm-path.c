/* slm-path: where a model of the store is, for $(...). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_store.h"

enum { MANIFEST, FOLDER, HOME_DIR };

static const struct cli_option options[] = {
    [MANIFEST] = {0, "manifest", NULL, "print the path of the manifest"},
    [FOLDER] = {0, "folder", NULL, "print the path of the folder that holds the artifacts"},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
};

static const struct cli_command command = {
    "slm-path",
    "MODEL-ID[@REVISION] [ARTIFACT]",
    "Print the path of an artifact: the one named, else the model's only weights, else their folder.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_STORE,
};

struct call {
    struct cli cli;
    struct cli_store store;
    const char *home;
    bool manifest, folder;
};

/* The artifact's path in the model: NAME, or the only weights; "" for the folder; NULL with a finding. */
static const char *choose(struct call *c, const struct mm_manifest *manifest, const char *name, struct mm_claim *claim)
{
    size_t weights = 0, only = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        mm_manifest_claim(manifest, group, claim);
        if (name && strcmp(claim->path, name) == 0)
            return claim->path;
        if (claim->role == MM_ROLE_WEIGHTS) {
            weights++;
            only = group;
        }
    }
    if (name) {
        mm_diag(&c->cli.diags, MM_RULE_STORE_MODEL, "expected an artifact of the model, found '%s'", name);
        return NULL;
    }
    if (weights != 1)
        return "";
    mm_manifest_claim(manifest, only, claim);
    return claim->path;
}

static int print_path(struct call *c, const struct mm_store_model *model, const char *below)
{
    char path[MM_STORE_PATH + 300];
    struct stat info;
    struct mm_buf out = {0};
    snprintf(path, sizeof path, "%s/%s", model->path, below);
    if (fstatat(c->store.home, path, &info, 0) < 0) /* a link of a model in place may lead nowhere by now */
        return mm_diag(&c->cli.diags, MM_RULE_IO_OPEN, "cannot find %s: %s", path, strerror(errno));
    if (c->cli.json) {
        struct mm_buf whole = {0};
        cli_store_path(&c->store, path, &whole);
        mm_buf_str(&out, "{\"path\":");
        mm_buf_json_str(&out, mm_buf_text(&whole) ? mm_buf_text(&whole) : "");
        mm_buf_char(&out, '}');
        out.failed = out.failed || whole.failed;
        mm_buf_release(&whole);
    } else {
        cli_store_path(&c->store, path, &out);
    }
    mm_buf_char(&out, '\n');
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

static int find(struct call *c, const char *id, const char *name)
{
    struct mm_store_model model;
    struct mm_manifest manifest = {0};
    struct mm_claim claim;
    char below[300] = "manifest";
    if (mm_store_find(c->store.home, id, &model, &c->cli.diags) < 0)
        return -1;
    int result = c->manifest ? 0 : mm_store_manifest(c->store.home, &model, &manifest, &c->cli.diags);
    if (result == 0 && !c->manifest) {
        const char *chosen = c->folder ? "" : choose(c, &manifest, name, &claim);
        snprintf(below, sizeof below, "files%s%s", chosen && *chosen ? "/" : "", chosen ? chosen : "");
        result = chosen ? 0 : -1;
    }
    if (result == 0)
        result = print_path(c, &model, below);
    mm_manifest_release(&manifest);
    return result;
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1}};
    const char *value;
    int option, answer = MM_UNKNOWN;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0) {
        c.manifest = c.manifest || option == MANIFEST;
        c.folder = c.folder || option == FOLDER;
        if (option == HOME_DIR)
            c.home = value;
    }
    if (c.cli.argc < 1 || c.cli.argc > 2 || c.manifest + c.folder + (c.cli.argc == 2) > 1)
        cli_usage(&c.cli, "expected MODEL-ID and at most one of ARTIFACT, --manifest and --folder");
    if (cli_store_enter(&c.cli, &c.store, c.home, MM_SANDBOX_READ) == 0)
        answer = find(&c, c.cli.argv[0], c.cli.argc == 2 ? c.cli.argv[1] : NULL) == 0 ? MM_YES : cli_failed(&c.cli);
    cli_store_release(&c.store);
    return cli_finish(&c.cli, answer);
}
