/* One artifact of a model that is verified: its chunk list, its bytes, and what is said of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/verify_parts.h"
#include "doc/evidence.h"

#define NAMED_CHUNKS 16 /* wrong chunks that a report names (receipts.md) */

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
static void check_list(struct mm_verification *v, size_t which, const struct mm_claim *claim, struct listed *listed,
                       bool sound)
{
    struct mm_outcome *outcome = mm_outcome_of(v, which, MM_CHECK_CHUNK_LIST);
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
static void read_open_list(struct mm_verification *v, size_t which, const struct mm_claim *claim, struct listed *listed,
                           int fd, struct mm_diags *diags)
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
        mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_CHUNK_LIST), MM_RESULT_SKIP, "none: the list cannot be read");
}

/* Opens the list PATH with one of the two endings and judges it if STATED. Returns false if it is not there. */
static bool read_list_at(struct mm_verification *v, size_t which, struct listed *listed, bool compressed, bool stated)
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
        mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_CHUNK_LIST), MM_RESULT_SKIP, "none: the list cannot be opened");
    }
    mm_diags_release(&ignored);
    return there;
}

/* A list beside the artifact serves to name wrong chunks whether the manifest names it or not: its root proves it. Only
 * the one that the manifest names is judged. */
static void read_list(struct mm_verification *v, size_t which, struct listed *listed)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    const char *shown = v->diags->file;
    bool stated = claim->chunk_list.known, compressed = mm_claim_list_ends_in(claim, ".gz");
    mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_CHUNK_LIST), MM_RESULT_SKIP,
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

void mm_verify_skip(struct mm_verification *v, size_t which, const char *reason)
{
    for (int check = MM_CHECK_FIRST_OF_ARTIFACT; check < MM_CHECK_COUNT; check++)
        mm_outcome_set(mm_outcome_of(v, which, check), MM_RESULT_SKIP, "%s", reason);
}

/* The artifact could not be opened: absent or no regular file is a no, anything else a don't-know. */
static void not_opened(struct mm_verification *v, size_t which, int error)
{
    const char *found = error == ENOENT || error == ENOTDIR ? "nothing there"
                        : error == EXDEV || error == ELOOP  ? "a link that leads out of the folder"
                        : error == EISDIR || error == ENXIO ? "no regular file"
                                                            : NULL;
    mm_verify_skip(v, which, found ? "none: there is no such file" : "none: the file cannot be read");
    if (!found) {
        mm_diag_errno(v->diags, MM_RULE_IO_OPEN, "cannot open", error);
        return;
    }
    mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_BYTES), MM_RESULT_FAIL, "absent: %s", found);
    mm_diag(v->diags, MM_RULE_VERIFY_ABSENT, "expected the artifact, found %s", found);
}

static void check_bytes(struct mm_verification *v, size_t which, const struct mm_chunk_facts *stated,
                        const struct mm_chunk_facts *found)
{
    if (found->bytes == stated->bytes) {
        mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_BYTES), MM_RESULT_PASS, NULL);
        return;
    }
    const char *how = found->bytes < stated->bytes ? "truncated" : "longer";
    mm_outcome_set(mm_outcome_of(v, which, MM_CHECK_BYTES), MM_RESULT_FAIL, "%s: expected %" PRIu64 ", found %" PRIu64,
                   how, stated->bytes, found->bytes);
    mm_diag_offset(v->diags, MM_RULE_VERIFY_BYTES, found->bytes < stated->bytes ? found->bytes : stated->bytes,
                   "expected %" PRIu64 " bytes, found %" PRIu64 ": the file is %s", stated->bytes, found->bytes, how);
}

