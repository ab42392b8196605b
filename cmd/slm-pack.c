/* slm-pack: writes a model as one .slm file. */
#include <stdlib.h>
#include <string.h>

#include "cli_written.h"
#include "convert/pack.h"
#include "text/line.h"

enum { OUTPUT, TOKENIZER, QUANTIZE, DROP, NAME, LICENSE, FORCE };

static const struct cli_option options[] = {
    [OUTPUT] = {'o', "output", "OUT", "the .slm file to write"},
    [TOKENIZER] = {0, "tokenizer", "FILE", "take the tokenizer from FILE instead"},
    [QUANTIZE] = {0, "quantize", "DTYPE", "turn matrices into DTYPE: q8_0 or q4_0"},
    [DROP] = {0, "drop", "KEY", "leave KEY out where it cannot be carried over; a final * stands for any rest"},
    [NAME] = {0, "name", "TEXT", "the model's name, instead of the source's"},
    [LICENSE] = {0, "license", "TEXT", "what its maker calls its licence, instead of what the source says"},
    [FORCE] = {0, "force", NULL, "replace an existing OUT"},
};

static const struct cli_command command = {
    "slm-pack",
    "SOURCE...",
    "Write the model SOURCE (GGUF, a folder of safetensors, a llama2.c checkpoint, .slm) as one .slm file.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_PACK,
};

struct call {
    struct cli cli;
    struct mm_checkpoint_options from;
    struct mm_pack_options how;
    const char **drop; /* those of from */
    const char *output;
    bool force;
    struct mm_writer writer;
};

static int pack(struct call *c, struct mm_checkpoint *checkpoint, struct mm_artifact *artifact)
{
    if (cli_written_begin(&c->cli, &c->writer, c->output, c->force) < 0 ||
        mm_checkpoint_open_files(checkpoint, (const char *const *)c->cli.argv, (size_t)c->cli.argc, &c->from,
                                 &c->cli.diags) < 0 ||
        cli_written_check(&c->cli, c->output, checkpoint) < 0)
        return -1;
    if (mm_pack(checkpoint, &c->how, &c->writer, artifact, &c->cli.diags) < 0)
        return -1;
    return mm_writer_commit(&c->writer, &c->cli.diags);
}

static int run(struct call *c)
{
    struct mm_checkpoint checkpoint = {0};
    struct mm_artifact artifact = {0};
    c->cli.diags.file = cli_shown(c->cli.argv[0]);
    int result = pack(c, &checkpoint, &artifact);
    if (result == 0)
        result = cli_written_print(&c->cli, &artifact);
    mm_writer_abandon(&c->writer);
    mm_artifact_release(&artifact);
    mm_checkpoint_release(&checkpoint);
    return result;
}

/* A fact's value, which leads nowhere (docs/formats/slm.md). */
static const char *fact(const struct call *c, const char *option, const char *value)
{
    if (!mm_value_sound(value, strlen(value)) || strlen(value) > MM_VALUE_MAX || strstr(value, "://"))
        cli_usage(&c->cli, "%s: expected the value of a line without '://', found '%s'", option, value);
    return value;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case OUTPUT: c->output = value; break;
    case TOKENIZER: c->from.tokenizer = value; break;
    case QUANTIZE:
        if (strcmp(value, "q8_0") != 0 && strcmp(value, "q4_0") != 0)
            cli_usage(&c->cli, "expected q8_0 or q4_0 for --quantize, found '%s'", value);
        c->how.dtype = mm_dtype_of_ggml(strcmp(value, "q8_0") == 0 ? 8 : 2);
        break;
    case DROP: c->drop[c->from.drop_count++] = value; break;
    case NAME: c->how.name = fact(c, "--name", value); break;
    case LICENSE: c->how.license = fact(c, "--license", value); break;
    default: c->force = true; break;
    }
}

static void check_call(const struct call *c)
{
    if (c->cli.argc < 1)
        cli_usage(&c->cli, "expected SOURCE");
    if (!c->output)
        cli_usage(&c->cli, "expected --output OUT");
    bool stream = strcmp(c->output, "-") == 0;
    for (int i = 0; i < c->cli.argc; i++)
        stream = stream || strcmp(c->cli.argv[i], "-") == 0;
    if (stream || (c->from.tokenizer && strcmp(c->from.tokenizer, "-") == 0))
        cli_usage(&c->cli, "expected names of files: what is packed is read and written in no order");
}

int main(int argc, char **argv)
{
    struct call c = {.writer = {.fd = -1, .folder = -1}, .how = {.dtype = MM_PACK_KEEP, .progress = cli_progress}};
    const char *value;
    int option;
    c.drop = calloc((size_t)argc + 1, sizeof *c.drop);
    if (!c.drop)
        return cli_no_memory(command.name);
    cli_init(&c.cli, &command, argc, argv);
    c.from.drop = c.drop;
    c.how.progress_context = &c.cli;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_call(&c);
    int answer = cli_finish(&c.cli, run(&c) < 0 ? cli_failed(&c.cli) : 0);
    free(c.drop);
    return answer;
}
