/* With how many threads commands work, and by which instructions they hash. */
#ifndef CLI_THREADS_H
#define CLI_THREADS_H

#include "cli.h"
#include "hash/chunk.h"

#define CLI_THREADS_HELP "work with N threads (default: one a processor)"

/* The number VALUE that --threads gave, or as many as there are processors where it is NULL. Ends the process where it is none from 1 on. */
unsigned cli_threads(const struct cli *cli, const char *value);

/* What hashing may use: THREADS as above, and the instructions that MINIMODEL_SHA256 names, if it is set; ends the process where
 * they cannot run here. */
struct mm_hash_means cli_hash_means(const struct cli *cli, const char *threads);

#endif
