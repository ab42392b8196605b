/* manifest-sign: signs manifests and other files with a secret key, and checks signatures. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/sign.h"
#include "base/file.h"
#include "cli_files.h"
#include "cli_oms.h"
#include "cli_secret.h"
#include "text/path.h"

enum {
    SECRET_KEY,
    CHECK,
    PUBLIC_KEY,
    KEYRING,
    ANY,
    COMMENT,
    COUNTERSIGN,
    PASSWORD_FD,
    PASSWORD_FILE,
    FORCE,
    FILES_FROM,
    NUL,
    OMS,
    KEY,
    CERTIFICATE,
    IGNORE_PATH
};

static const struct cli_option options[] = {
    [SECRET_KEY] = {'s', "secret-key", "FILE", "the secret key to sign with"},
    [CHECK] = {'c', "check", NULL, "check signatures instead of making them"},
    [PUBLIC_KEY] = {'p', "public-key", "FILE",
                    "with --check: the key that has to have signed, instead of the keyring's"},
    [KEYRING] = {0, "keyring", "DIR", "with --check: the keyring, instead of MINIMODEL_KEYRING"},
    [ANY] = {'a', "any", NULL, "files of any kind, not only manifests"},
    [COMMENT] = {0, "comment", "TEXT", "with --any: the trusted comment, instead of the file's name and hash"},
    [COUNTERSIGN] = {0, "countersign", NULL, "FILE.KEYID.minisig, by another key than the manifest's own"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the key's password from descriptor N, a line"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which nobody else can read"},
    [FORCE] = {0, "force", NULL, "replace other signatures that are there"},
    [FILES_FROM] = {0, "files-from", "LIST", "take names from LIST, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
    [OMS] = {0, "oms", "BUNDLE", "write an OpenSSF model-signing bundle for a folder or file: --oms BUNDLE MODEL"},
    [KEY] = {0, "key", "FILE", "with --oms: the private key (PEM) to sign with"},
    [CERTIFICATE] = {0, "certificate", "FILE", "with --oms: the key's certificate and those above it (PEM)"},
    [IGNORE_PATH] = {0, "ignore-path", "PATH", "with --oms: leave out PATH and what is beneath it; may be given again"},
};

static const struct cli_command command = {
    "manifest-sign",
    "FILE...",
    "Sign manifests with the key that they name: FILE.minisig.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_MAKE | MM_GROUP_TRUST | MM_GROUP_ATTEST,
};

struct call {
    struct cli cli;
    const char *secret_key, *public_key, *keyring_path, *files_from;
    bool check, nul;
    struct cli_password password;
    struct cli_oms oms;
    struct mm_signing how;
    struct mm_secret_key *key;
    struct mm_public_key by;
    struct mm_keyring keyring;
    int answer;
};

/* ---- one file ---- */

static int print(struct call *c, const char *path, const struct mm_signature_found *found, const char *state)
{
    struct mm_buf out = {0};
    if (c->cli.json) {
        cli_fact(&c->cli, &out, "state", state, false);
        cli_fact(&c->cli, &out, "file", path, false);
        if (found->key_id[0])
            cli_fact(&c->cli, &out, "key-id", found->key_id, false);
        if (found->path)
            cli_fact(&c->cli, &out, "signature", found->path, false);
        if (found->comment)
            cli_fact(&c->cli, &out, "trusted-comment", found->comment, false);
        mm_buf_str(&out, "}\n");
    } else {
        mm_buf_printf(&out, "%s\t%s\t", state, found->key_id[0] ? found->key_id : "-");
        mm_buf_escaped(&out, path, strlen(path));
        mm_buf_char(&out, '\n');
    }
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

static int each(void *context, const char *path)
{
    static const char *const states[] = {[MM_SIGNING_SIGNED] = "signed", [MM_SIGNING_THERE] = "there"};
    struct call *c = context;
    struct mm_diags *diags = &c->cli.diags;
    struct mm_signature_found found = {0};
    diags->file = path;
    int result = c->check ? mm_sign_judge(&found, &c->how, c->public_key ? &c->by : NULL, &c->keyring, path, diags)
                          : mm_sign(&found, &c->how, c->key, path, diags);
    const char *state = result < 0 ? "failed" : c->check ? mm_signed_words[found.outcome] : states[found.state];
    if (result < 0)
        c->answer = cli_worse(c->answer, cli_failed(&c->cli));
    cli_progress_end(&c->cli);
    int printed = print(c, path, &found, state);
    mm_signature_found_release(&found);
    diags->file = "";
    c->answer = cli_worse(c->answer, cli_report(&c->cli));
    return printed; /* what is wrong with one file does not stop the others */
}

/* ---- keys and rights ---- */

static int read_public_key(struct call *c)
{
    int fd = cli_open(&c->cli, c->public_key);
    int result = fd < 0 ? -1 : mm_public_key_read_file(&c->by, fd, &c->cli.diags);
    if (fd > STDERR_FILENO)
        close(fd);
    c->cli.diags.file = "";
    return result;
}

static int take_keys(struct call *c)
{
    if (!c->check)
        return (c->key = cli_secret_key(&c->cli, c->secret_key, &c->password)) ? 0 : -1;
    return c->public_key ? read_public_key(c) : mm_keyring_open(&c->keyring, c->keyring_path, false, &c->cli.diags);
}

#define FOLDER_MAX 64

/* Opens the folders of all operands, each once where they stand together. Returns their number, or FOLDER_MAX where there are too many. */
static size_t open_folders(const struct cli *cli, struct mm_sandbox_rule *rules)
{
    size_t count = 0, before = 0;
    for (int i = 0; i < cli->argc && count < FOLDER_MAX; i++) {
        size_t length = mm_path_folder_length(cli->argv[i]);
        if (i > 0 && length == before && memcmp(cli->argv[i], cli->argv[i - 1], length) == 0)
            continue;
        char *name = length ? strndup(cli->argv[i], length) : strdup(".");
        int folder = name ? open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (folder >= 0) /* what cannot be opened is said when the file is */
            rules[count++] = (struct mm_sandbox_rule){folder, MM_SANDBOX_WRITE};
        before = length;
        free(name);
    }
    return count;
}

/* Reading stays possible everywhere. Writing does in the folders of the operands; where a list names the files, it is not known in
 * which. */
static int enter_sandbox(struct call *c)
{
    struct mm_sandbox_rule rules[FOLDER_MAX + 1];
    if (c->check)
        return cli_sandbox_read_only(&c->cli);
    size_t count = c->files_from ? 0 : open_folders(&c->cli, rules);
    bool everywhere = c->files_from || count == FOLDER_MAX;
    int all = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, everywhere ? MM_SANDBOX_WRITE : MM_SANDBOX_READ};
    int result = cli_sandbox(&c->cli, rules, count);
    while (count > 0)
        close(rules[--count].folder);
    return result;
}

