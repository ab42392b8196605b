#include "act/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "model/set.h"
#include "text/line.h"
#include "text/route.h"

#define NAMED_CHUNKS 16 /* wrong chunks that a report names (receipts.md) */
#define NAMED_SURPLUS 16

static const char behind[] = "; the clock is behind the newest receipt";

struct verify {
    const struct mm_manifest *manifest;
    int root;
    const struct mm_verify_options *options;
    struct mm_report *report;
    struct mm_diags *diags;
    struct mm_artifact *artifacts;
    struct mm_member *members;
    uint64_t done, total; /* bytes, for progress */
};

static struct mm_outcome *outcome_of(struct verify *v, size_t which, enum mm_check check)
{
    return &v->report->artifacts[which].checks[check];
}

/* ---- the manifest as a whole ---- */

static void check_manifest(struct verify *v)
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

static void check_signature(struct verify *v)
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

static void check_expiry(struct verify *v)
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
static int check_policy(struct verify *v)
{
    const struct mm_trusted *trusted = v->options->trusted;
    int result = 0;
    mm_outcome_set(&v->report->checks[MM_CHECK_POLICY], MM_RESULT_SKIP, "none");
    for (size_t i = 0; i < trusted->rule_count && result == 0; i++)
        result = mm_report_add_policy(v->report, trusted->rules[i].result, trusted->rules[i].detail, v->diags);
    return result;
}

/* ---- chunk lists ---- */

struct listed {
    struct mm_chunk_list list;
    bool usable; /* its root is the manifest's: it may name wrong chunks */
};

static bool same_facts(const struct mm_chunk_facts *a, const struct mm_chunk_facts *b)
{
    return a->bytes == b->bytes && a->size == b->size && a->count == b->count &&
           memcmp(a->root, b->root, MM_HASH_BYTES) == 0 && memcmp(a->sha256, b->sha256, MM_HASH_BYTES) == 0;
}

/* Judges a list that the manifest names and that was read. */
static void check_list(struct verify *v, size_t which, const struct mm_claim *claim, struct listed *listed, bool sound)
{
    struct mm_outcome *outcome = outcome_of(v, which, MM_CHECK_CHUNK_LIST);
    if (memcmp(listed->list.file_sha256, claim->chunk_list.bytes, MM_HASH_BYTES) != 0) {
        mm_outcome_set(outcome, MM_RESULT_FAIL, "its SHA-256 is not the stated one");
        mm_diag(v->diags, MM_RULE_VERIFY_CHUNK_LIST, "expected the stated SHA-256, found another");
    } else if (!sound || !same_facts(&listed->list.facts, &claim->chunks)) {
        mm_outcome_set(outcome, MM_RESULT_FAIL, "it is not a list of this artifact");
        mm_diag(v->diags, MM_RULE_VERIFY_CHUNK_LIST, "expected the chunk list of %s, found something else",
                claim->path);
    } else {
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
    }
}

/* Reads the list behind FD; one that is judged has its findings in v->diags. One that could not be read is neither right nor wrong. */
static void read_open_list(struct verify *v, size_t which, const struct mm_claim *claim, struct listed *listed, int fd,
                           struct mm_diags *diags)
{
    bool no = diags->no;
    diags->no = false;
    int read = mm_chunk_list_read(&listed->list, fd, claim->chunks.count, diags);
    bool known = read == 0 || diags->no;
    diags->no = diags->no || no;
    listed->usable = read == 0 && same_facts(&listed->list.facts, &claim->chunks);
    if (diags != v->diags)
        return;
    if (known)
        check_list(v, which, claim, listed, read == 0);
    else
        mm_outcome_set(outcome_of(v, which, MM_CHECK_CHUNK_LIST), MM_RESULT_SKIP, "none: the list cannot be read");
}

/* Opens the list PATH with one of the two endings and judges it if STATED. Returns false if it is not there. */
static bool read_list_at(struct verify *v, size_t which, struct listed *listed, bool compressed, bool stated)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    struct mm_diags ignored;
    char path[sizeof claim->path + 16];
    snprintf(path, sizeof path, "%s.chunks%s", claim->path, compressed ? ".gz" : "");
    int fd = mm_file_open_beneath(v->root, path, v->options->links);
    bool there = fd >= 0 || (errno != ENOENT && errno != ENOTDIR);
    mm_diags_init(&ignored);
    v->diags->file = path;
    if (fd >= 0) {
        read_open_list(v, which, claim, listed, fd, stated ? v->diags : &ignored);
        close(fd);
    } else if (stated && there) {
        mm_diag_errno(v->diags, MM_RULE_IO_OPEN, "cannot open the chunk list", errno);
        mm_outcome_set(outcome_of(v, which, MM_CHECK_CHUNK_LIST), MM_RESULT_SKIP, "none: the list cannot be opened");
    }
    mm_diags_release(&ignored);
    return there;
}

