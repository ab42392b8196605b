/* slm-info: what a model file's bytes say of themselves. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli.h"
#include "doc/manifest_field.h"
#include "model/set.h"

enum { TENSORS, METADATA };

static const struct cli_option options[] = {
    [TENSORS] = {'t', "tensors", NULL, "print the tensors, as the layout's digest is taken over them"},
    [METADATA] = {'m', "metadata", NULL, "print the key-value pairs"},
};

static const struct cli_command command = {
    "slm-info",
    "FILE",
    "Check FILE and print what its bytes say of themselves, as manifest lines.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_MODEL | MM_GROUP_VERIFY,
};

/* FILE first; behind a safetensors file what stands in its folder: its shape and its tokenizer. */
enum { FILE_ITSELF, CONFIG, TOKENIZER_JSON, TOKENIZER_MODEL, FILES };
static const char *const names[FILES] = {
    [CONFIG] = "config.json", [TOKENIZER_JSON] = "tokenizer.json", [TOKENIZER_MODEL] = "tokenizer.model"};

struct call {
    struct cli cli;
    bool tensors, metadata;
    const char *path;
    int beside[FILES]; /* descriptors, or a negative errno */
    struct mm_artifact artifacts[FILES];
    struct mm_member members[FILES];
};

static int read_file(struct call *c, int which, int fd, const char *name)
{
    struct mm_artifact *artifact = &c->artifacts[which];
    struct mm_artifact_options how = {
        .format = MM_FORMAT_DETECT,
        .chunk_size = MM_CHUNK_SIZE_MAX,
        .whole = which >= TOKENIZER_JSON,
        .keep_pairs = c->metadata,
        .progress = cli_progress,
        .progress_context = &c->cli,
    };
    if (mm_artifact_read(fd, name, &how, artifact, &c->cli.diags) < 0)
        return -1;
    c->members[which] = (struct mm_member){.path = name,
                                           .role = which ? MM_ROLE_OTHER : MM_ROLE_WEIGHTS,
                                           .artifact = artifact,
                                           .sha256 = artifact->chunks.has_sha256 ? artifact->chunks.sha256 : NULL};
    return artifact->valid ? 0 : -1;
}

/* Opens what may stand beside the file, before rights are given up. */
static void open_beside(struct call *c, int folder)
{
    for (int which = CONFIG; which < FILES; which++) {
        c->beside[which] = folder < 0 ? folder : mm_file_open_beneath(folder, names[which], MM_LINKS_FOLLOW);
        if (folder >= 0 && c->beside[which] < 0)
            c->beside[which] = -errno;
    }
}

static int read_beside(struct call *c)
{
    const char *shown = c->cli.diags.file;
    int result = 0;
    for (int which = CONFIG; which < FILES && result == 0; which++) {
        if (c->beside[which] == -ENOENT)
            continue;
        c->cli.diags.file = names[which];
        result = c->beside[which] < 0 ? mm_diag_errno(&c->cli.diags, MM_RULE_IO_OPEN, "cannot open", -c->beside[which])
                                      : read_file(c, which, c->beside[which], names[which]);
    }
    c->cli.diags.file = shown;
    return result;
}

/* Looking up names takes no right to list the folder. */
#ifdef O_PATH
#define FOLDER_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

/* The descriptor of the folder that PATH stands in, or a negative errno; standard input stands in none. */
static int open_folder_of(const char *path)
{
    if (strcmp(path, "-") == 0)
        return -ENOENT;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, FOLDER_FLAGS) : -1;
    int error = folder ? errno : ENOMEM;
    free(folder);
    return fd >= 0 ? fd : -error;
}

static void print_digest(const struct call *c, struct mm_buf *out, enum mm_field field, struct mm_digest digest)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, digest.bytes, MM_HASH_BYTES);
    if (digest.known)
        cli_fact(&c->cli, out, mm_fields[field].key, hex, false);
}

static void print_model(const struct call *c, const struct mm_set_facts *facts, struct mm_buf *out)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, facts->parameters);
    cli_fact(&c->cli, out, mm_fields[MM_FIELD_ARCHITECTURE].key, facts->architecture, false);
    if (facts->has_parameters)
        cli_fact(&c->cli, out, mm_fields[MM_FIELD_PARAMETERS].key, number, true);
    cli_fact(&c->cli, out, mm_fields[MM_FIELD_QUANTIZATION].key, facts->quantization, false);
    if (facts->has_shape)
        cli_fact(&c->cli, out, mm_fields[MM_FIELD_MODEL_SHAPE].key, facts->shape, false);
}

