/* --repair: a damaged file of a model, mended from peers. */
#ifndef CLI_MEND_H
#define CLI_MEND_H

#include <limits.h>

#include "cli_peers.h"
#include "peer/mend.h"

struct cli_mend {
    const char *file;   /* --repair, or NULL */
    const char *only;   /* --only, or NULL */
    const char *ranges; /* --ranges, or NULL */
    bool force;
    /* opened before rights are given up */
    int folder, ranges_fd;
    char base[NAME_MAX + 1]; /* the file's name in that folder, links resolved */
    struct mm_buf bad;
};

/* For a struct cli_mend that nothing was opened for yet. */
#define CLI_MEND_NONE                                                                                                  \
    {                                                                                                                  \
        .folder = -1, .ranges_fd = -1                                                                                  \
    }

/* Opens the folder of the file, and the bad ranges. Returns 0, or -1 with a finding. */
int cli_mend_open(struct cli *cli, struct cli_mend *mend);

/* Mends the file, which has to be an artifact of MANIFEST, from PEERS, and prints what came of it. Returns 0, or -1 with findings. */
int cli_mend_run(struct cli *cli, struct cli_mend *mend, struct cli_peers *peers, const struct mm_manifest *manifest);

void cli_mend_release(struct cli_mend *mend);

#endif
