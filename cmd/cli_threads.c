#include "cli_threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/pool.h"

unsigned cli_threads(const struct cli *cli, const char *value)
{
    uint64_t count;
    if (!value)
        return mm_pool_processors(MM_POOL_THREADS);
    if (!mm_number(value, strlen(value), MM_NUMBER_MAX, &count) || count == 0)
        cli_usage(cli, "--threads: expected a number from 1 on, found '%s'", value);
    return count < MM_POOL_THREADS ? (unsigned)count : MM_POOL_THREADS;
}

struct mm_hash_means cli_hash_means(const struct cli *cli, const char *threads)
{
    const char *name = getenv("MINIMODEL_SHA256");
    struct mm_hash_means means = {.threads = cli_threads(cli, threads)};
    if (name && *name) {
        means.path = mm_sha256_path_named(name);
        if (!means.path || !mm_sha256_path_runs(means.path))
            cli_usage(cli, "MINIMODEL_SHA256: expected instructions that this processor has, found '%s'", name);
    }
    return means;
}
