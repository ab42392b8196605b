/* slm-unpack: writes an .slm file as GGUF. */
#include <string.h>

#include "cli_written.h"
#include "convert/unpack.h"

enum { OUTPUT, FORCE };

static const struct cli_option options[] = {
    [OUTPUT] = {'o', "output", "OUT", "the GGUF file to write"},
    [FORCE] = {0, "force", NULL, "replace an existing OUT"},
};

static const struct cli_command command = {
    "slm-unpack",
    "FILE",
    "Write the model in the .slm file FILE as GGUF.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MODEL | MM_GROUP_PACK,
};

struct call {
    struct cli cli;
    const char *output;
    bool force;
    struct mm_writer writer;
};

static int unpack(struct call *c, struct mm_checkpoint *checkpoint, struct mm_artifact *artifact)
{
    if (cli_written_begin(&c->cli, &c->writer, c->output, c->force) < 0 ||
        mm_checkpoint_open_slm(checkpoint, c->cli.argv[0], &c->cli.diags) < 0 ||
        cli_written_check(&c->cli, c->output, checkpoint) < 0)
        return -1;
    if (mm_unpack(checkpoint, &c->writer, cli_progress, &c->cli, artifact, &c->cli.diags) < 0)
        return -1;
    return mm_writer_commit(&c->writer, &c->cli.diags);
}

static int run(struct call *c)
{
    struct mm_checkpoint checkpoint = {0};
    struct mm_artifact artifact = {0};
    c->cli.diags.file = cli_shown(c->cli.argv[0]);
    int result = unpack(c, &checkpoint, &artifact);
    if (result == 0)
        result = cli_written_print(&c->cli, &artifact);
    mm_writer_abandon(&c->writer);
    mm_artifact_release(&artifact);
    mm_checkpoint_release(&checkpoint);
    return result;
}

int main(int argc, char **argv)
{
    struct call c = {.writer = {.fd = -1, .folder = -1}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        switch (option) {
        case OUTPUT: c.output = value; break;
        default: c.force = true; break;
        }
    if (c.cli.argc != 1)
        cli_usage(&c.cli, "expected one FILE");
    if (!c.output)
        cli_usage(&c.cli, "expected --output OUT");
    if (strcmp(c.output, "-") == 0 || strcmp(c.cli.argv[0], "-") == 0)
        cli_usage(&c.cli, "expected names of files: what is unpacked is read and written in no order");
    return cli_finish(&c.cli, run(&c) < 0 ? cli_failed(&c.cli) : 0);
}
