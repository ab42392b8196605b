#include "act/obey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/obey_parts.h"
#include "base/checked.h"
#include "text/line.h"
#include "text/spdx.h"

#define DAY 86400 /* seconds */

/* ---- what a rule says ---- */

static int add_rule(struct mm_obey *o, enum mm_result result, const char *detail)
{
    struct mm_trusted *trusted = o->trusted;
    struct mm_obeyed *rules = mm_realloc_array(trusted->rules, trusted->rule_count + 1, sizeof *rules);
    if (!rules)
        return mm_diag_memory(o->diags);
    trusted->rules = rules;
    struct mm_obeyed *rule = &rules[trusted->rule_count++];
    rule->result = result;
    snprintf(rule->detail, sizeof rule->detail, "%s", detail);
    return 0;
}

int mm_obey_add(struct mm_obey *o, enum mm_policy_key key, enum mm_result result, const struct mm_entry *entry,
                const char *expected, const char *found)
{
    char want[MM_SHOWN], have[MM_SHOWN], policy[MM_SHOWN], detail[sizeof((struct mm_obeyed *)0)->detail];
    const char *rule = mm_policy_keys[key], *name = mm_policy_name(o->policy);
    mm_show(want, expected, strlen(expected));
    mm_show(have, found, strlen(found));
    mm_show(policy, name, strlen(name));
    if (result == MM_RESULT_PASS)
        snprintf(detail, sizeof detail, "%s %s; policy %s", rule, have, policy);
    else if (result == MM_RESULT_SKIP)
        snprintf(detail, sizeof detail, "none: %s %s; policy %s", rule, have, policy);
    else
        snprintf(detail, sizeof detail, "%s expected %s, found %s; policy %s", rule, want, have, policy);
    if (result == MM_RESULT_FAIL)
        mm_diag_line(o->diags, MM_RULE_POLICY_RULE, entry ? entry->line : 0, entry ? entry->key_length + 3 : 0,
                     "expected %s %s, found %s; policy %s", rule, want, have, policy);
    return add_rule(o, result, detail);
}

/* The values of KEY's lines as people list them, "A, B or C"; not all, where they are many. */
static void list_values(const struct mm_obey *o, enum mm_policy_key key, struct mm_buf *out)
{
    size_t first = o->policy->first[key], count = o->policy->counts[key];
    for (size_t i = 0; i < count && out->length < MM_SHOWN; i++)
        mm_buf_printf(out, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", o->policy->lines[first + i].value);
}

static uint64_t number_of(const struct mm_obey *o, enum mm_policy_key key)
{
    return o->policy->lines[o->policy->first[key]].number;
}

/* Passes if OBEYED; otherwise one of KEY's values is expected. */
static int add_listed(struct mm_obey *o, enum mm_policy_key key, bool obeyed, const struct mm_entry *entry,
                      const char *found)
{
    struct mm_buf expected = {0};
    list_values(o, key, &expected);
    const char *text = mm_buf_text(&expected);
    int result = text ? mm_obey_add(o, key, obeyed ? MM_RESULT_PASS : MM_RESULT_FAIL, entry, text, found)
                      : mm_diag_memory(o->diags);
    mm_buf_release(&expected);
    return result;
}

/* The manifest's FIELD is one of KEY's values. */
static int judge_field(struct mm_obey *o, enum mm_policy_key key, enum mm_field field)
{
    char text[MM_VALUE_MAX + 1];
    const struct mm_entry *entry = mm_manifest_get(o->manifest, 0, field);
    mm_manifest_text(o->manifest, 0, field, text);
    return add_listed(o, key, mm_policy_find(o->policy, key, text, strlen(text)), entry, text);
}

/* ---- the signature ---- */

/* Verified is what the judgement calls so; where that is open, only an unsigned manifest is known not to be. */
static enum mm_result verified(const struct mm_obey *o)
{
    const struct mm_judgement *signature = &o->trusted->signature;
    if (signature->undecided && signature->outcome != MM_SIGNED_UNSIGNED)
        return MM_RESULT_SKIP;
    return signature->outcome == MM_SIGNED_VERIFIED ? MM_RESULT_PASS : MM_RESULT_FAIL;
}

/* A verified manifest was verified with the key that it names, so that one of another key fails in every case. */
static int judge_key(struct mm_obey *o)
{
    char text[MM_VALUE_MAX + 1], found[MM_SHOWN];
    const struct mm_entry *entry = mm_manifest_get(o->manifest, 0, MM_FIELD_KEY_ID);
    mm_manifest_text(o->manifest, 0, MM_FIELD_KEY_ID, text);
    bool listed = mm_policy_find(o->policy, MM_POLICY_KEY, text, strlen(text));
    enum mm_result result = listed ? verified(o) : MM_RESULT_FAIL;
    const char *word = mm_signed_words[o->trusted->signature.outcome];
    if (result == MM_RESULT_SKIP)
        return mm_obey_add(o, MM_POLICY_KEY, result, entry, "", "cannot be decided: the signature is open");
    if (listed && result == MM_RESULT_FAIL)
        snprintf(found, sizeof found, "%s, %s", text, word);
    else
        snprintf(found, sizeof found, "%.16s", text);
    return add_listed(o, MM_POLICY_KEY, result == MM_RESULT_PASS, entry, found);
}

static int judge_signature(struct mm_obey *o)
{
    enum mm_result result = verified(o);
    return mm_obey_add(o, MM_POLICY_SIGNATURE, result, mm_manifest_get(o->manifest, 0, MM_FIELD_SIGNATURE_SCHEME),
                       "verified",
                       result == MM_RESULT_SKIP ? "cannot be decided: the signature is open"
                                                : mm_signed_words[o->trusted->signature.outcome]);
}

/* ---- what the manifest says of the model ---- */

static bool license_allowed(void *context, const char *text, size_t length)
{
    const struct mm_obey *o = context;
    return mm_policy_find(o->policy, MM_POLICY_LICENSE, text, length);
}

static int judge_license(struct mm_obey *o)
{
    char text[MM_VALUE_MAX + 1];
    const struct mm_entry *entry = mm_manifest_get(o->manifest, 0, MM_FIELD_LICENSE);
    mm_manifest_text(o->manifest, 0, MM_FIELD_LICENSE, text);
    return add_listed(o, MM_POLICY_LICENSE, mm_spdx_met(text, strlen(text), license_allowed, o), entry, text);
}

static int judge_formats(struct mm_obey *o)
{
    char found[sizeof((struct mm_claim *)0)->path + 32] = "";
    const struct mm_entry *wrong = NULL;
    size_t files = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(o->manifest) && !wrong; group++) {
        struct mm_claim claim;
        mm_manifest_claim(o->manifest, group, &claim);
        const char *format = mm_format_names[claim.format];
        if (claim.role != MM_ROLE_WEIGHTS && claim.role != MM_ROLE_ADAPTER)
            continue;
        files++;
        if (mm_policy_find(o->policy, MM_POLICY_FORMAT, format, strlen(format)))
            continue;
        wrong = mm_manifest_get(o->manifest, group, MM_FIELD_ARTIFACT_FORMAT);
        snprintf(found, sizeof found, "%s of %s", format, claim.path);
    }
    if (!wrong)
        snprintf(found, sizeof found, "of %zu file%s", files, files == 1 ? "" : "s");
    return add_listed(o, MM_POLICY_FORMAT, !wrong, wrong, found);
}

