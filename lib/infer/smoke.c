#include "infer/smoke.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

struct mm_smoke {
    const struct mm_engine *engine;
    const struct mm_encoder *encoder;
    mm_trace_fn *trace;
    void *trace_context;
    float *logits; /* MM_SMOKE_ROWS times the vocabulary */
};

uint64_t mm_smoke_memory(uint64_t vocabulary)
{
    uint64_t bytes;
    return mm_mul(vocabulary, MM_SMOKE_ROWS * sizeof(float), &bytes) ? bytes : UINT64_MAX;
}

int mm_smoke_new(struct mm_smoke **smoke, const struct mm_engine *engine, const struct mm_encoder *encoder,
                 mm_trace_fn *trace, void *trace_context, struct mm_diags *diags)
{
    uint64_t bytes = mm_smoke_memory(engine->vocabulary);
    *smoke = calloc(1, sizeof **smoke);
    float *logits = bytes > SIZE_MAX ? NULL : malloc(bytes ? (size_t)bytes : 1);
    if (!*smoke || !logits) {
        free(*smoke);
        free(logits);
        *smoke = NULL;
        return mm_diag_memory(diags);
    }
    **smoke = (struct mm_smoke){engine, encoder, trace, trace_context, logits};
    return 0;
}

void mm_smoke_free(struct mm_smoke *smoke)
{
    if (smoke)
        free(smoke->logits);
    free(smoke);
}

uint64_t mm_smoke_positions(uint64_t prompt, uint64_t tokens)
{
    uint64_t sum;
    return mm_add(prompt, tokens, &sum) && sum > 0 ? sum - 1 : UINT64_MAX;
}

int mm_smoke_encode(const struct mm_encoder *encoder, struct mm_evidence_case *one, struct mm_diags *diags)
{
    struct mm_tokens tokens = {0};
    const char *prompt = one->prompt.data ? one->prompt.data : "";
    int result = mm_encode(encoder, prompt, one->prompt.length, MM_ENCODE_AROUND | MM_ENCODE_SPECIAL, &tokens, diags);
    one->prompt_tokens.count = 0;
    for (size_t i = 0; i < tokens.count && result == 0; i++)
        result = mm_evidence_add_token(&one->prompt_tokens, tokens.ids[i], diags);
    if (result == 0 && tokens.count == 0)
        result = mm_diag(diags, MM_RULE_INFER_TOKENS,
                         "case %s: expected at least one token, found an empty prompt, and "
                         "no token that begins a text",
                         one->name);
    mm_tokens_release(&tokens);
    return result;
}

/* ---- logits ---- */

#define SKIPPED 16 /* logits that are passed over at once */

/* True if none of the SKIPPED LOGITS belongs to the largest, whose last is LEAST, or is not finite. */
static bool none_ranks(const float *logits, float least)
{
    unsigned ranks = 0;
    for (size_t i = 0; i < SKIPPED; i++)
        ranks |= (unsigned)(logits[i] > least) | (unsigned)!(fabsf(logits[i]) <= FLT_MAX);
    return !ranks;
}

/* TOP with token ID too, where its logit is larger than one of TOP's. */
static void rank_one(struct mm_evidence_top *top, size_t id, float value)
{
    if (top->count == MM_EVIDENCE_TOP && value <= top->values[MM_EVIDENCE_TOP - 1])
        return;
    unsigned at = top->count < MM_EVIDENCE_TOP ? top->count++ : MM_EVIDENCE_TOP - 1;
    for (; at > 0 && value > top->values[at - 1]; at--) {
        top->ids[at] = top->ids[at - 1];
        top->values[at] = top->values[at - 1];
    }
    top->ids[at] = (uint32_t)id;
    top->values[at] = value;
}

/* Fills TOP with the largest of the LOGITS of step STEP; of equal ones the lowest token comes first. */
static int rank(const struct mm_smoke *smoke, const float *logits, size_t step, struct mm_evidence_top *top,
                struct mm_diags *diags)
{
    size_t count = smoke->engine->vocabulary, id = 0;
    *top = (struct mm_evidence_top){.step = (uint32_t)step};
    while (id < count) {
        size_t end = count - id < SKIPPED ? count : id + SKIPPED;
        if (top->count == MM_EVIDENCE_TOP && end - id == SKIPPED &&
            none_ranks(logits + id, top->values[MM_EVIDENCE_TOP - 1]))
            id = end;
        for (; id < end; id++) {
            if (!(fabsf(logits[id]) <= FLT_MAX))
                return mm_diag(diags, MM_RULE_INFER_NUMBER,
                               "expected finite logits at step %zu, found %s for token %zu", step,
                               isnan(logits[id]) ? "NaN" : "infinity", id);
            rank_one(top, id, logits[id]);
        }
    }
    return 0;
}

