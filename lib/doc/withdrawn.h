/* A line of withdrawn.jsonl: a model that was taken back, and why (docs/formats/catalog.md). */
#ifndef MM_DOC_WITHDRAWN_H
#define MM_DOC_WITHDRAWN_H

#include "base/clock.h"
#include "doc/catalog_entry.h"
#include "text/line.h"

#define MM_WITHDRAWN_LINE_MAX 8192

struct mm_withdrawal {
    char model_id[MM_MODEL_ID_MAX + 1];
    uint64_t revision;                            /* 0 for all that there were and will be */
    unsigned char manifest_sha256[MM_HASH_BYTES]; /* of a single revision */
    char notice_route[MM_VALUE_MAX + 1];          /* "" for none */
    char reason[MM_VALUE_MAX + 1];
    char time[MM_TIME_SIZE];
};

void mm_withdrawal_write(const struct mm_withdrawal *withdrawal, struct mm_buf *out);

/* Reads LINE, number NUMBER of its file. Returns 0, or -1 with CATALOG_ENTRY or VALUE_BOUNDARY. */
int mm_withdrawal_read(struct mm_withdrawal *withdrawal, const char *line, size_t length, uint64_t number,
                       struct mm_diags *diags);

/* Reads MODEL-ID and behind SEPARATOR a revision from 1, or `*` for revision 0. True if TEXT is that and no more. */
bool mm_withdrawn_name(const char *text, size_t length, char separator, char model_id[static MM_MODEL_ID_MAX + 1],
                       uint64_t *revision);

/* True if ROUTE may be a notice's: an https URL that does not lead to weights. */
bool mm_withdrawn_notice_valid(const char *route);

#endif
