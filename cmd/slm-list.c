/* slm-list: the models of the store, a line each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli_store.h"
#include "text/line.h"

enum { HOME_DIR };

static const struct cli_option options[] = {
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
};

static const struct cli_command command = {
    "slm-list",
    "[MODEL-ID]",
    "List the models of the store: MODEL-ID@REVISION, version, bytes, quantization, licence, manifest hash.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_STORE,
};

struct call {
    struct cli cli;
    struct cli_store store;
    const char *home;
};

static uint64_t bytes_of(const struct mm_manifest *manifest)
{
    uint64_t bytes = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        bytes += claim.chunks.bytes;
    }
    return bytes;
}

static void add_json(struct mm_buf *out, const char *key, const char *value)
{
    mm_buf_printf(out, ",\"%s\":", key);
    mm_buf_json_str(out, value);
}

static void add_line(const struct call *c, const struct mm_store_model *model, const struct mm_manifest *manifest,
                     struct mm_buf *out)
{
    static const enum mm_field fields[] = {MM_FIELD_VERSION, MM_FIELD_QUANTIZATION, MM_FIELD_LICENSE};
    char text[3][MM_VALUE_MAX + 1], hex[MM_HASH_HEX + 1];
    for (int i = 0; i < 3; i++)
        mm_manifest_text(manifest, 0, fields[i], text[i]);
    mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
    if (!c->cli.json) {
        mm_buf_printf(out, "%s@%" PRIu64 "\t%s\t%" PRIu64 "\t%s\t%s\t%s\n", model->id, model->revision, text[0],
                      bytes_of(manifest), text[1], text[2], hex);
        return;
    }
    mm_buf_str(out, "{\"model-id\":");
    mm_buf_json_str(out, model->id);
    mm_buf_printf(out, ",\"revision\":%" PRIu64, model->revision);
    add_json(out, "version", text[0]);
    mm_buf_printf(out, ",\"bytes\":%" PRIu64, bytes_of(manifest));
    add_json(out, "quantization", text[1]);
    add_json(out, "license", text[2]);
    add_json(out, "manifest-sha256", hex);
    mm_buf_str(out, "}\n");
}

static int list_all(struct call *c, const char *id)
{
    struct mm_store_list models = {0};
    struct mm_buf out = {0};
    int answer = mm_store_list(c->store.home, false, &models, &c->cli.diags) == 0 ? MM_YES : MM_UNKNOWN;
    size_t listed = 0;
    for (size_t i = 0; i < models.count; i++) {
        struct mm_manifest manifest;
        if (id && strcmp(id, models.models[i].id) != 0)
            continue;
        listed++;
        if (mm_store_manifest(c->store.home, &models.models[i], &manifest, &c->cli.diags) == 0)
            add_line(c, &models.models[i], &manifest, &out);
        mm_manifest_release(&manifest);
    }
    if (id && listed == 0)
        mm_diag(&c->cli.diags, MM_RULE_STORE_MODEL, "expected a model of the store, found nothing called '%s'", id);
    if (cli_print(&c->cli, &out) < 0)
        answer = MM_UNKNOWN;
    mm_buf_release(&out);
    mm_store_list_release(&models);
    return answer;
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1}};
    const char *value;
    int answer = MM_UNKNOWN;
    cli_init(&c.cli, &command, argc, argv);
    while (cli_next(&c.cli, &value) >= 0)
        c.home = value;
    if (c.cli.argc > 1)
        cli_usage(&c.cli, "expected one MODEL-ID or none");
    if (cli_store_enter(&c.cli, &c.store, c.home, MM_SANDBOX_READ) == 0)
        answer = list_all(&c, c.cli.argc ? c.cli.argv[0] : NULL);
    cli_store_release(&c.store);
    return cli_finish(&c.cli, answer);
}
