/* Reading reports and receipts: a receipt is a report with lines before it and a fingerprint behind each artifact. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "doc/receipt.h"
#include "text/line.h"

struct reader {
    struct mm_receipt *receipt;
    struct mm_lines lines;
    struct mm_line line; /* the one that is being read */
    bool fingerprints;   /* a receipt's lines, not a report's */
    bool may_pass;       /* the check of the signature, with this outcome */
    struct mm_diags *diags;
    char *host_label, *detail; /* which the receipt gets in the end */
};

static int value_fails(struct reader *r, size_t at, const char *expected)
{
    return mm_line_refuse(&r->line, MM_RULE_RECEIPT_REPORT, at, expected, r->diags);
}

/* Reads the next line, which must have the key KEY. */
static int next_field(struct reader *r, const char *key)
{
    return mm_lines_field(&r->lines, key, &r->line, r->diags);
}

/* Keeps the line as one of the report's. */
static int keep_line(struct reader *r)
{
    mm_buf_add(&r->receipt->lines, r->line.key, r->line.key_length + 2 + r->line.value_length);
    mm_buf_char(&r->receipt->lines, '\n');
    return r->receipt->lines.failed ? mm_diag_memory(r->diags) : 0;
}

static bool value_is(const struct mm_line *line, const char *word)
{
    return line->value_length == strlen(word) && memcmp(line->value, word, line->value_length) == 0;
}

/* The length of the value's part from byte AT up to the next space or the end. */
static size_t word_length(const struct mm_line *line, size_t at)
{
    const char *space = memchr(line->value + at, ' ', line->value_length - at);
    return space ? (size_t)(space - line->value) - at : line->value_length - at;
}

/* The index of the word of LENGTH bytes among COUNT NAMES, or -1. */
static int word_of(const char *word, size_t length, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0)
            return i;
    return -1;
}

/* A manifest's field: its form is the manifest's, and OUT gets its text. */
static int read_manifest_field(struct reader *r, enum mm_field field, char *out, size_t size)
{
    struct mm_value_fault fault = {0};
    if (next_field(r, mm_fields[field].key) < 0)
        return -1;
    if (!mm_field_check(field, r->line.value, r->line.value_length, &fault))
        return value_fails(r, fault.at, fault.expected);
    if (r->line.value_length >= size)
        return value_fails(r, 0, "a shorter value");
    memcpy(out, r->line.value, r->line.value_length);
    out[r->line.value_length] = '\0';
    return keep_line(r);
}

static int read_manifest_number(struct reader *r, enum mm_field field, uint64_t *number)
{
    char text[24];
    if (read_manifest_field(r, field, text, sizeof text) < 0)
        return -1;
    return mm_number(text, strlen(text), MM_NUMBER_MAX, number) ? 0 : value_fails(r, 0, "a number");
}

static int read_hash(struct reader *r, const char *key, unsigned char hash[static MM_HASH_BYTES])
{
    if (next_field(r, key) < 0)
        return -1;
    if (!mm_hex_hash(r->line.value, r->line.value_length, hash))
        return value_fails(r, 0, "64 lower-case hex digits");
    return keep_line(r);
}

/* ---- checks ---- */

/* True if DETAIL begins with one of the words that say why a check was skipped, as a word of its own. */
static bool reason_known(const char *detail, size_t length)
{
    static const char *const reasons[] = {"quick", "only", "none", "unsupported"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        size_t size = strlen(reasons[i]);
        if (length >= size && memcmp(detail, reasons[i], size) == 0)
            return length == size || !((detail[size] >= 'a' && detail[size] <= 'z') || detail[size] == '-');
    }
    return false;
}

/* The verdict becomes what this check allows, where that is worse. */
static int judge_check(struct reader *r, enum mm_check check, enum mm_result result, const char *detail, size_t length)
{
    char text[MM_VALUE_MAX + 1];
    memcpy(text, detail, length);
    text[length] = '\0';
    enum mm_verdict allowed = mm_check_allows(check, result, text);
    if (allowed > r->receipt->verdict)
        r->receipt->verdict = allowed;
    return keep_line(r);
}

/* A line `check: NAME RESULT [DETAIL]` of CHECK. Policies have a line each: in the place of `set` one more may stand.
 * Returns 0, 1 where this was one more, or -1. */
