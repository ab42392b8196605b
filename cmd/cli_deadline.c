#include "cli_deadline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"

/* Waits for the end; where that does not come in time, it ends the process. Nothing is released: others are in the middle of using it. */
static void *watch(void *context)
{
    struct cli_deadline *deadline = context;
    struct mm_diag finding = {.severity = MM_ERROR, .rule = MM_RULE_INFER_TIMEOUT, .file = ""};
    struct mm_buf line = {0};
    struct timespec end;
    char text[80];
    snprintf(text, sizeof text, "expected to be done within %" PRIu64 " s, found that it takes longer",
             deadline->seconds);
    finding.text = text;
    cli_format_diag(&finding, false, false, &line);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)deadline->seconds;
    pthread_mutex_lock(&deadline->lock);
    while (!deadline->over && pthread_cond_timedwait(&deadline->ended, &deadline->lock, &end) != ETIMEDOUT)
        ;
    if (!deadline->over) {
        ssize_t written = write(STDERR_FILENO, mm_buf_text(&line) ? mm_buf_text(&line) : "", line.length);
        (void)written;
        _exit(MM_UNKNOWN);
    }
    pthread_mutex_unlock(&deadline->lock);
    mm_buf_release(&line);
    return NULL;
}

int cli_deadline_begin(struct cli *cli, struct cli_deadline *deadline, uint64_t seconds)
{
    pthread_condattr_t monotonic;
    *deadline = (struct cli_deadline){.cli = cli, .seconds = seconds};
    if (seconds == 0)
        return 0;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&deadline->lock, NULL);
    pthread_cond_init(&deadline->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    deadline->begun = mm_thread_start(&deadline->thread, watch, deadline);
    return deadline->begun ? 0 : mm_diag(&cli->diags, MM_RULE_IO_MEMORY, "no thread is to be had for --timeout");
}

void cli_deadline_end(struct cli_deadline *deadline)
{
    if (!deadline->begun)
        return;
    pthread_mutex_lock(&deadline->lock);
    deadline->over = true;
    pthread_cond_signal(&deadline->ended);
    pthread_mutex_unlock(&deadline->lock);
    pthread_join(deadline->thread, NULL);
    pthread_cond_destroy(&deadline->ended);
    pthread_mutex_destroy(&deadline->lock);
    deadline->begun = false;
}
