#include "cli_answers.h"

#include <inttypes.h>
#include <stdio.h>

static void begin_member(const struct cli *cli, struct mm_buf *out, const char *key, bool first)
{
    if (cli->json)
        mm_buf_printf(out, "%s\"%s\":", first ? "{" : ",", key);
    else
        mm_buf_printf(out, "%s: ", key);
}

static void end_member(const struct cli *cli, struct mm_buf *out)
{
    if (!cli->json)
        mm_buf_char(out, '\n');
}

/* A word that is printable and needs no escapes. */
static void add_word(const struct cli *cli, struct mm_buf *out, const char *key, const char *word, bool first)
{
    begin_member(cli, out, key, first);
    if (cli->json)
        mm_buf_json_str(out, word);
    else
        mm_buf_str(out, word);
    end_member(cli, out);
}

static void add_number(const struct cli *cli, struct mm_buf *out, const char *key, uint64_t number)
{
    begin_member(cli, out, key, false);
    mm_buf_number(out, number);
    end_member(cli, out);
}

static void add_real(const struct cli *cli, struct mm_buf *out, const char *key, float real)
{
    char text[MM_REAL_TEXT];
    begin_member(cli, out, key, false);
    mm_buf_str(out, mm_real_write(text, real));
    end_member(cli, out);
}

/* A text that a model gave stands in quotes and with escapes, whatever reads it. */
static void add_text(const struct cli *cli, struct mm_buf *out, const char *key, const struct mm_buf *text)
{
    begin_member(cli, out, key, false);
    mm_buf_json(out, text->data, text->length);
    end_member(cli, out);
}

static void add_tokens(const struct cli *cli, struct mm_buf *out, const char *key,
                       const struct mm_evidence_tokens *tokens)
{
    begin_member(cli, out, key, false);
    for (size_t i = 0; i < tokens->count; i++)
        mm_buf_printf(out, "%s%" PRIu32, i == 0 ? (cli->json ? "[" : "") : cli->json ? "," : " ", tokens->ids[i]);
    mm_buf_str(out, cli->json ? (tokens->count ? "]" : "[]") : "");
    end_member(cli, out);
}

static const char *word_of(const struct mm_smoke_result *result)
{
    return !result ? "recorded" : result->differs ? "differs" : result->near_ties ? "near-tie" : "equal";
}

void cli_answer(const struct cli *cli, struct mm_buf *out, const struct cli_answer *answer)
{
    const struct mm_evidence_case *one = answer->one;
    add_word(cli, out, "case", one->name, true);
    if (answer->device)
        add_word(cli, out, "device", answer->device, false);
    add_word(cli, out, "result", word_of(answer->result), false);
    if (answer->verbose || cli->json) {
        add_text(cli, out, "prompt", &one->prompt);
        add_tokens(cli, out, "prompt-tokens", &one->prompt_tokens);
        add_tokens(cli, out, "tokens", &one->tokens);
    }
    add_text(cli, out, "text", &one->text);
    if (answer->result && (answer->verbose || cli->json)) {
        add_number(cli, out, "near-ties", answer->result->near_ties);
        add_number(cli, out, "logits", answer->result->logits);
        add_real(cli, out, "largest-difference", answer->result->largest);
    }
    mm_buf_str(out, cli->json ? "}\n" : "");
}

void cli_answers(const struct cli *cli, struct mm_buf *out, const struct cli_answers *answers)
{
    const struct mm_evidence *evidence = answers->evidence;
    char hex[MM_HASH_HEX + 1];
    uint64_t tokens = 0;
    for (size_t i = 0; i < evidence->case_count; i++)
        tokens += evidence->cases[i].tokens.count;
    mm_hex(hex, evidence->artifact_sha256, MM_HASH_BYTES);
    add_word(cli, out, "model-id", evidence->model_id, true);
    add_word(cli, out, "artifact-sha256", hex, false);
    add_word(cli, out, "device", evidence->device, false);
    add_number(cli, out, "memory-bytes", answers->memory);
    add_number(cli, out, "cases", evidence->case_count);
    add_number(cli, out, "tokens", tokens);
    if (answers->against)
        add_word(cli, out, "compared-with", answers->against, false);
    if (answers->result) {
        add_number(cli, out, "near-ties", answers->result->near_ties);
        add_number(cli, out, "logits", answers->result->logits);
        add_real(cli, out, "largest-difference", answers->result->largest);
        add_real(cli, out, "tolerance", answers->tolerance);
    }
    add_word(cli, out, "verdict", mm_evidence_verdict_names[evidence->verdict], false);
    mm_buf_str(out, cli->json ? "}\n" : "");
}

void cli_pace(const struct cli *cli, struct mm_buf *out, const char *device, const struct mm_pace *pace)
{
    double prompt = pace->prompt_seconds > 0 ? (double)pace->prompt / pace->prompt_seconds : 0;
    double tokens = pace->token_seconds > 0 ? (double)pace->tokens / pace->token_seconds : 0;
    double rate = tokens * (double)pace->bytes;
    add_word(cli, out, "device", device, true);
    add_number(cli, out, "prompt-tokens", pace->prompt);
    add_real(cli, out, "prompt-tokens-a-second", (float)prompt);
    add_number(cli, out, "tokens", pace->tokens);
    add_real(cli, out, "tokens-a-second", (float)tokens);
    add_number(cli, out, "bytes-a-token", pace->bytes);
    add_number(cli, out, "bytes-a-second", (uint64_t)rate);
    add_number(cli, out, "read-bytes-a-second", (uint64_t)pace->read_rate);
    add_real(cli, out, "bandwidth-share", (float)(pace->read_rate > 0 ? rate / pace->read_rate : 0));
    mm_buf_str(out, cli->json ? "}\n" : "");
}
