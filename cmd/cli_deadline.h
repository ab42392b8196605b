/* Commands that have to end by a given time, whatever they are doing then. */
#ifndef CLI_DEADLINE_H
#define CLI_DEADLINE_H

#include <pthread.h>

#include "cli.h"

struct cli_deadline {
    const struct cli *cli;
    uint64_t seconds;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool begun, over;
};

/* From here on the process has SECONDS (0: as long as it takes); then it ends with a finding INFER_TIMEOUT and MM_UNKNOWN, in the middle of whatever it does. Files that are
 * being written do not get their names. Returns 0, or -1 with IO_MEMORY where no thread is to be had. */
int cli_deadline_begin(struct cli *cli, struct cli_deadline *deadline, uint64_t seconds);

/* What is done now is not cut off any more. Harmless where nothing was begun. */
void cli_deadline_end(struct cli_deadline *deadline);

#endif