static void check_sha256(struct mm_verification *v, size_t which, const struct mm_chunk_facts *stated,
                         const struct mm_chunk_facts *found)
{
    struct mm_outcome *outcome = mm_outcome_of(v, which, MM_CHECK_SHA256);
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
static void name_chunks(struct mm_verification *v, const struct mm_chunk_compare *compare, struct mm_buf *names)
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

static void check_merkle(struct mm_verification *v, size_t which, const struct mm_artifact_report *artifact,
                         const struct mm_chunk_facts *found, const struct mm_chunk_compare *compare)
{
    struct mm_outcome *outcome = mm_outcome_of(v, which, MM_CHECK_MERKLE);
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

static void check_format(struct mm_verification *v, size_t which, const struct mm_artifact *artifact, size_t first_diag)
{
    struct mm_outcome *outcome = mm_outcome_of(v, which, MM_CHECK_FORMAT);
    if (artifact->valid) {
        mm_outcome_set(outcome, MM_RESULT_PASS, NULL);
        return;
    }
    const struct mm_diag *error = mm_verify_first_error(v->diags, first_diag);
    enum mm_result result = artifact->unsupported ? MM_RESULT_SKIP : MM_RESULT_FAIL;
    const char *prefix = artifact->unsupported ? "unsupported: " : "";
    if (error)
        mm_outcome_set(outcome, result, "%s%s [%s]", prefix, error->text, mm_rule_info(error->rule)->name);
    else
        mm_outcome_set(outcome, result, "%snot valid", prefix);
}

static void judge(struct mm_verification *v, size_t which, const struct mm_artifact *artifact,
                  struct mm_chunk_compare *compare, size_t first_diag)
{
    const struct mm_artifact_report *report = &v->report->artifacts[which];
    check_format(v, which, artifact, first_diag);
    check_bytes(v, which, &report->claim.chunks, &artifact->chunks);
    check_sha256(v, which, &report->claim.chunks, &artifact->chunks);
    check_merkle(v, which, report, &artifact->chunks, compare);
    if (compare && v->bad_ranges)
        mm_bad_ranges_write(compare, report->claim.path, v->bad_ranges);
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
static int read_bytes(struct mm_verification *v, size_t which, int fd, struct listed *listed,
                      struct mm_chunk_compare *compare)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    const struct mm_verify_supply *supply = v->options->supply;
    const struct mm_chunk_facts *known =
        v->options->known && !supply ? v->options->known(v->options->known_context, which, fd) : NULL;
    listed->usable = listed->usable && !known; /* no chunk of it is looked at */
    struct hearing hearing = {listed->usable ? compare : NULL, supply};
    struct mm_origin origin = {0};
    struct mm_buf text = {0};
    bool evidence = mm_verify_evidence_wanted(v, which);
    struct mm_artifact_options options = {
        .format = (int)claim->format,
        .chunk_size = claim->chunks.size,
        .whole = !v->options->quick,
        .means = v->means,
        .origin = supply ? &origin : NULL,
        .known = known,
        .each = hear,
        .each_context = &hearing,
        .keep = evidence ? &text : NULL,
        .keep_most = MM_EVIDENCE_MAX + 1, /* one more than may be is found to be too long */
        .progress = mm_tally_tell,
        .progress_context = &v->part,
    };
    if (supply &&
        supply->open(supply->context, which, claim, listed->usable ? &listed->list : NULL, &origin, v->diags) < 0)
        return -1;
    int result = mm_artifact_read(fd, claim->path, &options, &v->artifacts[which], v->diags);
    if (result == 0 && listed->usable)
        result = mm_chunk_compare_finish(compare, v->diags);
    if (supply)
        supply->close(supply->context, which, listed->usable ? compare : NULL, result == 0);
    if (result == 0 && evidence)
        mm_verify_evidence_read(v, which, &text);
    mm_buf_release(&text);
    return result;
}

static void read_artifact(struct mm_verification *v, size_t which, int fd)
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
        mm_verify_skip(v, which, "none: the file cannot be read");
    }
    mm_chunk_compare_release(&compare);
    mm_chunk_list_release(&listed.list);
}

void mm_verify_artifact(struct mm_verification *v, size_t which)
{
    const struct mm_claim *claim = &v->report->artifacts[which].claim;
    v->diags->file = claim->path;
    v->part.told = 0;
    int fd = v->options->supply ? -1 : mm_file_open_beneath(v->root, claim->path, v->options->links);
    if (v->options->supply) {
        read_artifact(v, which, -1);
    } else if (fd < 0) {
        not_opened(v, which, errno);
    } else {
        read_artifact(v, which, fd);
        close(fd);
    }
    mm_tally_tell(&v->part, claim->chunks.bytes, 0);
}
