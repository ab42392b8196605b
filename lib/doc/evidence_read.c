/* Reading evidence: every line in its place. */
#include <string.h>

#include "doc/evidence.h"
#include "doc/manifest_field.h"
#include "text/json_string.h"
#include "text/line.h"

struct reading {
    struct mm_evidence *evidence;
    struct mm_lines lines;
    struct mm_line line; /* the one that is looked at; zeroed behind the last */
    struct mm_diags *diags;
};

static int wrong(struct reading *r, size_t at, const char *expected)
{
    return mm_line_refuse(&r->line, MM_RULE_EVIDENCE_FORM, at, expected, r->diags);
}

static int step(struct reading *r)
{
    return mm_lines_step(&r->lines, &r->line, r->diags);
}

/* The present line has to have the key KEY, which EXPECTED names among others that could stand here. */
static int expect_one(struct reading *r, const char *key, const char *expected)
{
    return mm_line_is(&r->line, key) ? 0 : mm_lines_misplaced(&r->lines, &r->line, expected, r->diags);
}

static int expect(struct reading *r, const char *key)
{
    return expect_one(r, key, key);
}

/* ---- the head ---- */

static int read_model_id(struct reading *r)
{
    struct mm_value_fault fault;
    if (expect(r, "model-id") < 0)
        return -1;
    if (r->line.value_length > MM_EVIDENCE_MODEL_ID ||
        !mm_field_check(MM_FIELD_MODEL_ID, r->line.value, r->line.value_length, &fault))
        return wrong(r, 0, "PUBLISHER/NAME, as a manifest has it");
    memcpy(r->evidence->model_id, r->line.value, r->line.value_length);
    return step(r);
}

static int read_hash(struct reading *r)
{
    if (expect(r, "artifact-sha256") < 0)
        return -1;
    if (!mm_hex_hash(r->line.value, r->line.value_length, r->evidence->artifact_sha256))
        return mm_line_refuse(&r->line, MM_RULE_VALUE_HASH, 0, "64 lower-case hex digits", r->diags);
    return step(r);
}

/* Two words. */
static int read_engine(struct reading *r)
{
    if (expect(r, "engine") < 0)
        return -1;
    const char *space = memchr(r->line.value, ' ', r->line.value_length);
    if (!space || r->line.value_length > MM_EVIDENCE_ENGINE ||
        memchr(space + 1, ' ', r->line.value_length - (size_t)(space + 1 - r->line.value)))
        return wrong(r, 0, "the name of a command and its version");
    memcpy(r->evidence->engine, r->line.value, r->line.value_length);
    return step(r);
}

static int read_device(struct reading *r)
{
    static const char *const kinds[] = {"cpu ", "opencl ", "cuda "};
    bool known = false;
    if (expect(r, "device") < 0)
        return -1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i]);
        known = known || (r->line.value_length > length && memcmp(r->line.value, kinds[i], length) == 0);
    }
    if (!known || r->line.value_length > MM_EVIDENCE_DEVICE)
        return wrong(r, 0, "cpu, opencl or cuda, one space and a description, 200 bytes at most");
    memcpy(r->evidence->device, r->line.value, r->line.value_length);
    return step(r);
}

/* ---- a case ---- */

static int begin_case(struct reading *r)
{
    const struct mm_evidence *evidence = r->evidence;
    const char *name = r->line.value;
    size_t length = r->line.value_length;
    if (!mm_evidence_name_sound(name, length))
        return wrong(r, 0, "a case's name of 1 to 64 of a-z, 0-9, '.', '_' and '-'");
    for (size_t i = 0; i < evidence->case_count; i++)
        if (strlen(evidence->cases[i].name) == length && memcmp(evidence->cases[i].name, name, length) == 0)
            return wrong(r, 0, "a name that no case before it has");
    return mm_evidence_add_case(r->evidence, name, length, r->diags) ? step(r) : -1;
}

static int read_string(struct reading *r, const char *key, struct mm_buf *out)
{
    size_t at;
    if (expect(r, key) < 0)
        return -1;
    if (!mm_json_string_read(r->line.value, r->line.value_length, out, &at))
        return wrong(r, at, "a JSON string");
    if (out->failed)
        return mm_diag_memory(r->diags);
    return step(r);
}

/* The bytes from AT of the line's value to its end or the character UNTIL. */
static size_t word(const struct reading *r, size_t at, char until)
{
    const char *found = memchr(r->line.value + at, until, r->line.value_length - at);
    return found ? (size_t)(found - r->line.value) - at : r->line.value_length - at;
}

