#include "cli_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"

/* ---- the terminal ---- */

/* A signal while a password is typed: the terminal has to echo again before it takes effect. */
static volatile sig_atomic_t caught;
static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGTSTP};
#define SIGNAL_COUNT (sizeof signals / sizeof *signals)

static void catch_signal(int number)
{
    caught = number;
}

struct terminal {
    int fd;
    struct termios before;
    struct sigaction actions[SIGNAL_COUNT];
    sigset_t mask;
};

/* Signals wait from here on, but for the moments in which the terminal is waited for. */
static int hide(struct terminal *terminal)
{
    struct sigaction action = {.sa_handler = catch_signal};
    struct termios silent = terminal->before;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, &terminal->mask);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaction(signals[i], NULL, &terminal->actions[i]);
        if (terminal->actions[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
    caught = 0;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    return tcsetattr(terminal->fd, TCSAFLUSH, &silent);
}

static void restore(const struct terminal *terminal)
{
    int error = errno;
    tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaction(signals[i], &terminal->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
    errno = error;
}

/* Waits for input; returns 1, or 0 where a signal came first, or -1 with errno. */
static int wait_for(const struct terminal *terminal)
{
    fd_set readable;
    FD_ZERO(&readable);
    if (terminal->fd >= FD_SETSIZE) {
        errno = EMFILE;
        return -1;
    }
    FD_SET(terminal->fd, &readable);
    int ready = pselect(terminal->fd + 1, &readable, NULL, NULL, NULL, &terminal->mask);
    return ready >= 0 ? 1 : errno == EINTR ? 0 : -1;
}

/* One question and its answer. Returns 1; 0 where it is to be asked again; -1 with a finding. */
static int ask_once(struct terminal *terminal, const struct mm_buf *question, struct mm_secret *password,
                    struct mm_diags *diags)
{
    int ready = hide(terminal), result = 0;
    if (ready == 0 && mm_file_write_all(terminal->fd, question->data, question->length, "the terminal", diags) == 0 &&
        (ready = wait_for(terminal)) > 0)
        result = mm_secret_read_line(password, terminal->fd, diags) < 0 ? -1 : 1;
    else if (ready < 0)
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot ask at the terminal", errno);
    else if (!caught)
        result = -1;
    if (mm_file_write_all(terminal->fd, "\n", 1, "the terminal", diags) < 0)
        result = -1;
    restore(terminal);
    if (caught)
        raise(caught); /* what was typed is gone where the process goes on */
    return result;
}

static int ask_terminal(const char *what, const char *path, struct mm_secret *password, struct mm_diags *diags)
{
    struct terminal terminal = {.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)};
    struct mm_buf question = {0};
    int result = 0;
    if (terminal.fd < 0 || tcgetattr(terminal.fd, &terminal.before) < 0) {
        result = mm_diag(diags, MM_RULE_IO_OPEN,
                         "cannot ask for the password, as there is no terminal (%s): "
                         "give --password-fd or --password-file",
                         strerror(errno));
        if (terminal.fd >= 0)
            close(terminal.fd);
        return result;
    }
    mm_buf_str(&question, what);
    mm_buf_escaped(&question, path, strlen(path));
    mm_buf_str(&question, ": ");
    if (question.failed)
        result = mm_diag_memory(diags);
    while (result == 0)
        result = ask_once(&terminal, &question, password, diags);
    mm_buf_release(&question);
    close(terminal.fd);
    return result > 0 ? 0 : -1;
}

/* ---- where else passwords come from ---- */

/* Asked while nothing is open but what the caller left so: later the number may be that of a file of the command's own. */
void cli_password_fd(const struct cli *cli, struct cli_password *how, const char *value)
{
    uint64_t fd;
    if (!mm_number(value, strlen(value), INT_MAX, &fd) || fcntl((int)fd, F_GETFD) < 0)
        cli_usage(cli, "expected the number of an open file, found '%s'", value);
    how->fd = (int)fd;
}

void cli_password_check(const struct cli *cli, const struct cli_password *how)
{
    if (how->fd >= 0 && how->file)
        cli_usage(cli, "--password-fd and --password-file exclude each other");
}

void cli_password_release(struct cli_password *how)
{
    if (how->file && how->fd >= 0)
        close(how->fd);
    *how = CLI_NO_PASSWORD;
}

static int open_file(struct cli_password *how, struct mm_diags *diags)
{
    how->fd = mm_file_open(how->file, diags);
    if (how->fd < 0)
        return -1;
    return mm_secret_check_file(how->fd, diags);
}

static int read_line(struct cli *cli, struct cli_password *how, struct mm_secret *password)
{
    const char *shown = cli->diags.file;
    cli->diags.file = how->file ? how->file : "(password)";
    int result = how->file && how->fd < 0 ? open_file(how, &cli->diags) : 0;
    if (result == 0 && (result = mm_secret_read_line(password, how->fd, &cli->diags)) == 0)
        result = mm_diag(&cli->diags, MM_RULE_KEY_PASSWORD, "expected a line with a password, found the end");
    cli->diags.file = shown;
    return result < 0 ? -1 : 0;
}

/* minisign, and every terminal, ends a password there. */
static int check_password(const struct mm_secret *password, struct mm_diags *diags)
{
    return memchr(password->bytes, '\0', password->length)
               ? mm_diag(diags, MM_RULE_KEY_PASSWORD, "expected a password without NUL, found one in it")
               : 0;
}

static int take_password(struct cli *cli, const char *what, const char *path, struct cli_password *how,
                         struct mm_secret *password)
{
    int result =
        how->fd >= 0 || how->file ? read_line(cli, how, password) : ask_terminal(what, path, password, &cli->diags);
    return result < 0 ? -1 : check_password(password, &cli->diags);
}

/* ---- keys ---- */

struct asked {
    struct cli *cli;
    const char *path;
    struct cli_password *how;
};

static int ask(void *context, struct mm_secret *password, struct mm_diags *diags)
{
    struct asked *asked = context;
    (void)diags; /* the command's */
    return take_password(asked->cli, "password of ", asked->path, asked->how, password);
}

/* Best effort: what is locked is in no dump anyway, but stacks are. */
void cli_forbid_dumps(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

struct mm_secret_key *cli_secret_key(struct cli *cli, const char *path, struct cli_password *how)
{
    const char *shown = cli->diags.file;
    struct asked asked = {cli, path, how};
    struct mm_secret_key *key = NULL;
    cli_forbid_dumps();
    cli->diags.file = path;
    int fd = mm_file_open(path, &cli->diags);
    if (fd >= 0) {
        key = mm_secret_key_read(fd, ask, &asked, &cli->diags);
        close(fd);
    }
    cli->diags.file = shown;
    return key;
}

void cli_signer_check(const struct cli *cli, const struct cli_signer *signer)
{
    if (!signer->path && (signer->password.fd >= 0 || signer->password.file))
        cli_usage(cli, "a password goes with --secret-key");
    cli_password_check(cli, &signer->password);
}

int cli_signer_open(struct cli *cli, struct cli_signer *signer)
{
    if (signer->path)
        signer->key = cli_secret_key(cli, signer->path, &signer->password);
    return signer->path && !signer->key ? -1 : 0;
}

void cli_signer_release(struct cli_signer *signer)
{
    mm_secret_key_free(signer->key);
    cli_password_release(&signer->password);
    signer->key = NULL;
}

int cli_spare_secrets(struct cli *cli, const char *output, const char *key, const struct cli_password *how)
{
    bool read = (key && mm_file_is(output, AT_FDCWD, key)) || (how->file && mm_file_is(output, AT_FDCWD, how->file));
    return read ? mm_diag(&cli->diags, MM_RULE_IO_EXISTS, "will not replace %s, which is a secret that is read", output)
                : 0;
}

int cli_password_of(struct cli *cli, const char *path, struct cli_password *how, struct mm_secret *password)
{
    return take_password(cli, "password of ", path, how, password);
}

int cli_new_password(struct cli *cli, const char *path, struct cli_password *how, struct mm_secret *password)
{
    struct mm_secret again = {0};
    bool typed = how->fd < 0 && !how->file;
    cli_forbid_dumps();
    if (mm_secret_init(password, MM_PASSWORD_MAX, &cli->diags) < 0 ||
        take_password(cli, "new password of ", path, how, password) < 0)
        return -1;
    if (password->length == 0)
        return mm_diag(&cli->diags, MM_RULE_KEY_PASSWORD, "expected a password, found an empty one");
    int result = 0;
    if (typed) {
        result = mm_secret_init(&again, MM_PASSWORD_MAX, &cli->diags);
        if (result == 0)
            result = take_password(cli, "the same once more of ", path, how, &again);
        if (result == 0 &&
            (again.length != password->length || sodium_memcmp(again.bytes, password->bytes, again.length) != 0))
            result = mm_diag(&cli->diags, MM_RULE_KEY_PASSWORD, "expected the same password twice, found two");
    }
    mm_secret_release(&again);
    return result;
}
