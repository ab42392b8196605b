/* What differs between two models, and whether one follows from the other by conversion or rounding alone. */
#ifndef MM_ACT_DIFF_H
#define MM_ACT_DIFF_H

#include "base/buf.h"
#include "base/source.h"
#include "doc/derived.h"

enum mm_diff_what {
    MM_DIFF_FILE,
    MM_DIFF_KEY,
    MM_DIFF_FACT,
    MM_DIFF_TOKENIZER,
    MM_DIFF_TEMPLATE,
    MM_DIFF_TENSOR,
    MM_DIFF_WHAT_COUNT
};
enum mm_diff_how {
    MM_DIFF_MISSING, /* A has it, B not */
    MM_DIFF_ADDED,
    MM_DIFF_CHANGED,
    MM_DIFF_RESHAPED,    /* a tensor of other dimensions */
    MM_DIFF_REQUANTISED, /* a tensor of the same dimensions and another dtype */
    MM_DIFF_EXACT,       /* of mm_derive: a tensor's values are those of the source */
    MM_DIFF_ROUNDED,     /* its bytes are those values, rounded */
    MM_DIFF_DIFFERS,     /* neither */
    MM_DIFF_LEFT_OUT,    /* A has it and B not, as was asked for */
    MM_DIFF_HOW_COUNT
};
extern const char *const mm_diff_what_names[MM_DIFF_WHAT_COUNT];
extern const char *const mm_diff_how_names[MM_DIFF_HOW_COUNT];

/* One difference. Texts are bytes of files: whoever shows them escapes them. Values are cut. */
struct mm_difference {
    enum mm_diff_what what;
    const char *name;
    enum mm_diff_how how;
    const struct mm_buf *a, *b; /* NULL where there is none */
};

/* Takes the next difference. Returns 0, or -1 with a finding, which ends the comparison. */
typedef int mm_difference_fn(void *context, const struct mm_difference *difference);

struct mm_diff_options {
    const char *tokenizer;   /* a file that lends its tokenizer to a model that comes without one, or NULL */
    const char *const *drop; /* keys that may be left out where a model is told in .slm's terms */
    size_t drop_count;
    mm_difference_fn *each;
    void *context;
    mm_progress_fn *progress; /* may be NULL */
    void *progress_context;
};

/* Compares the models A and B, files or folders: as they are stored where both have the same format, else in the terms of .slm.
 * *DIFFER says whether anything was found. Returns 0, or -1 with findings (DIFF_TERMS: what .slm does not tell). */
int mm_diff(const char *a, const char *b, const struct mm_diff_options *options, bool *differ, struct mm_diags *diags);

/* Finds out for each tensor of B whether it follows from A's, and whether facts, tokenizer and chat templates are the same,
 * but for what a conversion may change. Files of equal bytes are not looked at further. Everything that does not follow is an error DIFF_DERIVED; DERIVED is complete all the same. EACH gets
 * every tensor, and what else differs or was left out. Returns 0, or -1 with findings where the question has no answer; release DERIVED in
 * every case. */
int mm_derive(const char *a, const char *b, const struct mm_diff_options *options, struct mm_derived *derived,
              struct mm_diags *diags);

/* Whether the evidence CLAIMED, which was read, is what a new run of mm_derive FOUND, whatever the versions of the programs.
 * Returns 0, or -1 with DIFF_EVIDENCE at the first line that is not. */
int mm_derived_check(const struct mm_derived *claimed, const struct mm_derived *found, struct mm_diags *diags);

#endif
