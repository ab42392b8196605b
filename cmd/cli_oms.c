#include "cli_oms.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/now.h"
#include "act/oms.h"
#include "cli_sarif.h"
#include "text/path.h"
#include "trust/oms_key.h"

/* Locked memory in which libcrypto keeps private keys, and its smallest piece. */
#define LOCKED_BYTES 65536
#define LOCKED_PIECE 32

void cli_oms_ignore(const struct cli *cli, struct cli_oms *how, const char *path)
{
    if (!mm_oms_ignorable(path))
        cli_usage(cli, "--ignore-path: expected a path beneath the model, found '%s'", path);
    if (how->ignored_count == CLI_OMS_IGNORED)
        cli_usage(cli, "--ignore-path: at most %d paths are left out", CLI_OMS_IGNORED);
    how->ignored[how->ignored_count++] = path;
}

void cli_oms_check_usage(const struct cli *cli, const struct cli_oms *how, bool sign)
{
    if (!how->bundle) {
        if (how->key || how->certificate || how->ignore_unsigned_files || how->ignored_count)
            cli_usage(cli, "--key, --certificate and the like belong to --oms");
        return;
    }
    if (sign && !how->key)
        cli_usage(cli, "--oms needs --key, the private key's PEM file");
    if (!sign && !how->key == !how->certificate)
        cli_usage(cli, "--oms needs either --key or --certificate");
    if (sign && strcmp(how->bundle, "-") == 0)
        cli_usage(cli, "--oms: a bundle is written to a file, not to standard output");
    if (how->home && !how->certificate)
        cli_usage(cli, "with --oms, --home goes with --certificate: keys have no time");
    if (strcmp(how->bundle, "-") == 0 && strcmp(how->key ? how->key : how->certificate, "-") == 0)
        cli_usage(cli, "--oms: standard input is either the bundle or the key");
    if (cli->argc != 1)
        cli_usage(cli, "--oms needs one model, a folder or a file");
}

/* ---- what both have in common ---- */

/* A folder, or one file and the folder in which it is. */
struct model {
    int root;
    const char *only; /* in the operand, or NULL */
    char *folder;     /* of `only` */
};

static int open_model(struct cli *cli, struct model *model, const char *path)
{
    struct stat info;
    const char *shown = cli->diags.file;
    *model = (struct model){.root = -1};
    cli->diags.file = path;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        size_t length = mm_path_folder_length(path);
        model->only = mm_path_name(path);
        model->folder = length ? strndup(path, length) : strdup(".");
        if (!model->folder)
            return mm_diag_memory(&cli->diags);
    }
    model->root = mm_file_open_folder(model->only ? model->folder : path, &cli->diags);
    cli->diags.file = shown;
    return model->root < 0 ? -1 : 0;
}

static void close_model(struct model *model)
{
    if (model->root >= 0)
        close(model->root);
    free(model->folder);
}

/* Adds what the call leaves out to what the statement does. */
static int ignore_more(struct cli *cli, const struct cli_oms *how, struct mm_oms_statement *statement)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < how->ignored_count; i++)
        result = mm_oms_statement_ignore(statement, how->ignored[i], &cli->diags);
    return result;
}

/* Reads the PEM file PATH, which holds nothing secret. */
static int read_pem(struct cli *cli, const char *path, struct mm_buf *text)
{
    const char *shown = cli->diags.file;
    cli->diags.file = path;
    int fd = cli_open(cli, path);
    int result = fd < 0 ? -1 : mm_file_read_all(fd, MM_OMS_PEM_MAX, text, &cli->diags);
    if (result > 0)
        result = mm_diag(&cli->diags, MM_RULE_IO_LIMIT, "expected a PEM file of at most %u bytes, found more",
                         MM_OMS_PEM_MAX);
    if (fd > STDERR_FILENO)
        close(fd);
    cli->diags.file = shown;
    return result;
}

/* ---- verifying ---- */

struct verification {
    struct cli *cli;
    const struct cli_oms *how;
    struct model model;
    int bundle;
    struct mm_buf pem, files;
    struct mm_oms_statement statement;
    struct mm_oms_signer signer;
    struct mm_oms_counts counts;
    char now[MM_TIME_SIZE]; /* for certificates */
};

static void add_file(void *context, const char *name, enum mm_oms_result result)
{
    struct verification *v = context;
    const char *word = mm_oms_result_words[result];
    if (v->cli->json) {
        mm_buf_printf(&v->files, "%s{\"result\":\"%s\",\"path\":", v->files.length ? "," : "", word);
        mm_buf_json_str(&v->files, name);
        mm_buf_char(&v->files, '}');
    } else {
        mm_buf_printf(&v->files, "file: %s ", word);
        mm_buf_escaped(&v->files, name, strlen(name));
        mm_buf_char(&v->files, '\n');
    }
}

