/* The cases of an evidence, run on an engine of a loaded model: one after the other, or, where the model is so small that threads cannot share its rows,
 * as many at once as there are threads. */
#ifndef MM_INFER_CASES_H
#define MM_INFER_CASES_H

#include "infer/loaded.h"
#include "infer/smoke.h"
#include "infer/trace.h"

struct mm_cases {
    const struct mm_evidence *expected; /* case I is compared with case I of it; no cases: nothing is compared */
    size_t tokens;                      /* that a case is continued by where nothing is compared */
    struct mm_tracing *tracing; /* begun; it gets a case for each, and these go one after the other. NULL: no trace */
};

/* Runs all cases of FOUND, whose prompt tokens are there, on engine WHICH of LOADED, and adds what was compared of case I to RESULTS[I]. Answers and findings, which
 * stand in the order of the cases, do not hang on how many went at once. Returns 0, or -1 with findings of the first case that
 * could not be run (mm_smoke_run) and of those before it, or IO_MEMORY. */
int mm_cases_run(const struct mm_loaded *loaded, size_t which, const struct mm_cases *cases, struct mm_evidence *found,
                 struct mm_smoke_result *results, struct mm_diags *diags);

#endif