static int read_tokens(struct reading *r, const char *key, struct mm_evidence_tokens *tokens)
{
    uint64_t id;
    if (expect(r, key) < 0)
        return -1;
    for (size_t at = 0, length; at <= r->line.value_length; at += length + 1) {
        length = word(r, at, ' ');
        if (!mm_number(r->line.value + at, length, UINT32_MAX - 1, &id))
            return wrong(r, at, "the numbers of tokens, each behind one space");
        if (mm_evidence_add_token(tokens, (uint32_t)id, r->diags) < 0)
            return -1;
    }
    return step(r);
}

/* `ID=VALUE` in the LENGTH bytes from AT on. */
static int read_logit(struct reading *r, size_t at, size_t length, struct mm_evidence_top *top)
{
    static const char expected[] =
        "ID=VALUE of up to five tokens that differ, VALUE as '%.6g', or more digits where these tell more";
    size_t id_length = word(r, at, '=');
    const char *value = r->line.value + at + id_length + 1;
    uint64_t id;
    if (id_length + 1 >= length || top->count == MM_EVIDENCE_TOP ||
        !mm_number(r->line.value + at, id_length, UINT32_MAX - 1, &id) ||
        !mm_real_read(value, length - id_length - 1, &top->values[top->count]))
        return wrong(r, at, expected);
    for (unsigned i = 0; i < top->count; i++)
        if (top->ids[i] == id)
            return wrong(r, at, expected);
    top->ids[top->count++] = (uint32_t)id;
    return 0;
}

static int read_top(struct reading *r, struct mm_evidence_case *one)
{
    struct mm_evidence_top top = {0};
    uint64_t number;
    size_t length = word(r, 0, ' ');
    uint64_t first = one->top_count ? (uint64_t)one->tops[one->top_count - 1].step + 1 : 0;
    if (!mm_number(r->line.value, length, UINT32_MAX, &number) || number < first || number >= one->tokens.count)
        return wrong(r, 0, "the step of one of the tokens, behind those before it");
    if (length == r->line.value_length)
        return wrong(r, length, "ID=VALUE behind the step");
    top.step = (uint32_t)number;
    for (size_t at = length + 1; at <= r->line.value_length; at += length + 1) {
        length = word(r, at, ' ');
        if (read_logit(r, at, length, &top) < 0)
            return -1;
    }
    return mm_evidence_add_top(one, &top, r->diags) < 0 ? -1 : step(r);
}

static int read_case(struct reading *r)
{
    if (begin_case(r) < 0)
        return -1;
    struct mm_evidence_case *one = &r->evidence->cases[r->evidence->case_count - 1];
    if (read_string(r, "prompt", &one->prompt) < 0 || read_tokens(r, "prompt-tokens", &one->prompt_tokens) < 0 ||
        read_tokens(r, "tokens", &one->tokens) < 0 || read_string(r, "text", &one->text) < 0)
        return -1;
    while (mm_line_is(&r->line, "top-logits"))
        if (read_top(r, one) < 0)
            return -1;
    return 0;
}

/* ---- the whole ---- */

static int read_verdict(struct reading *r)
{
    char shown[MM_SHOWN];
    int verdict = MM_EVIDENCE_VERDICTS;
    if (expect_one(r, "verdict", r->evidence->case_count ? "top-logits', 'case' or 'verdict" : "case") < 0)
        return -1;
    while (verdict-- > 0) {
        const char *name = mm_evidence_verdict_names[verdict];
        if (r->line.value_length == strlen(name) && memcmp(r->line.value, name, r->line.value_length) == 0)
            break;
    }
    if (verdict < 0)
        return wrong(r, 0, "'pass', 'fail' or 'recorded'");
    r->evidence->verdict = (enum mm_evidence_verdict)verdict;
    if (step(r) < 0)
        return -1;
    if (!r->line.key)
        return 0;
    return mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->line.number, 1,
                        "expected the end behind the verdict, found '%s'",
                        mm_show(shown, r->line.key, r->line.key_length));
}

static int read_document(struct reading *r)
{
    if (step(r) < 0 || read_model_id(r) < 0 || read_hash(r) < 0 || read_engine(r) < 0 || read_device(r) < 0)
        return -1;
    if (expect(r, "case") < 0)
        return -1;
    while (mm_line_is(&r->line, "case"))
        if (read_case(r) < 0)
            return -1;
    return read_verdict(r);
}

int mm_evidence_read(struct mm_evidence *evidence, const char *text, size_t length, struct mm_diags *diags)
{
    struct reading r = {.evidence = evidence, .diags = diags};
    uint64_t errors = diags->errors;
    *evidence = (struct mm_evidence){0};
    if (length > MM_EVIDENCE_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected an evidence file of at most %d bytes, found more",
                       MM_EVIDENCE_MAX);
    if (mm_lines_begin(&r.lines, text, length, MM_EVIDENCE_TYPE, diags) < 0)
        return -1;
    r.lines.value_max = MM_EVIDENCE_VALUE_MAX;
    return read_document(&r) < 0 || diags->errors > errors ? -1 : 0;
}
