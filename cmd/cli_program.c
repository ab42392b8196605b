#include "cli_program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const int own_signals[CLI_PROGRAM_SIGNALS] = {SIGPIPE, SIGXFSZ, SIGCHLD};

/* Those that are the program's while this process waits. */
static const int passed_signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};
#define PASSED_COUNT (sizeof passed_signals / sizeof *passed_signals)

void cli_program_begin(struct cli_program *program)
{
    for (size_t i = 0; i < CLI_PROGRAM_SIGNALS; i++)
        sigaction(own_signals[i], NULL, &program->before[i]);
    signal(SIGCHLD, SIG_DFL); /* one that is ignored takes the status of children away */
}

/* Becomes the program; returns with a finding where that fails. */
static int become(struct cli *cli, const struct cli_program *program, char **words)
{
    char shown[MM_SHOWN];
    for (size_t i = 0; i < CLI_PROGRAM_SIGNALS; i++)
        sigaction(own_signals[i], &program->before[i], NULL);
    execvp(words[0], words);
    int error = errno;
    cli->diags.file = "";
    return mm_diag(&cli->diags, MM_RULE_STORE_PROGRAM, "cannot start '%s': %s",
                   mm_show(shown, words[0], strlen(words[0])), strerror(error));
}

static void set_of(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < PASSED_COUNT; i++)
        sigaddset(set, passed_signals[i]);
}

void cli_program_hold(struct cli_program *program)
{
    sigset_t set;
    set_of(&set);
    sigprocmask(SIG_BLOCK, &set, &program->mask);
}

void cli_program_let_go(struct cli_program *program)
{
    sigprocmask(SIG_SETMASK, &program->mask, NULL);
}

/* Waits for CHILD and passes signals of SET on. A terminal sends its own to both. */
static int wait_for(pid_t child, const sigset_t *set)
{
    for (;;) {
        siginfo_t info;
        int status, number = sigwaitinfo(set, &info);
        if (number > 0 && number != SIGCHLD && info.si_code <= 0)
            kill(child, number);
        pid_t waited = waitpid(child, &status, WNOHANG);
        if (waited == child)
            return status;
        if (waited < 0 && errno != EINTR)
            return -1;
    }
}

/* True if a signal is held back that ends this process: a terminal sent it to both when there was no other yet. */
static bool is_to_end(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < PASSED_COUNT; i++) {
        struct sigaction action;
        if (sigismember(&pending, passed_signals[i]) == 1 && sigaction(passed_signals[i], NULL, &action) == 0 &&
            action.sa_handler != SIG_IGN)
            return true;
    }
    return false;
}

/* The program beneath this process. */
static int run_beneath(struct cli *cli, struct cli_program *program, char **words)
{
    sigset_t set;
    set_of(&set);
    if (is_to_end())
        return -1; /* of it, when it is let through */
    pid_t child = fork();
    if (child == 0) {
        cli_program_let_go(program);
        become(cli, program, words);
        _exit(cli_report(cli));
    }
    if (child < 0)
        return mm_diag_errno(&cli->diags, MM_RULE_STORE_PROGRAM, "cannot start a process", errno);
    program->status = wait_for(child, &set);
    program->ran = program->status >= 0;
    return program->ran ? 0 : mm_diag(&cli->diags, MM_RULE_STORE_PROGRAM, "cannot learn how the program ended");
}

int cli_program_run(struct cli *cli, struct cli_program *program, char **words)
{
    int result = program->layout.path ? run_beneath(cli, program, words) : become(cli, program, words);
    return result == 0 ? MM_YES : MM_UNKNOWN;
}

int cli_program_answer(const struct cli_program *program, int answer, int findings)
{
    if (!program->ran)
        return cli_worse(answer, findings);
    if (WIFEXITED(program->status))
        return WEXITSTATUS(program->status);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none); /* its core is the program's own */
    signal(WTERMSIG(program->status), SIG_DFL);
    raise(WTERMSIG(program->status));
    return 128 + WTERMSIG(program->status);
}
