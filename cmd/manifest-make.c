/* manifest-make: describes files or folders in a canonical manifest. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/make.h"
#include "act/now.h"
#include "cli.h"
#include "cli_files.h"
#include "cli_threads.h"
#include "doc/publisher.h"
#include "text/line.h"
#include "text/path.h"

/* Options that give a field's value come first, and carry the field's name. */
enum {
    MODEL_ID,
    VERSION_OF_MODEL,
    REVISION,
    PREVIOUS_MANIFEST,
    DISPLAY_NAME,
    TAG,
    KEY_ID,
    CREATED,
    EXPIRES,
    LICENSE,
    LICENSE_ROUTE,
    MODEL_CARD_ROUTE,
    MANIFEST_ROUTE,
    TAKEDOWN_ROUTE,
    SOURCE_LANE,
    SOURCE,
    EVIDENCE,
    PEER_HINT,
    FIELD_OPTIONS,
    FROM = FIELD_OPTIONS,
    ROLE,
    SIZE,
    CHUNK_LISTS,
    ATTEST,
    ATTEST_KEY,
    ATTEST_CERTIFICATE,
    PRIVATE,
    FOLLOW_LINKS,
    FILES_FROM,
    NUL,
    OUTPUT,
    THREADS,
    FORCE
};

static const struct cli_option options[] = {
    [MODEL_ID] = {0, "model-id", "ID", "PUBLISHER/NAME; NAME alone with a publisher file"},
    [VERSION_OF_MODEL] = {0, "version", "VERSION", "the model's version (alone: the version of this command)"},
    [REVISION] = {0, "revision", "N", "counts the model's manifests (default 1, or that of --from and one)"},
    [PREVIOUS_MANIFEST] = {0, "previous-manifest", "HEX", "SHA-256 of an earlier revision's manifest"},
    [DISPLAY_NAME] = {0, "display-name", "TEXT", "the name for people (default: NAME)"},
    [TAG] = {0, "tag", "TAG", "a word to find the model by; may be given again"},
    [KEY_ID] = {0, "key-id", "ID", "the key that will sign (default none)"},
    [CREATED] = {0, "created", "TIME", "default: now, or SOURCE_DATE_EPOCH"},
    [EXPIRES] = {0, "expires", "TIME", "when the manifest stops being good"},
    [LICENSE] = {0, "license", "SPDX", "SPDX licence expression"},
    [LICENSE_ROUTE] = {0, "license-route", "ROUTE", "default: the artifact of role license"},
    [MODEL_CARD_ROUTE] = {0, "model-card-route", "ROUTE", "default: the artifact of role card"},
    [MANIFEST_ROUTE] = {0, "manifest-route", "URL", "where the manifest will be published"},
    [TAKEDOWN_ROUTE] = {0, "takedown-route", "ROUTE", "mailto: address or page for takedown requests"},
    [SOURCE_LANE] = {0, "source-lane", "LANE", "original, converted, quantized, fine-tuned, merged or mirrored"},
    [SOURCE] = {0, "source", "SOURCE", "'SHA256 NAME' or '- NAME' it was made from; may be given again"},
    [EVIDENCE] = {0, "evidence", "EVIDENCE", "'KIND STATUS SHA256 ROUTE'; may be given again"},
    [PEER_HINT] = {0, "peer-hint", "HINT", "none, available or restricted (default none)"},
    [FROM] = {'f', "from", "MANIFEST", "an earlier revision: take over what is not given"},
    [ROLE] = {'r', "role", "PATH=ROLE", "the role of a file; may be given again"},
    [SIZE] = {'s', "size", "SIZE", "chunk size: a power of two from 64K to 64M (default 1M)"},
    [CHUNK_LISTS] = {'l', "chunk-lists", "DIR", "also write chunk lists to DIR, and name them"},
    [ATTEST] = {0, "attest", "FILE",
                "compare with what FILE says of the files, - is standard input; may be given again"},
    [ATTEST_KEY] = {0, "attest-key", "FILE", "the public key, in PEM, that signs model-signing bundles"},
    [ATTEST_CERTIFICATE] = {0, "attest-certificate", "FILE", "certificates, in PEM, that vouch for their signers"},
    [PRIVATE] = {'p', "private", NULL, "fill in what lacks, for publisher local"},
    [FOLLOW_LINKS] = {'L', "follow-links", NULL, "follow symbolic links that lead out of a folder"},
    [FILES_FROM] = {0, "files-from", "FILE", "take further paths from FILE, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
    [OUTPUT] = {'o', "output", "FILE", "write to FILE instead of standard output"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
    [FORCE] = {0, "force", NULL, "replace existing files"},
};

static const enum mm_field fields[FIELD_OPTIONS] = {
    [MODEL_ID] = MM_FIELD_MODEL_ID,
    [VERSION_OF_MODEL] = MM_FIELD_VERSION,
    [REVISION] = MM_FIELD_REVISION,
    [PREVIOUS_MANIFEST] = MM_FIELD_PREVIOUS_MANIFEST,
    [DISPLAY_NAME] = MM_FIELD_DISPLAY_NAME,
    [TAG] = MM_FIELD_TAG,
    [KEY_ID] = MM_FIELD_KEY_ID,
    [CREATED] = MM_FIELD_CREATED,
    [EXPIRES] = MM_FIELD_EXPIRES,
    [LICENSE] = MM_FIELD_LICENSE,
    [LICENSE_ROUTE] = MM_FIELD_LICENSE_ROUTE,
    [MODEL_CARD_ROUTE] = MM_FIELD_MODEL_CARD_ROUTE,
    [MANIFEST_ROUTE] = MM_FIELD_MANIFEST_ROUTE,
    [TAKEDOWN_ROUTE] = MM_FIELD_TAKEDOWN_ROUTE,
    [SOURCE_LANE] = MM_FIELD_SOURCE_LANE,
    [SOURCE] = MM_FIELD_SOURCE,
    [EVIDENCE] = MM_FIELD_EVIDENCE,
    [PEER_HINT] = MM_FIELD_PEER_HINT,
};

static const struct cli_command command = {
    "manifest-make",
    "PATH...",
    "Describe files or folders in a canonical manifest on standard output.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_MAKE |
        MM_GROUP_RECEIPT | MM_GROUP_STORE | MM_GROUP_TRUST | MM_GROUP_ATTEST,
};

struct call {
    struct cli cli;
    struct mm_make_options how;
    struct mm_given *given; /* as many as there are arguments, at most */
    struct mm_role_given *roles;
    const char *from, *output, *files_from, *threads;
    bool nul;
    bool follow_links, failed;
    struct mm_manifest from_manifest, publisher;
    struct mm_gather gather;
    const char **attested; /* operands of --attest */
    size_t attested_count;
    const char *attest_key, *attest_certificate;
    char now[MM_TIME_SIZE]; /* for which certificates vouch */
    struct mm_oms_key *key;
    struct mm_oms_roots *roots;
    struct mm_attest attest;
    struct mm_buf arguments, private_name;
    struct mm_writer writer;
    int lists_folder;
};

/* A value has to be good by itself before any file is read. */
static void check_given(struct call *c, enum mm_field field, const char *value)
{
    struct mm_buf text = {0};
    struct mm_lines lines = {0};
    struct mm_line line = {0};
    struct mm_value_fault fault = {0};
    struct mm_diags diags;
    bool short_id = field == MM_FIELD_MODEL_ID && !strchr(value, '/');
    mm_diags_init(&diags);
    mm_buf_printf(&text, "value 0\n%s: %s\n", mm_fields[field].key, value);
    if (!text.failed && mm_lines_begin(&lines, text.data, text.length, "value", &diags) == 0 &&
        mm_lines_next(&lines, &line, &diags) && line.sound && lines.at == lines.end &&
        !mm_field_check(short_id ? MM_FIELD_PUBLISHER_ID : field, line.value, line.value_length, &fault))
        cli_usage(&c->cli, "--%s: expected %s, found '%s'", mm_fields[field].key, fault.expected, value);
    if (diags.count || lines.at != lines.end)
        cli_usage(&c->cli, "--%s: %s", mm_fields[field].key, diags.count ? diags.items[0].text : "expected one line");
    mm_diags_release(&diags);
    mm_buf_release(&text);
}

static void take_field(struct call *c, enum mm_field field, const char *value)
{
    bool many = mm_fields[field].often == MM_OFTEN_MANY;
    if (!many || value[0])
        check_given(c, field, value);
    for (size_t i = 0; !many && i < c->how.given_count; i++)
        if (c->given[i].field == field) {
            c->given[i].value = value; /* the last one counts */
            return;
        }
    c->given[c->how.given_count++] = (struct mm_given){field, value};
}

static void take_role(struct call *c, const char *value)
{
    const char *sign = strrchr(value, '=');
    int role = sign ? mm_role_of(sign + 1, strlen(sign + 1)) : -1;
    if (role < 0)
        cli_usage(&c->cli,
                  "--role: expected PATH=ROLE with a role of weights, adapter, tokenizer, config, license, card or "
                  "other, found '%s'",
                  value);
    c->roles[c->how.role_count++] =
        (struct mm_role_given){.path = value, .path_length = (size_t)(sign - value), .role = (enum mm_role)role};
}

static void take_option(struct call *c, int option, const char *value)
{
    if (option < FIELD_OPTIONS) {
        take_field(c, fields[option], value);
        return;
    }
    switch (option) {
    case FROM: c->from = value; break;
    case ROLE: take_role(c, value); break;
    case SIZE:
        if (!mm_number_size(value, MM_CHUNK_SIZE_MAX, &c->how.chunk_size) || !mm_chunk_size_valid(c->how.chunk_size))
            cli_usage(&c->cli, "expected a chunk size that is a power of two from 65536 to 67108864, found '%s'",
                      value);
        break;
    case CHUNK_LISTS: c->how.chunk_lists = value; break;
    case ATTEST: c->attested[c->attested_count++] = value; break;
    case ATTEST_KEY: c->attest_key = value; break;
    case ATTEST_CERTIFICATE: c->attest_certificate = value; break;
    case PRIVATE: c->how.is_private = true; break;
    case FOLLOW_LINKS: c->follow_links = true; break;
    case FILES_FROM: c->files_from = value; break;
    case NUL: c->nul = true; break;
    case OUTPUT: c->output = strcmp(value, "-") == 0 ? NULL : value; break;
    case THREADS: c->threads = value; break;
    default: c->how.force = true; break;
    }
}

static int read_from(struct call *c)
{
    int fd = c->from ? cli_open(&c->cli, c->from) : -1;
    if (!c->from)
        return 0;
    int result = fd < 0 ? -1 : mm_manifest_read_file(&c->from_manifest, fd, &c->cli.diags);
    if (fd > STDERR_FILENO)
        close(fd);
    c->how.from = result == 0 ? &c->from_manifest : NULL;
    return result;
}

/* $XDG_CONFIG_HOME/minimodel/publisher, where there is one. */
static int read_publisher(struct call *c)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    struct mm_buf path = {0};
    int result = 0;
    if (config && *config)
        mm_buf_printf(&path, "%s/minimodel/publisher", config);
    else if (home)
        mm_buf_printf(&path, "%s/.config/minimodel/publisher", home);
    if (path.length && !path.failed && access(path.data, F_OK) == 0) {
        int fd = cli_open(&c->cli, path.data);
        result = fd < 0 ? -1 : mm_publisher_read(&c->publisher, fd, &c->cli.diags);
        c->how.publisher = result == 0 ? &c->publisher : NULL;
        if (fd >= 0)
            close(fd);
        c->cli.diags.file = "";
    }
    mm_buf_release(&path);
    return result;
}

/* The first operand's name as the NAME of a model-id: lower case, other characters become single hyphens. */
static void name_privately(struct call *c, const char *operand)
{
    size_t length = strlen(operand);
    while (length > 1 && operand[length - 1] == '/')
        length--;
    size_t start = length;
    while (start > 0 && operand[start - 1] != '/')
        start--;
    for (size_t i = start; i < length && c->private_name.length < 60; i++) {
        char ch = operand[i] >= 'A' && operand[i] <= 'Z' ? (char)(operand[i] + 32) : operand[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');
        if (plain)
            mm_buf_char(&c->private_name, ch);
        else if (c->private_name.length && c->private_name.data[c->private_name.length - 1] != '-')
            mm_buf_char(&c->private_name, '-');
    }
    while (c->private_name.length && c->private_name.data[c->private_name.length - 1] == '-')
        c->private_name.data[--c->private_name.length] = '\0';
    if (c->private_name.length && mm_path_reserved(c->private_name.data, c->private_name.length))
        mm_buf_str(&c->private_name, "-model");
}

/* An argument as a shell takes it, for the sample command. */
static void add_argument(struct call *c, const char *path)
{
    bool plain = path[0] && strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-+,:@=") ==
                                strlen(path);
    mm_buf_char(&c->arguments, ' ');
    mm_buf_str(&c->arguments, plain ? "" : "'");
    for (; *path; path++)
        if (*path == '\'')
            mm_buf_str(&c->arguments, "'\\''");
        else
            mm_buf_char(&c->arguments, *path);
    mm_buf_str(&c->arguments, plain ? "" : "'");
}

static int gather_one(void *context, const char *path)
{
    struct call *c = context;
    c->cli.diags.file = path;
    if (c->private_name.length == 0)
        name_privately(c, path);
    c->failed = mm_gather_add(&c->gather, path, &c->cli.diags) < 0 || c->failed;
    c->cli.diags.file = "";
    return 0; /* what is wrong with the other paths is worth knowing too */
}

static int gather(struct call *c)
{
    uint64_t errors = c->cli.diags.errors;
    c->gather.follow_links = c->follow_links;
    cli_each_file(&c->cli, c->files_from, c->nul, gather_one, c);
    c->how.private_name = c->private_name.length ? c->private_name.data : "model";
    if (c->private_name.failed || c->arguments.failed)
        return mm_diag_memory(&c->cli.diags);
    return c->failed || c->cli.diags.errors > errors ? -1 : mm_gather_finish(&c->gather, &c->cli.diags);
}

/* Opens what will be written, then keeps the rights to write there and to read, before anything is parsed. */
static int prepare(struct call *c)
{
    struct mm_sandbox_rule rules[3];
    size_t count = 0;
    int all = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->attest_certificate)
        mm_now_read(c->now, NULL, &c->cli.diags);
    if (c->output && mm_writer_open(&c->writer, c->output, c->how.force, &c->cli.diags) < 0)
        return -1;
    c->cli.diags.file = c->how.chunk_lists;
    c->lists_folder = c->how.chunk_lists ? mm_file_open_folder(c->how.chunk_lists, &c->cli.diags) : -1;
    if (c->how.chunk_lists && c->lists_folder < 0)
        return -1;
    c->cli.diags.file = "";
    if (c->how.chunk_lists)
        rules[count++] = (struct mm_sandbox_rule){c->lists_folder, MM_SANDBOX_WRITE};
    if (c->output)
        rules[count++] = (struct mm_sandbox_rule){c->writer.folder, MM_SANDBOX_WRITE};
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, MM_SANDBOX_READ};
    int result = cli_sandbox(&c->cli, rules, count);
    close(all);
    return result;
}

