/* Recording and comparing, on an engine that only looks at the last token, and with an encoder of one letter a token. */
#include "../unit/unit.h"

#include <math.h>

#include "infer/smoke.h"

#define PIECES 8
#define END 6   /* ends a text */
#define BEGIN 7 /* begins one */

/* ---- an encoder: 'a' is token 0, and so on; what is none is an error ---- */

struct mm_encoder {
    int nothing;
};

void mm_tokens_release(struct mm_tokens *tokens)
{
    free(tokens->ids);
    *tokens = (struct mm_tokens){0};
}

int mm_tokens_add(struct mm_tokens *tokens, uint32_t id, struct mm_diags *diags)
{
    (void)diags;
    tokens->ids = realloc(tokens->ids, (tokens->count + 1) * sizeof *tokens->ids);
    tokens->ids[tokens->count++] = id;
    return 0;
}

static bool without_begin;

int mm_encode(const struct mm_encoder *encoder, const char *text, size_t length, unsigned flags, struct mm_tokens *tokens,
              struct mm_diags *diags)
{
    (void)encoder;
    assert_int_equal(flags, MM_ENCODE_AROUND | MM_ENCODE_SPECIAL);
    if (!without_begin)
        mm_tokens_add(tokens, BEGIN, diags);
    for (size_t i = 0; i < length; i++)
        mm_tokens_add(tokens, (uint32_t)(text[i] - 'a'), diags);
    return 0;
}

int mm_decode(const struct mm_encoder *encoder, const uint32_t *ids, size_t count, bool beginning, bool special,
              struct mm_buf *text, struct mm_diags *diags)
{
    (void)encoder, (void)diags;
    assert_false(beginning || special);
    for (size_t i = 0; i < count; i++)
        if (ids[i] < END)
            mm_buf_char(text, (char)('a' + ids[i]));
    return 0;
}

uint32_t mm_encoder_bos(const struct mm_encoder *encoder)
{
    (void)encoder;
    return BEGIN;
}

bool mm_encoder_ends(const struct mm_encoder *encoder, uint32_t id)
{
    (void)encoder;
    return id == END;
}

/* ---- an engine: the logits behind a token are its row ---- */

struct fake {
    float rows[PIECES][PIECES];
    uint32_t sequence[64];
    size_t length, calls;
    int fails_at; /* the call that ends with a finding, -1: none */
};

static int feed(void *self, const uint32_t *tokens, size_t count, bool every, float *logits, mm_trace_fn *trace, void *context,
                struct mm_diags *diags)
{
    struct fake *fake = self;
    assert_true(count > 0 && fake->length + count <= COUNT_OF(fake->sequence));
    if (fake->fails_at == (int)fake->calls++)
        return mm_diag(diags, MM_RULE_INFER_NUMBER, "expected finite numbers, found NaN in blk.0");
    for (size_t i = 0; i < count; i++) {
        assert_true(tokens[i] < PIECES);
        fake->sequence[fake->length++] = tokens[i];
        if (every || i + 1 == count)
            memcpy(logits + (every ? i * PIECES : 0), fake->rows[tokens[i]], sizeof fake->rows[0]);
        if (trace && trace(context, 0, "blk.0", fake->length - 1, fake->rows[tokens[i]], PIECES, diags) < 0)
            return -1;
    }
    return 0;
}

static void rewind_to(void *self, size_t length)
{
    struct fake *fake = self;
    assert_true(length <= fake->length);
    fake->length = length;
}

/* Behind each token comes the next one, behind 5 the first. */
static void make(struct fake *fake, struct mm_engine *engine)
{
    *fake = (struct fake){.fails_at = -1};
    *engine = (struct mm_engine){.self = fake, .device = "cpu fake, 1 thread", .vocabulary = PIECES, .context = 64, .feed = feed, .rewind = rewind_to};
    for (int i = 0; i < PIECES; i++)
        for (int k = 0; k < PIECES; k++)
            fake->rows[i][k] = (float)(k == (i + 1) % 6 ? 10 : -k);
}

struct work {
    struct fake fake;
    struct mm_engine engine;
    struct mm_encoder encoder;
    struct mm_smoke *check;
    struct mm_diags diags;
};

