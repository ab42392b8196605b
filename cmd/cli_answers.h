/* What infer-check prints of cases and engines. */
#ifndef CLI_ANSWERS_H
#define CLI_ANSWERS_H

#include "cli.h"
#include "infer/pace.h"
#include "infer/smoke.h"

/* How a case was answered. */
struct cli_answer {
    const struct mm_evidence_case *one;   /* what was found */
    const struct mm_smoke_result *result; /* NULL: nothing was expected */
    const char *device;                   /* NULL where there is one only */
    bool verbose;                         /* tokens too */
};

/* What all cases of a device come to. */
struct cli_answers {
    const struct mm_evidence *evidence;   /* what was found */
    const struct mm_smoke_result *result; /* the sum of all; NULL: nothing was expected */
    float tolerance;
    uint64_t memory;     /* bytes beside the weights */
    const char *against; /* the device that this one was compared with, NULL: what was recorded */
};

/* Each adds lines, or one JSON object and LF. */
void cli_answer(const struct cli *cli, struct mm_buf *out, const struct cli_answer *answer);
void cli_answers(const struct cli *cli, struct mm_buf *out, const struct cli_answers *answers);
void cli_pace(const struct cli *cli, struct mm_buf *out, const char *device, const struct mm_pace *pace);

#endif