/* No output may be a file that is described. */
static int check_output(struct call *c)
{
    for (size_t i = 0; c->output && i < c->gather.count; i++)
        if (mm_file_is(c->output, c->gather.inputs[i].folder, c->gather.inputs[i].name))
            return mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is described", c->output);
    return c->how.chunk_lists ? mm_make_folders(&c->gather, c->how.chunk_lists, &c->cli.diags) : 0;
}

static int read_pem(struct call *c, const char *path, struct mm_buf *pem)
{
    int fd = cli_open(&c->cli, path);
    int result = fd < 0 ? -1 : mm_file_read_all(fd, MM_OMS_PEM_MAX, pem, &c->cli.diags);
    if (fd > STDERR_FILENO)
        close(fd);
    return result > 0 ? mm_diag(&c->cli.diags, MM_RULE_OMS_KEY, "expected at most %u bytes, found more", MM_OMS_PEM_MAX)
                      : result;
}

/* Whom bundles are to come from. */
static int read_attest_keys(struct call *c)
{
    struct mm_buf key = {0}, roots = {0};
    int result = c->attest_key ? read_pem(c, c->attest_key, &key) : 0;
    if (result == 0 && c->attest_key && !(c->key = mm_oms_key_read(mm_buf_text(&key), key.length, &c->cli.diags)))
        result = -1;
    if (result == 0 && c->attest_certificate)
        result = read_pem(c, c->attest_certificate, &roots);
    if (result == 0 && c->attest_certificate &&
        !(c->roots = mm_oms_roots_read(mm_buf_text(&roots), roots.length, &c->cli.diags)))
        result = -1;
    c->cli.diags.file = "";
    mm_buf_release(&key);
    mm_buf_release(&roots);
    return result;
}

