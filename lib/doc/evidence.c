#include "doc/evidence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

const char *const mm_evidence_verdict_names[MM_EVIDENCE_VERDICTS] = {
    [MM_EVIDENCE_PASS] = "pass",
    [MM_EVIDENCE_FAIL] = "fail",
    [MM_EVIDENCE_RECORDED] = "recorded",
};

void mm_evidence_case_release(struct mm_evidence_case *one)
{
    mm_buf_release(&one->prompt);
    mm_buf_release(&one->text);
    free(one->prompt_tokens.ids);
    free(one->tokens.ids);
    free(one->tops);
    *one = (struct mm_evidence_case){0};
}

void mm_evidence_release(struct mm_evidence *evidence)
{
    for (size_t i = 0; i < evidence->case_count; i++)
        mm_evidence_case_release(&evidence->cases[i]);
    free(evidence->cases);
    *evidence = (struct mm_evidence){0};
}

struct mm_evidence_case *mm_evidence_add_case(struct mm_evidence *evidence, const char *name, size_t length,
                                              struct mm_diags *diags)
{
    if (evidence->case_count == MM_EVIDENCE_CASES) {
        mm_diag(diags, MM_RULE_IO_LIMIT, "an evidence file has at most %d cases", MM_EVIDENCE_CASES);
        return NULL;
    }
    if (!mm_grow(&evidence->cases, evidence->case_count, &evidence->case_capacity, sizeof *evidence->cases)) {
        mm_diag_memory(diags);
        return NULL;
    }
    struct mm_evidence_case *one = &evidence->cases[evidence->case_count++];
    *one = (struct mm_evidence_case){0};
    memcpy(one->name, name, length < MM_EVIDENCE_NAME ? length : MM_EVIDENCE_NAME);
    return one;
}

int mm_evidence_add_token(struct mm_evidence_tokens *tokens, uint32_t id, struct mm_diags *diags)
{
    if (!mm_grow(&tokens->ids, tokens->count, &tokens->capacity, sizeof *tokens->ids))
        return mm_diag_memory(diags);
    tokens->ids[tokens->count++] = id;
    return 0;
}

int mm_evidence_add_top(struct mm_evidence_case *one, const struct mm_evidence_top *top, struct mm_diags *diags)
{
    if (!mm_grow(&one->tops, one->top_count, &one->top_capacity, sizeof *one->tops))
        return mm_diag_memory(diags);
    one->tops[one->top_count++] = *top;
    return 0;
}

bool mm_evidence_name_sound(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return length > 0 && length <= MM_EVIDENCE_NAME;
}

/* ---- writing ---- */

static void write_tokens(const struct mm_evidence_tokens *tokens, const char *key, struct mm_buf *out)
{
    mm_buf_printf(out, "%s:", key);
    for (size_t i = 0; i < tokens->count; i++) {
        mm_buf_char(out, ' ');
        mm_buf_number(out, tokens->ids[i]);
    }
    mm_buf_char(out, '\n');
}

static void write_text(const struct mm_buf *text, const char *key, struct mm_buf *out)
{
    mm_buf_printf(out, "%s: ", key);
    mm_buf_json(out, text->data, text->length);
    mm_buf_char(out, '\n');
}

static void write_top(const struct mm_evidence_top *top, struct mm_buf *out)
{
    char value[MM_REAL_TEXT];
    mm_buf_printf(out, "top-logits: %" PRIu32, top->step);
    for (unsigned i = 0; i < top->count; i++)
        mm_buf_printf(out, " %" PRIu32 "=%s", top->ids[i], mm_real_write(value, top->values[i]));
    mm_buf_char(out, '\n');
}

void mm_evidence_write(const struct mm_evidence *evidence, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, evidence->artifact_sha256, MM_HASH_BYTES);
    mm_buf_printf(out, MM_EVIDENCE_TYPE " 0\nmodel-id: %s\nartifact-sha256: %s\nengine: %s\ndevice: %s\n",
                  evidence->model_id, hex, evidence->engine, evidence->device);
    for (size_t i = 0; i < evidence->case_count; i++) {
        const struct mm_evidence_case *one = &evidence->cases[i];
        mm_buf_printf(out, "case: %s\n", one->name);
        write_text(&one->prompt, "prompt", out);
        write_tokens(&one->prompt_tokens, "prompt-tokens", out);
        write_tokens(&one->tokens, "tokens", out);
        write_text(&one->text, "text", out);
        for (size_t k = 0; k < one->top_count; k++)
            write_top(&one->tops[k], out);
    }
    mm_buf_printf(out, "verdict: %s\n", mm_evidence_verdict_names[evidence->verdict]);
}