/* TEXT was chosen by the signer, or by whoever named a certificate. */
static void add_foreign(struct verification *v, struct mm_buf *out, const char *key, const char *text)
{
    struct mm_buf shown = {0};
    if (!v->cli->json) {
        mm_buf_escaped(&shown, text, strlen(text));
        text = mm_buf_text(&shown);
        out->failed = out->failed || !text;
    }
    cli_fact(v->cli, out, key, text ? text : "", false);
    mm_buf_release(&shown);
}

static int print_report(struct verification *v, enum mm_answer answer)
{
    struct mm_buf out = {0};
    char hex[MM_HASH_HEX + 1], ignored[24];
    const char *verdict = answer == MM_YES ? "pass" : answer == MM_NO ? "fail" : "unknown";
    mm_hex(hex, v->statement.root, MM_HASH_BYTES);
    snprintf(ignored, sizeof ignored, "%" PRIu64, v->counts.ignored);
    cli_fact(v->cli, &out, "signer-key", v->signer.key, false);
    if (v->signer.subject[0])
        add_foreign(v, &out, "signer-certificate", v->signer.subject);
    add_foreign(v, &out, "model", v->statement.model);
    cli_fact(v->cli, &out, "method", v->statement.shard_size ? "shards" : "files", false);
    cli_fact(v->cli, &out, "hash", mm_oms_hash_names[v->statement.hash], false);
    cli_fact(v->cli, &out, "root-sha256", hex, false);
    if (v->cli->json)
        mm_buf_str(&out, ",\"files\":[");
    mm_buf_add(&out, v->files.data, v->files.length);
    if (v->cli->json)
        mm_buf_char(&out, ']');
    cli_fact(v->cli, &out, "ignored", ignored, true);
    cli_fact(v->cli, &out, "verdict", verdict, false);
    if (v->cli->json)
        mm_buf_str(&out, "}\n");
    out.failed = out.failed || v->files.failed;
    int result = cli_print(v->cli, &out);
    mm_buf_release(&out);
    return result;
}

static int check_model(struct verification *v)
{
    struct mm_oms_options options = {
        .links = v->how->follow_links ? MM_LINKS_FOLLOW : MM_LINKS_BENEATH,
        .ignore_surplus = v->how->ignore_unsigned_files,
        .bundle = v->bundle,
        .only = v->model.only,
        .each = add_file,
        .each_context = v,
        .progress = cli_progress,
        .progress_context = v->cli,
    };
    bool good = mm_oms_check(&v->statement, v->model.root, &options, &v->counts, &v->cli->diags) == 0;
    int answer = good ? (int)mm_diags_answer(&v->cli->diags) : cli_failed(v->cli);
    const char *folder = v->model.only ? v->model.folder : v->cli->argv[0];
    cli_sarif_take(v->cli, &(struct cli_sarif_about){.folder = folder,
                                                     .folder_length = strlen(folder),
                                                     .operand = cli_shown(v->how->bundle)});
    if (v->cli->sarif.asked)
        return answer;
    return print_report(v, (enum mm_answer)answer) < 0 ? cli_worse(answer, MM_UNKNOWN) : answer;
}

/* Behind the sandbox: key or certificates, the bundle, then the model. Returns the answer. */
static int verify_inside(struct verification *v)
{
    struct mm_diags *diags = &v->cli->diags;
    struct mm_oms_trust trust = {0};
    struct mm_oms_key *key = NULL;
    struct mm_oms_roots *roots = NULL;
    int answer = MM_UNKNOWN;
    diags->file = v->how->key ? v->how->key : v->how->certificate;
    if (v->how->key)
        trust.key = key = mm_oms_key_read(v->pem.data ? v->pem.data : "", v->pem.length, diags);
    else
        trust.roots = roots = mm_oms_roots_read(v->pem.data ? v->pem.data : "", v->pem.length, diags);
    memcpy(trust.now, v->now, sizeof trust.now);
    diags->file = cli_shown(v->how->bundle);
    if ((key || roots) && mm_oms_open(&v->statement, v->bundle, &trust, &v->signer, diags) == 0 &&
        ignore_more(v->cli, v->how, &v->statement) == 0)
        answer = check_model(v);
    else
        answer = cli_failed(v->cli);
    mm_oms_key_free(key);
    mm_oms_roots_free(roots);
    return answer;
}

static int verify_sandbox(struct verification *v)
{
    int all = v->how->follow_links ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct mm_sandbox_rule rule = {all >= 0 ? all : v->model.root, MM_SANDBOX_READ};
    int result = cli_sandbox(v->cli, &rule, 1);
    if (all >= 0)
        close(all);
    return result;
}

