#include "act/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/verify_parts.h"
#include "text/line.h"
#include "text/path.h"
#include "text/route.h"

#define NAMED_SURPLUS 16

static const char behind[] = "; the clock is behind the newest receipt";

/* ---- the manifest as a whole ---- */

static void check_manifest(struct mm_verification *v)
{
    struct mm_outcome *outcome = &v->report->checks[MM_CHECK_MANIFEST];
    if (v->options->pin && memcmp(v->options->pin, v->manifest->sha256, MM_HASH_BYTES) != 0)
        mm_outcome_set(outcome, MM_RESULT_FAIL, "its SHA-256 is not the expected one");
    else
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
}

/* Why the outcome is not allowed, NULL where it is. What is no `unsigned` was a finding when it was judged. */
static const char *not_allowed(const struct mm_judgement *judgement, bool required)
{
    if (judgement->outcome == MM_SIGNED_VERIFIED)
        return NULL;
    if (judgement->outcome != MM_SIGNED_UNSIGNED)
        return judgement->detail;
    return judgement->publisher_known ? "unsigned, and the keyring knows the publisher"
           : required                 ? "unsigned, and a signature is required"
                                      : NULL;
}

/* The finding about an unsigned manifest that is not allowed. */
static void find_unsigned(const struct mm_judgement *judgement, const char *reason, struct mm_diags *diags)
{
    if (reason && !judgement->undecided && judgement->outcome == MM_SIGNED_UNSIGNED)
        mm_diag(diags, MM_RULE_VERIFY_SIGNATURE, "expected a signature, found an unsigned manifest%s",
                judgement->publisher_known ? " of a publisher whom the keyring knows" : "");
}

bool mm_trusted_passes(const struct mm_trusted *trusted, bool require_signature, struct mm_diags *diags)
{
    const struct mm_judgement *judgement = &trusted->signature;
    const char *reason = not_allowed(judgement, require_signature);
    bool obeyed = true;
    for (size_t i = 0; i < trusted->rule_count; i++)
        obeyed = obeyed && trusted->rules[i].result == MM_RESULT_PASS;
    find_unsigned(judgement, reason, diags);
    return !reason && !judgement->undecided && obeyed;
}

bool mm_trusted_in_time(const struct mm_trusted *trusted, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    const struct mm_entry *expires = mm_manifest_get(manifest, 0, MM_FIELD_EXPIRES);
    if (!expires || strncmp(trusted->now, expires->value, expires->value_length) < 0)
        return true;
    mm_diag_line(diags, MM_RULE_VERIFY_EXPIRY, expires->line, expires->key_length + 3,
                 "expected a manifest that has not expired, now is %s%s", trusted->now,
                 trusted->clock_behind ? behind : "");
    return false;
}

static void check_signature(struct mm_verification *v)
{
    struct mm_outcome *outcome = &v->report->checks[MM_CHECK_SIGNATURE];
    const struct mm_judgement *judgement = &v->options->trusted->signature;
    const char *reason = not_allowed(judgement, v->options->require_signature);
    bool is_unsigned = judgement->outcome == MM_SIGNED_UNSIGNED;
    v->report->signature = judgement->outcome;
    memcpy(v->report->key_id, judgement->key_id, sizeof v->report->key_id);
    if (judgement->undecided)
        mm_outcome_set(outcome, MM_RESULT_SKIP, "none: %s", judgement->detail);
    else if (reason)
        mm_outcome_set(outcome, MM_RESULT_FAIL, "%s", reason);
    else
        mm_outcome_set(outcome, MM_RESULT_PASS, "%s", is_unsigned ? "unsigned" : judgement->detail);
    find_unsigned(judgement, reason, v->diags);
}

static void check_expiry(struct mm_verification *v)
{
    struct mm_outcome *outcome = &v->report->checks[MM_CHECK_EXPIRY];
    const struct mm_entry *expires = mm_manifest_get(v->manifest, 0, MM_FIELD_EXPIRES);
    const struct mm_trusted *trusted = v->options->trusted;
    bool said = expires && trusted->clock_behind;
    if (mm_trusted_in_time(trusted, v->manifest, v->diags))
        mm_outcome_set(outcome, MM_RESULT_PASS, "%s", said ? behind + 2 : "");
    else
        mm_outcome_set(outcome, MM_RESULT_FAIL, "expired at %.*s, now is %s%s", (int)expires->value_length,
                       expires->value, trusted->now, said ? behind : "");
}

