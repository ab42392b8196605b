/* Taking the trace of a run: what each layer leaves becomes a line of a document. */
#ifndef MM_INFER_TRACE_H
#define MM_INFER_TRACE_H

#include "doc/trace.h"
#include "hash/sha256.h"
#include "infer/engine.h"

/* A trace that is being taken. */
struct mm_tracing {
    struct mm_trace trace;
    struct mm_sha256 *sha;
};

/* Returns 0, or -1 with IO_MEMORY; release it in every case. */
int mm_tracing_begin(struct mm_tracing *tracing, struct mm_diags *diags);
void mm_tracing_release(struct mm_tracing *tracing);

/* Has the shape of mm_trace_fn, TRACING being the context: adds a line to the last case. */
int mm_tracing_see(void *tracing, int layer, const char *name, uint64_t position, const float *values, size_t count,
                   struct mm_diags *diags);

#endif