int cli_oms_verify(struct cli *cli, const struct cli_oms *how, const char *model)
{
    struct verification v = {.cli = cli, .how = how, .model = {.root = -1}, .bundle = -1};
    int answer = MM_UNKNOWN;
    v.bundle = cli_open(cli, how->bundle);
    if (v.bundle >= 0 && read_pem(cli, how->key ? how->key : how->certificate, &v.pem) == 0 &&
        open_model(cli, &v.model, model) == 0) {
        if (how->certificate)
            mm_now_read(v.now, how->home, &cli->diags);
        answer = verify_sandbox(&v) == 0 ? verify_inside(&v) : MM_UNKNOWN;
    }
    close_model(&v.model);
    mm_oms_statement_release(&v.statement);
    mm_buf_release(&v.pem);
    mm_buf_release(&v.files);
    return answer;
}

/* ---- signing ---- */

struct signing {
    struct cli *cli;
    struct cli_oms *how;
    struct model model;
    struct mm_writer writer;
    struct mm_oms_key *key;
    struct mm_buf certificates;
    struct mm_oms_statement statement;
    struct mm_oms_bundle bundle;
};

static int ask(void *context, struct mm_secret *password, struct mm_diags *diags)
{
    struct signing *s = context;
    (void)diags; /* the command's */
    return cli_password_of(s->cli, s->how->key, &s->how->password, password);
}

/* The private key's text, into locked memory. */
static int read_secret(int fd, struct mm_secret *text, struct mm_diags *diags)
{
    if (mm_secret_check_file(fd, diags) < 0 || mm_secret_init(text, MM_SIGNATURE_MAX + 1, diags) < 0 ||
        mm_secret_read(text, fd, diags) < 0)
        return -1;
    if (text->length == text->capacity)
        return mm_diag(diags, MM_RULE_OMS_KEY, "expected a key of at most %d bytes, found more", MM_SIGNATURE_MAX);
    return 0;
}

/* Before the sandbox, as a password may have to be asked for. */
static int open_key(struct signing *s)
{
    const struct rlimit none = {0, 0};
    const char *shown = s->cli->diags.file;
    struct mm_secret text = {0};
    setrlimit(RLIMIT_CORE, &none);
    CRYPTO_secure_malloc_init(LOCKED_BYTES, LOCKED_PIECE);
    s->cli->diags.file = s->how->key;
    int fd = mm_file_open(s->how->key, &s->cli->diags);
    if (fd >= 0 && read_secret(fd, &text, &s->cli->diags) == 0)
        s->key = mm_oms_key_read_secret(&text, ask, s, &s->cli->diags);
    mm_secret_release(&text);
    if (fd >= 0)
        close(fd);
    s->cli->diags.file = shown;
    return s->key ? 0 : -1;
}

/* What the signer calls the model: the last part of its path, as it is without links and dots. */
static int name_model(struct signing *s, const char *path)
{
    char *real = realpath(path, NULL);
    const char *name = s->model.only ? s->model.only : real ? mm_path_name(real) : "";
    s->statement.model = strdup(*name ? name : "model"); /* the root of all folders has no name */
    free(real);
    return s->statement.model ? 0 : mm_diag_memory(&s->cli->diags);
}

/* The bundle is no part of the model: if it is to stand in the folder, it is ignored by name. */
static int ignore_bundle(struct signing *s, const char *model)
{
    size_t length = mm_path_folder_length(s->how->bundle);
    char *folder = length ? strndup(s->how->bundle, length) : strdup(".");
    char *root = realpath(model, NULL), *place = folder ? realpath(folder, NULL) : NULL;
    struct mm_buf path = {0};
    size_t size = root ? strlen(root) : 0;
    int result = 0;
    if (root && size == 1)
        size = 0; /* "/" */
    if (!s->model.only && root && place && strncmp(root, place, size) == 0 && (place[size] == '/' || !place[size])) {
        mm_buf_str(&path, place[size] && place[size + 1] ? place + size + 1 : "");
        mm_buf_str(&path, path.length ? "/" : "");
        mm_buf_str(&path, mm_path_name(s->how->bundle));
        result = !mm_buf_text(&path) ? mm_diag_memory(&s->cli->diags)
                 : mm_oms_name_sound(mm_buf_text(&path))
                     ? mm_oms_statement_ignore(&s->statement, mm_buf_text(&path), &s->cli->diags)
                     : mm_diag(&s->cli->diags, MM_RULE_OMS_FILE,
                               "expected a bundle in the model to have a name that can stand in it, found another");
    }
    mm_buf_release(&path);
    free(place);
    free(root);
    free(folder);
    return result;
}

