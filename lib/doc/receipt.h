/* Receipts: what was verified, imported, removed or consented to on this machine, in a chain (receipts.md). A receipt holds the
 * lines of a report that passed, and for each artifact which file it was. */
#ifndef MM_DOC_RECEIPT_H
#define MM_DOC_RECEIPT_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "doc/report.h"

#define MM_RECEIPT_TYPE "minimodel-receipt"
#define MM_REPORT_TYPE "minimodel-report"
#define MM_RECEIPT_MAX 16777216

enum mm_action { MM_ACTION_VERIFIED, MM_ACTION_IMPORTED, MM_ACTION_REMOVED, MM_ACTION_CONSENTED, MM_ACTION_COUNT };
enum mm_medium {
    MM_MEDIUM_FILE,
    MM_MEDIUM_USB,
    MM_MEDIUM_CHUNKSET,
    MM_MEDIUM_PEER,
    MM_MEDIUM_IN_PLACE,
    MM_MEDIUM_COUNT
};

extern const char *const mm_action_names[MM_ACTION_COUNT];
extern const char *const mm_medium_names[MM_MEDIUM_COUNT];

/* Which file an artifact was when the receipt was written, so that a change of it shows without reading it. */
struct mm_fingerprint {
    bool known; /* otherwise the line says "none": the file was not looked at, or its times do not fit */
    uint64_t device, inode, size;
    int64_t mtime, ctime;    /* in nanoseconds since 1970 */
    struct mm_digest verity; /* fs-verity's SHA-256 digest, where the file system has one */
};

/* Takes the fingerprint of the open file FD; it stays unknown where a time is before 1970 or after 2262. Returns 0, or -1 with
 * IO_READ. */
int mm_fingerprint_take(struct mm_fingerprint *fingerprint, int fd, struct mm_diags *diags);

/* What fs-verity measured of the open file FD, in SHA-256. False where it measured nothing, which is no failure. */
typedef bool mm_verity_fn(int fd, struct mm_digest *verity);
mm_verity_fn mm_verity_measure;

/* The same, fs-verity's part being told by MEASURE. */
int mm_fingerprint_take_by(struct mm_fingerprint *fingerprint, int fd, mm_verity_fn *measure, struct mm_diags *diags);

/* True if both are known and the same file, unchanged. */
bool mm_fingerprint_same(const struct mm_fingerprint *a, const struct mm_fingerprint *b);

/* An artifact's lines in a report or receipt. */
struct mm_receipt_artifact {
    char path[256];
    uint64_t bytes;
    unsigned char sha256[MM_HASH_BYTES];
    size_t begin, end; /* of its lines, from `artifact:` to the last check, in `lines` */
    struct mm_fingerprint fingerprint;
};

struct mm_receipt {
    char created[MM_TIME_SIZE];
    enum mm_action action;
    char *host_label; /* NULL for none */
    enum mm_medium medium;
    char *detail; /* of the medium, NULL for none */
    bool transfer_consent, execution_consent;
    struct mm_digest previous; /* not known: none */

    struct mm_buf lines; /* the report's, from `tool:` to the last check, fingerprints left out */
    size_t head_end;     /* in `lines`: where the first artifact begins */
    unsigned char manifest_sha256[MM_HASH_BYTES];
    char model_id[160], version[72];
    uint64_t revision;
    char signature[40];      /* the outcome's word */
    char key_id[17];         /* "" for none */
    enum mm_verdict verdict; /* recomputed from the checks */
    struct mm_receipt_artifact *artifacts;
    size_t artifact_count, artifact_capacity;
};

void mm_receipt_release(struct mm_receipt *receipt);

/* Reads a report's TEXT into the part of RECEIPT that is a report's: strict lines, every check in its order, a verdict that follows
 * from them. What is not so is a finding (text rules, RECEIPT_REPORT, RECEIPT_VERDICT where the stated verdict is not the
 * computed one). Returns 0, or -1; release RECEIPT in every case. */
int mm_receipt_read_report(struct mm_receipt *receipt, const char *text, size_t length, struct mm_diags *diags);

/* Takes the fingerprints of all artifacts, beneath the open folder ROOT. Returns 0, or -1 with a finding where one is not there
 * (VERIFY_ABSENT), has not the size that the report states (VERIFY_BYTES), or cannot be opened. */
int mm_receipt_take_fingerprints(struct mm_receipt *receipt, int root, struct mm_diags *diags);

/* Reads a whole receipt, fingerprints included; execution-consent is `yes` exactly in a `consented` one. */
int mm_receipt_read(struct mm_receipt *receipt, const char *text, size_t length, struct mm_diags *diags);

/* Appends the receipt as text, verdict `pass` included. */
void mm_receipt_write(const struct mm_receipt *receipt, struct mm_buf *out);

#endif
