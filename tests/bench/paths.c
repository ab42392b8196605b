/* Prints the ways to compute SHA-256 that this processor can take, the fastest for many pieces first, one a line: NAME, and how many pieces at once. */
#include <stdio.h>

#include "hash/sha256_lanes.h"

int main(void)
{
    const struct mm_sha256_path *path;
    for (size_t i = 0; (path = mm_sha256_path_at(i)) != NULL; i++)
        if (mm_sha256_path_runs(path))
            printf("%s %zu\n", mm_sha256_path_name(path), mm_sha256_path_lanes(path));
    return 0;
}