/* --force is for bundles: a file of the model that is named by mistake would be lost. */
static int check_replaced(struct signing *s)
{
    struct stat info;
    struct mm_oms_bundle before;
    struct mm_diags findings;
    if (!s->how->force || stat(s->how->bundle, &info) < 0 || !S_ISREG(info.st_mode))
        return 0;
    mm_diags_init(&findings);
    findings.file = s->how->bundle;
    int fd = mm_file_open(s->how->bundle, &findings);
    bool is_bundle = fd >= 0 && mm_oms_bundle_read_file(&before, fd, &findings) == 0;
    if (fd >= 0) {
        mm_oms_bundle_release(&before);
        close(fd);
    }
    mm_diags_release(&findings);
    return is_bundle
               ? 0
               : mm_diag(&s->cli->diags, MM_RULE_IO_EXISTS, "will not replace %s, which is no bundle", s->how->bundle);
}

static int sign_sandbox(struct signing *s)
{
    const struct mm_sandbox_rule rules[] = {{s->model.root, MM_SANDBOX_READ}, {s->writer.folder, MM_SANDBOX_WRITE}};
    return cli_sandbox(s->cli, rules, 2);
}

static int print_signed(struct signing *s)
{
    struct mm_buf out = {0};
    char hex[MM_HASH_HEX + 1], count[24];
    mm_hex(hex, s->statement.root, MM_HASH_BYTES);
    snprintf(count, sizeof count, "%zu", s->statement.count);
    cli_fact(s->cli, &out, "signer-key", s->bundle.hint, false);
    cli_fact(s->cli, &out, "root-sha256", hex, false);
    cli_fact(s->cli, &out, "files", count, true);
    if (s->cli->json)
        mm_buf_str(&out, "}\n");
    int result = cli_print(s->cli, &out);
    mm_buf_release(&out);
    if (s->model.only)
        mm_note(&s->cli->diags, MM_RULE_OMS_FILE,
                "a model of one file is called by its name here, and \".\" by the reference program, which does not "
                "verify this; it does where the file's folder is signed");
    return result;
}

/* Behind the sandbox: hashes, the signature, the file. */
static int sign_inside(struct signing *s)
{
    struct mm_diags *diags = &s->cli->diags;
    struct mm_buf text = {0};
    struct mm_oms_options options = {
        .bundle = s->writer.fd, .only = s->model.only, .progress = cli_progress, .progress_context = s->cli};
    int result = mm_oms_collect(&s->statement, s->model.root, &options, diags);
    if (result == 0) {
        mm_oms_statement_write(&s->statement, &s->bundle.payload);
        result = s->bundle.payload.failed
                     ? mm_diag_memory(diags)
                     : mm_oms_sign(&s->bundle, s->key, s->how->certificate ? &s->certificates : NULL, diags);
    }
    if (result == 0) {
        mm_oms_bundle_write(&s->bundle, &text);
        if (!mm_buf_text(&text))
            result = mm_diag_memory(diags);
        else if (text.length > MM_OMS_BUNDLE_MAX)
            result = mm_diag(diags, MM_RULE_IO_LIMIT, "expected a bundle of at most %u bytes, found more",
                             MM_OMS_BUNDLE_MAX);
    }
    if (result == 0)
        result = mm_writer_write(&s->writer, text.data, text.length, diags);
    if (result == 0)
        result = mm_writer_commit(&s->writer, diags);
    mm_buf_release(&text);
    return result == 0 ? print_signed(s) : -1;
}

int cli_oms_sign(struct cli *cli, struct cli_oms *how, const char *model)
{
    struct signing s = {.cli = cli, .how = how, .model = {.root = -1}, .writer = {.fd = -1, .folder = -1}};
    cli->diags.file = how->bundle;
    int result = open_key(&s);
    if (result == 0 && how->certificate)
        result = read_pem(cli, how->certificate, &s.certificates);
    if (result == 0)
        result = open_model(cli, &s.model, model);
    if (result == 0 && name_model(&s, model) == 0 && ignore_more(cli, how, &s.statement) == 0 &&
        ignore_bundle(&s, model) == 0 && check_replaced(&s) == 0)
        result = mm_writer_open(&s.writer, how->bundle, how->force, &cli->diags);
    else
        result = -1;
    if (result == 0 && sign_sandbox(&s) == 0 && sign_inside(&s) == 0)
        result = 0;
    else
        result = -1;
    mm_writer_abandon(&s.writer);
    mm_oms_key_free(s.key);
    mm_oms_bundle_release(&s.bundle);
    mm_oms_statement_release(&s.statement);
    mm_buf_release(&s.certificates);
    close_model(&s.model);
    return result == 0 ? MM_YES : cli_failed(cli);
}
