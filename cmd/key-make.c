/* key-make: a new key, its public half, and a revocation for the day on which it is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli_secret.h"
#include "text/path.h"
#include "trust/revocation.h"

enum { OUTPUT, NO_PASSWORD, PUBLIC_OF, SUCCEED, PASSWORD_FD, PASSWORD_FILE, FORCE };

static const struct cli_option options[] = {
    [OUTPUT] = {'o', "output", "DIR", "the folder for the files, instead of the present one"},
    [NO_PASSWORD] = {0, "no-password", NULL, "make a key that whoever has the file can use"},
    [PUBLIC_OF] = {0, "public-of", "SECRETKEY", "make no key, write the other files of this one again"},
    [SUCCEED] = {0, "succeed", "OLDKEY", "also sign the key as the one that follows this secret key"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read passwords from descriptor N, one a line"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read passwords from FILE, which nobody else can read"},
    [FORCE] = {0, "force", NULL, "replace existing files, secret keys too"},
};

static const struct cli_command command = {
    "key-make",
    "[NAME]",
    "Make a key pair NAME.key and NAME.pub (default: minimodel), and sign its revocation in advance.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TRUST,
};

/* The files, in the order in which they appear: what cannot be made again first. */
enum { SECRET, PUBLIC, REVOCATION, REVOCATION_SIGNATURE, SUCCESSOR, SUCCESSOR_SIGNATURE, FILE_COUNT };
static const char *const facts[FILE_COUNT] = {"secret-key",           "public-key", "revocation",
                                              "revocation-signature", "successor",  "successor-signature"};

struct file {
    bool wanted;
    char *path;
    struct mm_buf text;
    struct mm_writer writer;
};

struct call {
    struct cli cli;
    const char *folder, *name, *public_of, *succeed;
    bool open, force; /* open: without password */
    struct cli_password password;
    struct mm_secret new_password, secret; /* the latter: the secret key's file */
    struct mm_secret_key *key, *old;
    char id[MM_KEY_ID_TEXT], old_id[MM_KEY_ID_TEXT];
    struct file files[FILE_COUNT];
};

/* ---- names ---- */

/* Opens FOLDER/NAME and ENDING for writing. */
static int open_file(struct call *c, int which, const char *name, const char *ending)
{
    struct file *file = &c->files[which];
    bool bare = strcmp(c->folder, ".") == 0, ends = c->folder[0] && c->folder[strlen(c->folder) - 1] == '/';
    if (asprintf(&file->path, "%s%s%s%s", bare ? "" : c->folder, bare || ends ? "" : "/", name, ending) < 0) {
        file->path = NULL;
        return mm_diag_memory(&c->cli.diags);
    }
    if (cli_spare_secrets(&c->cli, file->path, c->succeed, &c->password) < 0 ||
        cli_spare_secrets(&c->cli, file->path, c->public_of, &c->password) < 0)
        return -1;
    int result = which == SECRET ? mm_writer_open_private(&file->writer, file->path, c->force, &c->cli.diags)
                                 : mm_writer_open(&file->writer, file->path, c->force, &c->cli.diags);
    file->wanted = result == 0;
    return result;
}

static int open_files(struct call *c)
{
    if (!c->public_of && open_file(c, SECRET, c->name, ".key") < 0)
        return -1;
    if (open_file(c, PUBLIC, c->name, ".pub") < 0 || open_file(c, REVOCATION, c->id, ".revoked") < 0 ||
        open_file(c, REVOCATION_SIGNATURE, c->id, ".revoked" MM_SIGNATURE_SUFFIX) < 0)
        return -1;
    if (!c->succeed)
        return 0;
    if (open_file(c, SUCCESSOR, c->old_id, ".successor") < 0)
        return -1;
    return open_file(c, SUCCESSOR_SIGNATURE, c->old_id, ".successor" MM_SIGNATURE_SUFFIX);
}

/* ---- contents ---- */