static int add_limit(struct mm_obey *o, enum mm_policy_key key, bool obeyed, const struct mm_entry *entry,
                     const char *unit, const char *found)
{
    char expected[64];
    snprintf(expected, sizeof expected, "at most %" PRIu64 "%s", number_of(o, key), unit);
    return mm_obey_add(o, key, obeyed ? MM_RESULT_PASS : MM_RESULT_FAIL, entry, expected, found);
}

/* All artifacts together: a valid manifest's sum is below 2^63. */
static int judge_bytes(struct mm_obey *o)
{
    uint64_t sum = 0;
    char found[32];
    bool whole = true;
    for (size_t group = 1; group <= mm_manifest_artifacts(o->manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(o->manifest, group, &claim);
        whole = whole && mm_add(sum, claim.chunks.bytes, &sum);
    }
    snprintf(found, sizeof found, "%" PRIu64, sum);
    return add_limit(o, MM_POLICY_MAX_BYTES, whole && sum <= number_of(o, MM_POLICY_MAX_BYTES), NULL, "", found);
}

static int judge_artifact_bytes(struct mm_obey *o)
{
    const struct mm_entry *entry = NULL;
    char found[sizeof((struct mm_claim *)0)->path + 32] = "";
    uint64_t largest = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(o->manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(o->manifest, group, &claim);
        if (entry && claim.chunks.bytes <= largest)
            continue;
        largest = claim.chunks.bytes;
        entry = mm_manifest_get(o->manifest, group, MM_FIELD_ARTIFACT_BYTES);
        snprintf(found, sizeof found, "%" PRIu64 " of %s", largest, claim.path);
    }
    return add_limit(o, MM_POLICY_MAX_ARTIFACT_BYTES, largest <= number_of(o, MM_POLICY_MAX_ARTIFACT_BYTES), entry, "",
                     found);
}

/* What a manifest says of one kind of evidence, in all its lines. */
struct evidence {
    bool pass, fail;
};

/* Fills FOUND, one for each evidence line of the policy. */
static void find_evidence(const struct mm_obey *o, struct evidence *found)
{
    const struct mm_group *model = &o->manifest->groups[0];
    for (size_t i = model->first; i < model->first + model->count; i++) {
        const struct mm_entry *entry = &o->manifest->entries[i];
        const char *space = entry->field == MM_FIELD_EVIDENCE ? memchr(entry->value, ' ', entry->value_length) : NULL;
        size_t kind = space ? (size_t)(space - entry->value) : 0;
        const struct mm_policy_line *line =
            space ? mm_policy_find(o->policy, MM_POLICY_EVIDENCE, entry->value, kind) : NULL;
        if (!line || entry->value_length - kind < 6)
            continue;
        struct evidence *evidence = &found[line - o->policy->lines - o->policy->first[MM_POLICY_EVIDENCE]];
        evidence->pass = evidence->pass || memcmp(space, " pass ", 6) == 0;
        evidence->fail = evidence->fail || memcmp(space, " fail ", 6) == 0;
    }
}

static int judge_evidence(struct mm_obey *o)
{
    size_t first = o->policy->first[MM_POLICY_EVIDENCE], count = o->policy->counts[MM_POLICY_EVIDENCE], lacking = 0;
    struct mm_buf all = {0}, without = {0};
    struct evidence *found = calloc(count, sizeof *found);
    if (!found)
        return mm_diag_memory(o->diags);
    find_evidence(o, found);
    for (size_t i = 0; i < count; i++) {
        bool has = found[i].pass && !found[i].fail;
        struct mm_buf *list = has ? &all : &without;
        lacking += !has;
        if (list->length < MM_SHOWN)
            mm_buf_printf(list, "%s%s", list->length ? ", " : "", o->policy->lines[first + i].value);
    }
    free(found);
    int result = all.failed || without.failed
                     ? mm_diag_memory(o->diags)
                     : mm_obey_add(o, MM_POLICY_EVIDENCE, lacking ? MM_RESULT_FAIL : MM_RESULT_PASS, NULL,
                                   mm_buf_text(&without), lacking ? "no pass for it, or a fail" : mm_buf_text(&all));
    mm_buf_release(&all);
    mm_buf_release(&without);
    return result;
}

/* A manifest of the future is of no known age. */
static int judge_age(struct mm_obey *o)
{
    char created[MM_VALUE_MAX + 1], found[96];
    const struct mm_entry *entry = mm_manifest_get(o->manifest, 0, MM_FIELD_CREATED);
    mm_manifest_text(o->manifest, 0, MM_FIELD_CREATED, created);
    int64_t age = mm_time_seconds(o->trusted->now) - mm_time_seconds(created);
    uint64_t limit;
    bool unlimited = !mm_mul(number_of(o, MM_POLICY_MAX_AGE_DAYS), DAY, &limit);
    snprintf(found, sizeof found, "created %.20s, now is %s", created, o->trusted->now);
    return add_limit(o, MM_POLICY_MAX_AGE_DAYS, age >= 0 && (unlimited || (uint64_t)age <= limit), entry, " days",
                     found);
}

/* ---- all rules ---- */

static int judge(struct mm_obey *o, enum mm_policy_key key)
{
    switch (key) {
    case MM_POLICY_PUBLISHER: return judge_field(o, key, MM_FIELD_PUBLISHER_ID);
    case MM_POLICY_KEY: return judge_key(o);
    case MM_POLICY_SIGNATURE: return judge_signature(o);
    case MM_POLICY_COUNTERSIGNATURES: return mm_obey_countersignatures(o);
    case MM_POLICY_LICENSE: return judge_license(o);
    case MM_POLICY_FORMAT: return judge_formats(o);
    case MM_POLICY_LANE: return judge_field(o, key, MM_FIELD_SOURCE_LANE);
    case MM_POLICY_MAX_BYTES: return judge_bytes(o);
    case MM_POLICY_MAX_ARTIFACT_BYTES: return judge_artifact_bytes(o);
    case MM_POLICY_EVIDENCE: return judge_evidence(o);
    case MM_POLICY_MAX_AGE_DAYS: return judge_age(o);
    default: return 0; /* the policy's name; countersigners, with their number */
    }
}

int mm_obey(struct mm_trusted *trusted, const struct mm_policy *policy, const struct mm_manifest *manifest,
            const struct mm_signatures *signatures, const struct mm_keyring *keyring, struct mm_diags *diags)
{
    struct mm_obey o = {trusted, policy, manifest, signatures, keyring, diags};
    if (!trusted->counted && !(trusted->counted = calloc(signatures->other_count + 1, sizeof *trusted->counted)))
        return mm_diag_memory(diags);
    for (int key = 0; key < MM_POLICY_KEY_COUNT; key++)
        if (policy->counts[key] > 0 && judge(&o, key) < 0)
            return -1;
    return 0;
}