/* ---- the call ---- */

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case SECRET_KEY: c->secret_key = value; break;
    case CHECK: c->check = true; break;
    case PUBLIC_KEY: c->public_key = value; break;
    case KEYRING: c->keyring_path = value; break;
    case ANY: c->how.any = true; break;
    case COMMENT: c->how.comment = value; break;
    case COUNTERSIGN: c->how.countersign = true; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->password, value); break;
    case PASSWORD_FILE: c->password.file = value; break;
    case FORCE: c->how.force = true; break;
    case FILES_FROM: c->files_from = value; break;
    case NUL: c->nul = true; break;
    case OMS: c->oms.bundle = value; break;
    case KEY: c->oms.key = value; break;
    case CERTIFICATE: c->oms.certificate = value; break;
    default: cli_oms_ignore(&c->cli, &c->oms, value); break;
    }
}

/* A bundle is of another kind than signatures: keys are PEM files, and there is one for all files of a model. */
static int sign_bundle(struct call *c)
{
    if (c->check || c->secret_key || c->public_key || c->keyring_path || c->how.any || c->how.comment ||
        c->how.countersign || c->files_from || c->nul)
        cli_usage(&c->cli,
                  "--oms goes with --key, --certificate, --ignore-path, --force and a password's options alone");
    cli_password_check(&c->cli, &c->password);
    c->oms.force = c->how.force;
    c->oms.password = c->password;
    int answer = cli_oms_sign(&c->cli, &c->oms, c->cli.argv[0]);
    cli_password_release(&c->oms.password);
    return answer;
}

static void check_options(const struct call *c)
{
    const struct cli *cli = &c->cli;
    if (c->check ? c->secret_key || c->how.force || c->how.comment || c->password.file || c->password.fd >= 0
                 : c->public_key || c->keyring_path)
        cli_usage(cli, "--secret-key, --password-fd, --password-file, --comment and --force go with signing, "
                       "--public-key and --keyring with --check");
    if (!c->check && !c->secret_key)
        cli_usage(cli, "expected --secret-key to sign with, or --check");
    if (c->public_key && c->keyring_path)
        cli_usage(cli, "--public-key and --keyring exclude each other");
    if (c->check && !c->public_key && (c->how.any || c->how.countersign))
        cli_usage(cli, "--check of other files and of countersignatures needs --public-key");
    if (c->how.comment && !c->how.any)
        cli_usage(cli, "--comment goes with --any: a manifest's is fixed");
    if (cli->argc == 0 && !c->files_from)
        cli_usage(cli, "expected a FILE, or --files-from");
    if (c->nul && !c->files_from)
        cli_usage(cli, "--null goes with --files-from");
    cli_password_check(cli, &c->password);
}

int main(int argc, char **argv)
{
    struct call c = {.password = CLI_NO_PASSWORD, .keyring = {.folder = -1}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    cli_oms_check_usage(&c.cli, &c.oms, true);
    if (c.oms.bundle)
        return cli_finish(&c.cli, sign_bundle(&c));
    check_options(&c);
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    if (take_keys(&c) == 0 && enter_sandbox(&c) == 0)
        cli_each_file(&c.cli, c.files_from, c.nul, each, &c);
    cli_password_release(&c.password);
    mm_secret_key_free(c.key);
    mm_keyring_release(&c.keyring);
    return cli_finish(&c.cli, c.answer);
}