static int read_attestations(struct call *c)
{
    int result = 0;
    if (c->attested_count == 0)
        return 0;
    if (read_attest_keys(c) < 0 || mm_attest_begin(&c->attest, &c->gather, &c->cli.diags) < 0)
        return -1;
    c->attest.key = c->key;
    c->attest.roots = c->roots;
    memcpy(c->attest.now, c->now, sizeof c->attest.now);
    for (size_t i = 0; i < c->attested_count; i++) {
        const char *from = c->attested[i];
        int read = strcmp(from, "-") == 0
                       ? mm_attest_add_stream(&c->attest, STDIN_FILENO, cli_shown(from), &c->cli.diags)
                       : mm_attest_add(&c->attest, from, &c->cli.diags);
        result = read < 0 ? -1 : result; /* what is wrong with the others is worth knowing too */
    }
    c->how.attest = &c->attest;
    return result;
}

/* Nor may it be an attestation, or what tells whom those are to come from. */
static int check_attested(struct call *c)
{
    const char *keys[] = {c->attest_key, c->attest_certificate};
    bool same = false;
    for (size_t i = 0; c->output && i < c->attest.file_count; i++)
        same = same || (!c->attest.files[i].stream && mm_file_is(c->output, AT_FDCWD, c->attest.files[i].path));
    for (size_t i = 0; c->output && i < sizeof keys / sizeof *keys; i++)
        same = same || (keys[i] && mm_file_is(c->output, AT_FDCWD, keys[i]));
    return same
               ? mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is read for --attest", c->output)
               : 0;
}

