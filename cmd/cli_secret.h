/* Secret keys of a command: opening them, and where their passwords come from. Before the sandbox is entered, as the terminal and
 * the files are opened when they are asked. */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "cli.h"
#include "trust/secret_key.h"

/* Lines of a descriptor or a file are passwords in the order in which they are asked for; otherwise the terminal is asked. */
struct cli_password {
    int fd; /* --password-fd, or the open file; -1 for none */
    const char *file;
};
#define CLI_NO_PASSWORD ((struct cli_password){.fd = -1})

/* The value of --password-fd; a wrong one ends the process. */
void cli_password_fd(const struct cli *cli, struct cli_password *how, const char *value);

/* Ends the process where both --password-fd and --password-file were given. */
void cli_password_check(const struct cli *cli, const struct cli_password *how);

/* Turns core dumps off, as far as the system lets it. */
void cli_forbid_dumps(void);

/* A key that signs what a command writes, where one was given. */
struct cli_signer {
    const char *path; /* --secret-key, or NULL */
    struct cli_password password;
    struct mm_secret_key *key; /* NULL: nothing is signed */
};
#define CLI_NO_SIGNER ((struct cli_signer){.password = CLI_NO_PASSWORD})

/* Ends the process where a password was given without a key, or twice. */
void cli_signer_check(const struct cli *cli, const struct cli_signer *signer);

/* Opens the key, if one was given, as cli_secret_key does. Returns 0, or -1 with a finding; release SIGNER in every case. */
int cli_signer_open(struct cli *cli, struct cli_signer *signer);
void cli_signer_release(struct cli_signer *signer);

/* Opens the secret key in the file PATH and asks for its password where it has one. Core dumps are off from here on. Returns NULL with a
 * finding; free with mm_secret_key_free. */
struct mm_secret_key *cli_secret_key(struct cli *cli, const char *path, struct cli_password *how);

/* The password of the key PATH, which is of another kind. Returns 0, or -1 with a finding; PASSWORD is initialised. */
int cli_password_of(struct cli *cli, const char *path, struct cli_password *how, struct mm_secret *password);

/* A password for the new key PATH, twice from a terminal, and not an empty one. Returns 0, or -1 with a finding; release
 * PASSWORD in every case. */
int cli_new_password(struct cli *cli, const char *path, struct cli_password *how, struct mm_secret *password);

/* What is written is never the secret key KEY (NULL for none) or the password's file that is read, whatever --force says: neither can be made
 * again. Returns 0, or -1 with IO_EXISTS. */
int cli_spare_secrets(struct cli *cli, const char *output, const char *key, const struct cli_password *how);

/* Closes the file. */
void cli_password_release(struct cli_password *how);

#endif
