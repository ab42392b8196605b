#include "infer/cases.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

/* What became of a case. */
struct outcome {
    struct mm_diags diags;
    bool failed;
};

struct running {
    const struct mm_cases *cases;
    struct mm_evidence *found;
    struct mm_smoke_result *results;
    struct outcome *outcomes;
    struct mm_smoke **smokes; /* of each thread */
    size_t threads;
};

static int run_one(const struct running *r, size_t i, struct mm_smoke *smoke, struct mm_diags *diags)
{
    const struct mm_cases *cases = r->cases;
    struct mm_evidence_case *one = &r->found->cases[i];
    if (cases->tracing && mm_trace_add_case(&cases->tracing->trace, one->name, strlen(one->name), diags) < 0)
        return -1;
    return cases->expected->case_count > 0
               ? mm_smoke_compare(smoke, &cases->expected->cases[i], MM_SMOKE_TOLERANCE, one, &r->results[i], diags)
               : mm_smoke_run(smoke, one, cases->tokens, diags);
}

/* Has the shape of mm_crew_fn. */
static void run_some(void *context, uint64_t first, uint64_t count, unsigned thread)
{
    const struct running *r = context;
    for (size_t i = (size_t)first; i < first + count; i++)
        r->outcomes[i].failed = run_one(r, i, r->smokes[thread], &r->outcomes[i].diags) < 0;
}

/* A case that fails ends the others' turn where they go one after the other; where not, nothing is said of those behind it. */
static int run_all(const struct running *r, struct mm_crew *crew, struct mm_diags *diags)
{
    size_t count = r->found->case_count;
    int result = 0;
    if (r->threads > 1)
        mm_crew_share(crew, count, 1, run_some, (void *)r);
    for (size_t i = 0; i < count && result == 0; i++) {
        if (r->threads == 1)
            run_some((void *)r, i, 1, 0);
        mm_diags_move(diags, &r->outcomes[i].diags);
        result = r->outcomes[i].failed ? -1 : 0;
    }
    return result;
}

int mm_cases_run(const struct mm_loaded *loaded, size_t which, const struct mm_cases *cases, struct mm_evidence *found,
                 struct mm_smoke_result *results, struct mm_diags *diags)
{
    size_t count = found->case_count, threads = cases->tracing ? 1 : mm_loaded_abreast(loaded, which);
    struct running r = {.cases = cases, .found = found, .results = results, .threads = threads};
    int result = 0;
    r.outcomes = mm_realloc_array(NULL, count, sizeof *r.outcomes);
    r.smokes = calloc(threads, sizeof(struct mm_smoke *));
    if (!r.outcomes || !r.smokes)
        result = mm_diag_memory(diags);
    for (size_t i = 0; i < count && r.outcomes; i++) {
        r.outcomes[i].failed = false;
        mm_diags_init(&r.outcomes[i].diags);
        r.outcomes[i].diags.file = diags->file;
    }
    for (size_t i = 0; i < threads && result == 0; i++)
        result = mm_smoke_new(&r.smokes[i], i == 0 ? &loaded->engines[which] : &loaded->beside[i - 1], loaded->encoder,
                              cases->tracing ? mm_tracing_see : NULL, cases->tracing, diags);
    if (result == 0)
        result = run_all(&r, loaded->crew, diags);
    for (size_t i = 0; i < threads && r.smokes; i++)
        mm_smoke_free(r.smokes[i]);
    for (size_t i = 0; i < count && r.outcomes; i++)
        mm_diags_release(&r.outcomes[i].diags);
    free(r.outcomes);
    free(r.smokes);
    return result;
}
