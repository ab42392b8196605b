#include "doc/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "text/line.h"

const char *const mm_check_names[MM_CHECK_COUNT] = {
    [MM_CHECK_MANIFEST] = "manifest",
    [MM_CHECK_SIGNATURE] = "signature",
    [MM_CHECK_EXPIRY] = "expiry",
    [MM_CHECK_POLICY] = "policy",
    [MM_CHECK_SET] = "set",
    [MM_CHECK_BYTES] = "bytes",
    [MM_CHECK_SHA256] = "sha256",
    [MM_CHECK_MERKLE] = "merkle",
    [MM_CHECK_CHUNK_LIST] = "chunk-list",
    [MM_CHECK_FORMAT] = "format",
    [MM_CHECK_TENSOR_LAYOUT] = "tensor-layout",
    [MM_CHECK_TOKENIZER] = "tokenizer",
    [MM_CHECK_CHAT_TEMPLATE] = "chat-template",
    [MM_CHECK_FACTS] = "facts",
};
const char *const mm_result_names[MM_RESULT_COUNT] = {
    [MM_RESULT_SKIP] = "skip", [MM_RESULT_PASS] = "pass", [MM_RESULT_FAIL] = "fail"};
const char *const mm_verdict_names[MM_VERDICT_COUNT] = {
    [MM_VERDICT_PASS] = "pass", [MM_VERDICT_PARTIAL] = "partial", [MM_VERDICT_FAIL] = "fail"};

const char *const mm_signed_words[MM_SIGNED_COUNT] = {
    [MM_SIGNED_VERIFIED] = "verified",         [MM_SIGNED_UNSIGNED] = "unsigned",
    [MM_SIGNED_MISSING] = "missing-signature", [MM_SIGNED_UNKNOWN_KEY] = "unknown-key",
    [MM_SIGNED_WRONG_KEY] = "wrong-key",       [MM_SIGNED_REVOKED_KEY] = "revoked-key",
    [MM_SIGNED_BAD] = "bad-signature",         [MM_SIGNED_WRONG_COMMENT] = "wrong-comment",
};

int mm_report_init(struct mm_report *report, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    *report = (struct mm_report){
        .manifest = manifest, .signature = MM_SIGNED_UNSIGNED, .count = mm_manifest_artifacts(manifest)};
    report->artifacts = calloc(report->count ? report->count : 1, sizeof *report->artifacts);
    if (!report->artifacts)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < report->count; i++)
        mm_manifest_claim(manifest, i + 1, &report->artifacts[i].claim);
    return 0;
}

void mm_report_release(struct mm_report *report)
{
    for (int check = 0; check < MM_CHECK_FIRST_OF_ARTIFACT; check++)
        free(report->checks[check].detail);
    for (size_t i = 0; i < report->policy_count; i++)
        free(report->policies[i].detail);
    free(report->policies);
    for (size_t i = 0; report->artifacts && i < report->count; i++)
        for (int check = 0; check < MM_CHECK_COUNT; check++)
            free(report->artifacts[i].checks[check].detail);
    free(report->artifacts);
    *report = (struct mm_report){0};
}

int mm_outcome_set(struct mm_outcome *outcome, enum mm_result result, const char *format, ...)
{
    va_list arguments;
    char *detail = NULL;
    if (outcome->result == MM_RESULT_FAIL)
        return -1;
    if (format) {
        va_start(arguments, format);
        if (vasprintf(&detail, format, arguments) < 0) {
            detail = NULL;
            outcome->lost = true;
        }
        va_end(arguments);
    }
    free(outcome->detail);
    outcome->result = result;
    outcome->detail = detail;
    return result == MM_RESULT_FAIL ? -1 : 0;
}

/* How much a result weighs where one line stands for many: what is not known is worse than a pass. */
static int weight(enum mm_result result)
{
    return result == MM_RESULT_FAIL ? 2 : result == MM_RESULT_SKIP ? 1 : 0;
}

int mm_report_add_policy(struct mm_report *report, enum mm_result result, const char *detail, struct mm_diags *diags)
{
    struct mm_outcome *all = &report->checks[MM_CHECK_POLICY];
    char *copy = strdup(detail);
    if (!copy ||
        !mm_grow(&report->policies, report->policy_count, &report->policy_capacity, sizeof *report->policies)) {
        free(copy);
        return mm_diag_memory(diags);
    }
    if (report->policy_count == 0 || weight(result) > weight(all->result))
        mm_outcome_set(all, result, "%s", detail);
    report->policies[report->policy_count++] = (struct mm_outcome){.result = result, .detail = copy};
    return 0;
}

bool mm_report_is_whole(const struct mm_report *report)
{
    bool lost = false;
    for (int check = 0; check < MM_CHECK_FIRST_OF_ARTIFACT; check++)
        lost = lost || report->checks[check].lost;
    for (size_t i = 0; i < report->count; i++)
        for (int check = MM_CHECK_FIRST_OF_ARTIFACT; check < MM_CHECK_COUNT; check++)
            lost = lost || report->artifacts[i].checks[check].lost;
    return !lost;
}

