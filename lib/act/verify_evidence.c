/* Evidence of infer-check that a manifest names: whether it is about this model, and says what the manifest says of it (docs/formats/evidence.md). */
#include <stdlib.h>
#include <string.h>

#include "act/verify_parts.h"
#include "doc/evidence.h"
#include "text/line.h"

struct mm_verified_evidence {
    bool wanted, sound; /* a line of the manifest leads to the artifact; it was read, and is evidence */
    char model_id[MM_EVIDENCE_MODEL_ID + 1];
    unsigned char artifact_sha256[MM_HASH_BYTES];
    enum mm_evidence_verdict verdict;
};

/* A line `evidence: infer-check STATUS SHA256 ROUTE`, in parts. */
struct line {
    const struct mm_entry *entry;
    const char *status, *sha256, *route;
    size_t status_length, sha256_length, route_length;
};

/* The part of a sound value from AT on, up to a space or the end. */
static size_t part(const struct mm_entry *entry, size_t at)
{
    const char *space = memchr(entry->value + at, ' ', entry->value_length - at);
    return space ? (size_t)(space - entry->value) - at : entry->value_length - at;
}

/* Fills LINE. Returns false where ENTRY is something else. */
static bool take(const struct mm_entry *entry, struct line *line)
{
    static const char kind[] = "infer-check ";
    size_t at = sizeof kind - 1;
    if (entry->field != MM_FIELD_EVIDENCE || !entry->sound || entry->value_length < at ||
        memcmp(entry->value, kind, at) != 0)
        return false;
    line->entry = entry;
    line->status = entry->value + at;
    line->status_length = part(entry, at);
    at += line->status_length + 1;
    line->sha256 = entry->value + at;
    line->sha256_length = part(entry, at);
    at += line->sha256_length + 1;
    line->route = entry->value + at;
    line->route_length = entry->value_length - at;
    return true;
}

/* The artifact that LINE leads to, or the number of artifacts. */
static size_t artifact_of(const struct mm_report *report, const struct line *line)
{
    size_t which = 0;
    for (; which < report->count; which++) {
        const char *path = report->artifacts[which].claim.path;
        if (strlen(path) == line->route_length && memcmp(path, line->route, line->route_length) == 0)
            break;
    }
    return which;
}

int mm_verify_evidence_begin(struct mm_verification *v)
{
    size_t count = v->report->count;
    v->evidence = calloc(count ? count : 1, sizeof *v->evidence);
    if (!v->evidence)
        return mm_diag_memory(v->diags);
    for (size_t i = 0; i < v->manifest->count; i++) {
        struct line line;
        size_t which = take(&v->manifest->entries[i], &line) ? artifact_of(v->report, &line) : count;
        if (which < count)
            v->evidence[which].wanted = true;
    }
    return 0;
}

bool mm_verify_evidence_wanted(const struct mm_verification *v, size_t which)
{
    return v->evidence[which].wanted;
}

void mm_verify_evidence_read(struct mm_verification *v, size_t which, const struct mm_buf *text)
{
    struct mm_verified_evidence *found = &v->evidence[which];
    struct mm_evidence evidence;
    if (text->failed) {
        mm_diag_memory(v->diags);
        return;
    }
    found->sound = mm_evidence_read(&evidence, text->data ? text->data : "", text->length, v->diags) == 0;
    memcpy(found->model_id, evidence.model_id, sizeof found->model_id);
    memcpy(found->artifact_sha256, evidence.artifact_sha256, MM_HASH_BYTES);
    found->verdict = evidence.verdict;
    mm_evidence_release(&evidence);
}

static bool is_of_an_artifact(const struct mm_report *report, const unsigned char *sha256)
{
    for (size_t i = 0; i < report->count; i++)
        if (memcmp(report->artifacts[i].claim.chunks.sha256, sha256, MM_HASH_BYTES) == 0)
            return true;
    return false;
}

/* `recorded` says what the model answered and that every number was finite: the publisher may call that a pass, or leave it open. */
static bool agrees(enum mm_evidence_verdict verdict, const char *status, size_t length)
{
    bool pending = length == 7, pass = !pending && memcmp(status, "pass", 4) == 0;
    if (verdict == MM_EVIDENCE_RECORDED)
        return pass || pending;
    return !pending && pass == (verdict == MM_EVIDENCE_PASS);
}

static int wrong(struct mm_verification *v, const struct line *line, const char *at, const char *expected,
                 const char *found)
{
    return mm_diag_line(v->diags, MM_RULE_VERIFY_EVIDENCE, line->entry->line,
                        line->entry->key_length + 3 + (uint64_t)(at - line->entry->value), "expected %s, found %s",
                        expected, found);
}

/* What LINE says of artifact WHICH, which was read. */
static int check(struct mm_verification *v, const struct line *line, size_t which)
{
    const struct mm_verified_evidence *evidence = &v->evidence[which];
    char id[MM_VALUE_MAX + 1], hex[MM_HASH_HEX + 1];
    mm_hex(hex, v->report->artifacts[which].claim.chunks.sha256, MM_HASH_BYTES);
    if (line->sha256_length == MM_HASH_HEX && memcmp(line->sha256, hex, MM_HASH_HEX) != 0)
        return wrong(v, line, line->sha256, "the SHA-256 of the artifact that is named", "another one");
    if (!evidence->sound)
        return 0; /* it has findings of its own, or was not read */
    mm_manifest_text(v->manifest, 0, MM_FIELD_MODEL_ID, id);
    if (strcmp(evidence->model_id, id) != 0)
        return wrong(v, line, line->route, "evidence of this model", evidence->model_id);
    if (!is_of_an_artifact(v->report, evidence->artifact_sha256))
        return wrong(v, line, line->route, "evidence of one of the artifacts", "that of a file with another SHA-256");
    if (!agrees(evidence->verdict, line->status, line->status_length))
        return wrong(v, line, line->status, "a status that agrees with the verdict of the evidence",
                     mm_evidence_verdict_names[evidence->verdict]);
    return 0;
}

int mm_verify_evidence_check(struct mm_verification *v)
{
    int result = 0;
    for (size_t i = 0; i < v->manifest->count; i++) {
        struct line line;
        if (!take(&v->manifest->entries[i], &line))
            continue;
        size_t which = artifact_of(v->report, &line);
        if (which < v->report->count && check(v, &line, which) < 0)
            result = -1;
    }
    return result;
}