static int feed(const struct mm_smoke *smoke, const uint32_t *tokens, size_t count, bool every, struct mm_diags *diags)
{
    return smoke->engine->feed(smoke->engine->self, tokens, count, every, smoke->logits, smoke->trace,
                               smoke->trace_context, diags);
}

/* Every token of TOKENS has to be one that the engine knows. */
static int check_ids(const struct mm_smoke *smoke, const struct mm_evidence_case *one,
                     const struct mm_evidence_tokens *tokens, enum mm_rule rule, struct mm_diags *diags)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (tokens->ids[i] >= smoke->engine->vocabulary)
            return mm_diag(diags, rule,
                           "case %s: expected tokens below %zu, the size of the vocabulary, found %" PRIu32, one->name,
                           smoke->engine->vocabulary, tokens->ids[i]);
    return 0;
}

/* Begins the sequence with all prompt tokens but the last LEFT; under a trace one by one, so that each position leaves the same lines. */
static int begin(const struct mm_smoke *smoke, const struct mm_evidence_case *one, size_t left, struct mm_diags *diags)
{
    const struct mm_evidence_tokens *prompt = &one->prompt_tokens;
    size_t count = prompt->count - left, most = smoke->trace ? 1 : count;
    smoke->engine->rewind(smoke->engine->self, 0);
    if (check_ids(smoke, one, prompt, MM_RULE_INFER_TOKENS, diags) < 0)
        return -1;
    for (size_t at = 0; at < count; at += most)
        if (feed(smoke, prompt->ids + at, most, false, diags) < 0)
            return -1;
    return 0;
}

static bool ends(const struct mm_smoke *smoke, uint32_t id)
{
    return mm_encoder_ends(smoke->encoder, id) || id == mm_encoder_bos(smoke->encoder);
}

static int finish(const struct mm_smoke *smoke, struct mm_evidence_case *one, struct mm_diags *diags)
{
    mm_buf_clear(&one->text);
    if (mm_decode(smoke->encoder, one->tokens.ids, one->tokens.count, false, false, &one->text, diags) < 0)
        return -1;
    return one->text.failed ? mm_diag_memory(diags) : 0;
}

/* ---- following the greedy tokens ---- */

/* Goes on until there are TOKENS of them. The logits behind what was fed are the first row's, TOP the largest of them. */
static int follow(const struct mm_smoke *smoke, struct mm_evidence_case *one, struct mm_evidence_top *top,
                  size_t tokens, struct mm_diags *diags)
{
    for (;;) {
        uint32_t id = top->ids[0];
        if (mm_evidence_add_top(one, top, diags) < 0 || mm_evidence_add_token(&one->tokens, id, diags) < 0)
            return -1;
        if (one->tokens.count >= tokens || ends(smoke, id))
            return 0;
        if (feed(smoke, &id, 1, false, diags) < 0 || rank(smoke, smoke->logits, one->tokens.count, top, diags) < 0)
            return -1;
    }
}

int mm_smoke_run(struct mm_smoke *smoke, struct mm_evidence_case *one, size_t tokens, struct mm_diags *diags)
{
    struct mm_evidence_top top;
    one->tokens.count = one->top_count = 0;
    if (begin(smoke, one, 0, diags) < 0 || rank(smoke, smoke->logits, 0, &top, diags) < 0)
        return -1;
    return follow(smoke, one, &top, tokens, diags) < 0 ? -1 : finish(smoke, one, diags);
}

/* ---- comparing ---- */

struct comparing {
    const struct mm_smoke *smoke;
    const struct mm_evidence_case *expected;
    float tolerance;
    struct mm_evidence_case *found;
    struct mm_smoke_result *result;
    size_t next_top;  /* the next of the expected logits */
    bool told_logits; /* one finding of them is enough */
    struct mm_diags *diags;
};

/* The prompt is spelled with the tokens that were recorded. */
static bool compare_prompt(struct comparing *c)
{
    const struct mm_evidence_tokens *expected = &c->expected->prompt_tokens, *found = &c->found->prompt_tokens;
    size_t at = 0;
    while (at < expected->count && at < found->count && expected->ids[at] == found->ids[at])
        at++;
    if (at == expected->count && at == found->count)
        return true;
    c->result->differs = true;
    if (at == expected->count || at == found->count)
        mm_diag(c->diags, MM_RULE_INFER_PROMPT, "case %s: expected a prompt of %zu tokens, found %zu",
                c->expected->name, expected->count, found->count);
    else
        mm_diag(c->diags, MM_RULE_INFER_PROMPT,
                "case %s: expected token %" PRIu32 " at place %zu of the prompt, found %" PRIu32, c->expected->name,
                expected->ids[at], at, found->ids[at]);
    return false;
}

