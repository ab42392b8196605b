/* A folder, or a single file, against a model-signing bundle, and into one (docs/formats/oms.md). */
#ifndef MM_ACT_OMS_H
#define MM_ACT_OMS_H

#include "base/file.h"
#include "base/source.h"
#include "trust/oms_statement.h"

/* How one file came off. */
enum mm_oms_result {
    MM_OMS_PASS,
    MM_OMS_DIFFERS,    /* it has other bytes, or is no regular file */
    MM_OMS_ABSENT,     /* the statement names it, and it is not there */
    MM_OMS_UNREADABLE, /* it could not be found out */
    MM_OMS_SURPLUS,    /* it is there, and the statement does not name it */
    MM_OMS_RESULT_COUNT
};
extern const char *const mm_oms_result_words[MM_OMS_RESULT_COUNT];

typedef void mm_oms_result_fn(void *context, const char *name, enum mm_oms_result result);

struct mm_oms_options {
    enum mm_links links;    /* where links may lead, if the statement allows any */
    bool ignore_surplus;    /* files that the statement does not name are no failure */
    int bundle;             /* the open bundle, or what becomes one; no part of the model. -1: none */
    const char *only;       /* the model is this one file of the folder, or NULL */
    mm_oms_result_fn *each; /* told of every file; may be NULL */
    void *each_context;
    mm_progress_fn *progress;
    void *progress_context;
};

/* How many files were passed over, because the statement or the format leaves them out. */
struct mm_oms_counts {
    uint64_t files, ignored;
};

/* Are the files beneath the open folder ROOT those that STATEMENT names? Returns 0 if so, or -1 with findings: OMS_FILE, OMS_SURPLUS, and what
 * could not be found out. */
int mm_oms_check(const struct mm_oms_statement *statement, int root, const struct mm_oms_options *options,
                 struct mm_oms_counts *counts, struct mm_diags *diags);

/* Hashes the files beneath ROOT, but for those that STATEMENT ignores already, into STATEMENT and finishes it. Symbolic links and
 * names that cannot stand in a statement are refused. Returns 0, or -1 with OMS_FILE, IO rules. */
int mm_oms_collect(struct mm_oms_statement *statement, int root, const struct mm_oms_options *options,
                   struct mm_diags *diags);

#endif