/* Each rule of each policy is a line. */
static int check_policy(struct mm_verification *v)
{
    const struct mm_trusted *trusted = v->options->trusted;
    int result = 0;
    mm_outcome_set(&v->report->checks[MM_CHECK_POLICY], MM_RESULT_SKIP, "none");
    for (size_t i = 0; i < trusted->rule_count && result == 0; i++)
        result = mm_report_add_policy(v->report, trusted->rules[i].result, trusted->rules[i].detail, v->diags);
    return result;
}

/* The first error among the findings since FIRST, for the report. */
const struct mm_diag *mm_verify_first_error(const struct mm_diags *diags, size_t first)
{
    for (size_t i = first; i < diags->count; i++)
        if (diags->items[i].severity == MM_ERROR)
            return &diags->items[i];
    return NULL;
}

/* ---- what artifacts say of themselves ---- */

/* Compares a stated digest with the one computed; EMPTY_IS_NONE: the hash of nothing may stand for "holds none". */
static void check_digest(struct mm_verification *v, size_t which, enum mm_check check, enum mm_rule rule,
                         struct mm_digest stated, struct mm_digest found, bool empty_is_none)
{
    struct mm_outcome *outcome = mm_outcome_of(v, which, check);
    if (!v->members[which].artifact) {
        if (!outcome->detail)
            mm_outcome_set(outcome, MM_RESULT_SKIP, "none: the format is not valid");
    } else if (!stated.known) {
        mm_outcome_set(outcome, MM_RESULT_SKIP, found.known ? "none: not stated" : "none");
    } else if ((found.known && memcmp(stated.bytes, found.bytes, MM_HASH_BYTES) == 0) ||
               (!found.known && empty_is_none && memcmp(stated.bytes, mm_sha256_empty, MM_HASH_BYTES) == 0)) {
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
    } else {
        char hex[MM_HASH_HEX + 1];
        mm_hex(hex, found.bytes, MM_HASH_BYTES);
        mm_outcome_set(outcome, MM_RESULT_FAIL, "found %s", found.known ? hex : "none");
        mm_diag(v->diags, rule, "expected the stated digest, found %s", found.known ? hex : "none in the file");
    }
}

static void check_digests(struct mm_verification *v, size_t which)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    const struct mm_facts *facts = &v->artifacts[which].model.facts;
    bool no_tensors = v->artifacts[which].model.tensors.count == 0;
    struct mm_digest tokenizer;
    v->diags->file = claim->path;
    check_digest(v, which, MM_CHECK_TENSOR_LAYOUT, MM_RULE_VERIFY_LAYOUT, claim->layout, facts->layout, no_tensors);
    if (mm_set_tokenizer(v->members, v->report->count, which, &tokenizer) || !v->members[which].artifact)
        check_digest(v, which, MM_CHECK_TOKENIZER, MM_RULE_VERIFY_TOKENIZER, claim->tokenizer, tokenizer, false);
    else
        mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_TOKENIZER), MM_RESULT_SKIP, "%s",
                       v->options->only_count ? "only" : "none: the tokenizer beside it could not be read");
    check_digest(v, which, MM_CHECK_CHAT_TEMPLATE, MM_RULE_VERIFY_TEMPLATE, claim->chat_template, facts->chat_template,
                 false);
}

/* Appends "architecture: expected A, found B" where the manifest states something else than FOUND. */
static void compare_fact(struct mm_verification *v, enum mm_field field, const char *found, struct mm_buf *wrong)
{
    const struct mm_entry *entry = mm_manifest_get(v->manifest, 0, field);
    if (!entry || (found && mm_entry_is(entry, found)))
        return;
    mm_buf_printf(wrong, "%s%s: stated %.*s, found %s", wrong->length ? "; " : "", mm_fields[field].key,
                  (int)entry->value_length, entry->value, found ? found : "none");
    mm_diag_line(v->diags, MM_RULE_VERIFY_FACTS, entry->line, entry->key_length + 3,
                 "expected %s %s, as the artifacts say, found '%.*s'", mm_fields[field].key, found ? found : "left out",
                 (int)entry->value_length, entry->value);
}