/* A list beside the artifact serves to name wrong chunks whether the manifest names it or not: its root proves it. Only
 * the one that the manifest names is judged. */
static void read_list(struct verify *v, size_t which, struct listed *listed)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    const char *shown = v->diags->file;
    bool stated = claim->chunk_list.known, compressed = mm_claim_list_ends_in(claim, ".gz");
    mm_outcome_set(outcome_of(v, which, MM_CHECK_CHUNK_LIST), MM_RESULT_SKIP,
                   stated ? "none: the list is not here" : "none: the manifest names none");
    if (!read_list_at(v, which, listed, compressed, stated))
        read_list_at(v, which, listed, !compressed, false);
    if (v->options->implied && !stated && !listed->usable) {
        mm_chunk_list_release(&listed->list);
        listed->usable = mm_chunk_list_imply(&listed->list, &claim->chunks);
    }
    v->diags->file = shown;
}

/* ---- one artifact ---- */

static void skip_all(struct verify *v, size_t which, const char *reason)
{
    for (int check = MM_CHECK_FIRST_OF_ARTIFACT; check < MM_CHECK_COUNT; check++)
        mm_outcome_set(outcome_of(v, which, check), MM_RESULT_SKIP, "%s", reason);
}

/* The artifact could not be opened: absent or no regular file is a no, anything else a don't-know. */
static void not_opened(struct verify *v, size_t which, int error)
{
    const char *found = error == ENOENT || error == ENOTDIR ? "nothing there"
                        : error == EXDEV || error == ELOOP  ? "a link that leads out of the folder"
                        : error == EISDIR || error == ENXIO ? "no regular file"
                                                            : NULL;
    skip_all(v, which, found ? "none: there is no such file" : "none: the file cannot be read");
    if (!found) {
        mm_diag_errno(v->diags, MM_RULE_IO_OPEN, "cannot open", error);
        return;
    }
    mm_outcome_set(outcome_of(v, which, MM_CHECK_BYTES), MM_RESULT_FAIL, "absent: %s", found);
    mm_diag(v->diags, MM_RULE_VERIFY_ABSENT, "expected the artifact, found %s", found);
}

static void check_bytes(struct verify *v, size_t which, const struct mm_chunk_facts *stated,
                        const struct mm_chunk_facts *found)
{
    if (found->bytes == stated->bytes) {
        mm_outcome_set(outcome_of(v, which, MM_CHECK_BYTES), MM_RESULT_PASS, NULL);
        return;
    }
    const char *how = found->bytes < stated->bytes ? "truncated" : "longer";
    mm_outcome_set(outcome_of(v, which, MM_CHECK_BYTES), MM_RESULT_FAIL, "%s: expected %" PRIu64 ", found %" PRIu64,
                   how, stated->bytes, found->bytes);
    mm_diag_offset(v->diags, MM_RULE_VERIFY_BYTES, found->bytes < stated->bytes ? found->bytes : stated->bytes,
                   "expected %" PRIu64 " bytes, found %" PRIu64 ": the file is %s", stated->bytes, found->bytes, how);
}

static void check_sha256(struct verify *v, size_t which, const struct mm_chunk_facts *stated,
                         const struct mm_chunk_facts *found)
{
    struct mm_outcome *outcome = outcome_of(v, which, MM_CHECK_SHA256);
    char hex[MM_HASH_HEX + 1];
    if (!found->has_sha256) {
        mm_outcome_set(outcome, MM_RESULT_SKIP, "quick");
    } else if (memcmp(found->sha256, stated->sha256, MM_HASH_BYTES) == 0) {
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
    } else {
        mm_hex(hex, found->sha256, MM_HASH_BYTES);
        mm_outcome_set(outcome, MM_RESULT_FAIL, "found %s", hex);
        mm_diag(v->diags, MM_RULE_VERIFY_SHA256, "expected the stated SHA-256, found %s", hex);
    }
}

