/* The checks of the unit test, for a processor that is no more than emulated: built without the test framework, and without
 * libcrypto, whose place in the library stays empty. Prints the lines of a scenario. */
#include "sha256_paths.h"

#include "hash/sha256.h"

struct mm_sha256 *mm_sha256_new(void)
{
    return NULL;
}

void mm_sha256_free(struct mm_sha256 *sha)
{
    (void)sha;
}

void mm_sha256_update(struct mm_sha256 *sha, const void *bytes, size_t length)
{
    (void)sha, (void)bytes, (void)length;
    abort();
}

void mm_sha256_take(struct mm_sha256 *sha, unsigned char digest[static MM_HASH_BYTES])
{
    (void)sha, (void)digest;
    abort();
}

void mm_sha256_once(struct mm_sha256 *sha, const void *bytes, size_t length, unsigned char digest[static MM_HASH_BYTES])
{
    (void)sha, (void)bytes, (void)length, (void)digest;
    abort();
}

/* What is written down is what the portable path computes, or the first check says so. */
static void by_portable(const void *bytes, size_t length, unsigned char digest[MM_HASH_BYTES])
{
    unsigned char digests[1][MM_HASH_BYTES];
    const unsigned char *piece = bytes;
    mm_sha256_pieces(mm_sha256_path_named("portable"), &piece, 1, length, digests);
    memcpy(digest, digests[0], MM_HASH_BYTES);
}

static void report(const struct mm_sha256_path *path, const char *name)
{
    struct path_case test = {path, by_portable, ""};
    const char *failed = failed_check(&test);
    if (failed)
        printf("not ok SHA-256 by %s\n# %s: wrong: %s\n", name, failed, test.wrong);
    else
        printf("ok SHA-256 by %s\n", name);
}

int main(void)
{
    static const char *const names[] = {"portable", "neon", "armv8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct mm_sha256_path *path = mm_sha256_path_named(names[i]);
        if (mm_sha256_path_runs(path))
            report(path, names[i]);
        else
            printf("skip SHA-256 by %s (not in this processor)\n", names[i]);
    }
    report(NULL, "the path chosen");
    return 0;
}
