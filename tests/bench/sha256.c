/* What each way to compute SHA-256 costs on this machine, in memory: 16 pieces of 1 MiB, a stream with its pieces, and few
 * pieces by the path that is chosen for them, beside one stream of libcrypto. Processor time; each row alternates with libcrypto, and
 * the medians are printed.
 *
 * Usage: sha256 [RUNS]   (15) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "hash/sha256.h"
#include "hash/sha256_lanes.h"

enum { PIECE = 1 << 20, PIECES = 16, RUNS_MAX = 1001 };

struct bench {
    const unsigned char *pieces[PIECES]; /* one behind the other */
    struct mm_sha256 *sha;
    size_t runs;
};

struct row {
    const struct mm_sha256_path *path;
    size_t count; /* of pieces; 0: as a stream with its pieces */
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_size(const void *one, const void *other)
{
    double x = *(const double *)one, y = *(const double *)other;
    return (x > y) - (x < y);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, by_size);
    return times[count / 2];
}

static void once(const struct bench *bench, const struct row *row, struct mm_sha256_twin *twin)
{
    unsigned char digests[PIECES][MM_HASH_BYTES];
    if (row->count) {
        mm_sha256_pieces(row->path, bench->pieces, row->count, PIECE, digests);
        return;
    }
    for (size_t i = 0; i < PIECES; i++) {
        mm_sha256_twin_update(twin, bench->pieces[i], PIECE);
        mm_sha256_twin_take_piece(twin, digests[i]);
    }
    mm_sha256_twin_take_whole(twin, digests[0]);
}

/* Seconds of libcrypto for the bytes of ROW, and of ROW. */
static void measure(const struct bench *bench, const struct row *row, double *peer, double *own)
{
    double peers[RUNS_MAX], owns[RUNS_MAX];
    unsigned char digest[MM_HASH_BYTES];
    struct mm_sha256_twin *twin = mm_sha256_twin_new(row->path);
    if (!twin)
        abort();
    for (size_t i = 0; i < bench->runs; i++) {
        double begin = now(), middle;
        mm_sha256_once(bench->sha, bench->pieces[0], (row->count ? row->count : PIECES) * PIECE, digest);
        middle = now();
        once(bench, row, twin);
        owns[i] = now() - middle;
        peers[i] = middle - begin;
    }
    mm_sha256_twin_free(twin);
    *peer = median(peers, bench->runs);
    *own = median(owns, bench->runs);
}

static void print_path(const struct bench *bench, const struct mm_sha256_path *path)
{
    struct row pieces = {path, PIECES}, twin = {path, 0};
    double peer, own, twin_peer, twin_own;
    const char *name = path ? mm_sha256_path_name(path) : "(chosen)";
    if (path && !mm_sha256_path_runs(path)) {
        printf("%-10s %5zu   not on this machine\n", name, mm_sha256_path_lanes(path));
        return;
    }
    measure(bench, &pieces, &peer, &own);
    measure(bench, &twin, &twin_peer, &twin_own);
    printf("%-10s %5zu  %8.2f %6.2f  %8.2f %6.2f\n", name, mm_sha256_path_lanes(path), PIECES * PIECE / own / 1e9,
           own / peer, PIECES * PIECE / twin_own / 1e9, twin_own / twin_peer);
}

static void print_few(const struct bench *bench)
{
    static const size_t counts[] = {1, 2, 3, 4, 6, 8, 10, 12, 14, 16};
    printf("\n%-10s %8s %6s\n", "pieces", "GB/s", "ratio");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct row row = {NULL, counts[i]};
        double peer, own;
        measure(bench, &row, &peer, &own);
        printf("%-10zu %8.2f %6.2f\n", counts[i], (double)(counts[i] * PIECE) / own / 1e9, own / peer);
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {.sha = mm_sha256_new(), .runs = 15};
    unsigned char *bytes = aligned_alloc(4096, (size_t)PIECES * PIECE);
    const struct mm_sha256_path *path;
    uint64_t runs = bench.runs;
    if (argc > 1 && (!mm_number(argv[1], strlen(argv[1]), RUNS_MAX, &runs) || !runs)) {
        fprintf(stderr, "usage: %s [RUNS]\n", argv[0]);
        return 2;
    }
    if (!bytes || !bench.sha)
        return 3;
    bench.runs = (size_t)runs;
    for (size_t i = 0; i < (size_t)PIECES * PIECE; i++)
        bytes[i] = (unsigned char)(i * i >> 7);
    for (size_t i = 0; i < PIECES; i++)
        bench.pieces[i] = bytes + i * PIECE;
    printf("SHA-256 in memory; ratios are of processor time, to one stream of libcrypto\n");
    printf("%-10s %5s  %8s %6s  %8s %6s\n", "path", "lanes", "pieces", "ratio", "twin", "ratio");
    for (size_t i = 0; (path = mm_sha256_path_at(i)) != NULL; i++)
        print_path(&bench, path);
    print_path(&bench, NULL);
    print_few(&bench);
    mm_sha256_free(bench.sha);
    free(bytes);
    return 0;
}