static void begin(struct work *w)
{
    mm_diags_init(&w->diags);
    make(&w->fake, &w->engine);
    assert_int_equal(mm_smoke_new(&w->check, &w->engine, &w->encoder, NULL, NULL, &w->diags), 0);
}

static void end(struct work *w)
{
    mm_smoke_free(w->check);
    mm_diags_release(&w->diags);
    without_begin = false;
}

static void prompt(struct work *w, struct mm_evidence_case *one, const char *text)
{
    *one = (struct mm_evidence_case){.name = "one"};
    mm_buf_str(&one->prompt, text);
    assert_int_equal(mm_smoke_encode(&w->encoder, one, &w->diags), 0);
}

static void check_tokens(const struct mm_evidence_tokens *tokens, const char *expected)
{
    struct mm_buf text = {0};
    for (size_t i = 0; i < tokens->count; i++)
        mm_buf_printf(&text, "%s%" PRIu32, i ? " " : "", tokens->ids[i]);
    check_text("tokens", mm_buf_text(&text), expected);
    mm_buf_release(&text);
}

/* ---- recording ---- */

static void greedy_tokens_are_followed(void **state)
{
    struct work w;
    struct mm_evidence_case one;
    (void)state;
    begin(&w);
    prompt(&w, &one, "ab");
    check_tokens(&one.prompt_tokens, "7 0 1");
    assert_int_equal(mm_smoke_run(w.check, &one, 5, &w.diags), 0);
    check_tokens(&one.tokens, "2 3 4 5 0");
    check_text("text", mm_buf_text(&one.text), "cdefa");
    check_number("steps", one.top_count, 5);
    check_number("largest", one.tops[4].ids[0], 0);
    check_number("second", one.tops[4].ids[1], 1);
    check_number("kept", one.tops[4].count, MM_EVIDENCE_TOP);
    check_number("positions", w.fake.length, mm_smoke_positions(3, 5));
    mm_evidence_case_release(&one);
    end(&w);
}

static void the_end_of_a_text_ends_it(void **state)
{
    struct work w;
    struct mm_evidence_case one;
    (void)state;
    begin(&w);
    w.fake.rows[2][END] = 20;
    prompt(&w, &one, "a");
    assert_int_equal(mm_smoke_run(w.check, &one, 9, &w.diags), 0);
    check_tokens(&one.tokens, "1 2 6");
    check_text("text", mm_buf_text(&one.text), "bc");
    mm_evidence_case_release(&one);
    w.fake.rows[2][BEGIN] = 30; /* the beginning of the next one too */
    prompt(&w, &one, "a");
    assert_int_equal(mm_smoke_run(w.check, &one, 9, &w.diags), 0);
    check_tokens(&one.tokens, "1 2 7");
    mm_evidence_case_release(&one);
    end(&w);
}

static void of_equal_logits_the_lowest_token_is_taken(void **state)
{
    struct work w;
    struct mm_evidence_case one;
    (void)state;
    begin(&w);
    w.fake.rows[0][4] = w.fake.rows[0][3] = w.fake.rows[0][1];
    prompt(&w, &one, "a");
    assert_int_equal(mm_smoke_run(w.check, &one, 1, &w.diags), 0);
    check_tokens(&one.tokens, "1");
    check_number("second", one.tops[0].ids[1], 3);
    check_number("third", one.tops[0].ids[2], 4);
    mm_evidence_case_release(&one);
    end(&w);
}

static void numbers_that_are_none_are_found(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct work w;
        struct mm_evidence_case one;
        begin(&w);
        w.fake.rows[2][5] = bad[i];
        prompt(&w, &one, "a");
        assert_int_equal(mm_smoke_run(w.check, &one, 4, &w.diags), -1);
        check_findings("logits", &w.diags, "infer-number");
        mm_evidence_case_release(&one);
        end(&w);
    }
}

static void what_the_engine_finds_ends_it(void **state)
{
    struct work w;
    struct mm_evidence_case one;
    (void)state;
    begin(&w);
    w.fake.fails_at = 2;
    prompt(&w, &one, "a");
    assert_int_equal(mm_smoke_run(w.check, &one, 4, &w.diags), -1);
    check_findings("engine", &w.diags, "infer-number");
    mm_evidence_case_release(&one);
    end(&w);
}