/* "chunk 3 bytes 3145728-4194303, chunk 7 ..." */
static void name_chunks(struct verify *v, const struct mm_chunk_compare *compare, struct mm_buf *names)
{
    for (size_t i = 0; i < compare->bad_count && i < NAMED_CHUNKS; i++) {
        const struct mm_bad_range *bad = &compare->bad[i];
        mm_buf_printf(names, "%schunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64, i ? ", " : "", bad->index, bad->offset,
                      bad->offset + bad->bytes - 1);
        mm_diag_offset(v->diags, MM_RULE_VERIFY_MERKLE, bad->offset,
                       "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " is not the stated one", bad->index, bad->offset,
                       bad->offset + bad->bytes - 1);
    }
    if (compare->bad_count > NAMED_CHUNKS)
        mm_buf_printf(names, ", %zu wrong chunks in all", compare->bad_count);
}

static void check_merkle(struct verify *v, size_t which, const struct mm_artifact_report *artifact,
                         const struct mm_chunk_facts *found, const struct mm_chunk_compare *compare)
{
    struct mm_outcome *outcome = outcome_of(v, which, MM_CHECK_MERKLE);
    struct mm_buf names = {0};
    if (memcmp(found->root, artifact->claim.chunks.root, MM_HASH_BYTES) == 0) {
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
        return;
    }
    if (compare)
        name_chunks(v, compare, &names);
    if (names.length && !names.failed) {
        mm_outcome_set(outcome, MM_RESULT_FAIL, "%s", names.data);
    } else {
        mm_outcome_set(outcome, MM_RESULT_FAIL,
                       compare ? "every listed chunk is there, and more bytes behind them"
                               : "another root; without a chunk list no chunk can be named");
        mm_diag(v->diags, MM_RULE_VERIFY_MERKLE, "expected the stated Merkle root, found another");
    }
    mm_buf_release(&names);
}

/* The first error among the findings since FIRST, for the report. */
static const struct mm_diag *first_error(const struct mm_diags *diags, size_t first)
{
    for (size_t i = first; i < diags->count; i++)
        if (diags->items[i].severity == MM_ERROR)
            return &diags->items[i];
    return NULL;
}

static void check_format(struct verify *v, size_t which, const struct mm_artifact *artifact, size_t first_diag)
{
    struct mm_outcome *outcome = outcome_of(v, which, MM_CHECK_FORMAT);
    if (artifact->valid) {
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
        return;
    }
    const struct mm_diag *error = first_error(v->diags, first_diag);
    enum mm_result result = artifact->unsupported ? MM_RESULT_SKIP : MM_RESULT_FAIL;
    const char *prefix = artifact->unsupported ? "unsupported: " : "";
    if (error)
        mm_outcome_set(outcome, result, "%s%s [%s]", prefix, error->text, mm_rule_info(error->rule)->name);
    else
        mm_outcome_set(outcome, result, "%snot valid", prefix);
}

static void advance(void *context, uint64_t done, uint64_t total)
{
    struct verify *v = context;
    (void)total;
    v->options->progress(v->options->progress_context, v->done + done, v->total);
}

static void judge(struct verify *v, size_t which, const struct mm_artifact *artifact, struct mm_chunk_compare *compare,
                  size_t first_diag)
{
    const struct mm_artifact_report *report = &v->report->artifacts[which];
    check_format(v, which, artifact, first_diag);
    check_bytes(v, which, &report->claim.chunks, &artifact->chunks);
    check_sha256(v, which, &report->claim.chunks, &artifact->chunks);
    check_merkle(v, which, report, &artifact->chunks, compare);
    if (compare && v->options->bad_ranges)
        mm_bad_ranges_write(compare, report->claim.path, v->options->bad_ranges);
}

/* Who hears of each chunk: the list that names wrong ones, and the supply. */
struct hearing {
    struct mm_chunk_compare *compare;
    const struct mm_verify_supply *supply;
};

static void hear(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    const struct hearing *hearing = context;
    if (hearing->compare)
        mm_chunk_compare_add(hearing->compare, index, hash);
    if (hearing->supply && hearing->supply->each)
        hearing->supply->each(hearing->supply->context, index, hash);
}