static int print_facts(const struct call *c, struct mm_buf *out)
{
    const struct mm_artifact *artifact = &c->artifacts[FILE_ITSELF];
    struct mm_member present[FILES];
    struct mm_set_facts facts;
    struct mm_digest tokenizer;
    size_t count = 0;
    char number[24];
    for (int i = 0; i < FILES; i++)
        if (c->members[i].path)
            present[count++] = c->members[i];
    mm_set_facts(present, count, &facts);
    if (facts.failed)
        return -1;
    if (artifact->model.facts.has_tensors || artifact->model.facts.states_architecture)
        print_model(c, &facts, out);
    snprintf(number, sizeof number, "%" PRIu64, artifact->chunks.bytes);
    cli_fact(&c->cli, out, mm_fields[MM_FIELD_ARTIFACT_FORMAT].key, mm_format_names[artifact->model.format], false);
    cli_fact(&c->cli, out, mm_fields[MM_FIELD_ARTIFACT_BYTES].key, number, true);
    mm_set_tokenizer(present, count, FILE_ITSELF, &tokenizer);
    print_digest(c, out, MM_FIELD_TOKENIZER_SHA256, tokenizer);
    print_digest(c, out, MM_FIELD_CHAT_TEMPLATE_SHA256, artifact->model.facts.chat_template);
    print_digest(c, out, MM_FIELD_TENSOR_LAYOUT_SHA256, artifact->model.facts.layout);
    if (c->cli.json)
        mm_buf_str(out, "}\n");
    return 0;
}

static void print_tensors(const struct call *c, struct mm_buf *out)
{
    const struct mm_tensors *tensors = &c->artifacts[FILE_ITSELF].model.tensors;
    for (size_t i = 0; i < tensors->count; i++) {
        const struct mm_tensor *tensor = &tensors->items[i];
        if (!c->cli.json) {
            mm_tensor_layout_line(tensors, i, out);
            continue;
        }
        mm_buf_str(out, "{\"name\":");
        mm_buf_json_str(out, mm_tensor_name(tensors, i));
        mm_buf_printf(out, ",\"dtype\":\"%s\",\"dimensions\":[%s],\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n",
                      mm_dtypes[tensor->dtype].name, tensors->words.data + tensor->dims, tensor->offset, tensor->bytes);
    }
}

static int print_metadata(const struct call *c, struct mm_buf *out)
{
    const struct mm_model *model = &c->artifacts[FILE_ITSELF].model;
    for (size_t i = 0; i < model->pair_count; i++) {
        const struct mm_pair *pair = &model->pairs[i];
        if (pair->value.failed)
            return -1;
        if (c->cli.json) {
            mm_buf_str(out, "{\"key\":");
            mm_buf_json_str(out, pair->key);
            mm_buf_printf(out, ",\"type\":\"%s\",\"value\":", pair->type);
            mm_buf_json(out, pair->value.data, pair->value.length);
            mm_buf_str(out, "}\n");
        } else {
            mm_buf_escaped(out, pair->key, strlen(pair->key));
            mm_buf_printf(out, "\t%s\t", pair->type);
            mm_buf_escaped(out, pair->value.data, pair->value.length);
            mm_buf_char(out, '\n');
        }
    }
    return model->pairs_lost ? -1 : 0;
}

static int run(struct call *c)
{
    struct mm_buf out = {0};
    const char *slash = strrchr(c->path, '/');
    int fd = cli_open(&c->cli, c->path), folder = open_folder_of(c->path);
    open_beside(c, folder);
    int result = fd < 0 ? -1 : cli_sandbox(&c->cli, NULL, 0);
    if (result == 0)
        result = read_file(c, FILE_ITSELF, fd, slash ? slash + 1 : c->path);
    if (result == 0 && c->artifacts[FILE_ITSELF].model.format == MM_FORMAT_SAFETENSORS)
        result = read_beside(c);
    if (result == 0) {
        if (c->tensors)
            print_tensors(c, &out);
        else if ((c->metadata ? print_metadata : print_facts)(c, &out) < 0)
            result = mm_diag_memory(&c->cli.diags);
    }
    if (result == 0)
        result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    for (int i = 0; i < FILES; i++)
        mm_artifact_release(&c->artifacts[i]);
    return result;
}

int main(int argc, char **argv)
{
    struct call c = {0};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        switch (option) {
        case TENSORS: c.tensors = true; break;
        default: c.metadata = true; break;
        }
    if (c.cli.argc != 1)
        cli_usage(&c.cli, "expected one FILE");
    if (c.tensors && c.metadata)
        cli_usage(&c.cli, "--tensors and --metadata exclude each other");
    c.path = c.cli.argv[0];
    return cli_finish(&c.cli, run(&c) < 0 ? cli_failed(&c.cli) : 0);
}
