/* What products of weights cost on this machine: by dtype and set of kernels, bytes of weights read in a second (the best of several runs) for a matrix
 * that no cache holds, beside a plain loop that reads the same memory; then a small matrix, in nanoseconds, and a batch of vectors.
 *
 * Usage: infer_kernels [MIB [RUNS [THREADS [DTYPE]]]]   (128, 5, 2, all) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "infer/crew.h"
#include "infer/kernels.h"
#include "model/dtype.h"

enum { COLUMNS = 2048, SMALL = 64, BATCH = 32 };

static const struct {
    const char *name;
    int scale, second; /* where f16 scales stand in a block; -1: nowhere */
} dtypes[] = {
    {"f32", -1, -1}, {"f16", 0, -1},  {"bf16", 0, -1},   {"q8_0", 0, -1},   {"q4_0", 0, -1},
    {"q4_1", 0, 2},  {"q5_0", 0, -1}, {"q5_1", 0, 2},    {"q2_k", 80, 82},  {"q3_k", 108, -1},
    {"q4_k", 0, 2},  {"q5_k", 0, 2},  {"q6_k", 208, -1}, {"iq4_nl", 0, -1}, {"iq4_xs", 0, -1},
};

struct job {
    const struct mm_kernels *kernels;
    struct mm_matrix matrix;
    struct mm_activations activations;
    float *out;
    _Atomic uint64_t seen; /* what the plain loop adds up to, so that it has to read */
};

/* Of one thread: its processor's time, which others that run here do not lengthen. */
static double now(bool alone)
{
    struct timespec time;
    clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void multiply(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    struct job *job = context;
    (void)thread;
    mm_kernels_multiply(job->kernels, &job->matrix, first, count, &job->activations, job->out, job->matrix.rows);
}

/* The same bytes, with nothing done to them. */
static void look(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    typedef uint64_t words __attribute__((vector_size(64)));
    struct job *job = context;
    const unsigned char *at = job->matrix.bytes + first * job->matrix.row_bytes;
    words sums[4] = {0};
    (void)thread;
    for (uint64_t i = 0; i + sizeof sums <= count * job->matrix.row_bytes; i += sizeof sums) {
        words some[4];
        memcpy(some, at + i, sizeof some);
        for (int k = 0; k < 4; k++)
            sums[k] += some[k];
    }
    sums[0] += sums[1] + sums[2] + sums[3];
    job->seen += sums[0][0] + sums[0][7];
}

/* Seconds of the best of RUNS. */
static double best(struct mm_crew *crew, struct job *job, mm_crew_fn *work, uint64_t rows, int runs)
{
    double least = 1e9;
    for (int i = 0; i < runs; i++) {
        bool alone = mm_crew_threads(crew) == 1;
        double begin = now(alone);
        mm_crew_share(crew, rows, 4, work, job);
        double took = now(alone) - begin;
        least = took < least ? took : least;
    }
    return least;
}

static void fill(struct job *job, size_t which, unsigned char *bytes, size_t size)
{
    const struct mm_dtype *dtype = &mm_dtypes[job->matrix.dtype];
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(state >> 24);
    }
    for (size_t at = 0; at + dtype->bytes <= size; at += dtype->bytes) {
        static const unsigned char scale[2] = {0x66, 0x2E};
        if (dtypes[which].scale >= 0)
            memcpy(bytes + at + dtypes[which].scale, scale, 2);
        if (dtypes[which].second >= 0)
            memcpy(bytes + at + dtypes[which].second, scale, 2);
        if (dtype->ggml == 0)
            memcpy(bytes + at, &(float){0.5f}, 4);
    }
}

