/* Runs one command and prints what it took: seconds, seconds of processors, KiB at its peak. A small program of its own: a process begins with
 * the peak of the one that started it, so that under an interpreter every command would seem to take the interpreter's memory. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(long long whole, long fraction, double unit)
{
    return (double)whole + (double)fraction / unit;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return seconds_of(time.tv_sec, time.tv_nsec, 1e9);
}

/* Becomes the command, whose output nobody wants. */
static void become(char **command)
{
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0)
        execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: timed COMMAND [ARGUMENT]...\n", stderr);
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0)
        become(argv + 1);
    signal(SIGTERM, SIG_IGN); /* what ends the group ends the command, and then this */
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
        perror("timed");
        return 3;
    }
    double processors = seconds_of(usage.ru_utime.tv_sec, usage.ru_utime.tv_usec, 1e6) +
                        seconds_of(usage.ru_stime.tv_sec, usage.ru_stime.tv_usec, 1e6);
    printf("%.6f %.6f %ld\n", now() - start, processors, usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