/* Reads artifact WHICH from FD, or from the supply. */
static int read_bytes(struct verify *v, size_t which, int fd, const struct listed *listed,
                      struct mm_chunk_compare *compare)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    const struct mm_verify_supply *supply = v->options->supply;
    struct hearing hearing = {listed->usable ? compare : NULL, supply};
    struct mm_origin origin = {0};
    struct mm_artifact_options options = {
        .format = (int)claim->format,
        .chunk_size = claim->chunks.size,
        .whole = !v->options->quick,
        .origin = supply ? &origin : NULL,
        .each = hear,
        .each_context = &hearing,
        .progress = v->options->progress ? advance : NULL,
        .progress_context = v,
    };
    if (supply &&
        supply->open(supply->context, which, claim, listed->usable ? &listed->list : NULL, &origin, v->diags) < 0)
        return -1;
    int result = mm_artifact_read(fd, claim->path, &options, &v->artifacts[which], v->diags);
    if (result == 0 && listed->usable)
        result = mm_chunk_compare_finish(compare, v->diags);
    if (supply)
        supply->close(supply->context, which, listed->usable ? compare : NULL, result == 0);
    return result;
}

static void read_artifact(struct verify *v, size_t which, int fd)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    struct mm_artifact *artifact = &v->artifacts[which];
    struct listed listed = {0};
    struct mm_chunk_compare compare = {.list = &listed.list};
    read_list(v, which, &listed);
    size_t first_diag = v->diags->count;
    if (read_bytes(v, which, fd, &listed, &compare) == 0) {
        judge(v, which, artifact, listed.usable ? &compare : NULL, first_diag);
        v->members[which].artifact = artifact->valid ? artifact : NULL;
        v->members[which].sha256 = claim->chunks.sha256;
    } else {
        skip_all(v, which, "none: the file cannot be read");
    }
    mm_chunk_compare_release(&compare);
    mm_chunk_list_release(&listed.list);
}

static bool wanted(const struct verify *v, const char *path)
{
    for (size_t i = 0; i < v->options->only_count; i++)
        if (strcmp(v->options->only[i], path) == 0)
            return true;
    return v->options->only_count == 0;
}

/* The manifest fails by itself, and that is enough. */
static bool failed_early(const struct verify *v)
{
    bool failed = false;
    for (int check = 0; check < MM_CHECK_FIRST_OF_ARTIFACT; check++)
        failed = failed || v->report->checks[check].result == MM_RESULT_FAIL;
    return failed && v->options->early;
}

static void check_artifact(struct verify *v, size_t which)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    const char *shown = v->diags->file;
    v->members[which] = (struct mm_member){.path = claim->path, .role = claim->role};
    if (!wanted(v, claim->path) || failed_early(v)) {
        skip_all(v, which, wanted(v, claim->path) ? "none: the manifest fails by itself" : "only");
        return;
    }
    v->diags->file = claim->path;
    int fd = v->options->supply ? -1 : mm_file_open_beneath(v->root, claim->path, v->options->links);
    if (v->options->supply) {
        read_artifact(v, which, -1);
    } else if (fd < 0) {
        not_opened(v, which, errno);
    } else {
        read_artifact(v, which, fd);
        close(fd);
    }
    v->done += claim->chunks.bytes;
    v->diags->file = shown;
}

/* ---- what artifacts say of themselves ---- */

/* Compares a stated digest with the one computed; EMPTY_IS_NONE: the hash of nothing may stand for "holds none". */
static void check_digest(struct verify *v, size_t which, enum mm_check check, enum mm_rule rule,
                         struct mm_digest stated, struct mm_digest found, bool empty_is_none)
{
    struct mm_outcome *outcome = outcome_of(v, which, check);
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

static void check_digests(struct verify *v, size_t which)
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
        mm_outcome_set(outcome_of(v, which, MM_CHECK_TOKENIZER), MM_RESULT_SKIP, "%s",
                       v->options->only_count ? "only" : "none: the tokenizer beside it could not be read");
    check_digest(v, which, MM_CHECK_CHAT_TEMPLATE, MM_RULE_VERIFY_TEMPLATE, claim->chat_template, facts->chat_template,
                 false);
}

/* Appends "architecture: expected A, found B" where the manifest states something else than FOUND. */
static void compare_fact(struct verify *v, enum mm_field field, const char *found, struct mm_buf *wrong)
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