/* The recorded logits of step STEP, if there are any, beside LOGITS. */
static void compare_logits(struct comparing *c, size_t step, const float *logits)
{
    const struct mm_evidence_case *expected = c->expected;
    if (c->next_top == expected->top_count || expected->tops[c->next_top].step != step)
        return;
    const struct mm_evidence_top *top = &expected->tops[c->next_top++];
    for (unsigned i = 0; i < top->count; i++) {
        bool known = top->ids[i] < c->smoke->engine->vocabulary;
        float difference = known ? fabsf(logits[top->ids[i]] - top->values[i]) : INFINITY;
        c->result->logits++;
        if (known && difference > c->result->largest)
            c->result->largest = difference;
        if (difference <= c->tolerance)
            continue;
        c->result->differs = true;
        if (!c->told_logits && known)
            mm_diag(c->diags, MM_RULE_INFER_LOGITS,
                    "case %s, step %zu: expected the logit %.9g of token %" PRIu32 " within %g, found %.9g",
                    expected->name, step, (double)top->values[i], top->ids[i], (double)c->tolerance,
                    (double)logits[top->ids[i]]);
        else if (!c->told_logits)
            mm_diag(c->diags, MM_RULE_INFER_LOGITS,
                    "case %s, step %zu: expected tokens below %zu, found a logit of token %" PRIu32, expected->name,
                    step, c->smoke->engine->vocabulary, top->ids[i]);
        c->told_logits = true;
    }
}

/* Whether the expected token of step STEP is the greedy one, TOP telling that, or nearly so. */
static bool compare_token(struct comparing *c, size_t step, const float *logits, const struct mm_evidence_top *top)
{
    uint32_t expected = c->expected->tokens.ids[step];
    if (top->ids[0] == expected)
        return true;
    float margin = top->values[0] - logits[expected];
    if (margin < c->tolerance) {
        c->result->near_ties++;
        mm_note(c->diags, MM_RULE_INFER_NEAR_TIE,
                "case %s, step %zu: token %" PRIu32 " lies %g before the recorded %" PRIu32 ", which is followed",
                c->expected->name, step, top->ids[0], (double)margin, expected);
        return true;
    }
    c->result->differs = true;
    mm_diag(c->diags, MM_RULE_INFER_ANSWER,
            "case %s, step %zu: expected token %" PRIu32 ", found %" PRIu32 ", whose logit is larger by %g",
            c->expected->name, step, expected, top->ids[0], (double)margin);
    return false;
}

/* Compares the steps from FIRST on whose logits lie in COUNT rows. Returns 1 where the answers part; then the sequence is back at that step. */
static int compare_rows(struct comparing *c, size_t first, size_t count)
{
    const struct mm_smoke *smoke = c->smoke;
    struct mm_evidence_top top;
    for (size_t i = 0; i < count; i++) {
        size_t step = first + i;
        float *logits = smoke->logits + i * smoke->engine->vocabulary;
        if (rank(smoke, logits, step, &top, c->diags) < 0)
            return -1;
        compare_logits(c, step, logits);
        if (!compare_token(c, step, logits, &top)) {
            smoke->engine->rewind(smoke->engine->self, c->found->prompt_tokens.count + step);
            return follow(smoke, c->found, &top, c->expected->tokens.count, c->diags) < 0 ? -1 : 1;
        }
        if (mm_evidence_add_top(c->found, &top, c->diags) < 0 ||
            mm_evidence_add_token(&c->found->tokens, c->expected->tokens.ids[step], c->diags) < 0)
            return -1;
    }
    return 0;
}

/* The token that leads to step STEP, and those behind it, are known: they are fed together. */
static int compare_tokens(struct comparing *c)
{
    const struct mm_evidence_tokens *prompt = &c->found->prompt_tokens, *expected = &c->expected->tokens;
    uint32_t fed[MM_SMOKE_ROWS];
    size_t most = c->smoke->trace ? 1 : MM_SMOKE_ROWS;
    int result = begin(c->smoke, c->found, 1, c->diags);
    for (size_t first = 0, count; first < expected->count && result == 0; first += count) {
        count = expected->count - first < most ? expected->count - first : most;
        for (size_t i = 0; i < count; i++)
            fed[i] = first + i == 0 ? prompt->ids[prompt->count - 1] : expected->ids[first + i - 1];
        result = feed(c->smoke, fed, count, true, c->diags);
        if (result == 0)
            result = compare_rows(c, first, count);
    }
    return result < 0 ? -1 : finish(c->smoke, c->found, c->diags);
}

int mm_smoke_compare(struct mm_smoke *smoke, const struct mm_evidence_case *expected, float tolerance,
                     struct mm_evidence_case *found, struct mm_smoke_result *result, struct mm_diags *diags)
{
    struct comparing c = {
        .smoke = smoke, .expected = expected, .tolerance = tolerance, .found = found, .result = result, .diags = diags};
    found->tokens.count = found->top_count = 0;
    if (compare_prompt(&c) && check_ids(smoke, expected, &expected->tokens, MM_RULE_INFER_ANSWER, diags) == 0)
        return compare_tokens(&c);
    result->differs = true;
    return mm_smoke_run(smoke, found, expected->tokens.count, diags);
}
