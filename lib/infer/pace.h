/* How fast a model runs here, beside how fast memory is read: measured, never judged. */
#ifndef MM_INFER_PACE_H
#define MM_INFER_PACE_H

#include "infer/loaded.h"

#define MM_PACE_READ 268435456 /* bytes that the plain loop reads again and again, so that caches do not hold them */

struct mm_pace {
    uint64_t prompt, tokens;              /* that were fed together, and one after the other */
    double prompt_seconds, token_seconds; /* that took so long */
    uint64_t bytes;                       /* of weights, and of keys and values on the average, that a token reads */
    double
        read_rate; /* bytes a second of a plain loop with as many threads, or on the device, the best of several rounds */
};

/* Feeds PROMPT tokens at once, then TOKENS more, to the first engine of LOADED, which has room for them; which tokens they are is no matter. Returns 0, or -1
 * with IO_MEMORY or what the engine finds. */
int mm_pace_run(struct mm_loaded *loaded, uint64_t prompt, uint64_t tokens, struct mm_pace *pace,
                struct mm_diags *diags);

#endif