static int read_check(struct reader *r, enum mm_check check)
{
    if (next_field(r, "check") < 0)
        return -1;
    const struct mm_line *line = &r->line;
    size_t name_length = word_length(line, 0), at = name_length + 1;
    int name = word_of(line->value, name_length, mm_check_names, MM_CHECK_COUNT);
    bool more = check == MM_CHECK_SET && name == MM_CHECK_POLICY;
    if (name != (int)check && !more) {
        char expected[64];
        snprintf(expected, sizeof expected, "the check '%s'", mm_check_names[check]);
        return value_fails(r, 0, expected);
    }
    size_t length = at < line->value_length ? word_length(line, at) : 0;
    int result = length ? word_of(line->value + at, length, mm_result_names, MM_RESULT_COUNT) : -1;
    if (result < 0)
        return value_fails(r, name_length, "pass, fail or skip behind the check's name");
    at += length + (at + length < line->value_length);
    const char *detail = line->value + at;
    size_t detail_length = line->value_length - at;
    if (detail_length && *detail == ' ')
        return value_fails(r, at, "one space before the detail");
    if (name == MM_CHECK_SIGNATURE && result == MM_RESULT_PASS && !r->may_pass)
        return value_fails(r, name_length + 1, "no pass with this outcome of the signature");
    if (result == MM_RESULT_SKIP && !reason_known(detail, detail_length))
        return value_fails(r, at, "quick, only, none or unsupported behind skip");
    return judge_check(r, name, result, detail, detail_length) < 0 ? -1 : more;
}

static int read_checks(struct reader *r, int from, int to)
{
    for (int check = from; check < to;) {
        int result = read_check(r, check);
        if (result < 0)
            return -1;
        check += result == 0;
    }
    return 0;
}

/* ---- the lines before the first artifact ---- */

static bool all_of(const char *text, size_t length, const char *more)
{
    for (size_t i = 0; i < length; i++)
        if (!(text[i] >= 'a' && text[i] <= 'z') && !strchr(more, text[i]))
            return false;
    return length > 0;
}

static int read_tool(struct reader *r)
{
    if (next_field(r, "tool") < 0)
        return -1;
    size_t name = word_length(&r->line, 0);
    bool sound = all_of(r->line.value, name, "-0123456789") && name + 1 < r->line.value_length &&
                 word_length(&r->line, name + 1) == r->line.value_length - name - 1;
    return sound ? keep_line(r) : value_fails(r, 0, "the name of a command and its version");
}

static int read_signature(struct reader *r)
{
    struct mm_receipt *receipt = r->receipt;
    if (next_field(r, "signature") < 0)
        return -1;
    const struct mm_line *line = &r->line;
    size_t word = word_length(line, 0), key = line->value_length - word;
    int outcome = word_of(line->value, word, mm_signed_words, MM_SIGNED_COUNT);
    if (outcome < 0)
        return value_fails(r, 0, "the outcome of a signature");
    bool sound = outcome == MM_SIGNED_UNSIGNED ? key == 0 : key == sizeof receipt->key_id;
    for (size_t i = word + 1; sound && i < line->value_length; i++)
        sound = (line->value[i] >= '0' && line->value[i] <= '9') || (line->value[i] >= 'A' && line->value[i] <= 'F');
    if (!sound)
        return value_fails(r, word,
                           outcome == MM_SIGNED_UNSIGNED ? "nothing behind 'unsigned'"
                                                         : "a key of 16 upper-case hex digits behind the outcome");
    memcpy(receipt->signature, line->value, word);
    receipt->signature[word] = '\0';
    if (key)
        memcpy(receipt->key_id, line->value + word + 1, key - 1);
    r->may_pass = mm_signed_may_pass((enum mm_signed)outcome);
    return keep_line(r);
}

static int read_head(struct reader *r)
{
    struct mm_receipt *receipt = r->receipt;
    if (read_tool(r) < 0 || read_hash(r, "manifest-sha256", receipt->manifest_sha256) < 0 ||
        read_manifest_field(r, MM_FIELD_MODEL_ID, receipt->model_id, sizeof receipt->model_id) < 0 ||
        read_manifest_field(r, MM_FIELD_VERSION, receipt->version, sizeof receipt->version) < 0 ||
        read_manifest_number(r, MM_FIELD_REVISION, &receipt->revision) < 0 || read_signature(r) < 0 ||
        read_checks(r, 0, MM_CHECK_FIRST_OF_ARTIFACT) < 0)
        return -1;
    receipt->head_end = receipt->lines.length;
    return 0;
}

/* ---- artifacts ---- */

/* The number of NUMBERS between spaces from byte *AT on that are sound, *AT being moved behind them. */
static int read_numbers(const struct mm_line *line, size_t *at, uint64_t *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        size_t length = *at < line->value_length ? word_length(line, *at) : 0;
        if (!mm_number(line->value + *at, length, MM_NUMBER_MAX, &numbers[i]) || *at + length >= line->value_length)
            return i;
        *at += length + 1;
    }
    return count;
}

