/* What infer-check asks a model: prompts that are expected, given, or built in. */
#ifndef CLI_ASKED_H
#define CLI_ASKED_H

#include "cli.h"
#include "infer/loaded.h"
#include "infer/smoke.h"

struct cli_asked {
    const char **prompts; /* as they were given, UTF-8 */
    size_t prompt_count;
    uint64_t tokens;   /* that each prompt is continued by, where nothing is expected */
    bool tokens_given; /* else there may be fewer */
};

/* Adds a case to FOUND for each of EXPECTED, or else of those that were given, or built in, encoded as MODEL does it. Returns 0, or -1 with what mm_smoke_encode finds, or
 * IO_MEMORY. */
int cli_asked_cases(struct cli *cli, const struct cli_asked *asked, const struct mm_loaded *model,
                    const struct mm_evidence *expected, struct mm_evidence *found);

/* Raises *POSITIONS to what the cases of FOUND need. A model that was made for fewer than the default asks for continues by fewer tokens, which ASKED says then. Returns 0,
 * or -1 with IO_LIMIT where it was not made for so many. */
int cli_asked_positions(struct cli *cli, struct cli_asked *asked, const struct mm_loaded *model,
                        const struct mm_evidence *expected, const struct mm_evidence *found, size_t *positions);

/* Gives TO, which has no cases, the model and the prompts of FROM. Returns 0, or -1 with IO_MEMORY. */
int cli_asked_again(struct cli *cli, const struct mm_evidence *from, struct mm_evidence *to);

#endif