static void compare_facts(struct mm_verification *v, const struct mm_set_facts *facts)
{
    char parameters[24];
    struct mm_buf wrong = {0};
    struct mm_outcome *outcome = mm_outcome_of(v, facts->stated_by, MM_CHECK_FACTS);
    const struct mm_entry *stated = mm_manifest_get(v->manifest, 0, MM_FIELD_PARAMETERS);
    bool zero = stated && mm_entry_is(stated, "0"); /* no tensors, no line; some write the sum of none */
    snprintf(parameters, sizeof parameters, "%" PRIu64, facts->parameters);
    compare_fact(v, MM_FIELD_ARCHITECTURE, facts->architecture, &wrong);
    compare_fact(v, MM_FIELD_PARAMETERS, facts->has_parameters || zero ? parameters : NULL, &wrong);
    compare_fact(v, MM_FIELD_QUANTIZATION, facts->quantization, &wrong);
    compare_fact(v, MM_FIELD_MODEL_SHAPE, facts->has_shape ? facts->shape : NULL, &wrong);
    if (wrong.length || wrong.failed)
        mm_outcome_set(outcome, MM_RESULT_FAIL, "%s", wrong.failed ? "not those of the artifacts" : wrong.data);
    else
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
    mm_buf_release(&wrong);
}

static void check_facts(struct mm_verification *v, const char *manifest_name)
{
    struct mm_set_facts facts;
    mm_set_facts(v->members, v->report->count, &facts);
    if (facts.failed) {
        facts.complete = false;
        mm_diag_memory(v->diags);
    }
    for (size_t i = 0; i < v->report->count; i++) {
        struct mm_outcome *outcome = mm_outcome_of(v, i, MM_CHECK_FACTS);
        if (outcome->detail) /* skipped with a reason already */
            continue;
        if (i != facts.stated_by)
            mm_outcome_set(outcome, MM_RESULT_SKIP, "none");
        else if (!facts.complete)
            mm_outcome_set(outcome, MM_RESULT_SKIP,
                           v->options->only_count ? "only" : "none: not all that states them could be read");
        else {
            v->diags->file = manifest_name;
            compare_facts(v, &facts);
        }
    }
}

/* ---- the set ---- */