static bool skipped_for(enum mm_result result, const char *detail, const char *reason)
{
    return result == MM_RESULT_SKIP && detail && strncmp(detail, reason, strlen(reason)) == 0;
}

enum mm_verdict mm_check_allows(enum mm_check check, enum mm_result result, const char *detail)
{
    if (result == MM_RESULT_FAIL)
        return MM_VERDICT_FAIL;
    switch (check) {
    case MM_CHECK_MANIFEST:
    case MM_CHECK_SIGNATURE:
    case MM_CHECK_EXPIRY:
    case MM_CHECK_BYTES:
    case MM_CHECK_MERKLE:
    case MM_CHECK_FORMAT: return result == MM_RESULT_PASS ? MM_VERDICT_PASS : MM_VERDICT_PARTIAL;
    case MM_CHECK_POLICY: /* `skip none` alone: there is no policy; with more behind it: a rule that could not be decided */
        return result == MM_RESULT_PASS || (detail && strcmp(detail, "none") == 0) ? MM_VERDICT_PASS
                                                                                   : MM_VERDICT_PARTIAL;
    case MM_CHECK_SHA256:
        return result == MM_RESULT_PASS || skipped_for(result, detail, "quick") ? MM_VERDICT_PASS : MM_VERDICT_PARTIAL;
    default: return MM_VERDICT_PASS;
    }
}

bool mm_signed_may_pass(enum mm_signed outcome)
{
    return outcome == MM_SIGNED_VERIFIED || outcome == MM_SIGNED_UNSIGNED;
}

/* The worst of VERDICT and what the checks FROM to TO allow. */
static enum mm_verdict worst_of(enum mm_verdict verdict, const struct mm_outcome *checks, int from, int to)
{
    for (int check = from; check < to; check++) {
        enum mm_verdict allowed = mm_check_allows(check, checks[check].result, checks[check].detail);
        verdict = allowed > verdict ? allowed : verdict;
    }
    return verdict;
}

static enum mm_verdict artifact_verdict(const struct mm_artifact_report *artifact, enum mm_verdict verdict)
{
    return worst_of(verdict, artifact->checks, MM_CHECK_FIRST_OF_ARTIFACT, MM_CHECK_COUNT);
}

enum mm_verdict mm_report_verdict(const struct mm_report *report)
{
    enum mm_verdict verdict = worst_of(MM_VERDICT_PASS, report->checks, 0, MM_CHECK_FIRST_OF_ARTIFACT);
    for (size_t i = 0; i < report->count; i++)
        verdict = artifact_verdict(&report->artifacts[i], verdict);
    return verdict;
}

static bool artifact_left_out(const struct mm_artifact_report *artifact)
{
    const struct mm_outcome *bytes = &artifact->checks[MM_CHECK_BYTES];
    return skipped_for(bytes->result, bytes->detail, "only");
}

bool mm_report_only_partial(const struct mm_report *report)
{
    bool only = worst_of(MM_VERDICT_PASS, report->checks, MM_CHECK_SIGNATURE, MM_CHECK_SET) == MM_VERDICT_PASS;
    for (size_t i = 0; i < report->count; i++)
        only = only && (artifact_verdict(&report->artifacts[i], MM_VERDICT_PASS) == MM_VERDICT_PASS ||
                        artifact_left_out(&report->artifacts[i]));
    return only;
}

/* A detail is a value of the line grammar: details that quote file names have them escaped, long ones are cut. */
static void write_check(const struct mm_outcome *outcome, int check, struct mm_buf *out)
{
    out->failed = out->failed || outcome->lost;
    mm_buf_printf(out, "check: %s %s", mm_check_names[check], mm_result_names[outcome->result]);
    if (outcome->detail && outcome->detail[0])
        mm_buf_printf(out, " %.960s", outcome->detail);
    mm_buf_char(out, '\n');
}

/* The checks of the manifest as a whole, before END. */
static void write_model_checks(const struct mm_report *report, int end, struct mm_buf *out)
{
    for (int check = 0; check < end; check++)
        if (check != MM_CHECK_POLICY || report->policy_count == 0)
            write_check(&report->checks[check], check, out);
        else
            for (size_t i = 0; i < report->policy_count; i++)
                write_check(&report->policies[i], check, out);
}

static void write_field(const struct mm_report *report, enum mm_field field, struct mm_buf *out)
{
    char text[MM_VALUE_MAX + 1];
    mm_buf_printf(out, "%s: %s\n", mm_fields[field].key, mm_manifest_text(report->manifest, 0, field, text));
}

static void write_head(const struct mm_report *report, int end, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, report->manifest->sha256, MM_HASH_BYTES);
    mm_buf_printf(out, "manifest-sha256: %s\n", hex);
    write_field(report, MM_FIELD_MODEL_ID, out);
    write_field(report, MM_FIELD_VERSION, out);
    write_field(report, MM_FIELD_REVISION, out);
    mm_buf_printf(out, "signature: %s%s%s\n", mm_signed_words[report->signature], report->key_id[0] ? " " : "",
                  report->key_id);
    write_model_checks(report, end, out);
}

