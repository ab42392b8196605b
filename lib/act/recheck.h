/* A quick recheck of a model in the store: its files are looked at, not read. What is found out is that they are, or are not, the files
 * that a receipt described (docs/formats/report.md, The recheck). */
#ifndef MM_ACT_RECHECK_H
#define MM_ACT_RECHECK_H

#include "act/held.h"
#include "act/verify.h"

/* What a look at a file tells. */
enum mm_look {
    MM_LOOK_SAME,    /* device, inode, size and times are what a receipt recorded */
    MM_LOOK_SEALED,  /* fs-verity vouches for the bytes that it measured when the receipt was written */
    MM_LOOK_TOUCHED, /* something of it differs: the bytes may be others or not */
    MM_LOOK_UNKNOWN, /* it could not be looked at, or the receipt recorded nothing to compare with */
    MM_LOOK_CHANGED, /* its size differs, so its bytes do */
    MM_LOOK_ABSENT,  /* there is no such file */
    MM_LOOK_COUNT
};
extern const char *const mm_look_names[MM_LOOK_COUNT];

struct mm_looked {
    struct mm_fingerprint now;
    enum mm_look look;
    struct mm_buf detail; /* "" for nothing to add */
};

struct mm_recheck {
    struct mm_report report;                              /* what was decided of the manifest; no artifact's checks */
    char receipt[MM_RECEIPT_PATH], created[MM_TIME_SIZE]; /* of the newest import */
    struct mm_looked *files;                              /* in the manifest's order */
};

struct mm_recheck_options {
    bool require_signature;
    mm_verity_fn *measure; /* NULL: the kernel's */
};

/* Looks at the artifacts of HELD, which mm_held_open opened beneath HOME, and compares them with what receipts recorded: that of the
 * model's import first, then any other of this manifest or, as models share files, of an import of the same bytes. What is
 * not as it was is a finding: VERIFY_ABSENT, VERIFY_BYTES, RECEIPT_TOUCHED, IO_OPEN. Returns 0 if RECHECK can be printed, or -1 with a
 * finding. Release it in every case. */
int mm_recheck(const struct mm_held *held, int home, const struct mm_recheck_options *options,
               struct mm_recheck *recheck, struct mm_diags *diags);
void mm_recheck_release(struct mm_recheck *recheck);

/* Append it as text and as one JSON object. ANSWER is that of all findings. */
void mm_recheck_write(const struct mm_recheck *recheck, enum mm_answer answer, struct mm_buf *out);
void mm_recheck_write_json(const struct mm_recheck *recheck, enum mm_answer answer, struct mm_buf *out);

#endif