/* What is claimed of the artifact whose path is the first LENGTH bytes of PATH, or NULL. A valid manifest's artifacts are sorted. */
static const struct mm_claim *claim_of(const struct mm_report *report, const char *path, size_t length)
{
    size_t low = 0, high = report->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct mm_claim *claim = &report->artifacts[middle].claim;
        int order = mm_bytes_compare(claim->path, strlen(claim->path), path, length);
        if (order == 0)
            return claim;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* PATH is the chunk list, with that ENDING, of an artifact whose list the manifest names. */
static bool is_list(const struct mm_report *report, const char *path, const char *ending)
{
    if (!mm_path_ends_in(path, ending))
        return false;
    const struct mm_claim *claim = claim_of(report, path, strlen(path) - strlen(ending));
    return claim && claim->chunk_list.known;
}

static bool is_named(const struct mm_verification *v, const char *path)
{
    if (v->options->manifest_path &&
        (strcmp(path, v->options->manifest_path) == 0 || mm_signature_is_beside(path, v->options->manifest_path)))
        return true;
    if (v->options->signature && mm_file_is_named(v->root, path, *v->options->signature))
        return true;
    return claim_of(v->report, path, strlen(path)) || is_list(v->report, path, ".chunks") ||
           is_list(v->report, path, ".chunks.gz");
}

static void check_surplus(struct mm_verification *v)
{
    struct mm_folder folder;
    char shown[MM_SHOWN], first[MM_SHOWN] = "";
    size_t surplus = 0;
    struct mm_outcome *outcome = &v->report->checks[MM_CHECK_SET];
    struct mm_diags ignored; /* without --strict a folder that cannot be walked is no matter */
    mm_diags_init(&ignored);
    int listed = mm_folder_list(&folder, v->root, v->options->strict ? v->diags : &ignored);
    mm_diags_release(&ignored);
    if (listed < 0 && v->options->strict)
        mm_outcome_set(outcome, MM_RESULT_SKIP, "none: the folder cannot be listed");
    for (size_t i = 0; listed == 0 && i < folder.count; i++) {
        const char *path = folder.entries[i].path;
        if (is_named(v, path) || ++surplus > NAMED_SURPLUS)
            continue;
        mm_show(shown, path, strlen(path));
        if (surplus == 1)
            memcpy(first, shown, sizeof first);
        if (v->options->strict)
            mm_diag(v->diags, MM_RULE_SET_SURPLUS, "expected only what the manifest names, found %s", shown);
        else
            mm_note(v->diags, MM_RULE_SET_SURPLUS, "not named by the manifest: %s", shown);
    }
    if (surplus > 0 && v->options->strict)
        mm_outcome_set(outcome, MM_RESULT_FAIL, "%zu surplus, first: '%s'", surplus, first);
    else if (surplus > 0 && outcome->result != MM_RESULT_FAIL)
        mm_outcome_set(outcome, outcome->result, "%s%zu surplus, first: '%s'",
                       outcome->result == MM_RESULT_SKIP ? "none; " : "", surplus, first);
    mm_folder_release(&folder);
}

static void check_set(struct mm_verification *v)
{
    struct mm_outcome *outcome = &v->report->checks[MM_CHECK_SET];
    size_t errors = v->diags->count;
    bool all = true, checked = false;
    for (size_t i = 0; i < v->report->count; i++)
        all = all && v->members[i].artifact;
    if (!all)
        mm_outcome_set(outcome, MM_RESULT_SKIP,
                       v->options->only_count ? "only" : "none: not all artifacts could be read");
    else if (mm_set_check(v->members, v->report->count, &checked, v->diags) == 0)
        mm_outcome_set(outcome, checked || v->options->strict ? MM_RESULT_PASS : MM_RESULT_SKIP,
                       checked || v->options->strict ? NULL : "none");
    else {
        const struct mm_diag *error = mm_verify_first_error(v->diags, errors);
        bool wrong = error && mm_rule_info(error->rule)->answer == MM_NO;
        mm_outcome_set(outcome, wrong ? MM_RESULT_FAIL : MM_RESULT_SKIP, "%s",
                       wrong ? error->text : "none: it could not be found out");
    }
    if ((v->options->only_count == 0 && !v->options->supply && !v->options->own) || v->options->strict)
        check_surplus(v);
}

/* Evidence belongs to the set, and is wrong even where the rest could not be compared. */
static void check_evidence(struct mm_verification *v)
{
    size_t first = v->diags->count;
    if (mm_verify_evidence_check(v) == 0)
        return;
    const struct mm_diag *error = mm_verify_first_error(v->diags, first);
    mm_outcome_set(&v->report->checks[MM_CHECK_SET], MM_RESULT_FAIL, "evidence: %s",
                   error ? error->text : "is not as stated");
}

static int check_only(struct mm_verification *v)
{
    int result = 0;
    for (size_t i = 0; i < v->options->only_count; i++) {
        bool named = false;
        for (size_t k = 0; k < v->report->count; k++)
            named = named || strcmp(v->report->artifacts[k].claim.path, v->options->only[i]) == 0;
        if (!named)
            result = mm_diag(v->diags, MM_RULE_SET_ONLY, "expected an artifact of the manifest, found '%s'",
                             v->options->only[i]);
    }
    return result;
}

static int verify_manifest(struct mm_verification *v)
{
    check_manifest(v);
    check_signature(v);
    check_expiry(v);
    return check_policy(v);
}

int mm_verify_manifest(const struct mm_manifest *manifest, const struct mm_verify_options *options,
                       struct mm_report *report, struct mm_diags *diags)
{
    struct mm_verification v = {.manifest = manifest, .root = -1, .options = options, .report = report, .diags = diags};
    int result = mm_report_init(report, manifest, diags);
    if (result == 0)
        result = verify_manifest(&v);
    return result == 0 && !mm_report_is_whole(report) ? mm_diag_memory(diags) : result;
}

static int verify_all(struct mm_verification *v)
{
    const char *manifest_name = v->diags->file;
    if (verify_manifest(v) < 0)
        return -1;
    if (mm_verify_files(v) < 0)
        return -1;
    for (size_t i = 0; i < v->report->count; i++)
        check_digests(v, i);
    check_facts(v, manifest_name);
    v->diags->file = manifest_name;
    check_set(v);
    check_evidence(v);
    return 0;
}

int mm_verify(const struct mm_manifest *manifest, int root, const struct mm_verify_options *options,
              struct mm_report *report, struct mm_diags *diags)
{
    struct mm_verification v = {.manifest = manifest,
                                .root = root,
                                .options = options,
                                .report = report,
                                .diags = diags,
                                .bad_ranges = options->bad_ranges};
    if (mm_report_init(report, manifest, diags) < 0)
        return -1;
    v.artifacts = calloc(report->count ? report->count : 1, sizeof *v.artifacts);
    v.members = calloc(report->count ? report->count : 1, sizeof *v.members);
    int result = v.artifacts && v.members ? check_only(&v) : mm_diag_memory(diags);
    if (result == 0)
        result = mm_verify_evidence_begin(&v);
    if (result == 0)
        result = verify_all(&v);
    if (result == 0 && !mm_report_is_whole(report))
        result = mm_diag_memory(diags);
    for (size_t i = 0; v.artifacts && i < report->count; i++)
        mm_artifact_release(&v.artifacts[i]);
    free(v.artifacts);
    free(v.members);
    free(v.evidence);
    return result;
}
