/* The verification report (receipts.md): what was checked, with what result. */
#ifndef MM_DOC_REPORT_H
#define MM_DOC_REPORT_H

#include "base/buf.h"
#include "doc/manifest.h"

enum mm_result { MM_RESULT_SKIP, MM_RESULT_PASS, MM_RESULT_FAIL, MM_RESULT_COUNT };

/* Checks of the manifest as a whole, and of each artifact, in the report's order. */
enum mm_check {
    MM_CHECK_MANIFEST,
    MM_CHECK_SIGNATURE,
    MM_CHECK_EXPIRY,
    MM_CHECK_POLICY,
    MM_CHECK_SET,
    MM_CHECK_BYTES,
    MM_CHECK_SHA256,
    MM_CHECK_MERKLE,
    MM_CHECK_CHUNK_LIST,
    MM_CHECK_FORMAT,
    MM_CHECK_TENSOR_LAYOUT,
    MM_CHECK_TOKENIZER,
    MM_CHECK_CHAT_TEMPLATE,
    MM_CHECK_FACTS,
    MM_CHECK_COUNT,
    MM_CHECK_FIRST_OF_ARTIFACT = MM_CHECK_BYTES,
};

/* What a manifest's signature is worth (signatures.md, Verification outcome). */
enum mm_signed {
    MM_SIGNED_VERIFIED,
    MM_SIGNED_UNSIGNED,
    MM_SIGNED_MISSING,
    MM_SIGNED_UNKNOWN_KEY,
    MM_SIGNED_WRONG_KEY,
    MM_SIGNED_REVOKED_KEY,
    MM_SIGNED_BAD,
    MM_SIGNED_WRONG_COMMENT,
    MM_SIGNED_COUNT
};

struct mm_outcome {
    enum mm_result result;
    bool lost;    /* memory was exhausted for the detail: the report cannot be written */
    char *detail; /* NULL for none; a skip's begins with quick, only, none or unsupported */
};

struct mm_artifact_report {
    struct mm_claim claim;
    struct mm_outcome checks[MM_CHECK_COUNT]; /* from MM_CHECK_FIRST_OF_ARTIFACT */
};

enum mm_verdict { MM_VERDICT_PASS, MM_VERDICT_PARTIAL, MM_VERDICT_FAIL, MM_VERDICT_COUNT };

/* The words of a report. */
extern const char *const mm_check_names[MM_CHECK_COUNT];
extern const char *const mm_result_names[MM_RESULT_COUNT];
extern const char *const mm_verdict_names[MM_VERDICT_COUNT];
extern const char *const mm_signed_words[MM_SIGNED_COUNT];

struct mm_report {
    const struct mm_manifest *manifest; /* borrowed */
    enum mm_signed signature;
    char key_id[17]; /* "" for none, which is so for unsigned alone */
    struct mm_outcome checks[MM_CHECK_FIRST_OF_ARTIFACT];
    struct mm_outcome
        *policies; /* of each rule of each policy; MM_CHECK_POLICY is the worst of them, if there are any */
    size_t policy_count, policy_capacity;
    struct mm_artifact_report *artifacts;
    size_t count;
};

/* Starts a report on a valid MANIFEST with every check skipped. Returns 0, or -1 with IO_MEMORY. */
int mm_report_init(struct mm_report *report, const struct mm_manifest *manifest, struct mm_diags *diags);
void mm_report_release(struct mm_report *report);

/* Sets an outcome; a failed check stays failed. Returns OUTCOME's success: 0 unless RESULT is fail, then -1. */
int mm_outcome_set(struct mm_outcome *outcome, enum mm_result result, const char *format, ...) MM_PRINTF(3);

/* Adds the line of one more rule of a policy: DETAIL begins with its key, a skip's with `none`. The check MM_CHECK_POLICY becomes the
 * worst of all of them. Returns 0, or -1 with IO_MEMORY. */
int mm_report_add_policy(struct mm_report *report, enum mm_result result, const char *detail, struct mm_diags *diags);

/* True unless a detail was lost: then neither the report nor its verdict can be given out. */
bool mm_report_is_whole(const struct mm_report *report);

/* The best verdict that a report with this check can have (receipts.md: "pass: no fail; ..."); its verdict is the worst
 * of those of all its checks. DETAIL may be NULL. */
enum mm_verdict mm_check_allows(enum mm_check check, enum mm_result result, const char *detail);

/* True if the check of the signature can be `pass` with this outcome, whose key, if it has one, is named beside it. */
bool mm_signed_may_pass(enum mm_signed outcome);

/* That verdict. */
enum mm_verdict mm_report_verdict(const struct mm_report *report);

/* True if a partial verdict is partial for nothing but checks that were left out on request (skips `only`). */
bool mm_report_only_partial(const struct mm_report *report);

/* Append what the report says of the manifest alone, from `manifest-sha256:` to the last policy: its lines, and members of a JSON
 * object with a comma before each. */
void mm_report_write_head(const struct mm_report *report, struct mm_buf *out);
void mm_report_write_json_head(const struct mm_report *report, struct mm_buf *out);

/* Append the report as text, and as one JSON object. */
void mm_report_write(const struct mm_report *report, struct mm_buf *out);
void mm_report_write_json(const struct mm_report *report, struct mm_buf *out);

#endif
