/* receipts.log: which receipts a store has, in the order in which they were written (docs/formats/receipt.md). It is read as a
 * stream, one line in memory. */
#ifndef MM_DOC_RECEIPT_LOG_H
#define MM_DOC_RECEIPT_LOG_H

#include "base/buf.h"
#include "base/source.h"
#include "doc/receipt.h"
#include "text/line.h"

#define MM_RECEIPT_LOG_TYPE "minimodel-receipts"

/* PUBLISHER/NAME/YYYYMMDDTHHMMSSZ-HASH.receipt */
#define MM_RECEIPT_NAME 200

enum mm_log_kind { MM_LOG_RECEIPT, MM_LOG_NEW_CHAIN };

struct mm_log_line {
    enum mm_log_kind kind;
    uint64_t number;            /* in the file, from 1 */
    bool sound;                 /* otherwise what is wrong is a finding, and only `number` and `hash` mean something */
    struct mm_digest hash;      /* of the receipt; of a new chain the old head, not known for none */
    char name[MM_RECEIPT_NAME]; /* of the receipt, beneath the folder of receipts */
    char reason[MM_VALUE_MAX + 1];
};

struct mm_receipt_log {
    struct mm_source source;
    uint64_t number; /* of lines read */
    uint64_t whole;  /* bytes up to the last LF that was read */
    bool torn;       /* the file ends in bytes without LF; they are no line, and lie in `line` */
    bool restarts;   /* only lines that begin a new chain are judged, the others are unsound without a finding */
    bool overlong;   /* of the line that is being read */
    char line[MM_KEY_MAX + 2 + MM_VALUE_MAX + 1];
    size_t length; /* of `line` */
};

/* Begins to read the log FD, from its start. Returns 0, or -1 with a finding. Close LOG in every case. */
int mm_receipt_log_open(struct mm_receipt_log *log, int fd, struct mm_diags *diags);

/* The next line behind the first, which is checked too. Returns false at the end. */
bool mm_receipt_log_next(struct mm_receipt_log *log, struct mm_log_line *line, struct mm_diags *diags);

/* Returns 0, or -1 with IO_READ or IO_CHANGED where not all was read. */
int mm_receipt_log_close(struct mm_receipt_log *log, struct mm_diags *diags);

/* True if what stands behind the last LF can be the beginning of a line whose writing was interrupted. */
bool mm_receipt_log_mendable(const struct mm_receipt_log *log);

/* Append a line to OUT. */
void mm_receipt_log_write(struct mm_buf *out, const unsigned char sha256[static MM_HASH_BYTES], const char *name);
void mm_receipt_log_write_new_chain(struct mm_buf *out, const struct mm_digest *old_head, const char *reason);

/* The name of a receipt of MODEL_ID, created at CREATED, whose text has the hash SHA256. */
void mm_receipt_name(char name[static MM_RECEIPT_NAME], const char *model_id, const char *created,
                     const unsigned char sha256[static MM_HASH_BYTES]);

/* The time in a name of that form. */
void mm_receipt_name_time(char out[static MM_TIME_SIZE], const char *name);

/* True if NAME has the form of such a name, which neither leads upwards nor to a hidden file. */
bool mm_receipt_name_valid(const char *name, size_t length);

#endif