static int to_json(struct call *c, struct mm_buf *out)
{
    struct mm_manifest manifest = {0};
    int result = mm_manifest_read(&manifest, out->data, out->length, &c->cli.diags);
    mm_buf_clear(out);
    if (result == 0)
        mm_manifest_write_json(&manifest, out);
    mm_manifest_release(&manifest);
    return result;
}

static int write_out(struct call *c, struct mm_buf *out)
{
    if (c->cli.json && to_json(c, out) < 0)
        return -1;
    if (!c->output)
        return cli_print(&c->cli, out);
    if (!mm_buf_text(out))
        return mm_diag_memory(&c->cli.diags);
    if (mm_writer_write(&c->writer, out->data, out->length, &c->cli.diags) < 0)
        return -1;
    return mm_writer_commit(&c->writer, &c->cli.diags);
}

static int run(struct call *c)
{
    struct mm_buf out = {0};
    int result = prepare(c);
    if (result == 0)
        result = read_from(c);
    if (result == 0)
        result = read_publisher(c);
    if (result == 0)
        result = gather(c);
    if (result == 0)
        result = check_output(c);
    if (result == 0)
        result = read_attestations(c);
    if (result == 0)
        result = check_attested(c);
    if (result == 0)
        result = mm_make(&c->gather, &c->how, &out, &c->cli.diags);
    if (result == 0)
        result = write_out(c, &out);
    mm_buf_release(&out);
    return result;
}