static int read_fingerprint(struct reader *r, struct mm_receipt_artifact *artifact)
{
    struct mm_fingerprint *fingerprint = &artifact->fingerprint;
    uint64_t numbers[5];
    size_t at = 0;
    if (next_field(r, "fingerprint") < 0)
        return -1;
    if (value_is(&r->line, "none"))
        return 0;
    if (read_numbers(&r->line, &at, numbers, 5) < 5)
        return value_fails(r, at, "'none', or DEVICE INODE SIZE MTIME-NS CTIME-NS and a digest or '-'");
    size_t left = r->line.value_length - at;
    fingerprint->verity.known = mm_hex_hash(r->line.value + at, left, fingerprint->verity.bytes);
    if (!fingerprint->verity.known && !(left == 1 && r->line.value[at] == '-'))
        return value_fails(r, at, "64 lower-case hex digits or '-' at the end");
    if (numbers[2] != artifact->bytes)
        return value_fails(r, 0, "the size to be the artifact's");
    fingerprint->known = true;
    fingerprint->device = numbers[0];
    fingerprint->inode = numbers[1];
    fingerprint->size = numbers[2];
    fingerprint->mtime = (int64_t)numbers[3];
    fingerprint->ctime = (int64_t)numbers[4];
    return 0;
}

/* `artifact: PATH`, which was read: paths ascend, so that none comes twice. */
static int begin_artifact(struct reader *r)
{
    struct mm_receipt *receipt = r->receipt;
    struct mm_value_fault fault = {0};
    size_t length = r->line.value_length;
    if (!mm_grow(&receipt->artifacts, receipt->artifact_count, &receipt->artifact_capacity, sizeof *receipt->artifacts))
        return mm_diag_memory(r->diags);
    struct mm_receipt_artifact *artifact = &receipt->artifacts[receipt->artifact_count];
    *artifact = (struct mm_receipt_artifact){.begin = receipt->lines.length};
    if (!mm_field_check(MM_FIELD_ARTIFACT, r->line.value, length, &fault) || length >= sizeof artifact->path)
        return value_fails(r, fault.at, fault.expected ? fault.expected : "a shorter path");
    memcpy(artifact->path, r->line.value, length);
    if (receipt->artifact_count > 0 && strcmp(artifact[-1].path, artifact->path) >= 0)
        return value_fails(r, 0, "artifacts in the order of their paths");
    receipt->artifact_count++;
    return keep_line(r);
}

static int read_artifact(struct reader *r)
{
    if (begin_artifact(r) < 0)
        return -1;
    struct mm_receipt_artifact *artifact = &r->receipt->artifacts[r->receipt->artifact_count - 1];
    if (read_manifest_number(r, MM_FIELD_ARTIFACT_BYTES, &artifact->bytes) < 0 ||
        read_hash(r, "artifact-sha256", artifact->sha256) < 0 ||
        read_checks(r, MM_CHECK_FIRST_OF_ARTIFACT, MM_CHECK_COUNT) < 0)
        return -1;
    artifact->end = r->receipt->lines.length;
    return r->fingerprints ? read_fingerprint(r, artifact) : 0;
}

/* ---- the verdict ---- */

static int read_verdict(struct reader *r)
{
    const char *computed = mm_verdict_names[r->receipt->verdict];
    char shown[MM_SHOWN];
    if (!value_is(&r->line, computed))
        return mm_diag_line(r->diags, MM_RULE_RECEIPT_VERDICT, r->line.number, mm_line_value_column(&r->line),
                            "expected '%s', which follows from the checks, found '%s'", computed,
                            mm_show(shown, r->line.value, r->line.value_length));
    if (r->fingerprints && r->receipt->verdict != MM_VERDICT_PASS)
        return mm_diag_line(r->diags, MM_RULE_RECEIPT_VERDICT, r->line.number, mm_line_value_column(&r->line),
                            "expected 'pass' in a receipt, found '%s'", computed);
    if (mm_lines_next(&r->lines, &r->line, r->diags))
        return mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->line.number, 1,
                            "expected the end behind the verdict, found '%s'",
                            mm_show(shown, r->line.key, r->line.key_length));
    return 0;
}

/* From `tool:` to the end. */
static int read_report_lines(struct reader *r)
{
    char shown[MM_SHOWN];
    r->receipt->verdict = MM_VERDICT_PASS;
    if (read_head(r) < 0)
        return -1;
    uint64_t errors = r->diags->errors;
    while (mm_lines_next(&r->lines, &r->line, r->diags)) {
        if (r->diags->errors > errors)
            return -1;
        bool verdict = mm_line_is(&r->line, "verdict") && r->receipt->artifact_count > 0;
        if (verdict)
            return read_verdict(r);
        if (!mm_line_is(&r->line, "artifact"))
            return mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->line.number, 1,
                                "expected 'artifact' or, behind the last one, 'verdict' here, found '%s'",
                                mm_show(shown, r->line.key, r->line.key_length));
        if (read_artifact(r) < 0)
            return -1;
    }
    return mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->lines.number + 1, 1,
                        "expected 'verdict' here, found the end");
}

