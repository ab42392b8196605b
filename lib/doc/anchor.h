/* Anchors: the head of a chain of receipts, to be signed and kept elsewhere (docs/formats/receipt.md). */
#ifndef MM_DOC_ANCHOR_H
#define MM_DOC_ANCHOR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/number.h"
#include "text/line.h"

#define MM_ANCHOR_TYPE "minimodel-anchor"
#define MM_ANCHOR_MAX 4096 /* bytes of one document */

struct mm_anchor {
    char created[MM_TIME_SIZE];
    char host_label[MM_VALUE_MAX + 1]; /* "" for none */
    uint64_t receipts;                 /* of the present chain when it was written, 1 at least */
    unsigned char head[MM_HASH_BYTES];
};

/* Reads an anchor's TEXT. Returns 0, or -1 with text rules or RECEIPT_ANCHOR. */
int mm_anchor_read(struct mm_anchor *anchor, const char *text, size_t length, struct mm_diags *diags);

/* Appends the document. */
void mm_anchor_write(const struct mm_anchor *anchor, struct mm_buf *out);

#endif
