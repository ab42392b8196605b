/* Whether a model answers as it did: prompts are continued greedily, and tokens and logits compared with those that were recorded
 * (docs/formats/evidence.md). Nothing is sampled, and no clock or seed takes part. */
#ifndef MM_INFER_SMOKE_H
#define MM_INFER_SMOKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doc/evidence.h"
#include "infer/encoder.h"
#include "infer/engine.h"

/* How far logits of f32 activations and exactly dequantised weights may lie apart. */
#define MM_SMOKE_TOLERANCE 1e-3f

/* Positions whose logits are computed and held at once where the tokens are known beforehand. */
#define MM_SMOKE_ROWS 32

struct mm_smoke; /* opaque */

/* The bytes that a check holds beside its engine for a VOCABULARY of so many pieces: logits. UINT64_MAX where it is more than can be told. */
uint64_t mm_smoke_memory(uint64_t vocabulary);

/* ENGINE and ENCODER are borrowed. TRACE may be NULL; with one, positions are computed one after the other. Returns 0, or -1 with IO_MEMORY. */
int mm_smoke_new(struct mm_smoke **smoke, const struct mm_engine *engine, const struct mm_encoder *encoder,
                 mm_trace_fn *trace, void *trace_context, struct mm_diags *diags);
void mm_smoke_free(struct mm_smoke *smoke); /* NULL is fine */

/* Fills the prompt tokens of ONE from its prompt, with those that begin a text. Returns 0, or -1 with INFER_TOKENS (also where there is none at
 * all), IO_MEMORY. */
int mm_smoke_encode(const struct mm_encoder *encoder, struct mm_evidence_case *one, struct mm_diags *diags);

/* The positions that an engine needs for PROMPT tokens and TOKENS that follow: the last one is not fed. */
uint64_t mm_smoke_positions(uint64_t prompt, uint64_t tokens);

/* Continues ONE, whose prompt tokens are there, by at most TOKENS greedy tokens (from 1 on): of equal logits the lowest token is taken. The last may be one
 * that ends a text, or begins another. Tokens, text and the largest logits of each step are filled. The
 * sequence of the engine begins anew. Returns 0, or -1 with INFER_NUMBER, INFER_TOKENS (a token beyond the engine's vocabulary), IO_MEMORY or what
 * the engine finds; ONE is then of no use. */
int mm_smoke_run(struct mm_smoke *smoke, struct mm_evidence_case *one, size_t tokens, struct mm_diags *diags);

/* What a comparison found. */
struct mm_smoke_result {
    bool differs;       /* a finding says how */
    uint64_t near_ties; /* steps at which another token was the greedy one by less than the tolerance */
    uint64_t logits;    /* that were compared */
    float largest;      /* difference of logits */
};

/* Continues FOUND, whose prompt and prompt tokens are there, as EXPECTED says, and compares: prompt tokens and greedy tokens exactly (INFER_PROMPT,
 * INFER_ANSWER), the logits that EXPECTED has within TOLERANCE (INFER_LOGITS). Where another token than the expected one is the
 * greedy one by less than TOLERANCE, a note says so (INFER_NEAR_TIE), and the expected token is the one that is followed. Behind
 * one that differs by more nothing is compared any more, and the greedy tokens are followed. Findings name the case. RESULT is added to.
 * Returns 0 if it could be compared, whatever was found; -1 as mm_smoke_run does. */
int mm_smoke_compare(struct mm_smoke *smoke, const struct mm_evidence_case *expected, float tolerance,
                     struct mm_evidence_case *found, struct mm_smoke_result *result, struct mm_diags *diags);

#endif