/* ---- a receipt's own lines ---- */

static int read_word(struct reader *r, const char *key, const char *const *names, int count, const char *expected)
{
    if (next_field(r, key) < 0)
        return -1;
    int word = word_of(r->line.value, r->line.value_length, names, count);
    return word < 0 ? value_fails(r, 0, expected) : word;
}

/* The value from byte FROM on as text of its own; NULL with a finding. */
static char *copy_text(struct reader *r, size_t from)
{
    char *text = strndup(r->line.value + from, r->line.value_length - from);
    if (!text)
        mm_diag_memory(r->diags);
    return text;
}

/* `medium: WORD [DETAIL]`, and before it perhaps `host-label: TEXT`. */
static int read_medium(struct reader *r)
{
    static const char expected[] = "file, usb, chunkset, peer or in-place, and perhaps a detail";
    struct mm_lines before = r->lines;
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    bool labelled = mm_lines_next(&before, &r->line, &ignored) && mm_line_is(&r->line, "host-label");
    mm_diags_release(&ignored);
    if (labelled && (next_field(r, "host-label") < 0 || !(r->host_label = copy_text(r, 0))))
        return -1;
    if (next_field(r, "medium") < 0)
        return -1;
    size_t length = word_length(&r->line, 0);
    int medium = word_of(r->line.value, length, mm_medium_names, MM_MEDIUM_COUNT);
    if (medium < 0 || (length < r->line.value_length && r->line.value[length + 1] == ' '))
        return value_fails(r, 0, expected);
    r->receipt->medium = medium;
    if (length == r->line.value_length)
        return 0;
    r->detail = copy_text(r, length + 1);
    return r->detail ? 0 : -1;
}

static int read_previous(struct reader *r)
{
    struct mm_digest *previous = &r->receipt->previous;
    if (next_field(r, "previous-receipt") < 0)
        return -1;
    previous->known = mm_hex_hash(r->line.value, r->line.value_length, previous->bytes);
    return previous->known || value_is(&r->line, "none") ? 0 : value_fails(r, 0, "64 lower-case hex digits or 'none'");
}

static int read_receipt_lines(struct reader *r)
{
    static const char *const transfer[] = {"not-asked", "yes"}, *const execution[] = {"no", "yes"};
    struct mm_receipt *receipt = r->receipt;
    int word;
    if (next_field(r, "created") < 0)
        return -1;
    if (!mm_time_valid(r->line.value, r->line.value_length))
        return value_fails(r, 0, "a time as YYYY-MM-DDTHH:MM:SSZ");
    memcpy(receipt->created, r->line.value, r->line.value_length);
    if ((word = read_word(r, "action", mm_action_names, MM_ACTION_COUNT, "verified, imported, removed or consented")) <
        0)
        return -1;
    receipt->action = word;
    if (read_medium(r) < 0 || (word = read_word(r, "transfer-consent", transfer, 2, "yes or not-asked")) < 0)
        return -1;
    receipt->transfer_consent = word;
    if ((word = read_word(r, "execution-consent", execution, 2, "no or yes")) < 0)
        return -1;
    receipt->execution_consent = word;
    if (receipt->execution_consent != (receipt->action == MM_ACTION_CONSENTED))
        return value_fails(r, 0, "yes exactly where the action is 'consented'");
    return read_previous(r);
}

static int read_text(struct mm_receipt *receipt, const char *type, const char *text, size_t length,
                     struct mm_diags *diags)
{
    struct reader r = {.receipt = receipt, .fingerprints = strcmp(type, MM_RECEIPT_TYPE) == 0, .diags = diags};
    uint64_t errors = diags->errors;
    *receipt = (struct mm_receipt){0};
    if (length > MM_RECEIPT_MAX)
        return mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected at most %d bytes, found more", MM_RECEIPT_MAX);
    if (mm_lines_begin(&r.lines, text, length, type, diags) < 0)
        return -1;
    int result = r.fingerprints ? read_receipt_lines(&r) : 0;
    receipt->host_label = r.host_label;
    receipt->detail = r.detail;
    if (result == 0)
        result = read_report_lines(&r);
    return result < 0 || diags->errors > errors ? -1 : 0;
}

int mm_receipt_read_report(struct mm_receipt *receipt, const char *text, size_t length, struct mm_diags *diags)
{
    return read_text(receipt, MM_REPORT_TYPE, text, length, diags);
}

int mm_receipt_read(struct mm_receipt *receipt, const char *text, size_t length, struct mm_diags *diags)
{
    return read_text(receipt, MM_RECEIPT_TYPE, text, length, diags);
}