/* As of a time before which the key signed nothing, and so whatever it signed. */
static int sign_revocation(struct call *c)
{
    struct mm_revocation revocation = {.revoked = "1970-01-01T00:00:00Z"};
    struct mm_buf *text = &c->files[REVOCATION].text;
    char said[80];
    memcpy(revocation.key_id, mm_secret_key_public(c->key)->id, sizeof revocation.key_id);
    if (!c->public_of)
        mm_time_written(revocation.revoked);
    snprintf(revocation.reason, sizeof revocation.reason, "compromised or lost; signed in advance by key-make");
    mm_revocation_write(&revocation, text);
    snprintf(said, sizeof said, "revocation:%s revoked:%s", c->id, revocation.revoked);
    return mm_secret_key_sign_text(c->key, text, said, &c->files[REVOCATION_SIGNATURE].text, &c->cli.diags);
}

static int sign_successor(struct call *c)
{
    struct mm_buf *text = &c->files[SUCCESSOR].text;
    char said[80];
    if (!c->succeed)
        return 0;
    mm_public_key_write(mm_secret_key_public(c->key), text);
    snprintf(said, sizeof said, "successor:%s of:%s", c->id, c->old_id);
    return mm_secret_key_sign_text(c->old, text, said, &c->files[SUCCESSOR_SIGNATURE].text, &c->cli.diags);
}

static int fill_files(struct call *c)
{
    struct mm_diags *diags = &c->cli.diags;
    mm_public_key_write(mm_secret_key_public(c->key), &c->files[PUBLIC].text);
    if (!c->public_of && mm_secret_key_write(c->key, c->open ? NULL : &c->new_password, &c->secret, diags) < 0)
        return -1;
    if (sign_revocation(c) < 0 || sign_successor(c) < 0)
        return -1;
    for (int i = 0; i < FILE_COUNT; i++)
        if (c->files[i].text.failed)
            return mm_diag_memory(diags);
    return 0;
}

static int write_files(struct call *c)
{
    for (int i = 0; i < FILE_COUNT; i++) {
        struct file *file = &c->files[i];
        const char *bytes = i == SECRET ? c->secret.bytes : file->text.data;
        if (file->wanted && mm_writer_write(&file->writer, bytes, i == SECRET ? c->secret.length : file->text.length,
                                            &c->cli.diags) < 0)
            return -1;
    }
    for (int i = 0; i < FILE_COUNT; i++)
        if (c->files[i].wanted && mm_writer_commit(&c->files[i].writer, &c->cli.diags) < 0)
            return -1;
    return 0;
}

/* ---- the call ---- */

static int print(struct call *c)
{
    struct mm_buf out = {0}, shown = {0};
    char fingerprint[MM_KEY_FINGERPRINT_TEXT];
    cli_fact(&c->cli, &out, "key-id", c->id, false);
    cli_fact(&c->cli, &out, "fingerprint", mm_public_key_fingerprint(fingerprint, mm_secret_key_public(c->key)), false);
    for (int i = 0; i < FILE_COUNT; i++)
        if (c->files[i].wanted) {
            const char *path = c->files[i].path;
            mm_buf_clear(&shown);
            if (c->cli.json)
                mm_buf_str(&shown, path);
            else
                mm_buf_escaped(&shown, path, strlen(path));
            cli_fact(&c->cli, &out, facts[i], mm_buf_text(&shown) ? shown.data : "", false);
        }
    mm_buf_str(&out, c->cli.json ? "}\n" : "");
    int result = shown.failed ? mm_diag_memory(&c->cli.diags) : cli_print(&c->cli, &out);
    mm_buf_release(&shown);
    mm_buf_release(&out);
    return result;
}

/* How to keep what was made. */
static void advise(struct call *c)
{
    struct mm_diags *diags = &c->cli.diags;
    diags->file = "";
    if (!c->public_of)
        mm_note(diags, MM_RULE_KEY_BACKUP,
                "copy %s to a medium that is kept elsewhere, offline: a lost key cannot be made again%s",
                c->files[SECRET].path,
                c->open ? ", and whoever has the file can sign, as it has no password" : ", nor can its password");
    mm_note(diags, MM_RULE_KEY_BACKUP,
            "keep %s and its %s elsewhere too, and give them out on the day on which the secret key is lost or "
            "stolen: they need no password, and cannot be taken back",
            c->files[REVOCATION].path, MM_SIGNATURE_SUFFIX);
}

