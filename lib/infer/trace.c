#include "infer/trace.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PIECE 1024 /* values that are spelled as bytes at once */

int mm_tracing_begin(struct mm_tracing *tracing, struct mm_diags *diags)
{
    *tracing = (struct mm_tracing){.sha = mm_sha256_new()};
    return tracing->sha ? 0 : mm_diag_memory(diags);
}

void mm_tracing_release(struct mm_tracing *tracing)
{
    mm_trace_release(&tracing->trace);
    mm_sha256_free(tracing->sha);
    *tracing = (struct mm_tracing){0};
}

/* The hash of VALUES as little-endian f32. */
static void hash_values(struct mm_sha256 *sha, const float *values, size_t count,
                        unsigned char out[static MM_HASH_BYTES])
{
    unsigned char bytes[PIECE * 4];
    for (size_t at = 0, some; at < count; at += some) {
        some = count - at < PIECE ? count - at : PIECE;
        for (size_t i = 0; i < some; i++) {
            uint32_t bits;
            memcpy(&bits, &values[at + i], sizeof bits);
            for (int k = 0; k < 4; k++)
                bytes[4 * i + k] = (unsigned char)(bits >> 8 * k);
        }
        mm_sha256_update(sha, bytes, 4 * some);
    }
    mm_sha256_take(sha, out);
}

int mm_tracing_see(void *context, int layer, const char *name, uint64_t position, const float *values, size_t count,
                   struct mm_diags *diags)
{
    struct mm_tracing *tracing = context;
    struct mm_trace_line line = {.position = (uint32_t)position, .layer = layer};
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i] * (double)values[i];
    snprintf(line.name, sizeof line.name, "%s", name);
    hash_values(tracing->sha, values, count, line.sha256);
    double norm = sqrt(sum);
    line.norm = norm < FLT_MAX ? (float)norm : FLT_MAX;
    return mm_trace_add_line(&tracing->trace, &line, diags);
}
