/* Evidence of what a model answers: prompts, the tokens that follow greedily, and the largest logits (docs/formats/evidence.md). */
#ifndef MM_DOC_EVIDENCE_H
#define MM_DOC_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/number.h"

#define MM_EVIDENCE_TYPE "minimodel-evidence"
#define MM_EVIDENCE_MAX 16777216      /* bytes of one document */
#define MM_EVIDENCE_VALUE_MAX 1048576 /* bytes of one value */
#define MM_EVIDENCE_CASES 1024        /* of one document */
#define MM_EVIDENCE_NAME 64           /* bytes of a case's name */
#define MM_EVIDENCE_ENGINE 64         /* bytes of the engine's name and version */
#define MM_EVIDENCE_DEVICE 200        /* bytes of the device's kind and description */
#define MM_EVIDENCE_MODEL_ID 160      /* bytes of a model-id, and more */
#define MM_EVIDENCE_TOP 5             /* logits of one step */

enum mm_evidence_verdict {
    MM_EVIDENCE_PASS,
    MM_EVIDENCE_FAIL,
    MM_EVIDENCE_RECORDED, /* nothing was expected */
    MM_EVIDENCE_VERDICTS
};
extern const char *const mm_evidence_verdict_names[MM_EVIDENCE_VERDICTS];

/* Indices of pieces. */
struct mm_evidence_tokens {
    uint32_t *ids;
    size_t count, capacity;
};

/* The largest logits from which the token STEP of those that were generated is chosen, the largest first. */
struct mm_evidence_top {
    uint32_t step;
    unsigned count; /* 1 to MM_EVIDENCE_TOP */
    uint32_t ids[MM_EVIDENCE_TOP];
    float values[MM_EVIDENCE_TOP]; /* finite */
};

/* A prompt and what follows it. A zeroed one is empty. */
struct mm_evidence_case {
    char name[MM_EVIDENCE_NAME + 1];
    struct mm_buf prompt, text; /* bytes; in the document what is not UTF-8 is U+FFFD */
    struct mm_evidence_tokens prompt_tokens, tokens;
    struct mm_evidence_top *tops; /* by step */
    size_t top_count, top_capacity;
};

/* A zeroed document is empty. */
struct mm_evidence {
    char model_id[MM_EVIDENCE_MODEL_ID + 1];
    unsigned char artifact_sha256[MM_HASH_BYTES];
    char engine[MM_EVIDENCE_ENGINE + 1]; /* "infer-check VERSION" */
    char device[MM_EVIDENCE_DEVICE + 1]; /* "cpu DESCRIPTION" */
    struct mm_evidence_case *cases;
    size_t case_count, case_capacity;
    enum mm_evidence_verdict verdict;
};

void mm_evidence_release(struct mm_evidence *evidence);
void mm_evidence_case_release(struct mm_evidence_case *one);

/* Each adds one thing behind those that are there. mm_evidence_add_case returns the new case, which is empty but for NAME and moves
 * when another is added; NULL with IO_MEMORY, or with IO_LIMIT where there are as many as a document may have. The others return 0, or -1
 * with IO_MEMORY. */
struct mm_evidence_case *mm_evidence_add_case(struct mm_evidence *evidence, const char *name, size_t length,
                                              struct mm_diags *diags);
int mm_evidence_add_token(struct mm_evidence_tokens *tokens, uint32_t id, struct mm_diags *diags);
int mm_evidence_add_top(struct mm_evidence_case *one, const struct mm_evidence_top *top, struct mm_diags *diags);

/* True if NAME may be a case's: 1 to MM_EVIDENCE_NAME of a-z, 0-9, '.', '_' and '-', the first a letter or digit. */
bool mm_evidence_name_sound(const char *name, size_t length);

/* Appends the document, in its one spelling. */
void mm_evidence_write(const struct mm_evidence *evidence, struct mm_buf *out);

/* Reads TEXT. What is not as the page has it is a finding (text rules, VALUE_HASH, EVIDENCE_FORM). Returns 0, or -1; release EVIDENCE in
 * every case. */
int mm_evidence_read(struct mm_evidence *evidence, const char *text, size_t length, struct mm_diags *diags);

#endif
