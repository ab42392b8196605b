/* slm-diff: what differs between two models, and whether one follows from the other. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/diff.h"
#include "base/file.h"
#include "cli_written.h"

enum { DERIVED, OUTPUT, FORCE, CHECK, TOKENIZER, DROP };

static const struct cli_option options[] = {
    [DERIVED] = {'d', "derived", NULL, "find out whether B is A converted or requantised, tensor by tensor"},
    [OUTPUT] = {'o', "output", "FILE", "with --derived: write the evidence to FILE"},
    [FORCE] = {0, "force", NULL, "replace an existing FILE"},
    [CHECK] = {'c', "check", "FILE", "check that the evidence FILE is what --derived finds"},
    [TOKENIZER] = {0, "tokenizer", "FILE", "lend the tokenizer of FILE to a model that comes without one"},
    [DROP] = {0, "drop", "KEY", "leave KEY out where .slm cannot tell it; a final * stands for any rest"},
};

static const struct cli_command command = {
    "slm-diff",
    "A B",
    "Name what differs between the models A and B (GGUF, .slm, safetensors, folders, llama2.c).",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_PACK | MM_GROUP_DIFF,
};

/* Bytes of lines that are printed together. */
#define PRINTED_TOGETHER 65536

struct call {
    struct cli cli;
    struct mm_diff_options how;
    const char **drop; /* those of how */
    bool derived, force;
    const char *output, *check;
    struct mm_buf out;
};

/* ---- printing ---- */

static void print_value(struct mm_buf *out, const struct mm_buf *value)
{
    mm_buf_char(out, '\t');
    if (value)
        mm_buf_escaped(out, value->data, value->length);
    else
        mm_buf_char(out, '-');
}

static void print_json_value(struct mm_buf *out, const char *key, const struct mm_buf *value)
{
    if (!value)
        return;
    mm_buf_printf(out, ",\"%s\":", key);
    mm_buf_json(out, value->data, value->length);
}

static int print(void *context, const struct mm_difference *difference)
{
    struct call *c = context;
    const char *what = mm_diff_what_names[difference->what], *how = mm_diff_how_names[difference->how];
    if (c->cli.json) {
        mm_buf_printf(&c->out, "{\"what\":\"%s\",\"name\":", what);
        mm_buf_json_str(&c->out, difference->name);
        mm_buf_printf(&c->out, ",\"how\":\"%s\"", how);
        print_json_value(&c->out, "a", difference->a);
        print_json_value(&c->out, "b", difference->b);
        mm_buf_str(&c->out, "}\n");
    } else {
        mm_buf_printf(&c->out, "%s\t", what);
        mm_buf_escaped(&c->out, difference->name, strlen(difference->name));
        mm_buf_printf(&c->out, "\t%s", how);
        print_value(&c->out, difference->a);
        print_value(&c->out, difference->b);
        mm_buf_char(&c->out, '\n');
    }
    return c->out.length < PRINTED_TOGETHER && !c->out.failed ? 0 : cli_print(&c->cli, &c->out);
}

/* ---- evidence ---- */