static int take_keys(struct call *c)
{
    struct mm_diags *diags = &c->cli.diags;
    cli_forbid_dumps();
    if (c->succeed && !(c->old = cli_secret_key(&c->cli, c->succeed, &c->password)))
        return -1;
    c->key = c->public_of ? cli_secret_key(&c->cli, c->public_of, &c->password) : mm_secret_key_new(diags);
    if (!c->key)
        return -1;
    mm_key_id_text(c->id, mm_secret_key_public(c->key)->id);
    if (c->old)
        mm_key_id_text(c->old_id, mm_secret_key_public(c->old)->id);
    if (strcmp(c->id, c->old_id) == 0)
        return mm_diag(diags, MM_RULE_SIGN_REFUSED, "expected another key to follow, found %s itself", c->id);
    return 0;
}

static int run(struct call *c)
{
    if (take_keys(c) < 0 || open_files(c) < 0)
        return -1;
    if (!c->public_of && !c->open &&
        cli_new_password(&c->cli, c->files[SECRET].path, &c->password, &c->new_password) < 0)
        return -1;
    struct mm_sandbox_rule rule = {c->files[PUBLIC].writer.folder, MM_SANDBOX_WRITE};
    if (cli_sandbox(&c->cli, &rule, 1) < 0 || fill_files(c) < 0 || write_files(c) < 0 || print(c) < 0)
        return -1;
    advise(c);
    return 0;
}

static void release(struct call *c)
{
    for (int i = 0; i < FILE_COUNT; i++) {
        mm_writer_abandon(&c->files[i].writer);
        mm_buf_release(&c->files[i].text);
        free(c->files[i].path);
    }
    mm_secret_key_free(c->key);
    mm_secret_key_free(c->old);
    mm_secret_release(&c->secret);
    mm_secret_release(&c->new_password);
    cli_password_release(&c->password);
}

/* The name that --public-of implies: the file's own without `.key`. */
static char *implied_name(const char *path)
{
    const char *name = mm_path_name(path);
    size_t length = strlen(name);
    if (mm_path_ends_in(name, ".key"))
        length -= strlen(".key");
    return strndup(name, length);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case OUTPUT: c->folder = value; break;
    case NO_PASSWORD: c->open = true; break;
    case PUBLIC_OF: c->public_of = value; break;
    case SUCCEED: c->succeed = value; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->password, value); break;
    case PASSWORD_FILE: c->password.file = value; break;
    default: c->force = true; break;
    }
}

int main(int argc, char **argv)
{
    struct call c = {.folder = ".", .password = CLI_NO_PASSWORD};
    const char *value;
    char *implied = NULL;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    for (int i = 0; i < FILE_COUNT; i++)
        c.files[i].writer = (struct mm_writer){.fd = -1, .folder = -1};
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.cli.argc > 1)
        cli_usage(&c.cli, "expected one NAME, found '%s' too", c.cli.argv[1]);
    if (c.public_of && c.open)
        cli_usage(&c.cli, "--public-of and --no-password exclude each other");
    cli_password_check(&c.cli, &c.password);
    if (c.public_of && c.cli.argc == 0 && !(implied = implied_name(c.public_of)))
        return cli_no_memory(command.name);
    c.name = c.cli.argc ? c.cli.argv[0] : implied ? implied : "minimodel";
    if (!c.name[0] || strchr(c.name, '/'))
        cli_usage(&c.cli, "expected a NAME without folders, found '%s'; --output names the folder", c.name);
    int result = run(&c);
    release(&c);
    free(implied);
    return cli_finish(&c.cli, result < 0 ? cli_failed(&c.cli) : MM_YES);
}