static void prompts_are_tokens_of_the_engine_and_not_empty(void **state)
{
    struct work w;
    struct mm_evidence_case one;
    (void)state;
    begin(&w);
    prompt(&w, &one, "ax");
    assert_int_equal(mm_smoke_run(w.check, &one, 4, &w.diags), -1);
    check_findings("beyond", &w.diags, "infer-tokens");
    mm_evidence_case_release(&one);
    end(&w);
    begin(&w);
    without_begin = true;
    one = (struct mm_evidence_case){.name = "one"};
    assert_int_equal(mm_smoke_encode(&w.encoder, &one, &w.diags), -1);
    check_findings("empty", &w.diags, "infer-tokens");
    mm_evidence_case_release(&one);
    end(&w);
}

/* ---- comparing ---- */

/* Records PROMPT with an engine, changes another one by CHANGE, and compares. Returns the tokens of the second. */
static struct mm_smoke_result compare(void (*change)(struct fake *), void (*edit)(struct mm_evidence_case *), size_t tokens,
                                      const char *findings, const char *expected)
{
    struct work w;
    struct mm_evidence_case recorded, found;
    struct mm_smoke_result result = {0};
    begin(&w);
    prompt(&w, &recorded, "ab");
    prompt(&w, &found, "ab");
    assert_int_equal(mm_smoke_run(w.check, &recorded, tokens, &w.diags), 0);
    if (change)
        change(&w.fake);
    if (edit)
        edit(&recorded);
    assert_int_equal(mm_smoke_compare(w.check, &recorded, MM_SMOKE_TOLERANCE, &found, &result, &w.diags), 0);
    check_findings("compared", &w.diags, findings);
    check_tokens(&found.tokens, expected);
    check_number("steps", found.top_count, found.tokens.count);
    mm_evidence_case_release(&recorded);
    mm_evidence_case_release(&found);
    end(&w);
    return result;
}

static void equal_answers_are_equal(void **state)
{
    (void)state;
    struct mm_smoke_result result = compare(NULL, NULL, 5, "", "2 3 4 5 0");
    assert_false(result.differs);
    check_number("logits", result.logits, 25);
    assert_true(result.largest == 0 && result.near_ties == 0);
}

/* More tokens than are fed at once. */
static void long_answers_are_equal(void **state)
{
    (void)state;
    struct mm_smoke_result result = compare(NULL, NULL, MM_SMOKE_ROWS + 2, "",
                                            "2 3 4 5 0 1 2 3 4 5 0 1 2 3 4 5 0 1 2 3 4 5 0 1 2 3 4 5 0 1 2 3 4 5");
    assert_false(result.differs);
    check_number("logits", result.logits, (MM_SMOKE_ROWS + 2) * MM_EVIDENCE_TOP);
}

static void part_at_three(struct fake *fake)
{
    fake->rows[3][1] = 11; /* instead of 4 */
}

static void other_answers_are_found_and_followed(void **state)
{
    (void)state;
    struct mm_smoke_result result = compare(part_at_three, NULL, 6, "infer-logits infer-answer", "2 3 1 2 3 1");
    assert_true(result.differs);
}

static void tie_at_three(struct fake *fake)
{
    fake->rows[3][1] = 10.0005f;
}

static void forget_logits(struct mm_evidence_case *one)
{
    one->top_count = 0;
}

static void near_ties_are_told_and_the_recorded_token_is_followed(void **state)
{
    (void)state;
    struct mm_smoke_result result = compare(tie_at_three, forget_logits, 6, "note:infer-near-tie", "2 3 4 5 0 1");
    assert_false(result.differs);
    check_number("ties", result.near_ties, 1);
    check_number("logits", result.logits, 0);
}

static void not_quite_a_tie(struct fake *fake)
{
    fake->rows[3][1] = 10.002f;
}

static void what_is_no_near_tie_is_another_answer(void **state)
{
    (void)state;
    struct mm_smoke_result result = compare(not_quite_a_tie, forget_logits, 4, "infer-answer", "2 3 1 2");
    assert_true(result.differs && result.near_ties == 0);
}