static void compare_facts(struct verify *v, const struct mm_set_facts *facts)
{
    char parameters[24];
    struct mm_buf wrong = {0};
    struct mm_outcome *outcome = outcome_of(v, facts->stated_by, MM_CHECK_FACTS);
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

static void check_facts(struct verify *v, const char *manifest_name)
{
    struct mm_set_facts facts;
    mm_set_facts(v->members, v->report->count, &facts);
    if (facts.failed) {
        facts.complete = false;
        mm_diag_memory(v->diags);
    }
    for (size_t i = 0; i < v->report->count; i++) {
        struct mm_outcome *outcome = outcome_of(v, i, MM_CHECK_FACTS);
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

/* PATH is PREFIX with one of two endings. */
static bool is_with(const char *path, const char *prefix, const char *ending, const char *other)
{
    size_t length = strlen(prefix);
    return strncmp(path, prefix, length) == 0 &&
           (strcmp(path + length, ending) == 0 || strcmp(path + length, other) == 0);
}

static bool is_named(const struct verify *v, const char *path)
{
    if (v->options->manifest_path &&
        (strcmp(path, v->options->manifest_path) == 0 || mm_signature_is_beside(path, v->options->manifest_path)))
        return true;
    if (v->options->signature && mm_file_is_named(v->root, path, *v->options->signature))
        return true;
    for (size_t i = 0; i < v->report->count; i++) {
        const struct mm_claim *claim = &v->report->artifacts[i].claim;
        if (strcmp(claim->path, path) == 0 ||
            (claim->chunk_list.known && is_with(path, claim->path, ".chunks", ".chunks.gz")))
            return true;
    }
    return false;
}

static void check_surplus(struct verify *v)
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

static void check_set(struct verify *v)
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
        const struct mm_diag *error = first_error(v->diags, errors);
        bool wrong = error && mm_rule_info(error->rule)->answer == MM_NO;
        mm_outcome_set(outcome, wrong ? MM_RESULT_FAIL : MM_RESULT_SKIP, "%s",
                       wrong ? error->text : "none: it could not be found out");
    }
    if ((v->options->only_count == 0 && !v->options->supply) || v->options->strict)
        check_surplus(v);
}

static int check_only(struct verify *v)
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

static int verify_manifest(struct verify *v)
{
    check_manifest(v);
    check_signature(v);
    check_expiry(v);
    return check_policy(v);
}

int mm_verify_manifest(const struct mm_manifest *manifest, const struct mm_verify_options *options,
                       struct mm_report *report, struct mm_diags *diags)
{
    struct verify v = {.manifest = manifest, .root = -1, .options = options, .report = report, .diags = diags};
    int result = mm_report_init(report, manifest, diags);
    if (result == 0)
        result = verify_manifest(&v);
    return result == 0 && !mm_report_is_whole(report) ? mm_diag_memory(diags) : result;
}

static int verify_all(struct verify *v)
{
    const char *manifest_name = v->diags->file;
    if (verify_manifest(v) < 0)
        return -1;
    for (size_t i = 0; i < v->report->count; i++)
        if (wanted(v, v->report->artifacts[i].claim.path))
            v->total += v->report->artifacts[i].claim.chunks.bytes;
    for (size_t i = 0; i < v->report->count; i++)
        check_artifact(v, i);
    for (size_t i = 0; i < v->report->count; i++)
        check_digests(v, i);
    check_facts(v, manifest_name);
    v->diags->file = manifest_name;
    check_set(v);
    return 0;
}

int mm_verify(const struct mm_manifest *manifest, int root, const struct mm_verify_options *options,
              struct mm_report *report, struct mm_diags *diags)
{
    struct verify v = {.manifest = manifest, .root = root, .options = options, .report = report, .diags = diags};
    if (mm_report_init(report, manifest, diags) < 0)
        return -1;
    v.artifacts = calloc(report->count ? report->count : 1, sizeof *v.artifacts);
    v.members = calloc(report->count ? report->count : 1, sizeof *v.members);
    int result = v.artifacts && v.members ? check_only(&v) : mm_diag_memory(diags);
    if (result == 0)
        result = verify_all(&v);
    if (result == 0 && !mm_report_is_whole(report))
        result = mm_diag_memory(diags);
    for (size_t i = 0; v.artifacts && i < report->count; i++)
        mm_artifact_release(&v.artifacts[i]);
    free(v.artifacts);
    free(v.members);
    return result;
}
