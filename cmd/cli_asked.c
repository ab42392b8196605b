/* Prompts as cases of evidence. */
#include "cli_asked.h"

#include <stdio.h>
#include <string.h>

/* What is asked where nobody says it: words, numbers, code, letters beyond ASCII (docs/formats/evidence.md). */
static const struct prompt {
    const char *name, *text;
} built_in[] = {
    {"story", "Once upon a time"},
    {"numbers", "One, two, three, 4, 5,"},
    {"code", "def add(a, b):\n    return"},
    {"letters", "Le caf\xC3\xA9 \xE2\x80\x94 \xE6\x97\xA5\xE6\x9C\xAC"},
};

static int add_case(struct cli *cli, const struct mm_loaded *model, struct mm_evidence *found, const char *name,
                    const char *prompt, size_t length)
{
    struct mm_evidence_case *one = mm_evidence_add_case(found, name, strlen(name), &cli->diags);
    if (!one)
        return -1;
    mm_buf_add(&one->prompt, prompt, length);
    if (one->prompt.failed)
        return mm_diag_memory(&cli->diags);
    return mm_smoke_encode(model->encoder, one, &cli->diags);
}

/* The prompts: those that are expected, or given, or built in. */
int cli_asked_cases(struct cli *cli, const struct cli_asked *asked, const struct mm_loaded *model,
                    const struct mm_evidence *expected, struct mm_evidence *found)
{
    int result = 0;
    char name[32];
    for (size_t i = 0; i < expected->case_count && result == 0; i++) {
        const struct mm_evidence_case *one = &expected->cases[i];
        result = add_case(cli, model, found, one->name, one->prompt.data ? one->prompt.data : "", one->prompt.length);
    }
    for (size_t i = 0; i < asked->prompt_count && result == 0; i++) {
        snprintf(name, sizeof name, "prompt-%zu", i + 1);
        result = add_case(cli, model, found, name, asked->prompts[i], strlen(asked->prompts[i]));
    }
    bool none = expected->case_count == 0 && asked->prompt_count == 0;
    for (size_t i = 0; none && i < sizeof built_in / sizeof *built_in && result == 0; i++)
        result = add_case(cli, model, found, built_in[i].name, built_in[i].text, strlen(built_in[i].text));
    return result;
}

static uint64_t tokens_of(const struct cli_asked *asked, const struct mm_evidence *expected, size_t which)
{
    return expected->case_count > 0 ? expected->cases[which].tokens.count : asked->tokens;
}

/* How many positions are needed. A model that was made for fewer than the default asks for continues by fewer tokens. */
int cli_asked_positions(struct cli *cli, struct cli_asked *asked, const struct mm_loaded *model,
                        const struct mm_evidence *expected, const struct mm_evidence *found, size_t *positions)
{
    uint64_t most = mm_loaded_context(model);
    for (size_t i = 0; i < found->case_count; i++) {
        const struct mm_evidence_case *one = &found->cases[i];
        uint64_t prompt = one->prompt_tokens.count, needed = mm_smoke_positions(prompt, tokens_of(asked, expected, i));
        if (needed > most && expected->case_count == 0 && !asked->tokens_given && prompt <= most) {
            asked->tokens = most - prompt + 1;
            needed = mm_smoke_positions(prompt, asked->tokens);
        }
        if (needed > most)
            return mm_diag(&cli->diags, MM_RULE_IO_LIMIT,
                           "case %s: expected at most %llu positions, for which the model was made, found %llu",
                           one->name, (unsigned long long)most, (unsigned long long)needed);
        *positions = needed > *positions ? needed : *positions;
    }
    return 0;
}

int cli_asked_again(struct cli *cli, const struct mm_evidence *from, struct mm_evidence *to)
{
    memcpy(to->model_id, from->model_id, sizeof to->model_id);
    memcpy(to->artifact_sha256, from->artifact_sha256, sizeof to->artifact_sha256);
    for (size_t i = 0; i < from->case_count; i++) {
        const struct mm_evidence_case *one = &from->cases[i];
        struct mm_evidence_case *copy = mm_evidence_add_case(to, one->name, strlen(one->name), &cli->diags);
        if (!copy)
            return -1;
        mm_buf_add(&copy->prompt, one->prompt.data ? one->prompt.data : "", one->prompt.length);
        for (size_t k = 0; k < one->prompt_tokens.count; k++)
            if (mm_evidence_add_token(&copy->prompt_tokens, one->prompt_tokens.ids[k], &cli->diags) < 0)
                return -1;
    }
    return 0;
}