static void shift_a_little(struct fake *fake)
{
    for (int i = 0; i < PIECES; i++)
        for (int k = 0; k < PIECES; k++)
            fake->rows[i][k] += 0.0005f;
}

static void shift_more(struct fake *fake)
{
    for (int i = 0; i < PIECES; i++)
        for (int k = 0; k < PIECES; k++)
            fake->rows[i][k] += 0.002f;
}

static void logits_have_a_tolerance(void **state)
{
    (void)state;
    struct mm_smoke_result result = compare(shift_a_little, NULL, 4, "", "2 3 4 5");
    assert_true(!result.differs && result.largest > 0.0004f && result.largest < 0.0006f);
    result = compare(shift_more, NULL, 4, "infer-logits", "2 3 4 5"); /* said once */
    assert_true(result.differs && result.largest > 0.001f);
}

static void other_prompt(struct mm_evidence_case *one)
{
    one->prompt_tokens.ids[1] = 3;
}

static void longer_prompt(struct mm_evidence_case *one)
{
    one->prompt_tokens.count--;
}

static void token_beyond(struct mm_evidence_case *one)
{
    one->tokens.ids[2] = PIECES;
}

static void logit_beyond(struct mm_evidence_case *one)
{
    one->tops[1].ids[0] = PIECES;
}

static void other_tokens_of_the_prompt_are_found(void **state)
{
    (void)state;
    assert_true(compare(NULL, other_prompt, 3, "infer-prompt", "2 3 4").differs);
    assert_true(compare(NULL, longer_prompt, 3, "infer-prompt", "2 3 4").differs);
    assert_true(compare(NULL, token_beyond, 3, "infer-answer", "2 3 4").differs);
    assert_true(compare(NULL, logit_beyond, 3, "infer-logits", "2 3 4").differs);
}

/* ---- with a trace ---- */

struct seen {
    size_t calls;
    uint64_t next;
};

static int see(void *context, int layer, const char *name, uint64_t position, const float *values, size_t count, struct mm_diags *diags)
{
    struct seen *seen = context;
    (void)layer, (void)name, (void)values, (void)count, (void)diags;
    check_number("position", position, seen->next++);
    seen->calls++;
    return 0;
}

/* Positions come in their order, none twice, also where answers part. */
static void a_trace_sees_each_position_once(void **state)
{
    struct work w;
    struct mm_evidence_case recorded, found;
    struct mm_smoke_result result = {0};
    struct seen seen = {0};
    (void)state;
    begin(&w);
    prompt(&w, &recorded, "ab");
    prompt(&w, &found, "ab");
    assert_int_equal(mm_smoke_run(w.check, &recorded, 6, &w.diags), 0);
    mm_smoke_free(w.check);
    part_at_three(&w.fake);
    assert_int_equal(mm_smoke_new(&w.check, &w.engine, &w.encoder, see, &seen, &w.diags), 0);
    assert_int_equal(mm_smoke_compare(w.check, &recorded, MM_SMOKE_TOLERANCE, &found, &result, &w.diags), 0);
    check_number("positions", seen.calls, 8);
    mm_evidence_case_release(&recorded);
    mm_evidence_case_release(&found);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_tokens_are_followed),
        cmocka_unit_test(the_end_of_a_text_ends_it),
        cmocka_unit_test(of_equal_logits_the_lowest_token_is_taken),
        cmocka_unit_test(numbers_that_are_none_are_found),
        cmocka_unit_test(what_the_engine_finds_ends_it),
        cmocka_unit_test(prompts_are_tokens_of_the_engine_and_not_empty),
        cmocka_unit_test(equal_answers_are_equal),
        cmocka_unit_test(long_answers_are_equal),
        cmocka_unit_test(other_answers_are_found_and_followed),
        cmocka_unit_test(near_ties_are_told_and_the_recorded_token_is_followed),
        cmocka_unit_test(what_is_no_near_tie_is_another_answer),
        cmocka_unit_test(logits_have_a_tolerance),
        cmocka_unit_test(other_tokens_of_the_prompt_are_found),
        cmocka_unit_test(a_trace_sees_each_position_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
