/* What a witness of a catalog has seen: the head that he signed last, and the log of heads that ends with it (docs/formats/catalog.md). */
#ifndef MM_DOC_CATALOG_WITNESS_H
#define MM_DOC_CATALOG_WITNESS_H

#include "doc/catalog_head.h"
#include "hash/sha256.h"

#define MM_WITNESS_TYPE "minimodel-witness"
#define MM_WITNESS_MAX 16384

struct mm_witness {
    char catalog_id[MM_CATALOG_NAME_MAX + 1], publisher_id[MM_CATALOG_NAME_MAX + 1];
    uint64_t sequence;
    unsigned char head_sha256[MM_HASH_BYTES], log_root[MM_HASH_BYTES];
};

/* Appends the document. */
void mm_witness_write(const struct mm_witness *witness, struct mm_buf *out);

/* Reads TEXT. Returns 0, or -1 with CATALOG_WITNESS, VALUE_NUMBER, VALUE_HASH or text rules. */
int mm_witness_read(struct mm_witness *witness, const char *text, size_t length, struct mm_diags *diags);

#endif
