/* peer-key: a machine's key as a peer, and the peer id that others name it by. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli_secret.h"
#include "exchange/peer_id.h"

enum { SHOW, PASSWORD, PASSWORD_FD, PASSWORD_FILE, FORCE };

static const struct cli_option options[] = {
    [SHOW] = {0, "show", NULL, "make no key, print the peer id of the one in FILE"},
    [PASSWORD] = {0, "password", NULL, "put the new key under a password, which whoever serves with it has to give"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the password from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which is the user's own and mode 0600"},
    [FORCE] = {0, "force", NULL, "replace an existing key"},
};

static const struct cli_command command = {
    "peer-key",
    "[FILE]",
    "Make the key FILE (default: peer.key) by which other machines know this one, and print its peer id.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TRUST,
};

struct call {
    struct cli cli;
    const char *path;
    bool show, closed, force; /* closed: under a password */
    struct cli_password password;
    struct mm_secret_key *key;
    struct mm_secret new_password, text; /* the latter: the key's file */
    struct mm_writer writer;
};

static int print(struct call *c)
{
    struct mm_buf out = {0}, shown = {0};
    char id[MM_PEER_ID_TEXT];
    cli_fact(&c->cli, &out, "peer-id", mm_peer_id_write(id, mm_secret_key_public(c->key)->point), false);
    if (c->cli.json)
        mm_buf_str(&shown, c->path);
    else
        mm_buf_escaped(&shown, c->path, strlen(c->path));
    cli_fact(&c->cli, &out, "secret-key", mm_buf_text(&shown) ? shown.data : "", false);
    mm_buf_str(&out, c->cli.json ? "}\n" : "");
    int result = shown.failed ? mm_diag_memory(&c->cli.diags) : cli_print(&c->cli, &out);
    mm_buf_release(&shown);
    mm_buf_release(&out);
    return result;
}

static int show(struct call *c)
{
    c->key = cli_secret_key(&c->cli, c->path, &c->password);
    return c->key && cli_sandbox(&c->cli, NULL, 0) == 0 ? print(c) : -1;
}

static int make(struct call *c)
{
    struct mm_diags *diags = &c->cli.diags;
    cli_forbid_dumps();
    diags->file = c->path;
    if (cli_spare_secrets(&c->cli, c->path, NULL, &c->password) < 0 ||
        mm_writer_open_private(&c->writer, c->path, c->force, diags) < 0 ||
        (c->closed && cli_new_password(&c->cli, c->path, &c->password, &c->new_password) < 0))
        return -1;
    struct mm_sandbox_rule rule = {c->writer.folder, MM_SANDBOX_WRITE};
    if (cli_sandbox(&c->cli, &rule, 1) < 0 || !(c->key = mm_secret_key_new(diags)) ||
        mm_secret_key_write(c->key, c->closed ? &c->new_password : NULL, &c->text, diags) < 0 ||
        mm_writer_write(&c->writer, c->text.bytes, c->text.length, diags) < 0 ||
        mm_writer_commit(&c->writer, diags) < 0)
        return -1;
    return print(c);
}

static void release(struct call *c)
{
    mm_writer_abandon(&c->writer);
    mm_secret_key_free(c->key);
    mm_secret_release(&c->text);
    mm_secret_release(&c->new_password);
    cli_password_release(&c->password);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case SHOW: c->show = true; break;
    case PASSWORD: c->closed = true; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->password, value); break;
    case PASSWORD_FILE: c->password.file = value; break;
    default: c->force = true; break;
    }
}

int main(int argc, char **argv)
{
    struct call c = {.password = CLI_NO_PASSWORD, .writer = {.fd = -1, .folder = -1}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc > 1)
        cli_usage(&c.cli, "expected one FILE, found '%s' too", c.cli.argv[1]);
    c.path = c.cli.argc ? c.cli.argv[0] : "peer.key";
    if (strcmp(c.path, "-") == 0)
        cli_usage(&c.cli, "expected the name of a FILE: a secret key does not go through a pipe");
    if (c.show && (c.closed || c.force))
        cli_usage(&c.cli, "--show makes no key, so --password and --force do not go with it");
    if (!c.show && !c.closed && (c.password.fd >= 0 || c.password.file))
        cli_usage(&c.cli, "a password is for --password or --show");
    cli_password_check(&c.cli, &c.password);
    int result = c.show ? show(&c) : make(&c);
    release(&c);
    return cli_finish(&c.cli, result < 0 ? cli_failed(&c.cli) : MM_YES);
}