/* The output is none of the files that were read. */
static int check_output(struct call *c, const char *operand, const struct mm_derived_files *files)
{
    int folder = open(operand, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool read = mm_file_is(c->output, AT_FDCWD, operand);
    for (size_t i = 0; folder >= 0 && i < files->count && !read; i++)
        read = files->items[i].name && mm_file_is(c->output, folder, files->items[i].name);
    if (folder >= 0)
        close(folder);
    return read ? mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is read", c->output) : 0;
}

static int write_evidence(struct call *c, const struct mm_derived *derived, struct mm_writer *writer)
{
    struct mm_buf text = {0};
    int result = check_output(c, c->cli.argv[0], &derived->source);
    if (result == 0)
        result = check_output(c, c->cli.argv[1], &derived->artifact);
    if (result == 0 && c->how.tokenizer && mm_file_is(c->output, AT_FDCWD, c->how.tokenizer))
        result = mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is read", c->output);
    mm_derived_write(derived, &text);
    if (result == 0 && !mm_buf_text(&text))
        result = mm_diag_memory(&c->cli.diags);
    if (result == 0 && text.length > MM_DERIVED_MAX)
        result = mm_diag(&c->cli.diags, MM_RULE_IO_LIMIT, "an evidence file has at most %d bytes, this one has %zu",
                         MM_DERIVED_MAX, text.length);
    if (result == 0)
        result = mm_writer_write(writer, mm_buf_text(&text), text.length, &c->cli.diags);
    if (result == 0)
        result = mm_writer_commit(writer, &c->cli.diags);
    mm_buf_release(&text);
    return result;
}

static int read_evidence(struct call *c, struct mm_derived *claimed)
{
    struct mm_buf text = {0};
    int fd = cli_open(&c->cli, c->check);
    int result = fd < 0 ? -1 : mm_file_read_all(fd, MM_DERIVED_MAX, &text, &c->cli.diags);
    if (result >= 0)
        result = mm_derived_read(claimed, text.length ? text.data : "", text.length, &c->cli.diags);
    if (fd > STDERR_FILENO)
        close(fd);
    mm_buf_release(&text);
    return result;
}

/* ---- the jobs ---- */

static int derive(struct call *c, struct mm_writer *writer)
{
    struct mm_derived derived = {0}, claimed = {0};
    int result = c->check ? read_evidence(c, &claimed) : 0;
    c->cli.diags.file = "";
    if (result == 0)
        result = mm_derive(c->cli.argv[0], c->cli.argv[1], &c->how, &derived, &c->cli.diags);
    if (result == 0 && c->output)
        result = write_evidence(c, &derived, writer);
    if (result == 0 && c->check) {
        c->cli.diags.file = cli_shown(c->check);
        result = mm_derived_check(&claimed, &derived, &c->cli.diags);
    }
    mm_derived_release(&derived);
    mm_derived_release(&claimed);
    return result;
}

/* Returns the answer, before that of the findings. */
static int run(struct call *c)
{
    struct mm_writer writer = {.fd = -1, .folder = -1};
    bool differ = false;
    c->cli.diags.file = "";
    int result = c->output ? cli_written_begin(&c->cli, &writer, c->output, c->force) : cli_sandbox_read_only(&c->cli);
    if (result == 0)
        result =
            c->derived ? derive(c, &writer) : mm_diff(c->cli.argv[0], c->cli.argv[1], &c->how, &differ, &c->cli.diags);
    if (cli_print(&c->cli, &c->out) < 0)
        result = -1;
    mm_writer_abandon(&writer);
    mm_buf_release(&c->out);
    return result < 0 ? cli_failed(&c->cli) : differ ? MM_NO : MM_YES;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case DERIVED: c->derived = true; break;
    case OUTPUT: c->output = value; break;
    case FORCE: c->force = true; break;
    case CHECK:
        c->check = value;
        c->derived = true;
        break;
    case TOKENIZER: c->how.tokenizer = value; break;
    default: c->drop[c->how.drop_count++] = value; break;
    }
}

static void check_call(const struct call *c)
{
    if (c->cli.argc != 2)
        cli_usage(&c->cli, "expected two models, A and B");
    if (strcmp(c->cli.argv[0], "-") == 0 || strcmp(c->cli.argv[1], "-") == 0 ||
        (c->output && strcmp(c->output, "-") == 0) || (c->how.tokenizer && strcmp(c->how.tokenizer, "-") == 0))
        cli_usage(&c->cli, "expected names of files: models are read in no order");
    if (c->output && (!c->derived || c->check))
        cli_usage(&c->cli, "--output goes with --derived, and not with --check");
}

int main(int argc, char **argv)
{
    struct call c = {.how = {.progress = cli_progress, .each = print}};
    const char *value;
    int option;
    c.drop = calloc((size_t)argc + 1, sizeof *c.drop);
    if (!c.drop)
        return cli_no_memory(command.name);
    cli_init(&c.cli, &command, argc, argv);
    c.how.drop = c.drop;
    c.how.context = &c;
    c.how.progress_context = &c.cli;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_call(&c);
    int answer = cli_finish(&c.cli, run(&c));
    free(c.drop);
    return answer;
}