void mm_report_write_head(const struct mm_report *report, struct mm_buf *out)
{
    write_head(report, MM_CHECK_SET, out);
}

void mm_report_write(const struct mm_report *report, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_buf_printf(out, "minimodel-report 0\ntool: slm-verify %s\n", MM_VERSION);
    write_head(report, MM_CHECK_FIRST_OF_ARTIFACT, out);
    for (size_t i = 0; i < report->count; i++) {
        const struct mm_artifact_report *artifact = &report->artifacts[i];
        mm_hex(hex, artifact->claim.chunks.sha256, MM_HASH_BYTES);
        mm_buf_printf(out, "artifact: %s\nartifact-bytes: %" PRIu64 "\nartifact-sha256: %s\n", artifact->claim.path,
                      artifact->claim.chunks.bytes, hex);
        for (int check = MM_CHECK_FIRST_OF_ARTIFACT; check < MM_CHECK_COUNT; check++)
            write_check(&artifact->checks[check], check, out);
    }
    mm_buf_printf(out, "verdict: %s\n", mm_verdict_names[mm_report_verdict(report)]);
}

static void write_json_text(struct mm_buf *out, const char *key, const char *value)
{
    mm_buf_printf(out, ",\"%s\":", key);
    mm_buf_json_str(out, value);
}

static void write_json_check(const struct mm_outcome *outcome, int check, bool first, struct mm_buf *out)
{
    out->failed = out->failed || outcome->lost;
    mm_buf_printf(out, "%s{\"name\":\"%s\",\"result\":\"%s\"", first ? "" : ",", mm_check_names[check],
                  mm_result_names[outcome->result]);
    if (outcome->detail && outcome->detail[0])
        write_json_text(out, "detail", outcome->detail);
    mm_buf_char(out, '}');
}

static void write_json_model_checks(const struct mm_report *report, int end, struct mm_buf *out)
{
    mm_buf_str(out, ",\"checks\":[");
    for (int check = 0; check < end; check++)
        if (check != MM_CHECK_POLICY || report->policy_count == 0)
            write_json_check(&report->checks[check], check, check == 0, out);
        else
            for (size_t i = 0; i < report->policy_count; i++)
                write_json_check(&report->policies[i], check, false, out);
    mm_buf_char(out, ']');
}

static void write_json_artifact(const struct mm_artifact_report *artifact, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, artifact->claim.chunks.sha256, MM_HASH_BYTES);
    mm_buf_str(out, "{\"artifact\":");
    mm_buf_json_str(out, artifact->claim.path);
    mm_buf_printf(out, ",\"artifact-bytes\":%" PRIu64 ",\"artifact-sha256\":\"%s\"", artifact->claim.chunks.bytes, hex);
    mm_buf_str(out, ",\"checks\":[");
    for (int check = MM_CHECK_FIRST_OF_ARTIFACT; check < MM_CHECK_COUNT; check++)
        write_json_check(&artifact->checks[check], check, check == MM_CHECK_FIRST_OF_ARTIFACT, out);
    mm_buf_str(out, "]}");
}

static void write_json_head(const struct mm_report *report, int end, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1], text[MM_VALUE_MAX + 1];
    mm_hex(hex, report->manifest->sha256, MM_HASH_BYTES);
    write_json_text(out, "manifest-sha256", hex);
    write_json_text(out, "model-id", mm_manifest_text(report->manifest, 0, MM_FIELD_MODEL_ID, text));
    write_json_text(out, "version", mm_manifest_text(report->manifest, 0, MM_FIELD_VERSION, text));
    mm_buf_printf(out, ",\"revision\":%s", mm_manifest_text(report->manifest, 0, MM_FIELD_REVISION, text));
    write_json_text(out, "signature", mm_signed_words[report->signature]);
    if (report->key_id[0])
        write_json_text(out, "key-id", report->key_id);
    write_json_model_checks(report, end, out);
}

void mm_report_write_json_head(const struct mm_report *report, struct mm_buf *out)
{
    write_json_head(report, MM_CHECK_SET, out);
}

void mm_report_write_json(const struct mm_report *report, struct mm_buf *out)
{
    mm_buf_printf(out, "{\"tool\":\"slm-verify %s\"", MM_VERSION);
    write_json_head(report, MM_CHECK_FIRST_OF_ARTIFACT, out);
    mm_buf_str(out, ",\"artifacts\":[");
    for (size_t i = 0; i < report->count; i++) {
        if (i)
            mm_buf_char(out, ',');
        write_json_artifact(&report->artifacts[i], out);
    }
    mm_buf_printf(out, "],\"verdict\":\"%s\"}\n", mm_verdict_names[mm_report_verdict(report)]);
}