static void measure(struct job *job, const char *set, bool fast, struct mm_crew *const *crews, size_t crew_count,
                    int runs, const float *values)
{
    const struct mm_dtype *dtype = &mm_dtypes[job->matrix.dtype];
    double bytes = (double)job->matrix.rows * (double)job->matrix.row_bytes;
    job->kernels = mm_kernels_find(set, fast);
    if (!job->kernels)
        return;
    if (mm_activations_set(&job->activations, job->kernels, values, 1, COLUMNS) < 0)
        exit(1);
    printf("%-8s %-9s %-6s", dtype->name, set, fast ? "fast" : "exact");
    for (size_t c = 0; c < crew_count; c++) {
        double plain = bytes / best(crews[c], job, look, job->matrix.rows, runs) * 1e-9;
        double took = bytes / best(crews[c], job, multiply, job->matrix.rows, runs) * 1e-9;
        printf(" | %6.2f of %6.2f GB/s", took, plain);
    }
    /* in the first cache */
    struct mm_matrix whole = job->matrix;
    enum { TIMES = 2000 };
    double least = 1e9;
    if (dtype->block <= SMALL) {
        job->matrix.rows = SMALL;
        job->matrix.columns = SMALL;
        job->matrix.row_bytes = SMALL / dtype->block * dtype->bytes;
        if (mm_activations_set(&job->activations, job->kernels, values, 1, SMALL) < 0)
            exit(1);
        for (int i = 0; i < runs; i++) {
            double begin = now(true);
            for (int k = 0; k < TIMES; k++)
                mm_kernels_multiply(job->kernels, &job->matrix, 0, SMALL, &job->activations, job->out, SMALL);
            double took = (now(true) - begin) / TIMES;
            least = took < least ? took : least;
        }
        printf(" | %6.0f ns", least * 1e9);
    } else {
        printf(" | %9s", "");
    }
    job->matrix = whole;
    job->matrix.rows = whole.rows < 1024 ? whole.rows : 1024;
    if (mm_activations_set(&job->activations, job->kernels, values, BATCH, COLUMNS) < 0)
        exit(1);
    double took = best(crews[0], job, multiply, job->matrix.rows, runs);
    printf(" | %6.1f GFLOP/s\n", 2e-9 * BATCH * COLUMNS * (double)job->matrix.rows / took);
    fflush(stdout);
    job->matrix = whole;
}

static int number(int argc, char **argv, int index, int otherwise)
{
    uint64_t value;
    if (index >= argc)
        return otherwise;
    if (!mm_number(argv[index], strlen(argv[index]), 4096, &value) || value < 1)
        exit(2);
    return (int)value;
}

int main(int argc, char **argv)
{
    size_t size = (size_t)number(argc, argv, 1, 128) << 20, sets;
    int runs = number(argc, argv, 2, 5), threads = number(argc, argv, 3, 2);
    struct mm_diags diags;
    mm_diags_init(&diags);
    struct mm_crew *crews[2] = {mm_crew_new(1, &diags), mm_crew_new((unsigned)threads, &diags)};
    unsigned char *bytes = malloc(size);
    float *values = malloc(sizeof(float) * COLUMNS * BATCH), *out = malloc(sizeof(float) * BATCH * size / 64);
    if (!crews[0] || !crews[1] || !bytes || !values || !out)
        return 1;
    for (int i = 0; i < COLUMNS * BATCH; i++)
        values[i] = (float)(i * 7919 % 1000 - 500) / 500;
    printf("%-8s %-9s %-6s | %22s | %d threads\n", "dtype", "set", "", "1 thread", threads);
    const char *const *names = mm_kernels_names(&sets);
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        struct job job = {.out = out};
        for (job.matrix.dtype = 0; strcmp(mm_dtypes[job.matrix.dtype].name, dtypes[i].name) != 0;)
            job.matrix.dtype++;
        if (argc > 4 && strcmp(argv[4], dtypes[i].name) != 0)
            continue;
        const struct mm_dtype *dtype = &mm_dtypes[job.matrix.dtype];
        job.matrix.columns = COLUMNS;
        job.matrix.row_bytes = COLUMNS / dtype->block * dtype->bytes;
        job.matrix.rows = size / job.matrix.row_bytes;
        job.matrix.bytes = bytes;
        fill(&job, i, bytes, size);
        for (size_t s = 0; s < sets; s++)
            for (int fast = 0; fast < 2; fast++)
                measure(&job, names[s], fast, crews, threads > 1 ? 2 : 1, runs, values);
        mm_activations_release(&job.activations);
    }
    free(bytes);
    free(values);
    free(out);
    mm_crew_free(crews[0]);
    mm_crew_free(crews[1]);
    mm_diags_release(&diags);
    return 0;
}