int main(int argc, char **argv)
{
    struct call c = {.writer = {.fd = -1, .folder = -1}, .lists_folder = -1};
    const char *value;
    int option;
    c.given = calloc((size_t)argc + 1, sizeof *c.given);
    c.roles = calloc((size_t)argc + 1, sizeof *c.roles);
    c.attested = calloc((size_t)argc + 1, sizeof *c.attested);
    if (!c.given || !c.roles || !c.attested) {
        free(c.given);
        free(c.roles);
        free(c.attested);
        return cli_no_memory(command.name);
    }
    cli_init(&c.cli, &command, argc, argv);
    for (int i = 1; i < argc; i++)
        add_argument(&c, argv[i]); /* before getopt moves them */
    c.how.call = mm_buf_text(&c.arguments) ? mm_buf_text(&c.arguments) : "";
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.nul && !c.files_from)
        cli_usage(&c.cli, "--null goes with --files-from");
    if ((c.attest_key || c.attest_certificate) && c.attested_count == 0)
        cli_usage(&c.cli, "--attest-key and --attest-certificate go with --attest");
    if (c.cli.argc < 1 && !c.files_from)
        cli_usage(&c.cli, "expected files or folders to describe, or --files-from");
    c.how.given = c.given;
    c.how.roles = c.roles;
    c.how.means = cli_hash_means(&c.cli, c.threads);
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    int result = run(&c), failed = result < 0 ? cli_failed(&c.cli) : MM_YES;
    mm_writer_abandon(&c.writer);
    if (c.lists_folder >= 0)
        close(c.lists_folder);
    mm_attest_release(&c.attest);
    mm_oms_key_free(c.key);
    mm_oms_roots_free(c.roots);
    mm_gather_release(&c.gather);
    mm_manifest_release(&c.from_manifest);
    mm_manifest_release(&c.publisher);
    mm_buf_release(&c.arguments);
    mm_buf_release(&c.private_name);
    int answer = cli_finish(&c.cli, failed);
    free(c.given);
    free(c.roles);
    free(c.attested);
    if (result > 0)
        cli_usage(&c.cli, "what lacks stands above");
    return answer;
}
